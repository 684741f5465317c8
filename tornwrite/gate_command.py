"""tornwrite gate: the verdict on a subject."""

import sys

import click
from rich.console import Console

from tornwrite.command_group import (
    EXIT_CODES,
    check_writable,
    chosen_profiles,
    leave,
    load,
    main,
    profile_option,
    scenario_option,
    subject_argument,
)
from tornwrite.scenarios.subject import WrongUse


@main.command()
@subject_argument
@scenario_option
@profile_option
@click.option(
    "--seed", default=0, show_default=True, help="For the sample when it is not complete."
)
@click.option(
    "--budget",
    default=50_000,
    show_default=True,
    type=click.IntRange(min=1),
    help="Images judged for a scenario and profile at most.",
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    help="Scenarios run at once. As many as there are processors by default.",
)
@click.option(
    "--json", "json_file", type=click.Path(dir_okay=False), help="Write all of it to this file."
)
@click.option(
    "--kill-every-byte", is_flag=True, help="Cut the writes of real kills at every single byte."
)
def gate(
    subject: str,
    scenario_names: tuple[str, ...],
    profile_names: tuple[str, ...],
    seed: int,
    budget: int,
    jobs: int | None,
    json_file: str | None,
    kill_every_byte: bool,
) -> None:
    """Judge SUBJECT at every crash point of every scenario, under every profile.

    SUBJECT is the reference session store by default.
    """
    from tornwrite.reports import console as console_report
    from tornwrite.reports import json_report
    from tornwrite.reports.progress import GateProgress
    from tornwrite.scenarios.gate import run_gate
    from tornwrite.scenarios.run import Settings
    from tornwrite.scenarios.workers import default_jobs

    if json_file is not None:
        check_writable(json_file)
    settings = Settings(chosen_profiles(profile_names), budget, seed, every_byte=kill_every_byte)
    loaded = load(subject)
    wanted = scenario_names or tuple(scenario.name for scenario in loaded.scenarios)
    console = Console()
    progress = GateProgress(Console(stderr=True), len(wanted))
    try:
        with progress:
            result = run_gate(
                subject,
                scenario_names,
                settings,
                jobs or default_jobs(),
                report=progress.judged,
                finished=progress.finished,
            )
    except KeyboardInterrupt:
        leave("interrupted; nothing was left running", 130)
    console_report.show(result, console)
    if json_file is not None:
        try:
            json_report.write(result, json_file)
        except OSError as error:
            raise WrongUse(f"cannot write {json_file}: {error.strerror}") from error
    sys.exit(EXIT_CODES[result.verdict])
