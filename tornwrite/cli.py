"""The command line."""

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn

import click
from rich.console import Console
from rich.markup import escape

from tornwrite.faults import profiles as known_profiles
from tornwrite.faults.profiles import Profile
from tornwrite.faults.recorder import RecorderBlind, UnknownStep
from tornwrite.faults.scratch import NoSpace
from tornwrite.faults.trace import TraceFileError
from tornwrite.model.verdict import Verdict
from tornwrite.scenarios.recording import HarnessBroken
from tornwrite.scenarios.subject import WrongUse
from tornwrite.scenarios.workers import WorkerFailed

EXIT_CODES = {
    Verdict.PASSED: 0,
    Verdict.VIOLATED: 1,
    Verdict.NOT_MEASURED: 3,
    Verdict.HARNESS_BROKEN: 3,
}
WRONG_USE = 2
BROKEN = 3

REFERENCE = "tornwrite.scenarios.stores:reference"


class _Group(click.Group):
    """Turns the errors that a user can do something about into one sentence and an exit code."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except (WrongUse, NoSpace, TraceFileError) as error:
            _leave(str(error), WRONG_USE)
        except (HarnessBroken, RecorderBlind, UnknownStep, WorkerFailed) as error:
            _leave(f"{Verdict.HARNESS_BROKEN.value}: {error}", BROKEN)


def _leave(message: str, code: int) -> NoReturn:
    Console(stderr=True).print(f"[bold]tornwrite:[/] {escape(message)}", soft_wrap=True)
    sys.exit(code)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tornwrite")
def main() -> None:
    """Finds out whether a program that keeps its data in files keeps its promises when the process
    is killed or the power fails.

    A SUBJECT is named package.module:object. Exit codes: 0 passed, 1 violated, 2 wrong use,
    3 not measured or harness broken.
    """
    signal.signal(signal.SIGTERM, _terminated)


def _terminated(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)  # an exit like any other: what runs below is ended and cleaned up


def _profiles(names: tuple[str, ...]) -> tuple[Profile, ...]:
    """The profiles of those names, from the strongest to the weakest; all when none is named."""
    known = {profile.name: profile for profile in known_profiles.BUILT_IN}
    wanted = [part for name in names for part in name.split(",") if part]
    for name in wanted:
        if name not in known:
            raise WrongUse(f"there is no profile {name!r}; there are {', '.join(known)}")
    return tuple(profile for name, profile in known.items() if not wanted or name in wanted)


_subject = click.argument("subject", default=REFERENCE)


def _scenario_option(function: Callable[..., None]) -> Callable[..., None]:
    return click.option(
        "--scenario",
        "scenario_names",
        multiple=True,
        metavar="NAME",
        help="Only this scenario; may be given several times. All of the subject's by default.",
    )(function)


def _profile_option(function: Callable[..., None]) -> Callable[..., None]:
    return click.option(
        "--profile",
        "profile_names",
        multiple=True,
        metavar="NAME",
        help="Only this profile; may be given several times. All by default.",
    )(function)


@main.command()
@_subject
@_scenario_option
@_profile_option
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
    from tornwrite.scenarios.subject import load_subject
    from tornwrite.scenarios.workers import default_jobs

    if json_file is not None:
        _check_writable(json_file)
    settings = Settings(_profiles(profile_names), budget, seed, every_byte=kill_every_byte)
    loaded = load_subject(subject)
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
        _leave("interrupted; nothing was left running", 130)
    console_report.show(result, console)
    if json_file is not None:
        json_report.write(result, json_file)
    sys.exit(EXIT_CODES[result.verdict])


def _check_writable(file: str) -> None:
    folder = os.path.dirname(os.path.abspath(file))
    if not os.access(folder, os.W_OK):
        raise WrongUse(f"cannot write {file}: {folder} is not there or not writable")


@main.command()
@_subject
@click.option("--scenario", "scenario_name", required=True, metavar="NAME")
@click.option("--profile", "profile_name", required=True, metavar="NAME")
@click.option("--epoch", required=True, type=click.IntRange(min=0))
@click.option("--point", required=True, type=click.IntRange(min=0), help="Steps done.")
@click.option("--cut", type=click.IntRange(min=1), help="Bytes done of the write under way.")
@click.option("--image", required=True, help="The digest that the finding gave.")
@click.option("--keep", metavar="DIR", help="Write the image to this new directory.")
@click.option("--trace", "trace_file", metavar="FILE", help="Replay this recording, not a new one.")
@click.option(
    "--killed-after",
    type=click.IntRange(min=0),
    metavar="STEP",
    help="The process was killed after this step, and another one went on.",
)
@click.option(
    "--continuation",
    default=0,
    show_default=True,
    type=click.IntRange(min=0),
    help="In which way it went on.",
)
def replay(
    subject: str,
    scenario_name: str,
    profile_name: str,
    epoch: int,
    point: int,
    cut: int | None,
    image: str,
    keep: str | None,
    trace_file: str | None,
    killed_after: int | None,
    continuation: int,
) -> None:
    """Show one crash state again: record anew, crash there, recover, judge."""
    from tornwrite.reports import console as console_report
    from tornwrite.scenarios.replaying import Place
    from tornwrite.scenarios.replaying import replay as replay_state
    from tornwrite.scenarios.subject import load_subject

    (profile,) = _profiles((profile_name,))
    loaded = load_subject(subject)
    found = replay_state(
        loaded,
        loaded.scenario(scenario_name),
        profile,
        Place(epoch, point, cut, image, killed_after, continuation),
        keep=keep,
        trace_file=trace_file,
    )
    console = Console()
    for number, one in enumerate(found, start=1):
        console_report.show_finding(one, f"finding {number} of {len(found)}", console)
    verdict = Verdict.VIOLATED if found else Verdict.PASSED
    console.print(f"[{console_report.STYLES[verdict]}]{verdict.value}[/]: image {image}")
    sys.exit(EXIT_CODES[verdict])


@main.command()
@_subject
def scenarios(subject: str) -> None:
    """List the scenarios of SUBJECT and the promises that each puts to the test."""
    from rich.table import Table

    from tornwrite.scenarios.subject import load_subject

    loaded = load_subject(subject)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("scenario", "operations", "about", "promises"):
        table.add_column(name, overflow="fold", justify="right" if name == "operations" else "left")
    for scenario in loaded.scenarios:
        named = ", ".join(promise.name for promise in scenario.promises)
        table.add_row(scenario.name, str(len(scenario.operations)), scenario.about, named)
    console = Console()
    console.print(f"[bold]{subject}[/]: {escape(loaded.about)}")
    console.print(table)


@main.command()
def profiles() -> None:
    """List the profiles, from the strongest to the weakest, with their rules."""
    console = Console()
    for profile in known_profiles.BUILT_IN:
        console.print(f"[bold]{profile.name}[/]  {escape(profile.summary)}")
        for rule, value in known_profiles.rules(profile).items():
            console.print(f"    {rule:<26} {value}", highlight=False)


@main.command()
@_subject
@_scenario_option
@click.option("--jobs", type=click.IntRange(min=1), help="Scenarios at once.")
def mutants(subject: str, scenario_names: tuple[str, ...], jobs: int | None) -> None:
    """Take each sync, rename and order out of SUBJECT's recorded runs and see it caught.

    Passed: every sync left out is caught each time, every rename made a copy at least once.
    """
    from tornwrite.reports import mutants as report
    from tornwrite.reports.progress import GateProgress
    from tornwrite.scenarios.mutants import try_scenarios
    from tornwrite.scenarios.run import Settings
    from tornwrite.scenarios.subject import load_subject
    from tornwrite.scenarios.workers import default_jobs

    loaded = load_subject(subject)
    progress = GateProgress(Console(stderr=True), len(scenario_names or loaded.scenarios))
    settings = Settings(known_profiles.BUILT_IN, budget=50_000, seed=0)
    try:
        with progress:
            tried = try_scenarios(
                subject,
                scenario_names,
                settings,
                jobs or default_jobs(),
                finished=progress.finished,
            )
    except KeyboardInterrupt:
        _leave("interrupted; nothing was left running", 130)
    console = Console()
    report.show(tried, console)
    missed = report.survivors(tried)
    caught = sum(one.caught_by is not None for one in tried)
    verdict = Verdict.VIOLATED if missed else Verdict.PASSED
    console.print(
        f"[{console_style(verdict)}]{verdict.value}[/]: {len(tried):,} mutants, {caught:,} caught, "
        f"{len(missed):,} missed"
    )
    sys.exit(EXIT_CODES[verdict])


def console_style(verdict: Verdict) -> str:
    """How a verdict is shown."""
    from tornwrite.reports.console import STYLES

    return STYLES[verdict]


@main.command()
@_subject
@click.option("--scenario", "scenario_name", required=True, metavar="NAME")
@click.option("--output", required=True, type=click.Path(dir_okay=False), help="The trace file.")
def record(subject: str, scenario_name: str, output: str) -> None:
    """Run one scenario of SUBJECT and save what it did to the file system."""
    from tornwrite.faults import trace as trace_files
    from tornwrite.scenarios.subject import load_subject
    from tornwrite.scenarios.trace_judging import record_scenario

    _check_writable(output)
    loaded = load_subject(subject)
    trace = record_scenario(loaded, loaded.scenario(scenario_name))
    trace_files.save(trace, output)
    click.echo(f"{len(trace.steps)} steps recorded in {output}")


@main.command()
@click.argument("trace_file", metavar="TRACE")
@_subject
@click.option("--scenario", "scenario_name", required=True, metavar="NAME")
@_profile_option
@click.option("--seed", default=0, show_default=True)
@click.option("--budget", default=50_000, show_default=True, type=click.IntRange(min=1))
def judge(
    trace_file: str,
    subject: str,
    scenario_name: str,
    profile_names: tuple[str, ...],
    seed: int,
    budget: int,
) -> None:
    """Judge a recording of SUBJECT's scenario that `tornwrite record` made."""
    from tornwrite.faults import trace as trace_files
    from tornwrite.reports import console as console_report
    from tornwrite.scenarios.run import Settings
    from tornwrite.scenarios.subject import load_subject
    from tornwrite.scenarios.trace_judging import judge_recording

    settings = Settings(_profiles(profile_names), budget, seed)
    loaded = load_subject(subject)
    scenario = loaded.scenario(scenario_name)
    trace = trace_files.load(trace_file)
    result = judge_recording(
        loaded, scenario, trace, trace_file, settings, lambda profile, judged: None
    )
    console_report.show(result, Console())
    sys.exit(EXIT_CODES[result.verdict])


@main.command()
@_subject
@_scenario_option
def agreement(subject: str, scenario_names: tuple[str, ...]) -> None:
    """Hold the in-process recorder against strace, step by step, on SUBJECT's scenarios."""
    from tornwrite.model.results import worst
    from tornwrite.scenarios.agreement import compare_recorders
    from tornwrite.scenarios.gate import wanted_scenarios
    from tornwrite.scenarios.subject import load_subject

    loaded = load_subject(subject)
    console = Console()
    found = compare_recorders(loaded, wanted_scenarios(loaded, scenario_names))
    for one in found:
        style = console_style(one.verdict)
        console.print(f"{one.scenario:<20} {one.steps:>5} steps  [{style}]{one.verdict.value}[/]")
        for said in one.said:
            console.print(f"    {escape(said)}")
    verdict = worst([one.verdict for one in found])
    steps = sum(one.steps for one in found)
    console.print(
        f"[{console_style(verdict)}]{verdict.value}[/]: {len(found)} scenarios, {steps:,} steps "
        "compared"
    )
    sys.exit(EXIT_CODES[verdict])
