"""The rules that some file systems and devices have beside: ext3's journals, btrfs, FAT, SD cards.

Pages are 8 bytes here and sectors 4, program pages 16. The images are those of the last crash point
unless a test says otherwise.
"""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from tornwrite.faults.explain import Reached, fates
from tornwrite.faults.images import Image, Node
from tornwrite.faults.profiles import (
    BTRFS,
    EXT3_JOURNAL,
    EXT3_ORDERED,
    EXT3_WRITEBACK,
    EXT4,
    EXT4_WRITEBACK,
    FAT,
    POSIX,
    SDCARD,
    XFS,
    PowerLoss,
)
from tornwrite.faults.program_pages import torn_programs
from tornwrite.faults.states import CrashStates
from tornwrite.faults.steps import (
    Close,
    FailedSync,
    Fsync,
    Open,
    Rename,
    SetSize,
    Step,
    SyncAll,
    Unlink,
    Write,
)
from tornwrite.faults.trace import Acknowledged, Began, Stepped, Trace

Tree = Mapping[str, Node]


def left(profile: PowerLoss, base: Tree, *steps: Step) -> set[Image]:
    """What a power cut after the last step may leave."""
    whole = profile.sector == profile.page
    profile = replace(
        profile,
        page=8,
        sector=8 if whole else 4,
        program_page=16 if profile.program_page else 0,
        erase_block=0,
    )
    events = (Began(0, "all", {}), *(Stepped(step) for step in steps), Acknowledged(0))
    trace = Trace(tuple(sorted(base.items())), events)
    states = CrashStates(trace, profile, epochs_wanted=frozenset({2}))
    found = {state.image for state in states}
    assert states.coverage.complete
    return found


def images(*trees: Tree) -> set[Image]:
    return {tuple(sorted(tree.items())) for tree in trees}


def contents(path: str, *choices: bytes) -> set[Image]:
    return {((path, choice),) for choice in choices}


def create(handle: int, path: str) -> Open:
    return Open(handle, path, create=True)


def append(handle: int, data: bytes) -> Write:
    return Write(handle, None, data)


def late(profile: PowerLoss, barriers: int) -> PowerLoss:
    return replace(profile, name="late", barriers_in_flight=barriers)


# ext3: sizes in the journal, and data before it or in it

TWO_FILES = (Open(1, "a"), Open(2, "b"), append(1, b"1"), append(2, b"2"))


@pytest.mark.parametrize("profile", [EXT3_JOURNAL, EXT3_ORDERED], ids=lambda p: p.name)
def test_a_later_append_to_another_file_brings_the_earlier_one_along(profile: PowerLoss) -> None:
    found = left(profile, {"a": b"", "b": b""}, *TWO_FILES)
    assert found == images({"a": b"", "b": b""}, {"a": b"1", "b": b""}, {"a": b"1", "b": b"2"})
    assert images({"a": b"", "b": b"2"}) <= left(EXT4, {"a": b"", "b": b""}, *TWO_FILES)


def test_the_sizes_of_ext3_writeback_are_in_order_and_their_data_is_not() -> None:
    found = left(EXT3_WRITEBACK, {"a": b"", "b": b""}, *TWO_FILES)
    assert images({"a": b"\0", "b": b"2"}) <= found
    assert not images({"a": b"", "b": b"2"}) & found
    assert images({"a": b"", "b": b"2"}) <= left(EXT4_WRITEBACK, {"a": b"", "b": b""}, *TWO_FILES)


def test_every_name_waits_for_the_data_before_it_on_ext3_ordered_also_a_first_rename() -> None:
    steps = (create(1, "tmp"), append(1, b"new!"), Close(1), Rename("tmp", "f"))
    assert images({"f": b""}) <= left(EXT4, {}, *steps)
    assert left(EXT3_ORDERED, {}, *steps) == images(
        {}, {"tmp": b""}, {"tmp": b"new!"}, {"f": b"new!"}
    )


def test_a_name_waits_on_ext3_ordered_for_an_overwrite_of_another_file() -> None:
    steps = (Open(1, "f"), Write(1, 0, b"new"), create(2, "mark"))
    lost = images({"f": b"old", "mark": b""})
    assert not lost & left(EXT3_ORDERED, {"f": b"old"}, *steps)
    assert lost <= left(EXT3_WRITEBACK, {"f": b"old"}, *steps)
    assert lost <= left(XFS, {"f": b"old"}, *steps)


def test_fsync_of_one_file_takes_the_data_of_the_others_along_on_ext3_ordered() -> None:
    steps = (Open(1, "a"), Write(1, 0, b"2"), create(2, "b"), Fsync(2))
    assert left(EXT3_ORDERED, {"a": b"1"}, *steps) == images({"a": b"2", "b": b""})
    assert images({"a": b"1", "b": b""}) <= left(EXT4, {"a": b"1"}, *steps)


def test_data_may_be_there_early_on_ext3_ordered_but_not_where_a_journal_has_it() -> None:
    steps = (create(1, "mark"), Open(2, "f"), Write(2, 0, b"new"))
    early = images({"f": b"new"})
    assert early <= left(EXT3_ORDERED, {"f": b"old"}, *steps)
    assert left(EXT3_JOURNAL, {"f": b"old"}, *steps) == images(
        {"f": b"old"}, {"f": b"old", "mark": b""}, {"f": b"new", "mark": b""}
    )


def test_a_journal_with_the_data_tears_no_page_but_parts_a_write_of_several() -> None:
    steps = (Open(1, "f"), Write(1, 0, b"A" * 16))
    assert left(EXT3_JOURNAL, {"f": b"a" * 16}, *steps) == contents(
        "f", b"a" * 16, b"A" * 8 + b"a" * 8, b"A" * 16
    )
    assert contents("f", b"a" * 8 + b"A" * 8) <= left(EXT3_ORDERED, {"f": b"a" * 16}, *steps)


def test_a_page_and_the_size_that_it_brings_are_one_in_a_journal() -> None:
    steps = (Open(1, "f"), append(1, b"bb"), append(1, b"cc"))
    assert left(EXT3_JOURNAL, {"f": b"a"}, *steps) == contents("f", b"a", b"abb", b"abbcc")


def test_growing_a_file_after_an_overwrite_is_a_step_of_its_own_in_a_journal() -> None:
    steps = (Open(1, "f"), Write(1, 0, b"b"), SetSize(1, 2))
    assert left(EXT3_JOURNAL, {"f": b"a"}, *steps) == contents("f", b"a", b"b", b"b\0")


def test_any_fsync_makes_everything_so_far_durable_where_the_journal_has_the_data() -> None:
    steps = (Open(1, "a"), create(2, "b"), Write(1, 0, b"2"), Unlink("c"), Fsync(2))
    assert left(EXT3_JOURNAL, {"a": b"1", "c": b""}, *steps) == images({"a": b"2", "b": b""})
    assert len(left(EXT3_ORDERED, {"a": b"1", "c": b""}, *steps)) > 1


def test_a_size_made_durable_with_the_journal_has_its_data_for_good() -> None:
    waits = replace(EXT3_ORDERED, name="waits", commits_wait_for_data=False)
    steps = (Open(1, "f"), append(1, b"1" * 8), append(1, b"2"), create(2, "mark"), Fsync(""))
    assert left(waits, {"f": b""}, *steps) == images({"f": b"1" * 8 + b"2", "mark": b""})


# btrfs


def test_btrfs_reorders_names_and_tears_no_page() -> None:
    assert left(BTRFS, {}, create(1, "a"), create(2, "b")) == images(
        {}, {"a": b""}, {"b": b""}, {"a": b"", "b": b""}
    )
    steps = (Open(1, "f"), Write(1, 0, b"AAAABBBB"))
    assert left(BTRFS, {"f": b"aaaabbbb"}, *steps) == contents("f", b"aaaabbbb", b"AAAABBBB")


def test_fsync_on_btrfs_keeps_the_names_of_its_file_and_no_other() -> None:
    found = left(BTRFS, {"x": b""}, Rename("x", "y"), create(1, "a"), Rename("a", "b"), Fsync(1))
    assert found == images({"x": b"", "b": b""}, {"y": b"", "b": b""})


def test_fdatasync_on_btrfs_keeps_no_rename_that_reading_the_data_does_not_need() -> None:
    steps = (Open(1, "a"), Rename("a", "b"), Fsync(1, data_only=True))
    assert left(BTRFS, {"a": b"x"}, *steps) == images({"a": b"x"}, {"b": b"x"})


# FAT


def test_a_rename_on_fat_may_leave_both_names_or_none() -> None:
    assert left(FAT, {"a": b"x"}, Rename("a", "b")) == images(
        {"a": b"x"}, {"a": b"x", "b": b"x"}, {"b": b"x"}, {}
    )


def test_a_synced_replacement_on_fat_may_still_leave_the_old_file() -> None:
    steps = (create(1, "tmp"), append(1, b"new"), Fsync(1), Close(1), Rename("tmp", "f"))
    found = {dict(one).get("f") for one in left(FAT, {"f": b"old"}, *steps)}
    assert found == {b"old", b"new"}
    assert left(FAT, {"f": b"old"}, *steps, Fsync("")) == images({"f": b"new"})


# Barriers in flight

SYNCED = (Open(1, "f"), append(1, b"1"), Fsync(1), append(1, b"2"), Fsync(1))


def test_the_last_barriers_may_not_have_reached_the_medium() -> None:
    all_of_it, first_lost = contents("f", b"12"), contents("f", b"", b"1", b"12")
    assert left(EXT3_ORDERED, {"f": b""}, *SYNCED) == all_of_it
    assert left(late(EXT3_ORDERED, 1), {"f": b""}, *SYNCED) == contents("f", b"1", b"12")
    assert left(late(EXT3_ORDERED, 2), {"f": b""}, *SYNCED) == first_lost
    assert left(late(EXT3_ORDERED, 9), {"f": b""}, *SYNCED) == first_lost


def test_a_barrier_that_comes_late_covers_nothing_that_was_done_since() -> None:
    steps = (Open(1, "f"), Write(1, 0, b"1"), SyncAll(), Write(1, 0, b"2"), Fsync(1))
    assert left(late(POSIX, 1), {"f": b"0"}, *steps) == contents("f", b"1", b"2")


@pytest.mark.parametrize("barrier", [Fsync(""), SyncAll(), Fsync(1)], ids=str)
def test_a_name_made_after_a_late_barrier_is_not_made_durable_by_it(barrier: Step) -> None:
    own_name = late(BTRFS, 1)
    steps = (create(1, "a"), barrier, Rename("a", "b"), Fsync(1, data_only=True))
    assert left(own_name, {}, *steps) == images({"a": b""}, {"b": b""})


# Torn program pages


def test_a_program_page_in_flight_reads_as_erased_in_part_with_what_was_synced_before() -> None:
    steps = (Open(1, "f"), append(1, b"NEWER123"))
    found = left(late(SDCARD, 0), {"f": b"synced--"}, *steps)
    gone = b"\xff" * 4
    assert contents("f", b"sync" + gone * 3, gone * 4, b"synced--NEWE" + gone) <= found
    assert contents("f", gone + b"ed--NEWER123", gone * 2) <= found
    assert not any(
        b"\xff" in content for one in left(POSIX, {"f": b"synced--"}, *steps) for _, content in one
    )  # type: ignore[operator]


def test_program_pages_that_nothing_was_written_to_stay_whole() -> None:
    old = bytes(range(1, 17))
    found = left(late(SDCARD, 0), {"f": old, "g": b"other"}, Open(1, "f"), append(1, b"x"))
    assert {dict(one)["f"][:16] for one in found} == {old}  # type: ignore[index]
    assert {dict(one)["g"] for one in found} == {b"other"}


def test_a_write_that_reached_the_medium_is_torn_no_more() -> None:
    steps = (Open(1, "f"), append(1, b"data"), Fsync(1))
    assert left(late(SDCARD, 0), {"f": b""}, *steps) == contents("f", b"data")
    assert contents("f", b"\xff" * 4) <= left(late(SDCARD, 1), {"f": b""}, *steps)


def test_a_program_page_is_torn_from_either_end_at_every_sector() -> None:
    assert list(torn_programs(b"aaaabbbbcc", 0, 16, 4)) == [
        b"\xff" * 10,
        b"aaaa" + b"\xff" * 6,
        b"\xff" * 4 + b"bbbbcc",
        b"aaaabbbb" + b"\xff" * 2,
        b"\xff" * 8 + b"cc",
    ]
    assert list(torn_programs(b"aaaabbbb", 4, 8, 4)) == [b"aaaa" + b"\xff" * 4]


def test_a_finding_tells_of_what_was_synced_and_torn_with_its_program_page() -> None:
    steps = (Open(1, "f"), append(1, b"old" * 200), Fsync(1), append(1, b"new" * 200))
    card = late(SDCARD, 0)
    trace = Trace((("f", b""),), tuple(Stepped(step) for step in steps))
    erased = (("f", b"old" * 170 + b"ol" + b"\xff" * 688),)
    state = next(one for one in CrashStates(trace, card) if one.image == erased)
    told = {fate.step: fate.reached for fate in fates(trace, card, state)}
    assert (told[1], told[3]) == (Reached.PART, Reached.PART)


def test_a_write_within_and_past_the_end_is_whole_in_a_journal() -> None:
    steps = (Open(1, "f"), Write(1, 0, b"XYZ"))
    assert left(EXT3_JOURNAL, {"f": b"a"}, *steps) == contents("f", b"a", b"XYZ")
    assert contents("f", b"X") <= left(EXT3_ORDERED, {"f": b"a"}, *steps)


def test_data_that_a_commit_waited_for_stays_though_a_later_sync_of_its_file_fails() -> None:
    steps = (Open(1, "a"), Write(1, 0, b"2"), create(2, "b"), Fsync(2), FailedSync(1))
    assert left(EXT3_ORDERED, {"a": b"1"}, *steps) == images({"a": b"2", "b": b""})


def test_a_late_sync_is_no_reason_for_a_name_not_to_wait_for_a_rewrite_since() -> None:
    steps = (
        Open(9, "o"),
        SyncAll(),
        Open(1, "f", truncate=True),
        append(1, b"new!"),
        Close(1),
        Fsync(9),
        create(2, "mark"),
    )
    found = left(late(EXT4, 1), {"f": b"old!", "o": b""}, *steps)
    assert images({"f": b"new!", "mark": b"", "o": b""}) <= found
    assert not images({"f": b"", "mark": b"", "o": b""}) & found
