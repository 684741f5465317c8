"""A subject that cannot be closed although nothing is wrong."""

from dataclasses import replace

from support.key_values import RightStore, right
from tornwrite.faults.profiles import POSIX
from tornwrite.model.results import NO_CRASH
from tornwrite.model.verdict import Kind
from tornwrite.scenarios.run import Settings, run_scenario


class _Unclosable(RightStore):
    def close(self) -> None:
        raise RuntimeError("release unlocked lock")


def test_closing_that_fails_is_a_violation_and_no_failure_of_the_harness() -> None:
    subject = replace(right, open=_Unclosable)
    settings = Settings((POSIX,), 1_000, 0, real_kills=False)
    outcome = run_scenario(subject, subject.scenarios[0], settings, lambda at, done: None)
    (found,) = outcome.findings
    assert (found.profile, found.violation.kind) == (NO_CRASH, Kind.UNREADABLE)
    assert "closing fails: RuntimeError: release unlocked lock" in found.violation.recovered
