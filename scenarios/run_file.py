"""The finished scenarios of a run, in a file, so that a run that was cut off can go on.

A line for each finished scenario. An entry counts only for the same settings, the same subject and
the same source, whose digest it carries.
"""

import hashlib
import os
import sys
from pathlib import Path
from typing import Any

import cattrs

from tornwrite.scenarios.kept_file import KeptFile
from tornwrite.scenarios.run import Outcome, Settings
from tornwrite.scenarios.subject import Subject, module_of

FORMAT = "tornwrite-run-1"

_converter = cattrs.Converter()


class RunFile:
    """What a run has finished so far.

    file: made when missing. settings: of the run; entries of other settings do not count.

    Raises WrongUse when the file cannot be read, or holds something else than a run.
    """

    def __init__(self, file: str, settings: Settings) -> None:
        self.file = file
        self._settings = hashlib.sha256(repr(settings).encode()).hexdigest()
        self._kept = KeptFile(file, FORMAT, keeps="the run", otherwise="is no file of a run")
        self._entries: dict[tuple[str, str, str], Any] = {}
        for entry in self._kept.entries():
            if entry["settings"] == self._settings:
                key = (entry["subject"], entry["scenario"], entry["source"])
                self._entries[key] = entry["outcome"]

    def outcome(self, subject: str, scenario: str, source: str) -> Outcome | None:
        """What the scenario came to when it was last run from this source, if it was."""
        kept = self._entries.get((subject, scenario, source))
        return None if kept is None else _converter.structure(kept, Outcome)

    def add(self, subject: str, source: str, outcome: Outcome) -> None:
        """Keep what a scenario came to, durably.

        Raises WrongUse when it cannot be written: a run that cannot be continued is to say so.
        """
        self._kept.add(
            {
                "settings": self._settings,
                "subject": subject,
                "scenario": outcome.scenario,
                "source": source,
                "outcome": _converter.unstructure(outcome),
            }
        )


def source_digest(subject: Subject) -> str:
    """A digest of all source in this package's folders and in those of the subject's module."""
    state = hashlib.sha256()
    for file in sorted(_sources(subject)):
        state.update(os.fsencode(file.name))
        state.update(file.read_bytes())
    return state.hexdigest()


def _sources(subject: Subject) -> set[Path]:
    of_subject = module_of(subject.name)
    found: set[Path] = set()
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in ("tornwrite", of_subject.partition(".")[0]):
            for folder in getattr(module, "__path__", ()):
                found.update(Path(folder).glob("*.py"))
    file = getattr(sys.modules.get(of_subject), "__file__", None)
    return found | ({Path(file)} if file else set())
