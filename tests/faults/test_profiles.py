"""Profiles: the table of the design, and that a user can write one."""

from dataclasses import fields, replace
from typing import Any

import pytest

from tornwrite.faults.profile_order import known_profiles, no_weaker
from tornwrite.faults.profiles import (
    DEFAULT,
    EXT3_JOURNAL,
    EXT4,
    FAT,
    KILL,
    KNOWN,
    POSIX,
    SDCARD,
    FsyncCommits,
    PowerLoss,
    ProcessKill,
    SizeAfterData,
    by_name,
    rules,
)

POWER_LOSSES = [profile for profile in KNOWN if isinstance(profile, PowerLoss)]

YES, NO = True, False
ALL, NOTHING = FsyncCommits.ALL_EARLIER, FsyncCommits.NOTHING
OWN, WHOLE = FsyncCommits.OWN_NAME, FsyncCommits.EVERYTHING
EACH, NEW, NONE = SizeAfterData.ALL, SizeAfterData.NEW_BLOCKS, SizeAfterData.NONE

# names_in_order, rename_atomic, size_after_data, replace_waits, truncate_flushes, commits, flush
DESIGN = {
    "ext4": (YES, YES, NEW, YES, YES, ALL, YES),
    "ext4-noauto_da_alloc": (YES, YES, NEW, NO, NO, ALL, YES),
    "ext4-writeback": (YES, YES, NONE, NO, NO, ALL, YES),
    "xfs": (YES, YES, EACH, NO, YES, ALL, YES),
    "btrfs": (NO, YES, EACH, YES, YES, OWN, YES),
    "posix": (NO, YES, NONE, NO, NO, NOTHING, YES),
    "fat": (NO, NO, NONE, NO, NO, NOTHING, YES),
    "sdcard": (NO, YES, NONE, NO, NO, NOTHING, YES),
    "ext3-journal": (YES, YES, EACH, YES, YES, WHOLE, YES),
    "ext3-ordered": (YES, YES, EACH, YES, YES, ALL, YES),
    "ext3-writeback": (YES, YES, NONE, NO, NO, ALL, YES),
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
    assert {profile.name for profile in KNOWN} == {"kill", *DESIGN}


def test_only_a_card_that_tells_no_truth_has_barriers_in_flight_and_torn_pages() -> None:
    flash = [one for one in POWER_LOSSES if not one.tells_the_truth]
    assert flash == [SDCARD]
    assert min(SDCARD.barriers_in_flight, SDCARD.program_page, SDCARD.erase_block) > 0


def test_what_is_judged_by_default_is_what_a_store_can_keep_its_promises_on() -> None:
    assert set(DEFAULT) < set(KNOWN)
    assert FAT not in DEFAULT
    assert SDCARD not in DEFAULT
    for profile in DEFAULT:
        if isinstance(profile, PowerLoss):
            assert profile.tells_the_truth
            assert no_weaker(profile, POSIX)


def test_disks_have_sectors_of_512_bytes_and_memory_pages_of_4096() -> None:
    assert {profile.page for profile in POWER_LOSSES} == {4096}
    whole = {profile.name for profile in POWER_LOSSES if profile.sector == 4096}
    assert whole == {"btrfs", "ext3-journal"}
    assert {profile.sector for profile in POWER_LOSSES if profile.name not in whole} == {512}


def test_a_kill_comes_first_and_then_the_strongest() -> None:
    assert DEFAULT[:2] == (KILL, EXT4)
    assert KNOWN[:2] == (KILL, EXT3_JOURNAL)


def test_no_profile_comes_after_one_that_is_weaker() -> None:
    mine = replace(EXT4, name="mine", barriers_in_flight=1)
    listed = [one for one in known_profiles((mine,)) if isinstance(one, PowerLoss)]
    for at, profile in enumerate(listed):
        assert not any(no_weaker(profile, earlier) for earlier in listed[:at])
    assert [one.name for one in listed][-2:] == ["mine", "sdcard"]


@pytest.mark.parametrize(
    ("stronger", "weaker"),
    [
        ("ext4", "ext4-noauto_da_alloc"),
        ("xfs", "ext4-noauto_da_alloc"),
        ("ext4-noauto_da_alloc", "ext4-writeback"),
        ("ext4-writeback", "posix"),
        ("ext3-journal", "ext3-ordered"),
        ("ext3-ordered", "ext3-writeback"),
        ("ext3-ordered", "ext4"),
        ("ext3-writeback", "ext4-writeback"),
        ("btrfs", "posix"),
        ("posix", "fat"),
        ("posix", "sdcard"),
    ],
)
def test_a_weaker_profile_gives_up_rules_and_gets_none_back(stronger: str, weaker: str) -> None:
    """So that the first profile to show a finding is the strongest that does."""
    strength = [
        [False, True],
        [SizeAfterData.NONE, SizeAfterData.NEW_BLOCKS, SizeAfterData.ALL],
        [
            FsyncCommits.NOTHING,
            FsyncCommits.OWN_NAME,
            FsyncCommits.ALL_EARLIER,
            FsyncCommits.EVERYTHING,
        ],
    ]
    first, second = by_name(stronger), by_name(weaker)
    compared = 0
    for field in fields(PowerLoss):
        values = [getattr(profile, field.name) for profile in (first, second)]
        for order in strength:
            if all(type(value) is type(order[0]) for value in values):
                assert order.index(values[0]) >= order.index(values[1]), field.name
                compared += 1
    assert compared == 10
    names = [profile.name for profile in KNOWN]
    assert names.index(stronger) < names.index(weaker)


def test_names_are_distinct() -> None:
    assert len({profile.name for profile in KNOWN}) == len(KNOWN)


@pytest.mark.parametrize("profile", KNOWN, ids=lambda profile: profile.name)
def test_a_profile_is_found_by_its_name(profile: PowerLoss | ProcessKill) -> None:
    assert by_name(profile.name) is profile


def test_a_profile_of_ones_own_is_found_beside_the_built_in_ones() -> None:
    mine = replace(EXT4, name="mine")
    assert by_name("mine", (mine,)) is mine
    assert by_name("ext4", (mine,)) is EXT4


def test_an_unknown_name_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="ntfs"):
        by_name("ntfs")


@pytest.mark.parametrize(("page", "sector"), [(512, 4096), (4096, 0), (4096, 1000), (0, 1)])
def test_a_page_is_a_whole_number_of_sectors_or_refused_with_both_numbers(
    page: int, sector: int
) -> None:
    with pytest.raises(ValueError, match=rf"mine: page \({page} B\).*sector \({sector} B\)"):
        replace(POSIX, name="mine", page=page, sector=sector)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"barriers_in_flight": -1}, r"barriers_in_flight \(-1\) must be 0 or more"),
        ({"program_page": 5000}, r"program_page \(5000 B\) .* multiple of page \(4096 B\)"),
        ({"program_page": -4096}, "program_page"),
        ({"erase_block": 5000}, r"erase_block \(5000 B\) .* multiple of page \(4096 B\)"),
        (
            {"program_page": 16384, "erase_block": 20480},
            r"erase_block \(20480 B\) .* multiple of program_page \(16384 B\)",
        ),
        ({"sizes_in_order": True}, "sizes_in_order needs names_in_order"),
        ({"names_in_order": True, "commits_wait_for_data": True}, "commits_wait_for_data needs"),
        ({"names_in_order": True, "data_in_order": True}, "data_in_order needs sizes_in_order"),
        (
            {"names_in_order": True, "sizes_in_order": True, "data_in_order": True},
            'data_in_order needs fsync_commits = "everything"',
        ),
    ],
)
def test_units_and_rules_that_do_not_go_together_are_refused_by_name(
    changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=f"mine: {said}"):
        replace(POSIX, name="mine", **changes)


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
        "sizes_in_order": "no",
        "commits_wait_for_data": "no",
        "data_in_order": "no",
        "flush_honoured": "yes",
        "barriers_in_flight": "none",
        "sector": "512 B",
        "page": "4096 B",
        "program_page": "none",
        "erase_block": "none",
    }
    assert rules(SDCARD)["barriers_in_flight"] == "2"
    assert rules(SDCARD)["program_page"] == "16384 B"
    assert all(list(rules(profile)) == list(rules(POSIX)) for profile in POWER_LOSSES)


def test_a_kill_has_rules_too() -> None:
    assert rules(KILL) == {
        "everything done": "stays",
        "the write under way": "may be cut at any byte",
    }
