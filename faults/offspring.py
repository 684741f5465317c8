"""What a killed process started: found wherever it went, and ended.

While orphans are adopted (PR_SET_CHILD_SUBREAPER, prctl(2)), whatever loses its parent below this
process becomes a child of this process, whether or not it left its group and session. So what is
left of a subject is among our children, and no list has to be taken in time.
"""

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Callable, Iterator

import psutil

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PR_GET_CHILD_SUBREAPER = 37

_PATIENCE_S = 5.0
_PAUSE_S = 0.001

_libc = ctypes.CDLL(None, use_errno=True)


class ProcessesLeft(Exception):
    """What the subject started outlives SIGKILL and may still write. End it by hand."""


@contextlib.contextmanager
def adopting_orphans() -> Iterator[None]:
    """While inside, orphaned descendants become children of this process."""
    before = ctypes.c_int()
    _prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(before))
    _prctl(_PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(1))
    try:
        yield
    finally:
        _prctl(_PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(before.value))


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent ends. `parent`: its process id."""
    _prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def children() -> frozenset[int]:
    """Process ids of the children of this process, zombies among them."""
    found: set[int] = set()
    try:
        for thread in os.listdir("/proc/self/task"):
            with open(f"/proc/self/task/{thread}/children", "rb") as listed:
                found.update(map(int, listed.read().split()))
    except FileNotFoundError:
        # A kernel without CONFIG_PROC_CHILDREN, or a thread that just ended.
        return frozenset(child.pid for child in psutil.Process().children())
    return frozenset(found)


def end_all(left: Callable[[], frozenset[int]]) -> None:
    """Kill and reap children and all that they started, until none is left.

    left: the ids of the children still to be ended.
    Raises ProcessesLeft if one does not end within 5 seconds.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while remaining := left():
        for pid in remaining:
            _end_tree(pid)
        if time.monotonic() > deadline:
            raise ProcessesLeft(f"SIGKILL did not end {', '.join(map(_shown, sorted(remaining)))}")
        if left():
            time.sleep(_PAUSE_S)


def _end_tree(pid: int) -> None:
    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        process = psutil.Process(pid)
        if process.status() != psutil.STATUS_ZOMBIE:
            for descendant in process.children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                    descendant.kill()
            process.kill()
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _shown(pid: int) -> str:
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        return f"{process.name()} (pid {pid}, {process.status()})"
    return f"pid {pid}"


def _prctl(option: int, argument: object) -> None:
    zero = ctypes.c_ulong(0)
    if _libc.prctl(ctypes.c_int(option), argument, zero, zero, zero) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl {option}: {os.strerror(number)}")
