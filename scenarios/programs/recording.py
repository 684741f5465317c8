"""A program's run, recorded: its steps as strace saw them, its answers among them.

An operation begins where the driver read the first byte of its request, and is acknowledged where
it wrote the last byte of its answer (`tornwrite.scenarios.programs.weaving`).
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tornwrite.faults.images import Image, read_image
from tornwrite.faults.recording_errors import UnknownStep
from tornwrite.faults.strace_errors import StraceError, StraceUnusableError
from tornwrite.faults.strace_live import LiveRecording, read_recording, tracing_command
from tornwrite.faults.strace_log import StraceLog
from tornwrite.faults.trace import (
    Acknowledged,
    Began,
    Event,
    Failed,
    Trace,
    open_paths,
)
from tornwrite.model.judge import Seen
from tornwrite.model.operation import Observation, Operation
from tornwrite.scenarios.programs.driver import Opener
from tornwrite.scenarios.programs.protocol import (
    CLOSING,
    Answer,
    Misbehaved,
    Nonsense,
    Ok,
    OperationFailed,
    Program,
    Refused,
    Request,
    doing,
    observing,
    opening,
    reopens,
)
from tornwrite.scenarios.programs.running import Running
from tornwrite.scenarios.programs.weaving import Asked, woven
from tornwrite.scenarios.recording import (
    LOOK,
    OPEN,
    REOPEN,
    HarnessBroken,
    NotMeasured,
    Recorded,
    check_whole,
    lay_down,
    operations_of,
)
from tornwrite.scenarios.subject import Scenario, Subject


def record_program(subject: Subject, program: Program, scenario: Scenario, root: str) -> Recorded:
    """Run the scenario once on `root`, a directory that is emptied first, under strace.

    Raises NotMeasured when the run cannot be recorded, and says why; HarnessBroken when the driver
    does not keep to the protocol. A driver that dies or hangs is wrong without any crash, and
    shown as an operation that failed.
    """
    if scenario.lanes:
        raise NotMeasured(
            "several at once: turns are taken within the harness's own process, which the recorder "
            "in-process is for"
        )
    lay_down(scenario.base, root)
    names = subject.model.names(scenario.every_operation)
    operations = (*operations_of(scenario), *scenario.after)
    return record_operations(subject, program, operations, names, root, base=scenario.base)


def record_operations(
    subject: Subject,
    program: Program,
    operations: Sequence[Operation],
    names: Sequence[str],
    root: str,
    *,
    base: Image,
) -> Recorded:
    """Do the operations on what is in `root`, the first of which opens it, and look at the end.

    base: what is in `root`. names: what is looked at. Raises as `record_program` does.
    """
    with told(root), calls_beside(root) as folder:
        run = ProgramRun(program, root, base, folder, shown=shown_by(subject, root))
        try:
            seen = run.whole(operations, names)
            trace = run.trace()
        finally:
            run.end()
    if not run.broken:
        check_whole(trace, root)
    return Recorded(trace, seen, run.looked)


def shown_by(subject: Subject, root: str) -> Callable[[Any], Observation]:
    """How an answer to observe is an observation: a subject of Python is served with its own.

    root: what it is about to open.
    """
    return subject.open.observation(root) if isinstance(subject.open, Opener) else dict


_PROTOCOL = (
    "that is not the protocol of drivers, which tornwrite speaks and which the driver has to: one "
    'line for each request, {"ok": RESULT} or {"error": "TEXT"}, and nothing else on standard '
    "output (docs/guide/program.md); correct the driver, or name the right one in program_subject"
)


@contextmanager
def told(root: str) -> Iterator[None]:
    """What goes wrong with a program's run, as what keeps it from being judged.

    root: where it runs, which is another directory each time and is told as DIRECTORY.
    Raises NotMeasured or HarnessBroken for each of those exceptions.
    """
    try:
        yield
    except Nonsense as error:
        said = str(error).replace(os.path.realpath(root), "DIRECTORY").replace(root, "DIRECTORY")
        raise HarnessBroken(f"{said}; {_PROTOCOL}") from error
    except UnknownStep as error:
        UnknownStep.raised.clear()  # it is told here, and spoils no recording in-process
        raise NotMeasured(f"the program does what the recorder does not model: {error}") from error
    except StraceUnusableError as error:
        raise NotMeasured(f"programs cannot be recorded here: {error}") from error
    except StraceError as error:
        raise HarnessBroken(f"the recording under strace failed: {error}") from error


@contextmanager
def calls_beside(root: str) -> Iterator[str]:
    """A directory for what strace writes, in the workspace that `root` is in."""
    folder = tempfile.mkdtemp(prefix="calls-", dir=os.path.dirname(os.path.realpath(root)))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(slots=True)
class _Life:
    """One process of the driver, and what it was asked. sent: how many bytes that were."""

    running: Running
    base: Image
    log: StraceLog
    pipe: int
    sent: int = 0
    asked: list[Asked] = field(default_factory=list)

    def hears(self, read: LiveRecording, cut_off: bool) -> bool:
        """Whether every byte that it was sent was seen to be read, if it was not cut off."""
        heard = read.heard[-1][0] if read.heard else 0
        return heard <= self.sent if cut_off else heard == self.sent


class ProgramRun:
    """One run of a program under strace, in as many processes as it takes.

    root: where it works. base: what is there. folder: for what strace writes. inject: what strace
    changes, by the number of the process in which it does. shown: from what it shows to an
    observation.

    broken: why it could not go on, if it could not; failure: the error that it was. looked: what it
    showed when an operation was to look, the first time. read: what each
    process did, once there is a trace.
    """

    def __init__(
        self,
        program: Program,
        root: str,
        base: Image,
        folder: str,
        inject: Mapping[int, Sequence[str]] | None = None,
        *,
        shown: Callable[[Any], Observation] = dict,
    ) -> None:
        self._program = program
        self._root = root
        self._base = base
        self._folder = folder
        self._inject = inject or {}
        self._shown = shown
        self._lives: list[_Life] = []
        self._numbers = 0
        self._reopens = False
        self.broken = ""
        self.failure: Exception | None = None
        self.looked: Observation | None = None
        self.read: list[LiveRecording] = []

    def whole(self, operations: Sequence[Operation], names: Sequence[str]) -> Seen:
        """Do the operations, look, and close."""
        for operation in operations:
            self.perform(operation, names)
            if self.broken:
                return Seen(None, self.broken)
        try:
            seen = self._look(names)
        except HarnessBroken:
            # An answer too many has made all later ones answers to something else.
            self._life.running.check_quiet()
            raise
        try:
            self._close()
        except (Misbehaved, OperationFailed) as error:
            self._check(error)
            self.broken, self.failure = f"closing fails: {error}", error
            return Seen(None, self.broken)
        return seen

    def perform(self, operation: Operation, names: Sequence[str] = ()) -> Answer | None:
        """Do one operation; None when it cannot go on after it. names: what a look is at."""
        number = self._numbers
        self._numbers += 1
        began = Began(number, operation.name, dict(operation.arguments))
        try:
            match operation.name:
                case OPEN.name:
                    answer = self._open(began, number)
                case name if name == REOPEN:
                    answer = self._reopen(began, number)
                case LOOK.name:
                    answer = self._ask(observing(names), began, number)
                    if isinstance(answer, Ok) and self.looked is None:
                        self.looked = self._shown(answer.result)
                case _:
                    answer = self._ask(doing(operation), began, number)
        except (Misbehaved, OperationFailed) as error:
            self._check(error)
            self.broken, self.failure = f"{operation} failed: {error}", error
            return None
        if isinstance(answer, Refused) and operation.name in (OPEN.name, REOPEN):
            self.broken = f"{operation} failed: {answer.error}"
        return answer

    def trace(self, *, killed: bool = False) -> Trace:
        """What happened. All processes have ended; of a broken run only what was asked is told.

        killed: strace killed the last process, and what happened until then is told.
        Raises UnknownStep and StraceError (`read_recording`).
        """
        if self.broken and not killed:
            known = [one for life in self._lives for one in life.asked]
            asked: list[Event] = [e for one in known for e in (one.began, one.ended) if e]
            return Trace(self._base, tuple(asked))
        events: list[Event] = []
        owner: int | None = None
        handles = 0
        for life in self._lives:
            last = killed and life is self._life
            owner = self._weave(events, life, owner, handles, cut_off=last, killed=last)
            handles += max(open_paths(self.read[-1].steps), default=0)
        return Trace(self._base, tuple(events), self._beside())

    def _weave(
        self,
        events: list[Event],
        life: _Life,
        owner: int | None,
        handles: int,
        *,
        cut_off: bool,
        killed: bool = False,
    ) -> int | None:
        """Read what a process did and put it behind the events; whose steps come next.

        cut_off: it ended before it had read and answered everything. killed: strace killed it.
        """
        life.log.finish()
        folder, _ = self._program.started_in()
        read = read_recording(
            life.log.calls, self._root, life.base, folder, life.pipe, killed=killed
        )
        if not cut_off:
            read.check_all_seen(life.running.bytes_said)
        self.read.append(read)
        return woven(events, read, life.asked, owner, handles, hears_all=life.hears(read, cut_off))

    def _beside(self) -> tuple[str, ...]:
        """What the processes did beside their steps."""
        return tuple(dict.fromkeys(said for read in self.read for said in read.unrecorded))

    @property
    def killed_at_end(self) -> bool:
        """Whether the last process was killed after all that it was asked, while it ended."""
        return not self.broken and self._life.running.killed

    def end(self) -> None:
        """No process of it goes on."""
        for life in self._lives:
            life.running.kill()
            with contextlib.suppress(StraceError):
                life.log.finish()

    def _check(self, error: Exception) -> None:
        """A driver that does not keep to the protocol is no finding."""
        if isinstance(error, Nonsense):
            raise error

    def _look(self, names: Sequence[str]) -> Seen:
        try:
            answer = self._ask(observing(names))
            match answer:
                case Ok(result):
                    return Seen(self._shown(result))
                case Refused(error):
                    return Seen(None, error)
        except (Misbehaved, OperationFailed, ValueError) as error:
            self._check(error)
            self.broken, self.failure = f"observe fails: {error}", error
            return Seen(None, self.broken)

    def _open(self, began: Began, number: int) -> Answer:
        self._start()
        answer = self._ask(opening(self._root), began, number)
        self._reopens = reopens(answer)
        return answer

    def _reopen(self, began: Began, number: int) -> Answer:
        closed = self._ask(CLOSING, began)
        if isinstance(closed, Refused):
            raise OperationFailed(f"close: {closed.error}")
        if not self._reopens:
            self._life.running.leave()
            self._start()
        return self._ask(opening(self._root), None, number)

    def _start(self) -> None:
        base = read_image(self._root) if self._lives else self._base
        folder = os.path.join(self._folder, str(len(self._lives)))
        os.mkdir(folder)
        inject = self._inject.get(len(self._lives), ())
        log = StraceLog(folder, os.path.realpath(self._root))
        try:
            running = Running(
                self._program, tracing_command(self._program.command, log.pipe, inject)
            )
        except BaseException:
            log.finish()
            raise
        self._lives.append(_Life(running, base, log, running.output))

    def _close(self) -> None:
        if self._life.running.over:
            return
        closed = self._ask(CLOSING)
        self._life.running.leave()
        if isinstance(closed, Refused):
            raise OperationFailed(closed.error)

    @property
    def _life(self) -> _Life:
        return self._lives[-1]

    def _ask(
        self, request: Request, began: Began | None = None, number: int | None = None
    ) -> Answer:
        asked = Asked(began, first=self._life.sent + 1)
        self._life.sent += len(request.line())
        self._life.asked.append(asked)
        answer = self._life.running.ask(request)
        asked.byte = self._life.running.bytes_said
        if number is not None:
            match answer:
                case Ok(result):
                    own = request.body["do"] in ("open", "observe")
                    shown = None if own else result
                    asked.ended = Acknowledged(number, shown)
                case Refused(error):
                    asked.ended = Failed(number, error)
        return answer
