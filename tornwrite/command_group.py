"""What all commands share: the group, the exit codes, the options, the errors."""

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn, TypeAlias, cast

import click
from rich.console import Console
from rich.markup import escape

from tornwrite.configured_defaults import Defaults, configured_subjects, find_modules
from tornwrite.faults.profile_files import user_profiles
from tornwrite.faults.profile_order import known_profiles
from tornwrite.faults.profiles import DEFAULT, Profile
from tornwrite.faults.project_file import ProjectFileError
from tornwrite.faults.recorder import RecorderBlind, UnknownStep
from tornwrite.faults.scratch import NoSpace, Workspace, scratch_root
from tornwrite.faults.trace import TraceFileError
from tornwrite.model.verdict import Verdict
from tornwrite.scenarios.recording import HarnessBroken, NotMeasured
from tornwrite.scenarios.subject import Subject, WrongUse
from tornwrite.scenarios.workers import WorkerFailed

EXIT_CODES = {
    Verdict.PASSED: 0,
    Verdict.VIOLATED: 1,
    Verdict.NOT_MEASURED: 3,
    Verdict.HARNESS_BROKEN: 3,
}
WRONG_USE = 2
INTERRUPTED = 130
BROKEN = 3

REFERENCE = "tornwrite.scenarios.stores:reference"
REFERENCE_EDITIONS = (
    REFERENCE,
    "tornwrite.scenarios.stores:manager",
    "tornwrite.scenarios.stores:backend",
    "tornwrite.scenarios.stores:archive",
    "tornwrite.scenarios.stores:transcripts",
)


Command: TypeAlias = Callable[..., None]


class _Group(click.Group):
    """Turns the errors that a user can do something about into one sentence and an exit code."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except (WrongUse, NoSpace, TraceFileError, ProjectFileError) as error:
            leave(str(error), WRONG_USE)
        except (HarnessBroken, RecorderBlind, UnknownStep, WorkerFailed) as error:
            leave(f"{Verdict.HARNESS_BROKEN.value}: {error}", BROKEN)
        except NotMeasured as error:
            leave(f"{Verdict.NOT_MEASURED.value}: {error}", EXIT_CODES[Verdict.NOT_MEASURED])
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            # Click's own exit code for this is 1, too.
            leave("interrupted; nothing was left running", INTERRUPTED)
        except Exception:
            # Python's own exit code for this is 1, which is that of a violation.
            leave(f"{Verdict.HARNESS_BROKEN.value}:\n{traceback.format_exc()}", BROKEN)


def leave(message: str, code: int) -> NoReturn:
    """Say one sentence on standard error and end with that exit code."""
    Console(stderr=True).print(f"[bold]tornwrite:[/] {escape(message)}", soft_wrap=True)
    sys.exit(code)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tornwrite")
@click.pass_context
def main(context: click.Context) -> None:
    """Finds out whether a program that keeps its data in files keeps its promises when the process
    is killed or the power fails.

    A SUBJECT is named package.module:object. Exit codes: 0 passed, 1 violated, 2 wrong use,
    3 not measured or harness broken. What an option leaves open, [tool.tornwrite] of the nearest
    pyproject.toml says.
    """
    context.default_map = cast("dict[str, Any]", Defaults())
    signal.signal(signal.SIGTERM, _terminated)


def _terminated(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)  # an exit like any other: what runs below is ended and cleaned up


def chosen_profiles(names: tuple[str, ...]) -> tuple[Profile, ...]:
    """The profiles of those names, from the strongest to the weakest.

    The default ones when none is named. Raises ProjectFileError when the user's are wrong.
    """
    if not names:
        return DEFAULT
    known = {profile.name: profile for profile in known_profiles(user_profiles())}
    wanted = [part for name in names for part in name.split(",")]
    for name in wanted:
        if name not in known:
            raise WrongUse(f"there is no profile {name!r}; there are {', '.join(known)}")
    return tuple(profile for name, profile in known.items() if name in wanted)


def chosen_lanes(names: tuple[str, ...], *, default: bool) -> tuple[str, ...]:
    """The names of the fault lanes to run. default: whether that is all when none is named."""
    from tornwrite.scenarios.lane_registry import FAULT_LANES, lanes_named

    wanted = tuple(part for name in names for part in name.split(","))
    if wanted == ("none",):
        return ()
    chosen = lanes_named(wanted) if wanted else FAULT_LANES if default else ()
    return tuple(lane.name for lane in chosen)


def wanted_subjects(named: tuple[str, ...], *, one: bool = False) -> tuple[str, ...]:
    """The subjects of a command line: those named, else those of the user's file, else our own.

    one: of our own just the JSONL session store, not all of them.
    """
    return named or configured_subjects() or ((REFERENCE,) if one else REFERENCE_EDITIONS)


subject_argument = click.argument("subject", default=REFERENCE)


def scenario_option(function: Callable[..., None]) -> Callable[..., None]:
    """--scenario, any number of times."""
    return click.option(
        "--scenario",
        "scenario_names",
        multiple=True,
        metavar="NAME",
        help="Only this scenario; may be given several times. All of the subject's by default.",
    )(function)


def profile_option(function: Callable[..., None]) -> Callable[..., None]:
    """--profile, any number of times."""
    return click.option(
        "--profile",
        "profile_names",
        multiple=True,
        metavar="NAME",
        help="Only this profile; may be given several times. By default those that `tornwrite "
        "profiles` marks so.",
    )(function)


seed_option = click.option(
    "--seed", default=0, show_default=True, help="For the sample when it is not complete."
)
json_option = click.option(
    "--json", "json_file", type=click.Path(dir_okay=False), help="Write all of it to this file."
)
jobs_option = click.option(
    "--jobs",
    type=click.IntRange(min=1),
    help="Processes at once. As many as there are processors by default.",
)


def budget_option(default: int, of: str = "scenario") -> Callable[[Command], Command]:
    """--budget, for each `of` and profile."""
    return click.option(
        "--budget",
        default=default,
        show_default=True,
        type=click.IntRange(min=1),
        help=f"Images judged for a {of} and profile at most.",
    )


@contextmanager
def told_if_unwritable(file: str) -> Iterator[None]:
    """Raise WrongUse for a report that could not be written to that file."""
    try:
        yield
    except OSError as error:
        raise WrongUse(f"cannot write {file}: {error.strerror}") from error


def check_writable(file: str) -> None:
    """Raise WrongUse unless a file of that name can be written, before anything is run."""
    folder = os.path.dirname(os.path.abspath(file))
    if not os.path.isdir(folder):
        raise WrongUse(f"cannot write {file}: {folder} is not there; make it first")
    trial = f"{file}.tmp"
    try:
        with open(trial, "wb"):
            pass
        os.unlink(trial)
    except OSError as error:
        raise WrongUse(f"cannot write {file}: {error.strerror}; name another file") from error


def load(subject: str) -> Subject:
    """The subject, once it is known that there is a place to work in, and that it can be used."""
    from tornwrite.scenarios.subject import load_subject

    find_modules()
    loaded = load_subject(subject)
    try:
        scratch_root()
    except OSError as error:
        raise WrongUse(str(error)) from error
    if loaded.check is not None:
        with Workspace() as workspace:
            loaded.check(workspace.path)
    return loaded


def style_of(verdict: Verdict) -> str:
    """How a verdict is shown."""
    from tornwrite.reports.console import STYLES

    return STYLES[verdict]
