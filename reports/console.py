"""The gate on a terminal: a table, the findings, one line of verdict."""

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tornwrite.model.results import GateResult, Row, Standing, faults_tried, worst
from tornwrite.model.verdict import Verdict
from tornwrite.reports import baseline
from tornwrite.reports.finding import show_finding
from tornwrite.reports.printing import printable

STYLES = {
    Verdict.PASSED: "green",
    Verdict.VIOLATED: "bold red",
    Verdict.NOT_MEASURED: "yellow",
    Verdict.HARNESS_BROKEN: "bold magenta",
}

NOT_WORKED_OUT = ("real kills", "kill, then power")
"""Rows that count processes killed for real, not crash points worked out."""


def show(result: GateResult, console: Console) -> None:
    """Print the whole result: table, findings, notes, verdict."""
    console.print(table(result.rows))
    console.print()
    for number, found in enumerate(result.findings, start=1):
        title = f"finding {number} of {len(result.findings)}"
        if found.standing is Standing.KNOWN:
            baseline.show_known(found, title, console)
        else:
            show_finding(found, baseline.titled(found, title), console)
    baseline.show_vanished(result, console)
    stopped = dict.fromkeys(
        f"{row.scenario} under {row.profile} is not complete: {row.stopped}"
        for row in result.rows
        if row.stopped and row.stopped not in result.notes and row.verdict is not Verdict.PASSED
    )
    for note in [*stopped, *result.notes]:
        console.print(Text.assemble(("note: ", "bold"), printable(note)))
    console.print(verdict(result))


def show_tried(results: Sequence[GateResult], console: Console) -> None:
    """Print how many distinct faults were tried, by kind, and what the effort left out."""
    rows = [row for result in results for row in result.rows]
    shown = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    shown.add_column("faults tried", no_wrap=True)
    shown.add_column("", justify="right", no_wrap=True)
    shown.add_column("", overflow="fold")
    plain = [row for row in rows if not row.faults]
    crashes = sum(row.judged for row in plain if row.profile not in NOT_WORKED_OUT)
    shown.add_row("images", f"{crashes:,}", "disk contents that a crash could leave")
    for name in NOT_WORKED_OUT:
        points = sum(row.points for row in plain if row.profile == name)
        if points:
            shown.add_row(name, f"{points:,}", "")
    tried = faults_tried(rows)
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
    console.print()
    console.print(shown)
    for left_out in dict.fromkeys(said for result in results for said in result.left_out):
        effort = results[0].effort
        console.print(
            Text.assemble((f"left out at effort {effort}: ", "bold"), printable(left_out))
        )


def table(rows: Iterable[Row]) -> Table:
    """Scenario by profile: what was run, judged and found. Fits 80 columns."""
    shown = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=0)
    shown.add_column("scenario\n  profile", no_wrap=True)
    heads = ("ops", "crash\npoints", "images\njudged", "images\npossible", "find-\nings")
    for head in (*heads, "seconds"):
        shown.add_column(head, justify="right", no_wrap=True)
    shown.add_column("verdict", no_wrap=True)
    last = ""
    for row in rows:
        if row.scenario != last:
            last = row.scenario
            shown.add_row(printable(row.scenario, "bold"), f"{row.operations:,}")
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
    return shown


def verdict(result: GateResult) -> Text:
    """The one line that matters."""
    complete = sum(row.complete for row in result.rows)
    scenarios = len({row.scenario for row in result.rows})
    judged = sum(row.judged for row in result.rows)
    parts = [
        f"{scenarios} scenarios",
        f"{judged:,} images judged",
        f"complete in {complete} of {len(result.rows)} rows",
        f"{len(result.findings)} findings{baseline.of_them_new(result)}",
        f"seed {result.seed}",
        f"{result.seconds:.1f} s",
    ]
    if result.weakened:
        parts.append("weaker promises declared: " + ", ".join(result.weakened))
    return Text.assemble(
        (result.verdict.value, STYLES[result.verdict]),
        f"{baseline.with_known([result])}: {result.subject}; ",
        ", ".join(parts),
    )


def show_verdicts(results: Sequence[GateResult], console: Console) -> None:
    """Print a line for each of several runs, and one for all of them."""
    console.print()
    for result in results:
        console.print(verdict(result))
    whole = worst([result.verdict for result in results])
    console.print(
        Text.assemble(
            (whole.value, STYLES[whole]),
            f"{baseline.with_known(results)}: {len(results)} subjects, "
            f"{sum(row.judged for result in results for row in result.rows):,} images judged, "
            f"{sum(result.seconds for result in results):.1f} s",
        )
    )
