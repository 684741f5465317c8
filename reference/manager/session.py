"""A session as a session manager has it in memory."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from tornwrite.reference.durable.errors import StoreError
from tornwrite.reference.durable.json_lines import Message, decode_plain_line
from tornwrite.reference.jsonl.legacy import Holds


@dataclass(frozen=True, slots=True)
class Session:
    """What a session was like when it was asked for.

    Attributes:
        key: the session's key.
        messages: oldest first.
        summary: empty if there is none.
        created, updated: RFC 3339, UTC.
    """

    key: str
    messages: tuple[Message, ...]
    summary: str
    created: str
    updated: str


class ChangedElsewhere(StoreError):
    """The session's file is no longer the one that was read or saved last. It was left alone.

    Another process has saved the session, or migrated it, or somebody has edited the file. Open the
    directory anew to see what is there.
    """


class SessionUnreadable(StoreError):
    """A file that may hold the session could not be read when the directory was opened.

    What the session holds is not known, so nothing is shown of it and nothing is written to it: the
    next process that can read the file would take the one or the other for the session. The text
    names the file and says why. See to that, and open the directory anew.
    """


@dataclass(frozen=True, slots=True)
class Place:
    """A session's file: its name, and the hexadecimal SHA-256 of what it was known to hold."""

    name: str
    digest: str


@dataclass(slots=True)
class KeptSession:
    """A session in memory. Its messages are lines, as they are to be written.

    Attributes:
        key: the session's key.
        created, updated: RFC 3339, UTC.
        lines: one for each message, with its newline.
        summary: empty if there is none.
        holds: what of the JSONL session of the same key is in this one.
        imported: SHA-256 of files that a migration would take for imported already.
        unknown: fields that its file had, name and JSON text.
        place: its file; None before it is first saved.
    """

    key: str
    created: str
    updated: str
    lines: list[bytes] = field(default_factory=list)
    summary: str = ""
    holds: Holds | None = None
    imported: tuple[str, ...] = ()
    unknown: tuple[tuple[str, str], ...] = ()
    place: Place | None = None

    def snapshot(self) -> "KeptSession":
        """The session as it is now; later changes don't touch it."""
        return replace(self, lines=list(self.lines))

    def shown(self) -> Session:
        messages = tuple(decoded(self.lines))
        return Session(self.key, messages, self.summary, self.created, self.updated)


def decoded(lines: Iterable[bytes]) -> list[Message]:
    """The messages on lines that hold one each."""
    messages = [decode_plain_line(line) for line in lines]
    return [message for message in messages if message is not None]
