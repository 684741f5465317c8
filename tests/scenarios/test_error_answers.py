"""What is read while the disk fails: told as it is, or not at all."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tornwrite.model.results import Finding
from tornwrite.model.verdict import Kind
from tornwrite.reference import JSONLStore
from tornwrite.scenarios.error_lane import ERRORS
from tornwrite.scenarios.fault_lanes import Effort
from tornwrite.scenarios.run import Settings, run_scenario
from tornwrite.scenarios.session_driver import SessionDriver
from tornwrite.scenarios.sessions.reading import READING
from tornwrite.scenarios.stores import reference


class ShowsNothing(JSONLStore):
    """A session that cannot be read is an empty one."""

    def get_history(self, key: str) -> list[dict[str, Any]]:
        try:
            return super().get_history(key)
        except OSError:
            return []


class ListsLess(JSONLStore):
    """What cannot be looked at is not listed."""

    def list_sessions(self) -> list[str]:
        try:
            return super().list_sessions()
        except OSError:
            return []


def found(store: Callable[[str], JSONLStore]) -> list[Finding]:
    def opened(root: str) -> SessionDriver:
        made = store(root)
        return SessionDriver(made, root, lambda: None, made.list_sessions)

    subject = replace(reference, open=opened, scenarios=(READING,))
    settings = Settings(
        (), 1_000, 0, real_kills=False, kill_then_power=False, lanes=(ERRORS.name,),
        effort=Effort.FULL,
    )  # fmt: skip
    outcome = run_scenario(subject, READING, settings, lambda at, done: None)
    assert outcome.rows
    assert not outcome.notes
    return list(outcome.findings)


@pytest.mark.parametrize(
    ("store", "operation"), [(ShowsNothing, "get_history"), (ListsLess, "list_sessions")]
)
def test_an_error_that_is_passed_over_while_reading_is_caught(
    store: Callable[[str], JSONLStore], operation: str
) -> None:
    for one in found(store):
        assert one.violation.kind is Kind.LOST
        assert one.violation.promised.startswith(operation)
    assert found(store)


def test_a_store_that_fails_where_it_cannot_read_passes() -> None:
    assert found(JSONLStore) == []
