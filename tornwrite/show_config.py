"""What a run of the gate is asked for, and who asks for it."""

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from tornwrite.configuration import configuration
from tornwrite.configured_defaults import origin
from tornwrite.reports.printing import printable
from tornwrite.scenarios.run import Settings


def show_settings(
    subjects: Sequence[str], named: bool, settings: Settings, jobs: int, baseline: str | None
) -> None:
    """Print what is in force in the running command, and where each value is from.

    named: whether the command line names the subjects.
    """
    read = configuration()
    values = (
        ("profiles", "profile_names", ", ".join(one.name for one in settings.profiles)),
        ("budget", "budget", str(settings.budget)),
        ("seed", "seed", str(settings.seed)),
        ("effort", "effort", settings.effort.value),
        ("lanes", "lane_names", ", ".join(settings.lanes)),
        ("recorder", "recorder", settings.recorder),
        ("jobs", "jobs", str(jobs)),
        ("baseline", "baseline", baseline or ""),
    )
    shown = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("setting", "value", "from"):
        shown.add_column(name, overflow="fold")
    of_file = "file" if read.subjects else "default"
    shown.add_row("subjects", printable(", ".join(subjects)), "command line" if named else of_file)
    for key, parameter, value in values:
        shown.add_row(key, printable(value or "none"), origin(parameter))
    console = Console()
    console.print(
        printable(f"file: {read.file or 'no pyproject.toml here or above has [tool.tornwrite]'}"),
        soft_wrap=True,
    )
    console.print(shown)
