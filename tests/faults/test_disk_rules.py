"""The rules of the profiles, one by one: a few steps, and exactly the images a crash may leave.

Pages are 8 bytes here and sectors 4, so that a short text meets both. The images are those of the
last crash point unless a test says otherwise: all steps done, and any part of them on the disk.
"""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from tornwrite.faults.images import Image, Node, SymbolicLink
from tornwrite.faults.profiles import (
    DEFAULT,
    EXT4,
    EXT4_NOAUTO_DA_ALLOC,
    EXT4_WRITEBACK,
    KILL,
    POSIX,
    XFS,
    FsyncCommits,
    PowerLoss,
    Profile,
)
from tornwrite.faults.states import CrashStates
from tornwrite.faults.steps import (
    Close,
    Fsync,
    Link,
    Mkdir,
    Open,
    Rename,
    Rmdir,
    SetSize,
    Step,
    Symlink,
    SyncAll,
    Unlink,
    Write,
)
from tornwrite.faults.trace import Acknowledged, Began, Stepped, Trace

Tree = Mapping[str, Node]

POWER_LOSSES = [profile for profile in DEFAULT if isinstance(profile, PowerLoss)]
JOURNALLED = [profile for profile in POWER_LOSSES if profile.names_in_order]

BTRFS_LIKE = replace(
    EXT4, name="btrfs-like", names_in_order=False, fsync_commits=FsyncCommits.OWN_NAME
)
FAT_LIKE = replace(POSIX, name="fat-like", rename_atomic=False)
LYING = replace(EXT4, name="lying", flush_honoured=False)

any_power_loss = pytest.mark.parametrize("profile", POWER_LOSSES, ids=lambda p: p.name)
any_journal = pytest.mark.parametrize("profile", JOURNALLED, ids=lambda p: p.name)

MISSING: Tree = {}
D: Node = None
"""What an image holds for a directory."""


def image(tree: Tree) -> Image:
    return tuple(sorted(tree.items()))


def images(*trees: Tree) -> set[Image]:
    return {image(tree) for tree in trees}


def contents(path: str, *choices: bytes) -> set[Image]:
    """Images of one file, with each of these contents."""
    return {((path, choice),) for choice in choices}


def left(profile: Profile, base: Tree, *steps: Step) -> set[Image]:
    """What a crash after the last step may leave."""
    events = (Began(0, "all", {}), *(Stepped(step) for step in steps), Acknowledged(0))
    return _images(profile, Trace(image(base), events), frozenset({2}))


def left_anywhere(profile: Profile, base: Tree, *steps: Step) -> set[Image]:
    """What a crash anywhere in the steps may leave."""
    return _images(profile, Trace(image(base), tuple(Stepped(step) for step in steps)), None)


def _images(profile: Profile, trace: Trace, epochs: frozenset[int] | None) -> set[Image]:
    if isinstance(profile, PowerLoss):
        profile = replace(profile, page=8, sector=4)
    states = CrashStates(trace, profile, epochs_wanted=epochs)
    found = {state.image for state in states}
    assert states.coverage.complete
    return found


def create(handle: int, path: str) -> Open:
    return Open(handle, path, create=True)


def append(handle: int, data: bytes, sync: bool = False) -> Write:
    return Write(handle, None, data, sync)


ZEROS = bytes(8)


# Data and size


def test_an_append_without_a_sync_may_be_missing_torn_at_a_sector_or_whole() -> None:
    assert left(POSIX, {"log": b""}, Open(1, "log"), append(1, b"aaaabbbb")) == contents(
        "log",
        b"",
        b"aaaabbbb",
        b"aaaa\0\0\0\0",
        b"\0\0\0\0bbbb",
        ZEROS,
    )


def test_a_synced_write_may_be_there_in_part_while_it_is_under_way() -> None:
    found = left_anywhere(POSIX, {"f": b"aaaabbbb"}, Open(1, "f"), Write(1, 0, b"AAAABBBB", True))
    assert found == contents("f", b"aaaabbbb", b"AAAABBBB", b"AAAAbbbb", b"aaaaBBBB")


@pytest.mark.parametrize("profile", [EXT4, XFS, EXT4_NOAUTO_DA_ALLOC], ids=lambda p: p.name)
def test_a_size_that_waits_for_its_data_never_shows_zeros(profile: PowerLoss) -> None:
    found = left(profile, {"log": b""}, Open(1, "log"), append(1, b"aaaabbbb"))
    assert found == contents("log", b"", b"aaaabbbb")


@pytest.mark.parametrize("profile", [EXT4_WRITEBACK, POSIX], ids=lambda p: p.name)
def test_a_size_that_does_not_wait_may_show_zeros(profile: PowerLoss) -> None:
    found = left(profile, {"log": b"old"}, Open(1, "log"), append(1, b"+"))
    assert found == contents("log", b"old", b"old+", b"old\0")


def test_a_long_append_is_cut_at_pages_where_sizes_wait_for_data() -> None:
    found = left(EXT4, {"log": b""}, Open(1, "log"), append(1, b"a" * 8 + b"b" * 8 + b"c"))
    assert found == contents("log", b"", b"a" * 8, b"a" * 8 + b"b" * 8, b"a" * 8 + b"b" * 8 + b"c")


def test_pages_of_one_write_reach_the_disk_in_any_order_where_sizes_do_not_wait() -> None:
    found = left(POSIX, {"log": b"a" * 8}, Open(1, "log"), append(1, b"b" * 8), append(1, b"c"))
    assert (("log", b"a" * 8 + ZEROS + b"c"),) in found
    assert (("log", b"a" * 8 + b"b" * 8 + b"\0"),) in found


@any_power_loss
def test_an_overwrite_is_torn_at_sectors_whatever_the_file_system(profile: PowerLoss) -> None:
    found = left(profile, {"f": b"aaaabbbb"}, Open(1, "f"), Write(1, 0, b"AAAABBBB"))
    assert found == contents("f", b"aaaabbbb", b"AAAABBBB", b"AAAAbbbb", b"aaaaBBBB")


@any_power_loss
def test_an_overwrite_within_one_sector_is_never_torn(profile: PowerLoss) -> None:
    found = left(profile, {"f": b"aaaabbbb"}, Open(1, "f"), Write(1, 1, b"AA"))
    assert found == contents("f", b"aaaabbbb", b"aAAabbbb")


def test_a_later_append_in_the_same_page_cannot_survive_without_the_earlier_bytes() -> None:
    steps = (Open(1, "log"), append(1, b"aa"), append(1, b"bb"))
    assert left(POSIX, {"log": b""}, *steps) == contents(
        "log", b"", b"aa", b"\0\0", b"aabb", b"aa\0\0", b"\0\0\0\0"
    )
    assert left(XFS, {"log": b""}, *steps) == contents("log", b"", b"aa", b"aabb")


def test_on_ext4_a_size_waits_for_the_data_of_new_blocks_alone() -> None:
    """Within a block that the file has, the size may come first; a block it has not has to come."""
    steps = (Open(1, "log"), append(1, b"bb" + b"c" * 4))
    zeros = b"a" * 6 + b"\0\0"
    assert left(EXT4, {"log": b"a" * 6}, *steps) == contents(
        "log", b"a" * 6, zeros, b"a" * 6 + b"bb", zeros + b"cccc", b"a" * 6 + b"bbcccc"
    )
    assert left(XFS, {"log": b"a" * 6}, *steps) == contents(
        "log", b"a" * 6, b"a" * 6 + b"bb", b"a" * 6 + b"bbcccc"
    )


def test_the_size_of_a_later_append_brings_the_earlier_data_where_sizes_wait() -> None:
    found = left(XFS, {"log": b"a" * 6}, Open(1, "log"), append(1, b"bb"), append(1, b"c" * 4))
    assert found == contents("log", b"a" * 6, b"a" * 6 + b"bb", b"a" * 6 + b"bbcccc")


def test_a_hole_reads_as_zeros_even_where_sizes_wait() -> None:
    found = left(EXT4, {"f": b"ab"}, Open(1, "f"), SetSize(1, 4))
    assert found == contents("f", b"ab", b"ab\0\0")


@any_power_loss
def test_an_empty_write_changes_nothing(profile: PowerLoss) -> None:
    assert left(profile, {"f": b"ab"}, Open(1, "f"), append(1, b"")) == contents("f", b"ab")


def test_two_files_reach_the_disk_independently() -> None:
    found = left(
        EXT4,
        {"a": b"", "b": b""},
        Open(1, "a"),
        Open(2, "b"),
        append(1, b"1"),
        append(2, b"2"),
    )
    assert found == images(
        {"a": b"", "b": b""}, {"a": b"1", "b": b""}, {"a": b"", "b": b"2"}, {"a": b"1", "b": b"2"}
    )


# Barriers on files


@any_power_loss
@pytest.mark.parametrize("data_only", [False, True], ids=["fsync", "fdatasync"])
def test_a_synced_append_stays(profile: PowerLoss, data_only: bool) -> None:
    steps = (Open(1, "log"), append(1, b"aaaabb"), Fsync(1, data_only))
    assert left(profile, {"log": b""}, *steps) == contents("log", b"aaaabb")


@any_power_loss
def test_a_sync_covers_nothing_that_comes_after_it(profile: PowerLoss) -> None:
    found = left(
        profile, {"f": b"aa"}, Open(1, "f"), Write(1, 0, b"bb"), Fsync(1), Write(1, 0, b"cc")
    )
    assert found == contents("f", b"bb", b"cc")


@any_power_loss
def test_a_sync_of_one_file_leaves_the_data_of_another_alone(profile: PowerLoss) -> None:
    found = left(
        profile,
        {"a": b"1", "b": b"1"},
        Open(1, "a"),
        Open(2, "b"),
        Write(1, 0, b"2"),
        Write(2, 0, b"2"),
        Fsync(1),
    )
    assert found == images({"a": b"2", "b": b"1"}, {"a": b"2", "b": b"2"})


@any_power_loss
def test_a_sync_by_name_is_a_sync_of_the_file_behind_it(profile: PowerLoss) -> None:
    steps = (Open(1, "f"), Write(1, 0, b"2"), Close(1), Fsync("f"))
    assert left(profile, {"f": b"1"}, *steps) == contents("f", b"2")


@any_power_loss
def test_a_close_makes_nothing_durable(profile: PowerLoss) -> None:
    steps = (Open(1, "f"), Write(1, 0, b"2"), Close(1))
    assert left(profile, {"f": b"1"}, *steps) == contents("f", b"1", b"2")


@any_power_loss
def test_a_write_with_o_sync_stays(profile: PowerLoss) -> None:
    found = left(profile, {"log": b"1"}, Open(1, "log"), append(1, b"aaaabbbb", sync=True))
    assert found == contents("log", b"1aaaabbbb")


@any_power_loss
def test_a_write_with_o_sync_takes_the_earlier_ones_of_its_file_along(profile: PowerLoss) -> None:
    steps = (Open(1, "log"), append(1, b"a"), append(1, b"b", sync=True), append(1, b"c"))
    found = left(profile, {"log": b""}, *steps)
    assert all(dict(one)["log"].startswith(b"ab") for one in found)  # type: ignore[union-attr]
    assert {(("log", b"ab"),), (("log", b"abc"),)} <= found


def test_fsync_of_a_file_makes_its_name_durable_on_ext4_but_not_on_posix() -> None:
    steps = (create(1, "f"), append(1, b"data"), Fsync(1))
    assert left(EXT4, {}, *steps) == images({"f": b"data"})
    assert left(POSIX, {}, *steps) == images({"f": b"data"}, MISSING)


def test_fsync_of_a_file_makes_all_earlier_names_durable_on_ext4_and_its_own_on_btrfs() -> None:
    steps = (create(1, "a"), create(2, "b"), Fsync(2))
    assert left(EXT4, {}, *steps) == images({"a": b"", "b": b""})
    assert left(BTRFS_LIKE, {}, *steps) == images({"a": b"", "b": b""}, {"b": b""})
    assert left(POSIX, {}, *steps) == images(MISSING, {"a": b""}, {"b": b""}, {"a": b"", "b": b""})


@any_journal
def test_fsync_commits_a_journal_no_further_than_the_last_change_of_its_file(
    profile: PowerLoss,
) -> None:
    found = left(profile, {}, create(1, "a"), create(2, "b"), Fsync(1))
    assert found == images({"a": b""}, {"a": b"", "b": b""})


@any_journal
def test_fsync_commits_the_rename_of_its_file_and_fdatasync_does_not(profile: PowerLoss) -> None:
    renamed = (Open(1, "a"), Rename("a", "b"))
    assert left(profile, {"a": b"x"}, *renamed, Fsync(1)) == images({"b": b"x"})
    assert left(profile, {"a": b"x"}, *renamed, Fsync(1, data_only=True)) == images(
        {"a": b"x"}, {"b": b"x"}
    )


def test_a_device_that_lies_keeps_nothing_that_was_synced() -> None:
    steps = (create(1, "f"), append(1, b"x"), Fsync(1), Fsync(""), SyncAll())
    assert left(LYING, {}, *steps) == images(MISSING, {"f": b""}, {"f": b"x"})


# sync(2)


@any_power_loss
def test_sync_makes_everything_durable(profile: PowerLoss) -> None:
    found = left(
        profile,
        {"old": b"aaaabbbb"},
        Mkdir("d"),
        create(1, "d/f"),
        append(1, b"0123456789"),
        Open(2, "old"),
        SetSize(2, 2),
        Rename("old", "new"),
        SyncAll(),
    )
    assert found == images({"d": D, "d/f": b"0123456789", "new": b"aa"})


@any_power_loss
def test_sync_covers_nothing_that_comes_after_it(profile: PowerLoss) -> None:
    found = left(profile, {}, create(1, "a"), SyncAll(), create(2, "b"))
    assert found == images({"a": b""}, {"a": b"", "b": b""})


# Barriers on directories


def test_fsync_of_a_directory_makes_its_names_durable_but_no_data() -> None:
    found = left(POSIX, {}, create(1, "f"), append(1, b"data"), Fsync(""))
    assert found == images({"f": b""}, {"f": b"data"}, {"f": b"\0\0\0\0"})


def test_fsync_of_a_directory_covers_that_directory_alone_on_posix() -> None:
    steps = (create(1, "a"), create(2, "d/b"), Fsync("d"))
    assert left(POSIX, {"d": D}, *steps) == images(
        {"d": D, "d/b": b""}, {"a": b"", "d": D, "d/b": b""}
    )


@any_journal
def test_fsync_of_a_directory_commits_the_journal_up_to_its_last_change(profile: PowerLoss) -> None:
    found = left(profile, {"d": D}, create(1, "a"), create(2, "d/b"), create(3, "c"), Fsync("d"))
    both: Tree = {"a": b"", "d": D, "d/b": b""}
    assert found == images(both, {**both, "c": b""})


def test_a_rename_is_durable_once_either_of_its_directories_is_synced() -> None:
    steps = (Rename("a", "d/a"), Fsync("d"))
    assert left(POSIX, {"a": b"x", "d": D}, *steps) == images({"d": D, "d/a": b"x"})


def test_a_new_directory_without_a_sync_of_its_parent_loses_the_whole_tree() -> None:
    steps = (Mkdir("d"), create(1, "d/f"), append(1, b"x"), Fsync(1), Fsync("d"))
    assert left(POSIX, {}, *steps) == images(MISSING, {"d": D, "d/f": b"x"})
    assert left(POSIX, {}, *steps, Fsync("")) == images({"d": D, "d/f": b"x"})
    assert left(EXT4, {}, *steps) == images({"d": D, "d/f": b"x"})


# Names


@any_journal
def test_names_become_durable_in_program_order_where_there_is_a_journal(profile: PowerLoss) -> None:
    found = left(profile, {}, create(1, "a"), create(2, "b"), Unlink("a"))
    assert found == images(MISSING, {"a": b""}, {"a": b"", "b": b""}, {"b": b""})


def test_names_become_durable_in_any_order_on_posix() -> None:
    assert left(POSIX, {}, create(1, "a"), create(2, "b")) == images(
        MISSING, {"a": b""}, {"b": b""}, {"a": b"", "b": b""}
    )


def test_a_symbolic_link_is_a_name_like_any_other() -> None:
    link = SymbolicLink("f")
    steps = (Symlink("current", "f"), create(1, "mark"))
    assert left(EXT4, {}, *steps) == images(
        MISSING, {"current": link}, {"current": link, "mark": b""}
    )


@any_power_loss
def test_an_unlink_may_not_have_happened(profile: PowerLoss) -> None:
    assert left(profile, {"f": b"x"}, Unlink("f")) == images({"f": b"x"}, MISSING)


@any_power_loss
def test_a_removed_directory_may_still_be_there(profile: PowerLoss) -> None:
    assert left(profile, {"d": D}, Rmdir("d")) == images({"d": D}, MISSING)


def test_an_unlinked_file_that_is_still_open_is_written_and_has_no_name() -> None:
    steps = (Open(1, "f"), Unlink("f"), append(1, b"y"), Fsync(1))
    assert left(EXT4, {"f": b"x"}, *steps) == images(MISSING)
    assert left(POSIX, {"f": b"x"}, *steps) == images(MISSING, {"f": b"xy"})


def test_a_file_created_again_is_another_file() -> None:
    steps = (Open(1, "f"), Unlink("f"), create(2, "f"), append(2, b"new"), append(1, b"+"))
    assert left(XFS, {"f": b"old"}, *steps) == images(
        {"f": b"old"}, {"f": b"old+"}, MISSING, {"f": b""}, {"f": b"new"}
    )


@any_journal
def test_both_names_of_a_hard_link_show_the_same_bytes(profile: PowerLoss) -> None:
    found = left(profile, {"a": b"x"}, Link("a", "b"), Open(1, "a"), Write(1, 0, b"y"))
    assert found == images({"a": b"x"}, {"a": b"y"}, {"a": b"x", "b": b"x"}, {"a": b"y", "b": b"y"})


def test_a_hard_link_keeps_the_bytes_when_the_other_name_goes() -> None:
    steps = (Link("a", "b"), Unlink("a"))
    assert left(EXT4, {"a": b"x"}, *steps) == images(
        {"a": b"x"}, {"a": b"x", "b": b"x"}, {"b": b"x"}
    )
    assert image(MISSING) not in left(EXT4, {"a": b"x"}, *steps)
    assert image(MISSING) in left(POSIX, {"a": b"x"}, *steps)


@any_power_loss
def test_a_directory_is_renamed_with_all_that_is_in_it(profile: PowerLoss) -> None:
    found = left(profile, {"d": D, "d/e": D, "d/e/f": b"x"}, Rename("d", "n"))
    assert found == images({"d": D, "d/e": D, "d/e/f": b"x"}, {"n": D, "n/e": D, "n/e/f": b"x"})


@any_power_loss
def test_a_file_open_in_a_renamed_directory_is_still_the_same_file(profile: PowerLoss) -> None:
    steps = (Open(1, "d/f"), Rename("d", "n"), Write(1, 0, b"y"), Fsync(1), Fsync(""))
    assert left(profile, {"d": D, "d/f": b"x"}, *steps) == images({"n": D, "n/f": b"y"})


@any_power_loss
def test_a_rename_over_another_name_of_the_same_file_does_nothing(profile: PowerLoss) -> None:
    steps = (Link("a", "b"), Fsync(""), Rename("a", "b"))
    assert left(profile, {"a": b"x"}, *steps) == images({"a": b"x", "b": b"x"})


# Renames


@any_power_loss
def test_both_entries_of_a_rename_change_together(profile: PowerLoss) -> None:
    assert left(profile, {"a": b"x"}, Rename("a", "b")) == images({"a": b"x"}, {"b": b"x"})


def test_a_rename_that_is_not_atomic_may_leave_both_names_or_none() -> None:
    assert left(FAT_LIKE, {"a": b"x"}, Rename("a", "b")) == images(
        {"a": b"x"}, {"a": b"x", "b": b"x"}, {"b": b"x"}, MISSING
    )


REPLACE = (create(1, "tmp"), append(1, b"new!"), Close(1), Rename("tmp", "f"))
BEFORE_REPLACE = images({"f": b"old"}, {"f": b"old", "tmp": b""}, {"f": b"old", "tmp": b"new!"})


def test_a_rename_that_replaces_waits_for_the_data_on_ext4() -> None:
    assert left(EXT4, {"f": b"old"}, *REPLACE) == BEFORE_REPLACE | images({"f": b"new!"})


@pytest.mark.parametrize("profile", [XFS, EXT4_NOAUTO_DA_ALLOC], ids=lambda p: p.name)
def test_a_rename_that_replaces_does_not_wait_elsewhere(profile: PowerLoss) -> None:
    found = left(profile, {"f": b"old"}, *REPLACE)
    assert found == BEFORE_REPLACE | images({"f": b"new!"}, {"f": b""})


def test_a_first_rename_to_a_new_name_does_not_wait_even_on_ext4() -> None:
    assert left(EXT4, {}, *REPLACE) == images(
        MISSING, {"tmp": b""}, {"tmp": b"new!"}, {"f": b""}, {"f": b"new!"}
    )


def test_a_replacing_rename_made_durable_has_its_data_on_ext4_for_good() -> None:
    steps = (*REPLACE, Fsync(""))
    assert left(EXT4, {"f": b"old"}, *steps) == images({"f": b"new!"})
    assert left(XFS, {"f": b"old"}, *steps) == images({"f": b""}, {"f": b"new!"})


def test_a_replacing_rename_waits_only_for_what_was_written_before_it() -> None:
    steps = (Open(1, "tmp"), Write(1, 0, b"b"), Rename("tmp", "f"), Write(1, 0, b"c"))
    found = left(EXT4, {"f": b"old", "tmp": b"a"}, *steps)
    assert {one for one in found if len(one) == 1} == images({"f": b"b"}, {"f": b"c"})


@any_power_loss
def test_a_synced_file_renamed_into_place_is_old_or_new_and_never_between(
    profile: PowerLoss,
) -> None:
    steps = (create(1, "tmp"), append(1, b"aaaabbbbcccc"), Fsync(1), Close(1), Rename("tmp", "f"))
    found = left_anywhere(profile, {"f": b"old"}, *steps)
    assert {dict(one)["f"] for one in found} == {b"old", b"aaaabbbbcccc"}
    assert left(profile, {"f": b"old"}, *steps, Fsync("")) == images({"f": b"aaaabbbbcccc"})


# Truncation


@any_journal
def test_shrinking_truncates_are_journaled_with_the_names(profile: PowerLoss) -> None:
    found = left(profile, {"f": b"a" * 8 + b"b"}, Open(1, "f"), SetSize(1, 8), create(2, "mark"))
    short, long = b"a" * 8, b"a" * 8 + b"b"
    assert found == images({"f": long}, {"f": short}, {"f": short, "mark": b""})


def test_a_shrinking_truncate_and_a_name_are_independent_on_posix() -> None:
    found = left(POSIX, {"f": b"a" * 8 + b"b"}, Open(1, "f"), SetSize(1, 8), create(2, "mark"))
    assert image({"f": b"a" * 8 + b"b", "mark": b""}) in found
    assert len(found) == 4


@any_power_loss
def test_the_rest_of_a_page_is_cleared_on_its_own_when_a_file_shrinks(profile: PowerLoss) -> None:
    found = left(profile, {"f": b"aaaabbbb"}, Open(1, "f"), SetSize(1, 4))
    assert found == contents("f", b"aaaabbbb", b"aaaa\0\0\0\0", b"aaaa")


@any_power_loss
def test_what_a_truncate_dropped_never_shows_in_the_file_when_it_grows_again(
    profile: PowerLoss,
) -> None:
    steps = (Open(1, "f"), SetSize(1, 0), Fsync(1), append(1, b"new"))
    found = left(profile, {"f": b"secret"}, *steps)
    assert found <= contents("f", b"", b"new", b"\0\0\0")
    assert {(("f", b""),), (("f", b"new"),)} <= found


@any_power_loss
def test_a_synced_truncate_stays(profile: PowerLoss) -> None:
    steps = (Open(1, "f"), SetSize(1, 2), Fsync(1))
    assert left(profile, {"f": b"abcdef"}, *steps) == contents("f", b"ab")


REWRITE = (Open(1, "f", truncate=True), append(1, b"new!"), Close(1), create(2, "mark"))


@pytest.mark.parametrize("profile", [EXT4, XFS], ids=lambda p: p.name)
def test_data_rewritten_after_truncating_to_zero_is_flushed_before_names_after_the_close(
    profile: PowerLoss,
) -> None:
    assert left(profile, {"f": b"old!"}, *REWRITE) == images(
        {"f": b"old!"}, {"f": b""}, {"f": b"new!"}, {"f": b"new!", "mark": b""}
    )


@pytest.mark.parametrize("profile", [EXT4, XFS], ids=lambda p: p.name)
def test_a_name_made_durable_after_the_close_has_the_rewritten_data_for_good(
    profile: PowerLoss,
) -> None:
    found = left(profile, {"f": b"old!"}, *REWRITE, Fsync(""))
    assert found == images({"f": b"new!", "mark": b""})


def test_without_that_help_a_rewritten_file_may_be_empty_beside_later_names() -> None:
    assert left(EXT4_NOAUTO_DA_ALLOC, {"f": b"old!"}, *REWRITE) == images(
        {"f": b"old!"},
        {"f": b""},
        {"f": b"new!"},
        {"f": b"", "mark": b""},
        {"f": b"new!", "mark": b""},
    )


def test_a_rewrite_that_is_not_closed_yet_gets_no_help() -> None:
    steps = [step for step in REWRITE if not isinstance(step, Close)]
    assert image({"f": b"", "mark": b""}) in left(EXT4, {"f": b"old!"}, *steps)


def test_a_file_that_was_not_truncated_to_zero_gets_no_help_at_its_close() -> None:
    steps = (Open(1, "f"), Write(1, 0, b"new!"), Close(1), create(2, "mark"))
    assert image({"f": b"old!", "mark": b""}) in left(EXT4, {"f": b"old!"}, *steps)


# Kills


def test_a_kill_leaves_everything_done_and_cuts_the_write_under_way_at_any_byte() -> None:
    found = left_anywhere(KILL, {}, create(1, "f"), append(1, b"abc"), Rename("f", "g"))
    assert found == images(
        MISSING, {"f": b""}, {"f": b"a"}, {"f": b"ab"}, {"f": b"abc"}, {"g": b"abc"}
    )


def test_a_kill_cuts_an_overwrite_in_the_middle_of_a_file() -> None:
    found = left_anywhere(KILL, {"f": b"123456"}, Open(1, "f"), Write(1, 2, b"xyz"))
    assert found == contents("f", b"123456", b"12x456", b"12xy56", b"12xyz6")


def test_a_kill_within_a_write_past_the_end_leaves_zeros_before_it() -> None:
    found = left_anywhere(KILL, {"f": b"1"}, Open(1, "f"), Write(1, 3, b"xy"))
    assert found == contents("f", b"1", b"1\0\0x", b"1\0\0xy")


def test_a_kill_within_a_write_shows_under_every_name_of_the_file() -> None:
    found = left_anywhere(KILL, {"a": b""}, Link("a", "b"), Open(1, "a"), append(1, b"xy"))
    assert found == images(
        {"a": b""},
        {"a": b"", "b": b""},
        {"a": b"x", "b": b"x"},
        {"a": b"xy", "b": b"xy"},
    )


def test_a_kill_after_the_last_step_leaves_exactly_what_was_done() -> None:
    assert left(KILL, {}, create(1, "f"), append(1, b"abc")) == images({"f": b"abc"})
