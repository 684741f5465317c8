"""What the store tells about the state of a session's files."""

from dataclasses import dataclass
from enum import StrEnum


class DamageKind(StrEnum):
    """What is wrong with a file of a session."""

    LINE = "line"  # a whole line that is not a message
    TORN_TAIL = "torn tail"  # bytes after the last whole line: a write that a crash cut off
    METADATA = "metadata"  # a metadata file that cannot be understood
    SKIP = "skip"  # more lines skipped than there are


@dataclass(frozen=True, slots=True)
class Damage:
    """One thing wrong with a session's files. Reading goes on around it.

    Attributes:
        kind: what is wrong.
        file: name of the file in the store's directory.
        line: number of the line from 1, empty lines not counted; None for damage of no one line.
        detail: for people.
    """

    kind: DamageKind
    file: str
    line: int | None
    detail: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}, line {self.line}"
        return f"{where}: {self.detail}"


@dataclass(frozen=True, slots=True)
class SessionState:
    """A session's files as they are on disk.

    Attributes:
        key: the key asked for.
        exists: whether the session has metadata or lines.
        lines: lines of the data file, skipped and damaged ones included, empty ones not.
        messages: how many messages the history has.
        count: lines as recorded in the metadata; appending does not update it.
        skip: leading lines that are logically gone; 0 where the recorded number is damaged.
        generation: how often the data file was rewritten.
        damage: what is wrong, in the order of the files' contents.
    """

    key: str
    exists: bool
    lines: int
    messages: int
    count: int
    skip: int
    generation: int
    damage: tuple[Damage, ...]
