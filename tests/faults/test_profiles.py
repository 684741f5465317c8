"""Profiles: the table of the design, and that a user can write one."""

from dataclasses import fields, replace

import pytest

from tornwrite.faults.profiles import (
    BUILT_IN,
    EXT4,
    KILL,
    POSIX,
    FsyncCommits,
    PowerLoss,
    ProcessKill,
    SizeAfterData,
    by_name,
    rules,
)

POWER_LOSSES = [profile for profile in BUILT_IN if isinstance(profile, PowerLoss)]

YES, NO = True, False
ALL, NOTHING = FsyncCommits.ALL_EARLIER, FsyncCommits.NOTHING
EACH, NEW, NONE = SizeAfterData.ALL, SizeAfterData.NEW_BLOCKS, SizeAfterData.NONE

# names_in_order, rename_atomic, size_after_data, replace_waits, truncate_flushes, commits, flush
DESIGN = {
    "ext4": (YES, YES, NEW, YES, YES, ALL, YES),
    "ext4-noauto_da_alloc": (YES, YES, NEW, NO, NO, ALL, YES),
    "ext4-writeback": (YES, YES, NONE, NO, NO, ALL, YES),
    "xfs": (YES, YES, EACH, NO, YES, ALL, YES),
    "posix": (NO, YES, NONE, NO, NO, NOTHING, YES),
}


@pytest.mark.parametrize("name", DESIGN)
def test_a_built_in_profile_is_the_row_of_the_design(name: str) -> None:
    profile = by_name(name)
    assert isinstance(profile, PowerLoss)
    assert (
        profile.names_in_order,
        profile.rename_atomic,
        profile.size_after_data,
        profile.replace_waits_for_data,
        profile.truncate_rewrite_flushes,
        profile.fsync_commits,
        profile.flush_honoured,
    ) == DESIGN[name]


def test_there_is_no_built_in_profile_that_the_design_does_not_know() -> None:
    assert {profile.name for profile in BUILT_IN} <= {"kill", *DESIGN, "btrfs", "fat", "sdcard"}


def test_disks_have_sectors_of_512_bytes_and_memory_pages_of_4096() -> None:
    assert {(profile.sector, profile.page) for profile in POWER_LOSSES} == {(512, 4096)}


def test_a_kill_comes_first_and_then_the_strongest() -> None:
    assert BUILT_IN[:2] == (KILL, EXT4)


@pytest.mark.parametrize(
    ("stronger", "weaker"),
    [
        ("ext4", "ext4-noauto_da_alloc"),
        ("xfs", "ext4-noauto_da_alloc"),
        ("ext4-noauto_da_alloc", "ext4-writeback"),
        ("ext4-writeback", "posix"),
    ],
)
def test_a_weaker_profile_gives_up_rules_and_gets_none_back(stronger: str, weaker: str) -> None:
    """So that the first profile to show a finding is the strongest that does."""
    strength = [
        [False, True],
        [SizeAfterData.NONE, SizeAfterData.NEW_BLOCKS, SizeAfterData.ALL],
        [FsyncCommits.NOTHING, FsyncCommits.OWN_NAME, FsyncCommits.ALL_EARLIER],
    ]
    first, second = by_name(stronger), by_name(weaker)
    compared = 0
    for field in fields(PowerLoss):
        values = [getattr(profile, field.name) for profile in (first, second)]
        for order in strength:
            if all(type(value) is type(order[0]) for value in values):
                assert order.index(values[0]) >= order.index(values[1]), field.name
                compared += 1
    assert compared == 7
    names = [profile.name for profile in BUILT_IN]
    assert names.index(stronger) < names.index(weaker)


def test_names_are_distinct() -> None:
    assert len({profile.name for profile in BUILT_IN}) == len(BUILT_IN)


@pytest.mark.parametrize("profile", BUILT_IN, ids=lambda profile: profile.name)
def test_a_profile_is_found_by_its_name(profile: PowerLoss | ProcessKill) -> None:
    assert by_name(profile.name) is profile


def test_an_unknown_name_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="ntfs"):
        by_name("ntfs")


@pytest.mark.parametrize(("page", "sector"), [(512, 4096), (4096, 0), (4096, 1000), (0, 1)])
def test_a_page_is_a_whole_number_of_sectors_or_refused_with_both_numbers(
    page: int, sector: int
) -> None:
    with pytest.raises(ValueError, match=rf"mine: page \({page} B\).*sector \({sector} B\)"):
        replace(POSIX, name="mine", page=page, sector=sector)


def test_a_device_may_write_whole_pages_at_once() -> None:
    assert replace(POSIX, sector=4096).sector == 4096


def test_rules_are_words_for_every_rule_in_a_fixed_order() -> None:
    assert rules(POSIX) == {
        "names_in_order": "no",
        "rename_atomic": "yes",
        "size_after_data": "no",
        "replace_waits_for_data": "no",
        "truncate_rewrite_flushes": "no",
        "fsync_commits": "nothing",
        "flush_honoured": "yes",
        "sector": "512 B",
        "page": "4096 B",
    }
    assert all(list(rules(profile)) == list(rules(POSIX)) for profile in POWER_LOSSES)


def test_a_kill_has_rules_too() -> None:
    assert rules(KILL) == {
        "everything done": "stays",
        "the write under way": "may be cut at any byte",
    }
