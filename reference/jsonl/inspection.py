"""What the store tells about the state of a session's files."""

from dataclasses import dataclass

from tornwrite.reference.durable.damage import Damage


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
