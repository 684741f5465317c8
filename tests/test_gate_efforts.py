"""The gate on the command line: how much it tries, what it says of that, and going on."""

import json
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tornwrite.cli import main

USER = Path(__file__).parent / "support" / "key_values.py"


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """The command line in a directory with a user's own subject; what it prints is not wrapped."""
    shutil.copy(USER, tmp_path / "mystore.py")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments)

    return run


GATE = ("gate", "mystore:right", "--scenario", "put", "--jobs", "1")


def test_every_fault_that_was_tried_is_counted_and_printed(invoke: Callable[..., Result]) -> None:
    said = invoke(*GATE, "--lane", "errors", "--json", "report.json", "--verbose").output
    assert "faults tried" in said
    report = json.loads(Path("report.json").read_bytes())
    counts = [one for row in report["rows"] for one in row["faults"]]
    assert sum(one["number"] for one in counts) == sum(
        row["points"] for row in report["rows"] if row["profile"] == "errors"
    )
    assert any(one["at"] == "fsync" and "EIO" in one["what"] for one in counts)


def test_what_an_effort_leaves_out_is_said(invoke: Callable[..., Result]) -> None:
    quick = invoke(*GATE, "--effort", "quick", "--lane", "errors")
    assert "left out at effort quick, all of it: real kills; kill, then power\n" in quick.output
    assert "left out at effort quick, a part: kill; errors (--verbose and" in quick.output
    assert "real kills  " not in quick.output
    ci = invoke(*GATE, "--lane", "errors", "-v")
    assert "left out at effort ci: errors: " in ci.output
    assert "--verbose" not in ci.output
    full = invoke(*GATE, "--effort", "full", "--lane", "none")
    assert "left out" not in full.output
    assert full.exit_code == 0


def test_what_was_tried_and_left_out_is_said_in_few_lines(invoke: Callable[..., Result]) -> None:
    said = invoke(*GATE, "--lane", "errors").output
    after = said[said.index("\npassed: " if "\npassed: " in said else "\nviolated: ") :]
    lines = [line for line in after.splitlines()[2:] if line]
    assert len(lines) == 2
    assert re.fullmatch(r"tried: \d+ images; \d+ real kills; .*\d+ errors", lines[0])
    assert lines[1].startswith("left out at effort ci, a part: kill; errors (")


def test_no_lane_runs_with_a_profile_unless_it_is_named(invoke: Callable[..., Result]) -> None:
    assert "errors" not in invoke(*GATE, "--profile", "posix").output
    assert "errors" in invoke(*GATE, "--profile", "posix", "--lane", "errors").output


def test_a_lane_that_there_is_not_is_wrong_use(invoke: Callable[..., Result]) -> None:
    result = invoke(*GATE, "--lane", "gremlins")
    assert result.exit_code == 2
    assert "there is no fault lane 'gremlins'; there are interleavings, errors" in result.output


def test_a_finding_of_a_lane_is_replayed_by_the_command_that_it_prints(
    invoke: Callable[..., Result],
) -> None:
    result = invoke(*GATE, "--lane", "errors")
    assert result.exit_code == 1
    command = next(
        line.removeprefix("replay: tornwrite ")
        for line in result.output.splitlines()
        if line.startswith("replay: ") and "--fault" in line
    )
    assert "--fault 'errors: " in command
    again = invoke(*shlex.split(command))
    assert again.exit_code == 1, again.output


def test_a_run_goes_on_from_its_file(invoke: Callable[..., Result]) -> None:
    first = invoke(*GATE, "--lane", "none", "--resume", "run")
    kept = Path("run").read_bytes()
    second = invoke(*GATE, "--lane", "none", "--resume", "run")
    assert first.exit_code == second.exit_code == 0
    assert Path("run").read_bytes() == kept
    Path("run").write_text('{"my": "notes"}\n')
    refused = invoke(*GATE, "--resume", "run")
    assert refused.exit_code == 2
    assert "run is no file of a run" in refused.output
