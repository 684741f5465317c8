"""`open()` and `io.FileIO` for recorded files.

Only the raw file is ours; the buffers and the text layer around it are the interpreter's own, so
each write arrives here with the boundaries it would have had.
"""

import abc
import io
import itertools
import os
import sys
import warnings
from collections.abc import Callable
from typing import Any, TypeAlias

from tornwrite.faults import originals as real
from tornwrite.faults.descriptor_calls import (
    DescriptorCalls,
    close_descriptor,
    write_at_position,
)
from tornwrite.faults.read_calls import check_read
from tornwrite.faults.recording import Recording, current, passing

Opener: TypeAlias = Callable[[str, int], int]

# All spellings that open() accepts ("U" is gone since 3.11); another one is left to it to refuse.
_MODES = frozenset(
    "".join(letters)
    for kind, rest in itertools.product("rwax", ("", "b", "t", "+", "b+", "t+"))
    for letters in itertools.permutations(kind + rest)
)
# What 3.14 reads and writes at once at most, unless the file system asks for more.
_LARGEST_BLOCK = 8 * 1024 * 1024

_descriptors = DescriptorCalls()


class _StandsFor(abc.ABCMeta):
    """While it stands in for `io.FileIO`, an ordinary raw file is one as well."""

    def __instancecheck__(cls, instance: Any) -> bool:
        if cls is RecordedFileIO:
            return isinstance(instance, real.FileIO)
        return super().__instancecheck__(instance)

    def __subclasscheck__(cls, subclass: type) -> bool:
        if cls is RecordedFileIO:
            return issubclass(subclass, real.FileIO)
        return super().__subclasscheck__(subclass)


class RecordedFileIO(real.FileIO, metaclass=_StandsFor):
    """A raw file whose open, write, truncate and close are steps if it lies below the root."""

    def __init__(
        self,
        file: Any,
        mode: Any = "r",
        closefd: bool = True,
        opener: Opener | None = None,
    ) -> None:
        reads_only = isinstance(mode, str) and "r" in mode and "+" not in mode
        recording = current.recording
        if recording is None or isinstance(file, int) or (opener is None and reads_only):
            if recording is not None and recording.read_errors is not None:
                recording.read_errors.opening(file, os.O_RDONLY)
            super().__init__(file, mode, closefd, opener)
        else:
            passing(super().__init__, file, mode, closefd, _recorded(opener))

    def read(self, size: int | None = -1, /) -> Any:
        check_read(self.fileno())
        return super().read(size)

    def readall(self) -> Any:
        check_read(self.fileno())
        return super().readall()

    def readinto(self, buffer: Any, /) -> int | None:
        check_read(self.fileno())
        return super().readinto(buffer)

    def write(self, data: Any, /) -> int:
        recording = _of(self)
        if recording is None or not self.writable():
            return super().write(data)
        return write_at_position(
            recording,
            self.fileno(),
            data,
            lambda part: real.FileIO.write(self, data if part is None else part),
        )

    def truncate(self, size: int | None = None, /) -> int:
        recording = _of(self)
        if recording is None or not self.writable() or not isinstance(size, int | None):
            return super().truncate(size)
        size = self.tell() if size is None else size
        _descriptors.ftruncate(self.fileno(), size)
        return size

    def close(self) -> None:
        recording = _of(self) if not self.closed and self.closefd else None
        if recording is None:
            super().close()
        else:
            close_descriptor(recording, self.fileno(), lambda: real.FileIO.close(self))


class FileCalls:
    """`open`, as a method for the reason given in `descriptor_calls`."""

    def open(
        self,
        file: Any,
        mode: Any = "r",
        buffering: Any = -1,
        encoding: Any = None,
        errors: Any = None,
        newline: Any = None,
        closefd: bool = True,
        opener: Opener | None = None,
    ) -> Any:
        if current.recording is None:
            return real.io_open(file, mode, buffering, encoding, errors, newline, closefd, opener)
        text = isinstance(mode, str) and "b" not in mode
        # Both warnings must point at the caller's line, and the original would see this one.
        if text and encoding is None and sys.flags.warn_default_encoding:
            encoding = io.text_encoding(encoding, 2)
        if buffering == 1 and not text:
            warnings.warn(
                "line buffering (buffering=1) isn't supported in binary mode, the default buffer "
                "size will be used",
                RuntimeWarning,
                stacklevel=2,
            )
            buffering = -1
        # Arguments that open() refuses are left to it, so that the words are its own.
        good = (
            mode in _MODES
            and isinstance(buffering, int)
            and all(isinstance(word, str | None) for word in (encoding, errors, newline))
            and (text or encoding is errors is newline is None)
        )
        if not good or not _concerns(current.recording, file, mode, opener):
            current.recording.reads(file)
            opened = passing(
                real.io_open, file, mode, buffering, encoding, errors, newline, closefd, opener
            )
            if current.recording.open_files:
                _check_reuse(current.recording, file, opened)
            return opened
        return _open(file, mode, buffering, encoding, errors, newline, closefd, opener)


def _open(
    file: Any,
    mode: str,
    buffering: int,
    encoding: str | None,
    errors: str | None,
    newline: str | None,
    closefd: bool,
    opener: Opener | None,
) -> Any:
    """What `_io.open` does, step for step, around a RecordedFileIO."""
    binary = "b" in mode
    result: Any
    name = file if isinstance(file, int) else os.fspath(file)
    result = raw = RecordedFileIO(name, mode.replace("b", "").replace("t", ""), closefd, opener)
    try:
        line_buffering = buffering == 1 or (buffering < 0 and raw.isatty())
        if buffering < 0 or line_buffering:
            buffering = _block(raw)
        if buffering == 0:
            if not binary:
                raise ValueError("can't have unbuffered text I/O")
            return raw
        if "+" in mode:
            result = io.BufferedRandom(raw, buffering)
        elif "r" in mode:
            result = io.BufferedReader(raw, buffering)
        else:
            result = io.BufferedWriter(raw, buffering)
        if binary:
            return result
        result = io.TextIOWrapper(result, encoding, errors, newline, line_buffering)
        result.mode = mode
        return result
    except BaseException:
        result.close()
        raise


def _block(raw: Any) -> int:
    size = int(raw._blksize)
    if sys.version_info >= (3, 14):
        return max(min(size, _LARGEST_BLOCK), io.DEFAULT_BUFFER_SIZE)
    return size


def _of(file: real.FileIO) -> Recording | None:
    """The recording that knows this file's descriptor. ValueError if it is closed, as in io."""
    recording = current.recording
    if recording is None or file.fileno() not in recording.open_files:
        return None
    return recording


def _concerns(recording: Recording, file: Any, mode: str, opener: Opener | None) -> bool:
    if recording.read_errors is not None and recording.read_errors.concerns(file):
        return True
    if isinstance(file, int):
        return file in recording.open_files
    if opener is not None:
        # Whatever it opens comes back as a descriptor, recorded or not.
        return isinstance(file, str | bytes | os.PathLike)
    if "r" in mode and "+" not in mode:
        return False
    with recording.lock:
        if recording.places.file(file) is not None:
            return True
        recording.places.check_kept_in("open", file, follow=True)
        return False


def _check_reuse(recording: Recording, file: Any, opened: Any) -> None:
    if not isinstance(file, int) and (descriptor := opened.fileno()) in recording.open_files:
        recording.reused(descriptor)


def _recorded(opener: Opener | None) -> Opener:
    def opening(path: str, flags: int) -> int:
        if opener is None:
            # The mode that open() gives; os.open on its own would ask for 0o777.
            return _descriptors.open(path, flags, 0o666)
        thread = current.thread
        before, thread.interposed = thread.interposed, False
        try:
            return opener(path, flags)
        finally:
            thread.interposed = before

    return opening
