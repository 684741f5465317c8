"""Real kills at every step and every byte, without running the workload anew for each.

The workload runs once. Before each step this process is forked, and the copy is the process that is
killed: it writes so many bytes through the workload's own descriptor, and SIGKILL ends it. What it
left is looked at, its bytes are taken back, and the next copy is made. All of it is the kernel's
doing; what it spares beside `tornwrite.faults.kills` is the way to the step, over and over.

The copy does two system calls and dies, so it may be made by a bare fork(2), whatever the other
threads hold.
"""

import ctypes
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass

from tornwrite.faults import originals as real
from tornwrite.faults.images import Image, read_image
from tornwrite.faults.injection import Decision, Proceed
from tornwrite.faults.kills import KillFailed, KillPoint
from tornwrite.faults.recorder import Recorder
from tornwrite.faults.recording import current, passing
from tornwrite.faults.steps import Step, Write
from tornwrite.faults.trace import Trace

# With the interpreter's lock held: between the fork and the death no other thread is missed.
_libc = ctypes.PyDLL(None, use_errno=True)


def kill_copies(
    workload: Callable[[Recorder], None],
    root: str,
    base: Image,
    left: Callable[[KillPoint, Image], None],
) -> Trace:
    """Run the workload once, and kill a copy of it before it, after each step, at each byte.

    workload: drives a subject below `root` and tells the recorder when operations begin and end.
    base: what is below `root`. left: told what each kill left. Returns what the workload did.
    Raises KillFailed when a copy cannot be killed where it should be, OSError as it comes.
    """
    injector = _Forking(root, left)
    with Recorder(root, base=base, injector=injector, with_sites=False) as recorder:
        workload(recorder)
    trace = recorder.trace()
    if trace.steps:
        injector.kill_after(len(trace.steps))
    return trace


@dataclass(frozen=True, slots=True)
class _Target:
    """The file that a write goes to, as it was before."""

    descriptor: int
    before: bytes
    offset: int | None


class _Forking:
    """Lets every step happen, after copies of the process were killed before and within it."""

    def __init__(self, root: str, left: Callable[[KillPoint, Image], None]) -> None:
        self._root = root
        self._left = left

    def decide(self, number: int, step: Step) -> Decision:
        self.kill_after(number)
        if isinstance(step, Write) and len(step.data) > 1:
            target = _target(step)
            for keep in range(1, len(step.data)):
                try:
                    _kill_copy(target, step.data[:keep])
                    self._left(KillPoint(number, "during", keep), read_image(self._root))
                finally:
                    _take_back(target, keep)
        return Proceed()

    def kill_after(self, steps: int) -> None:
        """Kill a copy now, with so many steps done."""
        _kill_copy(None, b"")
        point = KillPoint(steps - 1, "after") if steps else KillPoint(0, "before")
        self._left(point, read_image(self._root))


def _target(step: Write) -> _Target:
    recording = current.recording
    assert recording is not None
    for descriptor, opened in recording.open_files.items():
        if opened.handle == step.handle:
            with passing(real.io_open, f"/proc/self/fd/{descriptor}", "rb") as file:
                return _Target(descriptor, file.read(), step.offset)
    raise KillFailed(f"no descriptor is open for handle {step.handle}; is the write one of mmap?")


def _kill_copy(target: _Target | None, data: bytes) -> None:
    pid = _libc.fork()
    if pid == 0:
        _write_and_die(target, data)
    if pid < 0:
        raise OSError(ctypes.get_errno(), "fork")
    status = os.waitpid(pid, 0)[1]
    if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
        raise KillFailed(f"a copy that should have been killed ended with status {status}")


def _write_and_die(target: _Target | None, data: bytes) -> None:
    try:
        done = 0
        while target is not None and done < len(data):
            # At the end of the file where it was opened to append, whatever the offset.
            at = (len(target.before) if target.offset is None else target.offset) + done
            done += real.pwrite(target.descriptor, data[done:], at)
        os.kill(os.getpid(), signal.SIGKILL)
    finally:
        os._exit(1)


def _take_back(target: _Target, keep: int) -> None:
    """Undo what a copy wrote: this process has not written it yet."""
    passing(real.ftruncate, target.descriptor, len(target.before))
    if target.offset is not None:
        lost = target.before[target.offset : target.offset + keep]
        if lost:
            real.pwrite(target.descriptor, lost, target.offset)
