"""How far a run is, while it works: drawn on a terminal, else a line now and then."""

import time
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

from tornwrite.reports.printing import counted, printable

EVERY_S = 10.0
"""How long nothing is said where there is no terminal: a log is to show that the run goes on."""


class LiveProgress:
    """Something drawn as long as its block is not left.

    console: where to draw; one that is no terminal gets a line every EVERY_S seconds, and none
    before that. columns: what to draw.
    """

    def __init__(self, console: Console, *columns: ProgressColumn) -> None:
        self._console = console
        self._began = self._said = time.monotonic()
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

    def _log(self, text: str) -> None:
        """Say so in a line, where that is all there is and it is time for one."""
        now = time.monotonic()
        if not self._console.is_terminal and now - self._said >= EVERY_S:
            self._said = now
            line = printable(f"tornwrite: {now - self._began:.0f} s, {text}")
            self._console.print(line, soft_wrap=True)


MOST_AT_ONCE = 4
"""Of so many that are being judged at once, those that were heard of last, is told how far."""


class GateProgress(LiveProgress):
    """A bar of scenarios done, and what is being judged just now.

    total: how many in all. of: what one of them is.
    """

    def __init__(self, console: Console, total: int, of: str = "scenario") -> None:
        super().__init__(
            console,
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[now]}"),
        )
        self._task = self._progress.add_task(f"{of}s", total=total, now="")
        self._total = total
        self._of = of
        self._finished = 0

    def judged(self, scenario: str, profile: str, count: int) -> None:
        """So many images of a scenario have been judged under a profile."""
        self._now.pop(scenario, None)
        self._now[scenario] = f"{scenario} ({profile}: {count:,})"
        self._show()

    def finished(self, scenario: str) -> None:
        """One more scenario is done."""
        self._now.pop(scenario, None)
        self._finished += 1
        self._progress.advance(self._task)
        self._show()

    def _show(self) -> None:
        now = list(self._now.values())[-MOST_AT_ONCE:]
        self._progress.update(self._task, now="  ".join(now))
        at = f"; at {', '.join(now)}" if now else ""
        self._log(f"{self._finished} of {counted(self._total, self._of)} done{at}")
