"""tornwrite gate: the verdict on subjects, and on the harness by its known-bad ones."""

import os
import sys
from typing import TYPE_CHECKING, NoReturn

import click
from rich.console import Console

from tornwrite.command_group import (
    EXIT_CODES,
    INTERRUPTED,
    budget_option,
    check_writable,
    chosen_lanes,
    chosen_profiles,
    jobs_option,
    json_option,
    leave,
    load,
    main,
    profile_option,
    scenario_option,
    seed_option,
    style_of,
    told_if_unwritable,
    wanted_subjects,
)
from tornwrite.configured_defaults import given
from tornwrite.faults.profiles import DEFAULT
from tornwrite.model.verdict import Verdict
from tornwrite.scenarios.subject import WrongUse

if TYPE_CHECKING:
    from tornwrite.gate_baseline import GateBaseline
    from tornwrite.model.results import GateResult
    from tornwrite.scenarios.run import Settings
    from tornwrite.scenarios.run_file import RunFile


BUDGET = 50_000


@main.command()
@click.argument("subjects", metavar="[SUBJECT]...", nargs=-1)
@scenario_option
@profile_option
@seed_option
@budget_option(BUDGET)
@jobs_option
@json_option
@click.option(
    "--kill-every-byte",
    is_flag=True,
    help="Real kills after every step, and at every byte of each write.",
)
@click.option(
    "--effort",
    default="ci",
    show_default=True,
    type=click.Choice(["quick", "ci", "full"]),
    help="How much the fault lanes try; quick kills nothing for real. What is left out is said.",
)
@click.option(
    "--lane",
    "lane_names",
    multiple=True,
    metavar="NAME",
    help="Only this fault lane, or none; may be given several times. All by default, none with "
    "--profile.",
)
@click.option(
    "--recorder",
    default="in-process",
    show_default=True,
    type=click.Choice(["in-process", "strace"]),
    help="How workloads of Python subjects are recorded; strace also sees what C extensions and "
    "other programs do. Programs are always recorded under strace.",
)
@click.option(
    "--resume",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Keep what is finished in FILE, and go on from there if the run was cut off.",
)
@click.option(
    "--baseline",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Findings in FILE are known: shown, and no violation. What is new still is one.",
)
@click.option(
    "--write-baseline",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Take what this run finds as known, in FILE; what was known and is not found any more is "
    "taken out, reasons stay.",
)
@click.option(
    "--show-config",
    is_flag=True,
    help="Judge nothing: show what is in force, and where each value is from.",
)
@click.option(
    "-v",
    "--verbose",
    is_flag=True,
    help="Say at the end how many faults of each kind were tried, and all that was left out.",
)
@click.option(
    "--known-bad",
    is_flag=True,
    help="Judge the harness instead: does it still catch every known flaw of the published stores?",
)
def gate(
    subjects: tuple[str, ...],
    scenario_names: tuple[str, ...],
    profile_names: tuple[str, ...],
    seed: int,
    budget: int,
    jobs: int | None,
    json_file: str | None,
    kill_every_byte: bool,
    effort: str,
    lane_names: tuple[str, ...],
    recorder: str,
    resume: str | None,
    baseline: str | None,
    write_baseline: str | None,
    show_config: bool,
    verbose: bool,
    known_bad: bool,
) -> None:
    """Judge each SUBJECT at every crash point of every scenario, under every profile, and with
    every other fault: I/O errors, full disks, damage, crashes in recovery, interleavings.

    Those of pyproject.toml by default; without any there, all the reference stores, with --scenario
    the JSONL session store.
    """
    from tornwrite.gate_baseline import GateBaseline, check_apart
    from tornwrite.model.results import worst
    from tornwrite.reports import console as console_report
    from tornwrite.reports import json_report
    from tornwrite.reports.tried import show_tried
    from tornwrite.scenarios.fault_lanes import Effort
    from tornwrite.scenarios.run import Settings
    from tornwrite.scenarios.run_file import RunFile
    from tornwrite.scenarios.workers import default_jobs
    from tornwrite.show_config import show_settings

    if known_bad:
        _try_known_flaws(subjects, budget, seed, jobs or default_jobs())
    profiles = chosen_profiles(profile_names)
    only = given("profile_names")
    # Asked for just these profiles, the gate runs no lanes that only the file asks for.
    lanes = chosen_lanes(() if only and not given("lane_names") else lane_names, default=not only)
    quick = effort == Effort.QUICK.value
    settings = Settings(
        profiles,
        budget,
        seed,
        every_byte=kill_every_byte,
        real_kills=not quick,
        every_cut=effort == Effort.FULL.value,
        kill_then_power=not quick,
        lanes=lanes,
        effort=Effort(effort),
        recorder=recorder,
    )
    wanted = wanted_subjects(subjects, one=bool(scenario_names))
    if show_config:
        show_settings(wanted, bool(subjects), settings, jobs or default_jobs(), baseline)
        return
    check_apart(json_file, baseline, write_baseline)
    if json_file is not None:
        check_writable(json_file)
    if write_baseline is not None:
        check_writable(os.path.realpath(write_baseline))
    for one in wanted:
        load(one)
    known = GateBaseline(baseline, write_baseline, whole=not scenario_names)
    kept = RunFile(resume, settings) if resume is not None else None
    results = [
        _judged(one, scenario_names, settings, jobs or default_jobs(), kept, known)
        for one in wanted
    ]
    show_tried(results, Console(), verbose=verbose)
    if len(results) > 1:
        console_report.show_verdicts(results, Console())
    known.write(Console())
    if json_file is not None:
        with told_if_unwritable(json_file):
            json_report.write(results, json_file)
    sys.exit(EXIT_CODES[worst([result.verdict for result in results])])


def _judged(
    subject: str,
    scenario_names: tuple[str, ...],
    settings: "Settings",
    jobs: int,
    kept: "RunFile | None",
    known: "GateBaseline",
) -> "GateResult":
    """Judge one subject and print what came of it, beside what is known of it."""
    from tornwrite.reports import console as console_report
    from tornwrite.reports.progress import GateProgress
    from tornwrite.scenarios.gate import run_gate

    loaded = load(subject)
    wanted = scenario_names or tuple(scenario.name for scenario in loaded.scenarios)
    progress = GateProgress(Console(stderr=True), len(wanted))
    try:
        with progress:
            result = run_gate(
                subject,
                scenario_names,
                settings,
                jobs,
                report=progress.judged,
                finished=progress.finished,
                kept=kept,
            )
    except KeyboardInterrupt:
        goes_on = f"; {kept.file} has what was finished" if kept is not None else ""
        leave(f"interrupted; nothing was left running{goes_on}", INTERRUPTED)
    result = known.held_against(result)
    console_report.show(result, Console())
    return result


_NOT_WITH_KNOWN_BAD = (
    "scenario_names",
    "profile_names",
    "lane_names",
    "json_file",
    "kill_every_byte",
    "resume",
    "baseline",
    "write_baseline",
    "show_config",
)


def _try_known_flaws(subjects: tuple[str, ...], budget: int, seed: int, jobs: int) -> NoReturn:
    """Print the table of known flaws and leave: passed if every one of them is caught.

    What a user's file asks for is for the user's stores: of the file nothing counts here.
    """
    from tornwrite.reports import flaws as flaw_report
    from tornwrite.reports.progress import GateProgress
    from tornwrite.scenarios.flaw_table import try_flaws
    from tornwrite.scenarios.flaws import ALL
    from tornwrite.scenarios.run import Settings

    if any(given(parameter) for parameter in _NOT_WITH_KNOWN_BAD):
        raise WrongUse(
            "--known-bad runs just what shows each flaw: name stores with it, or nothing, but "
            "no scenarios, profiles or files"
        )
    settings = Settings(
        DEFAULT, budget if given("budget") else BUDGET, seed if given("seed") else 0
    )
    flaws = [one for one in ALL if not subjects or one.subject in subjects]
    if not flaws:
        known = ", ".join(dict.fromkeys(one.subject for one in ALL))
        raise WrongUse(f"no flaw is known of {', '.join(subjects)}, only of {known}")
    progress = GateProgress(Console(stderr=True), len(flaws), of="flaw")
    with progress:
        rows = try_flaws(flaws, settings, jobs, finished=progress.finished)
    console = Console()
    flaw_report.show(rows, console)
    missed = flaw_report.missed(rows)
    verdict = Verdict.VIOLATED if missed else Verdict.PASSED
    console.print(
        f"[{style_of(verdict)}]{verdict.value}[/]: {len(rows) - len(missed)} of {len(rows)} known "
        "flaws are caught"
    )
    sys.exit(EXIT_CODES[verdict])
