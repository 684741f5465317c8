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


def list_keys(directory: str, *, strict: bool = False) -> list[str]:
    """The keys of all sessions in a directory, sorted.

    A session whose metadata cannot be read is listed by its file name, and logged; or raises what
    the system said, if this is to be `strict`.

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
    return sorted({key for name in found if (key := _key(directory, name, strict)) is not None})


def _content(files: SessionFiles, strict: bool) -> Content:
    try:
        return read_metadata(files.metadata).content
    except OSError as error:
        if strict or not durable.is_of_one_file(error):
            raise
        _logger.warning("cannot be read: %s", error)
        return Damaged(str(error))


def _key(directory: str, name: str, strict: bool) -> str | None:
    if not names.can_exist(name):
        return None  # a foreign file: metadata could not have the name
    files = SessionFiles(directory, name)
    content = _content(files, strict)
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
