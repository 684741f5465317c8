"""EIO on reading: files whose bytes the device cannot give any more.

    with BadFiles(root, ["a.jsonl"], ReadFails.READ) as bad, Recorder(root, read_errors=bad):
        ...

The files that have these names at the start are meant, as inodes: what is renamed over such a name
later can be read, and the bad file cannot under any other name. It can be written to, renamed and
removed. A read that begins in front of the end that the file had at the start is refused, unless
the file has been cut there since; a read at the end or behind it is none of the device's business.
What is written over the bad bytes stays bad: the device has given them up.

Calls come here through the recorder's interposition, and only from a program that it records.
"""

import contextlib
import errno
import os
from collections.abc import Iterable
from enum import Enum

from tornwrite.faults import originals as real
from tornwrite.faults.steps import Open, SetSize, Step


class ReadFails(Enum):
    """Where the error comes up: as the file is opened for reading, or as it is read."""

    OPEN = "open"
    READ = "read"


class BadFiles:
    """The bad files of one recording; a context manager, for it holds a descriptor of each.

    root: an existing directory. paths: below it; what is no file, or not there, is left aside.
    """

    def __init__(self, root: str, paths: Iterable[str], fails: ReadFails) -> None:
        self._fails = fails
        self._held = contextlib.ExitStack()
        self._ends: dict[tuple[int, int], int] = {}
        self._descriptors: dict[tuple[int, int], int] = {}
        try:
            for path in paths:
                self._add(os.path.join(root, path))
        except BaseException:
            self._held.close()
            raise

    def _add(self, path: str) -> None:
        if not os.path.isfile(path) or os.path.islink(path):
            return
        descriptor = real.open(path, os.O_PATH | os.O_CLOEXEC)
        self._held.callback(real.close, descriptor)
        found = os.fstat(descriptor)
        inode = (found.st_dev, found.st_ino)
        self._descriptors[inode] = descriptor
        self._ends[inode] = found.st_size

    def __enter__(self) -> "BadFiles":
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def concerns(self, path: object, dir_fd: int | None = None) -> bool:
        """Whether the path, or the descriptor, leads to one of the files."""
        try:
            return _inode(os.stat(path, dir_fd=dir_fd)) in self._ends  # type: ignore[arg-type]
        except (OSError, TypeError, ValueError):
            return False  # the call itself will say what is wrong

    def opening(self, path: object, flags: int, dir_fd: int | None = None) -> None:
        """Raise EIO if the file is about to be opened for reading and that is what fails."""
        reads = flags & os.O_ACCMODE in (os.O_RDONLY, os.O_RDWR) and not flags & os.O_PATH
        fails = self._fails is ReadFails.OPEN and reads and not flags & os.O_TRUNC
        if fails and self.concerns(path, dir_fd):
            raise OSError(errno.EIO, os.strerror(errno.EIO), path)

    def reading(self, descriptor: int, offset: int | None = None) -> None:
        """Raise EIO if what is about to be read cannot be.

        offset: where, in bytes; None for where the descriptor stands.
        """
        end = self._ends.get(_inode(os.fstat(descriptor)), 0)
        if end:
            begin = real.lseek(descriptor, 0, os.SEEK_CUR) if offset is None else offset
            if begin < end:
                raise OSError(errno.EIO, os.strerror(errno.EIO))

    def after(self, step: Step) -> None:
        """Take note of a step: what was cut off is no longer bad."""
        if isinstance(step, SetSize) or (isinstance(step, Open) and step.truncate):
            for inode, descriptor in self._descriptors.items():
                self._ends[inode] = min(self._ends[inode], os.fstat(descriptor).st_size)


def _inode(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino
