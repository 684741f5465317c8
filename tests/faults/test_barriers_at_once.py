"""Barriers and other steps at once: a barrier covers what was done before it began, and no more."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, event, given, reject, settings
from hypothesis import strategies as st

from support.brute_force import TooMany, images_at
from support.programs import programs
from support.small_profiles import POWER_LOSSES, small
from tornwrite.faults.images import Image
from tornwrite.faults.profiles import EXT4, POSIX, PowerLoss
from tornwrite.faults.states import CrashStates
from tornwrite.faults.steps import (
    Close,
    Fsync,
    Mkdir,
    Open,
    OpenUnnamed,
    Rename,
    Step,
    SyncAll,
    Write,
    is_barrier,
)
from tornwrite.faults.trace import Acknowledged, Began, Stepped, Trace

BASE: Image = (("b", b"0123456"),)


each_profile = pytest.mark.parametrize("profile", POWER_LOSSES, ids=lambda profile: profile.name)


def left(steps: list[Step], profile: PowerLoss, base: Image = BASE) -> set[Image]:
    """The images of a power cut after the last step."""
    events = (Began(0, "all", {}), *(Stepped(step) for step in steps), Acknowledged(0))
    states = CrashStates(Trace(base, events), profile, epochs_wanted=frozenset({2}))
    found = {state.image for state in states}
    if not states.coverage.complete:
        reject()
    return found


@st.composite
def with_others_meanwhile(draw: st.DrawFn, most: int = 6) -> tuple[list[Step], int]:
    """A program in which other steps came while one of its barriers was under way; which one."""
    steps = draw(programs(most=most))
    at = draw(st.sampled_from([at for at, step in enumerate(steps) if is_barrier(step)] or [-1]))
    assume(at >= 0)
    barrier = steps[at]
    first = 2  # what it is on has been made by then, and opened
    for number, step in enumerate(steps[:at]):
        opened = isinstance(step, Open | OpenUnnamed) and step.handle == getattr(
            barrier, "target", None
        )
        first = max(first, number + 1) if opened else first
    during = draw(st.integers(0, at - first))
    assume(during)
    steps[at] = replace(barrier, during=during)  # type: ignore[call-arg]
    return steps, at


@each_profile
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(program=with_others_meanwhile(5))
def test_enumeration_agrees_with_brute_force(
    profile: PowerLoss, program: tuple[list[Step], int]
) -> None:
    steps, _ = program
    try:
        expected = images_at(BASE, steps, profile)
    except TooMany:
        reject()
    assert left(steps, profile) == expected


@each_profile
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(program=with_others_meanwhile())
def test_it_leaves_what_a_barrier_ahead_of_them_would(
    profile: PowerLoss, program: tuple[list[Step], int]
) -> None:
    """What one could do without the other is known: the barrier is put where it began."""
    steps, at = program
    barrier = steps[at]
    assert isinstance(barrier, Fsync | SyncAll)
    meanwhile = steps[at - barrier.during : at]
    if profile.barriers_in_flight:  # which of them are the last is another matter
        assume(not any(is_barrier(one) or getattr(one, "sync", False) for one in meanwhile))
    ahead = [
        *steps[: at - barrier.during],
        replace(barrier, during=0),
        *meanwhile,
        *steps[at + 1 :],
    ]
    event(f"meanwhile {', '.join(sorted({type(one).__name__ for one in meanwhile}))}")
    assert left(steps, profile) == left(ahead, profile)


@each_profile
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(program=with_others_meanwhile())
def test_that_it_did_cover_them_is_among_what_it_leaves(
    profile: PowerLoss, program: tuple[list[Step], int]
) -> None:
    steps, at = program
    barrier = steps[at]
    assert isinstance(barrier, Fsync | SyncAll)
    found = left(steps, profile)
    for fewer in range(barrier.during):
        stronger = [*steps[:at], replace(barrier, during=fewer), *steps[at + 1 :]]
        assert left(stronger, profile) <= found


@each_profile
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=programs(most=6), during=st.integers(1, 3))
def test_a_synced_write_with_others_meanwhile_leaves_all_that_one_alone_does(
    profile: PowerLoss, steps: list[Step], during: int
) -> None:
    synced = [at for at, step in enumerate(steps) if isinstance(step, Write) and step.sync]
    assume(synced)
    at = synced[-1]
    beside = [*steps[:at], replace(steps[at], during=min(during, at - 2)), *steps[at + 1 :]]
    assert left(steps, profile) <= left(beside, profile)


def written(images: set[Image], path: str) -> set[object]:
    return {dict(image).get(path) for image in images}


@each_profile
@pytest.mark.parametrize("data_only", [False, True])
def test_what_was_written_while_a_sync_was_under_way_may_be_there_or_not(
    profile: PowerLoss, data_only: bool
) -> None:
    written_first: list[Step] = [Open(1, "f"), Write(1, 0, b"aaaa")]
    meanwhile: list[Step] = [Write(1, 4, b"bbbb"), Fsync(1, data_only, during=1)]
    found = written(left(written_first + meanwhile, profile, (("f", b""),)), "f")
    assert {b"aaaa", b"aaaabbbb"} <= found
    if not profile.barriers_in_flight:
        assert all(isinstance(content, bytes) and content[:4] == b"aaaa" for content in found)
    alone: list[Step] = [Write(1, 4, b"bbbb"), Fsync(1, data_only)]
    if not profile.barriers_in_flight:
        assert written(left(written_first + alone, profile, (("f", b""),)), "f") == {b"aaaabbbb"}


@each_profile
@pytest.mark.parametrize("barrier", [Fsync("d"), SyncAll()], ids=["fsync of the directory", "sync"])
def test_a_name_given_while_a_directory_was_synced_may_be_there_or_not(
    profile: PowerLoss, barrier: Fsync | SyncAll
) -> None:
    base: Image = (("d", None), ("d/a", b"1"), ("d/b", b"2"))
    steps: list[Step] = [Rename("d/a", "d/x"), Rename("d/b", "d/y"), replace(barrier, during=1)]
    found = left(steps, profile, base)
    names = {tuple(path for path, node in image if node is not None) for image in found}
    assert {("d/b", "d/x"), ("d/x", "d/y")} <= names
    if not profile.barriers_in_flight:
        assert all("d/x" in one for one in names)


def test_a_sync_commits_the_journal_up_to_what_its_file_was_when_it_began() -> None:
    """The size that came meanwhile is the file's last change, and the directory came before it."""
    base: Image = (("f", b"0"),)
    steps: list[Step] = [Open(1, "f"), Write(1, 1, b"1"), Mkdir("d"), Write(1, 2, b"2")]
    for during, certain in ((0, True), (1, False), (2, False)):
        found = left([*steps, Fsync(1, during=during)], small(EXT4), base)
        assert all("d" in dict(image) for image in found) is certain


def test_a_part_that_is_synced_is_that_of_the_file_as_it_was() -> None:
    steps: list[Step] = [Open(1, "f"), Write(1, 0, b"aaaa"), Write(1, 4, b"bbbb")]
    found = left([*steps, Fsync(1, True, 0, 8, during=1)], small(POSIX), (("f", b""),))
    assert written(found, "f") >= {b"aaaa", b"aaaa\0\0\0\0", b"aaaabbbb"}
    assert not any(one[:4] != b"aaaa" for one in written(found, "f") if isinstance(one, bytes))


@each_profile
def test_a_synced_write_covers_its_own_bytes_and_no_other_page(profile: PowerLoss) -> None:
    steps: list[Step] = [
        Open(1, "f"),
        Open(2, "f"),
        Write(1, 0, b"aaaa"),
        Write(2, 4, b"bbbb", sync=True),
    ]
    found = written(left(steps, profile, (("f", b"0000" * 2),)), "f")
    assert b"aaaabbbb" in found
    if not (profile.barriers_in_flight or profile.data_in_order):
        assert b"0000bbbb" in found
        assert all(isinstance(one, bytes) and one[4:] == b"bbbb" for one in found)


def test_a_name_given_while_a_write_was_synced_may_be_missing() -> None:
    steps: list[Step] = [Open(1, "f"), Mkdir("d"), Write(1, 0, b"aaaa", sync=True, during=1)]
    found = left(steps, small(EXT4), (("f", b""),))
    assert {("d" in dict(image), dict(image)["f"]) for image in found} == {
        (False, b"aaaa"),
        (True, b"aaaa"),
    }
    alone = [*steps[:2], replace(steps[2], during=0)]
    assert {"d" in dict(image) for image in left(alone, small(EXT4), (("f", b""),))} == {True}


def test_closing_meanwhile_changes_nothing() -> None:
    steps: list[Step] = [Open(1, "f"), Open(2, "f"), Write(1, 0, b"aaaa"), Close(2)]
    found = left([*steps, Fsync(1, during=1)], small(POSIX), (("f", b""),))
    assert written(found, "f") == {b"aaaa"}


def test_a_file_rewritten_while_all_was_synced_still_has_to_come_before_later_names() -> None:
    """It was cut to zero, written and closed meanwhile: the profile asks for it as before."""
    rewritten: list[Step] = [Open(1, "f", truncate=True), Write(1, 0, b"a"), Close(1)]
    found = left([*rewritten, SyncAll(during=3), Mkdir("d")], small(EXT4), (("f", b"0"),))
    assert {dict(image)["f"] for image in found if "d" in dict(image)} == {b"a"}
    assert {dict(image)["f"] for image in found} > {b"a"}
