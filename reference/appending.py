"""How a message is appended: in the usual case one write and one sync of the data file.

The rule that keeps the usual case cheap: *a data file that is not empty has a durable name*. So
the directory is synced before the first line is written, and that sync makes a new session's
metadata durable as well.
"""

import os
from dataclasses import dataclass, replace

from tornwrite.reference import durable
from tornwrite.reference.errors import ChangeNotUndone
from tornwrite.reference.metadata import Missing
from tornwrite.reference.writing import SessionWriter, as_os_error


@dataclass(frozen=True, slots=True)
class _Open:
    """A data file open for appending: its size before, and whether opening made it."""

    descriptor: int
    size: int
    created: bool


def append_line(writer: SessionWriter, line: bytes) -> None:
    """Append a line durably.

    Args:
        writer: of the session.
        line: with its newline.

    Raises:
        OSError: no reader sees the line, or (`ChangeNotUndone`) what readers may see.
    """
    is_new = isinstance(writer.session.found.content, Missing)
    created = False
    try:
        claimed = _claim(writer)
        file = _open_whole(writer)
        created = file.created
        try:
            # After a rewrite an empty file's name is durable: the metadata has been naming it.
            is_first = not file.size and not writer.session.metadata.generation
            if claimed or created or is_first:
                writer.sync_names()
            _write(writer, file, line)
        finally:
            os.close(file.descriptor)
    except BaseException:
        if is_new and not writer.session.metadata.generation:
            # The session, or the key's right to it, did not come to be.
            if created:
                durable.remove_if_there(writer.files.data)
            durable.remove_if_there(writer.files.metadata)
        raise
    writer.directory.synced.remember(writer.shard, writer.files.name, file.size + len(line))


def _claim(writer: SessionWriter) -> bool:
    """See to it that the metadata is there, whole, the key's own, and skips only what is there.

    Returns whether it was written and is not durable yet.
    """
    if writer.mend_skip():
        return False
    session = writer.session
    if session.is_owned:
        if session.metadata.generation and durable.mode_of(session.data) is None:
            # Somebody removed the data file; only a rewrite can give it back a name in time.
            writer.rewrite(b"", replace(writer.next_metadata(), skip=0, count=0))
        return False
    lines = session.read_lines()
    metadata = replace(writer.next_metadata(), skip=session.skip(lines), count=len(lines.lines))
    writer.write_metadata(metadata, sync=False)
    return True


def _open_whole(writer: SessionWriter) -> _Open:
    file = _open(writer.session.data)
    try:
        if not file.size or os.pread(file.descriptor, 1, file.size - 1) == b"\n":
            return file
    except BaseException:
        os.close(file.descriptor)
        raise
    os.close(file.descriptor)
    writer.rewrite_same()
    return replace(_open(writer.session.data), created=file.created)


def _open(path: str) -> _Open:
    flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC
    created = False
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        descriptor = os.open(path, flags | os.O_CREAT, durable.FILE_MODE)
        created = True
    try:
        return _Open(descriptor, os.fstat(descriptor).st_size, created)
    except BaseException:
        os.close(descriptor)
        raise


def _write(writer: SessionWriter, file: _Open, line: bytes) -> None:
    try:
        durable.write_all(file.descriptor, line)
    except BaseException as error:
        _take_back(writer, file, error)
        try:
            os.fdatasync(file.descriptor)  # for the same reason as in _cut
        except OSError:
            writer.suspect()
        raise
    try:
        os.fdatasync(file.descriptor)
    except BaseException as error:
        writer.suspect()
        _take_back(writer, file, error)
        raise


def _take_back(writer: SessionWriter, file: _Open, error: BaseException) -> None:
    try:
        os.ftruncate(file.descriptor, file.size)
    except OSError as second:
        writer.suspect()
        visible = "readers may see the message, or its beginning as a torn tail"
        raise ChangeNotUndone(as_os_error(error), writer.session.data, visible) from second
