"""Replaying: the crash state of a finding comes up again, from a new recording."""

import os
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.key_values import KEPT, PUT
from tornwrite.faults.images import digest, read_image
from tornwrite.faults.profiles import DEFAULT, EXT4, KILL, POSIX, by_name
from tornwrite.faults.scratch import VARIABLE
from tornwrite.faults.states import CrashStates
from tornwrite.faults.trace import TraceFileError, save
from tornwrite.model.results import Finding
from tornwrite.model.verdict import Kind
from tornwrite.scenarios.recording import record
from tornwrite.scenarios.replaying import Place, replay
from tornwrite.scenarios.run import Settings, run_scenario
from tornwrite.scenarios.subject import Subject, WrongUse, load_subject


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A place of its own to work in, which is empty again afterwards."""
    place = tmp_path / "scratch"
    place.mkdir()
    monkeypatch.setenv(VARIABLE, str(place))
    yield place
    assert os.listdir(place) == []


def subject(name: str) -> Subject:
    return load_subject(f"support.key_values:{name}")


def findings(name: str) -> tuple[Finding, ...]:
    settings = Settings(DEFAULT, budget=5_000, seed=0, real_kills=False)
    one = subject(name)
    found: tuple[Finding, ...] = ()
    for scenario in one.scenarios:
        found += run_scenario(one, scenario, settings, lambda profile, judged: None).findings
    return found


def place_of(found: Finding) -> Place:
    """What the finding's replay command says."""
    words = shlex.split(found.replay)
    given = dict(zip(words[3::2], words[4::2], strict=True))
    cut = int(given["--cut"]) if "--cut" in given else None
    return Place(int(given["--epoch"]), int(given["--point"]), cut, given["--image"])


def place_of_first_state(name: str, tmp_path: Path) -> Place:
    live = tmp_path / "live"
    live.mkdir()
    one = subject(name)
    trace = record(one, PUT, str(live)).trace
    last = list(CrashStates(trace, EXT4))[-1]
    return Place(last.epoch, last.point, last.cut, digest(last.image))


def test_every_finding_comes_up_again_word_for_word() -> None:
    one = subject("wrong")
    found = findings("wrong")
    assert {finding.profile for finding in found} >= {"kill", "ext4"}
    for finding in found:
        again = replay(
            one, one.scenario(finding.scenario), by_name(finding.profile), place_of(finding)
        )
        assert finding.violation in [shown.violation for shown in again]
        (same,) = [shown for shown in again if shown.violation == finding.violation]
        assert (same.image, same.steps, same.files, same.protect, same.replay) == (
            finding.image,
            finding.steps,
            finding.files,
            finding.protect,
            finding.replay,
        )


def test_a_write_cut_by_a_kill_comes_up_again(tmp_path: Path) -> None:
    live = tmp_path / "live"
    live.mkdir()
    one = subject("wrong")
    states = CrashStates(record(one, PUT, str(live)).trace, KILL)
    cut = [state for state in states if state.cut is not None]
    assert len({state.cut for state in cut}) > 2
    for state in cut:
        place = Place(state.epoch, state.point, state.cut, digest(state.image))
        (again,) = replay(one, PUT, KILL, place)
        assert (again.cut, again.protect) == (state.cut, state.point)
        assert again.violation.kind is Kind.TORN
        assert place_of(again) == place


def test_where_all_is_well_nothing_is_found(tmp_path: Path) -> None:
    place = place_of_first_state("right", tmp_path)
    assert replay(subject("right"), PUT, EXT4, place) == ()


def test_the_image_is_kept_for_looking_at(tmp_path: Path) -> None:
    place = place_of_first_state("right", tmp_path)
    replay(subject("right"), PUT, EXT4, place, keep=str(tmp_path / "kept" / "here"))
    assert digest(read_image(str(tmp_path / "kept" / "here"))) == place.image


def test_an_image_is_not_kept_over_something_else(tmp_path: Path) -> None:
    place = place_of_first_state("right", tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a").write_text("mine")
    with pytest.raises(WrongUse, match="name a directory that does not exist yet"):
        replay(subject("right"), PUT, EXT4, place, keep=str(tmp_path / "mine"))
    assert (tmp_path / "mine" / "a").read_text() == "mine"


def test_a_store_that_changed_since_is_told_so() -> None:
    (found, *_) = [finding for finding in findings("wrong") if finding.scenario == "put"]
    with pytest.raises(WrongUse) as error:
        replay(subject("right"), PUT, by_name(found.profile), place_of(found))
    message = str(error.value)
    assert found.image in message
    assert "has changed since: run the gate" in message.replace(";", ":")


@pytest.mark.parametrize("profile", [EXT4, KILL], ids=lambda profile: profile.name)
@pytest.mark.parametrize(
    ("epoch", "point", "cut"), [(99, 0, None), (0, 99, None), (0, 0, 7), (1, 0, None)]
)
def test_a_place_that_there_is_not_is_told_so(
    profile: object, epoch: int, point: int, cut: int | None
) -> None:
    with pytest.raises(WrongUse, match="no crash at point"):
        replay(subject("right"), PUT, profile, Place(epoch, point, cut, "0" * 16))  # type: ignore[arg-type]


def test_a_state_that_only_a_weaker_profile_has_is_refused_under_a_stronger_one(
    tmp_path: Path,
) -> None:
    live = tmp_path / "live"
    live.mkdir()
    trace = record(subject("wrong"), PUT, str(live)).trace
    strong = {state.image for state in CrashStates(trace, EXT4)}
    (weak, *_) = [state for state in CrashStates(trace, POSIX) if state.image not in strong]
    place = Place(weak.epoch, weak.point, None, digest(weak.image))
    assert replay(subject("wrong"), PUT, POSIX, place)
    with pytest.raises(WrongUse):
        replay(subject("wrong"), PUT, EXT4, place)


def test_an_old_recording_is_judged_by_the_store_as_it_is_now(tmp_path: Path) -> None:
    """The recovery is that of the subject given, whoever was recorded."""
    live = tmp_path / "live"
    live.mkdir()
    file = str(tmp_path / "wrong.trace")
    save(record(subject("wrong"), PUT, str(live)).trace, file)
    (found, *_) = [one for one in findings("wrong") if one.scenario == "put" and one.cut is None]
    profile = by_name(found.profile)
    (again, *_) = replay(subject("right"), PUT, profile, place_of(found), trace_file=file)
    assert again.violation.promise == KEPT
    assert file in shlex.split(again.replay)


def test_a_recording_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TraceFileError, match="No such file"):
        replay(
            subject("right"), PUT, EXT4, Place(0, 0, None, ""), trace_file=str(tmp_path / "none")
        )
