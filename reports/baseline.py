"""What is known, new and vanished beside a baseline, on a terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from tornwrite.model.results import Finding, GateResult, KnownFinding, Standing
from tornwrite.model.verdict import Verdict
from tornwrite.reports.printing import printable


def titled(found: Finding, title: str) -> str:
    """The title of a finding that is shown in full: with a baseline, that it is new, and how."""
    if found.standing is None:
        return title
    return f"{title}, new" + (f": {found.remark}" if found.remark else "")


def show_known(found: Finding, title: str, console: Console) -> None:
    """Print a known finding in short: what, where, why it is known, how to see it again."""
    violation = found.violation
    console.print(
        Text.assemble(
            (f"{title}, known: ", "bold"),
            (violation.kind.value, "yellow"),
            printable(
                f", {violation.promise.name}; in {', '.join((found.scenario, *found.also_in))}; "
                f"under {', '.join(found.profiles)}"
            ),
        )
    )
    if found.remark:
        console.print(Text.assemble(("why: ", "bold"), printable(found.remark)))
    console.print(Text.assemble(("replay: ", "bold"), printable(found.replay)), soft_wrap=True)
    console.print()


def show_vanished(result: GateResult, console: Console) -> None:
    """Print a line for each known finding that is no longer found, and what to do about them."""
    for one in result.vanished:
        console.print(Text.assemble(("vanished: ", "bold green"), printable(in_short(one))))
    if result.vanished:
        which = "it is" if len(result.vanished) == 1 else "they are"
        out = "it" if len(result.vanished) == 1 else "them"
        console.print(
            printable(
                f"{which} known in {result.baseline} and no longer found; --write-baseline "
                f"{result.baseline} takes {out} out",
                "dim",
            ),
            soft_wrap=True,
        )
        console.print()


def in_short(one: KnownFinding) -> str:
    """A known finding on a line."""
    parts = [f"{one.kind.value}, {one.promise}"]
    if one.step:
        where = f" in {one.function}" if one.function else ""
        parts.append(f"{one.step} of {one.operation or 'no operation'}{where}")
    parts.append(f"in {', '.join(one.scenarios)}")
    parts.append(f"under {', '.join(one.profiles)}")
    return "; ".join(parts) + (f" ({one.why})" if one.why else "")


def with_known(results: Sequence[GateResult]) -> str:
    """What a verdict adds to the word: a pass with known findings is to say so."""
    known = sum(_count(result, Standing.KNOWN) for result in results)
    passed = all(result.verdict is Verdict.PASSED for result in results)
    return f", with {known} known finding{'' if known == 1 else 's'}" if known and passed else ""


def of_them_new(result: GateResult) -> str:
    """What the number of findings adds with a baseline."""
    if not result.baseline or not result.findings:
        return ""
    return f" ({_count(result, Standing.KNOWN)} known, {_count(result, Standing.NEW)} new)"


def _count(result: GateResult, standing: Standing) -> int:
    return sum(found.standing is standing for found in result.findings)
