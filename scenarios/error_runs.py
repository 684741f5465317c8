"""A workload run once more with an error in it, and what its caller was told and shown.

Where an error comes once the caller goes on with the next operation, as programs do that log what
went wrong. Where it stays the caller tries the same again: in vain, and, when the cause is gone,
with success, without a restart. An opening is tried again in any case: nothing else can be done.
In the end the store that is open is used once more.
"""

import contextlib
import errno
import gc
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

from tornwrite.faults.error_injection import Errors
from tornwrite.faults.errors import Cause, Lasts
from tornwrite.faults.images import Image, read_image
from tornwrite.faults.recorder import Recorder
from tornwrite.faults.trace import Acknowledged, Event, Failed, Stepped, Trace
from tornwrite.model.judge import Seen
from tornwrite.model.operation import Operation, canonical
from tornwrite.scenarios.continuation import boundaries
from tornwrite.scenarios.error_trials import Trial
from tornwrite.scenarios.recording import (
    OPEN,
    REOPEN,
    Run,
    check_whole,
    lay_down,
    look,
    operations_of,
    said,
)
from tornwrite.scenarios.subject import Driver, Scenario, Subject

MOST_TRIES = 4
"""How often an operation is tried before the run counts as stuck."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen right after an operation: through the subject that is open, and of its files.

    seen: None where opening it failed. number: of the operation in the trace. epoch, point: where
    in the trace.
    """

    number: int
    epoch: int
    point: int
    seen: Seen | None
    image: Image


@dataclass(frozen=True, slots=True)
class Told:
    """An operation that failed, and what its caller was told.

    hit: an error came up during it. in_force: the cause was still there. clear: it is an error of
    the system or of the store's own kind. named: it names the error or a file. as_new: a process
    that starts anew fails in the same way; None if nobody asked. silent: it was told nothing, and
    waited in vain.
    """

    number: int
    operation: Operation
    text: str
    hit: bool
    in_force: bool
    clear: bool
    named: bool
    not_undone: bool
    as_new: bool | None
    silent: bool = False


@dataclass(slots=True)
class ErrorRun:
    """One run with an error. first_epoch, first_point: where it came up first.

    leaked: files that were left open. hit: the operations in which errors came up, by number.
    of_one_file: whether the error is about one file and no other. ended: whether the program ended
    by itself.
    """

    trace: Trace
    first_epoch: int
    first_point: int
    told: list[Told] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    leaked: list[str] = field(default_factory=list)
    hit: set[int] = field(default_factory=set)
    of_one_file: bool = False
    ended: bool = False

    @property
    def key(self) -> tuple[object, ...]:
        """What is the same for runs in which the same happened, whatever the errors were called."""
        events = tuple(map(_key, self.trace.events))
        told = tuple(
            (one.number, one.clear, one.named, one.not_undone, one.silent) for one in self.told
        )
        return events, told, self.first_point, self.of_one_file


def _key(event: Event) -> object:
    match event:
        case Stepped(step):
            return step
        case Acknowledged(number, result):
            return Acknowledged, number, None if result is None else canonical(result)
        case Failed(number):
            return Failed, number
        case _:
            return type(event)


def run_with_error(
    subject: Subject, scenario: Scenario, trial: Trial, live: str
) -> ErrorRun | None:
    """Run the scenario on `live` with that error in it; None if the error never came up.

    Whether a new process fails like the one that goes on is tried in a directory beside it.
    """
    lay_down(scenario.base, live)
    errors = Errors(trial.place.spot, trial.rule, trial.lasts)
    workload = _Workload(subject, scenario, trial, errors, live)
    with Recorder(live, base=scenario.base, injector=errors, with_sites=True) as recorder:
        workload.go(recorder)
        trace = recorder.trace()
    if workload.first is None:
        return None
    check_whole(trace, live)
    run = ErrorRun(trace, *workload.first, told=workload.told, looks=workload.looks)
    run.leaked = sorted(_close_leaked(live))
    run.hit = workload.hit
    run.of_one_file = trial.rule.cause in (Cause.FORBIDDEN, Cause.MEDIUM)
    return run


class _Workload:
    def __init__(
        self,
        subject: Subject,
        scenario: Scenario,
        trial: Trial,
        errors: Errors,
        live: str,
    ) -> None:
        self.told: list[Told] = []
        self.looks: list[Look] = []
        self.hit: set[int] = set()
        self.first: tuple[int, int] | None = None
        self._subject = subject
        self._names = subject.model.names(scenario.every_operation)
        self._operations = (*operations_of(scenario), *scenario.after)
        self._lasts = trial.lasts
        self._errno = trial.rule.errno
        self._errors = errors
        self._live = live

    def go(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._run = Run(self._subject, self._live, recorder, given=True)

        def began() -> None:
            events = recorder.events
            self.first = boundaries(events), sum(isinstance(e, Stepped) for e in events)

        self._errors.on_error = began
        driver: Driver | None = None
        try:
            for operation in self._operations:
                driver = self._until_done(driver, operation)
                if driver is None:
                    return
            if self.first is None:
                return
            self._errors.lift()
            self._look(driver)
            if driver is not None and self._use_again(driver):
                self._look(driver)
        finally:
            if driver is not None:
                self._errors.lift()
                with contextlib.suppress(Exception):  # judged where nothing had gone wrong
                    driver.close()

    def _until_done(self, driver: Driver | None, operation: Operation) -> Driver | None:
        """Do it, and again where that is what a caller would do."""
        opening = operation.name in (OPEN.name, REOPEN)
        for number in range(MOST_TRIES):
            before = self._errors.hits
            driver = self._run.perform(driver, (operation,))
            hit = self._errors.hits > before
            if hit:
                self.hit.add(self._number)
            failure, self._run.failure = self._run.failure, None
            if failure is None:
                if self.first is not None and (hit or opening):
                    self._look(driver)
                return driver
            self._note(operation, failure, hit)
            del failure
            self._look(driver)
            told = self.told[-1]
            if number >= 1:
                self._errors.lift()
            if opening:
                operation = OPEN
            elif self._lasts is Lasts.ONCE or not (told.hit or told.in_force):
                return driver
        return driver

    def _use_again(self, driver: Driver) -> bool:
        """Use the store that is open as a new process would; says whether it is open still."""
        seen = self.looks[-1].seen
        observed = None if seen is None else seen.observed
        if observed is None:
            return False
        model = self._subject.model
        for group in model.probes(model.state_of(observed), self._names):
            for operation in group:
                if self._until_done(driver, operation) is None:
                    return False
        return True

    def _look(self, driver: Driver | None) -> None:
        with self._errors.set_aside():
            seen = None if driver is None else look(driver, self._names, self._live)
        events = self._recorder.events
        self.looks.append(
            Look(
                self._number,
                boundaries(events),
                sum(isinstance(event, Stepped) for event in events),
                seen,
                read_image(self._live),
            )
        )

    @property
    def _number(self) -> int:
        ended = [e for e in self._recorder.events if isinstance(e, Acknowledged | Failed)]
        return ended[-1].number

    def _note(self, operation: Operation, failure: Exception, hit: bool) -> None:
        text = said(failure, self._live, given=True)
        in_force = self._errors.in_force
        as_new = None
        if not hit and not in_force:
            as_new = self._fails_anew(operation, failure)
        self.told.append(
            Told(
                self._number,
                operation,
                text,
                hit,
                in_force,
                is_clear(failure),
                self._is_named(failure, text),
                self._subject.not_undone(failure),
                as_new,
            )
        )

    def _is_named(self, failure: Exception, text: str) -> bool:
        cause: BaseException | None = failure
        while cause is not None:
            # What an error was raised from is told with it.
            if isinstance(cause, OSError) and (cause.filename is not None or cause is not failure):
                return True
            cause = cause.__cause__
        paths = (*self._errors.paths, *(path for path, _ in read_image(self._live)))
        names = filter(None, map(os.path.basename, paths))
        return os.strerror(self._errno) in text or any(name in text for name in names)

    def _fails_anew(self, operation: Operation, failure: Exception) -> bool:
        """Whether a process that starts now fails with the same error."""
        with self._errors.set_aside():
            error = error_anew(self._subject, self._live, operation)
        return type(error) is type(failure) and not isinstance(error, OSError)


def error_anew(subject: Subject, live: str, operation: Operation) -> Exception | None:
    """The error of a process that starts now and does the operation, None if it can do it.

    live: where the store is at work. It is done beside that, on a copy.
    """
    anew = f"{live}-anew"
    os.makedirs(anew, exist_ok=True)
    lay_down(read_image(live), anew)
    try:
        driver = subject.open(anew)
        try:
            if operation.name not in (OPEN.name, REOPEN):
                driver.apply(operation)
        finally:
            driver.close()
    except Exception as error:
        return error
    return None


def is_clear(error: Exception) -> bool:
    """Whether it is an error of the system or of a kind of the store's own.

    One of Python's own kinds tells of a mistake in the program.
    """
    if isinstance(error, OSError):
        return True
    module = type(error).__module__.partition(".")[0]
    return module not in sys.stdlib_module_names and module not in ("builtins", "orjson")


def _close_leaked(root: str) -> Iterator[str]:
    """The files below the root that are still open, by name; closes them."""
    leaked = list(_open_below(root))
    if leaked:
        gc.collect()  # what only waits to be collected is not kept
        leaked = list(_open_below(root))
    for descriptor, path in leaked:
        os.close(descriptor)
        yield path


def _open_below(root: str) -> Iterator[tuple[int, str]]:
    start = os.path.join(os.path.realpath(root), "")
    for name in os.listdir("/proc/self/fd"):
        try:
            path = os.readlink(f"/proc/self/fd/{name}")
        except OSError as error:
            if error.errno == errno.ENOENT:
                continue
            raise
        if path.startswith(start) or path == start[:-1]:
            yield int(name), path.removeprefix(start).removesuffix(" (deleted)") or "."
