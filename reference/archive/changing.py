"""The operations on a session's files, each under the session's lock."""

import os

from tornwrite.reference.archive.piecing import terminated
from tornwrite.reference.archive.session import Part, is_there, read_session
from tornwrite.reference.archive.session_writer import SessionWriter
from tornwrite.reference.archive.superseding import archive_both, delete_both, finish
from tornwrite.reference.durable.damage import keep_aside
from tornwrite.reference.durable.errors import ChangeNotUndone, SessionNotFound, as_os_error


def save(writer: SessionWriter, line: bytes) -> None:
    """Append a line to a session, which is active then.

    Args:
        writer: of the session.
        line: with its newline.

    Raises:
        OSError: no reader sees the line, or (`ChangeNotUndone`) what readers may see.
    """
    finish(writer)
    writer.recover()
    if not is_there(writer.files.active):
        # On the disk the archived file may still have the active name, for the process that renamed
        # it may have been killed before its sync. A new file would then take its place.
        writer.settle_archived()
    writer.append(line)


def archive(writer: SessionWriter, session_id: str) -> None:
    """Put a session's whole history aside.

    Args:
        writer: of the session.
        session_id: to be named in an error.

    Raises:
        SessionNotFound: there is none.
        OSError: nothing changed, or (`ChangeNotUndone`) what readers may see.
    """
    finish(writer)
    writer.recover()
    session = read_session(writer.files)
    if not session.exists:
        # The process that deleted it may have been killed before its sync.
        writer.sync_names()
        raise SessionNotFound(f"there is no session {session_id!r}")
    if not session.is_active:
        writer.settle_archived()
    elif is_there(writer.files.archived):
        _merge(writer, session.parts)
    else:
        _rename(writer)


def delete(writer: SessionWriter) -> None:
    """Remove a session; if there is none, make that durable.

    Raises:
        OSError: nothing changed, or (`ChangeNotUndone`) what readers may see.
    """
    finish(writer)
    # What a failed sync left of the active file must not outlive the archived one.
    writer.recover()
    there = [path for path in (writer.files.active, writer.files.archived) if is_there(path)]
    if len(there) > 1:
        delete_both(writer)
        return
    for path in there:
        os.unlink(path)
    try:
        writer.sync_names()
    except BaseException as error:
        if there:
            visible = "the session is gone but may be back after a crash; delete it again"
            raise ChangeNotUndone(as_os_error(error), there[0], visible) from error
        raise
    writer.moved()


def _rename(writer: SessionWriter) -> None:
    files = writer.files
    # What a killed process saved is visible, but perhaps not durable.
    writer.sync_active()
    os.rename(files.active, files.archived)
    try:
        writer.sync_names()
    except BaseException as error:
        try:
            os.rename(files.archived, files.active)
        except OSError as second:
            visible = "the session is archived but may be active again after a crash"
            raise ChangeNotUndone(as_os_error(error), files.active, visible) from second
        writer.try_to_sync_names()
        raise
    writer.moved()


def _merge(writer: SessionWriter, parts: tuple[Part, ...]) -> None:
    for part in parts:
        # Durable before the change is: whoever completes it after a crash removes the files.
        path = os.path.join(writer.files.directory, part.file)
        keep_aside(path, [part.lines.tail])
    archive_both(writer, b"".join(terminated(part.lines) for part in parts))
