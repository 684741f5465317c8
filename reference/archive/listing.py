"""Which sessions of a directory are active."""

import logging
import os

from tornwrite.reference import durable
from tornwrite.reference.archive.session import is_active
from tornwrite.reference.archive.session_files import ACTIVE_SUFFIX, files_of
from tornwrite.reference.durable.errors import KeyRefused

_logger = logging.getLogger(__name__)


def list_active(directory: str) -> list[str]:
    """The ids of the active sessions, sorted; call it while nobody changes any.

    One whose file cannot be read is listed, and logged.

    Raises:
        OSError: the system refused.
    """
    with os.scandir(directory) as entries:
        files = [entry.name for entry in entries if durable.is_no_folder(entry)]
    names = [name.removesuffix(ACTIVE_SUFFIX) for name in files if name.endswith(ACTIVE_SUFFIX)]
    found = ((durable.id_of(name), name) for name in names)
    return sorted(
        session_id
        for session_id, name in found
        if session_id is not None and _is_active(directory, session_id, name)
    )


def _is_active(directory: str, session_id: str, name: str) -> bool:
    try:
        files = files_of(directory, session_id)
    except KeyRefused:
        return False  # what is too long for a session's other files
    try:
        return files.name == name and is_active(files)
    except OSError as error:
        if not durable.is_of_one_file(error):
            raise
        # The active file is there; whoever loads the session is told.
        _logger.warning("%s cannot be read: %s", files.active_name, error)
        return True
