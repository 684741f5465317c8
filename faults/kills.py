"""Real kills: a subject in its own process, ended by SIGKILL before, during or after a chosen step.

The process is forked from this one, warm, so a kill costs milliseconds and no interpreter start.
What happened up to the kill comes back through a pipe as it happens: an acknowledgement counts once
its bytes are in the pipe, whatever becomes of the process next.

Fork and threads do not go together: only the calling thread lives on in the child, and a lock that
another one held stays locked there for ever. Call from a process without other threads, or from one
whose threads hold no lock that the workload needs. For the time of a run no other thread may start
processes: they could not be told from the subject's and would be killed.
"""

import contextlib
import gc
import os
import pickle
import select
import signal
import struct
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from tornwrite.faults import originals as real
from tornwrite.faults.images import EMPTY
from tornwrite.faults.injection import AtStep, Kill, Moment
from tornwrite.faults.interpose import look_at_modules
from tornwrite.faults.offspring import adopting_orphans, children, die_with_parent, end_all
from tornwrite.faults.recorder import Recorder
from tornwrite.faults.recording_errors import RecorderActive
from tornwrite.faults.steps import Close, FailedSync, Fsync, Open, Step, SyncAll, Write
from tornwrite.faults.trace import Event, Stepped

SECTOR = 512

_LENGTH = struct.Struct(">I")
_MOST_READ = 1 << 16


@dataclass(frozen=True, slots=True)
class KillPoint:
    """Where a run is killed.

    step: number of the step, from 0.
    moment: before it, during it (writes only) or after it.
    keep: for a kill during a write, how many bytes of it reach the file.
    """

    step: int
    moment: Moment
    keep: int = 0

    def __str__(self) -> str:
        kept = f" (after {self.keep} B)" if self.moment == "during" else ""
        return f"{self.moment} step {self.step}{kept}"


@dataclass(frozen=True, slots=True)
class Killed:
    """A run that was killed at its point, and all that happened until then.

    The part of a write that was done before a kill during it is the last event. The steps come
    without the lines of source that made them.
    """

    point: KillPoint
    events: tuple[Event, ...]


class KillFailed(Exception):
    """A run was not killed where it should have been. `events` is what happened until its end."""

    def __init__(self, message: str, events: tuple[Event, ...] = ()) -> None:
        super().__init__(message)
        self.events = events


class NotReached(KillFailed):
    """The workload ended before the point. Take points from a trace of this very workload."""


class WorkloadFailed(KillFailed):
    """The workload raised, or its process ended in a way that was not the kill."""


class KillTimeout(KillFailed):
    """The point was not reached in time; the process was ended. Is the workload waiting?"""


@dataclass(frozen=True, slots=True)
class _Ended:
    """The last message of a process that was not killed."""

    error: str | None = None


def kill_points(steps: Sequence[Step], *, every_byte: bool = False) -> list[KillPoint]:
    """Where to kill a run of these steps: before the first, during each write, after each change.

    A kill after a step that changes nothing (a sync, a close, an opening of what is there) leaves
    what the one before it left. "After" a step and "before" the next are the same content, so only
    the first has a "before". They differ when an operation is acknowledged between the two: after
    the one it is not known yet, before the next it is. Add that "before" where it matters.

    every_byte: after every step, and cut each write at every byte. Otherwise after 1 byte, in the
        middle, before the last byte and at each sector (512 bytes) of the file inside it; of an
        append, whose place in the file the steps do not tell, each 512 bytes.
    """
    points = [KillPoint(0, "before")] if steps else []
    for number, step in enumerate(steps):
        if isinstance(step, Write):
            cuts = range(1, len(step.data)) if every_byte else _cuts(step)
            points += [KillPoint(number, "during", keep) for keep in cuts]
        if every_byte or changes_something(step):
            points.append(KillPoint(number, "after"))
    return points


def changes_something(step: Step) -> bool:
    """Whether a kill after the step leaves anything else than one before it."""
    match step:
        case Fsync() | FailedSync() | SyncAll() | Close():
            return False
        case Open():
            return step.create or step.truncate
        case _:
            return True


def _cuts(step: Write) -> list[int]:
    length = len(step.data)
    cuts = {1, length // 2, length - 1}
    cuts.update(range(-(step.offset or 0) % SECTOR, length, SECTOR))
    return sorted(cut for cut in cuts if 0 < cut < length)


def run_and_kill(
    workload: Callable[[Recorder], None],
    root: str | os.PathLike[str],
    point: KillPoint,
    timeout_s: float = 30.0,
    *,
    expected: Sequence[Event] = (),
) -> Killed:
    """Run the workload in a process of its own and kill it at the point.

    workload: drives a subject below `root` and tells the recorder which operations begin and end.
        Called in a forked child, so it needs no pickling; names, arguments and results given to the
        recorder do.
    root: an existing directory. The files left in it are the outcome.
    timeout_s: how long the run may take, in seconds.
    expected: what will probably happen, from a recording of the workload. It only saves time: what
        happens as expected need not come through the pipe in full.

    When this returns or raises, the process and all that it started are gone.

    Raises NotReached, WorkloadFailed (with the traceback) or KillTimeout; ProcessesLeft
    (`tornwrite.faults.offspring`) if a process that the workload started cannot be ended;
    RecorderActive if this process is itself being recorded.
    """
    if Recorder.active():
        raise RecorderActive("a recorder is at work in this process; kill runs outside of it")
    with adopting_orphans(), _fork_of(workload, os.fspath(root), point, expected) as subject:
        in_time = subject.wait(timeout_s)
        status = subject.end()
    events = tuple(
        expected[number] if message is None else message
        for number, message in enumerate(subject.messages)
        if not isinstance(message, _Ended)
    )
    if not in_time:
        raise KillTimeout(
            f"{point} was not reached within {timeout_s:g} s, {_steps(events)} steps were done; "
            "is the workload waiting for something?",
            events,
        )
    return _judged(point, events, subject.messages, status)


def _judged(
    point: KillPoint, events: tuple[Event, ...], messages: list[Any], status: int
) -> Killed:
    last = messages[-1] if messages else None
    done = _steps(events)
    if isinstance(last, _Ended):
        if last.error is not None:
            raise WorkloadFailed(f"the workload failed before {point}:\n{last.error}", events)
        raise NotReached(
            f"{point} was not reached: the workload ended after {done} steps; take the points from "
            "a recording of the same workload",
            events,
        )
    code = os.waitstatus_to_exitcode(status)
    part = point.moment == "during" and point.keep > 0
    expected = point.step + (point.moment == "after" or part)
    if code != -signal.SIGKILL or done != expected:
        raise WorkloadFailed(
            f"the process ended by itself ({_ending(code)}) after {done} steps, not {point}", events
        )
    return Killed(point, events)


def _steps(events: Sequence[Event]) -> int:
    return sum(isinstance(event, Stepped) for event in events)


def _ending(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


class _Subject:
    """The forked process, and the pipe that its messages come through."""

    def __init__(self, pid: int, pipe: int, before: frozenset[int]) -> None:
        self.pid = pid
        self.messages: list[Any] = []
        self._pipe = pipe
        self._before = before
        self._received = bytearray()
        self._status: int | None = None

    def wait(self, timeout_s: float) -> bool:
        """Take messages until the process is dead. False if it is not after `timeout_s` seconds."""
        deadline = time.monotonic() + timeout_s
        death = os.pidfd_open(self.pid)
        try:
            poll = select.poll()
            poll.register(self._pipe, select.POLLIN)
            poll.register(death, select.POLLIN)
            while (left := deadline - time.monotonic()) > 0:
                ready = [descriptor for descriptor, _ in poll.poll(left * 1000)]
                if self._pipe in ready and not self._receive():
                    # Closed before the death: only the death is worth waiting for now.
                    poll.unregister(self._pipe)
                if death in ready:
                    while self._receive():
                        pass
                    return True
            return False
        finally:
            os.close(death)

    def _receive(self) -> bool:
        try:
            part = os.read(self._pipe, _MOST_READ)
        except BlockingIOError:
            return False
        self._received += part
        taken = 0
        while len(self._received) - taken >= _LENGTH.size:
            begin = taken + _LENGTH.size
            end = begin + _LENGTH.unpack_from(self._received, taken)[0]
            if end > len(self._received):
                break
            self.messages.append(pickle.loads(self._received[begin:end]))
            taken = end
        del self._received[:taken]
        return bool(part)

    def end(self) -> int:
        """Kill the process, its group and all that it started. Returns its wait status."""
        if self._status is None:
            # Not reaped yet, so nobody else can have its number, which is its group's as well.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            os.kill(self.pid, signal.SIGKILL)
            self._status = os.waitpid(self.pid, 0)[1]
            end_all(lambda: children() - self._before)
        return self._status


@contextlib.contextmanager
def _fork_of(
    workload: Callable[[Recorder], None], root: str, point: KillPoint, expected: Sequence[Event]
) -> Iterator[_Subject]:
    before = children()
    pipe, end = os.pipe()
    try:
        # What is buffered now would come out a second time if the child's buffer filled up.
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        look_at_modules()
        try:
            parent = os.getpid()
            pid = _fork()
            if pid == 0:
                os.close(pipe)
                _be_subject(workload, root, point, end, parent, expected)
        finally:
            os.close(end)
        os.set_blocking(pipe, False)
        subject = _Subject(pid, pipe, before)
        try:
            yield subject
        finally:
            subject.end()
    finally:
        os.close(pipe)


def _fork() -> int:
    with warnings.catch_warnings():
        # 3.12 warns if there are other threads; the docstring says what is asked of them.
        warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
        return os.fork()


def _be_subject(
    workload: Callable[[Recorder], None],
    root: str,
    point: KillPoint,
    pipe: int,
    parent: int,
    expected: Sequence[Event],
) -> NoReturn:
    """The child's life. It leaves by the kill or by _exit: the stack below is the parent's."""
    try:
        os.setsid()
        die_with_parent(parent)
        _forget_signal_handlers()
        # The parent's objects are not this process's to finalise, nor to copy page by page.
        gc.freeze()
        injector = AtStep(point.step, Kill(point.moment, point.keep))
        with Recorder(
            root,
            base=EMPTY,
            injector=injector,
            on_event=_teller(pipe, expected),
            with_sites=False,
        ) as recorder:
            workload(recorder)
        _send(pipe, _Ended())
    except BaseException:
        with contextlib.suppress(OSError):
            _send(pipe, _Ended(traceback.format_exc()))
    finally:
        os._exit(0)


def _teller(pipe: int, expected: Sequence[Event]) -> Callable[[Event], None]:
    """Sends each event, or that it is the one expected."""
    left = iter(expected)

    def tell(event: Event) -> None:
        other = next(left, None)
        same = other is not None and (
            event.step == other.step and event.operation == other.operation
            if isinstance(event, Stepped) and isinstance(other, Stepped)
            else event == other
        )
        _send(pipe, None if same else event)

    return tell


def _forget_signal_handlers() -> None:
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)


def _send(pipe: int, message: object) -> None:
    data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    view = memoryview(_LENGTH.pack(len(data)) + data)
    while view:
        view = view[real.write(pipe, view) :]
