"""The run of one scenario: workload, trace, crash states, recoveries, judgement, findings."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tornwrite.faults.images import EMPTY
from tornwrite.faults.kills import KillFailed
from tornwrite.faults.limits import limits_of
from tornwrite.faults.offspring import ProcessesLeft
from tornwrite.faults.profiles import KILL, POSIX, Profile
from tornwrite.faults.recorder import RecorderBlind, UnknownStep
from tornwrite.faults.states import CrashState
from tornwrite.faults.trace import Trace
from tornwrite.model.judge import GoesOn, Permitted
from tornwrite.model.linearise import TooManyOrders
from tornwrite.model.results import Finding, Row
from tornwrite.model.verdict import Verdict, Violation
from tornwrite.scenarios.chosen_cuts import LONGEST
from tornwrite.scenarios.fault_lanes import Effort, Job, run_lane
from tornwrite.scenarios.findings import (
    Collected,
    Evidence,
    evidence,
    finding,
    joined,
    merged_evidence,
)
from tornwrite.scenarios.judging import (
    Assessors,
    ProfileRun,
    judge_trace,
    live_violations,
)
from tornwrite.scenarios.kill_lane import REAL_KILLS, kill_everywhere
from tornwrite.scenarios.kill_then_power import KILL_THEN_POWER, kill_then_power
from tornwrite.scenarios.lane_registry import lanes_named
from tornwrite.scenarios.permitted import permitted_by_epoch
from tornwrite.scenarios.programs.kills import kill_program
from tornwrite.scenarios.programs.lanes import (
    KILLS_CI,
    is_left_out,
    limits_of_lane,
    recorded_by_both,
    said_of,
)
from tornwrite.scenarios.recording import (
    USE_STRACE,
    HarnessBroken,
    NotMeasured,
    Recorded,
    check_space,
)
from tornwrite.scenarios.recovery import Bench, workplace
from tornwrite.scenarios.serving import under_strace
from tornwrite.scenarios.subject import Scenario, Subject
from tornwrite.scenarios.workers import Progress

CHOSEN_CUTS = (
    "all but the first write of each source line, and writes of more than "
    f"{LONGEST:,} bytes, are cut at chosen bytes only"
)

NO_CRASH = "no crash"
"""Where profiles are named: the run itself was wrong, before any crash."""


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
    left_out: tuple[str, ...] = ()


def run_scenario(
    subject: Subject, scenario: Scenario, settings: Settings, progress: Progress
) -> Outcome:
    """Record the scenario, judge it under each profile, kill it for real.

    Raises NoSpace when the images have no room.
    """
    if settings.recorder == STRACE:
        subject = under_strace(subject)
    with workplace() as (live, bench):
        try:
            outcome = _run(subject, scenario, settings, progress, live, bench)
        except RecorderBlind as error:
            why = f"{scenario.name}: {error}; {USE_STRACE}"
            outcome = _without_verdict(scenario, settings, why)
        except (HarnessBroken, UnknownStep, KillFailed, ProcessesLeft) as error:
            outcome = _without_verdict(scenario, settings, f"{scenario.name}: {error}")
        except (TooManyOrders, NotMeasured) as error:
            outcome = _without_verdict(
                scenario, settings, f"{scenario.name}: {error}", Verdict.NOT_MEASURED
            )
        if any(row.verdict is not Verdict.PASSED for row in outcome.rows):
            check_space(live)  # or the place it all happened in was full, and it says nothing
        return outcome


def _run(
    subject: Subject,
    scenario: Scenario,
    settings: Settings,
    progress: Progress,
    live: str,
    bench: str,
) -> Outcome:
    started = time.perf_counter()
    subject, recorded = recorded_by_both(subject, scenario, live)
    trace = recorded.trace
    left_out = [*limits_of(trace)]
    permitted = permitted_by_epoch(subject, scenario, trace)
    wrong = live_violations(subject, scenario, recorded, permitted[max(permitted)])
    if wrong:
        return _wrong_without_crash(subject, scenario, recorded, wrong, started)
    names = subject.model.names(scenario.every_operation)
    collected = Collected(trace)
    notes: list[str] = []
    lane: Row | None = None
    if settings.real_kills and KILL in settings.profiles:
        # First of all: to fork is cheap while nothing is remembered of thousands of images.
        lane, notes = _kill(
            subject, scenario, trace, permitted, live, collected, settings, progress
        )
    assessors = Assessors(subject, Bench(subject, bench))
    runs = judge_trace(
        subject,
        trace,
        permitted,
        settings.profiles,
        assessors.of(names),
        collected,
        budget=settings.budget,
        seed=settings.seed,
        progress=progress,
        every_cut=settings.every_cut,
    )
    found = merged_evidence(
        evidence(finding(subject.name, scenario.name, trace, shown), shown)
        for shown in collected.all()
    )
    findings = [one.found for one in found]
    rows = [row_of(scenario, run, findings) for run in runs]
    if lane is not None:
        beside = next(at for at, row in enumerate(rows) if row.profile == KILL.name)
        rows.insert(beside + 1, replace(lane, findings=rows[beside].findings))
    can_go_on = isinstance(subject.model, GoesOn) and {KILL, POSIX} <= set(settings.profiles)
    if settings.kill_then_power and can_go_on and is_left_out(subject, KILL_THEN_POWER):
        left_out.append(said_of(KILL_THEN_POWER))
    elif settings.kill_then_power and can_go_on:
        row, later = _kill_then_power(subject, scenario, trace, assessors, live, settings, progress)
        rows.append(row)
        found = joined(found, later)
    job = Job(
        subject=subject,
        scenario=scenario,
        recorded=recorded,
        permitted=permitted,
        assessors=assessors,
        live=live,
        bench=bench,
        budget=settings.budget,
        seed=settings.seed,
        effort=settings.effort,
        progress=progress,
    )
    for fault_lane in lanes_named(settings.lanes):
        if is_left_out(subject, fault_lane.name):
            left_out.append(said_of(fault_lane.name))
        elif fault_lane.concerns(subject, scenario):
            row, later, broken = run_lane(fault_lane, job)
            left_out += limits_of_lane(subject, fault_lane.name, settings.effort)
            rows.append(row)
            notes += broken
            found = joined(found, later)
    return Outcome(
        scenario.name,
        tuple(rows),
        tuple(_again_under_strace(one.found, settings) for one in found),
        tuple(notes),
        tuple(left_out),
    )


def _again_under_strace(found: Finding, settings: Settings) -> Finding:
    if settings.recorder != STRACE:
        return found
    return replace(found, replay=f"{found.replay} --recorder {STRACE}")


def _kill(
    subject: Subject,
    scenario: Scenario,
    trace: Trace,
    permitted: Mapping[int, Permitted[Any]],
    root: str,
    collected: Collected,
    settings: Settings,
    progress: Progress,
) -> tuple[Row, list[str]]:
    started = time.perf_counter()
    if subject.program is None:
        lane = kill_everywhere(
            subject,
            scenario,
            trace,
            permitted,
            root,
            collected,
            every_byte=settings.every_byte,
            progress=progress,
        )
    else:
        most = None if settings.effort is Effort.FULL else KILLS_CI
        lane = kill_program(
            subject, subject.program, scenario, root, collected, most=most, progress=progress
        )
    otherwise = Verdict.NOT_MEASURED if lane.stopped else Verdict.PASSED
    if lane.disagreements:
        otherwise = Verdict.HARNESS_BROKEN
    fewer = f"{lane.kills} of {lane.points} kills chosen" if lane.points > lane.kills else ""
    row = Row(
        scenario=scenario.name,
        profile=REAL_KILLS,
        verdict=Verdict.VIOLATED if lane.violations else otherwise,
        operations=len(scenario.every_operation),
        points=lane.kills,
        judged=len(lane.images),
        possible=len(lane.images) + bool(fewer),
        complete=not fewer and not lane.stopped,
        stopped=lane.stopped or fewer,
        findings=0,
        seconds=time.perf_counter() - started,
        otherwise=otherwise,
    )
    return row, [f"{scenario.name}: {said}" for said in lane.disagreements]


def _kill_then_power(
    subject: Subject,
    scenario: Scenario,
    trace: Trace,
    assessors: Assessors,
    root: str,
    settings: Settings,
    progress: Progress,
) -> tuple[Row, list[Evidence]]:
    started = time.perf_counter()
    lane = kill_then_power(
        subject,
        scenario,
        trace,
        assessors,
        root,
        budget=settings.budget,
        seed=settings.seed,
        progress=progress,
    )
    findings = merged_evidence(
        replace(one, found=replace(one.found, lane=KILL_THEN_POWER)) for one in lane.findings
    )
    verdict = Verdict.NOT_MEASURED if lane.stopped else Verdict.PASSED
    row = Row(
        scenario=scenario.name,
        profile=KILL_THEN_POWER,
        verdict=Verdict.VIOLATED if findings else verdict,
        operations=len(scenario.every_operation),
        points=lane.runs,
        judged=len(lane.images),
        possible=lane.possible,
        complete=not lane.stopped,
        stopped=lane.stopped,
        findings=len(findings),
        seconds=time.perf_counter() - started,
        otherwise=Verdict.PASSED if lane.barred else verdict,
    )
    return row, findings


def row_of(scenario: Scenario, run: ProfileRun, findings: Sequence[Finding] = ()) -> Row:
    """The row of a scenario under one profile. findings: those of all profiles."""
    otherwise = Verdict.NOT_MEASURED if run.coverage.stopped else Verdict.PASSED
    chosen = CHOSEN_CUTS if run.coverage.chosen else ""
    return Row(
        scenario=scenario.name,
        profile=run.profile.name,
        verdict=Verdict.VIOLATED if run.violations else otherwise,
        operations=len(scenario.every_operation),
        points=run.coverage.points,
        judged=run.coverage.images,
        possible=run.coverage.possible,
        complete=run.coverage.complete,
        stopped=run.coverage.stopped or chosen,
        findings=sum(run.profile.name in found.profiles for found in findings),
        seconds=run.seconds,
        otherwise=otherwise,
    )


def _wrong_without_crash(
    subject: Subject,
    scenario: Scenario,
    recorded: Recorded,
    wrong: Sequence[Violation],
    started: float,
) -> Outcome:
    """No crash is needed to show that this is wrong, and none is judged: it would say the same."""
    trace = recorded.trace
    collected = Collected(trace)
    point = len(trace.steps)
    for violation in wrong:
        collected.add_without_crash(violation, CrashState(0, point, EMPTY))
    findings = tuple(
        finding(subject.name, scenario.name, trace, shown) for shown in collected.all()
    )
    row = Row(
        scenario=scenario.name,
        profile=NO_CRASH,
        verdict=Verdict.VIOLATED,
        operations=len(scenario.every_operation),
        points=1,
        judged=1,
        possible=1,
        complete=True,
        stopped="",
        findings=len(findings),
        seconds=time.perf_counter() - started,
        otherwise=Verdict.NOT_MEASURED,
    )
    return Outcome(scenario.name, (row,), findings, ())


def _without_verdict(
    scenario: Scenario, settings: Settings, why: str, instead: Verdict = Verdict.HARNESS_BROKEN
) -> Outcome:
    rows = tuple(
        Row(
            scenario=scenario.name,
            profile=profile.name,
            verdict=instead,
            operations=len(scenario.every_operation),
            points=0,
            judged=0,
            possible=0,
            complete=False,
            stopped=why,
            findings=0,
            seconds=0.0,
        )
        for profile in settings.profiles
    )
    return Outcome(scenario.name, rows, (), (why,))
