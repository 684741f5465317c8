"""The mutants on a terminal: which protections were taken away, and whether it was noticed."""

from collections import defaultdict
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tornwrite.model.results import MutantKind, Tried


def survivors(tried: Sequence[Tried]) -> list[Tried]:
    """The mutants that should have been caught and were not.

    Each sync has to be needed each time it is done, if only by a process that goes on after a kill.
    A rename has to be needed somewhere: the first version of a file has nothing to lose. An order
    that nothing depends on costs nothing.
    """
    syncs = (MutantKind.SYNC, MutantKind.AFTER_KILL)
    caught = {_call(one) for one in tried if one.caught_by is not None}
    anyhow = {_line(one) for one in tried if one.caught_by is not None and one.kind in syncs}
    return [
        one
        for one in tried
        if one.caught_by is None
        and not one.why
        and (
            one.kind is MutantKind.SYNC
            or (one.kind is MutantKind.AFTER_KILL and _line(one) not in anyhow)
            or (one.kind is MutantKind.RENAME and _call(one) not in caught)
        )
    ]


def _call(one: Tried) -> tuple[object, ...]:
    """The source line and the one that called it: what is renamed there is of one kind."""
    return (one.kind, *one.sites[:2])


def _line(one: Tried) -> tuple[str, ...]:
    """The source line and how it came to be called, without which operation began it all."""
    return one.sites[:4]


def show(tried: Sequence[Tried], console: Console) -> None:
    """Print each protection with how often it was taken away and caught, then the survivors."""
    counts: dict[tuple[MutantKind, tuple[str, ...]], list[int]] = defaultdict(lambda: [0, 0])
    for one in tried:
        count = counts[one.kind, one.sites]
        count[0] += 1
        count[1] += one.caught_by is not None
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("taken away, and where in the source", overflow="fold")
    table.add_column("times", justify="right", no_wrap=True)
    table.add_column("caught", justify="right", no_wrap=True)
    for kind in MutantKind:
        total = sum(count[0] for (of, _), count in counts.items() if of is kind)
        if not total:
            continue
        right = sum(count[1] for (of, _), count in counts.items() if of is kind)
        table.add_row(Text(kind.value, style="bold"), f"{total:,}", f"{right:,}")
        for (of, sites), (times, found) in sorted(counts.items(), key=lambda item: item[0][1]):
            if of is kind:
                where = " ← ".join(_short(site) for site in sites[:4])
                style = "" if found == times else "yellow" if found else "red"
                table.add_row(f"  {where}", f"{times:,}", Text(f"{found:,}", style=style))
    console.print(table)
    whys = [one.why for one in tried if one.why and one.caught_by is None]
    for why in dict.fromkeys(whys):
        head = f"no difference shown, {whys.count(why)} times: "
        console.print(Text.assemble((head, "bold"), why))
    for one in survivors(tried):
        where = one.sites[0] if one.sites else "?"
        console.print(
            Text.assemble(
                ("not caught: ", "bold red"),
                f"{one.kind.value}: {one.scenario} step {one.step}, {one.text}, at {where}",
            )
        )


def _short(site: str) -> str:
    """File, line and function, without the folders."""
    path, _, function = site.partition(" in ")
    return f"{path.rpartition('/')[2]} {function.rpartition('.')[2]}"
