"""Programs whose threads are in calls at once: what one syncs is not what another writes then."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from support.programs_of_others import PUT, commit_that_joins, commit_that_waits
from tornwrite.faults.profiles import EXT4, POSIX
from tornwrite.faults.steps import Fsync
from tornwrite.faults.strace_live import tracing_command
from tornwrite.model.verdict import Kind, Verdict
from tornwrite.scenarios.programs import recording
from tornwrite.scenarios.recording import record
from tornwrite.scenarios.recovery import workplace
from tornwrite.scenarios.run import Outcome, Settings, run_scenario
from tornwrite.scenarios.subject import Subject

SETTINGS = Settings((EXT4, POSIX), 2_000, 0, real_kills=False, every_cut=False)


@pytest.fixture(autouse=True)
def slow_syncs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each fsync takes a fifth of a second, so that all else comes meanwhile."""

    def delaying(command: Sequence[str], calls: str, inject: Sequence[str] = ()) -> tuple[str, ...]:
        return tracing_command(command, calls, (*inject, "fsync:delay_enter=200000"))

    monkeypatch.setattr(recording, "tracing_command", delaying)


def came_to(subject: Subject, name: str) -> Outcome:
    named = replace(subject, name=f"support.programs_of_others:{name}")
    return run_scenario(named, PUT, SETTINGS, lambda at, done: None)


def test_a_commit_that_joins_a_sync_under_way_loses_what_it_acknowledged() -> None:
    outcome = came_to(commit_that_joins, "commit_that_joins")
    assert {row.verdict for row in outcome.rows} == {Verdict.VIOLATED}
    assert {finding.violation.kind for finding in outcome.findings} == {Kind.LOST}


def test_a_commit_that_waits_for_a_sync_begun_after_it_wrote_keeps_it() -> None:
    with workplace() as live:
        steps = record(commit_that_waits, PUT, live).trace.steps
    assert [step.during for step in steps if isinstance(step, Fsync)][-4:] == [1, 0, 1, 0]
    outcome = came_to(commit_that_waits, "commit_that_waits")
    assert {row.verdict for row in outcome.rows} == {Verdict.PASSED}, outcome.findings
