"""Damage that is told where there is none."""

from collections.abc import Sequence
from dataclasses import replace

from tornwrite.model.operation import Observation
from tornwrite.model.results import Finding
from tornwrite.model.verdict import Kind
from tornwrite.reference import JSONLStore
from tornwrite.scenarios.damage.lane import DAMAGE
from tornwrite.scenarios.fault_lanes import Effort
from tornwrite.scenarios.run import Settings, run_scenario
from tornwrite.scenarios.session_driver import SessionDriver
from tornwrite.scenarios.sessions.repair import DAMAGED
from tornwrite.scenarios.sessions.truncation import TRUNCATE
from tornwrite.scenarios.stores import reference
from tornwrite.scenarios.subject import Scenario


class Alarmed(SessionDriver):
    def reported(self, names: Sequence[str]) -> Observation:
        return {"sessions": {name: ["line 1 is damaged"] for name in names}, "store": []}


def found(driver: type[SessionDriver], scenario: Scenario) -> list[Finding]:
    def opened(root: str) -> SessionDriver:
        store = JSONLStore(root)
        return driver(store, root, lambda: None, store.list_sessions)

    subject = replace(reference, open=opened, scenarios=(scenario,))
    settings = Settings(
        (), 1, 0, real_kills=False, kill_then_power=False, lanes=(DAMAGE.name,),
        effort=Effort.QUICK,
    )  # fmt: skip
    outcome = run_scenario(subject, scenario, settings, lambda at, done: None)
    assert not outcome.notes
    return [one for one in outcome.findings if "nothing was damaged" in one.violation.promised]


def test_a_store_that_tells_of_damage_in_whole_files_is_caught() -> None:
    (one,) = found(Alarmed, TRUNCATE)
    assert one.violation.kind is Kind.UNCLEAR
    assert one.violation.recovered == "line 1 is damaged"


def test_a_store_that_tells_of_none_passes() -> None:
    assert found(SessionDriver, TRUNCATE) == []


def test_where_there_was_damage_before_it_may_be_told() -> None:
    assert found(Alarmed, DAMAGED) == []
