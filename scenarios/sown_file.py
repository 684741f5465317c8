"""What came of the faults sown so far, in a file, so that a run that was cut off can go on.

A line for each. What an entry says
holds for the same subject and the same source.
"""

import hashlib
import importlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cattrs

from tornwrite.scenarios.kept_file import KeptFile
from tornwrite.scenarios.sown_modules import modules_of
from tornwrite.scenarios.sown_runs import Run
from tornwrite.scenarios.sown_trials import Came
from tornwrite.scenarios.subject import Subject, module_of

FORMAT = "tornwrite-sown-1"

_converter = cattrs.Converter()


class SownFile:
    """What is known of the subjects' faults. `runs`: those without any, by subject.

    file: made when missing.

    Raises WrongUse when the file cannot be read, or holds something else.
    """

    def __init__(self, file: str, subjects: Sequence[Subject]) -> None:
        self.file = file
        self.runs: dict[str, list[Run]] = {}
        self._of = f"{' '.join(one.name for one in subjects)} {_digest(subjects)}"
        self._known: dict[str, tuple[int | None, Came]] = {}
        self._kept = KeptFile(
            file, FORMAT, keeps="what was found", otherwise="holds no sown faults"
        )
        for entry in self._kept.entries():
            if entry["of"] == self._of:
                self._take(entry)

    def _take(self, entry: dict[str, Any]) -> None:
        if "as_it_is" in entry:
            self.runs[entry["subject"]] = _converter.structure(entry["as_it_is"], list[Run])
        else:
            came = Came(entry["caught"], entry["seconds"], entry["runs"])
            self._known[entry["name"]] = entry["most"], came

    def known(self, name: str, most: int | None) -> Came | None:
        """What came of the fault of that name, if that is known.

        most: scenarios that are to be put through each lane, None for all; what was caught with
        fewer is caught.
        """
        tried, came = self._known.get(name, (0, None))
        enough = tried is None or (most is not None and tried >= most)
        return came if came is not None and (came.caught or enough) else None

    def add(self, name: str, most: int | None, came: Came) -> None:
        """Keep what came of a fault. Raises WrongUse when it cannot be written."""
        fields = {"caught": came.caught, "seconds": came.seconds, "runs": came.runs}
        self._kept.add({"of": self._of, "name": name, "most": most, **fields})

    def keep_runs(self, subject: str, runs: list[Run]) -> None:
        """Keep a subject's runs without faults. Raises WrongUse when they cannot be written."""
        self.runs[subject] = runs
        entry = {"subject": subject, "as_it_is": _converter.unstructure(runs)}
        self._kept.add({"of": self._of, **entry})


def _digest(subjects: Sequence[Subject]) -> str:
    """Of all that decides what is caught; what is said about it afterwards does not."""
    state = hashlib.sha256()
    for package in ("faults", "model", "reference", "scenarios"):
        for folder in importlib.import_module(f"tornwrite.{package}").__path__:
            for file in sorted(Path(folder).rglob("*.py")):
                if not only_explains(file):
                    _add(state, file)
    for subject in subjects:
        for _, file in modules_of((module_of(subject.name), *subject.source)):
            _add(state, file)
    return state.hexdigest()


def only_explains(file: Path) -> bool:
    """Whether a file of source says only why a fault is not caught."""
    return file.name == "sown_survivors.py" or file.parent.name == "sown_explanations"


def _add(state: "hashlib._Hash", file: Path) -> None:
    state.update(os.fsencode(file.name))
    state.update(file.read_bytes())
