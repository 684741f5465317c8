"""How a legacy file and the JSONL session of the same key become one session.

The migration does it on the disk. A session manager that has to stand in for the JSONL store does
it in memory, and what it then saves says how much of the JSONL session it holds already.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from tornwrite.reference.durable.json_lines import decode_line, plain_line
from tornwrite.reference.durable.lines import Lines
from tornwrite.reference.jsonl.legacy import Holds, LegacySession
from tornwrite.reference.jsonl.replacing import live_lines
from tornwrite.reference.jsonl.session import Session


@dataclass(frozen=True, slots=True)
class SavedSession:
    """What the JSONL store holds of a session.

    Attributes:
        lines: all lines that count, those logically gone and damaged ones too, without newlines.
        live: the lines of its messages, with newlines and without seals.
        summary: empty if there is none.
        created, updated: RFC 3339, or empty.
        imported: hexadecimal SHA-256 of each legacy file that is in it already.
    """

    lines: tuple[bytes, ...] = ()
    live: tuple[bytes, ...] = ()
    summary: str = ""
    created: str = ""
    updated: str = ""
    imported: tuple[str, ...] = ()

    @property
    def as_held(self) -> Holds:
        """What a legacy file says of itself that has taken over all of this."""
        return Holds(len(self.live), _digest(self.live), self.summary)


@dataclass(frozen=True, slots=True)
class Merged:
    """A legacy file's content and a JSONL session's, as one.

    Attributes:
        older: the file's lines, with newlines; none if the session begins with them already.
        own: the session's lines that stay, after those, with newlines.
        summary: of both.
        is_new: whether the file adds anything, or says what becomes of the session's lines.
    """

    older: tuple[bytes, ...]
    own: tuple[bytes, ...]
    summary: str
    is_new: bool


def saved_session(session: Session, lines: Lines) -> SavedSession:
    """A JSONL session as it is under its lock; `lines` are those of its data file."""
    metadata = session.metadata
    return SavedSession(
        lines=lines.lines,
        live=tuple(plain_line(line[:-1]) + b"\n" for line in live_lines(session, lines)),
        summary=metadata.summary,
        created=metadata.created_at,
        updated=metadata.updated_at,
        imported=metadata.migrated_from,
    )


def merge(legacy: LegacySession, own: SavedSession) -> Merged:
    """Put a legacy file that is not in the session yet before the session's own messages.

    Messages that the file says it holds count once, as the file has them. So do those of an import
    by the original program, which leaves no mark and may have been cut off.
    """
    summary = _summary(legacy, own)
    holds = legacy.holds
    if holds is not None and _are_held(holds, own.live):
        return Merged(legacy.lines, own.live[holds.messages :], summary, is_new=True)
    if _begins_with(own.lines, legacy):
        return Merged((), own.live, summary, is_new=False)
    return Merged(legacy.lines, own.live, summary, is_new=True)


def _are_held(holds: Holds, live: Sequence[bytes]) -> bool:
    # Where they do not match, another process has changed them since: then all are kept.
    first = live[: holds.messages]
    return len(first) == holds.messages and _digest(first) == holds.sha256


def _summary(legacy: LegacySession, own: SavedSession) -> str:
    holds = legacy.holds
    if holds is None:
        return own.summary or legacy.summary
    if holds.summary is None:
        is_newer = holds.messages == len(own.live)
    else:
        is_newer = holds.summary == own.summary
    return legacy.summary if is_newer else own.summary or legacy.summary


def _begins_with(lines: Sequence[bytes], legacy: LegacySession) -> bool:
    first = [decode_line(line) for line in lines[: len(legacy.messages)]]
    return bool(first) and first == list(legacy.messages)


def _digest(lines: Sequence[bytes]) -> str:
    return hashlib.sha256(b"".join(lines)).hexdigest()
