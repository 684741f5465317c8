"""Which sessions of a directory are active."""

import os

from tornwrite.reference import durable
from tornwrite.reference.archive.session import is_active
from tornwrite.reference.archive.session_files import ACTIVE_SUFFIX, SessionFiles


def list_active(directory: str) -> list[str]:
    """The ids of the active sessions, sorted; call it while nobody changes any.

    Raises:
        OSError: the system refused.
    """
    with os.scandir(directory) as entries:
        files = [entry.name for entry in entries if entry.is_file()]
    names = [name.removesuffix(ACTIVE_SUFFIX) for name in files if name.endswith(ACTIVE_SUFFIX)]
    found = ((durable.id_of(name), name) for name in names)
    return sorted(
        session_id
        for session_id, name in found
        if session_id is not None and is_active(SessionFiles(directory, name))
    )
