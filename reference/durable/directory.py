"""A directory of files that the threads of a process and several processes use at once.

It is made durably, has a lock for each file name, remembers which files not to trust after a failed
sync, and clears away what writers that were killed left behind.
"""

import contextlib
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence

from tornwrite.reference.durable import files
from tornwrite.reference.durable.appending import Settled, append_line, look_of, rewrite_lines
from tornwrite.reference.durable.errors import KeyRefused, StoreClosed, TooManySuspects
from tornwrite.reference.durable.locks import SHARDS, DirectoryLocks
from tornwrite.reference.durable.memory import ShardMemory
from tornwrite.reference.durable.names import LOCK_NAME, is_unfinished
from tornwrite.reference.durable.spelling import is_case_blind, other_spelling

MOST_SUSPECTS = 1024
TEMPORARY_SUFFIX = ".tmp"
_logger = logging.getLogger(__name__)


class StoreDirectory:
    """What a store keeps in memory, none of it growing with the number of files.

    Args:
        path: the directory; made when missing. One that cannot be written to can be read.

    Raises:
        OSError: the system refused.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.path.abspath(os.fspath(path))
        # Names for which a sync failed: the page cache may not be what is on disk.
        self.suspects: set[str] = set()
        lock_path = os.path.join(self.path, LOCK_NAME)
        self._make(lock_path)
        self.locks = DirectoryLocks(lock_path)
        self._is_case_blind = is_case_blind(self.path, LOCK_NAME)

    def check_open(self) -> None:
        """Raise StoreClosed if the store was closed."""
        if self.locks.closed:
            raise StoreClosed(f"the session store in {self.path} is closed; open it anew")

    def check_suspects(self) -> None:
        """Raise TooManySuspects if too many syncs failed to go on writing."""
        if len(self.suspects) > MOST_SUSPECTS:
            raise TooManySuspects(
                f"syncs failed for more than {MOST_SUSPECTS} sessions in {self.path}: nothing "
                "is written any more; see to the disk, then open the store anew"
            )

    def reading(
        self, name: str, files: Sequence[str] = ()
    ) -> contextlib.AbstractContextManager[int]:
        """Nobody changes the files of that name meanwhile; gives the number of its shard.

        Args:
            name: what they are locked by.
            files: their names, where those alone say whose they are.

        Raises:
            KeyRefused: one of the files is another name's, by another spelling.
            StoreClosed, OSError: as the stores' methods.
        """

        def check() -> None:
            # Under the lock: another thread may have closed the store while this one waited.
            self.check_open()
            self._check_spelling(files)

        return self.locks.session(name, write=False, check=check)

    def writing(
        self, name: str, files: Sequence[str] = ()
    ) -> contextlib.AbstractContextManager[int]:
        """Nobody else reads or changes the files of that name meanwhile.

        Args:
            name, files: as for `reading`.

        Raises:
            KeyRefused: as `reading`.
            StoreClosed, TooManySuspects, OSError: as the stores' methods.
        """

        def check() -> None:
            self._check_writing()
            self._check_spelling(files)

        return self.locks.session(name, write=True, check=check)

    def other_spelling(self, files: Iterable[str]) -> str | None:
        """The name by which one of these files is there, if it is another; call it under the lock.

        Raises:
            OSError: the directory cannot be read.
        """
        return other_spelling(self.path, files) if self._is_case_blind else None

    def remove_leftovers(self, is_leftover: Callable[[str], bool]) -> list[str]:
        """Remove files that writers which were killed had not finished; to be called when opening.

        Args:
            is_leftover: says so of a file's name, of what no writer is at work on.

        Returns:
            The names that were removed. The directory is not synced.

        Raises:
            OSError: the system refused.
        """

        def is_left(name: str) -> bool:
            return is_unfinished(name) or is_leftover(name)

        if not self.locks.writable or not self._names(is_left):
            return []
        # Which shard a leftover belongs to is not always to be seen from its name.
        with self.locks.all_sessions():
            leftovers = self._names(is_left)
            for name in leftovers:
                _logger.info("removing %s, left by a write that never finished", name)
                files.remove_if_there(os.path.join(self.path, name))
        return leftovers

    @contextlib.contextmanager
    def closed_on_failure(self) -> Iterator[None]:
        """What follows belongs to opening: should it fail, nobody is left to close this."""
        try:
            yield
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Release the lock file, once nobody in this process holds a lock."""
        self.locks.close()

    def _check_spelling(self, files: Sequence[str]) -> None:
        other = self.other_spelling(files)
        if other is not None:
            raise KeyRefused(
                f"{other} in {self.path} is another's: the file system does not tell {files[0]} "
                "from it; use a key that differs in more than case"
            )

    def _check_writing(self) -> None:
        self.check_open()
        self.check_suspects()

    def _names(self, wanted: Callable[[str], bool]) -> list[str]:
        with os.scandir(self.path) as entries:
            found = sorted(entry.name for entry in entries if entry.is_file(follow_symlinks=False))
        return [name for name in found if wanted(name)]

    def _make(self, lock_path: str) -> None:
        # The lock file is made last: where it is, the directory's own name is durable already.
        if os.path.exists(lock_path):
            return
        if os.path.isdir(self.path) and not os.access(self.path, os.W_OK):
            return  # to read only
        files.make_directory_durably(self.path)


class LineFiles:
    """The files of lines in a store's directory: appended to and rewritten, under their locks.

    Args:
        directory: where they are. Each file is known by its name there, and locked by the caller.
    """

    def __init__(self, directory: StoreDirectory) -> None:
        self._directory = directory
        self._settled: ShardMemory[Settled] = ShardMemory(SHARDS)

    def path_of(self, name: str) -> str:
        """The path of the file of that name."""
        return os.path.join(self._directory.path, name)

    def is_settled(self, shard: int, name: str, look: Settled) -> bool:
        """Whether this store made the file durable when it looked like this."""
        return self._settled.get(shard, name) == look

    def append(self, shard: int, name: str, line: bytes) -> None:
        """Append a line durably, in steady state with one data sync; a new file begins with it.

        Args:
            shard: the number of the lock held.
            name: of the file.
            line: with its newline.

        Raises:
            OSError: no reader sees the line, or (`ChangeNotUndone`) what readers may see.
        """
        if name in self._directory.suspects:
            try:
                self.rewrite(shard, name)
            except FileNotFoundError:
                self._directory.suspects.discard(name)  # it never came to be
        settled = append_line(
            self.path_of(name),
            line,
            settled=self._settled.get(shard, name),
            suspect=lambda: self.suspect(shard, name),
        )
        self._settled.remember(shard, name, settled)

    def rewrite(self, shard: int, name: str) -> None:
        """Rewrite a file as it is, its last line whole; a torn tail is kept aside.

        Raises:
            OSError: nothing changed for a reader. FileNotFoundError: there is no such file.
        """
        settled = rewrite_lines(self.path_of(name), suspect=lambda: self.suspect(shard, name))
        self._directory.suspects.discard(name)
        self._settled.remember(shard, name, settled)

    def settle(self, shard: int, name: str) -> None:
        """Make the name of an existing file durable, unless it is known to be.

        Raises:
            OSError: there is no such file, or the sync failed: the file is suspect from now on.
        """
        look = look_of(self.path_of(name))
        if self.is_settled(shard, name, look):
            return
        self.sync_names(shard, name)
        self._settled.remember(shard, name, look)

    def sync_names(self, shard: int, name: str) -> None:
        """Make every name in the directory durable as it is now.

        Args:
            shard, name: of the file that is suspect if this fails.

        Raises:
            OSError: the sync failed.
        """
        try:
            files.sync_directory(self._directory.path)
        except BaseException:
            self.suspect(shard, name)
            raise

    def sync_data(self, shard: int, name: str) -> None:
        """Make the data of an existing file durable, as it is now.

        Raises:
            OSError: there is no such file, or the sync failed: the file is suspect from now on.
        """
        descriptor = os.open(self.path_of(name), os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fdatasync(descriptor)
        except BaseException as error:
            files.name_file(error, self.path_of(name))
            self.suspect(shard, name)
            raise
        finally:
            files.close(descriptor)

    def suspect(self, shard: int, name: str) -> None:
        """After a failed sync: rewrite the file before anything else is written to it."""
        self._directory.suspects.add(name)
        self._settled.forget(shard, name)
