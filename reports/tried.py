"""What a run of the gate tried beside crashes, and what it left out: in short, or all of it."""

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tornwrite.model.results import GateResult, LeftOut, faults_tried
from tornwrite.reports.printing import counted, printable

NOT_WORKED_OUT = ("real kills", "kill, then power")
"""Rows that count processes killed for real, not crash points worked out."""


def show_tried(results: Sequence[GateResult], console: Console, *, verbose: bool = False) -> None:
    """Print how much was tried, and what was not.

    verbose: all of it, by kind and in words; else what was tried in numbers, what was not by name.
    What concerns these runs alone, whatever the effort, is always told in full. Nothing is told
    where nothing could be tried.
    """
    if not any(row.points for result in results for row in result.rows):
        return
    left_out = tuple(dict.fromkeys(said for result in results for said in result.left_out))
    console.print()
    if verbose:
        console.print(_table(results))
    else:
        _say(console, "tried", "; ".join(_numbers(results)))
    for one in left_out:
        if not one.of:
            _say(console, "not seen", one.said)
        elif verbose:
            _say(console, _left_out(results), f"{one.of}: {one.said}")
    if not verbose:
        _say_names(console, _left_out(results), left_out)


def _say(console: Console, head: str, text: str) -> None:
    console.print(Text.assemble((f"{head}: ", "bold"), printable(text)))


def _left_out(results: Sequence[GateResult]) -> str:
    return f"left out at effort {results[0].effort}"


def _say_names(console: Console, head: str, left_out: Sequence[LeftOut]) -> None:
    """Say by name what nothing was tried of, and what not all was."""
    whole = dict.fromkeys(one.of for one in left_out if one.of and one.whole)
    parts = dict.fromkeys(one.of for one in left_out if one.of and one.of not in whole)
    if whole:
        _say(console, f"{head}, all of it", "; ".join(whole))
    if parts:
        told = "--verbose and the report of --json say which"
        _say(console, f"{head}, a part", f"{'; '.join(parts)} ({told})")


def _numbers(results: Sequence[GateResult]) -> Iterator[str]:
    rows = [row for result in results for row in result.rows]
    images, plain = _plain(results)
    yield counted(images, "image")
    yield from (f"{number:,} {name}" for name, number in plain)
    tried = faults_tried(rows)
    for lane in dict.fromkeys(one.lane for one in tried):
        yield f"{sum(one.number for one in tried if one.lane == lane):,} {lane}"


def _plain(results: Sequence[GateResult]) -> tuple[int, list[tuple[str, int]]]:
    """The images of crashes that were worked out, and the rows of those that were real."""
    plain = [row for result in results for row in result.rows if not row.faults]
    images = sum(row.judged for row in plain if row.profile not in NOT_WORKED_OUT)
    real = [
        (name, sum(row.points for row in plain if row.profile == name)) for name in NOT_WORKED_OUT
    ]
    return images, [(name, points) for name, points in real if points]


def _table(results: Sequence[GateResult]) -> Table:
    """How many distinct faults were tried, by kind."""
    shown = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    shown.add_column("faults tried", no_wrap=True)
    shown.add_column("", justify="right", no_wrap=True)
    shown.add_column("", overflow="fold")
    images, plain = _plain(results)
    shown.add_row("images", f"{images:,}", "disk contents that a crash could leave")
    for name, points in plain:
        shown.add_row(name, f"{points:,}", "")
    tried = faults_tried(row for result in results for row in result.rows)
    for lane in dict.fromkeys(one.lane for one in tried):
        of_lane = [one for one in tried if one.lane == lane]
        shown.add_row(lane, f"{sum(one.number for one in of_lane):,}", "")
        for at in dict.fromkeys(one.at for one in of_lane):
            parts = [one for one in of_lane if one.at == at]
            kinds = ", ".join(f"{one.what} {one.number:,}" for one in parts)
            shown.add_row(
                printable(f"  {at}"),
                f"{sum(one.number for one in parts):,}",
                printable(kinds, "dim"),
            )
    return shown
