"""What a writer of a session has at hand, under the session's lock."""

import contextlib
from dataclasses import dataclass

from tornwrite.reference import durable
from tornwrite.reference.archive.session_files import SessionFiles
from tornwrite.reference.archive.sessions import SessionDirectory
from tornwrite.reference.durable.appending import look_of


@dataclass(frozen=True, slots=True)
class SessionWriter:
    """A session that nobody else reads or changes meanwhile.

    Attributes:
        directory: where the session is.
        files: its paths.
        shard: the number of the lock held.
    """

    directory: SessionDirectory
    files: SessionFiles
    shard: int

    def append(self, line: bytes) -> None:
        """Append a line to the active file durably; make the file when missing.

        Raises:
            OSError: no reader sees the line, or (`ChangeNotUndone`) what readers may see.
        """
        self.directory.lines.append(self.shard, self.files.active_name, line)

    def sync_names(self) -> None:
        """Make the session's names durable as they are now.

        Raises:
            OSError: the sync failed; the session is suspect from now on.
        """
        self.directory.lines.sync_names(self.shard, self.files.active_name)

    def try_to_sync_names(self) -> None:
        """After a change was taken back: other processes, which suspect nothing, go on from it."""
        with contextlib.suppress(OSError):
            durable.sync_directory(self.files.directory)

    def sync_active(self) -> None:
        """Make the active file's data durable, unless this store did.

        Raises:
            OSError: the sync failed; the session is suspect from now on.
        """
        name = self.files.active_name
        lines = self.directory.lines
        if not lines.is_settled(self.shard, name, look_of(self.files.active)):
            lines.sync_data(self.shard, name)

    def settle_archived(self) -> None:
        """See to it that what is archived is so on the disk too, if anything is.

        Raises:
            OSError: the sync failed; the session is suspect from now on.
        """
        try:
            look = look_of(self.files.archived)
        except FileNotFoundError:
            return
        known = self.directory.archived
        if known.get(self.shard, self.files.name) != look:
            self.sync_names()
            known.remember(self.shard, self.files.name, look)

    def recover(self) -> None:
        """After a failed sync: make the names durable, and write the active file anew.

        In this order: the active name on the disk may still be that of the archived file.

        Raises:
            OSError: the system refused; nothing changed for a reader.
        """
        name = self.files.active_name
        if name not in self.directory.suspects:
            return
        self.sync_names()
        try:
            self.directory.lines.rewrite(self.shard, name)
        except FileNotFoundError:
            self.directory.suspects.discard(name)

    def moved(self) -> None:
        """Remember that the active file is gone, and that what is archived is so on the disk too.

        Whatever failed before, the next file of the active name takes the place of nothing.
        """
        self.directory.suspects.discard(self.files.active_name)
        known = self.directory.archived
        known.forget(self.shard, self.files.name)
        with contextlib.suppress(OSError):
            known.remember(self.shard, self.files.name, look_of(self.files.archived))
