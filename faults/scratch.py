"""Where images and runs live: a memory-backed file system where there is one.

A killed run is cleaned up by a later one: a workspace carries its owner's process in its name.
"""

import contextlib
import os
import shutil
import signal
import tempfile
import threading
from dataclasses import dataclass
from types import FrameType, TracebackType

import psutil

from tornwrite.faults.recording import current

VARIABLE = "TORNWRITE_SCRATCH"
MEMORY = "/dev/shm"
ENOUGH_BYTES = 64 * 1024 * 1024

_MEMORY_TYPES = frozenset({"tmpfs", "ramfs"})
_PREFIX = "tornwrite"
_FIELDS = 5


class NoSpace(Exception):
    """There is not enough room for images. The message says where, how much, and what to do."""


@dataclass(frozen=True, slots=True)
class Scratch:
    """A directory to work in. `free_bytes` counts what could be written to it, memory included."""

    path: str
    memory_backed: bool
    free_bytes: int


def scratch_root(needed_bytes: int = ENOUGH_BYTES) -> Scratch:
    """The best directory to work in: $TORNWRITE_SCRATCH, /dev/shm, the temporary directory.

    The variable is a decision: if it is set, nothing else is tried. /dev/shm is only taken if it is
    really backed by memory.

    needed_bytes: how much must be free there.
    Raises NoSpace if there is less everywhere, NotADirectoryError or PermissionError if the
    directory that the variable names cannot be used.
    """
    chosen = os.environ.get(VARIABLE)
    if chosen:
        _check_usable(chosen)
        candidates = [chosen]
    else:
        candidates = [path for path in (MEMORY, tempfile.gettempdir()) if _usable(path)]
    refused: list[str] = []
    for path in candidates:
        scratch = _probe(path)
        if path == MEMORY and not chosen and not scratch.memory_backed:
            refused.append(f"{path} is not backed by memory")
        elif scratch.free_bytes < needed_bytes:
            refused.append(f"{path} has {_size(scratch.free_bytes)} free")
        else:
            return scratch
    raise NoSpace(
        f"{_size(needed_bytes)} are needed to work in, but "
        f"{' and '.join(refused) or 'no directory can be written to'}; make room there, or set "
        f"{VARIABLE} to a directory with more"
    )


class Workspace:
    """A new directory of this process's own, gone when the `with` block is left.

    scratch: where to make it; None for `scratch_root()`.
    needed_bytes: how much must be free there.

    It goes on exceptions too (Ctrl-C is one: KeyboardInterrupt), and on SIGTERM, which would end a
    process without any clean-up: while a workspace exists, and unless the program handles SIGTERM
    itself, a handler removes it and then lets the signal do its work. Signal handlers belong to the
    main thread, so a workspace made in another thread is not covered; like after SIGKILL,
    `collect_garbage` removes it later. A forked child never removes it.

    Raises NoSpace, and OSError as it comes.
    """

    def __init__(self, scratch: Scratch | None = None, needed_bytes: int = ENOUGH_BYTES) -> None:
        self._scratch = scratch
        self._needed = needed_bytes
        self._owner = 0
        self.path = ""

    def __enter__(self) -> "Workspace":
        scratch = self._scratch or scratch_root(self._needed)
        if scratch.free_bytes < self._needed:
            raise NoSpace(
                f"{scratch.path} has {_size(scratch.free_bytes)} free and {_size(self._needed)} "
                f"are needed; make room there, or set {VARIABLE} to a directory with more"
            )
        self._owner = os.getpid()
        # Between making the directory and listing it a SIGTERM would leave it behind.
        _on_terminate.begin()
        try:
            self.path = tempfile.mkdtemp(prefix=_own_prefix(), dir=scratch.path)
            _on_terminate.paths[self.path] = self._owner
        except BaseException:
            _on_terminate.end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if os.getpid() != self._owner:
            return
        try:
            _remove(self.path)
        finally:
            _on_terminate.paths.pop(self.path, None)
            _on_terminate.end()


def collect_garbage(path: str | os.PathLike[str] | None = None) -> list[str]:
    """Remove workspaces whose processes no longer exist; returns what was removed.

    path: where to look; None for all the places that `scratch_root` chooses from.

    Only this user's are looked at, and only those made in this process namespace: whether a process
    of another container lives cannot be told from here. Raises OSError if one cannot be removed.
    """
    if path is not None:
        places = [os.fspath(path)]
    else:
        places = [os.environ.get(VARIABLE) or "", MEMORY, tempfile.gettempdir()]
    removed: list[str] = []
    for place in dict.fromkeys(filter(_usable, places)):
        with os.scandir(place) as entries:
            dead = [entry.path for entry in entries if _is_garbage(entry)]
        for workspace in dead:
            _remove(workspace)
            removed.append(workspace)
    return removed


class _OnTerminate:
    """The SIGTERM handler of all workspaces of this process."""

    def __init__(self) -> None:
        self.paths: dict[str, int] = {}
        self._users = 0
        self._installed = False

    def begin(self) -> None:
        self._users += 1
        if (
            not self._installed
            and threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
        ):
            signal.signal(signal.SIGTERM, self._handle)
            self._installed = True

    def end(self) -> None:
        self._users -= 1
        if (
            self._users == 0
            and self._installed
            and threading.current_thread() is threading.main_thread()
        ):
            # Somebody else's handler, set meanwhile, stays.
            if signal.getsignal(signal.SIGTERM) == self._handle:
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
            self._installed = False

    def _handle(self, number: int, frame: FrameType | None) -> None:
        try:
            # What a recorder sees it may refuse, and there is nothing more to be recorded.
            current.recording = None
            for path, owner in list(self.paths.items()):
                if owner == os.getpid():
                    shutil.rmtree(path, ignore_errors=True)
        finally:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)


_on_terminate = _OnTerminate()


def _probe(path: str) -> Scratch:
    folder = os.path.realpath(path)
    kind = _file_system_type(folder)
    memory_backed = kind in _MEMORY_TYPES
    space = os.statvfs(folder)
    free = space.f_bavail * space.f_frsize
    if memory_backed:
        # A tmpfs promises half of the memory whether or not it is there; a ramfs says nothing.
        available = psutil.virtual_memory().available
        free = available if kind == "ramfs" else min(free, available)
    if space.f_files and not space.f_favail:
        free = 0
    return Scratch(folder, memory_backed, free)


def _file_system_type(folder: str) -> str:
    """What is mounted at the deepest mount point above `folder`, as /proc/mounts names it."""
    best, kind = "", ""
    with open("/proc/mounts", encoding="utf-8", errors="surrogateescape") as mounts:
        for line in mounts:
            _, point, found, *_ = line.split(" ")
            for escape, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n")):
                point = point.replace(escape, character)
            point = point.replace("\\134", "\\")
            inside = folder == point or folder.startswith(point.rstrip("/") + "/")
            # The last of several mounts at one point is the one on top.
            if inside and len(point) >= len(best):
                best, kind = point, found
    return kind


def _check_usable(path: str) -> None:
    if not os.path.isdir(path):
        raise NotADirectoryError(f"{VARIABLE} names {path}, which is no directory; make it first")
    if not _usable(path):
        raise PermissionError(f"{VARIABLE} names {path}, which cannot be written to")


def _usable(path: str) -> bool:
    return os.path.isdir(path) and os.access(path, os.W_OK | os.X_OK)


def _own_prefix() -> str:
    pid = os.getpid()
    started = _started(pid)
    return f"{_PREFIX}-{pid}-{started}-{_namespace()}-"


def _started(pid: int) -> int | None:
    """When the process started, in clock ticks since boot; None if there is none.

    Not psutil's create_time: it is derived from the wall clock and moves when the clock is set.
    """
    try:
        with open(f"/proc/{pid}/stat", "rb") as status:
            return int(status.read().rpartition(b")")[2].split()[19])
    except (FileNotFoundError, ProcessLookupError):
        return None


def _namespace() -> int:
    return os.stat("/proc/self/ns/pid").st_ino


def _is_garbage(entry: "os.DirEntry[str]") -> bool:
    fields = entry.name.split("-", _FIELDS - 1)
    if len(fields) != _FIELDS or fields[0] != _PREFIX:
        return False
    if not all(field.isdecimal() for field in fields[1:4]):
        return False
    pid, started, namespace = map(int, fields[1:4])
    with contextlib.suppress(FileNotFoundError):
        status = entry.stat(follow_symlinks=False)
        ours = entry.is_dir(follow_symlinks=False) and status.st_uid == os.getuid()
        return ours and namespace == _namespace() and not _lives(pid, started)
    return False


def _lives(pid: int, started: int) -> bool:
    return psutil.pid_exists(pid) and _started(pid) == started


def _remove(path: str) -> None:
    try:
        shutil.rmtree(path)
    except FileNotFoundError:
        if os.path.lexists(path):
            raise
    except PermissionError:
        # Tests of refused permissions leave directories that cannot be entered.
        _open_up(path)
        shutil.rmtree(path)


def _open_up(folder: str) -> None:
    os.chmod(folder, 0o700)
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                _open_up(entry.path)


def _size(count: int) -> str:
    return f"{count / (1 << 20):.1f} MiB"
