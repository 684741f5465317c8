"""What the disk model says of kills, held against kills: all images of a scenario, both ways."""

import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

from tornwrite.cli import main
from tornwrite.faults.forked_kills import kill_copies
from tornwrite.faults.images import Image, read_image
from tornwrite.faults.kills import KillPoint, kill_points, run_and_kill
from tornwrite.faults.recorder import Recorder
from tornwrite.faults.scratch import VARIABLE
from tornwrite.faults.states import CrashState
from tornwrite.model.verdict import Verdict
from tornwrite.scenarios.kills import agreement as kill_agreements
from tornwrite.scenarios.kills.agreement import kill_agreement
from tornwrite.scenarios.recording import drive, lay_down, record
from tornwrite.scenarios.subject import Scenario, Subject, load_subject


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A place of its own to work in, which is empty again afterwards, with no process left."""
    place = tmp_path / "scratch"
    place.mkdir()
    monkeypatch.setenv(VARIABLE, str(place))
    before = set(psutil.Process().children())
    yield place
    assert os.listdir(place) == []
    assert set(psutil.Process().children()) <= before


CASES = [
    ("support.key_values:right", "put"),
    ("support.key_values:wrong", "delete"),
    ("support.line_log:right", "add"),
    ("tornwrite.scenarios.stores:reference", "append"),
    ("tornwrite.scenarios.stores:archive", "both-files"),
]


def case(name: str, scenario: str) -> tuple[Subject, Scenario]:
    subject = load_subject(name)
    return subject, subject.scenario(scenario)


@pytest.mark.parametrize(("name", "scenario"), CASES)
def test_kills_leave_what_is_predicted_and_all_of_it(name: str, scenario: str) -> None:
    found = kill_agreement(*case(name, scenario))
    assert found.verdict is Verdict.PASSED, found.said
    assert found.predicted == found.left == found.equal
    assert found.kills >= found.left > 1


@pytest.mark.parametrize(("name", "scenario"), CASES[:3])
def test_killed_copies_leave_what_killed_runs_leave(
    name: str, scenario: str, tmp_path: Path
) -> None:
    """A copy made at the step is the same as a process that ran to it by itself."""
    subject, chosen = case(name, scenario)
    root = tmp_path / "live"
    root.mkdir()
    trace = record(subject, chosen, str(root)).trace

    def workload(recorder: Recorder) -> None:
        drive(subject, chosen, str(root), recorder)

    copied: dict[KillPoint, Image] = {}
    lay_down(chosen.base, str(root))
    kill_copies(workload, str(root), chosen.base, copied.__setitem__)
    points = kill_points(trace.steps, every_byte=True)
    assert set(points) == set(copied)
    for point in points:
        lay_down(chosen.base, str(root))
        run_and_kill(workload, str(root), point)
        assert copied[point] == read_image(str(root)), point


def test_the_run_itself_is_not_disturbed(tmp_path: Path) -> None:
    subject, chosen = case("support.key_values:wrong", "delete")
    root = tmp_path / "live"
    root.mkdir()
    recorded = record(subject, chosen, str(root)).trace
    alone = read_image(str(root))
    lay_down(chosen.base, str(root))
    done = kill_copies(
        lambda recorder: drive(subject, chosen, str(root), recorder),
        str(root),
        chosen.base,
        lambda point, image: None,
    )
    assert done.steps == recorded.steps
    assert read_image(str(root)) == alone


def predicting(change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk model that is wrong about kills."""
    real = kill_agreements.kill_states

    def wrong(*given: object) -> Iterator[CrashState]:
        for state in real(*given):  # type: ignore[arg-type]
            if state.cut is None or state.cut % 3:
                yield state
            elif change == "another image":
                yield CrashState(state.epoch, state.point, (("a", b"wrong"),), state.cut)

    monkeypatch.setattr(kill_agreements, "kill_states", wrong)


@pytest.mark.parametrize("change", ["another image", "none at all"])
def test_a_wrong_prediction_is_caught(change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    predicting(change, monkeypatch)
    found = kill_agreement(*case("support.line_log:right", "add"))
    assert found.verdict is Verdict.HARNESS_BROKEN
    assert found.equal < found.left
    assert found.said


def test_an_image_that_no_kill_leaves_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = kill_agreements.kill_states

    def more(*given: object) -> Iterator[CrashState]:
        yield from real(*given)  # type: ignore[arg-type]
        yield CrashState(0, 99, (("never", b"there"),))

    monkeypatch.setattr(kill_agreements, "kill_states", more)
    found = kill_agreement(*case("support.line_log:right", "add"))
    assert found.verdict is Verdict.HARNESS_BROKEN
    assert found.predicted == found.left + 1
    assert "point 99" in found.said[0]


def test_the_command_prints_the_numbers() -> None:
    words = ["agreement", "support.line_log:right", "--kills"]
    ran = CliRunner().invoke(main, words, env={"COLUMNS": "200"})
    assert ran.exit_code == 0, ran.output
    found = kill_agreement(*case("support.line_log:right", "add"))
    assert f"{found.kills} kills" in ran.output
    assert f"{found.equal} equal" in ran.output


def test_the_command_says_that_the_harness_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    predicting("another image", monkeypatch)
    ran = CliRunner().invoke(main, ["agreement", "support.line_log:right", "--kills"])
    assert ran.exit_code == 3, ran.output
    assert "harness broken" in ran.output
