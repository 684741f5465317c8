"""How far a run is, while it works."""

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


class GateProgress:
    """A bar of scenarios done, and what is being judged just now. Silent where nobody looks.

    console: where to draw; nothing is drawn unless it is a terminal. scenarios: how many in all.
    """

    def __init__(self, console: Console, scenarios: int) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[now]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("scenarios", total=scenarios, now="")
        self._now: dict[str, str] = {}

    def __enter__(self) -> "GateProgress":
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

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
