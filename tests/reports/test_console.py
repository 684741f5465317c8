"""The gate on a terminal: what is shown, in eighty columns, and nothing of it taken for markup."""

import io
import os
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from tornwrite.model.results import Finding, GateResult, Row, StepLine
from tornwrite.model.verdict import Kind, Promise, Verdict, Violation
from tornwrite.reports import console as report

ROW = Row(
    scenario="append",
    profile="ext4",
    verdict=Verdict.PASSED,
    operations=5,
    points=123,
    judged=4567,
    possible=4567,
    complete=True,
    stopped="",
    findings=0,
    seconds=1.25,
)

FINDING = Finding(
    scenario="append",
    profile="ext4",
    profiles=("ext4", "posix"),
    violation=Violation(
        Kind.LOST,
        Promise("durable", "an acknowledged change survives"),
        "chat:1",
        "2 messages ['a', 'b']",
        "1 message ['a']; 1 missing",
        "the recovery, then compact(key='chat:1')",
    ),
    images=7,
    point=2,
    cut=None,
    image="0123456789abcdef",
    acknowledged=("open()", "add_message(key='chat:1')"),
    in_flight=("truncate_history(key='chat:1')",),
    steps=(
        StepLine(0, "open chat_1.jsonl (create)", "on disk", ("store.py:7 in Store.add",), "add()"),
        StepLine(1, "write 9 B at end of chat_1.jsonl", "not on disk",
                 ("store.py:8 in Store.add", "driver.py:3 in apply"), "add()"),
        StepLine(2, "write 1 B at 0 of chat_1.jsonl", "in part", (), "cut()"),
        StepLine(3, "fsync chat_1.jsonl", "", (), "cut()"),
    ),
    protect=1,
    files=(("chat_1.jsonl", "9 B b'{...}'"), ("folder", "directory")),
    replay="tornwrite replay tornwrite.scenarios.stores:reference --scenario append --profile ext4 "
    "--epoch 3 --point 2 --image 0123456789abcdef",
    also_in=("compact", "replace"),
)  # fmt: skip

RESULT = GateResult(
    subject="mine:store",
    weakened=(),
    seed=42,
    budget=50_000,
    verdict=Verdict.VIOLATED,
    rows=(ROW, replace(ROW, profile="posix", verdict=Verdict.VIOLATED, findings=1)),
    findings=(FINDING,),
    notes=("append: something broke",),
    seconds=12.34,
)


def shown(what: object, width: int = 200) -> str:
    """As a terminal of that many columns shows it, without colours."""
    out = io.StringIO()
    console = Console(file=out, width=width, color_system=None)
    if isinstance(what, GateResult):
        report.show(what, console)
    else:
        console.print(what)
    return out.getvalue()


def table(*rows: Row, width: int = 80) -> list[str]:
    return [line.rstrip() for line in shown(report.table(rows), width).splitlines()]


def line_with(text: str, lines: list[str]) -> str:
    (line,) = [line for line in lines if text in line]
    return line


# The table


def test_a_row_has_its_counts_its_time_and_its_verdict() -> None:
    words = line_with("ext4", table(ROW)).split()
    assert words == ["ext4", "123", "4,567", "4,567", "0", "1.25", "passed"]


def test_rows_stand_below_their_scenario_which_is_named_once() -> None:
    lines = table(ROW, replace(ROW, profile="posix"), replace(ROW, scenario="compact"))
    text = "\n".join(lines)
    assert text.count("append") == 1
    assert text.index("append") < text.index("posix") < text.index("compact")


NOT_ALL: dict[str, Any] = {"complete": False, "verdict": Verdict.NOT_MEASURED}


def test_what_an_effort_left_out_is_no_reason_to_complain() -> None:
    row = replace(ROW, complete=False, stopped="chosen bytes only", possible=10)
    assert "≥ 10" in line_with("ext4", table(row))
    assert not any("not complete" in line for line in table(row))
    assert "note:" not in shown(replace(RESULT, rows=(row,), notes=()))


def test_what_is_not_complete_says_so_and_that_there_are_more() -> None:
    lines = table(replace(ROW, **NOT_ALL, stopped="budget of 9 reached", possible=10))
    assert "≥ 10" in line_with("ext4", lines)
    assert any("not complete" in line for line in lines)
    assert "≥" not in line_with("ext4", table(ROW))


@pytest.mark.parametrize("verdict", Verdict, ids=lambda verdict: verdict.name)
def test_every_verdict_can_be_shown(verdict: Verdict) -> None:
    assert verdict.value in line_with("ext4", table(replace(ROW, verdict=verdict)))
    assert shown(report.verdict(replace(RESULT, verdict=verdict))).startswith(verdict.value)


def test_long_names_and_large_numbers_fit_into_eighty_columns() -> None:
    large = replace(
        ROW,
        scenario="repair-metadata",
        profile="ext4-noauto_da_alloc",
        verdict=Verdict.HARNESS_BROKEN,
        points=1_234,
        judged=50_000,
        possible=826_432,
        complete=False,
        stopped="budget of 50000 images reached",
        findings=12,
        seconds=123.45,
    )
    lines = table(large)
    assert max(map(len, lines)) <= 80
    row = line_with("ext4-noauto_da_alloc", lines)
    for text in ("1,234", "50,000", "≥ 826,432", "12", "123.45", "harness broken"):
        assert text in row
    assert "…" not in "".join(lines)


def test_a_profile_of_a_user_is_no_markup() -> None:
    assert "[/mine]" in "\n".join(table(replace(ROW, profile="[/mine]")))


# A finding


def test_a_finding_says_what_promised_recovered_after_and_when() -> None:
    text = shown(report.finding(FINDING, "finding 1 of 1"))
    for said in (
        "finding 1 of 1",
        "lost: an acknowledged change is gone (chat:1)",
        "durable: an acknowledged change survives",
        "2 messages ['a', 'b']",
        "1 message ['a']; 1 missing",
        "the recovery, then compact(key='chat:1')",
        "after step 1; in flight: truncate_history(key='chat:1')",
        "last acknowledged: add_message(key='chat:1')",
        "ext4 is the strongest that shows it; all that do: ext4, posix",
        "also in compact, replace (7 images together)",
    ):
        assert said in text


def test_a_finding_marks_each_step_and_names_the_operation_once() -> None:
    lines = shown(report.finding(FINDING, "t")).splitlines()
    assert "✓" in line_with("open chat_1.jsonl (create)", lines)
    assert "✗" in line_with("write 9 B at end of chat_1.jsonl  not on disk", lines)
    assert "~" in line_with("write 1 B at 0 of chat_1.jsonl  in part", lines)
    assert sum("add()" in line for line in lines) == 1
    assert sum("cut()" in line for line in lines) == 1


def test_a_finding_points_at_the_step_to_protect_and_its_source() -> None:
    lines = shown(report.finding(FINDING, "t")).splitlines()
    assert "write 9 B" in line_with("← protect this", lines)
    assert any("protect" in line and "step 1, write 9 B at end" in line for line in lines)
    assert "at store.py:8 in Store.add" in "\n".join(lines)
    assert "from driver.py:3 in apply" in "\n".join(lines)


def test_a_finding_shows_what_the_crash_left() -> None:
    lines = shown(report.finding(FINDING, "t")).splitlines()
    assert any("9 B b'{...}'" in line and "chat_1.jsonl" in line for line in lines)
    assert any("directory" in line and "folder" in line for line in lines)


def test_a_cut_write_is_told_by_its_bytes() -> None:
    text = shown(report.finding(replace(FINDING, cut=5), "t"))
    assert "during step 2, 5 bytes of the write done" in text


def test_a_crash_before_anything_is_told_so() -> None:
    bare = replace(FINDING, point=0, steps=(), in_flight=(), acknowledged=(), protect=None)
    text = shown(report.finding(bare, "t"))
    assert "before the first step; nothing in flight" in text
    assert "protect" not in text


def test_of_many_steps_the_last_are_shown_and_the_others_counted() -> None:
    steps = tuple(StepLine(n, f"step-{n:03}-", "on disk", (), "run()") for n in range(100))
    text = shown(report.finding(replace(FINDING, steps=steps, protect=None), "t"))
    assert text.count("step-") == report.STEPS_SHOWN
    assert "step-099-" in text
    assert f"{100 - report.STEPS_SHOWN} earlier steps" in text


def test_the_step_to_protect_is_named_even_when_it_is_an_earlier_one() -> None:
    steps = tuple(StepLine(n, f"step-{n:03}-", "on disk", (), "run()") for n in range(100))
    text = shown(report.finding(replace(FINDING, steps=steps, protect=3), "t"))
    assert "step 3, step-003-" in text


def test_a_subject_in_a_title_is_no_picture() -> None:
    assert "notes.py:notes: finding 1" in shown(
        report.finding(FINDING, "notes.py:notes: finding 1")
    )


def test_what_is_wrong_without_a_crash_shows_no_steps() -> None:
    live = replace(FINDING, profile="no crash", profiles=("no crash",), protect=None)
    text = shown(report.finding(live, "t"))
    assert "none is needed" in text
    assert "steps until the crash" not in text


def test_what_a_store_says_is_no_markup() -> None:
    nasty = "[bold]x[/bold] [/nope] [link=http://x]"
    violation = replace(
        FINDING.violation, about=nasty, promised=nasty, recovered=nasty, after=nasty
    )
    one = replace(
        FINDING,
        violation=violation,
        files=((nasty, nasty),),
        steps=(StepLine(1, nasty, "on disk", (nasty,), nasty),),
        in_flight=(nasty,),
        replay=nasty,
        scenario=nasty,
        also_in=(nasty,),
    )
    text = shown(report.finding(one, "t"), width=1000)
    assert text.count(nasty) >= 12
    assert nasty in shown(replace(RESULT, notes=(nasty,), subject=nasty), width=1000)


def test_a_file_name_that_is_no_utf_8_can_be_shown() -> None:
    console = Console(file=io.TextIOWrapper(io.BytesIO(), "utf-8"), width=80)
    console.print(report.finding(replace(FINDING, files=((os.fsdecode(b"\xff"), "0 B"),)), "t"))


def test_the_replay_command_can_be_copied_from_eighty_columns() -> None:
    assert FINDING.replay in shown(RESULT, width=80)


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_no_line_is_longer_than_the_terminal(width: int) -> None:
    assert max(map(len, shown(report.finding(FINDING, "t"), width).splitlines())) <= width


# All of it


def test_the_whole_has_table_findings_notes_and_verdict_in_that_order() -> None:
    text = shown(RESULT)
    places = [
        text.index(part)
        for part in ("posix", "finding 1 of 1", "note: append: something broke", "violated: mine")
    ]
    assert places == sorted(places)


def test_the_verdict_line_tells_what_it_rests_on() -> None:
    (line,) = shown(report.verdict(RESULT)).splitlines()
    for said in ("9,134 images judged", "complete in 2 of 2 rows", "seed 42", "12.3 s"):
        assert said in line
    assert "weaker" not in line


def test_weaker_promises_are_told_with_the_verdict() -> None:
    weaker = replace(RESULT, weakened=("a prefix only", "values may be old"))
    assert "weaker promises declared: a prefix only, values may be old" in shown(
        report.verdict(weaker)
    )


def test_each_reason_for_stopping_is_told_once() -> None:
    stopped = replace(ROW, **NOT_ALL, stopped="budget of 9 images reached")
    text = shown(replace(RESULT, rows=(stopped, stopped)))
    assert text.count("note: append under ext4 is not complete: budget of 9 images reached") == 1


def test_why_a_scenario_is_broken_is_told_once() -> None:
    why = "append: files changed behind the recorder's back"
    rows = tuple(
        replace(ROW, profile=name, verdict=Verdict.HARNESS_BROKEN, complete=False, stopped=why)
        for name in ("kill", "ext4", "posix")
    )
    assert shown(replace(RESULT, rows=rows, findings=(), notes=(why,))).count(why) == 1
