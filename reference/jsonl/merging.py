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
from tornwrite.reference.jsonl.metadata import Metadata
from tornwrite.reference.jsonl.replacing import live_lines
from tornwrite.reference.jsonl.session import Session

_MOST_BYTES = 1 << 28  # are hashed to find what is held


@dataclass(frozen=True, slots=True)
class SavedSession:
    """What the JSONL store holds of a session.

    Attributes:
        lines: all lines that count, those logically gone and damaged ones too, without newlines.
        live: the lines of its messages, with newlines and without seals.
        summary: empty if there is none.
        created, updated: RFC 3339, or empty.
        imported: hexadecimal SHA-256 of each legacy file that is in it already.
        may_show_more: whether what is logically gone may be among `live`: the metadata that said
            so is lost or damaged.
    """

    lines: tuple[bytes, ...] = ()
    live: tuple[bytes, ...] = ()
    summary: str = ""
    created: str = ""
    updated: str = ""
    imported: tuple[str, ...] = ()
    may_show_more: bool = False

    @property
    def as_held(self) -> Holds:
        """What a legacy file says of itself that has taken over all of this."""
        return Holds(len(self.live), _digest(self.live), self.summary)


@dataclass(frozen=True, slots=True)
class Merged:
    """A legacy file's content and a JSONL session's, as one.

    Attributes:
        older: the file's lines, with newlines, after what the session has from before them; none if
            the session begins with them already.
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
        may_show_more=not isinstance(session.found.content, Metadata),
    )


def merge(legacy: LegacySession, own: SavedSession) -> Merged:
    """Put a legacy file that is not in the session yet before the session's own messages.

    Messages that the file says it holds count once, as the file has them. So do those of an import
    by the original program, which leaves no mark and may have been cut off.
    """
    summary = _summary(legacy, own)
    holds = legacy.holds
    begin = None if holds is None else _where_held(holds, own)
    if holds is not None and begin is not None:
        older = (*own.live[:begin], *legacy.lines)
        return Merged(older, own.live[begin + holds.messages :], summary, is_new=True)
    if _begins_with(own.lines, legacy):
        return Merged((), own.live, summary, is_new=False)
    return Merged(legacy.lines, own.live, summary, is_new=True)


def _where_held(holds: Holds, own: SavedSession) -> int | None:
    """At which message those begin that are held: the first, unless what is gone is shown again.

    None if they are not there: another process has changed them since, and then all are kept.
    """
    live = own.live
    most = _MOST_BYTES // (1 + sum(map(len, live))) if own.may_show_more else 0
    for begin in range(min(len(live) - holds.messages, most) + 1):
        if _digest(live[begin : begin + holds.messages]) == holds.sha256:
            return begin
    return None


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
