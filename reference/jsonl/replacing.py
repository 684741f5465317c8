"""Operations that put a new data file in the place of the old one."""

from collections.abc import Sequence

from tornwrite.reference.durable.damage import log_damage
from tornwrite.reference.durable.lines import Lines
from tornwrite.reference.jsonl.session import Session
from tornwrite.reference.jsonl.writing import SessionWriter


def replace_history(writer: SessionWriter, new: Sequence[bytes]) -> None:
    """Replace all messages.

    Args:
        writer: of the session.
        new: the new lines, with their newlines.

    Raises:
        OSError: nothing changed, or (`ChangeNotUndone`) what readers may see.
    """
    session = writer.session
    lines = session.read_lines()
    if not session.exists(lines) and not lines.tail and not new:
        return
    writer.keep_damaged(lines)
    writer.rewrite(b"".join(new), writer.next_metadata_of(len(new)))


def compact(writer: SessionWriter) -> None:
    """Remove the lines that are logically gone or damaged, if there are any.

    Args:
        writer: of the session.

    Raises:
        OSError: nothing changed, or (`ChangeNotUndone`) what readers may see.
    """
    session = writer.session
    lines = session.read_lines()
    if not session.metadata.skip and session.is_whole(lines):
        return
    damage = list(session.damage(lines))
    if not session.metadata.skip and not damage:
        return
    for one in damage:
        log_damage(one)
    live = live_lines(session, lines)
    writer.keep_damaged(lines)
    writer.rewrite(b"".join(live), writer.next_metadata_of(len(live)))


def live_lines(session: Session, lines: Lines) -> list[bytes]:
    """The lines of the messages that are not logically gone, with their newlines, byte for byte."""
    numbered = lines.messages(session.skip(lines))
    return [line + b"\n" for line, message in numbered if message is not None]
