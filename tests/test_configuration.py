"""`[tool.tornwrite]` in a user's pyproject.toml: what it says, what is said of it when wrong."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

import support.key_values
from tornwrite.cli import main
from tornwrite.configuration import KEYS, Configuration, configuration
from tornwrite.configured_defaults import NOT_TAKEN, PARAMETERS
from tornwrite.faults.project_file import ProjectFileError
from tornwrite.scenarios.fault_lanes import Effort

PASSED, VIOLATED, WRONG_USE = 0, 1, 2


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user's directory with a module `mine`, which nothing else on the path has."""
    folder = tmp_path / "project"
    folder.mkdir()
    shutil.copy(support.key_values.__file__, folder / "mine.py")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield folder
    sys.modules.pop("mine", None)


@pytest.fixture
def says(project: Path) -> Callable[..., None]:
    """Writes the table to the project's file."""

    def says(*lines: str) -> None:
        (project / "pyproject.toml").write_text("\n".join(["[tool.tornwrite]", *lines, ""]))

    return says


def invoke(*arguments: str) -> Result:
    """The command line in this process, for what starts no others."""
    return CliRunner().invoke(main, arguments)


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """The command line as a process of its own."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "tornwrite", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
    )


def in_force(*arguments: str) -> dict[str, tuple[str, str]]:
    """Each setting that `gate --show-config` shows: its value, and where that is from."""
    result = invoke("gate", "--show-config", *arguments)
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    rows = [re.split(r"\s{2,}", line.strip()) for line in lines[3:]]
    return {setting: (value, source) for setting, value, source in rows}


# What it says


def test_every_key_is_read(project: Path, says: Callable[..., None]) -> None:
    says(
        'subjects = ["mine:right", "mine:wrong"]',
        'profiles = ["kill", "ext4"]',
        "budget = 100",
        "seed = -7",
        'effort = "quick"',
        'lanes = ["errors", "full disk"]',
        'recorder = "strace"',
        "jobs = 3",
        'baseline = "ci/known.json"',
    )
    assert configuration() == Configuration(
        file=str(project / "pyproject.toml"),
        subjects=("mine:right", "mine:wrong"),
        profiles=("kill", "ext4"),
        budget=100,
        seed=-7,
        effort="quick",
        lanes=("errors", "full disk"),
        recorder="strace",
        jobs=3,
        baseline=str(project / "ci" / "known.json"),
    )


def test_without_a_table_nothing_is_said(project: Path) -> None:
    assert configuration() == Configuration()
    (project / "pyproject.toml").write_text("[tool.other]\nseed = 'x'\n")
    assert configuration() == Configuration()


def test_the_nearest_file_with_the_table_counts_and_no_other(
    project: Path, says: Callable[..., None]
) -> None:
    says("seed = 1", "budget = 5")
    inside = project / "a" / "b"
    inside.mkdir(parents=True)
    (project / "a" / "pyproject.toml").write_text("[project]\nname = 'a'\n")
    assert configuration(str(inside)).seed == 1
    (project / "a" / "pyproject.toml").write_text("[tool.tornwrite]\nseed = 2\n")
    assert (configuration(str(inside)).seed, configuration(str(inside)).budget) == (2, None)


def test_a_windows_editor_may_have_written_it(project: Path) -> None:
    (project / "pyproject.toml").write_bytes(b"\xef\xbb\xbf[tool.tornwrite]\r\nseed = 4\r\n")
    assert configuration().seed == 4


def test_own_profiles_and_the_list_of_those_to_use_stand_together(
    says: Callable[..., None],
) -> None:
    own = ("[tool.tornwrite.profiles.mine]", 'like = "ext4"')
    says(*own)
    assert configuration().profiles is None
    says('profiles.use = ["mine", "kill"]', *own)
    assert configuration().profiles == ("mine", "kill")


def test_every_key_is_one_that_a_command_takes() -> None:
    assert set(PARAMETERS.values()) == set(KEYS)
    parameters = {name: {p.name for p in command.params} for name, command in main.commands.items()}
    assert {"subjects", *PARAMETERS} - {"subject"} <= parameters["gate"]
    for command, keys in NOT_TAKEN.items():
        assert keys <= {PARAMETERS.get(name or "") for name in parameters[command]}


def test_the_words_it_takes_are_those_of_the_command_line() -> None:
    (gate,) = (main.commands["gate"],)
    choices = {p.name: tuple(getattr(p.type, "choices", ())) for p in gate.params}
    from tornwrite import configuration as module

    assert tuple(effort.value for effort in Effort) == module.EFFORTS == choices["effort"]
    assert choices["recorder"] == module.RECORDERS


# What is said of a wrong one


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("subject = []", "there is no key 'subject'; do you mean subjects?"),
        ("xyzzy = 1", "there is no key 'xyzzy'; there are subjects, profiles, budget, seed"),
        ('subjects = "m:o"', 'subjects must be a list of texts, like .*, not "m:o"'),
        ("subjects = [1]", "subjects: number 1 must be text, not 1"),
        ('subjects = ["m:o", "m"]', "named package.module:object, or .*, which 'm' is not"),
        ('subjects = ["m:o", "m:o"]', "subjects: 'm:o' is there twice"),
        ('profiles = ["ext5"]', "profiles: there is no profile 'ext5'; do you mean ext4?"),
        ("profiles = []", "profiles is empty; leave the key out"),
        ("profiles = 3", "profiles must be a table of profiles by name, or a list of names, not a"),
        ('profiles.use = "ext4"', 'profiles must be a list of texts, like .*, not "ext4"'),
        ('profiles.use = {like = "ext4"}', "use is the list of the profiles to judge under"),
        ('profiles.mine = {lik = "ext4"}', "there is no rule 'lik'; do you mean like?"),
        ("budget = 0", "budget must be 1 or more, not 0"),
        ('budget = "5"', 'budget must be a whole number, not "5"'),
        ("seed = true", "seed must be a whole number, not true"),
        ("seed = 2026-11-20", "seed must be a whole number, not a date or time"),
        ('effort = "most"', 'effort must be one of "quick", "ci", "full", not "most"'),
        ("effort = []", "effort must be one of .*, not a list"),
        ("lanes = {}", "lanes must be a list of texts, like .* for none, not a table"),
        ('recorder = "ptrace"', 'recorder must be one of "in-process", "strace", not "ptrace"'),
        ("jobs = 0", "jobs must be 1 or more, not 0"),
        ("baseline = 1", "baseline must be the path of a file, as text, not a number"),
        ('baseline = ""', "baseline must be the path of a file, which '' is not"),
    ],
)
def test_a_wrong_key_is_named_with_its_file(
    project: Path, says: Callable[..., None], line: str, said: str
) -> None:
    says(line)
    with pytest.raises(ProjectFileError, match=said) as caught:
        configuration()
    assert str(caught.value).startswith(f"{project}/pyproject.toml: ")
    assert "tool.tornwrite" in str(caught.value)


@pytest.mark.parametrize("content", [b"[tool.tornwrite\n", b"\xff\xfe", b"[tool.tornwrite]\nx=\n"])
def test_a_file_that_cannot_be_read_is_wrong_use(project: Path, content: bytes) -> None:
    (project / "pyproject.toml").write_bytes(content)
    result = invoke("gate", "--show-config")
    assert result.exit_code == WRONG_USE
    assert f"cannot read {project}/pyproject.toml for [tool.tornwrite]" in result.stderr


def test_a_directory_of_that_name_is_told(project: Path) -> None:
    (project / "pyproject.toml").mkdir()
    with pytest.raises(ProjectFileError, match="Is a directory"):
        configuration()


def test_a_lane_that_there_is_not_is_told_with_the_file(
    project: Path, says: Callable[..., None]
) -> None:
    says('lanes = ["disks"]')
    result = invoke("gate", "--show-config")
    assert result.exit_code == WRONG_USE
    assert f"{project}/pyproject.toml: [tool.tornwrite]: lanes: there is no fault lane 'disks'" in (
        result.stderr
    )


# Command line, file, default


def test_the_command_line_goes_before_the_file_and_the_file_before_the_default(
    says: Callable[..., None],
) -> None:
    says('subjects = ["mine:right"]', "budget = 100", "seed = 5", 'lanes = ["errors"]')
    shown = in_force("--seed", "0")
    assert shown["subjects"] == ("mine:right", "file")
    assert shown["budget"] == ("100", "file")
    assert shown["seed"] == ("0", "command line")
    assert shown["effort"] == ("ci", "default")
    assert shown["lanes"] == ("errors", "file")
    assert in_force("mine:wrong")["subjects"] == ("mine:wrong", "command line")


def test_a_subject_named_by_its_file_is_found_beside_the_table(
    project: Path, says: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    says('subjects = ["mine.py:right"]')
    assert in_force()["subjects"] == ("mine.py:right", "file")
    (project / "docs").mkdir()
    monkeypatch.chdir(project / "docs")
    assert in_force()["subjects"] == ("../mine.py:right", "file")


def test_no_lanes_are_no_lanes(says: Callable[..., None]) -> None:
    says("lanes = []")
    assert in_force()["lanes"] == ("none", "file")
    assert in_force("--lane", "damage")["lanes"] == ("damage", "command line")


def test_profiles_of_the_file_leave_the_lanes_those_of_the_command_line_do_not(
    says: Callable[..., None],
) -> None:
    says('profiles = ["ext4"]')
    assert "errors" in in_force()["lanes"][0]
    assert in_force("--profile", "xfs")["lanes"][0] == "none"
    says('lanes = ["errors"]')
    assert in_force("--profile", "xfs")["lanes"][0] == "none"
    assert in_force("--profile", "xfs", "--lane", "damage")["lanes"][0] == "damage"


def test_without_a_file_the_gate_judges_what_it_did(project: Path) -> None:
    assert in_force()["subjects"][0].startswith("tornwrite.scenarios.stores:reference, ")
    only = in_force("--scenario", "append")["subjects"]
    assert only == ("tornwrite.scenarios.stores:reference", "default")


def test_the_subject_of_the_file_is_that_of_other_commands_too(
    project: Path, says: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    says('subjects = ["mine:right"]')
    inside = project / "docs"
    inside.mkdir()
    monkeypatch.chdir(inside)
    result = invoke("scenarios")
    assert (result.exit_code, "mine:right: a key-value store" in result.output) == (0, True)


def test_which_of_several_subjects_is_asked(says: Callable[..., None]) -> None:
    says('subjects = ["mine:right", "mine:wrong"]')
    result = invoke("scenarios")
    assert result.exit_code == WRONG_USE
    assert "has several; name one of them: mine:right, mine:wrong" in result.stderr
    assert invoke("scenarios", "mine:wrong").exit_code == 0


def test_a_soak_takes_no_seed_and_devices_take_no_profiles(says: Callable[..., None]) -> None:
    says("seed = 7", 'profiles = ["ext4"]', 'effort = "full"', "budget = 12")
    import click

    from tornwrite.configured_defaults import Defaults

    assert list(Defaults()["soak"]) == ["profile_names", "budget"]
    assert list(Defaults()["devices"]) == ["budget", "seed", "effort"]
    assert "default: 12" in invoke("explore", "--help").output
    assert isinstance(main, click.Group)


def test_the_gate_judges_the_subjects_of_the_file_from_below_it(
    project: Path, says: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    says(
        'subjects = ["mine:right", "mine:wrong"]',
        'profiles = ["ext4"]',
        'effort = "quick"',
        "lanes = []",
        "seed = 3",
    )
    inside = project / "docs"
    inside.mkdir()
    monkeypatch.chdir(inside)
    result = run("gate", "--scenario", "put", "--json", "report.json")
    assert result.returncode == VIOLATED, result.stderr
    runs = orjson.loads(Path("report.json").read_bytes())["runs"]
    assert [(one["subject"], one["verdict"], one["seed"]) for one in runs] == [
        ("mine:right", "passed", 3),
        ("mine:wrong", "violated", 3),
    ]
    assert {row["profile"] for one in runs for row in one["rows"]} == {"ext4"}
    assert os.listdir(inside) == ["report.json"]
