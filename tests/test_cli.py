"""The command line as a user or a CI job meets it: exit codes, sentences, nothing left behind."""

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result

import support.key_values
from support.marked import MARK, running, wait_for
from tornwrite.cli import main
from tornwrite.faults.profiles import KNOWN, rules
from tornwrite.faults.scratch import VARIABLE, NoSpace
from tornwrite.scenarios.flaws import ALL as FLAWS
from tornwrite.scenarios.recording import lay_down
from tornwrite.scenarios.stores import reference

PASSED, VIOLATED, WRONG_USE, NO_VERDICT = 0, 1, 2, 3


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Path]:
    """Where the runs of a test work; it is empty again afterwards."""
    place = tmp_path / "scratch"
    place.mkdir()
    yield place
    assert os.listdir(place) == []


@pytest.fixture
def here(tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's directory with a module `mine`, which nothing else on the path has."""
    user = tmp_path / "user"
    user.mkdir()
    shutil.copy(support.key_values.__file__, user / "mine.py")
    monkeypatch.chdir(user)
    monkeypatch.setenv(VARIABLE, str(scratch))
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setenv(MARK, uuid.uuid4().hex)
    return user


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """`tornwrite` as a process of its own, in the current directory."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "tornwrite", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture
def invoke(here: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Result]]:
    """`tornwrite` in this process, for what starts no others."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before, handler = set(sys.modules), signal.getsignal(signal.SIGTERM)

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments)

    yield invoke
    signal.signal(signal.SIGTERM, handler)
    for name in set(sys.modules) - before:
        if not name.startswith("tornwrite"):
            del sys.modules[name]


def sentence(result: Any, *parts: str) -> None:
    """The run ended as wrong use, with one sentence that has all the parts."""
    code = result.exit_code if isinstance(result, Result) else result.returncode
    assert code == WRONG_USE, result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    said = [
        line for line in result.stderr.splitlines() if line.startswith(("tornwrite:", "Error:"))
    ]
    assert len(said) == 1, result.stderr
    for part in parts:
        assert part in said[0]


# Wrong use


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["gate", "mine:right", "--profile", "ntfs"], ["'ntfs'", "ext4", "posix"]),
        (["gate", "mine:right", "--profile", "ext4,ntfs"], ["'ntfs'"]),
        (["gate", "mine:right", "--scenario", "other"], ["'other'", "put, delete"]),
        (["gate", "mine"], ["'mine'", "package.module:object"]),
        (["gate", "none:right"], ["no module none", "current directory"]),
        (["gate", "mine:none"], ["mine has no none"]),
        (["gate", "mine:put"], ["mine:put is not a subject but a function"]),
        (["gate", "mine:empty"], ["mine:empty has no scenarios"]),
        (["gate", "broken:x"], ["cannot import broken", "ValueError: bad settings"]),
        (["gate", "needy:x"], ["needs the module some_missing_library"]),
        (["gate", "mine:right", "--budget", "0"], ["--budget", "0 is not in the range x>=1"]),
        (["gate", "mine:right", "--budget", "many"], ["--budget", "'many'"]),
        (["gate", "mine:right", "--jobs", "0"], ["--jobs", "0 is not in the range x>=1"]),
        (["gate", "mine:right", "--json", "none/r.json"], ["none/r.json", "not there"]),
        (["gate", "mine:right", "--json", "."], ["--json", "'.'", "is a directory"]),
        (["gate", "mine:right", "--frobnicate"], ["--frobnicate"]),
        (["gate", "--known-bad", "mine:right"], ["mine:right", "known_bad:jsonl"]),
        (["gate", "--known-bad", "--scenario", "put"], ["--known-bad", "no scenarios"]),
        (["frobnicate"], ["'frobnicate'"]),
        (["scenarios", "mine:none"], ["mine has no none"]),
        (["replay", "mine:right"], ["--scenario"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_wrong_use_is_one_sentence_and_exit_code_2(
    invoke: Callable[..., Result], here: Path, arguments: list[str], parts: list[str]
) -> None:
    (here / "broken.py").write_text("raise ValueError('bad settings')")
    (here / "needy.py").write_text("import some_missing_library")
    sentence(invoke(*arguments), *parts)


REPLAY = ["replay", "mine:right", "--scenario", "put"]
EMPTY_IMAGE = "e3b0c44298fc1c14"
AT_START = ["--epoch", "0", "--point", "0", "--image", EMPTY_IMAGE]


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["--profile", "ntfs", *AT_START], ["'ntfs'"]),
        (["--profile", "ext4", *AT_START[:-1], "0" * 16], ["0" * 16, "changed since"]),
        (["--profile", "ext4", *AT_START, "--keep", "."], ["keep the image in .", "not exist"]),
        (["--profile", "ext4", "--epoch", "-1"], ["--epoch", "-1 is not in the range"]),
        (["--profile", "ext4,xfs", *AT_START], ["ext4,xfs"]),
        (["--profile", "", *AT_START], ["profile"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_wrong_use_of_replay_is_too(
    invoke: Callable[..., Result], arguments: list[str], parts: list[str]
) -> None:
    sentence(invoke(*REPLAY, *arguments), *parts)


@pytest.mark.parametrize("arguments", [["gate", "none:x"], ["gate", "mine:right", "--budget", "0"]])
def test_wrong_use_is_exit_code_2_of_the_real_process_too(here: Path, arguments: list[str]) -> None:
    sentence(run(*arguments))


def test_a_profile_without_a_name_is_refused(invoke: Callable[..., Result]) -> None:
    """Not taken for all of them: a script whose variable is empty would pass for another reason."""
    sentence(invoke("gate", "mine:empty", "--profile", ""), "profile")


def test_a_json_file_that_turns_out_not_to_be_writable_is_told_before_the_run(here: Path) -> None:
    """A directory may be writable and take no file: /proc does not."""
    if not os.access("/proc", os.W_OK):
        pytest.skip("only root may write to /proc, and cannot")
    sentence(run("gate", "mine:right", "--scenario", "put", "--json", "/proc/r.json"), "r.json")


@pytest.mark.parametrize(
    "command",
    [["gate", "mine:right", "--scenario", "put"], [*REPLAY, "--profile", "ext4", *AT_START]],
    ids=["gate", "replay"],
)
def test_a_scratch_place_that_is_not_there_is_told(
    here: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setenv(VARIABLE, "/no/such/place")
    sentence(run(*command), VARIABLE, "/no/such/place")


# Too little room


@contextlib.contextmanager
def small_place(path: Path, size: str) -> Iterator[Path]:
    """A file system of that size; the test is skipped where nobody may mount one."""
    path.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("no mounts here; tests/faults/test_scratch.py has the limit moved instead")
    try:
        yield path
    finally:
        subprocess.run(["umount", str(path)], check=True)


@pytest.mark.parametrize(
    "command",
    [["gate", "mine:right"], [*REPLAY, "--profile", "ext4", *AT_START]],
    ids=["gate", "replay"],
)
def test_too_small_a_place_is_told_before_anything_is_run(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    with small_place(tmp_path / "tiny", "64k") as tiny:
        monkeypatch.setenv(VARIABLE, str(tiny))
        sentence(run(*command), str(tiny), "64.0 MiB", "0.1 MiB free", VARIABLE)
        assert os.listdir(tiny) == []


HEAVY = """
from dataclasses import replace
from mine import PUT, right
heavy = replace(right, scenarios=(replace(PUT, base=(("old", b"x" * {size}),),
                                          start={{"values": {{"old": "x" * {size}}}}}),))
"""


def test_an_image_that_does_not_fit_is_told(tmp_path: Path) -> None:
    with small_place(tmp_path / "small", "1m") as small:
        root = small / "work" / "live"
        root.mkdir(parents=True)
        with pytest.raises(NoSpace, match=f"cannot write an image below {small}.*{VARIABLE}"):
            lay_down((("a", bytes(2 << 20)),), str(root))


def test_a_place_that_the_run_itself_does_not_fit_into_is_told(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "weighty.py").write_text(HEAVY.format(size=100 << 20))
    with small_place(tmp_path / "small", "80m") as small:
        monkeypatch.setenv(VARIABLE, str(small))
        sentence(run("gate", "weighty:heavy", "--profile", "ext4"), "No space left", VARIABLE)
        assert os.listdir(small) == []


def test_a_report_that_does_not_fit_is_no_violation(here: Path, tmp_path: Path) -> None:
    """Exit code 1 is for stores that break promises."""
    with small_place(tmp_path / "tiny", "4k") as tiny:
        (tiny / "full").write_bytes(bytes(4096))
        found = run("gate", "mine:right", "--scenario", "put", "--json", str(tiny / "r.json"))
        sentence_or_no_verdict = (found.returncode, "Traceback" in found.stderr)
        assert sentence_or_no_verdict in ((WRONG_USE, False), (NO_VERDICT, False)), found.stderr
        assert os.listdir(tiny) == ["full"]


# What there is


def test_scenarios_are_listed_with_what_they_put_to_the_test(
    invoke: Callable[..., Result],
) -> None:
    listed = invoke("scenarios")
    assert listed.exit_code == PASSED
    for scenario in reference.scenarios:
        (line,) = [
            line for line in listed.stdout.splitlines() if line.split()[:1] == [scenario.name]
        ]
        assert str(len(scenario.every_operation)) in line.split()
        assert scenario.about in line
        for promise in scenario.promises:
            assert promise.name in line


def test_scenarios_of_a_user_are_listed_too(invoke: Callable[..., Result]) -> None:
    listed = invoke("scenarios", "mine:right")
    assert "mine:right: a key-value store" in listed.stdout
    assert "a value, and another one in its place" in listed.stdout


def test_profiles_are_listed_with_every_rule(invoke: Callable[..., Result]) -> None:
    listed = invoke("profiles")
    assert listed.exit_code == PASSED
    blocks = re.split(r"^(?=\S)", listed.stdout, flags=re.MULTILINE)[1:]
    assert [block.split()[0] for block in blocks] == [profile.name for profile in KNOWN]
    for profile, block in zip(KNOWN, blocks, strict=True):
        assert profile.summary in block
        lines = [" ".join(line.split()) for line in block.splitlines()[1:]]
        assert lines == [f"{rule} {value}" for rule, value in rules(profile).items()]


def test_help_names_the_commands_and_the_exit_codes(invoke: Callable[..., Result]) -> None:
    told = invoke("--help")
    assert told.exit_code == PASSED
    for word in ("gate", "replay", "scenarios", "profiles", "0 passed", "1 violated"):
        assert word in " ".join(told.stdout.split())


def test_the_known_flaws_are_told_as_a_page(invoke: Callable[..., Result]) -> None:
    told = invoke("flaws")
    assert told.exit_code == PASSED
    for flaw in FLAWS:
        assert f"### {flaw.name}" in told.stdout
        assert flaw.breaks in told.stdout


def test_a_known_flaw_is_shown_with_the_least_that_it_takes() -> None:
    subject = "tornwrite.scenarios.known_bad:count_only_when_zero"
    found = run("gate", "--known-bad", subject)
    assert found.returncode == PASSED, found.stderr
    assert "passed: 1 of 1 known flaws are caught" in found.stdout
    assert "truncate_history(key='chat:1', keep_last=2)" in found.stdout
    assert "no crash: resurrected" in found.stdout


def test_there_is_a_version(invoke: Callable[..., Result]) -> None:
    assert re.search(r"\d+\.\d+", invoke("--version").stdout)


# The gate


def test_a_right_store_passes_with_exit_code_0(here: Path) -> None:
    found = run("gate", "mine:right", "--lane", "none")
    assert found.returncode == PASSED, found.stderr
    assert "passed: mine:right" in found.stdout
    assert "0 findings" in found.stdout
    assert found.stderr == ""


def test_a_wrong_store_fails_with_exit_code_1(here: Path) -> None:
    found = run("gate", "mine:wrong")
    assert found.returncode == VIOLATED, found.stderr
    assert "violated: mine:wrong" in found.stdout
    assert found.stderr == ""


def test_several_stores_are_judged_one_after_the_other_and_the_worst_verdict_counts(
    here: Path,
) -> None:
    found = run("gate", "mine:right", "mine:wrong", "--profile", "kill", "--json", "r.json")
    assert found.returncode == VIOLATED, found.stderr
    said = found.stdout
    assert said.rindex("passed: mine:right") < said.rindex("violated: mine:wrong")
    assert said.rindex("violated: mine:wrong") < said.rindex("violated: 2 subjects")
    runs = orjson.loads((here / "r.json").read_bytes())["runs"]
    assert [one["subject"] for one in runs] == ["mine:right", "mine:wrong"]


def test_a_store_that_writes_behind_the_recorder_is_harness_broken_with_exit_code_3(
    here: Path,
) -> None:
    found = run("gate", "mine:secret")
    assert found.returncode == NO_VERDICT
    assert "harness broken: mine:secret" in found.stdout
    assert "behind the recorder's back" in found.stdout


def test_a_budget_that_is_too_small_is_not_measured_with_exit_code_3(here: Path) -> None:
    found = run("gate", "mine:right", "--budget", "3", "--lane", "none")
    assert found.returncode == NO_VERDICT
    assert "not measured: mine:right" in found.stdout
    said = " ".join(found.stdout.split())
    assert "under kill, ext4, xfs, ext4-noauto_da_alloc, ext4-writeback, btrfs, posix is " in said
    assert said.count("is not complete: budget of 3 images reached") == 1


def test_weaker_promises_are_printed_with_the_verdict(here: Path) -> None:
    found = run("gate", "mine:weaker", "--profile", "ext4")
    assert "weaker promises declared: values may be old" in found.stdout


def test_only_what_was_asked_for_is_run(here: Path) -> None:
    run("gate", "mine:right", "--scenario", "put", "--profile", "xfs", "--json", "r.json")
    rows = orjson.loads((here / "r.json").read_bytes())["rows"]
    assert [(row["scenario"], row["profile"]) for row in rows] == [("put", "xfs")]


def test_profiles_run_from_the_strongest_to_the_weakest_however_they_are_named(here: Path) -> None:
    run("gate", "mine:right", "--scenario", "put", "--profile", "posix,ext4", "--json", "r.json")
    rows = orjson.loads((here / "r.json").read_bytes())["rows"]
    assert [row["profile"] for row in rows] == ["ext4", "posix"]


@pytest.mark.parametrize("name", ["wrong", "right", "forgetful", "secret"])
def test_the_json_report_has_everything_that_the_console_shows(here: Path, name: str) -> None:
    shown = run("gate", f"mine:{name}", "--json", "r.json")
    report = orjson.loads((here / "r.json").read_bytes())
    words = shown.stdout
    assert f"{report['verdict']}: {report['subject']}" in words
    assert f"seed {report['seed']}" in words
    shown_rows = report["rows"] if name != "secret" else []  # nothing came of it: no table
    for row in shown_rows:
        figures = [row["profile"], f"{row['points']:,}", f"{row['judged']:,}"]
        assert re.search(r"\s+".join(map(re.escape, figures)), words)
    for note in report["notes"]:
        assert note in words
    for finding in report["findings"]:
        violation = finding["violation"]
        assert f"{violation['kind']}: " in words
        for text in (
            violation["promised"], violation["recovered"], violation["promise"]["text"],
            finding["replay"], *(content for _, content in finding["files"]),
        ):  # fmt: skip
            assert text in words
        if finding["profile"] != "no crash":
            assert all(step["text"] in words for step in finding["steps"])
    # And nothing is shown that is not in it.
    assert words.count("replay: ") + words.count("replay  ") == len(report["findings"])
    assert len(shown_rows) == sum(
        any(f" {verdict} " in f"{line} " for verdict in ("passed", "violated", "harness broken"))
        for line in words.splitlines()
        if line.startswith("  ")
    )


def test_a_subject_that_fails_where_nobody_expected_it_gives_no_verdict(here: Path) -> None:
    """Neither passed nor violated: exit code 1 would blame the store."""
    (here / "failing.py").write_text(
        "from dataclasses import replace\n"
        "from mine import KeyValueModel, wrong\n"
        "class Failing(KeyValueModel):\n"
        "    def explain(self, *arguments):\n"
        "        raise KeyError('a bug of the model')\n"
        "failing = replace(wrong, model=Failing())\n"
    )
    found = run("gate", "failing:failing", "--scenario", "put")
    assert found.returncode == NO_VERDICT
    assert "a bug of the model" in found.stderr + found.stdout


def test_a_file_name_that_is_no_utf_8_does_not_stop_the_gate(here: Path) -> None:
    (here / "strange.py").write_text(
        "from dataclasses import replace\n"
        "from mine import PUT, wrong\n"
        "base = (('\\udcff', b''),)\n"
        "strange = replace(wrong, scenarios=(replace(PUT, base=base, start={'values': {}}),))\n"
    )
    (here / "stranger.py").write_text(
        "import os\n"
        "from dataclasses import replace\n"
        "import mine, strange\n"
        "class Store(mine.WrongStore):\n"
        "    def observe(self, names):\n"
        "        values = super().observe(names)['values']\n"
        "        return {'values': {k: v for k, v in values.items() if k.isascii()}}\n"
        "strange = replace(strange.strange, open=Store)\n"
    )
    found = run("gate", "stranger:strange", "--profile", "ext4", "--json", "r.json")
    assert found.returncode == VIOLATED, found.stderr
    assert found.stderr == ""
    assert (here / "r.json").exists()


# Replaying


def printed_replays(output: str) -> list[list[str]]:
    return [shlex.split(found) for found in re.findall(r"tornwrite (replay [^│\n]+)", output)]


def test_every_replay_command_that_is_printed_shows_the_finding_again(here: Path) -> None:
    printed = run("gate", "mine:wrong", "--lane", "none", "--json", "r.json")
    commands = printed_replays(printed.stdout)
    findings = orjson.loads((here / "r.json").read_bytes())["findings"]
    assert len(commands) == len(findings) > 1
    for command, finding in zip(commands, findings, strict=True):
        again = run(*command)
        assert again.returncode == VIOLATED, again.stderr
        assert finding["violation"]["recovered"] in again.stdout
        assert f"violated: image {finding['image']}" in again.stdout


def test_a_replay_command_can_be_pasted_from_eighty_columns(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    commands = printed_replays(run("gate", "mine:wrong", "--scenario", "put").stdout)
    assert commands
    assert run(*commands[0]).returncode == VIOLATED


def test_a_replay_against_a_repaired_store_says_so(here: Path) -> None:
    printed = run("gate", "mine:wrong", "--scenario", "put", "--profile", "ext4")
    (command, *_) = printed_replays(printed.stdout)
    sentence(run(*[word.replace("mine:wrong", "mine:right") for word in command]), "changed since")


def test_a_state_in_which_all_is_well_passes(here: Path) -> None:
    found = run(*REPLAY, "--profile", "ext4", *AT_START)
    assert found.returncode == PASSED, found.stderr
    assert f"passed: image {EMPTY_IMAGE}" in found.stdout


def test_an_image_is_kept_for_looking_at(here: Path) -> None:
    printed = run("gate", "mine:wrong", "--scenario", "put", "--profile", "kill")
    (command, *_) = printed_replays(printed.stdout)
    run(*command, "--keep", "kept")
    assert os.listdir(here / "kept") == ["a"]


def test_a_replay_that_fails_where_nobody_expected_it_gives_no_verdict(here: Path) -> None:
    (here / "failing.py").write_text(
        "from dataclasses import replace\n"
        "from mine import KeyValueModel, right\n"
        "class Failing(KeyValueModel):\n"
        "    def probes(self, *arguments):\n"
        "        raise KeyError('a bug of the model')\n"
        "failing = replace(right, model=Failing())\n"
    )
    command = ["replay", "failing:failing", *REPLAY[2:], "--profile", "ext4", *AT_START]
    found = run(*command)
    assert found.returncode == NO_VERDICT, found.stderr
    assert "a bug of the model" in found.stderr


# Interruption


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda s: s.name)
@pytest.mark.parametrize("group", [False, True], ids=["the process", "its whole group"])
def test_an_interrupted_gate_leaves_no_processes_and_no_directories(
    here: Path, scratch: Path, number: signal.Signals, group: bool
) -> None:
    """To the group: that is what Ctrl-C in a terminal does, and what many CI runners do."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "tornwrite", "gate", "mine:long_and_wrong"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert wait_for(lambda: list(scratch.glob("tornwrite-*/*/*")), 30)
        assert len(running()) > 1
        send = os.killpg if group else os.kill
        send(process.pid, number)
        # The gate goes on for longer than that when nobody ends it.
        out, error = process.communicate(timeout=8)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    assert process.returncode not in (PASSED, VIOLATED)
    assert "Traceback" not in error, error
    assert "passed" not in out
    assert wait_for(lambda: not running(), 10), running()
    assert os.listdir(scratch) == []


def test_an_interruption_is_no_verdict_wherever_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tornwrite.scenarios.subject.load_subject", interrupted)
    assert CliRunner().invoke(main, ["scenarios"]).exit_code == 130
