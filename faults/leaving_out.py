"""Files whose content after a crash means nothing, left out of a trace.

Some programs share memory through a file and never read what a crash left of it: SQLite's WAL index
(`*-shm`) is made anew by whoever opens the database first, LMDB's `lock.mdb` as well. Each store to
one is a version of a page that nobody syncs, so its crash states are beyond counting, and none of
them can make a difference. Which files these are only their program's author can say.
"""

from collections.abc import Collection
from dataclasses import replace
from fnmatch import fnmatchcase

from tornwrite.faults.steps import (
    Close,
    Exchange,
    FailedSync,
    Fsync,
    Handle,
    Link,
    Open,
    Rename,
    SetSize,
    Step,
    Store,
    Symlink,
    Unlink,
    Write,
)
from tornwrite.faults.trace import Stepped, Trace
from tornwrite.faults.trace_edits import edited


def without_files(trace: Trace, patterns: Collection[str]) -> Trace:
    """The trace of a run that never had the files of these names, and all else as it was.

    patterns: of file names without their directories, as the shell has them: `*-shm`.
    Raises ValueError where such a file gets a name that is none of these, or another file one: then
    its content can be read under that name.
    """
    left = _LeftOut(patterns)
    base = tuple(entry for entry in trace.base if entry[1] is None or not left.names(entry[0]))
    gone = [
        at
        for at, event in enumerate(trace.events)
        if isinstance(event, Stepped) and left.concerns(event.step)
    ]
    return edited(replace(trace, base=base), dict.fromkeys(gone, ()))


class _LeftOut:
    """Which steps are about a file that is left out, as they go by."""

    def __init__(self, patterns: Collection[str]) -> None:
        self._patterns = patterns
        self._handles: set[Handle] = set()

    def names(self, path: str) -> bool:
        """Whether that is the name of one."""
        return any(fnmatchcase(path.rpartition("/")[2], pattern) for pattern in self._patterns)

    def concerns(self, step: Step) -> bool:
        """Whether the step is left out with its file."""
        match step:
            case Open(handle, path):
                if self.names(path):
                    self._handles.add(handle)
                return self.names(path)
            case Write(handle) | Store(handle) | SetSize(handle) | Close(handle):
                return handle in self._handles
            case Fsync(target) | FailedSync(target):
                return self._is_one(target)
            case Rename(source, target) | Link(source, target) | Exchange(source, target):
                if self._is_one(source) != self.names(target):
                    raise ValueError(
                        f"{source} -> {target}: only one of them is left out by its name; leave "
                        "out both, or none"
                    )
                return self.names(target)
            case Unlink(path) | Symlink(path):
                return self.names(path)
            case _:
                return False

    def _is_one(self, target: Handle | str) -> bool:
        return self.names(target) if isinstance(target, str) else target in self._handles
