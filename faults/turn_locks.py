"""Locks for threads that take turns: whoever would have to wait gives the turn away.

Replaced while `locks_that_give_turns` is active, also in modules that took the names before:

- `threading.Lock` and `threading.RLock`, for the locks made from then on; and so conditions, events
  and queues;
- `fcntl.fcntl` (by the recorder), `fcntl.lockf` and `fcntl.flock`, where they wait for a lock.

A thread may stand for a process of its own (`as_another_process`). POSIX locks belong to a process,
so those of such a thread become locks of the open file (F_OFD_SETLK, fcntl(2)): they keep the other
threads out, and it alone would not notice the difference if it locks a file through one descriptor.
"""

import contextlib
import errno
import fcntl
import os
import struct
import sys
import threading
from collections.abc import Callable, Collection, Iterator
from typing import Any

from tornwrite.faults import originals as real
from tornwrite.faults.interleaving import Interleaving, real_lock

_real_rlock: Callable[[], Any] = threading.RLock
_allocate_lock: Callable[[], Any] = threading._allocate_lock  # type: ignore[attr-defined] # from 3.13 on it is not Lock


class TurnLock:
    """A `threading.Lock` that gives its turn away instead of waiting."""

    def __init__(self, turns: Interleaving) -> None:
        self._turns = turns
        self._lock = real_lock()
        self._process = threading.get_ident() if _thread.is_process else None

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """As `threading.Lock.acquire`; a time is up when nobody else can go on."""
        turns = self._turns
        if not turns.minds_locks():
            return bool(self._lock.acquire(blocking, timeout))
        held = self._lock.locked if blocking and timeout != 0 else None
        # What a process has made for itself no other one can want.
        turns.step(held, alone=self._process == threading.get_ident())
        at_most_s = timeout if timeout >= 0 else None
        while not self._lock.acquire(False):
            if held is None or not turns.blocked(at_most_s, held):
                return False
        return True

    def release(self) -> None:
        """As `threading.Lock.release`."""
        self._lock.release()
        self._turns.freed()

    def locked(self) -> bool:
        """As `threading.Lock.locked`."""
        return bool(self._lock.locked())

    def _at_fork_reinit(self) -> None:
        self._lock = real_lock()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *error: object) -> None:
        self.release()


class TurnRLock(TurnLock):
    """The same for `threading.RLock`: who holds it may take it again."""

    def __init__(self, turns: Interleaving) -> None:
        super().__init__(turns)
        self._holder: int | None = None
        self._depth = 0

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """As `threading.RLock.acquire`."""
        me = threading.get_ident()
        if self._holder != me:
            if not super().acquire(blocking, timeout):
                return False
            self._holder = me
        self._depth += 1
        return True

    def release(self) -> None:
        """As `threading.RLock.release`."""
        if self._holder != threading.get_ident():
            raise RuntimeError("cannot release un-acquired lock")
        self._depth -= 1
        if not self._depth:
            self._holder = None
            super().release()

    def _at_fork_reinit(self) -> None:
        super()._at_fork_reinit()
        self._holder, self._depth = None, 0

    # What threading.Condition asks of such a lock.

    def _is_owned(self) -> bool:
        return self._holder == threading.get_ident()

    def _release_save(self) -> int:
        depth, self._depth = self._depth, 1
        self.release()
        return depth

    def _acquire_restore(self, depth: int) -> None:
        self.acquire()
        self._depth = depth


class StepLock:
    """The recording's lock for a run in turns: who comes to take it has come to a step.

    lock: the lock inside, for what is no step.
    """

    def __init__(self, turns: Interleaving) -> None:
        self._turns = turns
        self.lock = _real_rlock()

    def step(self) -> None:
        """Come to a step; a nested one is none of its own, for the thread is inside its call."""
        if not self.lock._is_owned():
            self._turns.step()

    def __enter__(self) -> bool:
        self.step()
        return bool(self.lock.acquire())

    def __exit__(self, *error: object) -> None:
        self.lock.release()


_active: list[Interleaving] = []


class _Thread(threading.local):
    is_process = False


_thread = _Thread()


@contextlib.contextmanager
def as_another_process() -> Iterator[None]:
    """What the calling thread locks meanwhile, it locks as a process of its own."""
    before, _thread.is_process = _thread.is_process, True
    try:
        yield
    finally:
        _thread.is_process = before


@contextlib.contextmanager
def locks_that_give_turns(turns: Interleaving) -> Iterator[None]:
    """Replace what makes locks, and what waits for locks on files, wherever a module holds it.

    Raises RuntimeError when another interleaving is at work.
    """
    if _active:
        raise RuntimeError("one interleaving at a time")
    instead: dict[int, Any] = {
        id(real_lock): lambda: TurnLock(turns),
        id(_allocate_lock): lambda: TurnLock(turns),
        id(_real_rlock): lambda: TurnRLock(turns),
        id(_real_flock): _flock,
        id(_real_lockf): _lockf,
    }
    undo: list[tuple[dict[str, Any], str, Any]] = []
    for namespace, names in _holders(instead):
        for held in names:
            value = namespace.get(held)
            stand_in = instead.get(id(value))
            if stand_in is not None:
                undo.append((namespace, held, value))
                namespace[held] = stand_in
    _active.append(turns)
    try:
        yield
    finally:
        _active.remove(turns)
        for place, held, value in undo:
            place[held] = value


_LEFT_ALONE = ("tornwrite.faults", "_thread")

# Modules looked through before, how many names each had, and which of them held an original: to
# look through all of them takes longer than a short run does.
_looked_at: dict[str, tuple[object, int, tuple[str, ...]]] = {}


def _holders(originals: Collection[int]) -> Iterator[tuple[dict[str, Any], tuple[str, ...]]]:
    """The names of loaded modules under which they hold, or held, one of those."""
    for key, module in list(sys.modules.items()):
        namespace = getattr(module, "__dict__", None)
        if not isinstance(namespace, dict) or key.startswith(_LEFT_ALONE):
            continue
        known = _looked_at.get(key)
        if known is None or known[0] is not module or known[1] != len(namespace):
            held = tuple(name for name, value in list(namespace.items()) if id(value) in originals)
            known = _looked_at[key] = (module, len(namespace), held)
        if known[2]:
            yield namespace, known[2]


_HAS_RANGES = hasattr(fcntl, "F_OFD_SETLK")
_TRIES = {
    getattr(fcntl, waits): getattr(fcntl, tries)
    for waits, tries in (("F_SETLKW", "F_SETLK"), ("F_OFD_SETLKW", "F_OFD_SETLK"))
    if hasattr(fcntl, waits) and hasattr(fcntl, tries)
}
_OF_THE_FILE = (
    {fcntl.F_SETLK: fcntl.F_OFD_SETLK, fcntl.F_SETLKW: fcntl.F_OFD_SETLKW} if _HAS_RANGES else {}
)
# struct flock of fcntl(2): type, whence, start, length, pid (0 for this kind), native alignment.
_range = struct.Struct("hhqqi0q").pack
_KINDS = {
    fcntl.LOCK_SH: fcntl.F_RDLCK,
    fcntl.LOCK_EX: fcntl.F_WRLCK,
    fcntl.LOCK_UN: fcntl.F_UNLCK,
}
_real_flock = fcntl.flock
_real_lockf = fcntl.lockf


def lock_file(fd: Any, cmd: int, arg: Any) -> Any:
    """`fcntl.fcntl`; a lock on a file that would make the thread wait gives its turn away."""
    if _thread.is_process:
        cmd = _OF_THE_FILE.get(cmd, cmd)
    turns = _turns_of_this_thread()
    tries = _TRIES.get(cmd)
    if turns is None or tries is None:
        return real.fcntl(fd, cmd, arg)
    return _when_free(turns, lambda: real.fcntl(fd, tries, arg), _range_is_held(fd, tries, arg))


def _range_is_held(fd: Any, tries: int, arg: Any) -> Callable[[], bool] | None:
    """Tells whether somebody has the lock that is asked for, where the kernel can be asked."""
    if not _HAS_RANGES or tries != fcntl.F_OFD_SETLK or _kind_of(arg) == fcntl.F_UNLCK:
        return None

    def held() -> bool:
        try:
            return _kind_of(real.fcntl(fd, fcntl.F_OFD_GETLK, arg)) != fcntl.F_UNLCK
        except OSError:
            return False  # to try will tell why

    return held


def _kind_of(flock: Any) -> int:
    return int.from_bytes(bytes(flock)[:2], sys.byteorder)


def _flock(fd: Any, operation: int, /) -> None:
    turns = _turns_of_this_thread()
    if turns is None or operation & fcntl.LOCK_NB:
        _real_flock(fd, operation)
    else:
        _when_free(turns, lambda: _real_flock(fd, operation | fcntl.LOCK_NB))


def _lockf(fd: Any, cmd: int, *place: int) -> Any:
    kind = _KINDS.get(cmd & ~fcntl.LOCK_NB)
    if _thread.is_process and _HAS_RANGES and kind is not None:
        length, start, whence = (*place, *(0, 0, os.SEEK_SET)[len(place) :])
        way = fcntl.F_OFD_SETLK if cmd & fcntl.LOCK_NB else fcntl.F_OFD_SETLKW
        lock_file(fd, way, _range(kind, whence, start, length, 0))
        return None
    turns = _turns_of_this_thread()
    if turns is None or cmd & fcntl.LOCK_NB:
        return _real_lockf(fd, cmd, *place)
    if cmd != fcntl.LOCK_UN:  # which is refused when it is told not to wait
        cmd |= fcntl.LOCK_NB
    return _when_free(turns, lambda: _real_lockf(fd, cmd, *place))


def _turns_of_this_thread() -> Interleaving | None:
    return _active[-1] if _active and _active[-1].minds_locks() else None


def _when_free(
    turns: Interleaving, attempt: Callable[[], Any], held: Callable[[], bool] | None = None
) -> Any:
    turns.step(held)
    while True:
        try:
            result = attempt()
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise
            turns.blocked(held=held)
        else:
            turns.freed()  # for it may have been an unlocking
            return result
