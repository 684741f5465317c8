"""The lane of I/O errors: each step of a scenario fails in turn with each error it can really give.

Which those are is said in `tornwrite.faults.errors`; how a caller goes on then, in `error_runs`;
what is held against it, in `error_judging`. Runs in which the same happened are judged once.
"""

import shlex
from collections.abc import Iterator
from dataclasses import replace

from tornwrite.faults.epochs import epochs
from tornwrite.faults.images import digest
from tornwrite.faults.injection import ReadOpen
from tornwrite.faults.profiles import KILL, POSIX
from tornwrite.faults.states import CrashState, states_at
from tornwrite.faults.steps import describe
from tornwrite.faults.trace import open_paths
from tornwrite.model.results import Finding
from tornwrite.scenarios.error_judging import RunJudge
from tornwrite.scenarios.error_runs import ErrorRun, run_with_error
from tornwrite.scenarios.error_trials import MOST, Trial, chosen, parse_trial, places
from tornwrite.scenarios.fault_lanes import Again, Effort, Fault, FaultLane, Job, LaneRun
from tornwrite.scenarios.findings import Collected, Evidence, Shown, evidence, finding
from tornwrite.scenarios.recording import HarnessBroken
from tornwrite.scenarios.subject import Scenario, Subject, WrongUse

NAME = "errors"

BUDGET = {Effort.QUICK: 15, Effort.CI: 40, Effort.FULL: 100}
"""Images after power losses that are judged of one run with an error, at most."""

EPOCHS = {Effort.QUICK: 3, Effort.CI: 3, Effort.FULL: 3}
"""In how many stretches after an error the power fails: while it fails, after that, later."""


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
                f"staying; {power}; threads"
            )
        return (
            f"all but {MOST[effort]} places a scenario, syncs and writes first, with one error at "
            f"each source line and kind of step; {power}; threads"
        )

    def run(self, job: Job) -> LaneRun:
        """Try every error that the effort asks for."""
        lane = LaneRun()
        found = places(job.subject, job.scenario, job.recorded.trace, job.live)
        known: dict[object, None] = {}
        for trial in chosen(found, job.effort, job.scenario.name):
            run = self._tried(job, trial, lane)
            if run is None:
                continue
            lane.tried[Fault(NAME, trial.at, trial.what)] += 1
            if run.key not in known:
                known[run.key] = None
                lane.findings += self._judged(job, trial, run, lane)
            job.progress(NAME, lane.tried.total())
        return lane

    def _tried(self, job: Job, trial: Trial, lane: LaneRun) -> ErrorRun | None:
        try:
            run = run_with_error(job.subject, job.scenario, trial, job.live)
        except HarnessBroken as error:
            lane.broken.append(f"{trial.words}: {error}")
            return None
        if run is None:
            lane.broken.append(f"{trial.words}: the step did not come up again in a second run")
        return run

    def _judged(self, job: Job, trial: Trial, run: ErrorRun, lane: LaneRun) -> Iterator[Evidence]:
        collected = Collected(run.trace)
        judge = self._judge(job, run)
        judge.without_power_loss(collected)
        lane.images.update(look.image for look in run.looks)
        budget = min(BUDGET[job.effort], job.budget)
        images, _ = judge.power_losses(collected, wanted(run, job.effort), budget, job.seed)
        lane.images |= images
        for shown in collected.all():
            yield evidence(finding_of(job, trial, run, shown), shown)

    def _judge(self, job: Job, run: ErrorRun) -> RunJudge:
        names = job.subject.model.names(job.scenario.every_operation)
        return RunJudge(job.subject, job.scenario, run, job.assessors.of(names))

    def replay(self, job: Job, again: Again) -> tuple[Finding, ...]:
        """What is wrong when that error comes up again; with a profile, in that crash state."""
        known = places(job.subject, job.scenario, job.recorded.trace, job.live)
        trial = parse_trial(again.fault, known)
        run = run_with_error(job.subject, job.scenario, trial, job.live)
        if run is None:
            raise WrongUse(f"{again.fault} did not come up again: is the subject deterministic?")
        collected = Collected(run.trace)
        judge = self._judge(job, run)
        if again.profile is None or again.profile == KILL:
            judge.without_power_loss(collected)
        else:
            judge.at_state(collected, crash_state(run, again))
        found = ((shown, finding_of(job, trial, run, shown)) for shown in collected.all())
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


def finding_of(job: Job, trial: Trial, run: ErrorRun, shown: Shown) -> Finding:
    """The finding, with the error told, to be replayed by it."""
    found = finding(job.subject.name, job.scenario.name, run.trace, shown)
    told = said(trial, run)
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


def said(trial: Trial, run: ErrorRun) -> str:
    """The error in a sentence."""
    spot, at = trial.place.spot, trial.place.at
    lasts = trial.rule.name + (", once" if trial.lasts.value == "once" else ", until it was lifted")
    if isinstance(at, ReadOpen):
        return f"opening {at.path or '.'} to read it failed with {lasts}"
    cut = f" after {spot.keep} B" if spot.keep else ""
    what = describe(at, open_paths(run.trace.steps))
    return f"step {spot.number}, {what}, failed{cut} with {lasts}"


ERRORS: FaultLane = ErrorLane()
