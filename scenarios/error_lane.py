"""The lane of I/O errors: each step of a scenario fails in turn with each error it can really give.

Which those are is said in `tornwrite.faults.errors`; how a caller goes on then, in `error_runs`;
what is held against it, in `error_judging`. Runs in which the same happened are judged once.
"""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from tornwrite.faults.epochs import epochs
from tornwrite.faults.errors import Lasts
from tornwrite.faults.images import digest
from tornwrite.faults.injection import ReadOpen
from tornwrite.faults.profiles import KILL, POSIX
from tornwrite.faults.states import CrashState, states_at
from tornwrite.faults.steps import describe
from tornwrite.faults.trace import open_paths
from tornwrite.model.results import Finding
from tornwrite.scenarios.earlier import turn_of
from tornwrite.scenarios.error_judging import RunJudge
from tornwrite.scenarios.error_runs import ErrorRun, run_with_error
from tornwrite.scenarios.error_trials import (
    MOST,
    Trial,
    chosen,
    lines_before,
    parse_trial,
    places,
)
from tornwrite.scenarios.fault_lanes import Again, Effort, Fault, FaultLane, Job, LaneRun
from tornwrite.scenarios.findings import Collected, Evidence, Shown, evidence, finding
from tornwrite.scenarios.programs.errors import CannotStay, ErrorsOfProgram
from tornwrite.scenarios.recording import HarnessBroken, NotMeasured
from tornwrite.scenarios.subject import Scenario, Subject, WrongUse

NAME = "errors"

BUDGET = {Effort.QUICK: 15, Effort.CI: 40, Effort.FULL: 100}
"""Images after power losses that are judged of one run with an error, at most."""

EPOCHS = {Effort.QUICK: 3, Effort.CI: 3, Effort.FULL: 3}
"""In how many stretches after an error the power fails: while it fails, after that, later."""


class Errors(Protocol):
    """How calls of one job's subject are made to fail.

    until: how long an error stays that does. budget: images after power losses that are judged of
    one run, at most. untold: what cannot be tried of what was asked for, empty if all can.
    """

    @property
    def until(self) -> str: ...

    @property
    def budget(self) -> int: ...

    @property
    def untold(self) -> str: ...

    def chosen(self) -> Sequence[Trial]:
        """The errors of the job's effort."""
        ...

    def run(self, trial: Trial) -> ErrorRun | None:
        """A run with that error; None if it never came up. Raises NotMeasured where it did not
        come about as it should have."""
        ...

    def parsed(self, words: str) -> Trial:
        """The error of those words. Raises WrongUse when there is no such one (any more)."""
        ...


class ErrorsInProcess:
    """The errors of one job's subject, which runs in this process."""

    until = "until it was lifted"
    untold = ""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._places = places(job.subject, job.scenario, job.recorded.trace, job.live)
        self.budget = BUDGET[job.effort]

    def chosen(self) -> Sequence[Trial]:
        """The errors of the job's effort."""
        job = self._job
        if job.effort is not Effort.FULL:
            return chosen(self._places, job.effort, job.scenario.name)
        known = lines_before(job.subject, job.scenario)
        turn = turn_of(job.subject, job.scenario)
        return chosen(self._places, job.effort, job.scenario.name, known=known, turn=turn)

    def run(self, trial: Trial) -> ErrorRun | None:
        """A run with that error; None if it never came up."""
        return run_with_error(self._job.subject, self._job.scenario, trial, self._job.live)

    def parsed(self, words: str) -> Trial:
        """The error of those words. Raises WrongUse when there is no such one (any more)."""
        return parse_trial(words, self._places)


def errors_of(job: Job) -> Errors:
    """Those of the job's subject. Raises NotMeasured as `ErrorsOfProgram` does."""
    program = job.subject.program
    return ErrorsInProcess(job) if program is None else ErrorsOfProgram(job, program)


class ErrorLane:
    """The lane of I/O errors."""

    @property
    def name(self) -> str:
        return NAME

    def concerns(self, subject: Subject, scenario: Scenario) -> bool:
        """All but what threads do at once: which of them meets the error is for the seed to say."""
        return not scenario.lanes

    def leaves_out(self, effort: Effort) -> str:
        power = f"power losses beyond {EPOCHS[effort]} stretches or {BUDGET[effort]} images a run"
        if effort is Effort.FULL:
            return (
                "where a source line comes up again in a scenario, all but one error, once and "
                "staying; where an earlier scenario has it, each other error, not the same ones in "
                f"the next; {power}; threads"
            )
        return (
            f"all but {MOST[effort]} places a scenario, syncs and writes first, with one error at "
            f"each source line and kind of step; {power}; threads"
        )

    def run(self, job: Job) -> LaneRun:
        """Try every error that the effort asks for."""
        lane = LaneRun()
        errors = errors_of(job)
        lane.sampled += [errors.untold] if errors.untold else []
        known: dict[object, None] = {}
        missed: dict[type[NotMeasured], list[str]] = {}
        trials = errors.chosen()
        for trial in trials:
            run = self._tried(errors, trial, lane, missed)
            if run is None:
                continue
            lane.tried[Fault(NAME, trial.at, trial.what)] += 1
            if run.key not in known:
                known[run.key] = None
                lane.findings += self._judged(job, errors, trial, run, lane)
            job.progress(NAME, lane.tried.total())
        for kind, said_of in missed.items():
            # What no run can bring about is left out by name; what one should have, is not.
            to = lane.sampled if kind is CannotStay else lane.stopped
            to.append(
                f"{len(said_of)} of {len(trials)} errors did not come about; the first: "
                f"{said_of[0]}"
            )
        return lane

    def _tried(
        self,
        errors: Errors,
        trial: Trial,
        lane: LaneRun,
        missed: dict[type[NotMeasured], list[str]],
    ) -> ErrorRun | None:
        try:
            run = errors.run(trial)
        except HarnessBroken as error:
            lane.broken.append(f"{trial.words}: {error}")
            return None
        except NotMeasured as error:
            missed.setdefault(type(error), []).append(f"{trial.words}: {error}")
            return None
        if run is None:
            lane.broken.append(f"{trial.words}: the step did not come up again in a second run")
        return run

    def _judged(
        self, job: Job, errors: Errors, trial: Trial, run: ErrorRun, lane: LaneRun
    ) -> Iterator[Evidence]:
        collected = Collected(run.trace)
        judge = self._judge(job, run)
        judge.without_power_loss(collected)
        lane.images.update(look.image for look in run.looks)
        budget = min(errors.budget, job.budget)
        images, _ = judge.power_losses(collected, wanted(run, job.effort), budget, job.seed)
        lane.images |= images
        for shown in collected.all():
            yield evidence(finding_of(job, errors, trial, run, shown), shown)

    def _judge(self, job: Job, run: ErrorRun) -> RunJudge:
        names = job.subject.model.names(job.scenario.every_operation)
        return RunJudge(job.subject, job.scenario, run, job.assessors.of(names))

    def replay(self, job: Job, again: Again) -> tuple[Finding, ...]:
        """What is wrong when that error comes up again; with a profile, in that crash state."""
        errors = errors_of(job)
        trial = errors.parsed(again.fault)
        run = errors.run(trial)
        if run is None:
            raise WrongUse(f"{again.fault} did not come up again: is the subject deterministic?")
        collected = Collected(run.trace)
        judge = self._judge(job, run)
        if again.profile is None or again.profile == KILL:
            judge.without_power_loss(collected)
        else:
            judge.at_state(collected, crash_state(run, again))
        found = ((shown, finding_of(job, errors, trial, run, shown)) for shown in collected.all())
        return tuple(one for shown, one in found if _is_meant(shown, one, again))


def wanted(run: ErrorRun, effort: Effort) -> frozenset[int]:
    """The epochs in which the power may fail."""
    first = run.first_epoch
    last = len(epochs(run.trace)) - 1
    return frozenset(range(first, min(first + EPOCHS[effort], last + 1)))


def _is_meant(shown: Shown, found: Finding, again: Again) -> bool:
    if again.profile is None:
        return shown.profile is None
    return shown.profile == again.profile and (not again.image or found.image == again.image)


def crash_state(run: ErrorRun, again: Again) -> CrashState:
    """The crash state that is meant. Raises WrongUse when there is none (any more)."""
    epoch, point = again.epoch or 0, again.point or 0
    for image in states_at(run.trace, POSIX, epoch, point):
        if digest(image) == again.image:
            return CrashState(epoch, point, image)
    raise WrongUse(
        f"no power loss at point {point} after {again.fault} leaves image {again.image}: the store "
        "or the scenario has changed since; run the gate"
    )


def finding_of(job: Job, errors: Errors, trial: Trial, run: ErrorRun, shown: Shown) -> Finding:
    """The finding, with the error told, to be replayed by it."""
    found = finding(job.subject.name, job.scenario.name, run.trace, shown)
    told = said(trial, run, errors.until)
    violation = found.violation
    parts = ["tornwrite", "replay", job.subject.name, "--scenario", job.scenario.name]
    parts += ["--fault", f"{NAME}: {trial.words}"]
    if shown.profile is not None:
        parts += ["--profile", found.profile, "--epoch", str(shown.state.epoch)]
        parts += ["--point", str(shown.state.point), "--image", found.image]
    return replace(
        found,
        profile=NAME if shown.profile is None else found.profile,
        profiles=(NAME,) if shown.profile is None else found.profiles,
        violation=replace(violation, recovered=f"{violation.recovered} ({told})"),
        replay=shlex.join(parts),
    )


def said(trial: Trial, run: ErrorRun, until: str) -> str:
    """The error in a sentence, and whether a program ended over it. until: how long one stays."""
    spot, at = trial.place.spot, trial.place.at
    lasts = f"{trial.rule.name}, {'once' if trial.lasts is Lasts.ONCE else until}"
    if run.ended:
        lasts += ", and the program ended"
    if isinstance(at, ReadOpen):
        return f"opening {at.path or '.'} to read it failed with {lasts}"
    cut = f" after {spot.keep} B" if spot.keep else ""
    what = describe(at, open_paths(run.trace.steps))
    return f"step {spot.number}, {what}, failed{cut} with {lasts}"


ERRORS: FaultLane = ErrorLane()
