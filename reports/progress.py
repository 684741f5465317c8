"""How far a run is, while it works."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)


class LiveProgress:
    """Something drawn as long as its block is not left. Silent where nobody looks.

    console: where to draw; nothing is drawn unless it is a terminal. columns: what of.
    """

    def __init__(self, console: Console, *columns: ProgressColumn) -> None:
        self._progress = Progress(
            *columns, console=console, transient=True, disable=not console.is_terminal
        )
        self._now: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()


class GateProgress(LiveProgress):
    """A bar of scenarios done, and what is being judged just now.

    scenarios: how many in all.
    """

    def __init__(self, console: Console, scenarios: int) -> None:
        super().__init__(
            console,
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[now]}"),
        )
        self._task = self._progress.add_task("scenarios", total=scenarios, now="")

    def judged(self, scenario: str, profile: str, count: int) -> None:
        """So many images of a scenario have been judged under a profile."""
        self._now[scenario] = f"{scenario} ({profile}: {count:,})"
        self._show()

    def finished(self, scenario: str) -> None:
        """One more scenario is done."""
        self._now.pop(scenario, None)
        self._progress.advance(self._task)
        self._show()

    def _show(self) -> None:
        self._progress.update(self._task, now="  ".join(self._now.values()))
