"""How a message is appended: in the usual case one write and one sync of the data file.

The rule that keeps the usual case cheap: *a data file that is not empty has a durable name*. So
the directory is synced before the first line is written, and that sync makes a new session's
metadata durable as well.
"""

import os
from dataclasses import replace

from tornwrite.reference import durable
from tornwrite.reference.durable.appending import (
    OpenFile,
    append_and_sync,
    ends_whole,
    open_to_append,
)
from tornwrite.reference.jsonl.metadata import Missing
from tornwrite.reference.jsonl.writing import SessionWriter


def append_line(writer: SessionWriter, line: bytes) -> None:
    """Append a line durably.

    Args:
        writer: of the session.
        line: with its newline.

    Raises:
        OSError: no reader sees the line, or (`ChangeNotUndone`) what readers may see.
    """
    is_new = isinstance(writer.session.found.content, Missing)
    created = written = False
    try:
        claimed = _claim(writer)
        file = _open_whole(writer)
        created = file.created
        try:
            # After a rewrite an empty file's name is durable: the metadata has been naming it.
            is_first = not file.size and not writer.session.metadata.generation
            if claimed or created or is_first:
                writer.sync_names()
            written = True
            append_and_sync(file, line, writer.suspect)
        finally:
            durable.close(file.descriptor)
    except BaseException:
        if is_new and not writer.session.metadata.generation:
            _give_up(writer, created=created, written=written)
        raise
    writer.directory.synced.remember(writer.shard, writer.files.name, file.size + len(line))


def _give_up(writer: SessionWriter, *, created: bool, written: bool) -> None:
    """The session, or the key's right to it, did not come to be: undo what was begun.

    The metadata goes only when the line is gone from the disk for certain. A crash that brought the
    line back alone would show it as another session's, of the file's own name.
    """
    try:
        if created:
            os.unlink(writer.files.data)
            durable.sync_directory(writer.files.directory)
        elif written:
            # It was cut off, and a file that was cut is written anew by a second sync.
            durable.sync_data(writer.files.data)
    except OSError:
        return
    durable.remove_if_there(writer.files.metadata)


def _claim(writer: SessionWriter) -> bool:
    """See to it that the metadata is there, whole, the key's own, and skips only what is there.

    Returns whether it was written and is not durable yet.
    """
    if writer.mend_skip():
        return False
    session = writer.session
    if session.is_owned:
        return False
    lines = session.read_lines()
    if lines.lines:
        writer.ensure_data(lines)  # they are counted now
    metadata = replace(writer.next_metadata(), count=len(lines.lines))
    writer.write_metadata(metadata, sync=False)
    return True


def _open_whole(writer: SessionWriter) -> OpenFile:
    file = _open(writer)
    try:
        if ends_whole(file):
            return file
    except BaseException:
        durable.close(file.descriptor)
        raise
    durable.close(file.descriptor)
    writer.rewrite_same()
    return replace(open_to_append(writer.session.data), created=file.created)


def _open(writer: SessionWriter) -> OpenFile:
    if writer.session.metadata.generation:
        try:
            return open_to_append(writer.session.data, make=False)
        except FileNotFoundError:
            # Somebody removed the data file; only a rewrite can give it back a name in time.
            writer.rewrite(b"", writer.next_metadata_of(0))
    return open_to_append(writer.session.data)
