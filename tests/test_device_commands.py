"""tornwrite devices, and profiles of one's own, as a user meets them."""

import os
import shlex
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

import support.key_values
from tornwrite.cli import main
from tornwrite.faults.profiles import KNOWN
from tornwrite.faults.scratch import VARIABLE

PASSED, VIOLATED, WRONG_USE = 0, 1, 2

MINE = """
[tool.tornwrite.profiles.forgetful-disk]
like = "ext4"
summary = "a disk that forgets"
flush_honoured = false
[tool.tornwrite.profiles.big-sectors]
like = "ext4"
sector = 4096
"""


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Result]]:
    """`tornwrite` in a user's directory with a module `mine` and profiles of their own."""
    user, scratch = tmp_path / "user", tmp_path / "scratch"
    user.mkdir()
    scratch.mkdir()
    shutil.copy(support.key_values.__file__, user / "mine.py")
    (user / "pyproject.toml").write_text(MINE)
    monkeypatch.chdir(user)
    monkeypatch.syspath_prepend(str(user))
    monkeypatch.setenv(VARIABLE, str(scratch))
    monkeypatch.setenv("COLUMNS", "200")
    yield lambda *arguments: CliRunner().invoke(main, arguments)
    assert os.listdir(scratch) == []


def test_profiles_of_ones_own_are_listed_with_their_rules(invoke: Callable[..., Result]) -> None:
    listed = invoke("profiles")
    assert listed.exit_code == PASSED
    assert "forgetful-disk  a disk that forgets  (yours)" in listed.stdout
    assert "ext4  data=ordered, the default mount  (by default)" in listed.stdout
    assert listed.stdout.index("big-sectors") < listed.stdout.index("\next4  ")


def test_a_finding_under_a_profile_of_ones_own_is_replayed_by_its_name(
    invoke: Callable[..., Result], tmp_path: Path
) -> None:
    file = str(tmp_path / "found.json")
    judged = invoke(
        "gate", "mine:right", "--scenario", "put", "--profile", "forgetful-disk,kill",
        "--jobs", "1", "--effort", "quick", "--json", file,
    )  # fmt: skip
    assert judged.exit_code == VIOLATED, judged.output
    found = next(
        one
        for one in orjson.loads(Path(file).read_bytes())["findings"]
        if one["profile"] == "forgetful-disk"
    )
    again = invoke(*shlex.split(found["replay"])[1:])
    assert again.exit_code == VIOLATED, again.output
    assert "forgetful-disk" in again.stdout


def test_a_recording_is_judged_under_a_profile_of_ones_own(
    invoke: Callable[..., Result], tmp_path: Path
) -> None:
    trace = str(tmp_path / "trace")
    assert invoke("record", "mine:right", "--scenario", "put", "--output", trace).exit_code == 0
    for name, expected in (("big-sectors", PASSED), ("forgetful-disk", VIOLATED)):
        judged = invoke("judge", trace, "mine:right", "--scenario", "put", "--profile", name)
        assert judged.exit_code == expected, judged.output


def test_a_wrong_profile_is_wrong_use_in_one_sentence(invoke: Callable[..., Result]) -> None:
    Path("pyproject.toml").write_text('[tool.tornwrite.profiles.x]\nlike = "ext5"\n')
    told = invoke("profiles")
    assert told.exit_code == WRONG_USE
    assert (
        "pyproject.toml: [tool.tornwrite.profiles.x]: like: there is no power loss" in told.stderr
    )


def test_an_unknown_profile_is_told_with_those_there_are(invoke: Callable[..., Result]) -> None:
    told = invoke("devices", "mine:right", "--profile", "ntfs")
    assert told.exit_code == WRONG_USE
    for profile in KNOWN:
        assert profile.name in told.stderr
    assert "forgetful-disk" in told.stderr


def test_devices_shows_every_profile_and_ones_own(
    invoke: Callable[..., Result], tmp_path: Path
) -> None:
    file = tmp_path / "devices.json"
    told = invoke("devices", "mine:right", "--scenario", "put", "--jobs", "1", "--json", str(file))
    assert told.exit_code == VIOLATED, told.output  # it has no check against what a card leaves
    (table,) = orjson.loads(file.read_bytes())["tables"]
    assert set(table["profiles"]) == {*(one.name for one in KNOWN), "forgetful-disk", "big-sectors"}
    kept = {cell["profile"]: (cell["kept"], cell["excused"]) for cell in table["cells"]}
    assert kept["posix"] == ("held", False)
    assert kept["sdcard"] == ("broken", False)
    assert kept["forgetful-disk"][0] == "broken"
    assert "kept on sdcard" in told.stdout


def test_devices_passes_where_every_promise_holds(invoke: Callable[..., Result]) -> None:
    told = invoke("devices", "mine:right", "--profile", "ext3-ordered,btrfs", "--jobs", "1")
    assert told.exit_code == PASSED, told.output
    assert "passed: mine:right; 2 profiles" in told.stdout


def test_a_json_file_that_cannot_be_written_is_told_before_anything_is_run(
    invoke: Callable[..., Result],
) -> None:
    told = invoke("devices", "mine:right", "--json", "no/such/file.json")
    assert told.exit_code == WRONG_USE
    assert "no/such is not there" in told.stderr
