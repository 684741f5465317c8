"""Damage where a message stands in several lines: what has to be shown still, and how often."""

from dataclasses import replace

import pytest

from tornwrite.model.promises import DAMAGE as PROMISE
from tornwrite.model.results import Finding
from tornwrite.scenarios.archive.repair import WHOLE_DAMAGED
from tornwrite.scenarios.damage.lane import DAMAGE
from tornwrite.scenarios.fault_lanes import Effort
from tornwrite.scenarios.run import Settings, run_scenario
from tornwrite.scenarios.sessions.operations import add, truncate
from tornwrite.scenarios.stores import archive, reference
from tornwrite.scenarios.subject import Scenario, Subject

SETTINGS = Settings(
    (), 10_000, 0, real_kills=False, kill_then_power=False, lanes=(DAMAGE.name,), effort=Effort.FULL
)

TWICE = Scenario(
    name="twice",
    about="the same is said more than once, in one session and in another",
    promises=(PROMISE,),
    operations=(add("a", "hello"), add("a", "hello"), add("b", "hello")),
)

THRICE = Scenario(
    name="thrice",
    about="the same is said again after a part of the session was removed",
    promises=(PROMISE,),
    operations=(
        add("a", "hello"),
        add("a", "hello"),
        add("b", "hello"),
        truncate("a", 1),
        add("a", "hello"),
    ),
)


def found(subject: Subject, scenario: Scenario) -> tuple[Finding, ...]:
    outcome = run_scenario(
        replace(subject, scenarios=(scenario,)), scenario, SETTINGS, lambda at, done: None
    )
    assert not outcome.notes
    assert outcome.rows[0].judged > 100
    return outcome.findings


@pytest.mark.parametrize("scenario", [TWICE, THRICE], ids=lambda scenario: scenario.name)
def test_the_line_that_was_damaged_may_be_missing_and_no_other_one(scenario: Scenario) -> None:
    assert found(reference, scenario) == ()


def test_a_line_in_a_file_kept_aside_need_not_be_shown() -> None:
    """The session is read from another file, which has that line too until it is damaged."""
    assert found(archive, WHOLE_DAMAGED) == ()
