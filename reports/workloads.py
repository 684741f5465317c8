"""Workloads that nobody wrote down, on a terminal: how far they are, and what came of them."""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from tornwrite.model.results import Exploration, SoakRound, worst
from tornwrite.model.verdict import Verdict
from tornwrite.reports.console import STYLES
from tornwrite.reports.finding import show_finding
from tornwrite.reports.json_report import plain_fields, write_plain
from tornwrite.reports.printing import counted, printable
from tornwrite.reports.progress import LiveProgress

FORMAT = "tornwrite-explorations"
VERSION = 1


class _Spinner(LiveProgress):
    """A spinner, the time, and what is being done."""

    def __init__(self, console: Console) -> None:
        super().__init__(
            console, SpinnerColumn(), TimeElapsedColumn(), TextColumn("{task.description}")
        )
        self._task = self._progress.add_task("beginning")

    def _say(self, text: str) -> None:
        self._progress.update(self._task, description=escape(text))
        self._log(text.replace("\n", "; "))


class SoakProgress(_Spinner):
    """What each subject is at, and what was done so far."""

    def worked(self, subject: str, at: str, examples: int) -> None:
        """A round of that subject has begun its so many-th example."""
        self._now[subject] = f"{subject}: {counted(examples, 'example')}, {at}"
        self._show()

    def finished(self, done: SoakRound) -> None:
        """A round is over."""
        self._now.pop(done.subject, None)
        self._show()

    def _show(self) -> None:
        self._say("\n".join(self._now.values()))


def round_line(done: SoakRound) -> Text:
    """One round in one line, with its seed."""
    text = printable(
        f"{done.subject}  seed {done.seed}: {counted(done.examples, 'example')}, "
        f"{done.operations:,} steps, {done.judged:,} crash images judged, "
        f"{done.crashes:,} crashes made real, {done.seconds:.1f} s  "
    )
    return text + _verdict(bool(done.failures))


def _verdict(failed: bool) -> Text:
    verdict = Verdict.VIOLATED if failed else Verdict.PASSED
    return Text(verdict.value, style=STYLES[verdict])


def show_soak(rounds: Sequence[SoakRound], console: Console) -> None:
    """Print a line for each subject, each failure with its program, and one line of verdict."""
    console.print(_soak_table(rounds))
    console.print()
    failures = dict.fromkeys((one.subject, said) for one in rounds for said in one.failures)
    for number, (subject, said) in enumerate(failures, start=1):
        console.rule(printable(f"failure {number} of {len(failures)}: {subject}"), align="left")
        # As it is, to be copied: no markup, no line broken anew.
        console.print(printable(said), soft_wrap=True)
        console.print()
    console.print(
        _verdict(bool(failures))
        + Text(
            f": {counted(len({one.subject for one in rounds}), 'subject')}, "
            f"{counted(len(rounds), 'round')}, "
            f"{counted(sum(one.examples for one in rounds), 'example')}, "
            f"{_sum(one.judged for one in rounds)} crash images judged, "
            f"{_sum(one.crashes for one in rounds)} crashes made real"
        )
    )


def _soak_table(rounds: Iterable[SoakRound]) -> Table:
    shown = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    shown.add_column("subject", no_wrap=True)
    for head in ("rounds", "examples", "steps", "images\njudged", "crashes\nreal", "seconds"):
        shown.add_column(head, justify="right", no_wrap=True)
    shown.add_column("verdict", no_wrap=True)
    by_subject: dict[str, list[SoakRound]] = {}
    for one in rounds:
        by_subject.setdefault(one.subject, []).append(one)
    for subject, own in by_subject.items():
        shown.add_row(
            _short(subject),
            f"{len(own):,}",
            _sum(one.examples for one in own),
            _sum(one.operations for one in own),
            _sum(one.judged for one in own),
            _sum(one.crashes for one in own),
            f"{sum(one.seconds for one in own):.1f}",
            _verdict(any(one.failures for one in own)),
        )
    return shown


def _short(subject: str) -> Text:
    """The last parts of a name: all of it leaves no room for numbers."""
    return printable(_LAST.split(subject)[-1])


_LAST = re.compile(r"/|\.(?!py:)")


def _sum(numbers: Iterable[int]) -> str:
    return f"{sum(numbers):,}"


class ExploreProgress(_Spinner):
    """What is being gone through."""

    def worked(self, subject: str, at: str, number: int) -> None:
        """The sequence of that number is being run."""
        self._say(f"{subject}: {at} {number:,}")


def show_explorations(found: Sequence[Exploration], seconds: float, console: Console) -> None:
    """Print a line for each subject, its findings, and one line of verdict.

    seconds: how long all of it took.
    """
    console.print(_exploration_table(found))
    console.print()
    for one in found:
        for number, shown in enumerate(one.findings, start=1):
            title = f"{one.subject}: finding {number} of {len(one.findings)}"
            show_finding(replace(shown, also_in=()), title, console)
            if shown.also_in:
                more = counted(len(shown.also_in), "more sequence")
                console.print(f"    shown by {more}\n")
    said = dict.fromkeys(note for one in found for note in one.notes)
    stopped = (f"{one.subject} is not complete: {one.stopped}" for one in found if one.stopped)
    said.update(dict.fromkeys(stopped))
    for note in said:
        console.print(Text.assemble(("note: ", "bold"), printable(note)))
    whole = worst([one.verdict for one in found])
    console.print(
        Text.assemble(
            (whole.value, STYLES[whole]),
            f": {counted(sum(one.run for one in found), 'sequence')} of up to "
            f"{counted(max(one.bound for one in found), 'operation')}, "
            f"{_sum(one.judged for one in found)} crash states judged on "
            f"{_sum(one.recovered for one in found)} images, "
            f"{counted(sum(len(one.findings) for one in found), 'finding')}, {seconds:.1f} s",
        )
    )


def _exploration_table(found: Iterable[Exploration]) -> Table:
    shown = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    shown.add_column("subject", no_wrap=True)
    heads = ("sequences", "renamed\ntoo", "states\njudged", "images", "find-\nings")
    for head in (*heads, "seconds"):
        shown.add_column(head, justify="right", no_wrap=True)
    shown.add_column("verdict", no_wrap=True)
    for one in found:
        shown.add_row(
            _short(one.subject),
            f"{one.run:,}" + (f" of {one.possible:,}" if one.run < one.possible else ""),
            f"{one.renamed:,}",
            f"{one.judged:,}",
            f"{one.recovered:,}",
            f"{len(one.findings):,}",
            f"{one.seconds:.1f}",
            Text(one.verdict.value, style=STYLES[one.verdict]),
        )
    return shown


def write_explorations(found: Sequence[Exploration], file: str | os.PathLike[str]) -> None:
    """Write all of it to a file as JSON, whole or not at all. Raises OSError."""
    runs = [plain_fields(one) for one in found]
    write_plain({"format": FORMAT, "version": VERSION, "runs": runs}, file)
