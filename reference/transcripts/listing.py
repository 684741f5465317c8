"""Which transcripts a directory holds."""

import contextlib
import logging
import os

from tornwrite.reference import durable
from tornwrite.reference.durable.names import printable
from tornwrite.reference.transcripts.contents import UNTITLED
from tornwrite.reference.transcripts.directory import TranscriptDirectory
from tornwrite.reference.transcripts.index import read_index
from tornwrite.reference.transcripts.info import TranscriptInfo
from tornwrite.reference.transcripts.names import id_of_file
from tornwrite.reference.transcripts.remembering import remember
from tornwrite.reference.transcripts.scanning import Scan, scan

_logger = logging.getLogger(__name__)


def list_transcripts(directory: TranscriptDirectory) -> list[TranscriptInfo]:
    """All transcripts of a directory, sorted by id.

    Raises:
        StoreClosed, OSError: as the store's methods.
    """
    index = read_index(directory.path)
    scans: list[Scan] = []
    for file, identifier in _files(directory.path):
        # A file may go while the list is made.
        with contextlib.suppress(FileNotFoundError):
            try:
                scans.append(scan(directory, file, identifier, index.entries.get(file)))
            except OSError as error:
                if not durable.is_of_one_file(error):
                    raise
                _logger.warning("passed by in the list: %s: %s", printable(file), error)
    remember(directory, index, scans)
    found = [_info(scan) for scan in scans if scan.all.has_header or scan.all.count]
    return sorted(found, key=lambda info: info.id)


def _files(directory: str) -> list[tuple[str, str]]:
    with os.scandir(directory) as entries:
        names = sorted(entry.name for entry in entries if durable.is_no_folder(entry))
    found = [(name, id_of_file(name)) for name in names]
    return [(name, identifier) for name, identifier in found if identifier is not None]


def _info(scan: Scan) -> TranscriptInfo:
    return TranscriptInfo(scan.id, scan.all.title or UNTITLED, scan.all.created_at, scan.all.count)
