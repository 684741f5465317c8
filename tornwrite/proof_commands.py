"""tornwrite mutants and agreement: what proves that a verdict means something."""

import sys
from typing import TYPE_CHECKING, NoReturn

import click
from rich.console import Console
from rich.markup import escape

from tornwrite.command_group import (
    EXIT_CODES,
    INTERRUPTED,
    REFERENCE_EDITIONS,
    leave,
    load,
    main,
    scenario_option,
    style_of,
    subject_argument,
)
from tornwrite.faults.profiles import DEFAULT
from tornwrite.model.verdict import Verdict
from tornwrite.reports.printing import counted
from tornwrite.scenarios.subject import WrongUse

if TYPE_CHECKING:
    from tornwrite.model.results import SownRow
    from tornwrite.scenarios.subject import Scenario, Subject


@main.command()
@subject_argument
@scenario_option
@click.option("--jobs", type=click.IntRange(min=1), help="Scenarios at once.")
def mutants(subject: str, scenario_names: tuple[str, ...], jobs: int | None) -> None:
    """Take each sync, rename and order out of SUBJECT's recorded runs and see it caught.

    Passed: every sync left out is caught each time, every rename made a copy at least once. In
    scenarios of several lanes each line of source is tried once, and not after kills.
    """
    from tornwrite.reports import mutants as report
    from tornwrite.reports.progress import GateProgress
    from tornwrite.scenarios.mutants import try_scenarios
    from tornwrite.scenarios.run import Settings
    from tornwrite.scenarios.workers import default_jobs

    loaded = load(subject)
    progress = GateProgress(Console(stderr=True), len(scenario_names or loaded.scenarios))
    settings = Settings(DEFAULT, budget=50_000, seed=0)
    with progress:
        tried = try_scenarios(
            subject,
            scenario_names,
            settings,
            jobs or default_jobs(),
            finished=progress.finished,
        )
    console = Console()
    report.show(tried, console)
    missed = report.survivors(tried)
    caught = sum(one.caught_by is not None for one in tried)
    verdict = Verdict.VIOLATED if missed else Verdict.PASSED
    console.print(
        f"[{style_of(verdict)}]{verdict.value}[/]: {len(tried):,} mutants, {caught:,} caught, "
        f"{len(missed):,} missed"
    )
    sys.exit(EXIT_CODES[verdict])


@main.command()
@click.argument("subjects", metavar="[SUBJECT]...", nargs=-1)
@click.option("--only", default="", metavar="TEXT", help="Only faults with this in their name.")
@click.option("--jobs", type=click.IntRange(min=1), help="Faults tried at once.")
@click.option(
    "--most",
    type=click.IntRange(min=1),
    help="Put no more than so many scenarios of a SUBJECT through each fault lane with one fault. "
    "Without it all that come by it, the likeliest first, until one catches it.",
)
@click.option(
    "--resume",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Keep what is found in FILE, and go on from there if the run was cut off.",
)
def sow(
    subjects: tuple[str, ...], only: str, jobs: int | None, most: int | None, resume: str | None
) -> None:
    """Sow faults into the source of each SUBJECT, one at a time, and see the gate catch them.

    A sync removed, two statements swapped, an error swallowed, a lock dropped, a number off by one.
    What several have in common is sown once, and any of them may catch it. All the reference stores
    by default. Passed: every fault is caught, or it is known why not.
    """
    from tornwrite.reports import sown as report
    from tornwrite.reports.progress import GateProgress
    from tornwrite.scenarios.sown_file import SownFile
    from tornwrite.scenarios.sown_survivors import why_missed
    from tornwrite.scenarios.sown_trials import sown_faults, try_sown
    from tornwrite.scenarios.workers import default_jobs

    names = subjects or REFERENCE_EDITIONS
    loaded = [load(name) for name in names]
    for one in loaded:
        if not one.source:
            raise WrongUse(f"{one.name} does not say what its source is: give its Subject `source`")
    wanted = [one for one in sown_faults(loaded) if only in one.name]
    if not wanted:
        raise WrongUse(f"no fault that can be sown has {only!r} in its name")
    kept = SownFile(resume, loaded) if resume is not None else None
    console = Console()
    progress = GateProgress(Console(stderr=True), len(wanted), of="fault")

    def told(row: "SownRow") -> None:
        progress.finished(row.name)
        report.show_one(row, console)

    try:
        with progress:
            rows = try_sown(
                names,
                jobs or default_jobs(),
                why_missed,
                wanted=lambda one: only in one.name,
                most=most,
                told=told,
                report=progress.judged,
                kept=kept,
            )
    except KeyboardInterrupt:
        goes_on = f"; {kept.file} has what was found" if kept is not None else ""
        leave(f"interrupted; nothing was left running{goes_on}", INTERRUPTED)
    report.show(rows, console)
    verdict = Verdict.VIOLATED if report.missed(rows) else Verdict.PASSED
    console.print(f"[{style_of(verdict)}]{verdict.value}[/]: {report.summary(rows)}")
    sys.exit(EXIT_CODES[verdict])


@main.command()
@subject_argument
@scenario_option
@click.option(
    "--kills",
    is_flag=True,
    help="Hold the disk model against real SIGKILLs instead, at every step and every byte.",
)
def agreement(subject: str, scenario_names: tuple[str, ...], kills: bool) -> None:
    """Hold the in-process recorder against strace, step by step, on SUBJECT's scenarios."""
    from tornwrite.model.results import worst
    from tornwrite.scenarios.agreement import compare_recorders
    from tornwrite.scenarios.gate import wanted_scenarios

    loaded = load(subject)
    console = Console()
    if kills:
        _agreement_of_kills(loaded, wanted_scenarios(loaded, scenario_names), console)
    found = compare_recorders(loaded, wanted_scenarios(loaded, scenario_names))
    for one in found:
        style = style_of(one.verdict)
        console.print(f"{one.scenario:<20} {one.steps:>5} steps  [{style}]{one.verdict.value}[/]")
        for said in one.said:
            console.print(f"    {escape(said)}")
    verdict = worst([one.verdict for one in found])
    steps = sum(one.steps for one in found)
    console.print(
        f"[{style_of(verdict)}]{verdict.value}[/]: {counted(len(found), 'scenario')}, "
        f"{counted(steps, 'step')} compared"
    )
    sys.exit(EXIT_CODES[verdict])


def _agreement_of_kills(
    subject: "Subject", scenarios: "list[Scenario]", console: Console
) -> NoReturn:
    """Print what kills should leave and what they left, scenario by scenario, and leave."""
    from tornwrite.model.results import worst
    from tornwrite.scenarios.kills.agreement import kill_agreement

    found = []
    for scenario in scenarios:
        one = kill_agreement(subject, scenario)
        found.append(one)
        console.print(
            f"{one.scenario:<20} {one.kills:>6,} kills  {one.predicted:>6,} images predicted  "
            f"{one.left:>6,} left  {one.equal:>6,} equal  "
            f"[{style_of(one.verdict)}]{one.verdict.value}[/]",
            soft_wrap=True,
        )
        for said in one.said:
            console.print(f"    {escape(said)}")
    verdict = worst([one.verdict for one in found])
    console.print(
        f"[{style_of(verdict)}]{verdict.value}[/]: {counted(len(found), 'scenario')}, "
        f"{sum(one.kills for one in found):,} kills, "
        f"{sum(one.predicted for one in found):,} images predicted, "
        f"{sum(one.left for one in found):,} left, {sum(one.equal for one in found):,} equal"
    )
    sys.exit(EXIT_CODES[verdict])
