"""What a program did that is not recorded and that no image has, in words for whoever judges it.

Files outside the recorded directory are neither recorded nor taken away by a crash. Extended
attributes and modes of files below it are neither recorded nor laid down before a recovery. None of
it is an error: many programs keep a log elsewhere, and few look at it after a crash. But whoever
reads the verdict has to know.
"""

import os
import re
import stat
from collections.abc import Iterator

from tornwrite.faults.strace_errors import StraceOutputError
from tornwrite.faults.strace_names import Names, is_in
from tornwrite.faults.strace_parse import Call, descriptor
from tornwrite.faults.strace_paths import NAMED, located
from tornwrite.faults.strace_processes import Process

ATTRIBUTES = frozenset(
    {"setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr", "fremovexattr"}
)
MODES = {
    "chmod": (None, 0, 1),
    "fchmod": (0, None, 1),
    "fchmodat": (0, 1, 2),
    "fchmodat2": (0, 1, 2),
}
"""Where each has its descriptor, its path and the mode."""

MOST_NAMED = 5
"""How many files of a kind are named; of more it is said how many they are."""

_SYSTEM = ("/dev", "/proc", "/sys")
_OWNER = stat.S_IRUSR | stat.S_IWUSR
_MODE = re.compile(r"0[0-7]*")


class Unrecorded:
    """Hears of calls that make no step, and says in the end what is to be known of them."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._outside: dict[str, str] = {}
        self._made: set[str] = set()
        self._attributes: dict[str, None] = {}
        self._modes: dict[str, int] = {}

    def opened(self, path: str, flags: int) -> None:
        """A file outside was opened to be written."""
        if flags & os.O_TMPFILE & ~os.O_DIRECTORY:
            return
        if flags & os.O_CREAT and flags & os.O_EXCL:
            self._made.add(path)
        self._outside.setdefault(path, "wrote to")

    def named(self, call: Call, process: Process) -> None:
        """A call of NAME_CALLS that concerns no name below the root."""
        if call.name not in NAMED:
            return
        did, places = NAMED[call.name]
        paths = [located(call, process, self._names, path, at=at).path for path, at in places]
        if did == "made":
            self._made.add(paths[-1])
        elif did == "renamed":
            self._moved(paths[0], paths[1])
        elif paths[0] in self._made:
            # What it has made itself is gone: a temporary file, and nobody's loss.
            self._made.discard(paths[0])
            self._outside.pop(paths[0], None)
            return
        self._outside.setdefault(paths[-1], did)

    def _moved(self, source: str, target: str) -> None:
        if source in self._made:
            self._made.discard(source)
            self._made.add(target)
            self._outside.pop(source, None)

    def resized(self, path: str) -> None:
        """A file outside was truncated by its name."""
        self._outside.setdefault(path, "wrote to")

    def attributes(self, call: Call, process: Process) -> None:
        """An extended attribute was set or removed."""
        below = self._of(call, process, 0 if call.name[0] == "f" else None, 0)
        if below is not None:
            self._attributes.setdefault(below or ".")

    def mode(self, call: Call, process: Process) -> None:
        """A file was given a mode."""
        at, path, mode = MODES[call.name]
        below = self._of(call, process, at, path)
        given = call.arguments[mode] if mode < len(call.arguments) else b""
        if not isinstance(given, str) or not _MODE.fullmatch(given):
            raise StraceOutputError(f"{call}: its mode is not understood")
        if below is None:
            return
        self.created(below, int(given, 8))
        if not int(given, 8) & stat.S_IXUSR and os.path.isdir(f"{self._names.root}/{below}"):
            self._modes.setdefault(below or ".", int(given, 8))

    def created(self, below: str, mode: int) -> None:
        """A file below the root has this mode now."""
        if mode & _OWNER != _OWNER:
            self._modes.setdefault(below or ".", mode)

    def _of(self, call: Call, process: Process, at: int | None, path: int | None) -> str | None:
        """The path below the root of what the call is about; None for anything else."""
        if at is not None and (path is None or path == at):
            found = descriptor(call, at).path
            return None if found is None else self._names.relative(found)
        assert path is not None
        return located(call, process, self._names, path, at=at, follow=call.name[0] != "l").below

    def said(self) -> Iterator[str]:
        """A sentence for each thing to be known."""
        outside = {path: did for path, did in self._outside.items() if _counts(path)}
        for path, did in list(outside.items())[:MOST_NAMED]:
            yield (
                f"the program also {did} {path}, outside the directory that it was given: not "
                "recorded, and no crash takes it away"
            )
        if len(outside) > MOST_NAMED:
            yield f"and so with {len(outside) - MOST_NAMED} more files outside that directory"
        if self._attributes:
            yield (
                f"extended attributes of {_some(self._attributes)}: not recorded, and no image "
                "has them"
            )
        if self._modes:
            first, mode = next(iter(self._modes.items()))
            yield (
                f"modes that keep a file's owner from reading or writing it ({mode:04o} for "
                f"{first}{_and_more(len(self._modes) - 1)}): not recorded, and every image can be "
                "read and written"
            )


def _counts(path: str) -> bool:
    """Whether it is a file that somebody may read after a crash."""
    if any(is_in(path, folder) for folder in _SYSTEM) or "/__pycache__/" in f"{path}/":
        return False
    try:
        kind = os.lstat(path).st_mode
    except OSError:
        return True
    return stat.S_ISREG(kind) or stat.S_ISDIR(kind) or stat.S_ISLNK(kind)


def _some(paths: dict[str, None]) -> str:
    return ", ".join(list(paths)[:MOST_NAMED]) + _and_more(len(paths) - MOST_NAMED)


def _and_more(count: int) -> str:
    return f" and {count} more" if count > 0 else ""
