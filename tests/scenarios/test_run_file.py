"""A run that was cut off goes on from what it had finished."""

from dataclasses import replace
from pathlib import Path

import pytest

from tornwrite.faults.profiles import EXT4, POSIX
from tornwrite.model.results import GateResult
from tornwrite.scenarios.gate import run_gate
from tornwrite.scenarios.run import Settings
from tornwrite.scenarios.run_file import RunFile
from tornwrite.scenarios.subject import WrongUse

SETTINGS = Settings((EXT4, POSIX), budget=5_000, seed=0, real_kills=False)
SUBJECT = "support.key_values:wrong"


class _CutOff(Exception):
    pass


def run(file: Path, settings: Settings = SETTINGS, stop_after: int = 0) -> GateResult:
    done: list[str] = []

    def finished(scenario: str) -> None:
        done.append(scenario)
        if len(done) == stop_after:
            raise _CutOff

    kept = RunFile(str(file), settings)
    return run_gate(SUBJECT, (), settings, 1, finished=finished, kept=kept)


def entries(file: Path) -> int:
    return len(file.read_bytes().splitlines())


def without_times(result: GateResult) -> GateResult:
    return replace(result, seconds=0.0, rows=tuple(replace(r, seconds=0.0) for r in result.rows))


def test_a_run_that_was_cut_off_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole")
    with pytest.raises(_CutOff):
        run(tmp_path / "run", stop_after=1)
    assert entries(tmp_path / "run") == 1
    assert without_times(run(tmp_path / "run")) == without_times(whole)
    assert entries(tmp_path / "run") == entries(tmp_path / "whole") > 1


def test_what_was_finished_is_not_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path / "run")
    kept = (tmp_path / "run").read_bytes()
    run(tmp_path / "run")
    assert (tmp_path / "run").read_bytes() == kept


def test_a_torn_or_damaged_entry_is_run_again(tmp_path: Path) -> None:
    whole = run(tmp_path / "run")
    data = (tmp_path / "run").read_bytes()
    (tmp_path / "run").write_bytes(data[:-20])
    assert without_times(run(tmp_path / "run")) == without_times(whole)
    (tmp_path / "run").write_bytes(data.replace(b'"outcome"', b'"outcame"', 1))
    assert without_times(run(tmp_path / "run")) == without_times(whole)


def test_another_budget_is_another_run(tmp_path: Path) -> None:
    run(tmp_path / "run")
    before = entries(tmp_path / "run")
    run(tmp_path / "run", replace(SETTINGS, budget=4_000))
    assert entries(tmp_path / "run") == 2 * before


def test_an_entry_of_other_source_does_not_count(tmp_path: Path) -> None:
    run(tmp_path / "run")
    kept = RunFile(str(tmp_path / "run"), SETTINGS)
    assert kept.outcome(SUBJECT, "put", "another digest") is None


@pytest.mark.parametrize("content", [b'{"a": 1}\n', b"[1]\n{}\n"])
def test_a_file_of_something_else_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "other").write_bytes(content)
    with pytest.raises(WrongUse, match="no file of a run"):
        RunFile(str(tmp_path / "other"), SETTINGS)
    assert (tmp_path / "other").read_bytes() == content


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="cannot keep the run"):
        run(tmp_path / "missing" / "run")
