"""The lane of full disks: wherever the workload needs room there is none, then there is again.

Three ways to have a full disk, held against each other: an injector that lets a write take what
fits (`tornwrite.faults.capacity`), cheap and so for everything; pyfakefs, byte by byte, for one
scenario of each subject; a real tmpfs, block by block, for that scenario too. They have to agree on
what became of each operation, on what was seen and on every byte of the disk.
"""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass, replace

from tornwrite.faults.capacity import Capacity
from tornwrite.faults.images import Image, read_image
from tornwrite.faults.profiles import KILL, POSIX, Profile
from tornwrite.faults.recorder import Recorder
from tornwrite.faults.states import CrashState, CrashStates, states_at
from tornwrite.faults.trace import Failed, Trace
from tornwrite.model.judge import judge
from tornwrite.model.operation import canonical
from tornwrite.model.results import Finding
from tornwrite.scenarios.disks.arms import Tried, arms_disagree
from tornwrite.scenarios.disks.choice import LEFT_OUT, chosen
from tornwrite.scenarios.disks.filling import Filled, Filling, fill, parse_filling
from tornwrite.scenarios.disks.judging import Wrong, place_of, wrongs
from tornwrite.scenarios.disks.small_disk import why_no_mount
from tornwrite.scenarios.earlier import turn_of
from tornwrite.scenarios.fault_lanes import Again, Effort, Fault, FaultLane, Job, LaneRun
from tornwrite.scenarios.findings import (
    Collected,
    Evidence,
    Shown,
    evidence,
    finding,
    replay_command,
)
from tornwrite.scenarios.permitted import permitted_by_epoch
from tornwrite.scenarios.promised import under
from tornwrite.scenarios.recording import OPEN, REOPEN, check_space, check_whole, lay_down, record
from tornwrite.scenarios.subject import Scenario, Subject, WrongUse

NAME = "full disk"

POWER_IMAGES = {Effort.QUICK: 0, Effort.CI: 50, Effort.FULL: 100}
"""How many of the images that a power loss could leave on one full disk are judged."""


class DiskLane:
    """Every step of a workload that needs room on the disk, without it."""

    name = NAME

    def concerns(self, subject: Subject, scenario: Scenario) -> bool:
        """Whether it does anything at all."""
        return bool(scenario.every_operation)

    def leaves_out(self, effort: Effort) -> str:
        """What is not tried, tmpfs among it where none can be mounted.

        The threads of a scenario come one after another: what is full is full for all of them.
        """
        power = f"more than {POWER_IMAGES[effort]} images of a power loss"
        no_mount = "" if effort is Effort.QUICK else why_no_mount()
        return "; ".join(text for text in (LEFT_OUT[effort], power, no_mount) if text)

    def run(self, job: Job) -> LaneRun:
        """Fill the disk at each step that the effort asks for."""
        run = LaneRun()
        if _is_left_out(job):
            return run
        scenario = in_a_row(job.scenario)
        trace = _plain(job, scenario)
        if any(isinstance(event, Failed) for event in trace.events):
            run.stopped.append("an operation fails with room on the disk: see no crash")
            return run
        seen: set[tuple[object, ...]] = set()
        effort = Effort.CI if job.scenario.lanes else job.effort
        turn = turn_of(job.subject, job.scenario)
        for one in chosen(trace, effort, sweep=_represents(job), turn=turn):
            run.tried[Fault(NAME, one.at, one.what)] += 1
            filled, filled_trace = run_on(job, scenario, one.filling, to_the_end=one.to_the_end)
            wrong = list(_judged(job, scenario, filled, run.images))
            new = {_key(filled, each) for each in wrong} - seen
            if new:
                seen |= new
                run.findings += _told(job, scenario, one.filling)
            if one.power and not wrong and not _came_up_full(filled):
                _lose_power(job, scenario, one.filling, filled, filled_trace, run)
            job.progress(NAME, run.tried.total())
        if _represents(job):
            _hold_arms_together(job, scenario, trace, run)
        return run

    def replay(self, job: Job, again: Again) -> tuple[Finding, ...]:
        """What is wrong on that full disk, or in that crash state after it.

        Raises WrongUse when there is no such disk or state (any more).
        """
        filling = parse_filling(again.fault)
        scenario = in_a_row(job.scenario)
        if again.profile in (None, KILL):
            return tuple(one.found for one in _told(job, scenario, filling))
        _, trace = run_on(job, scenario, filling, with_sites=True)
        power = _Power(job, scenario, filling, trace)
        return tuple(one.found for one in power.findings([power.state(again)]))


FULL_DISK: FaultLane = DiskLane()


def in_a_row(scenario: Scenario) -> Scenario:
    """The scenario with its lanes one after another: what is full is full for all of them."""
    return replace(scenario, operations=scenario.every_operation, lanes=(), after=())


def run_on(
    job: Job,
    scenario: Scenario,
    filling: Filling,
    *,
    with_sites: bool = False,
    to_the_end: bool = True,
) -> tuple[Filled, Trace]:
    """Run the workload while the disk fills up, on `job.live`; `to_the_end` is that of `fill`.

    Raises HarnessBroken when the recording does not explain what is there afterwards, NoSpace when
    the harness itself has no room.
    """
    lay_down(scenario.base, job.live)
    check_space(job.live)
    capacity = Capacity(scenario.base, filling.room)
    disk = _Injected(capacity, job.live)
    with Recorder(
        job.live, base=scenario.base, injector=capacity, with_sites=with_sites
    ) as recorder:
        filled = fill(
            job.subject,
            scenario,
            job.live,
            disk,
            filling.way,
            recorder,
            recorder.events,
            to_the_end=to_the_end,
        )
    trace = recorder.trace()
    check_whole(trace, job.live)
    return filled, trace


@dataclass(frozen=True, slots=True)
class _Injected:
    """A real directory, with the room that an injector leaves in it."""

    capacity: Capacity
    root: str

    @property
    def refused(self) -> int:
        return self.capacity.refused

    def free(self) -> None:
        self.capacity.free()

    def image(self) -> Image:
        return read_image(self.root)


def _is_left_out(job: Job) -> bool:
    """Whether it is one of threads, below FULL; or there, in a row, the same as one before it."""
    if not job.scenario.lanes:
        return False
    rows = (in_a_row(one) for one in job.subject.scenarios)
    this = _workload(in_a_row(job.scenario))
    first = next(one for one in rows if _workload(one) == this)
    return job.effort is not Effort.FULL or first.name != job.scenario.name


def _workload(scenario: Scenario) -> tuple[object, ...]:
    return scenario.base, canonical(scenario.start), tuple(map(str, scenario.operations))


def _plain(job: Job, scenario: Scenario) -> Trace:
    if not job.scenario.lanes:
        return job.recorded.trace
    return record(job.subject, scenario, job.live).trace


def _judged(job: Job, scenario: Scenario, filled: Filled, images: set[Image]) -> Iterable[Wrong]:
    names = job.subject.model.names(scenario.every_operation)
    images.update(one.look.image for one in filled.attempts if one.look is not None)
    return wrongs(job.subject, scenario, filled, job.assessors.of(names))


def _key(filled: Filled, wrong: Wrong) -> tuple[object, ...]:
    first = next((one.operation.name for one in filled.attempts if one.refused), "")
    violation = wrong.violation
    return violation.kind, violation.promise.name, violation.about, wrong.killed, first


def _told(job: Job, scenario: Scenario, filling: Filling) -> list[Evidence]:
    """What is wrong on that full disk, with the source lines of its steps."""
    filled, trace = run_on(job, scenario, filling, with_sites=True)
    collected = Collected(trace)
    for wrong in _judged(job, scenario, filled, set()):
        epoch, point = place_of(trace.events[: wrong.look.events])
        state = CrashState(epoch, point, wrong.look.image)
        if wrong.killed:
            collected.add(wrong.violation, KILL, state)
        else:
            collected.add_without_crash(wrong.violation, state)
    return [_evidence(job, scenario, filling, trace, shown) for shown in collected.all()]


def _evidence(
    job: Job, scenario: Scenario, filling: Filling, trace: Trace, shown: Shown
) -> Evidence:
    found = finding(job.subject.name, scenario.name, trace, shown)
    profile = NAME if shown.profile is None else shown.profile.name
    command = ["tornwrite", "replay", job.subject.name, "--scenario", scenario.name]
    command += ["--fault", f"{NAME}: {filling}"]
    replay = shlex.join(command)
    if shown.profile is POSIX:
        # The same options as for a crash of the plain run.
        plain = replay_command(job.subject.name, scenario.name, profile, shown.state)
        replay += plain[plain.index(" --profile") :]
    return evidence(replace(found, profile=profile, profiles=(profile,), replay=replay), shown)


def _came_up_full(filled: Filled) -> bool:
    """Whether a start met the full disk and went on: in which way, no model can tell."""
    return any(
        one.refused and one.failure is None and one.operation.name in (OPEN.name, REOPEN)
        for one in filled.attempts
    )


class _Power:
    """Power losses during and after the first operation that found no room."""

    def __init__(self, job: Job, scenario: Scenario, filling: Filling, trace: Trace) -> None:
        self._job = job
        self._scenario = scenario
        self._filling = filling
        self._trace = trace
        self._permitted = permitted_by_epoch(job.subject, scenario, trace)
        self._assessor = job.assessors.of(job.subject.model.names(scenario.every_operation))

    def states(self, first: int, budget: int) -> CrashStates:
        wanted = frozenset(number for number in self._permitted if number >= first)
        return CrashStates(
            self._trace, POSIX, budget=budget, seed=self._job.seed, epochs_wanted=wanted
        )

    def state(self, again: Again) -> CrashState:
        """The state that a replay names. Raises WrongUse when there is none."""
        profile: Profile = again.profile or POSIX
        epoch, point = again.epoch or 0, again.point or 0
        for image in states_at(self._trace, profile, epoch, point, again.cut):
            state = CrashState(epoch, point, image, again.cut)
            if replay_command("", "", "", state).endswith(f"--image {again.image}"):
                return state
        raise WrongUse(
            f"no crash at point {point} leaves image {again.image} after {self._filling}: the "
            "store or the scenario has changed since; run the gate"
        )

    def findings(self, states: Iterable[CrashState]) -> list[Evidence]:
        collected = Collected(self._trace)
        for state in states:
            permitted = under(self._permitted[state.epoch], POSIX)
            for violation in judge(self._job.subject.model, permitted, self._assessor(state.image)):
                collected.add(violation, POSIX, state)
        return [
            _evidence(self._job, self._scenario, self._filling, self._trace, shown)
            for shown in collected.all()
        ]


def _lose_power(
    job: Job,
    scenario: Scenario,
    filling: Filling,
    filled: Filled,
    trace: Trace,
    run: LaneRun,
) -> None:
    """Judge what a power loss leaves from the failure on."""
    failed = next((one for one in filled.attempts if one.refused), None)
    if failed is None or failed.look is None:
        return
    budget = min(POWER_IMAGES[job.effort], job.budget)
    first = place_of(trace.events[: failed.look.events])[0] - 1
    power = _Power(job, scenario, filling, trace)
    states = power.states(first, budget)
    found = power.findings(_noting(states, run.images))
    if found:
        with_sites = run_on(job, scenario, filling, with_sites=True)[1]
        power = _Power(job, scenario, filling, with_sites)
        run.findings += power.findings(power.states(first, budget))


def _noting(states: CrashStates, images: set[Image]) -> Iterable[CrashState]:
    for state in states:
        images.add(state.image)
        yield state


def _represents(job: Job) -> bool:
    """Whether this scenario stands for its subject where one has to."""
    plain = (one for one in job.subject.scenarios if not one.lanes)
    return job.effort is not Effort.QUICK and job.scenario == next(plain, None)


def _hold_arms_together(job: Job, scenario: Scenario, trace: Trace, run: LaneRun) -> None:
    def injected(one: Tried) -> Filled:
        return run_on(job, scenario, one.filling, to_the_end=one.to_the_end)[0]

    found = arms_disagree(job.subject, scenario, trace, job.effort, job.live, injected)
    for arm, filling, said in found:
        run.tried[Fault(NAME, arm, f"ENOSPC, {filling.way.value}")] += 1
        if said:
            run.broken.append(said)
