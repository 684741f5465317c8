"""A directory of transcripts: how each file comes to be, is known to be durable, and goes.

What is visible need not be durable: another process may have been killed between the two. So before
anything is acknowledged that builds on a file, the file's data and its name are synced, unless this
store did so and the file still looks as it did then.
"""

import os
from collections.abc import Callable

from tornwrite.reference.durable import files
from tornwrite.reference.durable.appending import look_of
from tornwrite.reference.durable.damage import keep_aside, log_damage
from tornwrite.reference.durable.directory import TEMPORARY_SUFFIX, LineFiles, StoreDirectory
from tornwrite.reference.durable.errors import ChangeNotUndone, SessionNotFound, as_os_error
from tornwrite.reference.durable.times import format_time
from tornwrite.reference.transcripts.contents import Contents, read_contents, read_header
from tornwrite.reference.transcripts.header import Header, encode_header
from tornwrite.reference.transcripts.index import Stamper
from tornwrite.reference.transcripts.names import is_leftover


class TranscriptFiles(LineFiles):
    """The files of lines, of which the data is known to be durable too when they are settled."""

    def settle_whole(self, shard: int, name: str) -> None:
        """Make an existing file durable, data and name, unless it is known to be.

        Raises:
            OSError: there is no such file, or a sync failed: the file is suspect from now on.
        """
        if name in self._directory.suspects:
            self.rewrite(shard, name)
        elif not self.is_settled(shard, name, look_of(self.path_of(name))):
            self.sync_data(shard, name)
            self.settle(shard, name)

    def replaced(self, shard: int, name: str) -> None:
        """Remember that a file has just been made anew, durably."""
        self._directory.suspects.discard(name)
        self._settled.remember(shard, name, look_of(self.path_of(name)))

    def removed(self, shard: int, name: str) -> None:
        """Remember that a file is gone, durably."""
        self._directory.suspects.discard(name)
        self._settled.forget(shard, name)


class TranscriptDirectory(StoreDirectory):
    """What the store keeps in memory, none of it growing with the number of transcripts.

    Args:
        path: the directory; made when missing.
        clock: nanoseconds since 1970 UTC.
        stamp: what the index is to remember of how a file looks.

    Raises:
        OSError: the system refused.
    """

    def __init__(
        self, path: str | os.PathLike[str], clock: Callable[[], int], stamp: Stamper
    ) -> None:
        super().__init__(path)
        self._clock = clock
        self.stamp = stamp
        self.lines = TranscriptFiles(self)
        with self.closed_on_failure():
            self.remove_leftovers(is_leftover)

    def contents(self, file: str, identifier: str) -> Contents:
        """What a transcript's file holds. Call it under the file's lock.

        Raises:
            SessionNotFound: there is no transcript in it.
            OSError: the system refused.
        """
        contents = read_contents(self.path, file, identifier)
        if not contents.exists:
            raise SessionNotFound(f"there is no transcript {identifier!r} in {self.path}")
        return contents

    def created_at(self, file: str, identifier: str) -> str:
        """When an existing transcript was created; empty if its file does not say.

        Raises:
            SessionNotFound, OSError: as `contents`.
        """
        header = read_header(self.path, file)
        return header.created_at if header else self.contents(file, identifier).created_at

    def get_or_create(self, shard: int, file: str, identifier: str) -> str:
        """See to it that a transcript exists durably; gives when it was created.

        Raises:
            OSError: nothing changed for a reader, or (`ChangeNotUndone`) what readers may see.
        """
        try:
            created_at = self.created_at(file, identifier)
        except SessionNotFound:
            return self._create(shard, file, identifier)
        self.lines.settle_whole(shard, file)
        return created_at

    def delete(self, shard: int, file: str) -> None:
        """See to it that a file is durably absent.

        Raises:
            OSError: nothing changed for a reader, or (`ChangeNotUndone`) what readers may see.
        """
        was_there = True
        try:
            os.unlink(os.path.join(self.path, file))
        except FileNotFoundError:
            was_there = False  # perhaps since a process that was killed before its sync
        try:
            self.lines.sync_names(shard, file)
        except BaseException as error:
            if not was_there:
                raise
            visible = "the transcript is gone from sight, but may be there again after a crash"
            raise ChangeNotUndone(as_os_error(error), file, visible) from error
        self.lines.removed(shard, file)

    def _create(self, shard: int, file: str, identifier: str) -> str:
        path = os.path.join(self.path, file)
        self._keep_what_is_there(path, read_contents(self.path, file, identifier))
        header = Header(identifier, format_time(self._clock()))
        files.replace_file(path, encode_header(header), temporary=path + TEMPORARY_SUFFIX)
        try:
            self.lines.sync_names(shard, file)
        except BaseException as error:
            self._take_back(path, error)
            raise
        self.lines.replaced(shard, file)
        return header.created_at

    def _keep_what_is_there(self, path: str, contents: Contents) -> None:
        for damage in contents.damage:
            log_damage(damage)
        keep_aside(path, [contents.lines.whole + contents.lines.tail])

    def _take_back(self, path: str, error: BaseException) -> None:
        try:
            os.unlink(path)
        except OSError as second:
            visible = "the transcript is there, empty, but may be gone after a crash"
            raise ChangeNotUndone(as_os_error(error), path, visible) from second
