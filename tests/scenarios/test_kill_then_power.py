"""A kill, then a power loss: what a dead process did not sync is lost under the one that relied
on it, and only this lane shows it."""

import logging
import os
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from support.line_log import ADD
from tornwrite.cli import main
from tornwrite.faults.images import read_image
from tornwrite.faults.profiles import DEFAULT, EXT4, KILL, POSIX, Profile
from tornwrite.faults.scratch import VARIABLE
from tornwrite.faults.steps import Close, Link, Open, Unlink, Write, is_barrier
from tornwrite.faults.trace import Acknowledged, Began, Restarted, Stepped, Trace
from tornwrite.model.operation import Operation
from tornwrite.model.results import Finding, Row
from tornwrite.model.sessions import Legacy, Session, SessionModel, Sessions
from tornwrite.model.verdict import Verdict
from tornwrite.scenarios.judging import Assessors
from tornwrite.scenarios.kills.then_power import (
    KILL_THEN_POWER,
    PowerLane,
    _put,
    go_on,
    kill_then_power,
    kills,
)
from tornwrite.scenarios.recording import record
from tornwrite.scenarios.recovery import Bench
from tornwrite.scenarios.run import Outcome, Settings, run_scenario
from tornwrite.scenarios.sessions import ALL
from tornwrite.scenarios.subject import Subject, load_subject


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A place of its own to work in, which is empty again afterwards."""
    place = tmp_path / "scratch"
    place.mkdir()
    monkeypatch.setenv(VARIABLE, str(place))
    logging.disable(logging.CRITICAL)
    yield place
    logging.disable(logging.NOTSET)
    assert os.listdir(place) == []


def subject(name: str) -> Subject:
    return load_subject(f"support.line_log:{name}")


def outcome(
    one: Subject,
    scenario: str = "add",
    profiles: tuple[Profile, ...] = (KILL, POSIX),
    budget: int = 50_000,
) -> Outcome:
    settings = Settings(profiles, budget=budget, seed=0, real_kills=False)
    return run_scenario(one, one.scenario(scenario), settings, lambda profile, judged: None)


def lane(given: Outcome) -> Row:
    (row,) = (row for row in given.rows if row.profile == KILL_THEN_POWER)
    return row


def lane_alone(one: Subject, name: str, tmp_path: Path) -> PowerLane:
    """The lane without the rest of a run, its findings not merged."""
    scenario = one.scenario(name)
    live = tmp_path / "live"
    live.mkdir()
    trace = record(one, scenario, str(live)).trace
    assessors = Assessors(one, Bench(one, str(live)))
    return kill_then_power(one, scenario, trace, assessors, str(live), budget=50_000, seed=0)


def test_trust_in_a_dead_process_is_caught_by_this_lane_alone() -> None:
    found = outcome(subject("trusting"), profiles=DEFAULT)
    verdicts = {row.profile: row.verdict for row in found.rows}
    assert verdicts.pop(KILL_THEN_POWER) is Verdict.VIOLATED
    assert set(verdicts.values()) == {Verdict.PASSED}
    assert len(verdicts) == len(DEFAULT)


def test_who_syncs_what_others_made_passes() -> None:
    row = lane(outcome(subject("right")))
    assert row.verdict is Verdict.PASSED
    assert row.complete
    assert row.judged == row.possible > 0


def test_points_are_kills_times_ways_to_go_on() -> None:
    # Kills after the creation, and after each of the two writes; from each the two ways of the
    # model to go on, and trying again.
    assert lane(outcome(subject("right"))).points == 9


def test_the_finding_tells_of_the_kill_and_of_the_step_that_was_relied_on() -> None:
    (one,) = outcome(subject("trusting")).findings
    assert any("(killed after step" in name for name in one.in_flight)
    assert "add(line='later')" in one.acknowledged
    first, second = one.stages
    assert (first.who, first.did, first.in_flight) == (
        "first process",
        ("open()",),
        ("add(line='one')",),
    )
    assert first.ended == "killed after step 0"
    assert (second.who, second.did) == ("next process", ("open()", "add(line='later')"))
    assert second.ended.startswith("the power failed after step ")
    assert first.last == 1, "its file is closed by the kernel"
    assert second.last == one.point
    assert one.profiles == (KILL_THEN_POWER,)
    (step,) = (step for step in one.steps if step.number == one.protect)
    assert (step.text, step.fate) == ("open lines (create)", "not on disk")


def test_the_finding_is_replayed_by_its_command() -> None:
    (one,) = outcome(subject("trusting")).findings
    words = shlex.split(one.replay)
    assert "--killed-after" in words
    again = CliRunner().invoke(main, words[1:])
    assert again.exit_code == 1, again.output
    assert "violated" in again.output
    assert one.image in again.output
    words[words.index("support.line_log:trusting")] = "support.line_log:right"
    other = CliRunner().invoke(main, words[1:])
    assert other.exit_code in (0, 2), other.output


def test_each_way_to_go_on_is_replayed_as_that_way(tmp_path: Path) -> None:
    one = subject("trusting")
    found = [each.found for each in lane_alone(one, "add", tmp_path).findings]
    for way in (0, 1):
        (*_, last) = (each for each in found if each.replay.endswith(f"--continuation {way}"))
        again = CliRunner().invoke(main, shlex.split(last.replay)[1:], env={"COLUMNS": "300"})
        assert again.exit_code == 1, again.output
        assert last.violation.promised in again.output


def test_a_run_that_there_is_not_is_refused() -> None:
    (one,) = outcome(subject("trusting")).findings
    words = shlex.split(one.replay)
    words[words.index("--killed-after") + 1] = "77"
    refused = CliRunner().invoke(main, words[1:])
    assert refused.exit_code == 2


def test_what_the_new_process_cannot_do_is_a_finding_without_a_power_loss() -> None:
    found = outcome(subject("stubborn"))
    (told,) = (
        one for one in found.findings if "--killed-after" in one.replay and one.profile == KILL.name
    )
    assert "the file is empty" in told.violation.recovered
    assert told.stages[-1].ended == "came to its end"
    row = lane(found)
    assert row.verdict is Verdict.VIOLATED
    assert "failed before the power did" in row.stopped
    again = CliRunner().invoke(main, shlex.split(told.replay)[1:], env={"COLUMNS": "300"})
    assert again.exit_code == 1, again.output
    assert "works after a process was killed" in again.output


def test_a_subject_that_does_not_open_any_more_is_not_passed_over_in_silence() -> None:
    row = lane(outcome(subject("closed")))
    assert not row.complete
    assert "after 1 kill the subject cannot be opened" in row.stopped


def test_a_budget_that_is_too_small_is_told() -> None:
    row = lane(outcome(subject("right"), budget=5))
    assert row.verdict is Verdict.NOT_MEASURED
    assert "budget" in row.stopped
    assert row.possible > row.judged
    assert row.points == 9


@pytest.mark.parametrize(
    ("name", "profiles"),
    [("alone", (KILL, POSIX)), ("right", (KILL, EXT4)), ("right", (POSIX,))],
    ids=["a model without continuations", "no posix", "no kill"],
)
def test_there_is_no_such_row(name: str, profiles: tuple[Profile, ...]) -> None:
    assert KILL_THEN_POWER not in {
        row.profile for row in outcome(subject(name), profiles=profiles).rows
    }


# Kills, and how the trace goes on


def recorded(tmp_path: Path) -> Trace:
    live = tmp_path / "live"
    live.mkdir()
    return record(subject("right"), ADD, str(live)).trace


def test_kills_come_after_steps_that_have_an_effect_and_inside_operations(tmp_path: Path) -> None:
    trace = recorded(tmp_path)
    found = list(kills(subject("right"), trace))
    assert [type(trace.steps[killed.after]) for killed in found] == [Open, Write, Write]
    for killed in found:
        last = killed.events[-1]
        assert isinstance(last, Stepped)
        assert not is_barrier(last.step)
        began = sum(isinstance(event, Began) for event in killed.events)
        ended = sum(isinstance(event, Acknowledged) for event in killed.events)
        assert began == ended + 1


def test_a_step_of_no_operation_is_no_kill(tmp_path: Path) -> None:
    made = (Stepped(Link("a", "b")), Began(0, "add", {}), Acknowledged(0), Stepped(Unlink("b")))
    assert list(kills(subject("right"), Trace((("a", b"x"),), made))) == []


def test_the_joined_trace_is_one_trace(tmp_path: Path) -> None:
    one = subject("right")
    trace = recorded(tmp_path)
    killed = next(kills(one, trace))
    root = tmp_path / "next"
    root.mkdir()
    run = go_on(one, ADD, trace, killed, 0, (Operation("add", {"line": "later"}),), str(root))
    assert run.trace.events[: len(killed.events)] == killed.events
    restart = run.trace.events.index(Restarted())
    closing = run.trace.events[restart - 1]
    assert isinstance(closing, Stepped)
    assert isinstance(closing.step, Close)
    numbers = [event.number for event in run.trace.events if isinstance(event, Began)]
    assert numbers == list(range(len(numbers)))
    handles = [step.handle for step in run.trace.steps if isinstance(step, Open)]
    assert len(set(handles)) == len(handles)
    assert dict(read_image(str(root)))["lines"] == b"later\n"


def test_two_names_of_one_file_stay_two_names_of_one_file(tmp_path: Path) -> None:
    events = (Stepped(Link("a", "b")), Stepped(Link("a", "c")), Stepped(Unlink("c")))
    trace = Trace((("a", b"x"),), events)
    _put(trace, (("a", b"x"), ("b", b"x")), str(tmp_path))
    assert (tmp_path / "a").samefile(tmp_path / "b")


# The session stores


@pytest.mark.parametrize("scenario", [one.name for one in ALL])
def test_the_reference_store_passes(scenario: str, tmp_path: Path) -> None:
    found = lane_alone(load_subject("tornwrite.scenarios.stores:reference"), scenario, tmp_path)
    assert [finding_text(finding) for finding in found.findings] == []
    assert found.stopped == ""
    assert found.possible == len(found.images) > 0


def finding_text(one: Finding) -> str:
    return f"{one.violation.promised} / {one.violation.recovered}: {one.replay}"


def test_sessions_go_on_where_the_killed_operation_was() -> None:
    state = Sessions({"a": Session(), "b": Session()})
    ways = SessionModel().continuations(state, ("a",))
    assert [tuple(operation.name for operation in way) for way in ways] == [
        ("add_full_message",),
        ("truncate_history",),
        ("set_summary",),
    ]
    assert {operation.arguments["key"] for way in ways for operation in way} == {"a"}
    everywhere = SessionModel().continuations(state, ())
    assert {operation.arguments["key"] for way in everywhere for operation in way} == {"a", "b"}
    assert SessionModel().continuations(Sessions(), ()) == ()


def test_a_migration_goes_on_as_a_migration() -> None:
    waiting = replace(Sessions(), pending={"a.json": Legacy("a", (), "", "0")})
    done = replace(Sessions(), backups={"a.json.migrated": "0"})
    for state in (waiting, done):
        assert SessionModel().continuations(state, ()) == ((Operation("migrate"),),)
