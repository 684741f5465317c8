"""The interposed calls of `os` that work on names: rename, link, unlink, mkdir, …

See `descriptor_calls` for why they are methods.
"""

import os
import re
from collections.abc import Callable
from typing import TypeAlias

from tornwrite.faults import originals as real
from tornwrite.faults.recording import OpenFile, Recording, current, passing
from tornwrite.faults.recording_errors import UnknownStep
from tornwrite.faults.steps import Link, Mkdir, Rename, Rmdir, Step, Symlink, Unlink

_DESCRIPTOR = re.compile(r"/proc/(self|thread-self|\d+)/fd/(\d+)")

Path: TypeAlias = str | bytes | os.PathLike[str] | os.PathLike[bytes]


class NameCalls:
    """Each method has the signature of its call and passes on what is not recorded."""

    def rename(
        self,
        src: Path,
        dst: Path,
        *,
        src_dir_fd: int | None = None,
        dst_dir_fd: int | None = None,
    ) -> None:
        _rename(
            "rename",
            (src, src_dir_fd),
            (dst, dst_dir_fd),
            lambda: real.rename(src, dst, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd),
        )

    def replace(
        self,
        src: Path,
        dst: Path,
        *,
        src_dir_fd: int | None = None,
        dst_dir_fd: int | None = None,
    ) -> None:
        _rename(
            "replace",
            (src, src_dir_fd),
            (dst, dst_dir_fd),
            lambda: real.replace(src, dst, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd),
        )

    def link(
        self,
        src: Path,
        dst: Path,
        *,
        src_dir_fd: int | None = None,
        dst_dir_fd: int | None = None,
        follow_symlinks: bool = True,
    ) -> None:
        def perform() -> None:
            real.link(
                src,
                dst,
                src_dir_fd=src_dir_fd,
                dst_dir_fd=dst_dir_fd,
                follow_symlinks=follow_symlinks,
            )

        recording = current.recording
        if recording is None:
            return perform()
        with recording.lock:
            opened = _opened(recording, src)
            place = recording.places.entry(dst, dst_dir_fd)
            if opened is not None and follow_symlinks and place:
                return recording.do(
                    Link(opened.handle, place),
                    perform,
                    filename=src,
                    plausible=lambda: not _exists(recording, place),
                )
            both = _both(recording, "link", (src, src_dir_fd), (dst, dst_dir_fd))
            if both is not None:
                source, target = both
                if os.path.islink(_full(recording, source)):
                    # Python versions differ on whether the link or its target is linked.
                    raise UnknownStep(f"link {source} -> {target}: the source is a symbolic link")
                return recording.do(
                    Link(source, target),
                    perform,
                    filename=src,
                    plausible=lambda: _exists(recording, source) and not _exists(recording, target),
                )
        return passing(perform)

    def symlink(
        self,
        src: Path,
        dst: Path,
        target_is_directory: bool = False,
        *,
        dir_fd: int | None = None,
    ) -> None:
        _one(
            (dst, dir_fd),
            lambda place: Symlink(place, os.fsdecode(src)),
            lambda: real.symlink(src, dst, target_is_directory, dir_fd=dir_fd),
            call="symlink",
            makes=True,
        )

    def unlink(self, path: Path, *, dir_fd: int | None = None) -> None:
        _one(
            (path, dir_fd),
            Unlink,
            lambda: real.unlink(path, dir_fd=dir_fd),
            call="unlink",
            makes=False,
        )

    def remove(self, path: Path, *, dir_fd: int | None = None) -> None:
        _one(
            (path, dir_fd),
            Unlink,
            lambda: real.remove(path, dir_fd=dir_fd),
            call="remove",
            makes=False,
        )

    def mkdir(self, path: Path, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        _one(
            (path, dir_fd),
            Mkdir,
            lambda: real.mkdir(path, mode, dir_fd=dir_fd),
            call="mkdir",
            makes=True,
        )

    def rmdir(self, path: Path, *, dir_fd: int | None = None) -> None:
        _one(
            (path, dir_fd),
            Rmdir,
            lambda: real.rmdir(path, dir_fd=dir_fd),
            call="rmdir",
            makes=False,
        )

    def mkfifo(self, path: Path, mode: int = 0o666, *, dir_fd: int | None = None) -> None:
        _refuse("mkfifo", path, dir_fd)
        return passing(real.mkfifo, path, mode, dir_fd=dir_fd)

    def mknod(
        self, path: Path, mode: int = 0o600, device: int = 0, *, dir_fd: int | None = None
    ) -> None:
        _refuse("mknod", path, dir_fd)
        return passing(real.mknod, path, mode, device, dir_fd=dir_fd)


def _one(
    named: tuple[Path, int | None],
    step: Callable[[str], Step],
    perform: Callable[[], None],
    *,
    call: str,
    makes: bool,
) -> None:
    """A call on one name. `makes`: the name must not be there; otherwise it must."""
    recording = current.recording
    if recording is None:
        return perform()
    with recording.lock:
        place = recording.places.entry(*named)
        if place == "" and step is Rmdir and not os.listdir(recording.places.root):
            raise UnknownStep("rmdir of the recorded root itself; record its parent directory")
        if place:
            return recording.do(
                step(place),
                perform,
                filename=named[0],
                plausible=lambda: _exists(recording, place) is not makes,
            )
        if place is None and _there(*named) is not makes:
            recording.places.check_kept_in(call, *named)
    return passing(perform)


def _rename(
    name: str,
    source: tuple[Path, int | None],
    target: tuple[Path, int | None],
    perform: Callable[[], None],
) -> None:
    recording = current.recording
    if recording is None:
        return perform()
    with recording.lock:
        both = _both(recording, name, source, target)
        if both is not None:
            return recording.do(
                Rename(*both),
                perform,
                filename=source[0],
                plausible=lambda: _exists(recording, both[0]),
            )
    return passing(perform)


def _both(
    recording: Recording,
    name: str,
    source: tuple[Path, int | None],
    target: tuple[Path, int | None],
) -> tuple[str, str] | None:
    """Both names below the root, or None if the call is none of the recording's business.

    Raises UnknownStep for a file that would enter or leave the root, or be the root.
    """
    places = recording.places
    first, second = places.located(*source), places.located(*target)
    if first is None or second is None:
        return None
    if places.holds_root(first):
        raise UnknownStep(f"{name} of {source[0]!r}: it is or holds the recorded root")
    if name != "link":
        places.renaming(first)
    here, there = places.relative(first), places.relative(second)
    if here is None and there is None:
        if _there(*source):
            for path, dir_fd in (source, target):
                places.check_kept_in(name, path, dir_fd)
        return None
    if here is None or there is None:
        if _certain_to_fail(source, target):
            return None
        way = "into" if here is None else "out of"
        raise UnknownStep(
            f"{name} {source[0]!r} -> {target[0]!r}: a file moved {way} the recorded root; record "
            "a directory that holds both"
        )
    if not here or not there:
        raise UnknownStep(f"{name} of the recorded root itself; record its parent directory")
    return here, there


def _opened(recording: Recording, path: Path) -> OpenFile | None:
    """The recorded file that a path means by a descriptor: what names a file without a name."""
    found = _DESCRIPTOR.fullmatch(os.fsdecode(path))
    if found is None or found[1] not in ("self", "thread-self", str(os.getpid())):
        return None
    return recording.open_files.get(int(found[2]))


def _certain_to_fail(source: tuple[Path, int | None], target: tuple[Path, int | None]) -> bool:
    """Whether a call on these two names cannot succeed: nothing there, or another file system."""
    try:
        found = os.stat(source[0], dir_fd=source[1], follow_symlinks=False)
        parent = os.path.dirname(os.fsdecode(target[0]).rstrip("/")) or "."
        return found.st_dev != os.stat(parent, dir_fd=target[1]).st_dev
    except (OSError, TypeError, ValueError):
        return True


def _refuse(name: str, path: Path, dir_fd: int | None) -> None:
    recording = current.recording
    if recording is not None and (place := recording.places.entry(path, dir_fd)) is not None:
        raise UnknownStep(
            f"{name} {place}: only files, directories and symbolic links are modelled"
        )


def _full(recording: Recording, place: str) -> str:
    return os.path.join(recording.places.root, place)


def _there(path: Path, dir_fd: int | None) -> bool:
    try:
        os.stat(path, dir_fd=dir_fd, follow_symlinks=False)
    except (OSError, TypeError, ValueError):
        return False
    return True


def _exists(recording: Recording, place: str) -> bool:
    return os.path.lexists(_full(recording, place))
