"""From a scenario to a trace: the workload is run once, for real, and recorded."""

import contextlib
import copy
import errno
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from tornwrite.faults.images import Image, clear, difference, materialise, read_image
from tornwrite.faults.interleaving import Deadlock, Endless, Interleaving, NotInTurns
from tornwrite.faults.interpreter import Interpreter, TraceImpossible
from tornwrite.faults.recorder import Recorder, RecorderBlind, UnknownStep
from tornwrite.faults.scratch import NoSpace
from tornwrite.faults.trace import Trace
from tornwrite.faults.turn_locks import as_another_process, locks_that_give_turns
from tornwrite.model.judge import Seen
from tornwrite.model.operation import Observation, Operation
from tornwrite.scenarios.subject import Driver, Lane, Scenario, Subject, WrongUse

OPEN = Operation("open")
REOPEN = "reopen"
LOOK = Operation("look")
"""What a recovery does between opening and going on: it shows all to a reader."""


class HarnessBroken(Exception):
    """The harness itself failed: no verdict can be given. The message says which part and how."""


class Misused(HarnessBroken, WrongUse):
    """What was given does not go together, which showed only when it was opened: a method that is
    missing, a content of another shape. The message says what, and what to do."""


class NotMeasured(Exception):
    """Something kept this from being judged. The message names it, and says what to do."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recorded scenario, and what its subject showed at the end, with nothing gone wrong.

    looked: what a program showed when it was asked to between its operations, the first time.
    """

    trace: Trace
    seen: Seen
    looked: Observation | None = None


def operations_of(scenario: Scenario) -> tuple[Operation, ...]:
    """All operations as they are numbered in the trace: opening comes first."""
    return (OPEN, *scenario.operations)


def drive(
    subject: Subject,
    scenario: Scenario,
    root: str,
    recorder: Recorder,
    turns: Interleaving | None = None,
) -> Seen:
    """Run the workload on `root`, telling the recorder when each operation begins and ends.

    turns: those of the lanes; from the scenario's seed unless they are given.
    Raises HarnessBroken when lanes of the scenario wait for what no seed can order.
    """
    if turns is None and scenario.lanes:
        turns = Interleaving(scenario.seed)
    with contextlib.ExitStack() as stack:
        if turns is not None:
            stack.enter_context(locks_that_give_turns(turns))
        run = Run(subject, root, recorder, turns)
        driver = run.perform(None, operations_of(scenario))
        if driver is None:
            return Seen(None, run.broken)
        seen = Seen(None)
        try:
            if turns is not None:
                with recorder.in_turns(turns):
                    run.lanes(driver, scenario.lanes, turns)
            if not run.broken:
                driver = run.perform(driver, scenario.after)
            if driver is not None and not run.broken:
                seen = look(driver, subject.model.names(scenario.every_operation), root)
        finally:
            closing = _closing_error(driver, root)
        # What broke off may have left locks behind, which is no news then.
        return Seen(None, run.broken or closing) if run.broken or closing else seen


def _closing_error(driver: Driver | None, root: str) -> str:
    if driver is not None:
        try:
            driver.close()
        except Exception as error:
            return f"closing fails: {said(error, root)}"
    return ""


class Run:
    """One run of a workload.

    broken: why it could not go on, if it could not. failure: what the last operation raised, if it
    did. given: errors for want of room are the run's own doing, not the harness's.
    """

    def __init__(
        self,
        subject: Subject,
        root: str,
        recorder: Recorder,
        turns: Interleaving | None = None,
        *,
        given: bool = False,
    ) -> None:
        self._turns = turns
        self._subject = subject
        self._root = root
        self._recorder = recorder
        self._given = given
        self.broken = ""
        self.failure: Exception | None = None

    def perform(self, driver: Driver | None, operations: Sequence[Operation]) -> Driver | None:
        """Do the operations in order. Returns the driver that is open at the end, if one is."""
        for operation in operations:
            if self._turns is not None:
                self._turns.step()
            number = self._recorder.began(operation.name, operation.arguments)
            self.failure = None
            try:
                result: Any = None
                if operation.name in (OPEN.name, REOPEN):
                    if driver is not None:
                        # Closed for good, even where closing it fails.
                        leaving, driver = driver, None
                        leaving.close()
                    driver = self._subject.open(self._root)
                elif driver is None:
                    raise HarnessBroken("there is nothing to work on: opening failed")
                else:
                    # As it is now: a store may give away what it goes on changing.
                    result = copy.deepcopy(driver.apply(operation))
            except (HarnessBroken, UnknownStep, RecorderBlind):
                raise
            except Exception as error:
                text = said(error, self._root, given=self._given)
                self._recorder.failed(number, text)
                self.failure = error
                if driver is None:
                    self.broken = f"{operation} failed: {text}"
                    return None
            else:
                self._recorder.acknowledged(number, result)
        return driver

    def lanes(self, driver: Driver, lanes: Sequence[Lane], turns: Interleaving) -> None:
        """Do all lanes at once."""

        def shared(lane: Lane) -> None:
            self.perform(driver, lane.operations)

        def process(lane: Lane) -> None:
            with as_another_process():
                own = self.perform(None, (OPEN, *lane.operations))
                if own is not None:
                    own.close()

        work = [partial(process if lane.process else shared, lane) for lane in lanes]
        try:
            turns.run(work)
        except (Deadlock, Endless) as error:
            self.broken = f"the lanes do not come to an end: {error}"
        except NotInTurns as error:
            self.broken = str(error)
            raise HarnessBroken(f"the lanes cannot be run in turns: {error}") from error


USE_STRACE = (
    "use --recorder strace, which sees what the operating system is asked for, whoever asks it"
)
"""What to do where the in-process recorder cannot see what a subject does."""

PERFORM = Run.perform.__qualname__
"""The function that calls the subject: in a list of calls, what is above it is the harness."""


def record(
    subject: Subject, scenario: Scenario, root: str, turns: Interleaving | None = None
) -> Recorded:
    """Run the scenario once on `root`, a directory that is emptied first.

    turns: those of the lanes; from the scenario's seed unless they are given.
    Raises HarnessBroken when the recording does not explain what is on the disk afterwards,
    NotMeasured when the subject is a program that cannot be recorded so.
    """
    if subject.program is not None:
        # Imported here: a program's recording is made of what is in this module.
        from tornwrite.scenarios.programs.recording import record_program

        return record_program(subject, subject.program, scenario, root)
    lay_down(scenario.base, root)
    with Recorder(root, base=scenario.base) as recorder:
        seen = drive(subject, scenario, root, recorder, turns)
    trace = recorder.trace()
    check_whole(trace, root)
    return Recorded(trace, seen)


def lay_down(image: Image, root: str) -> None:
    """Make `root`, an existing directory of the harness's own, hold the image and nothing else.

    Raises NoSpace when it does not fit.
    """
    clear(root)
    try:
        materialise(image, root)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        place = os.path.dirname(os.path.dirname(root))
        raise NoSpace(
            f"cannot write an image below {place}: {error.strerror} "
            f"({shutil.disk_usage(root).free:,} B free); make room there, or set TORNWRITE_SCRATCH "
            "to a directory with more"
        ) from error


def check_whole(trace: Trace, root: str) -> None:
    """Raise HarnessBroken unless the trace's steps lead to exactly what is below `root`."""
    interpreter = Interpreter(trace.base)
    try:
        for index, step in enumerate(trace.steps):
            interpreter.apply(index, step)
    except TraceImpossible as error:
        raise HarnessBroken(f"the recording is not whole: {error}") from error
    differences = difference(interpreter.image(), read_image(root))
    if differences:
        raise HarnessBroken(
            "files changed behind the recorder's back, by a C extension or another process "
            f"({'; '.join(differences)}); {USE_STRACE}"
        )


def look(driver: Driver, names: tuple[str, ...], root: str) -> Seen:
    """One look at an open subject."""
    try:
        return Seen(driver.observe(names))
    except HarnessBroken:
        raise
    except Exception as error:
        return Seen(None, said(error, root))


def said(error: BaseException, root: str, *, given: bool = False) -> str:
    """An error as its caller would read it, without the directory the harness happened to use.

    given: an error for want of room may be one that the harness gave.

    Raises NoSpace when the error is only that the harness has no room to work in: no subject can
    keep its promises there, and none is to be blamed.
    """
    check_space(root, None if given else error)
    text = f"{type(error).__name__}: {error}"
    return text.replace(os.path.realpath(root) + os.sep, "").replace(root + os.sep, "")


def check_space(root: str, error: BaseException | None = None) -> None:
    """Raise NoSpace when the harness's own place is full, or the error says that it was.

    root: a directory in that place.
    """
    free = shutil.disk_usage(root).free
    full = free < _LEAST_FREE_BYTES
    while error is not None and not full:
        full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
        error = error.__cause__ or error.__context__
    if full:
        raise NoSpace(
            f"there is no room left to work in at {os.path.dirname(os.path.dirname(root))} "
            f"({free:,} B free); make room there, or set TORNWRITE_SCRATCH to a directory with more"
        )


_LEAST_FREE_BYTES = 256 * 1024
