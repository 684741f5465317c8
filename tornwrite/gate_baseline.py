"""The known findings of a run of the gate: read before it, held against it, written after it."""

import os
from dataclasses import replace

from rich.console import Console

from tornwrite.command_group import told_if_unwritable
from tornwrite.faults.profile_files import user_profiles
from tornwrite.model.baseline import changes, compared, rewritten
from tornwrite.model.results import GateResult
from tornwrite.reports.printing import printable
from tornwrite.scenarios.baseline_file import read_baseline, strengths, write_baseline
from tornwrite.scenarios.subject import WrongUse


def check_apart(json_file: str | None, *baselines: str | None) -> None:
    """Raise WrongUse if the report would be written over a baseline."""
    for baseline in baselines:
        if json_file and baseline and os.path.realpath(json_file) == os.path.realpath(baseline):
            raise WrongUse(
                f"the report would be written over the baseline {_short(baseline)}; name another "
                "file with --json"
            )


class GateBaseline:
    """What is known of the subjects of one run.

    file: of known findings, None without. write_to: where those are written that this run leaves
    known; then all that it finds is. whole: whether all scenarios of the subjects are run.

    Raises WrongUse when a file cannot be read, is damaged, or, if not to be written, is missing.
    """

    def __init__(self, file: str | None, write_to: str | None, *, whole: bool) -> None:
        self._write_to = write_to
        self._whole = whole
        read_from = file
        if write_to is not None and (_is_there(write_to) or not _is_there(file)):
            read_from = write_to if _is_there(write_to) else None
        self._shown_as = _short(write_to or file or "")
        self._known = read_baseline(_short(read_from)) if read_from is not None else ()
        self._strengths = strengths(user_profiles())
        self._before = self._known

    def held_against(self, result: GateResult) -> GateResult:
        """The result with each finding known or new; as it is when there is no baseline."""
        if not self._shown_as:
            return result
        named = replace(result, subject=self._named(result.subject))
        if self._write_to is not None:
            self._known = rewritten(self._known, named, whole=self._whole)
        held = compared(named, self._known, self._strengths, self._shown_as, whole=self._whole)
        return replace(held, subject=result.subject)

    def _named(self, subject: str) -> str:
        """A subject named by a path, as it is named beside the file, wherever this is run from."""
        path, _, attribute = subject.partition(":")
        if not path.endswith(".py"):
            return subject
        folder = os.path.dirname(os.path.abspath(self._shown_as))
        return f"{os.path.relpath(path, folder)}:{attribute}"

    def write(self, console: Console) -> None:
        """Write what is known after the run, if that was asked for, and say so.

        Raises WrongUse when it cannot be written.
        """
        if self._write_to is None:
            return
        with told_if_unwritable(self._write_to):
            write_baseline(self._write_to, self._known)
        became = changes(self._before, self._known)
        parts = [
            f"{number} {what}"
            for number, what in (
                (became.added, "added"),
                (became.kept, "kept"),
                (became.removed, "no longer found and taken out"),
            )
            if number
        ]
        number = len(self._known)
        console.print(
            printable(
                f"{self._write_to} has {number} entr{'y' if number == 1 else 'ies'}"
                + (f": {', '.join(parts)}" if parts else "")
            ),
            soft_wrap=True,
            highlight=False,
        )


def _is_there(file: str | None) -> bool:
    return file is not None and os.path.exists(file)


def _short(file: str) -> str:
    """The path from here, where that is shorter: one from a pyproject.toml is absolute."""
    relative = os.path.relpath(file) if file else ""
    return min(file, relative, key=len)
