"""Which sessions a directory holds."""

import contextlib
import logging
import os

from tornwrite.reference import durable
from tornwrite.reference.jsonl import names
from tornwrite.reference.jsonl.metadata import Content, Damaged, LegacyFile, read_metadata
from tornwrite.reference.jsonl.names import SessionFiles
from tornwrite.reference.jsonl.session import owner_of

_logger = logging.getLogger(__name__)


def list_keys(directory: str) -> list[str]:
    """The keys of all sessions in a directory, sorted.

    A session whose metadata cannot be read is listed by its file name, and logged.

    Raises:
        OSError: the system refused.
    """
    found = session_names(directory)
    return sorted({key for name in found if (key := _key(directory, name)) is not None})


def session_names(directory: str) -> list[str]:
    """What the names of the files of all sessions in a directory begin with, sorted.

    Those of foreign files may be among them.

    Raises:
        OSError: the system refused.
    """
    with os.scandir(directory) as entries:
        files = [entry.name for entry in entries if durable.is_no_folder(entry)]
    found = {
        name.removesuffix(suffix)
        for name in files
        for suffix in (names.METADATA_SUFFIX, names.DATA_SUFFIX)
        if name.endswith(suffix)
    }
    # Metadata could not have the name of every foreign file.
    return sorted(name for name in found if names.can_exist(name))


def _content(files: SessionFiles) -> Content:
    try:
        return read_metadata(files.metadata).content
    except OSError as error:
        if not durable.is_of_one_file(error):
            raise
        _logger.warning("cannot be read: %s", error)
        return Damaged(str(error))


def _key(directory: str, name: str) -> str | None:
    files = SessionFiles(directory, name)
    content = _content(files)
    owner = owner_of(name, content)
    if owner is not None or isinstance(content, LegacyFile):
        return owner
    try:
        name.encode()
    except UnicodeEncodeError:
        return None  # no key has this name
    is_its_name = names.is_claimable(name) and names.lossy_name(name) == name
    with contextlib.suppress(FileNotFoundError):
        if is_its_name and os.lstat(files.data).st_size:
            return name
    return None
