"""Recordings apart from judgement: a scenario's trace in a file, judged later or elsewhere."""

import time

from tornwrite.faults.limits import limits_of
from tornwrite.faults.trace import Trace, TraceFileError
from tornwrite.model.results import GateResult, LeftOut, worst
from tornwrite.scenarios.findings import (
    Collected,
    evidence,
    finding,
    judged_under,
    merged_evidence,
)
from tornwrite.scenarios.judging import Assessor, judge_trace
from tornwrite.scenarios.permitted import permitted_by_epoch
from tornwrite.scenarios.recording import record
from tornwrite.scenarios.recovery import Bench, workplace
from tornwrite.scenarios.rows import row_of
from tornwrite.scenarios.run import Settings
from tornwrite.scenarios.subject import Scenario, Subject
from tornwrite.scenarios.workers import Progress


def record_scenario(subject: Subject, scenario: Scenario) -> Trace:
    """Run the scenario once and give its trace. Raises HarnessBroken, NoSpace."""
    with workplace() as live:
        return record(subject, scenario, live).trace


def judge_recording(
    subject: Subject,
    scenario: Scenario,
    trace: Trace,
    file: str,
    settings: Settings,
    progress: Progress,
) -> GateResult:
    """Judge a trace of that scenario that was recorded before, by the subject as it is now.

    file: where the trace came from, for the replay commands.
    Raises TraceFileError when the trace is one of something else.
    """
    started = time.perf_counter()
    try:
        permitted = permitted_by_epoch(subject, scenario, trace)
    except (ValueError, KeyError, TypeError) as error:
        raise TraceFileError(
            f"{file}: its operations are not those of {scenario.name} ({error}); name the scenario "
            "that it was recorded from"
        ) from error
    with workplace() as live:
        names = subject.model.names(scenario.every_operation)
        collected = Collected(trace)
        runs = judge_trace(
            subject,
            trace,
            permitted,
            settings.profiles,
            Assessor(subject, Bench(subject, live), names),
            collected,
            budget=settings.budget,
            seed=settings.seed,
            progress=progress,
        )
        found = merged_evidence(
            judged_under(
                evidence(finding(subject.name, scenario.name, trace, shown, file), shown),
                settings.profiles,
            )
            for shown in collected.all()
        )
        findings = [one.found for one in found]
    rows = tuple(row_of(scenario, run, findings) for run in runs)
    return GateResult(
        subject=subject.name,
        weakened=subject.weakened,
        seed=settings.seed,
        budget=settings.budget,
        verdict=worst([row.verdict for row in rows]),
        rows=rows,
        findings=tuple(findings),
        notes=(),
        seconds=time.perf_counter() - started,
        left_out=tuple(LeftOut("", said) for said in limits_of(trace)),
    )
