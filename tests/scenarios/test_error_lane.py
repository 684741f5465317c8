"""The lane of I/O errors: each kind of mistake is caught, and a store without one passes."""

import errno
import functools
import logging
import os
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from support.failing_stores import SCENARIO
from tornwrite.faults.disk import Disk
from tornwrite.faults.profiles import by_name
from tornwrite.faults.scratch import VARIABLE
from tornwrite.model.results import Finding, Row
from tornwrite.model.verdict import Kind, Verdict
from tornwrite.reference import SessionManager
from tornwrite.scenarios.error_lane import ERRORS
from tornwrite.scenarios.error_runs import is_clear, run_with_error
from tornwrite.scenarios.error_trials import (
    all_trials,
    chosen,
    line_of,
    lines_before,
    parse_trial,
    places,
)
from tornwrite.scenarios.fault_lanes import Again, Effort, Job, run_lane
from tornwrite.scenarios.judging import Assessors
from tornwrite.scenarios.permitted import permitted_by_epoch
from tornwrite.scenarios.recording import record
from tornwrite.scenarios.recovery import Bench, workplace
from tornwrite.scenarios.subject import Lane, Subject, WrongUse, load_subject


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A place of its own to work in, which is empty again afterwards, and no file left open."""
    place = tmp_path / "scratch"
    place.mkdir()
    monkeypatch.setenv(VARIABLE, str(place))
    logging.disable(logging.CRITICAL)
    yield place
    logging.disable(logging.NOTSET)
    assert os.listdir(place) == []
    open_files = [os.readlink(f"/proc/self/fd/{name}") for name in _descriptors()]
    assert not [path for path in open_files if path.startswith(str(place))]


def _descriptors() -> list[str]:
    return [name for name in os.listdir("/proc/self/fd") if os.path.islink(f"/proc/self/fd/{name}")]


def subject(name: str) -> Subject:
    return load_subject(f"support.failing_stores:{name}")


def job(one: Subject, live: str, effort: Effort = Effort.FULL) -> Job:
    scenario = one.scenarios[0]
    recorded = record(one, scenario, live)
    permitted = permitted_by_epoch(one, scenario, recorded.trace)
    assessors = Assessors(one, Bench(one, live))
    return Job(one, scenario, recorded, permitted, assessors, live, 5_000, 0, effort)


@functools.cache
def outcome(name: str, effort: Effort = Effort.FULL) -> tuple[Row, list[Finding]]:
    with workplace() as live:
        row, found, broken = run_lane(ERRORS, job(subject(name), live, effort))
    assert broken == []
    return row, [one.found for one in found]


def again(name: str, given: Again) -> tuple[Finding, ...]:
    with workplace() as live:
        return ERRORS.replay(job(subject(name), live), given)


def replayed(name: str, command: str) -> tuple[Finding, ...]:
    words = shlex.split(command)
    given = dict(zip(words[3::2], words[4::2], strict=True))
    lane, _, fault = given["--fault"].partition(": ")
    assert lane == ERRORS.name
    if "--profile" not in given:
        return again(name, Again(fault))
    return again(
        name,
        Again(
            fault,
            by_name(given["--profile"]),
            int(given["--epoch"]),
            int(given["--point"]),
            image=given["--image"],
        ),
    )


# What is caught


def test_a_store_that_undoes_what_fails_and_rewrites_after_it_passes() -> None:
    row, found = outcome("right")
    assert found == []
    assert row.verdict is Verdict.PASSED
    assert row.judged > 20


def test_a_swallowed_write_error_is_caught() -> None:
    _, found = outcome("swallows")
    assert {one.violation.kind for one in found} == {Kind.LOST}


def test_an_ignored_sync_error_is_caught() -> None:
    _, found = outcome("ignores")
    assert any("fsync lines, failed with" in one.violation.recovered for one in found)


def test_a_sync_that_is_tried_again_is_caught() -> None:
    _, found = outcome("syncs_again")
    (one,) = found
    assert one.violation.kind is Kind.LOST
    assert one.profile == "posix"
    assert any("fsync lines, which fails" in step.text for step in one.steps)


def test_it_is_caught_by_the_rule_of_failed_syncs_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Disk, "_sync_failed", lambda disk, inode: None)
    row, _ = outcome.__wrapped__("syncs_again")
    assert row.verdict is Verdict.PASSED


def test_a_line_after_half_a_line_is_caught() -> None:
    _, found = outcome("half_a_line")
    assert any("failed after" in one.violation.recovered for one in found)


def test_a_store_that_stays_stuck_is_caught() -> None:
    _, found = outcome("stuck")
    assert Kind.STUCK in {one.violation.kind for one in found}
    (one,) = (one for one in found if one.violation.kind is Kind.STUCK)
    assert "works, without a restart" in one.violation.promised


def test_a_leaked_descriptor_is_caught_and_closed() -> None:
    _, found = outcome("leaks")
    assert {one.violation.kind for one in found} == {Kind.LITTER}
    assert "still open" in found[0].violation.recovered


def test_an_error_that_is_a_mistake_of_the_program_is_caught() -> None:
    _, found = outcome("stumbles")
    assert {one.violation.kind for one in found} == {Kind.UNCLEAR}
    assert "AttributeError" in found[0].violation.recovered


def test_an_error_that_names_nothing_is_caught() -> None:
    _, found = outcome("says_nothing")
    assert {one.violation.kind for one in found} == {Kind.UNCLEAR}


def test_a_failed_operation_that_shows_is_caught() -> None:
    _, found = outcome("shows")
    assert any(one.profile == ERRORS.name for one in found)


def test_one_that_says_so_passes() -> None:
    row, _ = outcome("admits")
    assert row.verdict is Verdict.PASSED


@pytest.mark.parametrize("name", ["swallows", "ignores", "syncs_again", "stumbles", "shows"])
def test_the_usual_efforts_find_it_too(name: str) -> None:
    row, _ = outcome(name, Effort.CI)
    assert row.verdict is Verdict.VIOLATED


# What is told of it


@pytest.mark.parametrize("name", ["swallows", "syncs_again", "stumbles", "shows", "leaks"])
def test_a_finding_is_replayed_by_its_command(name: str) -> None:
    _, found = outcome(name)
    for one in found:
        shown = replayed(name, one.replay)
        told = [(other.violation, other.image, other.replay) for other in shown]
        assert (one.violation, one.image, one.replay) in told


def test_a_store_that_was_mended_shows_nothing_when_it_is_replayed() -> None:
    _, found = outcome("stumbles")
    assert found
    for one in found:
        assert replayed("right", one.replay) == ()


def test_an_error_that_there_is_not_is_refused() -> None:
    for words in ("99 EIO once", "0 EINTR once", "nonsense", "read 99 EIO once"):
        with pytest.raises(WrongUse):
            again("right", Again(words))


# What is tried


def test_faults_are_counted_by_kind_of_step_and_error() -> None:
    row, _ = outcome("right")
    counted = {(one.at, one.what): one.number for one in row.faults}
    assert counted["write", "ENOSPC once"] >= 2
    assert counted["write", "ENOSPC once, after a short write"] == 3
    assert counted["fsync", "EIO stays"] >= 3
    assert counted["open to read", "EMFILE once"] > 0
    assert row.points == sum(counted.values())
    assert not any("EINTR" in what for at, what in counted if at in ("write", "fsync", "open"))


def test_less_effort_tries_less_and_says_so() -> None:
    tried = [outcome("right", effort)[0].points for effort in Effort]
    assert tried == sorted(tried)
    assert tried[0] < tried[1] < tried[2]
    assert all("places" in ERRORS.leaves_out(effort) for effort in (Effort.QUICK, Effort.CI))


def test_the_words_of_a_trial_lead_back_to_it() -> None:
    one = subject("right")
    with workplace() as live:
        found = places(one, SCENARIO, record(one, SCENARIO, live).trace, live)
        for trial in all_trials(found):
            assert parse_trial(trial.words, found) == trial
        assert chosen(found, Effort.CI, "add") == chosen(found, Effort.CI, "add")


def test_the_same_errors_are_chosen_wherever_the_store_is_installed() -> None:
    one = subject("right")
    with workplace() as live:
        found = places(one, SCENARIO, record(one, SCENARIO, live).trace, live)
    moved = [
        replace(place, sites=tuple(replace(site, file=f"lib/{site.file}") for site in place.sites))
        for place in found
    ]
    for effort in Effort:
        here = [trial.words for trial in chosen(found, effort, "add")]
        assert [trial.words for trial in chosen(moved, effort, "add")] == here


def test_at_lines_that_an_earlier_scenario_has_two_scenarios_share_the_errors() -> None:
    plain = subject("right")
    scenario = plain.scenarios[0]
    again = replace(scenario, name="again")
    threads = replace(scenario, name="threads", operations=(), lanes=(Lane(scenario.operations),))
    one = replace(plain, scenarios=(threads, scenario, again))
    with workplace() as live:
        found = places(one, again, record(one, again, live).trace, live)
    assert lines_before(one, scenario) == frozenset(), "no errors are tried in threads"
    known = lines_before(one, again)
    assert known == {line_of(place) for place in found if not place.spot.reads}

    def words(**given: Any) -> set[str]:
        return {trial.words for trial in chosen(found, Effort.FULL, "again", **given)}

    turns = [words(known=known, turn=turn) for turn in (2, 3)]
    assert turns[0] | turns[1] == words()
    for turn in turns:
        assert len(turn) < 0.8 * len(words())
        assert {one for one in words() if one.startswith("read")} <= turn
    with workplace() as live:
        row, _, _ = run_lane(ERRORS, replace(job(plain, live), subject=one, scenario=again))
    assert row.points == len(turns[0])


def test_an_error_that_stays_fails_twice_and_then_no_more() -> None:
    one = subject("right")
    with workplace() as live:
        found = places(one, SCENARIO, record(one, SCENARIO, live).trace, live)
        write = next(place for place in found if place.at.__class__.__name__ == "Write")
        trial = parse_trial(f"{write.spot.number} ENOSPC stays", found)
        run = run_with_error(one, SCENARIO, trial, live)
    assert run is not None
    assert [told.number for told in run.told] == [1, 2]
    assert all(os.strerror(errno.ENOSPC) in told.text for told in run.told)


def test_only_errors_of_the_system_and_of_the_store_are_clear() -> None:
    class Own(ValueError):
        pass

    assert is_clear(OSError(errno.EIO, "no"))
    assert is_clear(Own("no"))
    assert not is_clear(AttributeError("no"))
    assert not is_clear(UnicodeDecodeError("utf-8", b"", 0, 1, "no"))
    assert not is_clear(__import__("json").JSONDecodeError("no", "", 0))


# The stores of this project


@pytest.mark.parametrize(
    ("store", "name"),
    [
        ("reference", "append"),
        ("reference", "compact"),
        ("reference", "reopen"),
        ("archive", "archive"),
        ("transcripts", "append"),
        ("manager", "several"),
        ("backend", "fall-back-both"),
    ],
)
def test_the_stores_of_this_project_pass(store: str, name: str) -> None:
    row, found = outcome_of_store(store, name, Effort.CI)
    assert [one.violation for one in found] == []
    assert row.verdict is Verdict.PASSED


def outcome_of_store(store: str, name: str, effort: Effort) -> tuple[Row, list[Finding]]:
    one = load_subject(f"tornwrite.scenarios.stores:{store}")
    scenario = one.scenario(name)
    with workplace() as live:
        recorded = record(one, scenario, live)
        permitted = permitted_by_epoch(one, scenario, recorded.trace)
        assessors = Assessors(one, Bench(one, live))
        given = Job(one, scenario, recorded, permitted, assessors, live, 5_000, 0, effort)
        row, found, broken = run_lane(ERRORS, given)
    assert broken == []
    return row, [one.found for one in found]


@pytest.mark.parametrize("refuses", [True, False])
def test_a_store_may_refuse_what_it_cannot_read_and_not_show_something_else(
    refuses: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not refuses:
        monkeypatch.setattr(SessionManager, "_check_readable", lambda manager, key: None)
    row, found = outcome_of_store("manager", "copied", Effort.FULL)
    if refuses:
        assert row.verdict is Verdict.PASSED
        return
    assert row.verdict is Verdict.VIOLATED
    assert Kind.LOST in {one.violation.kind for one in found}
