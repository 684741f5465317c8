"""The interposed calls of `os` that work on descriptors: open, write, truncate, sync, dup, close.

They are methods of one object because a bound method behaves like a builtin where a class keeps it
as an attribute; a plain function would turn into a method there.
"""

import fcntl
import os
import stat
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from tornwrite.faults import originals as real
from tornwrite.faults.copy_calls import copy
from tornwrite.faults.recording import OpenFile, Recording, current, passing
from tornwrite.faults.recording_errors import UnknownStep
from tornwrite.faults.steps import (
    Close,
    Fsync,
    Open,
    OpenUnnamed,
    SetSize,
    Step,
    SyncAll,
    Write,
)
from tornwrite.faults.turn_locks import lock_file

Path: TypeAlias = str | bytes | os.PathLike[str] | os.PathLike[bytes]

_CHANGES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_CLONES = {0x40049409: "FICLONE", 0x4020940D: "FICLONERANGE", 0xC0189436: "FIDEDUPERANGE"}


class DescriptorCalls:
    """Each method has the signature of its call and passes on what is not recorded."""

    def open(self, path: Path, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        recording = current.recording
        if recording is None:
            return real.open(path, flags, mode, dir_fd=dir_fd)
        if recording.read_errors is not None:
            recording.read_errors.opening(path, flags, dir_fd)
        if flags & _CHANGES and not flags & os.O_PATH:
            with recording.lock:
                place = _place(recording, path, flags, dir_fd)
                if place is not None:
                    return _open(recording, place, path, flags, mode, dir_fd)
                recording.places.check_kept_in("open", path, dir_fd, follow=True)
        else:
            recording.reads(path)
        descriptor = passing(real.open, path, flags, mode, dir_fd=dir_fd)
        if descriptor in recording.open_files:
            recording.reused(descriptor)
        return descriptor

    def close(self, fd: int) -> None:
        recording = current.recording
        if recording is None or fd not in recording.open_files:
            return real.close(fd)
        return close_descriptor(recording, fd, lambda: real.close(fd))

    def closerange(self, fd_low: int, fd_high: int, /) -> None:
        recording = current.recording
        if recording is not None:
            for descriptor in sorted(recording.open_files):
                if fd_low <= descriptor < fd_high:
                    self.close(descriptor)
        real.closerange(fd_low, fd_high)

    def dup(self, fd: int, /) -> int:
        return _duplicate(fd, lambda: real.dup(fd))

    def dup2(self, fd: int, fd2: int, inheritable: bool = True) -> int:
        recording = current.recording
        if recording is None or fd == fd2:
            return real.dup2(fd, fd2, inheritable)
        with recording.lock:
            if fd2 in recording.open_files:
                # dup2 closes the target: the same as closing it first, with no gap under the lock.
                os.fstat(fd)
                self.close(fd2)
            return _duplicate(fd, lambda: real.dup2(fd, fd2, inheritable))

    def fcntl(self, fd: Any, cmd: int, arg: Any = 0, /) -> Any:
        if current.recording is None or cmd not in (
            fcntl.F_DUPFD,
            fcntl.F_DUPFD_CLOEXEC,
            fcntl.F_SETFL,
        ):
            return lock_file(fd, cmd, arg)
        descriptor = _number(fd)
        if cmd != fcntl.F_SETFL:
            return _duplicate(descriptor, lambda: real.fcntl(descriptor, cmd, arg))
        with current.recording.lock:
            opened = current.recording.open_files.get(descriptor)
            if opened is not None and arg & os.O_DIRECT:
                raise UnknownStep(
                    f"fcntl sets O_DIRECT on {opened.path}: writes past the page cache are not "
                    "modelled"
                )
            result = real.fcntl(fd, cmd, arg)
            if opened is not None:
                opened.append = bool(arg & os.O_APPEND)
            return result

    def ioctl(self, fd: Any, request: int, *args: Any) -> Any:
        recording = current.recording
        if recording is not None and request & 0xFFFFFFFF in _CLONES:
            opened = recording.open_files.get(_number(fd))
            if opened is not None:
                raise UnknownStep(
                    f"ioctl {_CLONES[request & 0xFFFFFFFF]} on {opened.path}: sharing extents is "
                    "no step; copy the bytes"
                )
        return real.ioctl(fd, request, *args)

    def write(self, fd: int, data: Any, /) -> int:
        recording = current.recording
        if recording is None or fd not in recording.open_files:
            return real.write(fd, data)
        return write_at_position(
            recording, fd, data, lambda part: real.write(fd, data if part is None else part)
        )

    def writev(self, fd: int, buffers: Sequence[Any], /) -> int:
        recording = current.recording
        if recording is None or fd not in recording.open_files:
            return real.writev(fd, buffers)
        joined = _joined(buffers)
        return write_at_position(
            recording, fd, joined, lambda part: real.writev(fd, [joined if part is None else part])
        )

    def pwrite(self, fd: int, data: Any, offset: int, /) -> int:
        recording = current.recording
        if recording is None or fd not in recording.open_files:
            return real.pwrite(fd, data, offset)
        with recording.lock:
            opened = recording.open_files[fd]
            # Linux appends whatever the offset if the file was opened so: pwrite(2), BUGS.
            step = _write_step(opened, None if opened.append else offset, data)
            if not step.data:
                return real.pwrite(fd, data, offset)
            return recording.write(step, lambda count: real.pwrite(fd, step.data[:count], offset))

    def pwritev(self, fd: int, buffers: Sequence[Any], offset: int, flags: int = 0, /) -> int:
        recording = current.recording
        if recording is None or fd not in recording.open_files:
            return real.pwritev(fd, buffers, offset, flags)
        with recording.lock:
            opened = recording.open_files[fd]
            appends = opened.append or bool(flags & getattr(os, "RWF_APPEND", 0))
            syncs = opened.sync or bool(flags & (os.RWF_DSYNC | os.RWF_SYNC))
            data = _joined(buffers)
            if not data:
                return real.pwritev(fd, buffers, offset, flags)
            step = Write(opened.handle, None if appends else offset, data, syncs)
            return recording.write(
                step, lambda count: real.pwritev(fd, [data[:count]], offset, flags)
            )

    def truncate(self, path: int | Path, length: int) -> None:
        if current.recording is None:
            return real.truncate(path, length)
        if isinstance(path, int):
            return self.ftruncate(path, length)
        if current.recording.places.file(path) is None:
            if os.path.exists(path):
                current.recording.places.check_kept_in("truncate", path, follow=True)
            return passing(real.truncate, path, length)
        descriptor = self.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            return self.ftruncate(descriptor, length)
        finally:
            self.close(descriptor)

    def ftruncate(self, fd: int, length: int, /) -> None:
        recording = current.recording
        if recording is None or fd not in recording.open_files:
            return passing(real.ftruncate, fd, length)
        with recording.lock:
            step = SetSize(recording.open_files[fd].handle, length)
            return recording.do(step, lambda: real.ftruncate(fd, length))

    def posix_fallocate(self, fd: int, offset: int, length: int, /) -> None:
        recording = current.recording
        if recording is None or fd not in recording.open_files:
            return real.posix_fallocate(fd, offset, length)
        with recording.lock:
            if offset + length <= os.fstat(fd).st_size:
                return real.posix_fallocate(fd, offset, length)
            # Beyond the end it shows as a longer file of zeros; blocks are not modelled.
            step = SetSize(recording.open_files[fd].handle, offset + length)
            return recording.do(step, lambda: real.posix_fallocate(fd, offset, length))

    def fsync(self, fd: Any) -> None:
        _sync(fd, False, real.fsync)

    def fdatasync(self, fd: Any) -> None:
        _sync(fd, True, real.fdatasync)

    def sync(self) -> None:
        recording = current.recording
        if recording is None:
            return real.sync()
        began = recording.done
        with recording.lock:
            return recording.do(SyncAll(recording.done - began), real.sync)

    def sendfile(self, out_fd: int, in_fd: int, offset: int | None, count: int) -> int:
        recording = current.recording
        if recording is None or out_fd not in recording.open_files:
            return real.sendfile(out_fd, in_fd, offset, count)
        return copy(
            recording,
            "sendfile",
            (in_fd, offset),
            (out_fd, None),
            count,
            lambda part: real.sendfile(out_fd, in_fd, offset, part),
        )

    def copy_file_range(
        self,
        src: int,
        dst: int,
        count: int,
        offset_src: int | None = None,
        offset_dst: int | None = None,
    ) -> int:
        recording = current.recording
        if recording is None or dst not in recording.open_files:
            return real.copy_file_range(src, dst, count, offset_src, offset_dst)
        return copy(
            recording,
            "copy_file_range",
            (src, offset_src),
            (dst, offset_dst),
            count,
            lambda part: real.copy_file_range(src, dst, part, offset_src, offset_dst),
        )

    def splice(
        self,
        src: int,
        dst: int,
        count: int,
        offset_src: int | None = None,
        offset_dst: int | None = None,
        flags: int = 0,
    ) -> int:
        recording = current.recording
        if recording is not None and dst in recording.open_files:
            raise UnknownStep(
                f"splice into {recording.open_files[dst].path}: its bytes cannot be seen; use write"
            )
        return real.splice(src, dst, count, offset_src, offset_dst, flags)


def close_descriptor(recording: Recording, descriptor: int, perform: Callable[[], None]) -> None:
    """Close a recorded descriptor; the last one of an open file is a step."""
    with recording.lock:
        opened = recording.open_files.get(descriptor)
        if opened is None:
            # Another thread was faster; the kernel has the word for it.
            return perform()

        def closing() -> None:
            # Linux gives the descriptor up even where close(2) fails.
            del recording.open_files[descriptor]
            opened.descriptors -= 1
            perform()

        if opened.descriptors > 1:
            return closing()
        return recording.do(Close(opened.handle), closing)


def write_at_position(
    recording: Recording,
    descriptor: int,
    data: Any,
    perform: Callable[[bytes | memoryview | None], int],
) -> int:
    """A write(2) on a recorded descriptor.

    perform: really writes what it is given; None stands for `data` as the caller gave it.
    """
    with recording.lock:
        opened = recording.open_files.get(descriptor)
        if opened is None:
            return perform(None)
        try:
            step = _write_step(opened, None, data)
        except TypeError:
            return perform(None)
        if not step.data:
            return perform(None)
        if not opened.append:
            position = real.lseek(descriptor, 0, os.SEEK_CUR)
            step = Write(step.handle, position, step.data, step.sync)
        view = memoryview(step.data)
        return recording.write(step, lambda count: perform(view[:count]))


def _write_step(opened: OpenFile, offset: int | None, data: Any) -> Write:
    # A copy, and the copy is what gets written: another thread may change the caller's buffer.
    copied = data if type(data) is bytes else memoryview(data).tobytes()
    return Write(opened.handle, offset, copied, opened.sync)


def _joined(buffers: Sequence[Any]) -> bytes:
    return b"".join(memoryview(buffer).tobytes() for buffer in buffers)


def _place(recording: Recording, path: Path, flags: int, dir_fd: int | None) -> str | None:
    if flags & os.O_TMPFILE == os.O_TMPFILE:
        return recording.places.directory(path, dir_fd)
    if flags & os.O_NOFOLLOW or (flags & os.O_CREAT and flags & os.O_EXCL):
        return recording.places.entry(path, dir_fd)
    return recording.places.file(path, dir_fd)


def _open(
    recording: Recording, place: str, path: Path, flags: int, mode: int, dir_fd: int | None
) -> int:
    nameless = flags & os.O_TMPFILE == os.O_TMPFILE
    if flags & os.O_DIRECT:
        raise UnknownStep(f"O_DIRECT on {place}: writes past the page cache are not modelled")
    opened = OpenFile(
        handle=recording.next_handle,
        path=f"a file without a name in {place or '.'}" if nameless else place,
        append=bool(flags & os.O_APPEND),
        sync=bool(flags & (os.O_SYNC | os.O_DSYNC)),
    )

    def perform() -> int:
        descriptor = real.open(path, flags, mode, dir_fd=dir_fd)
        recording.opened(descriptor, opened)
        return descriptor

    def plausible() -> bool:
        try:
            found = os.lstat(os.path.join(recording.places.root, place))
        except OSError:
            return bool(flags & os.O_CREAT)
        if nameless:
            return stat.S_ISDIR(found.st_mode)
        return not (stat.S_ISDIR(found.st_mode) or (flags & os.O_CREAT and flags & os.O_EXCL))

    step: Step = Open(opened.handle, place, bool(flags & os.O_CREAT), bool(flags & os.O_TRUNC))
    if nameless:
        step = OpenUnnamed(opened.handle, place)
    return recording.do(step, perform, filename=path, plausible=plausible)


def _duplicate(descriptor: int, perform: Callable[[], int]) -> int:
    recording = current.recording
    if recording is None:
        return perform()
    with recording.lock:
        copy = perform()
        recording.reused(copy)
        opened = recording.open_files.get(descriptor)
        if opened is not None:
            opened.descriptors += 1
            recording.open_files[copy] = opened
        return copy


def _number(descriptor: Any) -> int:
    return descriptor if isinstance(descriptor, int) else int(descriptor.fileno())


def _sync(fd: Any, data_only: bool, call: Callable[[Any], None]) -> None:
    recording = current.recording
    if recording is None or not (isinstance(fd, int) or hasattr(fd, "fileno")):
        return call(fd)
    descriptor = _number(fd)
    began = recording.done
    with recording.lock:
        opened = recording.open_files.get(descriptor)
        target = opened.handle if opened else recording.places.of_descriptor(descriptor)
        if target is not None:
            step = Fsync(target, data_only, during=recording.done - began)
            return recording.do(step, lambda: call(descriptor))
    return call(descriptor)
