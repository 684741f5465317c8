"""Findings: violations that belong together, the step to protect, and how to see it again."""

import shlex
from dataclasses import replace

import pytest

from tornwrite.faults.images import Image, SymbolicLink, digest
from tornwrite.faults.profiles import EXT4, KILL, POSIX, XFS, Profile
from tornwrite.faults.states import CrashState
from tornwrite.faults.steps import Close, Fsync, Open, Rename, Write
from tornwrite.faults.trace import Acknowledged, Began, Site, Stepped, Trace
from tornwrite.model import promises
from tornwrite.model.results import Finding
from tornwrite.model.verdict import Kind, Violation
from tornwrite.scenarios.findings import (
    Collected,
    finding,
    merged,
    own_sites,
    replay_command,
    step_owners,
)
from tornwrite.scenarios.recording import PERFORM

LOST = Violation(Kind.LOST, promises.DURABLE, "a", "['x']", "nothing")
HARNESS = (Site("scenarios/recording.py", 50, PERFORM), Site("cli.py", 1, "main"))


def at(line: int) -> tuple[Site, ...]:
    """Called from that line of the store, by the harness."""
    return (Site("store.py", line, "Store.put"), Site("driver.py", 3, "Driver.apply"), *HARNESS)


def create(handle: int, path: str) -> Open:
    return Open(handle, path, create=True)


TRACE = Trace(
    (),
    (
        Began(0, "put", {"key": "a"}),
        Stepped(create(1, "a"), at(10)),
        Stepped(Write(1, None, b"x"), at(11)),
        Stepped(Close(1), at(12)),
        Acknowledged(0),
        Began(1, "put", {"key": "b"}),
        Stepped(create(2, "b"), at(10)),
        Stepped(Write(2, None, b"y"), at(11)),
        Stepped(Close(2), at(12)),
        Acknowledged(1),
    ),
)
BOTH: Image = (("a", b"x"), ("b", b"y"))
LAST_EPOCH, ALL_STEPS = 4, 6


def found(
    image: Image,
    profile: Profile = POSIX,
    trace: Trace = TRACE,
    epoch: int = LAST_EPOCH,
    point: int = ALL_STEPS,
    cut: int | None = None,
    violation: Violation = LOST,
) -> Finding:
    collected = Collected(trace)
    collected.add(violation, profile, CrashState(epoch, point, image, cut))
    (shown,) = collected.all()
    return finding("mine:store", "two", trace, shown)


# Gathering


def state(point: int, image: Image = ()) -> CrashState:
    return CrashState(0, point, image)


def test_the_same_violation_in_one_operation_is_one_finding_with_all_its_images() -> None:
    collected = Collected(TRACE)
    collected.add(LOST, EXT4, state(1))
    collected.add(LOST, EXT4, state(2, (("a", b""),)))
    collected.add(LOST, POSIX, state(2, (("a", b"\0"),)))
    collected.add(LOST, POSIX, state(2, (("a", b"\0"),)))
    (shown,) = collected.all()
    assert (shown.profile, shown.state.point) == (EXT4, 1)
    assert shown.profiles == ["ext4", "posix"]
    assert len(shown.images) == 3


@pytest.mark.parametrize(
    "other",
    [
        replace(LOST, kind=Kind.TORN),
        replace(LOST, promise=promises.ATOMIC),
        replace(LOST, about="b"),
        replace(LOST, after="a probe"),
    ],
    ids=["kind", "promise", "about", "after"],
)
def test_another_kind_promise_key_or_moment_is_another_finding(other: Violation) -> None:
    collected = Collected(TRACE)
    collected.add(LOST, EXT4, state(1))
    collected.add(other, EXT4, state(1))
    assert len(collected.all()) == 2


def test_other_words_for_it_are_no_other_finding() -> None:
    collected = Collected(TRACE)
    collected.add(LOST, EXT4, state(1))
    collected.add(replace(LOST, recovered="something"), EXT4, state(1))
    assert len(collected.all()) == 1


def test_the_same_in_another_operation_is_another_finding() -> None:
    collected = Collected(TRACE)
    collected.add(LOST, EXT4, state(1))
    collected.add(LOST, EXT4, state(4))
    assert len(collected.all()) == 2


def test_steps_belong_to_the_operation_that_began_last() -> None:
    assert step_owners(TRACE) == [0, 0, 0, 1, 1, 1]
    assert step_owners(Trace((), (Stepped(create(1, "a")), *TRACE.events))) == [
        -1, 0, 0, 0, 1, 1, 1,
    ]  # fmt: skip


# What a finding says


def test_a_finding_tells_what_was_done_and_what_was_in_flight() -> None:
    one = found((("a", b"x"), ("b", b"")), epoch=3, point=5)
    assert one.acknowledged == ("put(key='a')",)
    assert one.in_flight == ("put(key='b')",)
    assert (one.scenario, one.profile, one.profiles) == ("two", "posix", ("posix",))
    assert (one.point, one.cut, one.images) == (5, None, 1)
    assert one.violation == LOST


def test_a_finding_shows_each_step_with_its_fate_its_operation_and_its_source() -> None:
    one = found((("b", b"y"),))
    assert [(line.number, line.text, line.fate) for line in one.steps] == [
        (0, "open a (create)", "not on disk"),
        (1, "write 1 B at end of a", ""),
        (2, "close a", ""),
        (3, "open b (create)", "on disk"),
        (4, "write 1 B at end of b", "on disk"),
        (5, "close b", ""),
    ]
    assert [line.operation for line in one.steps] == ["put(key='a')"] * 3 + ["put(key='b')"] * 3
    assert one.steps[1].sites == ("store.py:11 in Store.put", "driver.py:3 in Driver.apply")


def test_source_lines_end_where_the_harness_begins() -> None:
    assert own_sites(at(1)) == at(1)[:2]
    assert own_sites(at(1)[:2]) == at(1)[:2]
    assert own_sites(HARNESS) == ()


def test_a_finding_shows_what_the_crash_left_in_short() -> None:
    long: Image = (("d", None), ("d/f", b"x" * 5000), ("l", SymbolicLink("d/f")))
    one = found(long, KILL, Trace(long, ()), epoch=0, point=0)
    files = dict(one.files)
    assert files["d"] == "directory"
    assert files["l"] == "link to d/f"
    assert files["d/f"].startswith("5000 B b'xxx")
    assert len(files["d/f"]) < 250


# The step to protect


def test_the_first_lost_step_of_an_acknowledged_operation_is_to_be_protected() -> None:
    assert found(()).protect == 0
    assert found((("a", b"x"),)).protect == 3
    assert found((("a", b""), ("b", b"y"))).protect == 1


def test_in_flight_the_step_that_was_overtaken_is_to_be_protected() -> None:
    trace = Trace(
        (("f", b"old"),),
        (
            Began(0, "put", {}),
            Stepped(create(1, "tmp")),
            Stepped(Write(1, None, b"new")),
            Stepped(Rename("tmp", "f")),
            Acknowledged(0),
        ),
    )
    assert found((("f", b""),), XFS, trace, epoch=1, point=3).protect == 1


def test_when_nothing_was_lost_the_last_step_is_to_be_protected() -> None:
    """The crash came right after it: something between the steps is not atomic."""
    one = found((("a", b"x"), ("b", b"")), KILL, epoch=3, point=4)
    assert one.protect == 3


def test_a_write_cut_short_by_a_kill_is_to_be_protected() -> None:
    trace = Trace(
        (), (Began(0, "put", {}), Stepped(create(1, "a")), Stepped(Write(1, None, b"xy")))
    )
    one = found((("a", b"x"),), KILL, trace, epoch=1, point=1, cut=1)
    assert (one.protect, one.cut) == (1, 1)
    assert [line.fate for line in one.steps] == ["on disk", "in part"]


def test_before_the_first_step_there_is_nothing_to_protect() -> None:
    assert found((), epoch=0, point=0).protect is None


# Without a crash


def test_a_run_that_is_wrong_by_itself_is_shown_by_running_it_again() -> None:
    collected = Collected(TRACE)
    collected.add_without_crash(LOST, CrashState(0, ALL_STEPS, ()))
    one = finding("mine:store", "two", TRACE, collected.all()[0])
    assert (one.profile, one.profiles, one.protect) == ("no crash", ("no crash",), None)
    assert one.replay == "tornwrite gate mine:store --scenario two"
    assert {line.fate for line in one.steps} == {"on disk"}


# Replaying


def test_a_replay_command_names_everything_that_the_place_depends_on() -> None:
    image: Image = (("a", b"x"),)
    command = replay_command("mine:store", "a name", "ext4", CrashState(3, 7, image))
    assert shlex.split(command) == [
        "tornwrite", "replay", "mine:store", "--scenario", "a name", "--profile", "ext4",
        "--epoch", "3", "--point", "7", "--image", digest(image),
    ]  # fmt: skip


def test_a_replay_command_of_a_cut_write_names_the_bytes() -> None:
    words = shlex.split(replay_command("m:s", "one", "kill", CrashState(1, 2, (), cut=5)))
    assert words[words.index("--cut") + 1] == "5"


# Findings with one cause


def test_what_goes_wrong_for_want_of_the_same_line_is_one_finding() -> None:
    first = found(())
    second = replace(found((("b", b"y"),)), scenario="other")
    (one,) = merged([first, second])
    assert one.scenario == "two"
    assert one.also_in == ("other",)
    assert one.images == 2
    assert one.replay == first.replay


def test_profiles_of_what_is_merged_are_told_from_the_strongest_to_the_weakest() -> None:
    first = replace(found(()), profiles=("posix",))
    second = replace(found(()), profiles=("ext4", "posix"))
    (one,) = merged([first, second])
    assert one.profiles == ("ext4", "posix")


@pytest.mark.parametrize(
    "other",
    [
        replace(LOST, kind=Kind.TORN),
        replace(LOST, promise=promises.ATOMIC),
        replace(LOST, after="a probe"),
    ],
    ids=["kind", "promise", "after"],
)
def test_what_goes_wrong_in_another_way_is_not(other: Violation) -> None:
    assert len(merged([found(()), found((), violation=other)])) == 2


def test_what_goes_wrong_for_want_of_another_line_is_not() -> None:
    assert len(merged([found(()), found((("a", b""),))])) == 2


def test_steps_without_source_lines_are_told_apart_by_what_they_do_in_which_operation() -> None:
    bare = Trace(
        (),
        tuple(Stepped(e.step) if isinstance(e, Stepped) else e for e in TRACE.events),
    )
    first = found((), trace=bare)
    elsewhere = replace(first, scenario="other")
    in_another = replace(
        first, steps=tuple(replace(line, operation="other()") for line in first.steps)
    )
    assert len(merged([first, elsewhere])) == 1
    assert len(merged([first, in_another])) == 2


def test_litter_is_one_finding_wherever_the_crash_came() -> None:
    litter = replace(LOST, kind=Kind.LITTER)
    assert len(merged([found((), violation=litter), found((("a", b""),), violation=litter)])) == 1


def test_merging_nothing_and_one_changes_nothing() -> None:
    assert merged([]) == []
    assert merged([found(())]) == [found(())]


def test_findings_without_a_crash_stay_so_when_they_are_merged() -> None:
    without = replace(found(()), profile="no crash", profiles=("no crash",), protect=None)
    (one,) = merged([without, without])
    assert one.profiles == ("no crash",)


def test_a_profile_that_a_user_wrote_stays_when_findings_are_merged() -> None:
    mine = replace(found(()), profile="mine", profiles=("mine",))
    (one,) = merged([mine, mine])
    assert one.profiles == ("mine",)


@pytest.mark.parametrize("barrier", [True, False])
def test_a_barrier_that_comes_too_late_leaves_the_step_before_it_to_be_protected(
    barrier: bool,
) -> None:
    late = (Stepped(Fsync(1)),) if barrier else ()
    trace = Trace(
        (),
        (
            Began(0, "put", {}),
            Stepped(create(1, "a")),
            Stepped(Write(1, None, b"x")),
            Acknowledged(0),
            *late,
        ),
    )
    assert found((("a", b""),), EXT4, trace, epoch=2, point=2).protect == 1
