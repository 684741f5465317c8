"""The table of promises by device on a terminal and as JSON."""

import io
from dataclasses import replace
from pathlib import Path

import orjson
from rich.console import Console

from tornwrite.faults.profiles import KNOWN
from tornwrite.model import promises
from tornwrite.model.results import DeviceCell, DeviceExample, DeviceTable, Kept
from tornwrite.model.verdict import Kind, Verdict, Violation
from tornwrite.reports import devices as report

PROFILES = (*(profile.name for profile in KNOWN), "a-very-long-name_of-our-own-boxes")
EXAMPLE = DeviceExample(
    "append",
    Violation(Kind.LOST, promises.DURABLE, "k", "[1 message]", "none", "the recovery"),
    "tornwrite replay mine:store --scenario append --profile sdcard --epoch 4 --point 11",
)


def cell(promise: str, profile: str, kept: Kept = Kept.HELD) -> DeviceCell:
    return DeviceCell(promise, profile, kept, False, 0, 3, None)


def table(cells: dict[str, DeviceCell] | None = None) -> DeviceTable:
    """Two promises on every device, with some cells instead."""
    every = {
        (promise, profile): cell(promise, profile)
        for promise in ("reconciled", "durable")
        for profile in PROFILES
    }
    for profile, other in (cells or {}).items():
        every["durable", profile] = other
    return DeviceTable(
        subject="mine:store",
        weakened=(),
        seed=7,
        budget=100,
        verdict=Verdict.PASSED,
        promises=("reconciled", "durable"),
        profiles=PROFILES,
        cells=tuple(every.values()),
        images=1_234,
        notes=("append: something [bold]went[/] wrong",),
        seconds=1.5,
    )


def shown(result: DeviceTable, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width)
    report.show(result, console)
    return console.file.getvalue()  # type: ignore[attr-defined]


BROKEN = replace(cell("durable", "sdcard", Kept.BROKEN), excused=True, images=53, example=EXAMPLE)


def test_every_profile_has_a_column_and_every_table_fits_80_columns() -> None:
    told = shown(table({"sdcard": BROKEN}))
    lines = told.splitlines()
    assert max(len(line) for line in lines if "tornwrite replay" not in line) <= 80
    heads = [line for line in lines if line.startswith("promise")]
    assert len(heads) > 1
    for word in ("journal", "writeback", "noauto_", "da_alloc", "sdcard", "posix", "boxes"):
        assert word in told
    assert sum(line.count("held") for line in lines if line.startswith("reconciled")) == 13
    assert sum(line.count("held") for line in lines if line.startswith("durable  ")) == 12


def test_what_a_device_is_to_blame_for_is_in_brackets_with_its_example() -> None:
    told = shown(table({"sdcard": BROKEN}), width=200)
    assert "(broken)" in told
    assert "durable on sdcard: lost (k), 53 images; append" in told
    assert "    promised [1 message]\n    recovered none\n    after the recovery\n" in told
    assert f"    {EXAMPLE.replay}\n" in told
    assert "1 of 26 cells broken, 1 of them (in brackets)" in told


def test_what_the_store_is_to_blame_for_is_not() -> None:
    told = shown(table({"ext4": replace(BROKEN, profile="ext4", excused=False)}), width=200)
    assert "(broken)" not in told
    assert "broken" in told
    assert "0 of them (in brackets)" in told


def test_what_was_not_tried_or_not_finished_is_said() -> None:
    told = shown(
        table(
            {
                "xfs": cell("durable", "xfs", Kept.IN_PART),
                "fat": cell("durable", "fat", Kept.NOT_TRIED),
            }
        )
    )
    assert "held so far" in told
    assert "not tried" in told


def test_a_note_is_printed_as_it_is() -> None:
    assert "note: append: something [bold]went[/] wrong" in shown(table())


def test_several_subjects_have_a_line_each_and_one_for_all() -> None:
    console = Console(file=io.StringIO(), width=200)
    worse = replace(table(), subject="mine:other", verdict=Verdict.VIOLATED)
    report.show_verdicts([table(), worse], console)
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert [line.partition(";")[0] for line in lines] == [
        "passed: mine:store",
        "violated: mine:other",
        "violated: 2 subjects",
    ]


def test_names_are_folded_where_they_can_be() -> None:
    assert report.folded("ext4-noauto_da_alloc", 9) == ["ext4-", "noauto_", "da_alloc"]
    assert report.folded("xfs", 9) == ["xfs"]
    assert report.folded("abcdefghijkl", 5) == ["abcde", "fghij", "kl"]


def test_json_holds_every_cell_in_words(tmp_path: Path) -> None:
    file = tmp_path / "devices.json"
    report.write([table({"sdcard": BROKEN})], file)
    read = orjson.loads(file.read_bytes())
    assert (read["format"], read["version"]) == ("tornwrite-devices", 1)
    (one,) = read["tables"]
    assert one["verdict"] == "passed"
    (broken,) = [cell for cell in one["cells"] if cell["kept"] == "broken"]
    assert broken["example"]["violation"]["kind"] == "lost"
    assert broken["excused"] is True
    assert broken["example"]["replay"] == EXAMPLE.replay
