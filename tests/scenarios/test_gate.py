"""The gate as a call: scenarios in processes of their own, one verdict on all of them."""

import os
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import pytest

from tornwrite.faults.profiles import DEFAULT, EXT4, KILL, POSIX
from tornwrite.faults.scratch import VARIABLE
from tornwrite.model.results import NO_CRASH, GateResult
from tornwrite.model.verdict import Kind, Verdict
from tornwrite.scenarios.gate import run_gate
from tornwrite.scenarios.run import Settings
from tornwrite.scenarios.subject import WrongUse

QUICK = Settings((EXT4, POSIX), budget=5_000, seed=0, real_kills=False)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A place of its own to work in. Workers have the environment of their server's beginning."""
    place = tmp_path_factory.mktemp("scratch")
    forkserver._forkserver._stop()  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(place))
        yield place
    forkserver._forkserver._stop()  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def nothing_left(scratch: Path) -> Iterator[None]:
    yield
    assert os.listdir(scratch) == []


def test_workers_work_in_the_scratch_place(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the fixtures above would see nothing."""
    seen: set[str] = set()

    def look(scenario: str, profile: str, judged: int) -> None:
        seen.update(os.listdir(scratch))

    settings = Settings((KILL,), budget=5_000, seed=0, every_byte=True)
    run_gate("support.key_values:right", ("put",), settings, 1, report=look)
    assert any(name.startswith("tornwrite-") for name in seen)


def gate(name: str, settings: Settings = QUICK, jobs: int = 2, *scenarios: str) -> GateResult:
    return run_gate(f"support.key_values:{name}", scenarios, settings, jobs)


def without_times(result: GateResult) -> GateResult:
    rows = tuple(replace(row, seconds=0.0) for row in result.rows)
    return replace(result, seconds=0.0, rows=rows)


def test_a_right_store_passes() -> None:
    result = gate("right", Settings(DEFAULT, budget=5_000, seed=0))
    assert result.verdict is Verdict.PASSED
    assert result.findings == ()
    assert result.notes == ()
    assert {row.verdict for row in result.rows} == {Verdict.PASSED}
    assert all(row.complete and row.judged == row.possible for row in result.rows)


def test_a_wrong_store_is_violated() -> None:
    result = gate("wrong")
    assert result.verdict is Verdict.VIOLATED
    assert {found.violation.kind for found in result.findings} <= {Kind.LOST, Kind.TORN}
    assert result.findings


def test_each_scenario_has_a_row_for_each_profile_in_the_order_asked_for() -> None:
    profiles = [profile.name for profile in DEFAULT]
    result = gate("right", Settings(DEFAULT, budget=5_000, seed=0))
    expected = ["kill", "real kills", *profiles[1:]]
    assert [(row.scenario, row.profile) for row in result.rows] == [
        (scenario, profile) for scenario in ("put", "delete") for profile in expected
    ]


def test_only_the_named_scenarios_are_run() -> None:
    result = gate("right", QUICK, 1, "delete")
    assert {row.scenario for row in result.rows} == {"delete"}


def test_a_scenario_named_twice_is_run_once() -> None:
    assert len(gate("right", QUICK, 2, "put", "put").rows) == len(QUICK.profiles)


def test_as_many_jobs_as_there_may_be_find_the_same() -> None:
    one, many = gate("wrong", QUICK, 1), gate("wrong", QUICK, 8)
    assert without_times(one) == without_times(many)


def test_the_same_run_twice_finds_the_same() -> None:
    sampled = replace(QUICK, budget=8, seed=3)
    assert without_times(gate("wrong", sampled)) == without_times(gate("wrong", sampled))


def test_a_budget_that_is_too_small_is_not_measured_and_says_so() -> None:
    result = gate("right", replace(QUICK, budget=3))
    assert result.verdict is Verdict.NOT_MEASURED
    for row in result.rows:
        assert row.verdict is Verdict.NOT_MEASURED
        assert (row.judged <= 3, row.complete) == (True, False)
        assert row.possible > row.judged
        assert "budget of 3" in row.stopped


def test_a_violation_counts_however_small_the_budget() -> None:
    assert gate("wrong", replace(QUICK, budget=20)).verdict is Verdict.VIOLATED


def test_weaker_promises_are_passed_on() -> None:
    assert gate("weaker").weakened == ("values may be old",)


def test_a_store_that_is_wrong_without_a_crash_is_told_so_and_no_more() -> None:
    result = gate("forgetful")
    assert result.verdict is Verdict.VIOLATED
    assert [(row.profile, row.findings) for row in result.rows] == [(NO_CRASH, 1)]
    (found,) = result.findings
    assert found.replay == "tornwrite gate support.key_values:forgetful --scenario put"


def test_a_recording_that_does_not_explain_the_files_is_harness_broken() -> None:
    result = gate("secret")
    assert result.verdict is Verdict.HARNESS_BROKEN
    assert {row.verdict for row in result.rows} == {Verdict.HARNESS_BROKEN}
    (note,) = result.notes
    assert note.startswith("put: ")
    assert "another process" in note


def test_real_kills_have_a_row_of_their_own_beside_the_profile() -> None:
    result = gate("right", Settings((KILL,), budget=5_000, seed=0), 2, "put")
    model, real = result.rows
    assert (model.profile, real.profile) == ("kill", "real kills")
    assert real.points > 5
    assert 0 < real.judged <= model.judged


def test_cutting_every_byte_kills_more_often() -> None:
    some = Settings((KILL,), budget=5_000, seed=0)
    few, all_of_them = (
        gate("right", settings, 2, "put").rows[1]
        for settings in (some, replace(some, every_byte=True))
    )
    assert all_of_them.points > few.points


def test_progress_is_told_scenario_by_scenario() -> None:
    done: list[Any] = []
    run_gate("support.key_values:right", (), QUICK, 2, finished=done.append)
    assert sorted(getattr(one, "scenario", one) for one in done) == ["delete", "put"]


def test_a_subject_without_scenarios_is_wrong_use() -> None:
    with pytest.raises(WrongUse, match="key_values:empty has no scenarios"):
        gate("empty")


def test_a_scenario_that_there_is_not_is_wrong_use() -> None:
    with pytest.raises(WrongUse, match="no scenario 'other'"):
        gate("right", QUICK, 2, "put", "other")


def test_a_subject_that_there_is_not_is_wrong_use() -> None:
    with pytest.raises(WrongUse, match="key_values has no nothing"):
        gate("nothing")
