"""tornwrite devices: which promises hold on which device."""

import sys
from typing import TYPE_CHECKING

import click
from rich.console import Console

from tornwrite.command_group import (
    EXIT_CODES,
    budget_option,
    check_writable,
    chosen_profiles,
    jobs_option,
    json_option,
    load,
    main,
    scenario_option,
    seed_option,
    told_if_unwritable,
    wanted_subjects,
)
from tornwrite.faults.profile_files import user_profiles
from tornwrite.faults.profile_order import known_profiles

if TYPE_CHECKING:
    from tornwrite.model.results import DeviceTable
    from tornwrite.scenarios.run import Settings


@main.command()
@click.argument("subjects", metavar="[SUBJECT]...", nargs=-1)
@scenario_option
@click.option(
    "--profile",
    "profile_names",
    multiple=True,
    metavar="NAME",
    help="Only this profile; may be given several times. All there are by default.",
)
@seed_option
@budget_option(20_000)
@jobs_option
@json_option
def devices(
    subjects: tuple[str, ...],
    scenario_names: tuple[str, ...],
    profile_names: tuple[str, ...],
    seed: int,
    budget: int,
    jobs: int | None,
    json_file: str | None,
) -> None:
    """Show which promises of each SUBJECT hold under which profile: all there are, and yours.

    A promise that is broken on a device that keeps what was synced is a violation. On one that does
    not, such as an SD card, it is shown in brackets, unless damaged data came back as good.
    """
    from tornwrite.model.results import worst
    from tornwrite.reports import devices as report
    from tornwrite.scenarios.run import Settings
    from tornwrite.scenarios.workers import default_jobs

    if json_file is not None:
        check_writable(json_file)
    every = known_profiles(user_profiles())
    settings = Settings(chosen_profiles(profile_names) if profile_names else every, budget, seed)
    wanted = wanted_subjects(subjects, one=bool(scenario_names))
    console = Console()
    results = []
    for subject in wanted:
        results.append(_judged(subject, scenario_names, settings, jobs or default_jobs()))
        report.show(results[-1], console)
    if len(results) > 1:
        report.show_verdicts(results, console)
    if json_file is not None:
        with told_if_unwritable(json_file):
            report.write(results, json_file)
    sys.exit(EXIT_CODES[worst([result.verdict for result in results])])


def _judged(
    subject: str, scenario_names: tuple[str, ...], settings: "Settings", jobs: int
) -> "DeviceTable":
    from tornwrite.reports.progress import GateProgress
    from tornwrite.scenarios.devices import judge_devices

    loaded = load(subject)
    names = scenario_names or tuple(scenario.name for scenario in loaded.scenarios)
    progress = GateProgress(Console(stderr=True), len(names))
    with progress:
        return judge_devices(
            subject,
            scenario_names,
            settings,
            jobs,
            report=progress.judged,
            finished=progress.finished,
        )
