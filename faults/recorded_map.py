"""`mmap.mmap` while recording: a mapping that writes past every call is refused."""

import mmap
from typing import Any

from tornwrite.faults import originals as real
from tornwrite.faults.recording import current, passing
from tornwrite.faults.recording_errors import UnknownStep


class _StandsFor(type):
    """While it stands in for `mmap.mmap`, a mapping made before is one as well."""

    def __instancecheck__(cls, instance: Any) -> bool:
        if cls is RecordedMap:
            return isinstance(instance, real.mmap)
        return super().__instancecheck__(instance)

    def __subclasscheck__(cls, subclass: type) -> bool:
        if cls is RecordedMap:
            return issubclass(subclass, real.mmap)
        return super().__subclasscheck__(subclass)


class RecordedMap(real.mmap, metaclass=_StandsFor):
    """Raises UnknownStep for a shared writable mapping of a recorded file."""

    def __new__(
        cls,
        fileno: int,
        length: int,
        flags: int = mmap.MAP_SHARED,
        prot: int = mmap.PROT_WRITE | mmap.PROT_READ,
        access: int = mmap.ACCESS_DEFAULT,
        **others: Any,
    ) -> "RecordedMap":
        recording = current.recording
        opened = None if recording is None else recording.open_files.get(fileno)
        if opened is not None:
            shared = flags & mmap.MAP_SHARED and prot & mmap.PROT_WRITE
            if access == mmap.ACCESS_WRITE or (access == mmap.ACCESS_DEFAULT and shared):
                raise UnknownStep(
                    f"a writable shared mapping of {opened.path}: stores to memory cannot be "
                    "recorded; write to the file, or map it with ACCESS_READ or ACCESS_COPY"
                )
        new: Any = super().__new__
        mapped: RecordedMap = passing(new, cls, fileno, length, flags, prot, access, **others)
        return mapped
