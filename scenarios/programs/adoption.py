"""Processes that drivers left behind: adopted while any driver runs, and told apart.

Should this process end without ending its drivers, by SIGKILL say, a guard does: a process of its
own that notices, and kills whatever carries our mark in its environment.
"""

import contextlib
import os
import subprocess
import sys
import time

import psutil

from tornwrite.faults.offspring import adopting_orphans

MARK = "TORNWRITE_DRIVER"
"""In the environment of each driver, and so of all that it starts."""

_GUARD = """
import os, signal, sys, time
mark = sys.argv[1].encode()
sys.stdin.buffer.read()  # until the process that wants us is gone
for _ in range(200):
    found = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as environment:
                if mark in environment.read().split(b"\\0"):
                    os.kill(int(pid), signal.SIGKILL)
                    found += 1
        except OSError:
            pass
    if not found:
        break
    time.sleep(0.05)
"""


class _Adoption:
    """Orphans are adopted from the first `begin` to the last `end`, and drivers guarded."""

    def __init__(self) -> None:
        self._users = 0
        self._scope = contextlib.ExitStack()
        self._guard: subprocess.Popen[bytes] | None = None
        self._mark = ""

    def begin(self) -> dict[str, str]:
        """A driver is about to be started; what its environment needs."""
        if not self._users:
            self._scope.enter_context(adopting_orphans())
        self._users += 1
        if self._guard is None:
            self._mark = f"{os.getpid()}-{time.monotonic_ns()}"
            self._guard = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _GUARD, f"{MARK}={self._mark}"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        return {MARK: self._mark}

    def end(self) -> None:
        """A driver has ended."""
        self._users -= 1
        if not self._users:
            self._scope.close()

    def over(self) -> None:
        """No more drivers are to be expected: if none runs, nothing needs a guard."""
        if self._users or self._guard is None:
            return
        guard, self._guard = self._guard, None
        guard.kill()
        guard.wait()
        if guard.stdin is not None:
            guard.stdin.close()


ADOPTION = _Adoption()
"""Of this process."""


def lives(pid: int) -> bool:
    """Whether the process goes on; a child that has ended is reaped."""
    with contextlib.suppress(psutil.Error):
        if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            return True
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
    return False


def shown(pid: int) -> str:
    """The process for people: its name and number."""
    with contextlib.suppress(psutil.Error):
        return f"{psutil.Process(pid).name()} (pid {pid})"
    return f"pid {pid}"
