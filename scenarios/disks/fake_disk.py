"""A file system in memory with a size and with another system's rules: pyfakefs, and what it lacks.

pyfakefs stands in for `os`, `io`, `shutil`, … in every module while it is at work. Where it differs
from the kernel in what the stores rely on it is made to agree, each difference by name (`SHIMS`);
`tests/scenarios/test_fake_disk.py` holds the same calls against both. What it does not do at all:

- locks: `fcntl` and `flock` always succeed, so nothing is said about several processes;
- syncs do nothing, so nothing is said about power loss;
- a file object of `open()` writes all of its buffer or nothing; on Linux it writes what fits;
- an entry of a directory takes no room, and a file that is unlinked while open takes none either.
"""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import TYPE_CHECKING, Any

from tornwrite.faults.images import Image, materialise, read_image
from tornwrite.faults.recorder import Recorder, RecorderActive

if TYPE_CHECKING:
    from pyfakefs.fake_filesystem import FakeFilesystem

SHIMS = {
    "os.open, os.rename, …": "take names of any length with any character: the limits are set here",
    "os.pread": "is not replaced by pyfakefs: it would read from a real descriptor of that number",
    "os.pwrite": "the same, for writing",
    "os.lseek": "does not return the new position",
    "os.write": "fails with ENOSPC where not all fits; Linux takes what fits first (write(2))",
}
"""What of `os` stands in for pyfakefs's own, and why."""

ROOT = "/store"
_PLENTY_BYTES = 1 << 40
_NOBODY = 65534


class System(Enum):
    """Whose rules for file names and paths are followed."""

    LINUX = "LINUX"
    MACOS = "MACOS"
    WINDOWS = "WINDOWS"


class FakeDisk:
    """The file system while it is at work; `root` is a directory of its own on it."""

    refused = 0

    def __init__(self, fake: "FakeFilesystem") -> None:
        self.fake = fake
        self.root = ROOT

    def lay_down(self, image: Image, free_bytes: int | None = None) -> None:
        """Hold the image and nothing else, with so many bytes free; None for plenty.

        The system whose rules are followed stays.
        """
        # Without a size pyfakefs does not tell what is used.
        self.fake.reset(_PLENTY_BYTES)
        os.makedirs(self.root)
        materialise(image, self.root)
        if free_bytes is not None:
            _, used, _ = self.fake.get_disk_usage(self.root)
            self.fake.set_disk_usage(used + free_bytes, self.root)

    def free(self) -> None:
        """Make room for all that may come."""
        self.fake.set_disk_usage(_PLENTY_BYTES, self.root)

    def image(self) -> Image:
        """What is in the directory now."""
        return read_image(self.root)

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """Be a user who may read everything below the directory, and change nothing."""
        from pyfakefs.helpers import get_uid, set_uid

        user = get_uid()
        self._allow(0o555, 0o444)
        set_uid(_NOBODY)
        try:
            yield
        finally:
            set_uid(user)
            self._allow(0o755, 0o644)

    def _allow(self, folders: int, files: int) -> None:
        for path, node in (("", None), *self.image()):
            os.chmod(os.path.join(self.root, path), folders if node is None else files)


@contextmanager
def fake_disk(
    system: System = System.LINUX,
    *,
    case_sensitive: bool | None = None,
    forbidden: str = "",
    longest_bytes: int = 255,
) -> Iterator[FakeDisk]:
    """Put pyfakefs to work, with the rules of a system, until the block is left.

    case_sensitive: whether names that differ in case alone are two; None for as the system has it.
    forbidden, longest_bytes: no file is made whose name has one of these characters (EINVAL), none
    is found by a longer name (ENAMETOOLONG), as the file systems of Linux do it.

    Raises RecorderActive when a recorder is at work: both replace the same calls.
    """
    # Only here: a run that does without it need not wait for the import.
    from pyfakefs.fake_filesystem import OSType
    from pyfakefs.fake_filesystem_unittest import Patcher

    if Recorder.active():
        raise RecorderActive("a recorder is at work in this process; use pyfakefs outside of it")
    with Patcher(use_dynamic_patch=False) as patcher:
        fake = patcher.fs
        if fake is None:
            raise RuntimeError("pyfakefs gave no file system")
        fake.os = OSType[system.value]
        if case_sensitive is not None:
            fake.is_case_sensitive = case_sensitive
        calls: Any = patcher.fake_modules["os"]
        for name in ("open", "stat", "lstat", "unlink", "rename", "replace", "mkdir"):
            setattr(calls, name, _with_names(getattr(calls, name), fake, forbidden, longest_bytes))
        calls.pread = _pread(fake)
        calls.lseek = _lseek(fake, calls.lseek)
        calls.pwrite = _pwrite(calls)
        calls.write = _write(fake, calls.write)
        yield FakeDisk(fake)


def _with_names(
    call: Callable[..., Any], fake: "FakeFilesystem", forbidden: str, longest_bytes: int
) -> Callable[..., Any]:
    """A call that takes no name that the file system would not."""

    def checked(*arguments: Any, **named: Any) -> Any:
        for path in arguments[:2]:
            if isinstance(path, str):
                name = os.path.basename(path)
                if len(os.fsencode(name)) > longest_bytes:
                    raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), path)
                is_bad = set(forbidden) & set(name)
                if is_bad and not fake.exists(path) and _makes(call, arguments):
                    raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), path)
        return call(*arguments, **named)

    return checked


def _makes(call: Callable[..., Any], arguments: tuple[Any, ...]) -> bool:
    if call.__name__ == "open":
        return bool(arguments[1] & os.O_CREAT)
    return call.__name__ in ("rename", "replace", "mkdir")


def _pread(fake: "FakeFilesystem") -> Callable[[int, int, int], bytes]:
    def pread(fd: int, length: int, offset: int, /) -> bytes:
        return _content(fake, fd)[offset : offset + length]

    return pread


def _lseek(
    fake: "FakeFilesystem", lseek: Callable[[int, int, int], None]
) -> Callable[[int, int, int], int]:
    def lseek_and_tell(fd: int, position: int, whence: int, /) -> int:
        lseek(fd, position, whence)
        opened: Any = fake.get_open_file(fd)
        return int(opened.tell())

    return lseek_and_tell


def _pwrite(calls: Any) -> Callable[[int, bytes, int], int]:
    def pwrite(fd: int, data: bytes, offset: int, /) -> int:
        before = calls.lseek(fd, 0, os.SEEK_CUR)
        calls.lseek(fd, offset, os.SEEK_SET)
        try:
            return int(calls.write(fd, data))
        finally:
            calls.lseek(fd, before, os.SEEK_SET)

    return pwrite


def _write(
    fake: "FakeFilesystem", write: Callable[[int, bytes], int]
) -> Callable[[int, bytes], int]:
    def write_what_fits(fd: int, data: bytes, /) -> int:
        opened: Any = fake.get_open_file(fd)
        size = len(_content(fake, fd))
        # Where the kernel would put it: at the end of a file that is open for appending.
        start = size if getattr(opened, "_append", False) else int(opened.tell())
        _, _, room = fake.get_disk_usage(opened.file_path)
        fits = max(size - start, 0) + room
        if data and fits <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(fd, data[:fits])

    return write_what_fits


def _content(fake: "FakeFilesystem", fd: int) -> bytes:
    found: Any = fake.get_open_file(fd).get_object()
    return bytes(found.byte_contents or b"")
