"""Promises by device on a terminal, with an example of each that is broken, and as JSON."""

import os
from collections.abc import Iterator, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tornwrite.model.results import DeviceCell, DeviceTable, Kept, worst
from tornwrite.reports.console import STYLES
from tornwrite.reports.json_report import plain_fields, write_plain
from tornwrite.reports.printing import counted, printable

FORMAT = "tornwrite-devices"
VERSION = 1

WIDTH = 80
"""Columns of a terminal that a table has to fit into."""

_HEAD = 9
_STYLE = {
    Kept.HELD: "green",
    Kept.BROKEN: "bold red",
    Kept.IN_PART: "yellow",
    Kept.NOT_TRIED: "dim",
}


def show(result: DeviceTable, console: Console) -> None:
    """Print the table of one subject, the examples, the notes and the verdict."""
    console.print(Text(result.subject, style="bold"))
    for names in _parts(result):
        console.print(table(result, names))
        console.print()
    for cell in result.cells:
        if cell.example is not None:
            _show_example(cell, console)
    for note in result.notes:
        console.print(Text.assemble(("note: ", "bold"), printable(note)))
    console.print(verdict(result))
    console.print()


def table(result: DeviceTable, profiles: Sequence[str]) -> Table:
    """Promise by profile, for some of the profiles: held, broken, expected there, not tried."""
    shown = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    shown.add_column("promise", no_wrap=True)
    for name in profiles:
        shown.add_column("\n".join(folded(name, _HEAD)), no_wrap=True)
    cells = {(cell.promise, cell.profile): cell for cell in result.cells}
    for promise in result.promises:
        shown.add_row(promise, *(_cell(cells[promise, name]) for name in profiles))
    return shown


def _cell(cell: DeviceCell) -> Text:
    if cell.excused:
        return Text("(broken)", style="yellow")
    return Text(cell.kept.value, style=_STYLE[cell.kept])


def _parts(result: DeviceTable) -> Iterator[Sequence[str]]:
    """The profiles, as many at a time as fit beside the promises."""
    first = max((len(promise) for promise in result.promises), default=0) + 2
    cells = max((len(_cell(cell)) for cell in result.cells), default=0)
    count = max((WIDTH - first) // (max(cells, _HEAD) + 2), 1)
    for start in range(0, len(result.profiles), count):
        yield result.profiles[start : start + count]


def folded(name: str, width: int) -> list[str]:
    """The name in lines of at most so many characters, broken after - and _ where it can be."""
    lines = [""]
    for part in name.replace("-", "-\0").replace("_", "_\0").split("\0"):
        while len(part) > width:
            lines += [part[:width], ""]
            part = part[width:]
        if len(lines[-1]) + len(part) > width:
            lines.append("")
        lines[-1] += part
    return [line for line in lines if line]


def _show_example(cell: DeviceCell, console: Console) -> None:
    assert cell.example is not None
    wrong = cell.example.violation
    style = "yellow" if cell.excused else "bold red"
    about = f" ({wrong.about})" if wrong.about else ""
    told = Text.assemble(
        (cell.promise, "bold"),
        f" on {cell.profile}: ",
        (wrong.kind.value, style),
        printable(f"{about}, {counted(cell.images, 'image')}; {cell.example.scenario}"),
    )
    console.print(told)
    console.print(printable(f"    promised {wrong.promised}"))
    console.print(printable(f"    recovered {wrong.recovered}"))
    if wrong.after:
        console.print(printable(f"    after {wrong.after}"))
    console.print(printable(f"    {cell.example.replay}"), soft_wrap=True)


def verdict(result: DeviceTable) -> Text:
    """The one line that matters."""
    broken = [cell for cell in result.cells if cell.kept is Kept.BROKEN]
    excused = sum(cell.excused for cell in broken)
    parts = [
        counted(len(result.profiles), "profile"),
        f"{counted(result.images, 'image')} judged",
        f"{len(broken)} of {len(result.cells)} cells broken",
        f"{excused} of them (in brackets) because the device loses what was synced",
        f"seed {result.seed}",
        f"{result.seconds:.1f} s",
    ]
    if result.weakened:
        parts.append("weaker promises declared: " + ", ".join(result.weakened))
    return Text.assemble(
        (result.verdict.value, STYLES[result.verdict]),
        printable(f": {result.subject}; {', '.join(parts)}"),
    )


def show_verdicts(results: Sequence[DeviceTable], console: Console) -> None:
    """Print a line for each of several subjects, and one for all of them."""
    for result in results:
        console.print(verdict(result))
    whole = worst([result.verdict for result in results])
    console.print(
        Text.assemble((whole.value, STYLES[whole]), f": {counted(len(results), 'subject')}")
    )


def as_plain(results: Sequence[DeviceTable]) -> dict[str, Any]:
    """The tables as JSON can hold them: fields by their names, enumerations by their words."""
    return {"format": FORMAT, "version": VERSION, "tables": [plain_fields(one) for one in results]}


def write(results: Sequence[DeviceTable], file: str | os.PathLike[str]) -> None:
    """Write the tables to a file, whole or not at all. Raises OSError."""
    write_plain(as_plain(results), file)
