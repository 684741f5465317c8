"""The known flaws on a terminal, one row each, and as a page: caught or missed, by what, how."""

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tornwrite.model.results import FlawRow
from tornwrite.reports.printing import printable


def missed(rows: Sequence[FlawRow]) -> list[FlawRow]:
    """The flaws that the harness did not see."""
    return [row for row in rows if row.caught is None]


def show(rows: Sequence[FlawRow], console: Console) -> None:
    """Print the table, below it the smallest run of each flaw, then those that were missed."""
    console.print(table(rows))
    console.print()
    for row in rows:
        if row.caught is None:
            continue
        console.print(Text.assemble((row.name, "bold"), " needs no more than"))
        for operation in row.smallest:
            console.print(printable(f"    {operation}"))
        wrong = row.caught.violation
        after = f", after {wrong.after}" if wrong.after else ""
        console.print(printable(f"    {row.crash}: {wrong.kind.value}{after}"))
        console.print(printable(f"    {row.caught.replay}"), soft_wrap=True)
    for row in missed(rows):
        console.print(Text.assemble(("missed: ", "bold red"), printable(f"{row.name}: {row.why}")))


def table(rows: Sequence[FlawRow]) -> Table:
    """Flaw by flaw: the store, whether it was caught, the strongest profile, how many images."""
    shown = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    shown.add_column("store\n  flaw", overflow="fold")
    shown.add_column("said\nby", no_wrap=True)
    shown.add_column("caught by", no_wrap=True)
    shown.add_column("images\nthat show it", justify="right", no_wrap=True)
    shown.add_column("images\njudged", justify="right", no_wrap=True)
    shown.add_column("finding", no_wrap=True)
    last = ""
    for row in rows:
        if row.subject != last:
            last = row.subject
            shown.add_row(printable(row.subject.rpartition(":")[2], "bold"))
        said = "text" if row.stated else "gate"
        if row.caught is None:
            cells = (Text("missed", style="bold red"), "", f"{row.judged:,}", "")
        else:
            cells = (
                Text(caught_by(row), style="green"),
                f"{row.caught.images:,}" if row.caught.images else "",
                f"{row.judged:,}",
                row.caught.violation.kind.value,
            )
        shown.add_row(printable(f"  {row.name}"), said, *cells)
    return shown


def caught_by(row: FlawRow) -> str:
    """The strongest kind of crash that shows the flaw."""
    assert row.caught is not None
    after_kill = "--killed-after" in row.caught.replay
    return "kill, then power" if after_kill else row.caught.profile
