"""tornwrite soak and tornwrite explore as a user meets them."""

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from support.marked import MARK, running, wait_for
from tornwrite.cli import main
from tornwrite.faults.scratch import VARIABLE
from tornwrite.workload_commands import duration

ARCHIVE = "tornwrite.scenarios.stores:archive"
PUBLISHED = "tornwrite.scenarios.known_bad:archive"


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Path]:
    """Where the runs of a test work; it is empty again afterwards."""
    place = tmp_path / "scratch"
    place.mkdir()
    yield place
    assert os.listdir(place) == []


@pytest.fixture
def here(tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's directory."""
    user = tmp_path / "user"
    user.mkdir()
    monkeypatch.chdir(user)
    monkeypatch.setenv(VARIABLE, str(scratch))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv(MARK, uuid.uuid4().hex)
    return user


@pytest.fixture
def invoke(here: Path) -> Iterator[Callable[..., Result]]:
    """`tornwrite` in this process."""
    handler = signal.getsignal(signal.SIGTERM)
    yield lambda *arguments: CliRunner().invoke(main, arguments)
    signal.signal(signal.SIGTERM, handler)


# Lengths of time


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("2h", 7200), ("1h30m", 5400), ("1m1s", 61)]
)
def test_a_length_of_time_is_read(text: str, seconds: float) -> None:
    option = click.Option(["--for"])
    assert duration(click.Context(click.Command("soak")), option, text) == seconds


@pytest.mark.parametrize("text", ["", "90", "0s", "-5s", "1.5h", "3d", "s", "30m2h"])
def test_what_is_no_length_of_time_is_refused(invoke: Callable[..., Result], text: str) -> None:
    result = invoke("soak", "--for", text)
    assert result.exit_code == 2
    assert "is no length of time; write 90s, 30m, 2h or 1h30m" in result.output


# Soaks


def test_a_soak_of_a_right_store_passes_and_tells_how_much_it_did(
    invoke: Callable[..., Result],
) -> None:
    result = invoke("soak", ARCHIVE, "--for", "2s", "--seed", "3", "--effort", "quick")
    assert result.exit_code == 0, result.output
    assert "seed 3" in result.stdout
    assert "crash images judged" in result.stdout
    assert "crashes made real" in result.stdout
    assert "passed: 1 subject, " in result.stdout


def test_a_soak_of_a_wrong_store_fails_with_a_program_and_remembers(
    invoke: Callable[..., Result], here: Path
) -> None:
    result = invoke("soak", PUBLISHED, "--seed", "1", "--effort", "quick", "--jobs", "1")
    assert result.exit_code == 1, result.output
    assert "from tornwrite.scenarios.world import replay" in result.stdout
    assert "violated: 1 subject, " in result.stdout
    kept = [file for file in (here / ".hypothesis" / "examples").rglob("*") if file.is_file()]
    assert kept


def test_without_a_seed_another_one_is_taken_and_told(
    invoke: Callable[..., Result],
) -> None:
    seeds = set()
    for _ in range(2):
        result = invoke("soak", ARCHIVE, "--for", "1s", "--effort", "quick", "--jobs", "1")
        seeds.add(result.stdout.splitlines()[0])
    assert len(seeds) == 2


@pytest.mark.parametrize("command", ["soak", "explore"])
def test_a_subject_without_an_alphabet_is_refused(
    invoke: Callable[..., Result], command: str
) -> None:
    result = invoke(command, "support.key_values:right")
    assert result.exit_code == 2
    assert "declares no alphabet" in result.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda s: s.name)
@pytest.mark.parametrize(
    "command", [("soak", ARCHIVE, "--for", "10m"), ("explore", ARCHIVE, "--bound", "6")]
)
def test_an_interrupted_run_leaves_no_processes_and_no_directories(
    here: Path, scratch: Path, number: signal.Signals, command: tuple[str, ...]
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "tornwrite", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert wait_for(lambda: list(scratch.glob("tornwrite-*/*/*")), 60)
        assert len(running()) > 1
        os.killpg(process.pid, number)
        _, error = process.communicate(timeout=30)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    assert process.returncode == 128 + number
    assert "Traceback" not in error, error
    assert wait_for(lambda: not running(), 10), running()
    assert os.listdir(scratch) == []


# Explorations


def test_an_exploration_passes_and_tells_how_much_there_was(
    invoke: Callable[..., Result], here: Path
) -> None:
    result = invoke("explore", ARCHIVE, "--bound", "1", "--json", "found.json")
    assert result.exit_code == 0, result.output
    assert "passed: 4 sequences of up to 1 operation," in result.stdout
    (run,) = json.loads((here / "found.json").read_bytes())["runs"]
    assert (run["possible"], run["run"], run["complete"]) == (4, 4, True)
    assert run["verdict"] == "passed"


def test_an_exploration_shows_what_is_wrong_at_the_shortest_sequence(
    invoke: Callable[..., Result],
) -> None:
    result = invoke("explore", PUBLISHED, "--bound", "2", "--jobs", "1")
    assert result.exit_code == 1
    assert "scenario  save(k0, c0)" in result.stdout
    assert "more sequences" in result.stdout
    assert "--only" in result.stdout
    assert "violated: 29 sequences of up to 2 operations" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--only", "{}"), "no sequence of operations"),
        (("--only", "[]", "--bound", "2"), "one sequence of one SUBJECT"),
        (("--epoch", "1"), "takes --epoch, --point and --image together"),
        (("--epoch", "1", "--point", "1", "--image", "x"), "give that with --only"),
        (("--profile", "ntfs"), "there is no profile 'ntfs'"),
        (("--json", "nowhere/found.json"), "is not there; make it first"),
    ],
)
def test_wrong_use_is_told(
    invoke: Callable[..., Result], arguments: tuple[str, ...], said: str
) -> None:
    result = invoke("explore", ARCHIVE, *arguments)
    assert result.exit_code == 2, result.output
    assert said in result.output


def test_only_the_profiles_that_are_named_are_judged(invoke: Callable[..., Result]) -> None:
    """The published store loses nothing when only the process is killed between operations."""
    both = invoke("explore", PUBLISHED, "--bound", "1", "--json", "both.json")
    one = invoke("explore", PUBLISHED, "--bound", "1", "--profile", "posix", "--json", "one.json")
    assert both.exit_code == one.exit_code == 1
    found = [json.loads(Path(file).read_bytes()) for file in ("both.json", "one.json")]
    assert found[0]["runs"][0]["profiles"] == ["kill", "posix"]
    assert found[1]["runs"][0]["profiles"] == ["posix"]
    assert {one["profile"] for one in found[1]["runs"][0]["findings"]} == {"posix"}


def test_a_long_write_can_be_cut_at_every_byte(invoke: Callable[..., Result]) -> None:
    chosen = invoke("explore", ARCHIVE, "--bound", "1", "--json", "some.json")
    every = invoke("explore", ARCHIVE, "--bound", "1", "--kill-every-byte", "--json", "all.json")
    assert chosen.exit_code == every.exit_code == 0
    some, all_of_them = (
        json.loads(Path(file).read_bytes())["runs"][0] for file in ("some.json", "all.json")
    )
    assert all_of_them["judged"] > some["judged"]
    assert some["notes"]
    assert all_of_them["notes"] == []
