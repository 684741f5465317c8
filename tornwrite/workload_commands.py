"""tornwrite soak and explore: workloads that nobody wrote down."""

import re
import sys
import time
from typing import TYPE_CHECKING, NoReturn

import click
from rich.console import Console

from tornwrite.command_group import (
    EXIT_CODES,
    INTERRUPTED,
    budget_option,
    check_writable,
    chosen_profiles,
    jobs_option,
    json_option,
    leave,
    load,
    main,
    told_if_unwritable,
    wanted_subjects,
)
from tornwrite.model.verdict import Verdict
from tornwrite.scenarios.subject import WrongUse

if TYPE_CHECKING:
    from tornwrite.faults.profiles import Profile
    from tornwrite.model.results import SoakRound
    from tornwrite.scenarios.replaying import Place

_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


def duration(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    """The seconds of a length of time given as `90s`, `30m`, `2h` or `1h30m`.

    Raises click.BadParameter for anything else.
    """
    if value is None:
        return None
    found = _DURATION.fullmatch(value)
    hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found else (0,) * 3
    total = hours * 3600 + minutes * 60 + seconds
    if not total:
        raise click.BadParameter(f"{value!r} is no length of time; write 90s, 30m, 2h or 1h30m")
    return float(total)


@main.command()
@click.argument("subjects", metavar="[SUBJECT]...", nargs=-1)
@click.option(
    "--for",
    "seconds",
    callback=duration,
    metavar="TIME",
    help="Go on for so long all together: 90s, 30m, 2h. One round of each subject by default. A "
    "failure is made smaller for a minute more at most.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    help="Do as a run with that seed did. Another one each time by default.",
)
@click.option(
    "--effort",
    type=click.Choice(["quick", "ci", "full"]),
    help="How much a round does: ci by default, full with --for.",
)
@jobs_option
def soak(
    subjects: tuple[str, ...],
    seconds: float | None,
    seed: int | None,
    effort: str | None,
    jobs: int | None,
) -> None:
    """Do random operations to each SUBJECT, with real crashes between them, until something fails.

    Those of pyproject.toml by default, else all the reference stores. After each operation every
    crash is judged that it made possible. What failed is made as small as can be, kept in
    .hypothesis/examples, tried first the next time, and printed as a program.
    """
    from tornwrite.reports import workloads as report
    from tornwrite.scenarios.fault_lanes import Effort
    from tornwrite.scenarios.soak import soak as rounds_of
    from tornwrite.scenarios.workers import default_jobs

    wanted = wanted_subjects(tuple(dict.fromkeys(subjects)))
    for subject in wanted:
        load(subject)
    number = time.time_ns() % 2**32 if seed is None else seed
    tried = Effort(effort or ("ci" if seconds is None else "full"))
    console, progress = Console(), report.SoakProgress(Console(stderr=True))
    console.print(f"seed {number}", highlight=False)
    done: list[SoakRound] = []
    try:
        with progress:
            for one in rounds_of(
                wanted, number, tried, seconds, jobs or default_jobs(), report=progress.worked
            ):
                done.append(one)
                progress.finished(one)
                console.print(report.round_line(one), soft_wrap=True)
    except (KeyboardInterrupt, SystemExit) as stopped:
        if done:
            report.show_soak(done, console)
        code = stopped.code if isinstance(stopped, SystemExit) else INTERRUPTED
        failed = any(one.failures for one in done)
        leave(
            "interrupted; nothing was left running",
            EXIT_CODES[Verdict.VIOLATED] if failed else int(code or INTERRUPTED),
        )
    report.show_soak(done, console)
    failed = any(one.failures for one in done)
    sys.exit(EXIT_CODES[Verdict.VIOLATED if failed else Verdict.PASSED])


@main.command()
@click.argument("subjects", metavar="[SUBJECT]...", nargs=-1)
@click.option(
    "--bound",
    type=click.IntRange(min=1),
    metavar="N",
    help="All sequences of up to so many operations. 2 by default.",
)
@click.option(
    "--profile",
    "profile_names",
    multiple=True,
    metavar="NAME",
    help="A kind of crash; may be given several times. kill and posix by default: what the others "
    "leave, posix leaves too.",
)
@click.option(
    "--for", "seconds", callback=duration, metavar="TIME", help="Stop after so long: 90s, 30m, 2h."
)
@budget_option(50_000, "sequence")
@jobs_option
@json_option
@click.option(
    "--kill-every-byte", is_flag=True, help="Cut writes at every byte, long ones too: slow."
)
@click.option("--only", metavar="JSON", help="Only this sequence of operations, judged throughout.")
@click.option("--epoch", type=click.IntRange(min=0), help="With --only: just one crash state.")
@click.option("--point", type=click.IntRange(min=0), help="Its steps done.")
@click.option("--cut", type=click.IntRange(min=1), help="Its bytes done of the write under way.")
@click.option("--image", help="Its digest, as the finding gave it.")
def explore(
    subjects: tuple[str, ...],
    bound: int | None,
    profile_names: tuple[str, ...],
    seconds: float | None,
    budget: int,
    jobs: int | None,
    json_file: str | None,
    kill_every_byte: bool,
    only: str | None,
    epoch: int | None,
    point: int | None,
    cut: int | None,
    image: str | None,
) -> None:
    """Run all short sequences of each SUBJECT's operations and judge every crash in them.

    Those of pyproject.toml by default, else all the reference stores. Sequences that differ only in
    the names of keys and contents count as one. A finding is shown at the shortest sequence that
    has it.
    """
    from tornwrite.model.results import worst
    from tornwrite.reports import workloads as report
    from tornwrite.scenarios.exploring.bounded import explore as explore_all
    from tornwrite.scenarios.exploring.explorer import EVERY_BYTE, Bounds
    from tornwrite.scenarios.replaying import Place
    from tornwrite.scenarios.workers import default_jobs

    profiles = chosen_profiles(profile_names or ("kill", "posix"))
    wanted = wanted_subjects(tuple(dict.fromkeys(subjects)))
    place = None
    if epoch is not None and point is not None and image is not None:
        place = Place(epoch, point, cut, image)
    elif any(given is not None for given in (epoch, point, cut, image)):
        raise WrongUse("one crash state takes --epoch, --point and --image together")
    if only is not None:
        if len(wanted) != 1 or bound is not None or json_file or seconds is not None:
            raise WrongUse("--only is one sequence of one SUBJECT, and nothing else")
        _explore_one(wanted[0], only, profiles, budget, place)
    if place is not None:
        raise WrongUse("a crash state is one of one sequence: give that with --only")
    if json_file is not None:
        check_writable(json_file)
    for subject in wanted:
        load(subject)
    until = float("inf") if seconds is None else time.time() + seconds
    every_byte = sys.maxsize if kill_every_byte else EVERY_BYTE
    bounds = Bounds(bound or 2, profiles, budget, every_byte, until)
    console, progress = Console(), report.ExploreProgress(Console(stderr=True))
    started = time.monotonic()
    with progress:
        found = explore_all(wanted, bounds, jobs or default_jobs(), report=progress.worked)
    report.show_explorations(found, time.monotonic() - started, console)
    if json_file is not None:
        with told_if_unwritable(json_file):
            report.write_explorations(found, json_file)
    sys.exit(EXIT_CODES[worst([one.verdict for one in found])])


def _explore_one(
    name: str, only: str, profiles: "tuple[Profile, ...]", budget: int, place: "Place | None"
) -> NoReturn:
    """Judge one sequence, or one crash state of it, print what is wrong and leave."""
    from tornwrite.reports import console as console_report
    from tornwrite.reports.finding import show_finding
    from tornwrite.scenarios.exploring.explorer import Bounds, explore_one
    from tornwrite.scenarios.exploring.sequences import from_json

    if place is not None and len(profiles) != 1:
        raise WrongUse("one crash state is one of one --profile")
    operations = from_json(only)
    bounds = Bounds(len(operations), profiles, budget=budget)
    explored = explore_one(load(name), operations, bounds, place)
    console = Console()
    for number, one in enumerate(explored.findings, start=1):
        title = f"finding {number} of {len(explored.findings)}"
        show_finding(one, title, console)
    verdict = Verdict.VIOLATED if explored.findings else Verdict.PASSED
    console.print(
        f"[{console_report.STYLES[verdict]}]{verdict.value}[/]: {explored.judged:,} crash states"
    )
    sys.exit(EXIT_CODES[verdict])
