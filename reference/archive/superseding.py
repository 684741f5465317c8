"""How a session that is in two files changes as one.

Neither two unlinks nor a rename and an unlink are one change: a crash can let either of them
through. So one file more says what the session has become, whatever the other two hold, until they
hold the same.

To archive a session of which a part is archived:

1. all its lines are written to a *superseding file*, under a temporary name, and synced;
2. that is renamed to `ID.jsonl.whole`, and the directory synced: this is the change. While it is
   there it is the session, archived;
3. the active file is removed, and the directory synced: were it still there after the next step,
   its messages would count twice;
4. the superseding file is renamed over the archived one.

To delete such a session:

1. an empty file `ID.jsonl.gone` is made, and the directory synced: this is the change;
2. the others are removed, and the directory synced;
3. the file that says so is removed.

The last step needs no sync: whether it survives or not, what a reader finds is the same, and before
a line of a new active file counts its directory is synced. After a crash the next writer of the
session goes on from wherever this stopped; readers need not.
"""

import contextlib
import logging
import os
from collections.abc import Callable

from tornwrite.reference import durable
from tornwrite.reference.archive.piecing import missing
from tornwrite.reference.archive.session import best_of, is_gone, read_whole, supersedes
from tornwrite.reference.archive.session_writer import SessionWriter
from tornwrite.reference.durable.damage import keep_aside
from tornwrite.reference.durable.errors import ChangeNotUndone, as_os_error
from tornwrite.reference.durable.lines import read_lines

_logger = logging.getLogger(__name__)


def archive_both(writer: SessionWriter, data: bytes) -> None:
    """Put the archived and the active file aside as one, in one step.

    Args:
        writer: of the session, which has both.
        data: the lines of both, each with its newline.

    Raises:
        OSError: nothing changed, or (`ChangeNotUndone`) what readers may see.
    """
    files = writer.files
    _write_whole(writer, data)
    _commit(writer, files.whole)
    _clear(writer, _put_in_place)


def delete_both(writer: SessionWriter) -> None:
    """Remove a session that has an archived and an active file, in one step.

    Raises:
        OSError: nothing changed, or (`ChangeNotUndone`) what readers may see.
    """
    durable.write_new_file(writer.files.gone, b"")
    _commit(writer, writer.files.gone)
    _clear(writer, _remove_all)


def finish(writer: SessionWriter) -> None:
    """Complete what an earlier writer had begun, if there is anything.

    Raises:
        OSError: the system refused; nothing changed for a reader.
    """
    # What is visible may be the work of a process that was killed before it could sync.
    if is_gone(writer.files):
        writer.sync_names()
        _remove_all(writer)
        return
    data = read_whole(writer.files)
    if data is None:
        return
    writer.sync_names()
    if supersedes(data):
        best = best_of(writer.files, data)
        for path in (writer.files.archived, writer.files.active):
            keep_aside(path, missing(best, read_lines(path)))
        if best != data:
            keep_aside(writer.files.whole, [data])
            _write_whole(writer, best)
            writer.sync_names()
        _put_in_place(writer)
    else:
        # Back after a crash it says nothing again: no sync.
        keep_aside(writer.files.whole, [data])
        _remove(writer.files.whole)


def _write_whole(writer: SessionWriter, data: bytes) -> None:
    files = writer.files
    durable.write_new_file(files.temporary, data, mode=_common_mode(writer), fresh=False)
    try:
        os.rename(files.temporary, files.whole)
    except BaseException:
        durable.remove_if_there(files.temporary)
        raise


def _commit(writer: SessionWriter, path: str) -> None:
    try:
        writer.sync_names()
    except BaseException as error:
        try:
            os.unlink(path)
        except OSError as second:
            visible = "the change is visible but may be gone after a crash"
            raise ChangeNotUndone(as_os_error(error), path, visible) from second
        writer.try_to_sync_names()
        raise


def _clear(writer: SessionWriter, rest: Callable[[SessionWriter], None]) -> None:
    try:
        rest(writer)
    except OSError as error:
        # The change is valid and durable; the next writer does the rest.
        _logger.warning("could not clear %s away yet: %s", writer.files.active, error)


def _put_in_place(writer: SessionWriter) -> None:
    _remove(writer.files.active)
    writer.sync_names()
    os.rename(writer.files.whole, writer.files.archived)
    writer.moved()


def _remove_all(writer: SessionWriter) -> None:
    for path in (writer.files.active, writer.files.archived, writer.files.whole):
        _remove(path)
    writer.sync_names()
    os.unlink(writer.files.gone)
    writer.moved()


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def _common_mode(writer: SessionWriter) -> int | None:
    active = durable.mode_of(writer.files.active)
    archived = durable.mode_of(writer.files.archived)
    return None if active is None or archived is None else active & archived
