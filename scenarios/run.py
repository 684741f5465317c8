"""The run of one scenario: workload, trace, crash states, recoveries, judgement, findings."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from tornwrite.faults.images import EMPTY
from tornwrite.faults.kills import KillFailed
from tornwrite.faults.limits import limits_of
from tornwrite.faults.offspring import ProcessesLeft
from tornwrite.faults.profiles import KILL, POSIX, Profile
from tornwrite.faults.recorder import RecorderBlind, UnknownStep
from tornwrite.faults.states import CrashState
from tornwrite.model.judge import GoesOn
from tornwrite.model.linearise import TooManyOrders
from tornwrite.model.results import Finding, LeftOut, Row
from tornwrite.model.verdict import Verdict, Violation
from tornwrite.scenarios.fault_lanes import Effort, Job, run_lane
from tornwrite.scenarios.findings import (
    Collected,
    Evidence,
    evidence,
    finding,
    joined,
    judged_under,
    merged_evidence,
    of_lane,
)
from tornwrite.scenarios.judging import Assessors, judge_trace, live_violations
from tornwrite.scenarios.kills.lane import kill_everywhere
from tornwrite.scenarios.kills.then_power import KILL_THEN_POWER, kill_then_power
from tornwrite.scenarios.lane_registry import lanes_named
from tornwrite.scenarios.permitted import permitted_by_epoch
from tornwrite.scenarios.programs.kills import kill_program
from tornwrite.scenarios.programs.lanes import (
    KILLS_CI,
    all_of,
    is_left_out,
    limits_of_lane,
    recorded_by_both,
)
from tornwrite.scenarios.recording import USE_STRACE, HarnessBroken, NotMeasured, check_space
from tornwrite.scenarios.recovery import Bench, workplace
from tornwrite.scenarios.rows import (
    row_after_kills,
    row_of,
    row_of_kills,
    row_without_crash,
    row_without_verdict,
)
from tornwrite.scenarios.serving import under_strace
from tornwrite.scenarios.subject import Scenario, Subject, WrongUse
from tornwrite.scenarios.workers import Progress

IN_PROCESS = "in-process"
STRACE = "strace"


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run is asked for.

    profiles: from the strongest to the weakest. budget: images a scenario and profile at most.
    seed: for the sample when there are more. real_kills: also kill real processes. every_byte: cut
    the writes of those at every byte. every_cut: a kill that is worked out cuts each write at
    every byte; else only the first write of each source line, the others at chosen bytes.
    kill_then_power: go on after each kill, then lose the power. lanes: the names of the fault lanes
    to run. effort: how much those try. recorder: IN_PROCESS, or STRACE to run the workload of a
    Python subject in a process of its own.
    """

    profiles: tuple[Profile, ...]
    budget: int
    seed: int
    real_kills: bool = True
    every_byte: bool = False
    every_cut: bool = True
    kill_then_power: bool = True
    lanes: tuple[str, ...] = ()
    effort: Effort = Effort.CI
    recorder: str = IN_PROCESS


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a scenario came to.

    notes: what could not be measured or broke, a sentence each. left_out: what was not tried on
    this subject, whatever the effort.
    """

    scenario: str
    rows: tuple[Row, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    left_out: tuple[LeftOut, ...] = ()


def run_scenario(
    subject: Subject, scenario: Scenario, settings: Settings, progress: Progress
) -> Outcome:
    """Record the scenario, judge it under each profile, kill it for real.

    Raises NoSpace when the images have no room, WrongUse for a subject that cannot be used.
    """
    if settings.recorder == STRACE:
        subject = under_strace(subject)
    with workplace() as live:
        try:
            outcome = _run(subject, scenario, settings, progress, live)
        except WrongUse:
            raise
        except RecorderBlind as error:
            outcome = _without_verdict(scenario, settings, f"{error}; {USE_STRACE}")
        except (HarnessBroken, UnknownStep, KillFailed, ProcessesLeft) as error:
            outcome = _without_verdict(scenario, settings, str(error))
        except (TooManyOrders, NotMeasured) as error:
            outcome = _without_verdict(scenario, settings, str(error), Verdict.NOT_MEASURED)
        if any(row.verdict is not Verdict.PASSED for row in outcome.rows):
            check_space(live)  # or the place it all happened in was full, and it says nothing
        return outcome


@dataclass(frozen=True, slots=True)
class _Part:
    """What one part of a run came to; notes and left_out are as in an Outcome."""

    rows: tuple[Row, ...] = ()
    found: tuple[Evidence, ...] = ()
    notes: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


def _run(
    subject: Subject, scenario: Scenario, settings: Settings, progress: Progress, live: str
) -> Outcome:
    started = time.perf_counter()
    subject, recorded = recorded_by_both(subject, scenario, live)
    job = Job(
        subject=subject,
        scenario=scenario,
        recorded=recorded,
        permitted=permitted_by_epoch(subject, scenario, recorded.trace),
        assessors=Assessors(subject, Bench(subject, live)),
        live=live,
        budget=settings.budget,
        seed=settings.seed,
        effort=settings.effort,
        progress=progress,
    )
    wrong = live_violations(subject, scenario, recorded, job.permitted[max(job.permitted)])
    if wrong:
        return _wrong_without_crash(job, wrong, started)
    return _outcome(
        job,
        settings,
        _crashes(job, settings),
        chain(_after_kills(job, settings), _lanes(job, settings)),
    )


def _outcome(job: Job, settings: Settings, crashes: _Part, further: Iterable[_Part]) -> Outcome:
    """All parts together. What a further one shows of what is known counts with that."""
    parts = [crashes]
    found: Sequence[Evidence] = crashes.found
    for part in further:
        parts.append(part)
        found = joined(found, part.found)
    return Outcome(
        job.scenario.name,
        tuple(row for part in parts for row in part.rows),
        tuple(_again_under_strace(one.found, settings) for one in found),
        tuple(note for part in parts for note in part.notes),
        (
            *(LeftOut("", said) for said in limits_of(job.recorded.trace)),
            *(one for part in parts for one in part.left_out),
        ),
    )


def _again_under_strace(found: Finding, settings: Settings) -> Finding:
    if settings.recorder != STRACE:
        return found
    return replace(found, replay=f"{found.replay} --recorder {STRACE}")


def _crashes(job: Job, settings: Settings) -> _Part:
    """The crashes of the plain run: real kills, and what each profile may leave."""
    subject, scenario, trace = job.subject, job.scenario, job.recorded.trace
    collected = Collected(trace)
    killed: Row | None = None
    notes: list[str] = []
    if settings.real_kills and KILL in settings.profiles:
        # First of all: to fork is cheap while nothing is remembered of thousands of images.
        killed, notes = _killed(job, settings, collected)
    runs = judge_trace(
        subject,
        trace,
        job.permitted,
        settings.profiles,
        job.assessors.of(subject.model.names(scenario.every_operation)),
        collected,
        budget=job.budget,
        seed=job.seed,
        progress=job.progress,
        every_cut=settings.every_cut,
    )
    found = merged_evidence(
        judged_under(
            evidence(finding(subject.name, scenario.name, trace, shown), shown), settings.profiles
        )
        for shown in collected.all()
    )
    findings = [one.found for one in found]
    rows = [row_of(scenario, run, findings) for run in runs]
    if killed is not None:
        beside = next(at for at, row in enumerate(rows) if row.profile == KILL.name)
        rows.insert(beside + 1, replace(killed, findings=rows[beside].findings))
    return _Part(tuple(rows), tuple(found), tuple(notes))


def _killed(job: Job, settings: Settings, collected: Collected) -> tuple[Row, list[str]]:
    """Real kills: their row, and where they and the disk model disagree."""
    started = time.perf_counter()
    subject, scenario = job.subject, job.scenario
    if subject.program is None:
        lane = kill_everywhere(
            subject,
            scenario,
            job.recorded.trace,
            job.permitted,
            job.live,
            collected,
            every_byte=settings.every_byte,
            progress=job.progress,
        )
    else:
        lane = kill_program(
            subject,
            subject.program,
            scenario,
            job.live,
            collected,
            most=None if job.effort is Effort.FULL else KILLS_CI,
            progress=job.progress,
        )
    row = row_of_kills(scenario, lane, time.perf_counter() - started)
    return row, [f"{scenario.name}: {said}" for said in lane.disagreements]


def _after_kills(job: Job, settings: Settings) -> Iterator[_Part]:
    """Power losses after a kill, if they are asked for and the model says how to go on."""
    goes_on = isinstance(job.subject.model, GoesOn) and {KILL, POSIX} <= set(settings.profiles)
    if not settings.kill_then_power or not goes_on:
        return
    if is_left_out(job.subject, KILL_THEN_POWER):
        yield _Part(left_out=(all_of(KILL_THEN_POWER),))
        return
    started = time.perf_counter()
    lane = kill_then_power(
        job.subject,
        job.scenario,
        job.recorded.trace,
        job.assessors,
        job.live,
        budget=job.budget,
        seed=job.seed,
        progress=job.progress,
    )
    found = merged_evidence(of_lane(one, KILL_THEN_POWER) for one in lane.findings)
    row = row_after_kills(job.scenario, lane, len(found), time.perf_counter() - started)
    yield _Part((row,), tuple(found))


def _lanes(job: Job, settings: Settings) -> Iterator[_Part]:
    """The fault lanes that are asked for and have anything to try here."""
    for lane in lanes_named(settings.lanes):
        if is_left_out(job.subject, lane.name):
            yield _Part(left_out=(all_of(lane.name),))
        elif lane.concerns(job.subject, job.scenario):
            row, found, broken = run_lane(lane, job)
            limits = limits_of_lane(job.subject, lane.name, settings.effort)
            yield _Part((row,), tuple(found), tuple(broken), limits)


def _wrong_without_crash(job: Job, wrong: Sequence[Violation], started: float) -> Outcome:
    """No crash is needed to show that this is wrong, and none is judged: it would say the same."""
    trace = job.recorded.trace
    collected = Collected(trace)
    for violation in wrong:
        collected.add_without_crash(violation, CrashState(0, len(trace.steps), EMPTY))
    findings = tuple(
        finding(job.subject.name, job.scenario.name, trace, shown) for shown in collected.all()
    )
    row = row_without_crash(job.scenario, len(findings), time.perf_counter() - started)
    return Outcome(job.scenario.name, (row,), findings, ())


def _without_verdict(
    scenario: Scenario, settings: Settings, why: str, instead: Verdict = Verdict.HARNESS_BROKEN
) -> Outcome:
    rows = (row_without_verdict(scenario, profile, instead, why) for profile in settings.profiles)
    return Outcome(scenario.name, tuple(rows), (), (f"{scenario.name}: {why}",))
