"""A program's workload run once more with an error in it, and what its user was told and shown.

An error comes in one process of the program and nowhere else. Where it comes once the user goes on
with the next operation. Where it stays the user tries the same again, goes on if that works, and
otherwise ends the process, starts another one, in which the cause is gone, and tries there. A
process that ends by itself is started again, and the user goes on with the next operation: a crash
leaves the one under way done or not. In the end the store that is open is used once more.

What came of it is a run as of any subject (`tornwrite.scenarios.error_runs`), and judged as such.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from tornwrite.faults.errors import Cause, Lasts
from tornwrite.faults.images import Image, read_image
from tornwrite.faults.injection import ReadOpen
from tornwrite.faults.steps import Open, OpenUnnamed
from tornwrite.faults.strace_live import Injected, Moment
from tornwrite.faults.trace import Began, Event, Stepped, Trace
from tornwrite.model.judge import Seen
from tornwrite.model.operation import Operation
from tornwrite.model.unsynced import Postpones
from tornwrite.scenarios.error_runs import MOST_TRIES, ErrorRun, Look, Told, error_anew
from tornwrite.scenarios.error_trials import Trial
from tornwrite.scenarios.programs.error_calls import FailingCall
from tornwrite.scenarios.programs.failing_run import FailingRun, Request, position_after
from tornwrite.scenarios.programs.protocol import Died, Hung, Ok, Program, Refused
from tornwrite.scenarios.programs.recording import calls_beside, shown_by, told
from tornwrite.scenarios.recording import (
    OPEN,
    REOPEN,
    HarnessBroken,
    NotMeasured,
    check_whole,
    lay_down,
    operations_of,
)
from tornwrite.scenarios.subject import Scenario, Subject


class NotComeAbout(NotMeasured):
    """The error did not come where it should have, or came elsewhere too: nothing is judged."""


@dataclass(frozen=True, slots=True)
class Failing:
    """A run with an error.

    every: how many calls of that name after the one that failed the next one came that was about
    the store; 0 if none came in that process.
    """

    run: ErrorRun
    every: int = 0


def run_with_failing_call(
    subject: Subject,
    program: Program,
    scenario: Scenario,
    trial: Trial,
    call: FailingCall,
    plain: Trace,
    live: str,
    every: int = 1,
) -> Failing:
    """Run the scenario on `live` with that error at that call.

    plain: what happens without. every: as `FailingCall.inject` has it. Whether a new process fails
    like the one that goes on is tried in a directory beside `live`.

    Raises NotComeAbout, and NotMeasured and HarnessBroken as `told` does.
    """
    lay_down(scenario.base, live)
    with told(live), calls_beside(live) as folder:
        inject = {call.life: (call.inject(trial.rule, trial.lasts, every),)}
        shown = shown_by(subject, live)
        run = FailingRun(program, live, scenario.base, folder, inject, shown=shown)
        workload = _Workload(subject, scenario, trial, call, run, live, every)
        try:
            workload.go()
        except Hung as error:
            run.end()
            return Failing(workload.silent(error, plain))
        finally:
            run.end()
        found = workload.finished(run.trace())
    check_whole(found.trace, live)
    return Failing(found, workload.every())


@dataclass(frozen=True, slots=True)
class _Looked:
    """A look, and by which request it was made; none where nothing was open."""

    number: int
    request: Request
    seen: Seen | None
    image: Image
    in_force: bool


class _Workload:
    def __init__(
        self,
        subject: Subject,
        scenario: Scenario,
        trial: Trial,
        call: FailingCall,
        run: FailingRun,
        live: str,
        every: int,
    ) -> None:
        self._subject = subject
        self._names = subject.model.names(scenario.every_operation)
        self._postpones = isinstance(subject.model, Postpones) and subject.model.postponing
        self._operations = (*operations_of(scenario), *scenario.after)
        self._trial = trial
        self._call = call
        self._run = run
        self._live = live
        self._every = every
        self._told: list[Told] = []
        self._looked: list[_Looked] = []
        self._trying: tuple[int, Operation] = (0, OPEN)
        self._ended = 0

    def go(self) -> None:
        """Do all of it. Raises Hung, NotComeAbout."""
        open_still = True
        for number, operation in enumerate(self._operations):
            if number < self._call.operation:
                self._as_recorded(operation)
            elif open_still:
                open_still = self._until_done(operation)
        if open_still and self._in_force:
            open_still = self._in_a_new_process()
        if open_still and self._look():
            open_still = self._use_again()
        self._run.end_process(closing=open_still)

    def _as_recorded(self, operation: Operation) -> None:
        number = self._run.next_number
        if not isinstance(self._run.tried(operation, self._names), Ok):
            raise NotComeAbout(f"{operation} did not do the same a second time")
        self._ended = number

    def _until_done(self, operation: Operation) -> bool:
        """Do it, and again where that is what a user would do; whether the store is open then."""
        for attempt in range(MOST_TRIES):
            opening = operation.name in (OPEN.name, REOPEN)
            number = self._run.next_number
            self._trying = number, operation
            in_force = self._in_force
            hit = number == self._call.operation
            answer = self._run.tried(operation, self._names)
            if isinstance(answer, Died):
                return self._after_death(number, operation, str(answer), hit or in_force)
            self._ended = number
            if isinstance(answer, Ok):
                return self._look() if hit or opening or in_force else True
            in_force = in_force or self._in_force
            self._note(number, operation, answer, hit=hit, in_force=in_force)
            if opening:
                self._run.end_process(closing=False, lossy=self._postpones)
                self._look_at_files()
                if not (hit or in_force):
                    return False
                operation = OPEN
            elif not self._look():
                return False
            elif not in_force:
                return True
            elif attempt and not self._in_a_new_process():
                return False
        return True

    def _after_death(self, number: int, operation: Operation, text: str, given: bool) -> bool:
        """It ended. given: over the error; otherwise it has no reason to."""
        if not given:
            self._note(number, operation, Refused(text), hit=False, in_force=False)
        if not given and operation.name == OPEN.name:
            self._look_at_files()
            return False
        return self._until_done(OPEN)

    def _in_a_new_process(self) -> bool:
        # Where answers are written by the call that fails, none is asked for that is not needed.
        self._run.end_process(closing=not self._call.speaks, lossy=self._postpones)
        return self._until_done(OPEN)

    def _use_again(self) -> bool:
        """Use the store that is open as a new process would; says whether it is open still."""
        seen = self._looked[-1].seen
        observed = None if seen is None else seen.observed
        if observed is None:
            return True
        model = self._subject.model
        for group in model.probes(model.state_of(observed), self._names):
            for operation in group:
                if not self._until_done(operation):
                    return False
        return self._look()

    @property
    def _in_force(self) -> bool:
        """Whether further calls fail."""
        begun = self._run.next_number > self._call.operation
        stays = self._trial.lasts is Lasts.STAYS
        return stays and begun and self._run.life == self._call.life

    def _look(self) -> bool:
        """Look at what the store shows; whether it is open still, or again."""
        in_force = self._in_force
        seen = self._run.shows(self._names)
        if isinstance(seen, Died):
            self._looked_at(None if in_force else Seen(None, str(seen)), in_force)
            return in_force and self._until_done(OPEN)
        self._looked_at(seen, in_force)
        return True

    def _look_at_files(self) -> None:
        self._looked_at(None, self._in_force)

    def _looked_at(self, seen: Seen | None, in_force: bool) -> None:
        if in_force and seen is not None and seen.observed is None:
            seen = None  # it may not be able to read
        image = read_image(self._live)
        self._looked.append(_Looked(self._ended, self._run.last, seen, image, in_force))

    def _note(
        self, number: int, operation: Operation, said: Refused, *, hit: bool, in_force: bool
    ) -> None:
        text = said.error
        as_new = None if hit or in_force else self._fails_anew(operation)
        # How an error is worded is the driver's doing, not the program's.
        clear = named = bool(text.strip())
        self._told.append(
            Told(number, operation, text, hit, in_force, clear, named, said.in_doubt, as_new)
        )

    def _fails_anew(self, operation: Operation) -> bool:
        """Whether a process that starts now fails too."""
        error = error_anew(self._subject, self._live, operation)
        if isinstance(error, HarnessBroken | NotMeasured):
            raise error
        return error is not None

    # What came of it

    def finished(self, trace: Trace) -> ErrorRun:
        """The run, all processes of which have ended. Raises NotComeAbout."""
        run, call = self._run, self._call
        injected = [(life, one) for life, read in enumerate(run.read) for one in read.injected]
        self._check(injected)
        _, first = injected[0]
        numbers = (run.operation_at(life, one.moment) for life, one in injected)
        hit = {number for number in numbers if number is not None}
        at = run.position_of_call(call.life, first.moment)
        found = ErrorRun(trace, at.epoch, at.point, hit=hit)
        found.told = [replace(one, hit=one.number in hit) for one in self._told]
        found.looks = [self._as_look(one) for one in self._looked]
        found.ended = run.has_died
        found.of_one_file = self._trial.rule.cause in (Cause.FORBIDDEN, Cause.MEDIUM)
        return found

    def _as_look(self, looked: _Looked) -> Look:
        at = self._run.position(looked.request)
        return Look(looked.number, at.epoch, at.point, looked.seen, looked.image)

    def _check(self, injected: Sequence[tuple[int, Injected]]) -> None:
        """Raise NotComeAbout unless exactly the calls failed that the error is about."""
        call = self._call
        if not injected:
            raise NotComeAbout("strace had no call fail: the program did not come by it again")
        life, first = injected[0]
        came_at = life, _key(first.moment), self._run.operation_at(life, first.moment)
        if came_at != (call.life, _key(call.moment), call.operation) or not first.here:
            raise NotComeAbout(f"strace had another {first.moment.name} fail than it should have")
        if self._trial.lasts is Lasts.ONCE and len(injected) > 1:
            raise NotComeAbout(f"strace had {len(injected)} calls fail, and not one")
        everything = isinstance(call.place.at, Open | OpenUnnamed | ReadOpen)
        if not everything and not all(one.here for _, one in injected):
            raise NotComeAbout(
                f"with the {call.moment.name} calls about the store others would have failed"
            )
        if self._trial.lasts is Lasts.STAYS and self._every:
            self._check_stays({_key(one.moment) for _, one in injected})

    def every(self) -> int:
        """How many calls of that name after the one that failed the next about the store came."""
        thread, name, count = _key(self._call.moment)
        made = (moment for moment, _ in self._run.read[self._call.life].made)
        same = (one.count for one in made if (one.thread, one.name) == (thread, name))
        return next((number - count for number in same if number > count), 0)

    def _check_stays(self, failed: Collection[tuple[int, str, int]]) -> None:
        for moment, _ in self._run.read[self._call.life].made:
            thread, name, count = _key(self._call.moment)
            later = (moment.thread, moment.name) == (thread, name) and moment.count > count
            if later and _key(moment) not in failed:
                raise NotComeAbout(f"not every further {moment.name} about the store failed")

    def silent(self, error: Hung, plain: Trace) -> ErrorRun:
        """The run of a program that answers no more: what it did is known until the error."""
        if not self._run.injected_here():
            raise NotComeAbout(f"it may not be for what failed that it is silent: {error}")
        events = list(plain.events)
        steps = [at for at, event in enumerate(events) if isinstance(event, Stepped)]
        until = steps[self._call.place.spot.number] if not self._call.place.spot.reads else None
        if until is None:
            until = 1 + next(at for at, event in enumerate(events) if self._begins(event))
        del events[until:]
        number, operation = self._trying
        silent = Told(
            number, operation, str(error), False, False, True, True, False, None, silent=True
        )
        at = position_after(events)
        trace = Trace(plain.base, tuple(events))
        return ErrorRun(trace, at.epoch, at.point, told=[silent])

    def _begins(self, event: Event) -> bool:
        return isinstance(event, Began) and event.number == self._call.operation


def _key(moment: Moment) -> tuple[int, str, int]:
    """Which call it is; how many steps were done by then may depend on other threads."""
    return moment.thread, moment.name, moment.count
