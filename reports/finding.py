"""One finding on a terminal: what was promised, what came back, who did what, the steps."""

from collections.abc import Iterator

from rich import box
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from tornwrite.model.results import NO_CRASH, NOT_YET, Finding, Stage, StepLine
from tornwrite.reports.printing import counted, printable

FATES = {
    "on disk": ("✓", "green"),
    "in part": ("~", "yellow"),
    "not on disk": ("✗", "red"),
    NOT_YET: ("✗", "red"),
}

STEPS_SHOWN = 24
"""How many steps of a finding are printed at most; the JSON report has all."""

OPERATIONS_SHOWN = 3
"""How many operations of one process are named at most, the last ones; the JSON report has all."""

FEW = 3
"""Where no more profiles than these were judged, they are named."""


def show_finding(found: Finding, title: str, console: Console) -> None:
    """Print one finding, and below it, in one piece to be copied, the command that replays it."""
    console.print(finding(found, title))
    console.print(Text.assemble(("replay: ", "bold"), printable(found.replay)), soft_wrap=True)
    console.print()


def finding(found: Finding, title: str) -> RenderableType:
    """One finding: promised, recovered, the steps and their fates, what the crash left."""
    violation = found.violation
    head = Table.grid(padding=(0, 1))
    head.add_column(style="bold", no_wrap=True)
    head.add_column(overflow="fold")

    def line(name: str, text: str | Text) -> None:
        head.add_row(name, text if isinstance(text, Text) else printable(text))

    line(
        "what",
        Text.assemble(
            (violation.kind.value, "bold red"),
            f": {violation.kind.meaning}",
            printable(f" ({violation.about})" if violation.about else ""),
        ),
    )
    line("promise", f"{violation.promise.name}: {violation.promise.text}")
    for stage in found.stages:
        line(stage.who, _stage(stage))
    line("promised", violation.promised)
    line("recovered", violation.recovered)
    if violation.after:
        line("after", violation.after)
    if not found.stages:
        line("crash" if _takes_crash(found) else "when", _when(found))
    if found.lane:
        line("fault", _fault(found))
    elif found.profile != NO_CRASH:
        line("profiles", _profiles(found))
        if beside := _beside(found):
            line("also by", "; ".join(beside))
    line("scenario", found.scenario + _also(found))
    parts: list[RenderableType] = [head]
    if found.steps and found.profile != NO_CRASH:
        parts += [Text(f"\n{_heading(found)}", style="bold"), _steps(found)]
        protected = next((step for step in found.steps if step.number == found.protect), None)
        if protected is not None:
            parts.append(_protect(protected))
    if found.files:
        left = "what the crash left" if _takes_crash(found) else "what is there then"
        parts += [Text(f"\n{left}", style="bold"), _files(found)]
    return Panel(Group(*parts), title=printable(title), title_align="left", box=box.ROUNDED)


def _profiles(found: Finding) -> str:
    """Which kinds of crash show it, of those that were judged."""
    judged = found.judged or found.profiles
    shown = [name for name in found.profiles if name in judged]
    if len(judged) == 1:
        return f"{found.profile}, the only one judged"
    if len(judged) <= FEW:
        others = [name for name in judged if name not in shown]
        not_by = f", not by {' and '.join(others)}" if others else ""
        return f"shown by {' and '.join(shown)}{not_by}; no other was judged"
    return f"{found.profile} is the strongest that shows it; all that do: {', '.join(shown)}"


def _beside(found: Finding) -> list[str]:
    """The lanes that show what a crash alone shows, too."""
    return [name for name in found.profiles if found.judged and name not in found.judged]


def _takes_crash(found: Finding) -> bool:
    """Whether it takes a crash: an error or an order of turns may do by itself."""
    return not found.lane or bool(found.stages) or found.profile not in found.profiles


def _fault(found: Finding) -> str:
    """Which kind of fault shows it, and what of the crash that it takes beside."""
    lanes = dict.fromkeys((found.lane, *found.profiles))
    words = "; ".join(lanes)
    losses = {found.profile, *(stage.profile for stage in found.stages)} - {"", "kill", *lanes}
    if losses:
        names = " and ".join(sorted(losses))
        return (
            f"{words}; power losses were judged under {names} only, which says nothing of any "
            "other profile"
        )
    if found.profile == "kill" and not found.stages:
        return f"{words}; then the process was killed"
    return words


def _also(found: Finding) -> str:
    images = counted(found.images, "image") if found.images else ""
    if not found.also_in:
        return f" ({images})" if images else ""
    return f"; also in {', '.join(found.also_in)}" + (f" ({images} together)" if images else "")


def _when(found: Finding) -> str:
    if found.profile == NO_CRASH:
        return "none is needed: the run itself shows it"
    done = f"after step {found.point - 1}" if found.point else "before the first step"
    if found.cut is not None:
        written = counted(found.cut, "byte")
        done = f"during step {found.point}, {written} of the write done"
    flying = f"in flight: {'; '.join(found.in_flight)}" if found.in_flight else "nothing in flight"
    last = f"; last acknowledged: {found.acknowledged[-1]}" if found.acknowledged else ""
    return f"{done}; {flying}{last}"


def _stage(stage: Stage) -> str:
    earlier = len(stage.did) - OPERATIONS_SHOWN
    did = [counted(earlier, "earlier operation")] if earlier > 0 else []
    did += stage.did[-OPERATIONS_SHOWN:]
    said = [f"{', '.join(did)} had returned"] if did else []
    said += [f"{', '.join(stage.in_flight)} had not"] if stage.in_flight else []
    if not did and stage.in_flight:
        said[-1] += " returned"
    return "; ".join((", ".join(said), stage.ended)) if said else stage.ended


def _heading(found: Finding) -> str:
    told = [stage.who for stage in found.stages if stage.last is not None]
    if not told:
        return "steps until the crash" if _takes_crash(found) else "steps until then"
    return f"steps of {'both processes' if len(told) > 1 else told[0]}"


def _steps(found: Finding) -> Table:
    lines = Table.grid(padding=(0, 1))
    lines.add_column(justify="right", style="dim", no_wrap=True)
    lines.add_column(no_wrap=True)
    lines.add_column(overflow="fold")
    shown = found.steps[-STEPS_SHOWN:]
    if len(shown) < len(found.steps):
        earlier = f"… after {counted(len(found.steps) - len(shown), 'earlier step')}"
        lines.add_row("", "", Text(earlier, style="dim"))
    told = [stage for stage in found.stages if stage.last is not None]
    operation, process = "", ""
    for step in shown:
        for heading in _process_of(step, told):
            if len(told) > 1 and heading != process:
                process, operation = heading, ""
                lines.add_row("", "", Text(f"{heading}:", style="bold dim"))
        if step.operation != operation:
            operation = step.operation
            lines.add_row("", "", printable(operation, "dim italic"))
        mark, style = FATES.get(step.fate, ("·", "dim"))
        text = printable(step.text, "bold" if step.number == found.protect else "")
        if step.fate in ("in part", "not on disk", NOT_YET):
            text.append(f"  {step.fate}", style=style)
        if step.number == found.protect:
            late = "the answer came before this"
            mine = late if step.fate == NOT_YET else "protect this"
            text.append(f"  ← {mine}", style="bold red")
        lines.add_row(str(step.number), Text(mark, style=style), text)
    return lines


def _process_of(step: StepLine, stages: list[Stage]) -> Iterator[str]:
    for stage in stages:
        if stage.last is not None and step.number <= stage.last:
            yield stage.who
            return


def _protect(step: StepLine) -> Table:
    lines = Table.grid(padding=(0, 1))
    lines.add_column(no_wrap=True)
    lines.add_column(overflow="fold")
    head = Text("\nprotect", style="bold")
    late = ": answer only when it is done" if step.fate == NOT_YET else ""
    lines.add_row(head, printable(f"\nstep {step.number}, {step.text}{late}"))
    for position, site in enumerate(step.sites):
        where = "at" if not position else "from"
        lines.add_row(Text(where, justify="right"), printable(site, "cyan"))
    return lines


def _files(found: Finding) -> Table:
    files = Table.grid(padding=(0, 1))
    files.add_column(no_wrap=True)
    files.add_column(overflow="fold", style="dim")
    for path, content in found.files:
        files.add_row(printable(path), printable(content))
    return files
