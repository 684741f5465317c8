"""Faults sown into source, as they are shown."""

import io

from rich.console import Console

from tornwrite.model.results import SownKind, SownRow
from tornwrite.reports.sown import missed, show, show_one, summary


def row(name: str, caught: str = "", why: str = "", runs: int = 3) -> SownRow:
    return SownRow(name, 7, SownKind.SYNC, "pass", caught, why, 1.25, runs)


ROWS = [
    row("caught", "store, append, crashes: lost"),
    row("known", why="the next one syncs too"),
    row("open"),
    row("nowhere", runs=0),
]


def shown(rows: list[SownRow]) -> str:
    out = io.StringIO()
    console = Console(file=out, width=80)
    for one in rows:
        show_one(one, console)
    show(rows, console)
    return out.getvalue()


def test_the_share_is_of_those_that_nobody_has_explained() -> None:
    assert summary(ROWS) == (
        "4 faults sown, 1 caught, 1 explained, 2 missed; mutation score 33.3 %"
    )
    assert summary(ROWS[1:2]).endswith("mutation score none")


def test_what_is_missed_is_neither_caught_nor_explained() -> None:
    assert [one.name for one in missed(ROWS)] == ["open", "nowhere"]


def test_each_is_shown_as_it_comes_and_what_was_not_caught_in_the_end() -> None:
    text = shown(ROWS)
    assert "caught caught (store, append, crashes: lost; 1.2 s)" in text
    assert "explained known (1.2 s)" in text
    assert "missed open (3 runs; 1.2 s)" in text
    assert "missed nowhere (no run comes by it)" in text
    assert "explained: known -> pass (line 7)\n    the next one syncs too\n" in text
    assert "missed: nowhere -> pass (line 7, which no run comes by)" in text


def test_one_that_is_explained_and_caught_all_the_same_counts_as_caught() -> None:
    assert summary([row("both", "crashes: lost", "it is not")]).startswith(
        "1 faults sown, 1 caught"
    )
