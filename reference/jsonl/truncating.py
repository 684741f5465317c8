"""Logical truncation: the metadata says how many leading lines are gone; no line is touched."""

from dataclasses import replace

from tornwrite.reference.durable.damage import log_damage
from tornwrite.reference.durable.lines import Lines
from tornwrite.reference.jsonl.replacing import compact
from tornwrite.reference.jsonl.session import Session
from tornwrite.reference.jsonl.writing import SessionWriter


def truncate(writer: SessionWriter, keep_last: int) -> None:
    """Skip all but the last messages; set count and skip right by the lines that are there.

    Args:
        writer: of the session; one that does not exist is left so.
        keep_last: how many messages stay; none if it is not positive.

    Raises:
        OSError: nothing changed, or (`ChangeNotUndone`) what readers may see.
    """
    session = writer.session
    lines = session.read_lines()
    if not session.exists(lines):
        return
    if not session.is_whole(lines):
        for damage in session.damage(lines):
            log_damage(damage)  # the new count and skip will not tell of it
    is_shown = writer.mend_skip()
    if not is_shown and (lines.mended or session.skip(lines) != session.metadata.skip):
        # Between these lines no byte parts what goes and what stays, as the original would count.
        compact(writer)
    session = writer.session
    lines = session.read_lines()
    count = len(lines.lines)
    skip = _new_skip(session, lines, keep_last)
    old = session.metadata
    # What is skipped may be so by a process that was killed before it could make that durable.
    is_settled = not old.skip or writer.is_settled
    if session.is_owned and (skip, count) == (old.skip, old.count):
        if not is_settled:
            writer.sync_names()
        return
    if skip != old.skip or count > old.count:
        # The same goes for the last line. If a crash took it, too few messages would be left.
        writer.ensure_data(lines)
    # A stale count alone changes nothing for a reader, so a crash may bring it back.
    sync = not session.is_owned or skip != old.skip or not is_settled
    metadata = replace(
        writer.next_metadata(), skip=skip, skip_bytes=lines.offset(skip), count=count
    )
    writer.write_metadata(metadata, sync=sync)


def _new_skip(session: Session, lines: Lines, keep_last: int) -> int:
    if keep_last <= 0:
        return len(lines.lines)
    skip = session.skip(lines)
    numbered = enumerate(lines.messages(skip), skip)
    kept = [number for number, (_, message) in numbered if message is not None]
    return kept[-keep_last] if keep_last < len(kept) else skip
