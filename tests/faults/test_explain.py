"""Explanations: which steps had reached the disk in a crash state, and which had not."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from support.programs import programs
from tornwrite.faults.explain import Fate, NoSuchState, Reached, fates
from tornwrite.faults.images import Image
from tornwrite.faults.profiles import EXT4, EXT4_WRITEBACK, KILL, POSIX, PowerLoss, Profile
from tornwrite.faults.states import CrashState, CrashStates
from tornwrite.faults.steps import Close, Fsync, Mkdir, Open, Rename, Step, Unlink, Write
from tornwrite.faults.trace import Stepped, Trace

WHOLE, PART, NOT, NONE = Reached.WHOLE, Reached.PART, Reached.NOT, Reached.NONE


def small(profile: PowerLoss) -> PowerLoss:
    return replace(profile, page=4, sector=2)


def told(profile: Profile, base: Image, image: Image, *steps: Step) -> list[Reached]:
    """What became of each step when a crash after the last of them left this image."""
    if isinstance(profile, PowerLoss):
        profile = small(profile)
    trace = Trace(base, tuple(Stepped(step) for step in steps))
    found = fates(trace, profile, CrashState(0, len(steps), image))
    assert [fate.step for fate in found] == list(range(len(steps)))
    return [fate.reached for fate in found]


CREATE = (Open(1, "f", create=True), Write(1, None, b"abcd"), Close(1))


def test_a_lost_name_is_not_on_disk_and_what_was_in_the_file_does_not_count() -> None:
    assert told(POSIX, (), (), *CREATE) == [NOT, NONE, NONE]


def test_lost_data_is_not_on_disk() -> None:
    assert told(EXT4, (), (("f", b""),), *CREATE) == [WHOLE, NOT, NONE]


def test_a_size_without_its_data_is_part_of_a_write() -> None:
    assert told(EXT4_WRITEBACK, (), (("f", bytes(4)),), *CREATE) == [WHOLE, PART, NONE]


def test_a_torn_page_is_part_of_a_write() -> None:
    assert told(POSIX, (), (("f", b"ab\0\0"),), *CREATE) == [WHOLE, PART, NONE]


def test_everything_done_is_whole() -> None:
    assert told(EXT4, (), (("f", b"abcd"),), *CREATE) == [WHOLE, WHOLE, NONE]


def test_some_pages_of_a_write_are_part_of_it() -> None:
    steps = (Open(1, "f"), Write(1, 0, b"ABCDEFGH"))
    assert told(POSIX, (("f", b"abcdefgh"),), (("f", b"ABCDefgh"),), *steps) == [NONE, PART]


def test_an_overwritten_version_counts_as_there_when_a_later_one_is() -> None:
    steps = (Open(1, "f"), Write(1, 0, b"b"), Write(1, 0, b"c"))
    base: Image = (("f", b"a"),)
    assert told(POSIX, base, (("f", b"c"),), *steps) == [NONE, WHOLE, WHOLE]
    assert told(POSIX, base, (("f", b"b"),), *steps) == [NONE, WHOLE, NOT]
    assert told(POSIX, base, (("f", b"a"),), *steps) == [NONE, NOT, NOT]


def test_names_are_told_one_by_one() -> None:
    steps = (Mkdir("a"), Mkdir("b"))
    assert told(POSIX, (), (("b", None),), *steps) == [NOT, WHOLE]
    assert told(POSIX, (), (("a", None),), *steps) == [WHOLE, NOT]


def test_the_state_with_the_most_on_disk_is_told_when_several_look_alike() -> None:
    steps = (Mkdir("a"), Rename("a", "b"), Rename("b", "a"))
    assert told(EXT4, (), (("a", None),), *steps) == [WHOLE, WHOLE, WHOLE]


def test_a_synced_step_is_on_disk_and_the_barrier_itself_has_no_fate() -> None:
    steps = (*CREATE[:2], Fsync(1), Write(1, None, b"efgh"))
    assert told(EXT4, (), (("f", b"abcd"),), *steps) == [WHOLE, WHOLE, NONE, NOT]


def test_steps_after_the_crash_point_are_not_told() -> None:
    trace = Trace((), tuple(Stepped(step) for step in (*CREATE, Unlink("f"))))
    found = fates(trace, small(EXT4), CrashState(0, 2, (("f", b"abcd"),)))
    assert found == (Fate(0, WHOLE), Fate(1, WHOLE))


def test_a_kill_leaves_every_step_whole_and_the_write_under_way_in_part() -> None:
    trace = Trace((), tuple(Stepped(step) for step in CREATE))
    found = fates(trace, KILL, CrashState(0, 1, (("f", b"ab"),), cut=2))
    assert found == (Fate(0, WHOLE), Fate(1, PART))
    assert fates(trace, KILL, CrashState(0, 2, (("f", b"abcd"),))) == (
        Fate(0, WHOLE),
        Fate(1, WHOLE),
    )


@pytest.mark.parametrize(
    "image",
    [(("f", b"xxxx"),), (("g", b""),), (("f", b"abcd"), ("g", b"")), (("f", None),)],
    ids=["other bytes", "another name", "one name more", "a directory"],
)
def test_an_image_that_no_crash_leaves_there_is_refused(image: Image) -> None:
    with pytest.raises(NoSuchState, match="no crash at point 3 leaves this image under ext4"):
        told(EXT4, (), image, *CREATE)


def test_an_image_that_only_a_weaker_profile_allows_is_refused() -> None:
    with pytest.raises(NoSuchState):
        told(EXT4, (), (("f", bytes(4)),), *CREATE)


@pytest.mark.parametrize("epoch", [-1, 7])
def test_an_epoch_that_there_is_not_is_refused(epoch: int) -> None:
    trace = Trace((), tuple(Stepped(step) for step in CREATE))
    with pytest.raises(NoSuchState):
        fates(trace, small(EXT4), CrashState(epoch, 3, (("f", b"abcd"),)))


def test_an_image_that_no_kill_leaves_is_refused() -> None:
    with pytest.raises(NoSuchState):
        told(KILL, (), (("f", b"never"),), *CREATE)


def test_the_state_before_a_synced_write_is_explained_however_many_states_the_write_has() -> None:
    """A synced write is a cut of its own at the same point, and more than are worked out."""
    steps = (
        Open(1, "a", create=True),
        Write(1, None, b"bcdefgh"),
        Write(1, None, b"cdefghi"),
        Write(1, None, b"defghij", sync=True),
    )
    trace = Trace((), tuple(Stepped(step) for step in steps))
    for state in CrashStates(trace, small(POSIX), budget=100):
        fates(trace, small(POSIX), state)


@pytest.mark.parametrize("budget", [100, 50_000])
def test_a_state_of_a_file_with_many_contents_is_explained(budget: int) -> None:
    """As many as are worked out in the search have to be worked out again here."""
    trace = Trace((("f", bytes(28)),), (Stepped(Open(1, "f")), Stepped(Write(1, 0, b"x" * 28))))
    found = list(CrashStates(trace, small(POSIX), budget=budget))
    assert len(found) >= 100
    for state in found[:: max(1, len(found) // 20)]:
        fates(trace, small(POSIX), state)


def unsynced(steps: list[Step]) -> list[Step]:
    """The writes without O_SYNC: those are the matter of the test above."""
    return [replace(step, sync=False) if isinstance(step, Write) else step for step in steps]


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=programs(most=6))
def test_every_crash_state_can_be_explained(steps: list[Step]) -> None:
    steps = unsynced(steps)
    trace = Trace((("b", b"0123456"),), tuple(Stepped(step) for step in steps))
    for profile in (small(EXT4), small(POSIX), KILL):
        for state in CrashStates(trace, profile, budget=150):
            found = fates(trace, profile, state)
            under_way = trace.steps[state.point : state.point + 1]
            synced = any(isinstance(step, Write) and step.sync for step in under_way)
            within = state.cut is not None or (profile is not KILL and synced)
            assert [fate.step for fate in found] == list(range(state.point + within))


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=programs(most=6))
def test_where_nothing_is_missing_the_image_is_all_that_was_done(steps: list[Step]) -> None:
    """And the other way round: where something is not on disk, the explanation says so."""
    from tornwrite.faults.interpreter import Interpreter

    steps = unsynced(steps)
    trace = Trace((("b", b"0123456"),), tuple(Stepped(step) for step in steps))
    profile = small(POSIX)
    for state in CrashStates(trace, profile, budget=150):
        interpreter = Interpreter(trace.base, 4)
        found = fates(trace, profile, state)
        for number, step in enumerate(steps[: len(found)]):
            interpreter.apply(number, step)
        missing = {fate.reached for fate in found} & {PART, NOT}
        if not missing:
            assert state.image == interpreter.image()
