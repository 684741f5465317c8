"""When the index is written, and what must be durable before."""

import logging
from collections.abc import Mapping, Sequence

from tornwrite.reference.durable.errors import StoreError
from tornwrite.reference.transcripts.directory import TranscriptDirectory
from tornwrite.reference.transcripts.index import Entry, Index, read_index, write_index
from tornwrite.reference.transcripts.names import INDEX_NAME
from tornwrite.reference.transcripts.scanning import Scan

MOST_SYNCS = 256
_logger = logging.getLogger(__name__)


def remember(directory: TranscriptDirectory, index: Index, scans: Sequence[Scan]) -> None:
    """Write the index anew, if that spares the next list more bytes than the index has.

    What cannot be made durable, or not yet, is not remembered. No failure is raised.

    Args:
        directory: of the transcripts.
        index: as it was when the scans were made.
        scans: of all files.
    """
    gained = sum(scan.gained for scan in scans)
    if gained <= index.size_bytes or not directory.locks.writable:
        return
    durable = _made_durable(directory, scans)
    entries = {}
    for scan in scans:
        entry = scan.entry if scan.file in durable else index.entries.get(scan.file)
        if entry is not None:
            entries[scan.file] = entry
    _replace(directory, entries)


def forget(directory: TranscriptDirectory, file: str) -> None:
    """Take a file that was deleted out of the index: it holds its title. No failure is raised."""
    entries = read_index(directory.path).entries
    if file in entries:
        _replace(directory, {name: entry for name, entry in entries.items() if name != file})


def _replace(directory: TranscriptDirectory, entries: Mapping[str, Entry]) -> None:
    # Two who do so at once keep the index of the later one: less may be remembered, nothing wrong.
    try:
        with directory.writing(INDEX_NAME):
            write_index(directory.path, entries)
    except (OSError, StoreError) as error:
        _logger.debug("the index of %s was not written: %s", directory.path, error)


def _made_durable(directory: TranscriptDirectory, scans: Sequence[Scan]) -> set[str]:
    """The files of which all that was read is durable; those with most to gain come first."""
    durable = {scan.file for scan in scans if scan.is_settled or not scan.gained}
    others = sorted((-scan.gained, scan.file) for scan in scans if scan.file not in durable)
    for _, file in others[:MOST_SYNCS]:
        try:
            with directory.reading(file) as shard:
                directory.lines.sync_data(shard, file)
        except (OSError, StoreError) as error:
            _logger.debug("%s is not remembered: %s", file, error)
        else:
            durable.add(file)
    return durable
