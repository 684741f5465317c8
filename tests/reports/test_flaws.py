"""The table of known flaws on a terminal."""

import io
from dataclasses import replace

from rich.console import Console

from tornwrite.model import promises
from tornwrite.model.results import Finding, FlawRow
from tornwrite.model.verdict import Kind, Violation
from tornwrite.reports import flaws as report

FOUND = Finding(
    scenario="append",
    profile="ext4",
    profiles=("ext4", "posix"),
    violation=Violation(Kind.LOST, promises.DURABLE, "k", "this", "that", "the recovery, then put"),
    images=1_234,
    point=2,
    cut=None,
    image="0123456789abcdef",
    acknowledged=(),
    in_flight=(),
    steps=(),
    protect=None,
    files=(),
    replay="tornwrite replay mine:store --scenario append",
)
CAUGHT = FlawRow(
    name="a message is lost",
    subject="mine:shop",
    stated=True,
    what="It is gone.",
    caught=FOUND,
    judged=5_678,
    smallest=("put(key='a')", "put(key='[b]')"),
    crash="the power fails after 2 steps",
    why="",
)
MISSED = replace(
    CAUGHT,
    name="another is lost",
    stated=False,
    caught=None,
    smallest=(),
    crash="",
    why="found instead: nothing",
)


def shown(*rows: FlawRow) -> str:
    console = Console(file=io.StringIO(), width=120)
    report.show(rows, console)
    text = console.file.getvalue()  # type: ignore[attr-defined]  # it is the StringIO
    assert isinstance(text, str)
    return text


def test_a_caught_flaw_says_by_what_and_how_often() -> None:
    (line,) = (line for line in shown(CAUGHT).splitlines() if "a message is lost  " in line)
    for said in ("text", "ext4", "1,234", "5,678", "lost"):
        assert said in line


def test_a_missed_flaw_says_so_in_the_table_and_below_it() -> None:
    text = shown(CAUGHT, MISSED)
    (line,) = (line for line in text.splitlines() if "another is lost  " in line)
    assert "missed" in line
    assert "gate" in line
    assert "missed: another is lost: found instead: nothing" in text
    assert report.missed([CAUGHT, MISSED]) == [MISSED]


def test_the_smallest_run_is_told_as_it_is_with_its_crash_and_how_to_see_it() -> None:
    text = shown(CAUGHT)
    told = text[text.index("a message is lost needs no more than") :]
    assert told.index("put(key='a')") < told.index("put(key='[b]')")
    assert "the power fails after 2 steps: lost, after the recovery, then put" in told
    assert "tornwrite replay mine:store --scenario append" in told


def test_a_flaw_that_takes_a_kill_and_then_a_power_loss_is_told_as_that() -> None:
    both = replace(FOUND, replay=FOUND.replay + " --killed-after 3 --continuation 1")
    assert report.caught_by(replace(CAUGHT, caught=both)) == "kill, then power"
    assert report.caught_by(CAUGHT) == "ext4"


def test_each_store_is_named_once() -> None:
    lines = [line.strip() for line in shown(CAUGHT, MISSED).splitlines()]
    assert lines.count("shop") == 1
