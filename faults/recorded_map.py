"""`mmap.mmap` while recording: mappings that write past every call are looked at in between."""

import contextlib
import mmap
from typing import Any

from tornwrite.faults import originals as real
from tornwrite.faults.mapped_files import MappedFile
from tornwrite.faults.recording import current, passing
from tornwrite.faults.steps import Fsync, SetSize

_MS_SYNC = 4


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
    """A shared writable mapping of a recorded file is looked at before each step from here on.

    Its flush is a barrier on the bytes that it names, its resize a new size, its close may be the
    last of the open file.
    """

    _mapped: MappedFile | None = None

    def __new__(
        cls,
        fileno: int,
        length: int,
        flags: int = mmap.MAP_SHARED,
        prot: int = mmap.PROT_WRITE | mmap.PROT_READ,
        access: int = mmap.ACCESS_DEFAULT,
        offset: int = 0,
        **others: Any,
    ) -> "RecordedMap":
        recording = current.recording
        new: Any = super().__new__
        opened = None if recording is None else recording.open_files.get(fileno)
        shared = flags & mmap.MAP_SHARED and prot & mmap.PROT_WRITE
        stores = access == mmap.ACCESS_WRITE or (access == mmap.ACCESS_DEFAULT and shared)
        mapped: RecordedMap
        if recording is None or opened is None or not stores:
            mapped = passing(new, cls, fileno, length, flags, prot, access, offset, **others)
            return mapped
        with recording.boundary_lock:
            mapped = passing(new, cls, fileno, length, flags, prot, access, offset, **others)
            mapped._mapped = MappedFile(opened, fileno, offset, len(mapped))
            recording.mapped(mapped._mapped, opened)
        return mapped

    def flush(self, offset: int = 0, size: int | None = None, /, *others: Any, **named: Any) -> Any:
        recording, mapped = current.recording, self._mapped
        length = len(self) - offset if size is None else size
        if recording is None or mapped is None or _only_starts(others, named):
            return super().flush(offset, length, *others, **named)
        began = recording.done
        with recording.lock:
            first = mapped.start + offset
            during = recording.done - began
            step = Fsync(mapped.opened.handle, True, first, first + length, during)
            flush: Any = super().flush
            return recording.do(step, lambda: flush(offset, length, *others, **named))

    def resize(self, newsize: int, /) -> None:
        """As mmap has it: the file is given another size first."""
        recording, mapped = current.recording, self._mapped
        if recording is None or mapped is None:
            super().resize(newsize)
            return
        with recording.lock:
            resize = super().resize
            step = SetSize(mapped.opened.handle, mapped.start + newsize)
            recording.do(step, lambda: resize(newsize))
            mapped.resized(newsize)

    def close(self) -> None:
        recording, mapped = current.recording, self._mapped
        close = super().close
        if recording is None or mapped is None:
            close()
            return

        def closing() -> None:
            close()
            self._mapped = None

        with recording.lock:
            recording.unmap(mapped, closing)

    def __del__(self) -> None:
        if self._mapped is not None and current.recording is not None:
            with contextlib.suppress(BufferError):
                self.close()


def _only_starts(others: tuple[Any, ...], named: dict[str, Any]) -> bool:
    """Whether a flush waits for nothing: MS_ASYNC, which 3.14 can ask for."""
    flags = named.get("flags", others[0] if others else 0)
    return bool(flags and not flags & _MS_SYNC)
