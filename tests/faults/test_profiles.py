"""Profiles: the table of the design, and that a user can write one."""

from dataclasses import fields, replace
from itertools import pairwise

import pytest

from tornwrite.faults.profiles import (
    BUILT_IN,
    EXT4,
    KILL,
    POSIX,
    FsyncCommits,
    PowerLoss,
    ProcessKill,
    by_name,
    rules,
)

POWER_LOSSES = [profile for profile in BUILT_IN if isinstance(profile, PowerLoss)]

YES, NO = True, False
ALL, NOTHING = FsyncCommits.ALL_EARLIER, FsyncCommits.NOTHING

# names_in_order, rename_atomic, size_after_data, replace_waits, truncate_flushes, commits, flush
DESIGN = {
    "ext4": (YES, YES, YES, YES, YES, ALL, YES),
    "ext4-noauto_da_alloc": (YES, YES, YES, NO, NO, ALL, YES),
    "ext4-writeback": (YES, YES, NO, NO, NO, ALL, YES),
    "xfs": (YES, YES, YES, NO, YES, ALL, YES),
    "posix": (NO, YES, NO, NO, NO, NOTHING, YES),
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


@pytest.mark.xfail(strict=True, reason="profiles.py: not there yet")
@pytest.mark.parametrize("name", ["btrfs", "fat", "sdcard"])
def test_the_other_profiles_of_the_design_are_built_in(name: str) -> None:
    by_name(name)


def test_disks_have_sectors_of_512_bytes_and_memory_pages_of_4096() -> None:
    assert {(profile.sector, profile.page) for profile in POWER_LOSSES} == {(512, 4096)}


def test_a_kill_comes_first_and_then_the_strongest() -> None:
    assert BUILT_IN[:2] == (KILL, EXT4)


def test_each_profile_gives_up_rules_of_the_one_before_and_gets_none_back() -> None:
    """So that the first profile to show a finding is the strongest that does."""
    strength = {FsyncCommits.NOTHING: 0, FsyncCommits.OWN_NAME: 1, FsyncCommits.ALL_EARLIER: 2}
    promises = [field.name for field in fields(PowerLoss) if field.type in (bool, "bool")]
    assert len(promises) == 6
    chain = [profile for profile in POWER_LOSSES if profile.name in DESIGN]
    for stronger, weaker in pairwise(chain):
        for rule in promises:
            assert getattr(stronger, rule) >= getattr(weaker, rule), (weaker.name, rule)
        assert strength[stronger.fsync_commits] >= strength[weaker.fsync_commits]


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
