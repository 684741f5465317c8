"""Promises by device: what holds where, with an example, and what no device is an excuse for."""

import shlex
from dataclasses import replace

import pytest

from tornwrite.faults.profiles import (
    BTRFS,
    EXT3_JOURNAL,
    EXT3_ORDERED,
    EXT3_WRITEBACK,
    EXT4,
    FAT,
    KILL,
    POSIX,
    SDCARD,
    XFS,
    PowerLoss,
    Profile,
    by_name,
)
from tornwrite.model.results import DeviceCell, DeviceTable, Kept
from tornwrite.model.verdict import Kind, Verdict
from tornwrite.scenarios.device_excuses import honest, messages_in
from tornwrite.scenarios.devices import judge_devices
from tornwrite.scenarios.replaying import Place, replay
from tornwrite.scenarios.run import Settings
from tornwrite.scenarios.subject import WrongUse, load_subject

LATE = replace(EXT4, name="late", barriers_in_flight=1)
LYING = replace(EXT4, name="lying", flush_honoured=False)


def table(
    subject: str, *profiles: Profile, scenarios: tuple[str, ...] = (), budget: int = 20_000
) -> DeviceTable:
    return judge_devices(subject, scenarios, Settings(profiles, budget, seed=0), 1)


def toy(name: str, *profiles: Profile) -> dict[str, DeviceCell]:
    """What became of the toy's one promise under each profile."""
    found = table(f"support.device_stores:{name}", *profiles)
    assert not found.notes
    return {cell.profile: cell for cell in found.cells}


@pytest.mark.parametrize(
    ("name", "holds", "breaks"),
    [
        ("unsynced", EXT3_ORDERED, EXT3_WRITEBACK),
        ("unsynced", EXT3_JOURNAL, EXT4),
        ("in_place", EXT3_JOURNAL, EXT3_ORDERED),
        ("in_place", BTRFS, EXT4),
        ("versions", EXT4, BTRFS),
        ("moving", POSIX, FAT),
        ("checked", POSIX, SDCARD),
        ("checked", EXT4, LATE),
        ("checked", EXT4, LYING),
    ],
    ids=lambda one: getattr(one, "name", one),
)
def test_a_store_that_relies_on_a_rule_breaks_on_the_first_device_without_it(
    name: str, holds: PowerLoss, breaks: PowerLoss
) -> None:
    cells = toy(name, holds, breaks)
    assert cells[holds.name].kept is Kept.HELD
    assert cells[holds.name].example is None
    assert cells[breaks.name].kept is Kept.BROKEN
    assert cells[breaks.name].images
    assert cells[breaks.name].example is not None


def test_a_lying_device_is_an_excuse_for_loss_and_an_honest_one_for_nothing() -> None:
    lost = table("support.device_stores:checked", EXT4, SDCARD)
    assert lost.verdict is Verdict.PASSED
    assert [cell.excused for cell in lost.cells] == [False, True]
    wrong = table("support.key_values:wrong", EXT4)
    assert wrong.verdict is Verdict.VIOLATED
    assert not any(cell.excused for cell in wrong.cells)


def test_damaged_data_given_back_as_good_is_excused_by_no_device() -> None:
    """The right store has no check: what the card left of a value it shows, or chokes on."""
    found = table("support.key_values:right", POSIX, SDCARD, scenarios=("put",))
    assert found.verdict is Verdict.VIOLATED
    on_posix, on_card = found.cells
    assert on_posix.kept is Kept.HELD
    assert (on_card.kept, on_card.excused) == (Kept.BROKEN, False)
    assert on_card.example is not None
    assert on_card.example.violation.kind in (Kind.TORN, Kind.UNREADABLE)


def test_an_example_can_be_replayed() -> None:
    cell = toy("versions", BTRFS)["btrfs"]
    assert cell.example is not None
    words = shlex.split(cell.example.replay)
    given = dict(zip(words[3::2], words[4::2], strict=True))
    subject = load_subject(words[2])
    place = Place(int(given["--epoch"]), int(given["--point"]), None, given["--image"])
    again = replay(subject, subject.scenario("put"), by_name(given["--profile"]), place)
    assert [one.violation for one in again] == [cell.example.violation]


def test_a_budget_that_is_not_enough_is_held_so_far_and_not_measured() -> None:
    found = table("support.key_values:right", POSIX, budget=3)
    assert found.verdict is Verdict.NOT_MEASURED
    assert {cell.kept for cell in found.cells} == {Kept.IN_PART}


def test_a_run_that_is_wrong_without_any_crash_is_said() -> None:
    found = table("support.key_values:forgetful", EXT4)
    assert found.verdict is Verdict.VIOLATED
    (note,) = found.notes
    assert "put goes wrong without any crash" in note


def test_a_harness_that_sees_nothing_of_a_run_is_broken() -> None:
    found = table("support.key_values:secret", EXT4)
    assert found.verdict is Verdict.HARNESS_BROKEN
    assert found.notes


def test_a_scenario_that_is_not_there_is_wrong_use() -> None:
    with pytest.raises(WrongUse, match="no scenario 'none'"):
        table("support.key_values:right", EXT4, scenarios=("none",))


def test_the_session_store_keeps_its_promises_on_every_honest_device_and_harms_none() -> None:
    found = table(
        "tornwrite.scenarios.stores:reference", KILL, EXT3_JOURNAL, POSIX, FAT, SDCARD,
        scenarios=("append", "several"),
    )  # fmt: skip
    assert found.verdict is Verdict.PASSED
    for cell in found.cells:
        assert cell.kept is Kept.HELD or cell.excused
        if cell.profile in ("kill", "ext3-journal", "posix"):
            assert cell.kept is Kept.HELD
    broken = {(cell.promise, cell.profile) for cell in found.cells if cell.kept is Kept.BROKEN}
    assert ("durable", "sdcard") in broken


def test_a_published_store_without_checks_gives_back_what_a_card_left() -> None:
    found = table("tornwrite.scenarios.known_bad:jsonl", SDCARD, scenarios=("append",))
    assert found.verdict is Verdict.VIOLATED


def test_which_devices_are_honest() -> None:
    assert all(honest(one) for one in (KILL, EXT3_WRITEBACK, EXT4, XFS, BTRFS, POSIX))
    assert not any(honest(one) for one in (FAT, SDCARD, LATE, LYING))


def test_messages_are_found_in_files_of_lines_and_in_whole_ones() -> None:
    image = (
        ("d", None),
        ("a.jsonl", b'{"role":"user","content":"x","crc32":"0"}\n\xff\n[1]\n'),
        ("b.json", b'{"key":"k",\n"messages":[{"role":"user","content":"y"}, 3]}'),
    )
    found = messages_in(image)
    assert b'{"content":"x","role":"user"}' in found
    assert b'{"content":"y","role":"user"}' in found
