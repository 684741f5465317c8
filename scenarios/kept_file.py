"""Entries of a run in a file, so that a run that was cut off can go on: a line each, kept durably.

Appended as a store of this project would: what a kill or a power cut tears off is one line at most,
and what it told is found out again.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from tornwrite.reference.durable.appending import Settled, append_line
from tornwrite.reference.durable.errors import StoreError
from tornwrite.reference.durable.json_lines import encode_line
from tornwrite.reference.durable.lines import read_lines
from tornwrite.reports.json_report import in_utf8
from tornwrite.scenarios.subject import WrongUse


class KeptFile:
    """The lines of one format in a file, which is made when missing.

    file: its path. kind: what each line says that it is, its `format`. For messages: what the file
    keeps, and what is to be said of one that holds something else.
    """

    def __init__(self, file: str, kind: str, *, keeps: str, otherwise: str) -> None:
        self.file = file
        self._kind = kind
        self._keeps = keeps
        self._otherwise = otherwise
        self._settled: Settled | None = None

    def entries(self) -> Iterator[dict[str, Any]]:
        """What is kept. Raises WrongUse when the file cannot be read, or holds something else."""
        try:
            lines = read_lines(self.file)
        except OSError as error:
            raise WrongUse(
                f"cannot read {self.file}: {error.strerror}; name another file"
            ) from error
        for _, entry in lines.messages():
            if entry is None:
                continue  # damaged, or cut off
            if entry.get("format") != self._kind:
                raise WrongUse(f"{self.file} {self._otherwise}; name another one, or remove it")
            yield entry

    def add(self, entry: Mapping[str, Any]) -> None:
        """Keep one more, durably.

        Raises WrongUse when it cannot be written: a run that cannot be continued is to say so.
        """
        line = encode_line(in_utf8({"format": self._kind, **entry}))
        try:
            self._settled = append_line(self.file, line, settled=self._settled)
        except (OSError, StoreError) as error:
            raise WrongUse(f"cannot keep {self._keeps} in {self.file}: {error}") from error
