"""The gate on a terminal: a table, the findings, one line of verdict."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tornwrite.model.results import NO_CRASH, GateResult, Row, Standing, worst
from tornwrite.model.verdict import Verdict
from tornwrite.reports import baseline
from tornwrite.reports.finding import show_finding
from tornwrite.reports.printing import counted, printable

STYLES = {
    Verdict.PASSED: "green",
    Verdict.VIOLATED: "bold red",
    Verdict.NOT_MEASURED: "yellow",
    Verdict.HARNESS_BROKEN: "bold magenta",
}


def show(result: GateResult, console: Console) -> None:
    """Print the whole result: table, findings, notes, verdict."""
    if any(_was_judged(row) for row in result.rows):
        console.print(table(result.rows))
        console.print()
    for number, found in enumerate(result.findings, start=1):
        title = f"finding {number} of {len(result.findings)}"
        if found.standing is Standing.KNOWN:
            baseline.show_known(found, title, console)
        else:
            show_finding(found, baseline.titled(found, title), console)
    baseline.show_vanished(result, console)
    for note in [*_not_complete(result), *result.notes]:
        console.print(Text.assemble(("note: ", "bold"), printable(note)))
    console.print(verdict(result))


def _not_complete(result: GateResult) -> Iterator[str]:
    """Why rows are not complete that did not pass: each reason once, with all that it is of."""
    scenarios: dict[tuple[str, str], dict[str, None]] = {}
    for row in result.rows:
        noted = any(note.endswith(row.stopped) for note in result.notes)
        if row.stopped and not noted and row.verdict is not Verdict.PASSED:
            scenarios.setdefault((row.profile, row.stopped), {})[row.scenario] = None
    profiles: dict[tuple[str, str], list[str]] = {}
    for (profile, stopped), names in scenarios.items():
        profiles.setdefault((", ".join(names), stopped), []).append(profile)
    for (told, stopped), under in profiles.items():
        yield f"{told} under {', '.join(under)} is not complete: {stopped}"


def table(rows: Iterable[Row]) -> Table:
    """Scenario by profile: what was run, judged and found. Fits 80 columns."""
    shown = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=0)
    shown.add_column("scenario\n  profile", no_wrap=True)
    heads = ("ops", "crash\npoints", "images\njudged", "images\npossible", "find-\nings")
    for head in (*heads, "seconds"):
        shown.add_column(head, justify="right", no_wrap=True)
    shown.add_column("verdict", no_wrap=True)
    for scenario, own in groupby(rows, lambda row: row.scenario):
        known = tuple(own)
        shown.add_row(printable(scenario, "bold"), f"{known[0].operations:,}")
        if any(map(_was_judged, known)):
            _add_rows(shown, known)
        else:
            verdict = known[0].verdict
            shown.add_row("  nothing judged", *[""] * 6, Text(verdict.value, STYLES[verdict]))
    return shown


def _was_judged(row: Row) -> bool:
    """Whether anything came of it: of a scenario that could not be recorded nothing does."""
    return row.points > 0 or row.verdict in (Verdict.PASSED, Verdict.VIOLATED)


def _add_rows(shown: Table, rows: Iterable[Row]) -> None:
    for row in rows:
        shown.add_row(
            printable(f"  {row.profile}"),
            "",
            f"{row.points:,}",
            f"{row.judged:,}",
            f"{row.possible:,}" if row.complete else f"≥ {row.possible:,}",
            f"{row.findings:,}",
            f"{row.seconds:.2f}",
            Text(row.verdict.value, style=STYLES[row.verdict]),
        )
        if row.stopped and row.verdict is not Verdict.PASSED:
            shown.add_row(Text("    not complete", style="yellow"))


def verdict(result: GateResult) -> Text:
    """The one line that matters."""
    complete = sum(row.complete for row in result.rows)
    scenarios = len({row.scenario for row in result.rows})
    judged = sum(row.judged for row in result.rows)
    parts = [counted(scenarios, "scenario")]
    if any(row.points and row.profile != NO_CRASH for row in result.rows):
        rows = f"complete in {complete} of {counted(len(result.rows), 'row')}"
        parts += [f"{counted(judged, 'image')} judged", rows]
    found = f"{counted(len(result.findings), 'finding')}{baseline.of_them_new(result)}"
    parts += [found, f"seed {result.seed}", f"{result.seconds:.1f} s"]
    if result.weakened:
        parts.append("weaker promises declared: " + ", ".join(result.weakened))
    return Text.assemble(
        (result.verdict.value, STYLES[result.verdict]),
        f"{baseline.with_known([result])}: {result.subject}; ",
        "no verdict on it, see above; " if result.verdict in _WITHOUT else "",
        ", ".join(parts),
    )


_WITHOUT = (Verdict.HARNESS_BROKEN, Verdict.NOT_MEASURED)
"""These say nothing of the subject."""


def _in_short(result: GateResult) -> Text:
    found = f"{counted(len(result.findings), 'finding')}{baseline.of_them_new(result)}"
    return Text.assemble(
        (result.verdict.value, STYLES[result.verdict]),
        f"{baseline.with_known([result])}: {result.subject}; {found}",
    )


def show_verdicts(results: Sequence[GateResult], console: Console) -> None:
    """Print a line for each of several runs, told in full above, and one for all of them."""
    console.print()
    for result in results:
        console.print(_in_short(result))
    whole = worst([result.verdict for result in results])
    console.print(
        Text.assemble(
            (whole.value, STYLES[whole]),
            f"{baseline.with_known(results)}: {counted(len(results), 'subject')}, "
            f"{counted(sum(row.judged for one in results for row in one.rows), 'image')} judged, "
            f"{sum(result.seconds for result in results):.1f} s",
        )
    )
