"""A directory of sessions: opening it, and what is remembered of them."""

import os

from tornwrite.reference.archive.session_files import is_leftover
from tornwrite.reference.durable.appending import Settled
from tornwrite.reference.durable.directory import LineFiles, StoreDirectory
from tornwrite.reference.durable.locks import SHARDS
from tornwrite.reference.durable.memory import ShardMemory


class SessionDirectory(StoreDirectory):
    """What the store keeps in memory, none of it growing with the number of sessions.

    Args:
        path: the directory; made when missing.

    Raises:
        OSError: the system refused.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(path)
        self.lines = LineFiles(self)
        # How an archived file looked when its session was known to be archived on the disk too.
        self.archived: ShardMemory[Settled] = ShardMemory(SHARDS)
        with self.closed_on_failure():
            self.remove_leftovers(is_leftover)
