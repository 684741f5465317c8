"""Recordings judged later: under any profile, by any of the stores, from older files too."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from tornwrite.cli import main
from tornwrite.faults import trace as trace_files
from tornwrite.faults.profiles import KILL, KNOWN, POSIX, PowerLoss, Profile
from tornwrite.faults.steps import FailedSync, Open, Write
from tornwrite.faults.trace import (
    OLDEST,
    VERSION,
    Began,
    Failed,
    Stepped,
    Trace,
    TraceFileError,
)
from tornwrite.model.results import GateResult, LeftOut
from tornwrite.model.verdict import Verdict
from tornwrite.scenarios.run import Settings
from tornwrite.scenarios.subject import load_subject
from tornwrite.scenarios.trace_judging import judge_recording, record_scenario

STORES = "tornwrite.scenarios.stores:"
KNOWN_BAD = "tornwrite.scenarios.known_bad:"

NAMES = ("reference", "manager", "backend", "archive", "transcripts")
BUDGET = 150
"""Images for each profile: some of a recording's are enough here."""

HONEST = tuple(
    profile
    for profile in KNOWN
    if not isinstance(profile, PowerLoss) or (profile.tells_the_truth and profile.rename_atomic)
)
"""Under these every promise of a reference store can be kept."""


def short_scenario(subject_name: str) -> str:
    """A scenario of that store that begins with nothing and does little."""
    plain = [one for one in load_subject(subject_name).scenarios if not one.lanes and not one.base]
    return min(plain, key=lambda one: len(str(one.operations))).name


def judged(
    subject_name: str, scenario_name: str, trace: Trace, profiles: tuple[Profile, ...]
) -> GateResult:
    subject = load_subject(subject_name)
    return judge_recording(
        subject,
        subject.scenario(scenario_name),
        trace,
        "a.trace",
        Settings(profiles, BUDGET, 0),
        lambda profile, done: None,
    )


@pytest.fixture(params=NAMES)
def recorded(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str, Trace]:
    """A store, one of its scenarios, and a recording of it that was saved and loaded."""
    name = STORES + request.param
    scenario = short_scenario(name)
    file = tmp_path / "a.trace"
    subject = load_subject(name)
    trace_files.save(record_scenario(subject, subject.scenario(scenario)), file)
    return name, scenario, trace_files.load(file)


def test_a_recording_of_every_store_is_judged_under_every_profile(
    recorded: tuple[str, str, Trace],
) -> None:
    name, scenario, trace = recorded
    result = judged(name, scenario, trace, KNOWN)
    assert [row.profile for row in result.rows] == [profile.name for profile in KNOWN]
    honest = {profile.name for profile in HONEST}
    for row in result.rows:
        assert row.judged > 0
        if row.profile in honest:
            assert row.verdict in (Verdict.PASSED, Verdict.NOT_MEASURED), row


def test_a_recording_of_a_published_store_shows_what_is_wrong(tmp_path: Path) -> None:
    name = KNOWN_BAD + "archive"
    subject = load_subject(name)
    scenario = next(one for one in subject.scenarios if one.name.startswith("save"))
    trace = record_scenario(subject, scenario)
    result = judged(name, scenario.name, trace, (POSIX,))
    assert result.verdict is Verdict.VIOLATED
    assert "--trace a.trace" in result.findings[0].replay


def test_a_recording_of_another_store_is_refused() -> None:
    archive = load_subject(STORES + "archive")
    trace = record_scenario(archive, archive.scenario(short_scenario(archive.name)))
    name = STORES + "reference"
    with pytest.raises(TraceFileError, match="its operations are not those of"):
        judged(name, short_scenario(name), trace, (POSIX,))


# A user's own profile


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a profile of the user's own, and a recording in it."""
    (tmp_path / "pyproject.toml").write_text(
        "[tool.tornwrite.profiles.mine]\n"
        'summary = "as posix, with sectors of 4 KiB"\n'
        'like = "posix"\n'
        "sector = 4096\n"
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def invoke(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, arguments, env={"COLUMNS": "200"})
    return result.exit_code, result.output


def test_a_recording_is_judged_under_a_profile_of_the_users_own(user: Path) -> None:
    scenario = ("--scenario", short_scenario(STORES + "archive"))
    code, _ = invoke("record", STORES + "archive", *scenario, "--output", "a.trace")
    assert code == 0
    code, said = invoke("judge", "a.trace", STORES + "archive", *scenario, "--profile", "mine")
    assert code == 0, said
    assert "mine" in said
    code, said = invoke("judge", "a.trace", STORES + "archive", *scenario, "--profile", "yours")
    assert code == 2
    assert "no profile 'yours'" in said


# Older files


def with_version(file: Path, version: int) -> None:
    """The file as a program of that version would have written it."""
    head, _, rest = file.read_bytes().partition(b"\n")
    header = {**json.loads(head), "version": version}
    lines = rest.split(b"\n")
    body = json.dumps(header, separators=(",", ":")).encode() + b"\n"
    body += b"".join(line + b"\n" for line in lines[:-2])
    footer = hashlib.sha256(body).hexdigest()
    events = {"events": len(lines) - 2, "sha256": footer}
    file.write_bytes(body + json.dumps(events, separators=(",", ":")).encode() + b"\n")


@pytest.mark.parametrize("version", range(OLDEST, VERSION + 1))
def test_a_recording_by_an_older_version_is_still_judged(version: int, tmp_path: Path) -> None:
    name = STORES + "transcripts"
    subject = load_subject(name)
    scenario = short_scenario(name)
    trace = record_scenario(subject, subject.scenario(scenario))
    file = tmp_path / "old.trace"
    trace_files.save(trace, file)
    with_version(file, version)
    old = trace_files.load(file)
    assert old == trace
    assert judged(name, scenario, old, (KILL,)).verdict is not Verdict.VIOLATED


FIRST = b"""\
{"format":"tornwrite-trace","version":1,"base":[{"file":"a","bytes":"b2xk"}]}
{"began":0,"name":"open","arguments":{}}
{"acknowledged":0,"result":null}
{"began":1,"name":"put","arguments":{"key":"a"}}
{"step":"Open","handle":1,"path":"a","create":false,"truncate":false,"sites":[],"operation":1}
{"step":"Write","handle":1,"offset":null,"data":"bmV3","sync":false,"sites":[],"operation":1}
{"step":"Fsync","target":1,"data_only":false,"sites":[["a.py",3,"put"]],"operation":1}
{"failed":1,"error":"no"}
{"restarted":true}
"""
"""What version 1 wrote, byte for byte."""


def test_a_file_that_the_first_version_wrote_is_read(tmp_path: Path) -> None:
    digest = hashlib.sha256(FIRST).hexdigest()
    file = tmp_path / "first.trace"
    file.write_bytes(FIRST + b'{"events":8,"sha256":"%s"}\n' % digest.encode())
    trace = trace_files.load(file)
    assert trace.base == (("a", b"old"),)
    assert [type(step).__name__ for step in trace.steps] == ["Open", "Write", "Fsync"]
    again = tmp_path / "again.trace"
    trace_files.save(trace, again)
    assert trace_files.load(again) == trace
    assert b'"version":%d' % VERSION in again.read_bytes()


def test_every_kind_of_step_is_kept(tmp_path: Path) -> None:
    steps = (Open(1, "a", create=True), Write(1, 0, b"x"), FailedSync(1), FailedSync("a", True))
    trace = Trace((), (Began(0, "put", {}), *map(Stepped, steps), Failed(0, "no")))
    file = tmp_path / "failed.trace"
    trace_files.save(trace, file)
    assert trace_files.load(file) == trace


def test_what_a_recording_does_not_show_is_said_when_it_is_judged() -> None:
    name = short_scenario(STORES + "reference")
    subject = load_subject(STORES + "reference")
    trace = record_scenario(subject, subject.scenario(name))
    said = "the program also wrote to /x/y, outside the directory that it was given"
    result = judged(STORES + "reference", name, replace(trace, unrecorded=(said,)), (KILL,))
    assert result.left_out == (LeftOut("", said),)
