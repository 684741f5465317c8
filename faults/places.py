"""Which paths lie below the recorded root, asked of the kernel.

The kernel resolves a directory (O_PATH, then /proc/self/fd): links, "..", descriptors of
directories and renames under way are then as it sees them. That takes 6 µs, so an answer is kept
for as long as the path leads to the same inode and nothing has been renamed.
"""

import errno
import os
import stat

from tornwrite.faults import originals as real
from tornwrite.faults.recording_errors import UnknownStep

_LOOK = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
_NO_DESCRIPTOR_LEFT = (errno.EMFILE, errno.ENFILE)
_GONE = " (deleted)"
_MOST_KEPT = 1000


class Places:
    """Paths relative to `root`, an existing directory; OSError if it is not."""

    def __init__(self, root: str) -> None:
        self.root = _directory(root, None)
        self._below = self.root.rstrip("/") + "/"
        self._named = os.path.abspath(root).rstrip("/") + "/"
        self._kept: dict[str, tuple[int, int, str]] = {}

    def located(self, path: object, dir_fd: int | None = None) -> str | None:
        """An absolute path whose parents are resolved and whose last component is as given.

        None for a path with which every call is bound to fail.
        """
        try:
            name = os.fsdecode(path).rstrip("/")  # type: ignore[arg-type]
            parent, slash, last = name.rpartition("/")
            if last in ("", ".", ".."):
                return None
            folder = self._parent(parent or ("/" if slash else "."), dir_fd)
        except (OSError, TypeError, ValueError):
            # The call itself will say what is wrong with the path, in its own words.
            return None
        return f"{folder.rstrip('/')}/{last}"

    def relative(self, located: str) -> str | None:
        """An absolute path below the root as steps give it; None outside."""
        if located.startswith(self._below):
            return located[len(self._below) :]
        return "" if located == self.root else None

    def check_kept_in(
        self, call: str, path: object, dir_fd: int | None = None, *, follow: bool = False
    ) -> None:
        """Raise UnknownStep for what is about to be changed if it is named below the root, and a
        link leads out. follow: also one that is its last component.
        """
        found = self.located(path, dir_fd)
        if found is not None and follow and os.path.islink(found):
            found = os.path.realpath(found)
        if found is None or self.relative(found) is not None:
            return
        try:
            name = os.fsdecode(path)  # type: ignore[arg-type]
            base = os.getcwd() if dir_fd is None else real.readlink(f"/proc/self/fd/{dir_fd}")
        except (OSError, TypeError, ValueError):
            return
        named = os.path.normpath(os.path.join(base, name))
        if named.startswith((self._below, self._named)):
            raise UnknownStep(
                f"{call} {named}: a link leads out of the recorded root, to {found}, and what is "
                "done there is not recorded; keep it below"
            )

    def renaming(self, located: str) -> None:
        """To be called before each rename: directories may have other paths then."""
        try:
            if stat.S_ISREG(os.lstat(located).st_mode):
                return
        except OSError:
            return
        self._kept.clear()

    def entry(self, path: object, dir_fd: int | None = None) -> str | None:
        """The directory entry that a call names: the last component is not followed.

        None: outside the root, or a path with which the call is bound to fail.
        """
        located = self.located(path, dir_fd)
        return None if located is None else self.relative(located)

    def file(self, path: object, dir_fd: int | None = None) -> str | None:
        """The file that a call reaches: a symbolic link as last component is followed."""
        located = self.located(path, dir_fd)
        if located is None:
            return None
        if os.path.islink(located):
            located = os.path.realpath(located)
        return self.relative(located)

    def directory(self, path: object, dir_fd: int | None = None) -> str | None:
        """An existing directory, followed; None where it is outside or no directory."""
        try:
            return self.relative(_directory(os.fsdecode(path), dir_fd))  # type: ignore[arg-type]
        except (OSError, TypeError, ValueError):
            return None

    def of_descriptor(self, descriptor: int) -> str | None:
        """The present path of an open file or directory, None outside the root.

        Raises UnknownStep if it lies below the root and has no name any more.
        """
        try:
            found = real.readlink(f"/proc/self/fd/{descriptor}")
        except OSError:
            return None
        place = self.relative(found)
        if place is not None and found.endswith(_GONE) and not _is_same(found, descriptor):
            raise UnknownStep(
                f"a barrier on descriptor {descriptor}, whose file has lost its name "
                f"({place.removesuffix(_GONE)}); sync it before removing it, or through a "
                "descriptor opened for writing"
            )
        return place

    def writable(self, descriptor: int) -> str | None:
        """The path of an open file below the root if this descriptor can write to it."""
        try:
            found = real.readlink(f"/proc/self/fd/{descriptor}")
            place = self.relative(found)
            if place is None:
                return None
            with real.io_open(f"/proc/self/fdinfo/{descriptor}", "rb") as lines:
                flags = next(int(line[6:], 8) for line in lines if line.startswith(b"flags:"))
        except FileNotFoundError:
            return None
        return place if flags & os.O_ACCMODE and not flags & os.O_PATH else None

    def holds_root(self, located: str) -> bool:
        """Whether this is a directory above the root: moving it would move the root."""
        return self._below.startswith(located + "/")

    def _parent(self, path: str, dir_fd: int | None) -> str:
        if not path.startswith("/"):
            return _directory(path, dir_fd)
        found = os.stat(path)
        kept = self._kept.get(path)
        if kept is not None and kept[0] == found.st_ino and kept[1] == found.st_dev:
            return kept[2]
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        resolved = _directory(path, None)
        self._kept[path] = (found.st_ino, found.st_dev, resolved)
        return resolved


def _directory(path: str, dir_fd: int | None) -> str:
    try:
        descriptor = real.open(path, _LOOK, dir_fd=dir_fd)
    except OSError as error:
        if error.errno not in _NO_DESCRIPTOR_LEFT:
            raise
        # The subject has used up its descriptors; a rename needs none and must still be seen.
        base = "" if dir_fd is None else real.readlink(f"/proc/self/fd/{dir_fd}")
        return os.path.realpath(os.path.join(base, path), strict=True)
    try:
        return real.readlink(f"/proc/self/fd/{descriptor}")
    finally:
        real.close(descriptor)


def _is_same(path: str, descriptor: int) -> bool:
    """Whether a name that ends in "(deleted)" is really the file's name."""
    try:
        there, here = os.lstat(path), os.fstat(descriptor)
    except OSError:
        return False
    return (there.st_dev, there.st_ino, stat.S_IFMT(there.st_mode)) == (
        here.st_dev,
        here.st_ino,
        stat.S_IFMT(here.st_mode),
    )
