"""tornwrite scenarios and profiles: what there is."""

import click
from rich.console import Console
from rich.markup import escape

from tornwrite.command_group import main, subject_argument
from tornwrite.configured_defaults import find_modules
from tornwrite.faults.profile_files import user_profiles
from tornwrite.faults.profile_order import known_profiles
from tornwrite.faults.profiles import DEFAULT, KNOWN, rules


@main.command()
@subject_argument
def scenarios(subject: str) -> None:
    """List the scenarios of SUBJECT and the promises that each puts to the test."""
    from rich.table import Table

    from tornwrite.scenarios.subject import load_subject

    find_modules()
    loaded = load_subject(subject)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("scenario", "operations", "about", "promises"):
        table.add_column(name, overflow="fold", justify="right" if name == "operations" else "left")
    for scenario in loaded.scenarios:
        named = ", ".join(promise.name for promise in scenario.promises)
        table.add_row(scenario.name, str(len(scenario.every_operation)), scenario.about, named)
    console = Console()
    console.print(f"[bold]{subject}[/]: {escape(loaded.about)}")
    console.print(table)


@main.command()
def profiles() -> None:
    """List the profiles, from the strongest to the weakest, with their rules.

    Your own are among them: those of [tool.tornwrite.profiles] in the nearest pyproject.toml.
    """
    console = Console()
    for profile in known_profiles(user_profiles()):
        mark = "  [dim](by default)[/]" if profile in DEFAULT else ""
        if profile not in KNOWN:
            mark = "  [dim](yours)[/]"
        console.print(f"[bold]{escape(profile.name)}[/]  {escape(profile.summary)}{mark}")
        for rule, value in rules(profile).items():
            console.print(f"    {rule:<26} {value}", highlight=False)


@main.command()
def flaws() -> None:
    """Tell the known flaws of the published stores, as a page in Markdown."""
    from tornwrite.scenarios.flaws import ALL
    from tornwrite.scenarios.flaws.page import page

    click.echo(page(ALL), nl=False)
