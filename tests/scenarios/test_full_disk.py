"""The lane of full disks: it passes the careful, catches each of the careless, leaves nothing."""

import errno
import logging
import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tornwrite.faults.capacity import Room
from tornwrite.faults.profiles import DEFAULT, POSIX
from tornwrite.faults.recorder import Recorder
from tornwrite.faults.scratch import VARIABLE
from tornwrite.faults.steps import Write
from tornwrite.faults.trace import Trace
from tornwrite.model.results import Finding, Row
from tornwrite.model.verdict import Kind, Verdict
from tornwrite.scenarios.disks import arms as disk_arms
from tornwrite.scenarios.disks.choice import EVERY, chosen
from tornwrite.scenarios.disks.filling import Filling, Way, parse_filling
from tornwrite.scenarios.disks.full_disk import FULL_DISK, in_a_row, run_on
from tornwrite.scenarios.disks.small_disk import why_no_mount
from tornwrite.scenarios.fault_lanes import Again, Effort, Job, run_lane
from tornwrite.scenarios.judging import Assessors
from tornwrite.scenarios.permitted import permitted_by_epoch
from tornwrite.scenarios.recording import record
from tornwrite.scenarios.recovery import Bench, workplace
from tornwrite.scenarios.subject import Subject, WrongUse, load_subject


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
    return load_subject(name if "." in name else f"support.full_disk_logs:{name}")


def job(one: Subject, scenario: str, effort: Effort, live: str) -> Job:
    chosen_scenario = one.scenario(scenario)
    recorded = record(one, chosen_scenario, live)
    permitted = permitted_by_epoch(one, chosen_scenario, recorded.trace)
    assessors = Assessors(one, Bench(one, live))
    return Job(one, chosen_scenario, recorded, permitted, assessors, live, 5000, 0, effort)


def gate(
    name: str, scenario: str = "lines", effort: Effort = Effort.CI
) -> tuple[Row, list[Finding], list[str]]:
    one = subject(name)
    with workplace() as live:
        row, found, broken = run_lane(FULL_DISK, job(one, scenario, effort, live))
    return row, [each.found for each in found], broken


def again(name: str, found: Finding, scenario: str = "lines") -> tuple[Finding, ...]:
    """What the replay command of a finding finds."""
    words = shlex.split(found.replay)
    options = dict(zip(words[3::2], words[4::2], strict=True))
    assert options["--scenario"] == scenario
    lane, _, fault = options["--fault"].partition(": ")
    assert lane == FULL_DISK.name
    profile = options.get("--profile")
    wanted = Again(
        fault,
        next((one for one in DEFAULT if one.name == profile), None),
        int(options["--epoch"]) if profile else None,
        int(options["--point"]) if profile else None,
        int(options["--cut"]) if "--cut" in options else None,
        options.get("--image", ""),
    )
    one = subject(name)
    with workplace() as live:
        return FULL_DISK.replay(job(one, scenario, Effort.CI, live), wanted)


@pytest.mark.parametrize("effort", Effort)
def test_a_careful_store_passes_at_every_effort(effort: Effort) -> None:
    row, found, broken = gate("careful", effort=effort)
    assert (row.verdict, found, broken) == (Verdict.PASSED, [], [])
    assert row.points == sum(one.number for one in row.faults) > 0


@pytest.mark.parametrize(
    ("name", "kind", "told"),
    [
        ("cut", Kind.LOST, r"\('from before', 'one'\)"),
        ("half", Kind.LOST, "on"),
        ("broken", Kind.STUCK, "works, without a restart"),
        ("truncating", Kind.LOST, r"\('from before',\)"),
        ("silent", Kind.LOST, "one"),
        ("vague", Kind.UNCLEAR, "says that there is no room"),
        ("nameless", Kind.UNCLEAR, "names a file"),
        ("noting", Kind.UNREADABLE, "from before"),
        ("forgetting", Kind.LOST, "'one'"),
    ],
)
def test_a_careless_store_is_caught(name: str, kind: Kind, told: str) -> None:
    row, found, broken = gate(name)
    assert row.verdict is Verdict.VIOLATED
    assert broken == []
    fitting = [one for one in found if one.violation.kind is kind]
    assert any(re.search(told, one.violation.promised) for one in fitting), found


@pytest.mark.parametrize("name", ["cut", "half", "truncating", "broken", "forgetting"])
def test_a_finding_is_found_again_by_its_replay_command(name: str) -> None:
    _, found, _ = gate(name)
    for one in found:
        kinds = {each.violation.kind for each in again(name, one)}
        assert one.violation.kind in kinds, one.replay


def test_what_only_a_power_loss_shows_is_found_under_its_profile() -> None:
    _, found, _ = gate("forgetting")
    assert {one.profile for one in found} == {POSIX.name}
    assert "--profile posix" in found[0].replay


def test_a_disk_that_nobody_can_have_is_refused() -> None:
    one = subject("careful")
    with workplace() as live:
        here = job(one, "lines", Effort.CI, live)
        with pytest.raises(WrongUse, match="is no full disk; one is 'ENOSPC with 17 B free"):
            FULL_DISK.replay(here, Again("a quarter full"))
        words = str(Filling(Room(0, since=1)))
        with pytest.raises(WrongUse, match="no crash at point 3 leaves image abc"):
            FULL_DISK.replay(here, Again(words, POSIX, 1, 3, None, "abc"))


@pytest.mark.parametrize(
    "filling",
    [
        Filling(Room(0)),
        Filling(Room(17, since=4, number=errno.EDQUOT), Way.STAYS),
        Filling(Room(8192, unit_bytes=4096), Way.REOPENED),
        Filling(Room(0, since=9, entry_bytes=1)),
    ],
)
def test_the_words_for_a_full_disk_name_it(filling: Filling) -> None:
    assert parse_filling(str(filling)) == filling


def test_a_sweep_cuts_every_write_at_every_byte() -> None:
    one = subject("careful")
    with workplace() as live:
        trace = record(one, one.scenario("lines"), live).trace
    writes = {
        (number, free)
        for number, step in enumerate(trace.steps)
        if isinstance(step, Write)
        for free in range(len(step.data))
    }
    tried = {
        (each.filling.room.since, each.filling.room.free_bytes)
        for each in chosen(trace, Effort.FULL, sweep=True)
        if each.filling.way is Way.FREED
    }
    assert tried == writes


def cuts_of(trace: Trace, turn: int = 0) -> dict[int, set[int]]:
    """For each write with too little room, with how much room it was tried at full effort."""
    tried: dict[int, set[int]] = {}
    for each in chosen(trace, Effort.FULL, turn=turn):
        tried.setdefault(each.filling.room.since, set()).add(each.filling.room.free_bytes)
    return tried


def test_a_full_run_cuts_the_first_write_of_a_line_at_every_byte_and_others_at_three() -> None:
    one = subject("careful")
    with workplace() as live:
        trace = record(one, one.scenario("lines"), live).trace
    first, *others = (
        (number, step) for number, step in enumerate(trace.steps) if isinstance(step, Write)
    )
    tried = cuts_of(trace)
    assert tried[first[0]] == set(range(len(first[1].data)))
    assert others
    for number, step in others:
        assert tried[number] == {0, len(step.data) // 2, len(step.data) - 1}


def test_a_longer_write_is_cut_at_every_byte_by_scenarios_that_follow_one_another() -> None:
    data = b"one line\n" + b"x" * 80 + b"\nand another one\n"
    with workplace() as live:
        with Recorder(live, base=()) as recorder, open(f"{live}/file", "wb", 0) as file:
            file.write(data)
        trace = recorder.trace()
    *_, turns = zip(*(cuts_of(trace, turn).values() for turn in range(EVERY)), strict=True)
    assert set().union(*turns) == set(range(len(data)))
    for cuts in turns:
        assert len(cuts) < len(data) / 2
        # Where stores break is tried each time: without the line's end, with half of it.
        assert {0, 8, 9, len(data) // 2, len(data) - 1} <= cuts


def test_a_short_run_ends_one_operation_after_there_is_room_again() -> None:
    one = subject("careful")
    with workplace() as live:
        this = job(one, "lines", Effort.FULL, live)
        every = chosen(this.recorded.trace, Effort.FULL)
        each = next(each for each in every if not each.to_the_end)
        short, _ = run_on(this, this.scenario, each.filling, to_the_end=False)
        whole, _ = run_on(this, this.scenario, each.filling)
    assert 2 < len(short.attempts) < len(whole.attempts)
    assert [attempt.free for attempt in short.attempts[-2:]] == [True, True]
    assert short.attempts[-1].look is not None


def test_a_ci_run_cuts_each_write_of_the_source_at_both_ends_and_inside() -> None:
    one = subject("careful")
    with workplace() as live:
        trace = record(one, one.scenario("lines"), live).trace
    cuts = {each.filling.room.free_bytes for each in chosen(trace, Effort.CI)}
    assert cuts == {0, 2, 3}


def test_the_threads_of_a_workload_come_one_after_another_and_only_at_full() -> None:
    scenario = subject("careful").scenario("threads")
    assert [one.arguments["line"] for one in in_a_row(scenario).operations] == [
        "one",
        "two",
        "three",
    ]
    assert gate("careful", "threads", Effort.CI)[0].points == 0
    row, found, _ = gate("careful", "threads", Effort.FULL)
    assert row.points > 0
    assert found == []
    assert "threads" in FULL_DISK.leaves_out(Effort.CI)


def test_a_workload_that_fails_with_room_on_the_disk_is_not_measured() -> None:
    one = replace(subject("careful"), open=_never)
    with workplace() as live:
        row, _, _ = run_lane(FULL_DISK, job(one, "lines", Effort.CI, live))
    assert row.verdict is Verdict.NOT_MEASURED
    assert "fails with room on the disk" in row.stopped


def _never(root: str) -> object:
    raise RuntimeError("never opens")


def test_the_arms_are_all_tried_and_a_disagreement_breaks_the_harness(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row, _, _ = gate("careful")
    arms = {one.at for one in row.faults}
    assert arms >= {"write", "pyfakefs", *([] if why_no_mount() else ["tmpfs"])}

    def other(*_: object) -> tuple[disk_arms.Outcome, ...]:
        return (disk_arms.Outcome("open()", "", None, None),)

    monkeypatch.setattr(disk_arms, "_outcomes", other)
    row, _, broken = gate("careful")
    assert row.verdict is Verdict.HARNESS_BROKEN
    assert "injected and on pyfakefs it is not the same" in broken[0] or "operations" in broken[0]


def test_where_nothing_can_be_mounted_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("full_disk", "arms"):
        monkeypatch.setattr(
            f"tornwrite.scenarios.disks.{module}.why_no_mount",
            lambda: "a tmpfs cannot be mounted here",
        )
    row, _, _ = gate("careful")
    assert "tmpfs" not in {one.at for one in row.faults}
    assert "a tmpfs cannot be mounted here" in FULL_DISK.leaves_out(Effort.CI)


STORES = ("reference", "archive", "transcripts", "manager", "backend")


@pytest.mark.parametrize("store", STORES)
def test_a_store_of_this_project_keeps_its_promises_on_a_full_disk(store: str) -> None:
    name = f"tornwrite.scenarios.stores:{store}"
    first = subject(name).scenarios[0].name
    row, found, broken = gate(name, first)
    assert (row.verdict, found, broken) == (Verdict.PASSED, [], [])


@pytest.mark.parametrize("store", ["jsonl", "archive", "transcripts", "backend"])
def test_a_store_as_it_was_published_does_not(store: str) -> None:
    name = f"tornwrite.scenarios.known_bad:{store}"
    first = subject(name).scenarios[0].name
    kinds = {one.violation.kind for one in gate(name, first, Effort.CI)[1]}
    assert kinds & {Kind.LOST, Kind.PHANTOM, Kind.TORN}


def test_a_start_that_finds_no_room_falls_back_and_loses_nothing() -> None:
    row, found, broken = gate("tornwrite.scenarios.stores:backend", "first-start")
    assert (row.verdict, found, broken) == (Verdict.PASSED, [], [])
