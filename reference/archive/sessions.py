"""A directory of sessions: opening it, and what is remembered of them."""

import os

from tornwrite.reference.archive.session_files import is_leftover
from tornwrite.reference.durable.appending import Settled, look_of
from tornwrite.reference.durable.directory import LineFiles, StoreDirectory
from tornwrite.reference.durable.locks import SHARDS
from tornwrite.reference.durable.memory import ShardMemory


class ActiveFiles(LineFiles):
    """The active files of a directory, of which it is known which this store wrote."""

    def is_as_written(self, shard: int, name: str) -> bool:
        """Whether an existing file looks as it did when this store last made it durable.

        Raises:
            OSError: it is missing or cannot be looked at.
        """
        look = look_of(os.path.join(self._directory.path, name))
        return self._settled.get(shard, name) == look


class SessionDirectory(StoreDirectory):
    """What the store keeps in memory, none of it growing with the number of sessions.

    Args:
        path: the directory; made when missing.

    Raises:
        OSError: the system refused.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(path)
        self.lines = ActiveFiles(self)
        # How an archived file looked when its session was known to be archived on the disk too.
        self.archived: ShardMemory[Settled] = ShardMemory(SHARDS)
        self.remove_leftovers(is_leftover)
