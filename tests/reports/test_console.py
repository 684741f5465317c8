"""The gate on a terminal: what is shown, in eighty columns, and nothing of it taken for markup."""

import io
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from support.shown import RESULT, ROW, line_with, shown
from tornwrite.model.results import NO_CRASH, Row
from tornwrite.model.verdict import Verdict
from tornwrite.reports import console as report


def table(*rows: Row, width: int = 80) -> list[str]:
    return [line.rstrip() for line in shown(report.table(rows), width).splitlines()]


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


def test_one_of_a_thing_is_told_as_one() -> None:
    one = replace(RESULT, rows=(replace(ROW, judged=1),), findings=RESULT.findings[:1])
    (line,) = shown(report.verdict(one)).splitlines()
    assert "1 scenario, 1 image judged, complete in 1 of 1 row, 1 finding, seed" in line


def test_no_images_are_told_where_no_crash_was_judged() -> None:
    live = replace(ROW, profile=NO_CRASH, verdict=Verdict.VIOLATED)
    broken = replace(ROW, points=0, judged=0, verdict=Verdict.HARNESS_BROKEN, complete=False)
    for row in (live, broken):
        (line,) = shown(report.verdict(replace(RESULT, rows=(row,), findings=()))).splitlines()
        assert "1 scenario, 0 findings, seed" in line


def test_weaker_promises_are_told_with_the_verdict() -> None:
    weaker = replace(RESULT, weakened=("a prefix only", "values may be old"))
    assert "weaker promises declared: a prefix only, values may be old" in shown(
        report.verdict(weaker)
    )


def test_of_several_runs_each_has_a_short_line_at_the_end() -> None:
    other = replace(
        RESULT, subject="theirs", verdict=Verdict.PASSED, findings=(), weakened=("a prefix only",)
    )
    told = io.StringIO()
    report.show_verdicts([RESULT, other], Console(file=told, width=80))
    one, two, both = told.getvalue().splitlines()[1:]
    assert one == "violated: mine:store; 1 finding"
    assert two == "passed: theirs; 0 findings"
    assert both.startswith("violated: 2 subjects, 18,268 images judged")


def test_each_reason_for_stopping_is_told_once() -> None:
    stopped = replace(ROW, **NOT_ALL, stopped="budget of 9 images reached")
    text = shown(replace(RESULT, rows=(stopped, stopped)))
    assert text.count("note: append under ext4 is not complete: budget of 9 images reached") == 1


def test_a_reason_of_several_rows_is_told_with_all_of_them() -> None:
    row = replace(ROW, **NOT_ALL, stopped="budget of 9 images reached")
    rows = (row, replace(row, profile="posix"), replace(row, scenario="cut"),
            replace(row, scenario="cut", profile="posix"))  # fmt: skip
    text = shown(replace(RESULT, rows=rows, findings=(), notes=()))
    assert text.count("note: ") == 1
    assert "append, cut under ext4, posix is not complete: budget of 9 images reached" in text


BROKEN: dict[str, Any] = {
    **{"verdict": Verdict.HARNESS_BROKEN, "complete": False, "stopped": "it cannot be recorded"},
    **{"points": 0, "judged": 0, "possible": 0},
}


def test_a_scenario_of_which_nothing_came_has_one_row() -> None:
    row = replace(ROW, scenario="cut", **BROKEN)
    lines = table(ROW, row, replace(row, profile="posix"))
    assert sum("harness broken" in line for line in lines) == 1
    assert "nothing judged" in line_with("harness broken", lines)
    assert not any("posix" in line or "not complete" in line for line in lines)


def test_where_nothing_came_of_anything_there_is_no_table() -> None:
    why = "all 2 scenarios: it cannot be recorded"
    rows = tuple(replace(ROW, scenario=name, **BROKEN) for name in ("append", "cut"))
    broken = replace(RESULT, rows=rows, findings=(), notes=(why,), verdict=Verdict.HARNESS_BROKEN)
    lines = shown(broken).splitlines()
    assert lines[0] == f"note: {why}"
    assert lines[1].startswith("harness broken: mine:store; no verdict on it, see above; 2 scen")
    assert len(lines) == 2


def test_why_a_scenario_is_broken_is_told_once() -> None:
    why = "append: files changed behind the recorder's back"
    rows = tuple(
        replace(ROW, profile=name, verdict=Verdict.HARNESS_BROKEN, complete=False, stopped=why)
        for name in ("kill", "ext4", "posix")
    )
    assert shown(replace(RESULT, rows=rows, findings=(), notes=(why,))).count(why) == 1
