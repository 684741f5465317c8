"""A directory of sessions: opening it, locking them, remembering which ones not to trust."""

import contextlib
import logging
import os
from collections.abc import Callable, Iterator

from tornwrite.reference import durable
from tornwrite.reference.durable.directory import StoreDirectory
from tornwrite.reference.durable.locks import SHARDS
from tornwrite.reference.durable.memory import ShardMemory
from tornwrite.reference.durable.names import check_key
from tornwrite.reference.durable.times import format_time
from tornwrite.reference.jsonl import names
from tornwrite.reference.jsonl.metadata import Metadata, Missing, read_metadata
from tornwrite.reference.jsonl.names import SessionFiles
from tornwrite.reference.jsonl.session import Session, find_session

_logger = logging.getLogger(__name__)


class SessionDirectory(StoreDirectory):
    """What the store keeps in memory, none of it growing with the number of sessions.

    Args:
        path: the directory; made when missing.
        clock: nanoseconds since 1970 UTC.

    Raises:
        OSError: the system refused.
    """

    def __init__(self, path: str | os.PathLike[str], clock: Callable[[], int]) -> None:
        super().__init__(path)
        self._clock = clock
        # Data file's inode and the skip that was found to be within its lines.
        self.checked: ShardMemory[tuple[int, int]] = ShardMemory(SHARDS)
        # Size in bytes up to which this store synced the data file, and what the metadata meant
        # when it synced the directory. Anything else may be of a process that was killed before
        # it could sync: visible, and gone after the next crash.
        self.synced: ShardMemory[int] = ShardMemory(SHARDS)
        self.settled: ShardMemory[tuple[object, ...]] = ShardMemory(SHARDS)
        with self.closed_on_failure():
            self._remove_leftovers()

    def now(self) -> str:
        return format_time(self._clock())

    @contextlib.contextmanager
    def session_to_read(self, key: str) -> Iterator[Session]:
        """A session that nobody changes meanwhile.

        Raises:
            StoreClosed, KeyRefused, OSError: as the store's methods.
        """
        with self.reading(names.lossy_name(check_key(key))):
            yield find_session(self.path, key, self._is_taken)

    @contextlib.contextmanager
    def session_to_write(self, key: str) -> Iterator[tuple[Session, int]]:
        """A session that nobody else reads or changes meanwhile, and the number of its shard.

        Raises:
            StoreClosed, KeyRefused, TooManySuspects, OSError: as the store's methods.
        """
        with self.writing(names.lossy_name(check_key(key))) as shard:
            yield find_session(self.path, key, self._is_taken), shard

    def _is_taken(self, files: SessionFiles) -> bool:
        found = (os.path.basename(path) for path in (files.metadata, files.data))
        return self.other_spelling(found) is not None

    def _remove_leftovers(self) -> None:
        """Remove what writers that were killed had not committed, or took back."""
        if self.locks.writable and any(map(names.parse_generation, self._names(self._is_leftover))):
            # Metadata that named it may be on the disk still: one that failed to be made durable
            # was put back, and that may not be on the disk. Without its file it must not come up.
            durable.sync_directory(self.path)
        removed = self.remove_leftovers(self._is_leftover)
        if any(map(names.parse_generation, removed)):
            # The next rewrite may use the same number. A crash must not bring this file back
            # when there is metadata that names it.
            durable.sync_directory(self.path)

    def _is_leftover(self, name: str) -> bool:
        return _is_leftover(self.path, name)


def _is_leftover(directory: str, name: str) -> bool:
    # No session's data or metadata file can match either pattern: those end otherwise.
    if name.endswith(names.TEMPORARY_SUFFIX):
        return True
    generation = names.parse_generation(name)
    if generation is None:
        return False
    session, number = generation
    try:
        content = read_metadata(SessionFiles(directory, session).metadata).content
    except OSError as error:
        _logger.warning("cannot be read: %s", error)
        return False
    match content:
        case Metadata():
            return content.generation != number
        case Missing():
            return True
        case _:
            # It may be the only good copy: whoever writes the session next keeps it aside.
            return False
