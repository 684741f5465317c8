"""A directory of sessions: opening it, locking them, remembering which ones not to trust."""

import contextlib
import logging
import os
from collections.abc import Callable, Iterator

from tornwrite.reference import durable, names
from tornwrite.reference.errors import StoreClosed, TooManySuspects
from tornwrite.reference.locks import SHARDS, DirectoryLocks
from tornwrite.reference.memory import ShardMemory
from tornwrite.reference.metadata import Metadata, Missing, read_metadata
from tornwrite.reference.names import SessionFiles
from tornwrite.reference.session import Session, find_session
from tornwrite.reference.times import format_time

MOST_SUSPECTS = 1024
_logger = logging.getLogger(__name__)


class SessionDirectory:
    """What the store keeps in memory, none of it growing with the number of sessions.

    Args:
        path: the directory; made when missing.
        clock: nanoseconds since 1970 UTC.

    Raises:
        OSError: the system refused.
    """

    def __init__(self, path: str | os.PathLike[str], clock: Callable[[], int]) -> None:
        self.path = os.path.abspath(os.fspath(path))
        self._clock = clock
        # Names of sessions for which a sync failed: the page cache may not be what is on disk.
        self.suspects: set[str] = set()
        # Data file's inode and the skip that was found to be within its lines.
        self.checked: ShardMemory[tuple[int, int]] = ShardMemory(SHARDS)
        # Size in bytes up to which this store synced the data file, and what the metadata meant
        # when it synced the directory. Anything else may be of a process that was killed before
        # it could sync: visible, and gone after the next crash.
        self.synced: ShardMemory[int] = ShardMemory(SHARDS)
        self.settled: ShardMemory[tuple[object, ...]] = ShardMemory(SHARDS)
        lock_path = os.path.join(self.path, names.LOCK_NAME)
        self._make(lock_path)
        self.locks = DirectoryLocks(lock_path)
        if self.locks.writable:
            self._remove_leftovers()

    def now(self) -> str:
        return format_time(self._clock())

    @contextlib.contextmanager
    def reading(self, key: str) -> Iterator[Session]:
        """A session that nobody changes meanwhile.

        Raises:
            StoreClosed, KeyRefused, OSError: as the store's methods.
        """
        with self._locked(key, write=False):
            yield find_session(self.path, key)

    @contextlib.contextmanager
    def writing(self, key: str) -> Iterator[tuple[Session, int]]:
        """A session that nobody else reads or changes meanwhile, and the number of its shard.

        Raises:
            StoreClosed, KeyRefused, TooManySuspects, OSError: as the store's methods.
        """
        with self._locked(key, write=True) as shard:
            if len(self.suspects) > MOST_SUSPECTS:
                raise TooManySuspects(
                    f"syncs failed for more than {MOST_SUSPECTS} sessions in {self.path}: nothing "
                    "is written any more; see to the disk, then open the store anew"
                )
            yield find_session(self.path, key), shard

    def check_open(self) -> None:
        if self.locks.closed:
            raise StoreClosed(f"the session store in {self.path} is closed; open it anew")

    @contextlib.contextmanager
    def _locked(self, key: str, *, write: bool) -> Iterator[int]:
        checked = names.check_key(key)
        with self.locks.session(names.lossy_name(checked), write=write) as shard:
            # Under the lock: another thread may have closed the store while this one waited.
            self.check_open()
            yield shard

    def _make(self, lock_path: str) -> None:
        # The lock file is made last: where it is, the directory's own name is durable already.
        if os.path.exists(lock_path):
            return
        if os.path.isdir(self.path) and not os.access(self.path, os.W_OK):
            return  # to read only
        durable.make_directory_durably(self.path)

    def _remove_leftovers(self) -> None:
        """Remove what writers that were killed had not committed."""
        if not _leftovers(self.path):
            return
        # Which shard a leftover belongs to is not always to be seen from its name.
        with self.locks.all_sessions():
            leftovers = _leftovers(self.path)
            for path in leftovers:
                _logger.info("removing %s, left by a write that never finished", path)
                durable.remove_if_there(path)
            if any(names.parse_generation(os.path.basename(path)) for path in leftovers):
                # The next rewrite may use the same number. A crash must not bring this file back
                # when there is metadata that names it.
                durable.sync_directory(self.path)


def _leftovers(directory: str) -> list[str]:
    with os.scandir(directory) as entries:
        found = sorted(entry.name for entry in entries if entry.is_file(follow_symlinks=False))
    return [os.path.join(directory, name) for name in found if _is_leftover(directory, name)]


def _is_leftover(directory: str, name: str) -> bool:
    # No session's data or metadata file can match either pattern: those end otherwise.
    if name.endswith(names.TEMPORARY_SUFFIX):
        return True
    generation = names.parse_generation(name)
    if generation is None:
        return False
    session, number = generation
    content = read_metadata(SessionFiles(directory, session).metadata).content
    match content:
        case Metadata():
            return content.generation != number
        case Missing():
            return True
        case _:
            # It may be the only good copy: whoever writes the session next keeps it aside.
            return False
