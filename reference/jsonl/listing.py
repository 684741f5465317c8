"""Which sessions a directory holds."""

import contextlib
import os

from tornwrite.reference.jsonl import names
from tornwrite.reference.jsonl.metadata import LegacyFile, read_metadata
from tornwrite.reference.jsonl.names import SessionFiles
from tornwrite.reference.jsonl.session import owner_of


def list_keys(directory: str) -> list[str]:
    """The keys of all sessions in a directory, sorted.

    Raises:
        OSError: the system refused.
    """
    with os.scandir(directory) as entries:
        files = [entry.name for entry in entries if entry.is_file()]
    found = {
        name.removesuffix(suffix)
        for name in files
        for suffix in (names.METADATA_SUFFIX, names.DATA_SUFFIX)
        if name.endswith(suffix)
    }
    return sorted({key for name in found if (key := _key(directory, name)) is not None})


def _key(directory: str, name: str) -> str | None:
    files = SessionFiles(directory, name)
    content = read_metadata(files.metadata).content
    owner = owner_of(name, content)
    if owner is not None or isinstance(content, LegacyFile):
        return owner
    try:
        name.encode()
    except UnicodeEncodeError:
        return None  # no key has this name
    is_its_name = names.is_claimable(name) and names.lossy_name(name) == name
    with contextlib.suppress(FileNotFoundError):
        if is_its_name and os.stat(files.data).st_size:
            return name
    return None
