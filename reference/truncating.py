"""Logical truncation: the metadata says how many leading lines are gone; no line is touched."""

import os
from dataclasses import replace

from tornwrite.reference.data_file import Lines
from tornwrite.reference.session import Session
from tornwrite.reference.writing import SessionWriter


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
    count = len(lines.lines)
    skip = _new_skip(session, lines, keep_last)
    old = session.metadata
    if session.is_owned and (skip, count) == (old.skip, old.count):
        return
    writer.keep_wrong_skip(lines)
    if skip == count and skip:
        _sync_last_line(writer, len(lines.whole) + len(lines.tail))
    # A stale count alone changes nothing for a reader, so a crash may bring it back.
    sync = not session.is_owned or skip != old.skip
    writer.write_metadata(replace(writer.next_metadata(), skip=skip, count=count), sync=sync)


def _new_skip(session: Session, lines: Lines, keep_last: int) -> int:
    if keep_last <= 0:
        return len(lines.lines)
    skip = session.skip(lines)
    numbered = enumerate(lines.messages(skip), skip)
    kept = [number for number, (_, message) in numbered if message is not None]
    return kept[-keep_last] if keep_last < len(kept) else skip


def _sync_last_line(writer: SessionWriter, size: int) -> None:
    """Make the last line durable before the metadata counts it among the skipped.

    A process that was killed before its sync may have left it. If a crash then took it, more lines
    would be skipped than there are, and the truncated ones be shown again. Where this store wrote
    the line it did sync it.
    """
    if writer.directory.synced.get(writer.shard, writer.files.name) == size:
        return
    descriptor = os.open(writer.session.data, os.O_RDWR | os.O_CLOEXEC)
    try:
        os.fdatasync(descriptor)
    except BaseException:
        writer.suspect()
        raise
    finally:
        os.close(descriptor)
