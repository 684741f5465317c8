"""Faults sown into a store's source, on a terminal: which were caught, and by what."""

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tornwrite.model.results import SownKind, SownRow


def missed(rows: Sequence[SownRow]) -> list[SownRow]:
    """Those that nothing caught, and of which nobody knows why."""
    return [row for row in rows if not row.caught and not row.why]


def summary(rows: Sequence[SownRow]) -> str:
    """How many there were, and the share that was caught of those that nobody has explained."""
    caught = sum(bool(row.caught) for row in rows)
    explained = sum(bool(row.why) and not row.caught for row in rows)
    left = len(rows) - explained
    share = f"{100 * caught / left:.1f} %" if left else "none"
    return (
        f"{len(rows):,} faults sown, {caught:,} caught, {explained:,} explained, "
        f"{len(missed(rows)):,} missed; mutation score {share}"
    )


def show_one(row: SownRow, console: Console) -> None:
    """Print what came of one fault, on a line."""
    took = f"{row.seconds:.1f} s"
    if row.caught:
        said = Text.assemble(("caught", "green"), f" {row.name} ({row.caught}; {took})")
    elif row.why:
        said = Text.assemble(("explained", "dim"), f" {row.name} ({took})")
    elif not row.runs:
        said = Text.assemble(("missed", "bold red"), f" {row.name} (no run comes by it)")
    else:
        said = Text.assemble(("missed", "bold red"), f" {row.name} ({row.runs} runs; {took})")
    console.print(said, soft_wrap=True)


def show(rows: Sequence[SownRow], console: Console) -> None:
    """Print a line for each kind, then each fault that was not caught, with its reason."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("sown", no_wrap=True)
    for head in ("faults", "caught", "explained", "missed"):
        table.add_column(head, justify="right", no_wrap=True)
    for kind in SownKind:
        of_kind = [row for row in rows if row.kind is kind]
        if of_kind:
            caught = sum(bool(row.caught) for row in of_kind)
            left = len(missed(of_kind))
            explained = len(of_kind) - caught - left
            table.add_row(
                kind.value,
                f"{len(of_kind):,}",
                f"{caught:,}",
                f"{explained:,}",
                Text(f"{left:,}", style="red" if left else ""),
            )
    console.print(table)
    for row in rows:
        if row.caught:
            continue
        said = ("explained: ", "bold") if row.why else ("missed: ", "bold red")
        by = "" if row.runs else ", which no run comes by"
        what = f"{row.name} -> {row.after} (line {row.line}{by})"
        console.print(Text.assemble(said, what), soft_wrap=True)
        if row.why:
            console.print(Text(f"    {row.why}", style="dim"))
    console.print()
