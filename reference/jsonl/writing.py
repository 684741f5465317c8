"""How a session's files are changed so that a crash leaves the old content or the new.

**The metadata names its data file.** A rewrite puts the new data into a file of its own,
`NAME.jsonl.<generation>`, and makes it durable; then one rename, that of the metadata file, makes
the new data and the new skip, count and summary valid together. After that the generation file is
renamed to `NAME.jsonl`. This last rename needs no sync: whether it survives or not, the metadata
finds the same inode, with whatever was appended to it since.

Each sync stands where it is because without it some crash shows a wrong content: on a file system
that promises no more than POSIX, data, sizes and names reach the disk in any order.
"""

import logging
import os
from dataclasses import replace

from tornwrite.reference import durable
from tornwrite.reference.durable.damage import Damage, DamageKind, keep_aside, log_damage
from tornwrite.reference.durable.errors import ChangeNotUndone, as_os_error
from tornwrite.reference.durable.files import name_file
from tornwrite.reference.durable.json_lines import decode_line
from tornwrite.reference.durable.lines import Lines
from tornwrite.reference.jsonl.keeping import keep_generations
from tornwrite.reference.jsonl.metadata import (
    Damaged,
    Found,
    Metadata,
    Missing,
    encode_metadata,
)
from tornwrite.reference.jsonl.session import Session, data_path
from tornwrite.reference.jsonl.sessions import SessionDirectory

_logger = logging.getLogger(__name__)


class SessionWriter:
    """Changes one session, under its lock.

    Making one rolls the session forward: it completes a rewrite that was committed but cut off,
    and rewrites a session that a failed sync made suspect.

    Args:
        directory: where the session is.
        session: as found under the lock.
        shard: the number of that lock.
    """

    def __init__(self, directory: SessionDirectory, session: Session, shard: int) -> None:
        self.directory = directory
        self.session = session
        self.shard = shard
        self.files = session.files
        self._roll_forward()
        self._recover()

    def next_metadata(self) -> Metadata:
        """The current metadata, owned by the key and dated now, to be changed and written."""
        metadata = self.session.metadata
        if metadata.skip_bytes is None:
            metadata = self._with_check(metadata)
        now = self.directory.now()
        created = metadata.created_at or now
        return replace(metadata, key=self.session.key, created_at=created, updated_at=now)

    def next_metadata_of(self, lines: int) -> Metadata:
        """The same for a data file of so many lines, of which none is to be skipped."""
        return replace(self.next_metadata(), skip=0, skip_bytes=0, count=lines)

    def write_metadata(self, metadata: Metadata, *, sync: bool = True) -> None:
        """Replace the metadata file; a damaged one is kept aside first.

        Args:
            metadata: the new content.
            sync: make it durable. Without, a crash may bring the old one back.

        Raises:
            OSError: nothing changed, or (`ChangeNotUndone`) what readers may see.
        """
        old = self.session.found
        self._keep_metadata()
        self._replace_metadata(metadata)
        if sync:
            self.sync_names(undo_to=old)

    def rewrite(self, data: bytes, metadata: Metadata) -> None:
        """Replace the data file and the metadata together.

        What is damaged in the old file must have been kept aside before.

        Args:
            data: the new file's bytes.
            metadata: the new metadata; its generation is chosen here.

        Raises:
            OSError: nothing changed, or (`ChangeNotUndone`) what readers may see.
        """
        old = self.session.found
        self._keep_metadata()
        generation, leftovers = self._write_generation(data, metadata.generation)
        path = self.files.generation(generation)
        # If the new metadata reached the disk before the new file's name, it would find the plain
        # data file, which is another one than it counts and skips the lines of.
        self.sync_names()
        self._replace_metadata(replace(metadata, generation=generation))
        self.sync_names(undo_to=old)
        try:
            os.rename(path, self.files.data)
        except OSError as error:
            # The change is valid and durable; the next writer renames the file.
            _logger.warning("could not rename %s yet: %s", path, error)
        for leftover in leftovers:
            durable.remove_if_there(leftover)
        self._found(self.session.found)
        self.directory.suspects.discard(self.files.name)
        self.directory.synced.remember(self.shard, self.files.name, len(data))

    def sync_names(self, undo_to: Found | None = None) -> None:
        """Make the session's names durable.

        Args:
            undo_to: the metadata file to put back if that fails.

        Raises:
            OSError: the sync failed; the session is suspect from now on.
        """
        try:
            durable.sync_directory(self.files.directory)
        except BaseException as error:
            self.suspect()
            if undo_to is not None:
                self._put_back(undo_to, error)
            raise
        meaning = self.session.metadata.meaning
        self.directory.settled.remember(self.shard, self.files.name, meaning)

    @property
    def is_settled(self) -> bool:
        """Whether this store made the metadata durable; only counts and times may be newer."""
        settled = self.directory.settled.get(self.shard, self.files.name)
        return settled == self.session.metadata.meaning

    def ensure_data(self, lines: Lines) -> None:
        """Make the lines that were read durable, unless this store did.

        Raises:
            OSError: the sync failed; the session is suspect from now on.
        """
        size = len(lines.whole) + len(lines.tail)
        if not size or self.directory.synced.get(self.shard, self.files.name) == size:
            return
        descriptor = os.open(self.session.data, os.O_RDWR | os.O_CLOEXEC)
        try:
            os.fdatasync(descriptor)
        except BaseException as error:
            name_file(error, self.session.data)
            self.suspect()
            raise
        finally:
            durable.close(descriptor)
        self.directory.synced.remember(self.shard, self.files.name, size)

    def suspect(self) -> None:
        """After a failed sync: rewrite the session before anything else is written to it."""
        self.directory.suspects.add(self.files.name)
        self.directory.synced.forget(self.shard, self.files.name)
        self.directory.settled.forget(self.shard, self.files.name)

    def keep_damaged(self, lines: Lines) -> None:
        """Keep aside what a new data file would destroy: damaged lines, a torn tail, a skip.

        Durably only with the rewrite that follows: it syncs the names before the old file goes.
        """
        self.keep_wrong_skip(lines)
        skip = lines.before or 0  # those before were not looked at
        unseen = lines.lines[:skip]
        gone = [line for line in unseen if decode_line(line) is None]
        damaged = b"".join(line + b"\n" for line in [*gone, *lines.damaged_lines(skip)])
        contents = [damaged, lines.tail]
        keep_aside(self.session.data, contents, sync=False)

    def keep_wrong_skip(self, lines: Lines) -> None:
        """Keep aside metadata that skips more lines than there are, before it is corrected."""
        if self.session.skips_wrong(lines):
            keep_aside(self.files.metadata, [self.session.found.raw])

    def mend_skip(self) -> bool:
        """Skip nothing where more lines are skipped than there are; says whether that was so.

        As lines are appended the file would catch up with the number, and hide them one and all. By
        a rewrite, whose metadata the next process makes durable before it appends if this one is
        killed; nothing would tell it that a number alone had been corrected.

        Raises:
            OSError: nothing changed for a reader.
        """
        if not self._skips_too_much():
            return False
        lines = self.session.read_lines()
        for damage in self.session.damage(lines):
            if damage.kind is DamageKind.SKIP:
                log_damage(damage)
        self.keep_wrong_skip(lines)
        self.rewrite_same(skip_none=True)
        return True

    def _skips_too_much(self) -> bool:
        skip = self.session.metadata.skip
        if not skip:
            return False
        try:
            inode = os.stat(self.session.data).st_ino
        except FileNotFoundError:
            return True
        checked = self.directory.checked
        if checked.get(self.shard, self.files.name) != (inode, skip):
            if self.session.skips_wrong(self.session.read_lines()):
                return True
            checked.remember(self.shard, self.files.name, (inode, skip))
        return False

    def rewrite_same(self, *, skip_none: bool = False) -> None:
        """Rewrite the data file with its lines as they are, the last one whole and terminated.

        That is how a torn tail is mended before anything is appended. Mending it in place would
        leave a moment in which the disk may hold sectors of the torn bytes and of what is appended
        next, together a message that nobody wrote, if a process is killed just before the sync that
        would part them and another one goes on. And a message that only lacks its newline was shown
        to readers: a newline after it shares its sector, and must not put it at risk.

        Args:
            skip_none: skip no line; otherwise as many as before.

        Raises:
            OSError: nothing changed for a reader.
        """
        lines = self.session.read_lines()
        keep_aside(self.session.data, [lines.tail], sync=False)
        data = lines.whole if lines.terminated else lines.whole + b"\n"
        is_all = skip_none or self.session.skips_wrong(lines)
        count = len(lines.lines)
        self.rewrite(data, self.next_metadata_of(count) if is_all else self.next_metadata())

    def _with_check(self, metadata: Metadata) -> Metadata:
        """Of metadata that another program wrote; a count beyond the end is that of no line."""
        lines = self.session.read_lines()
        if lines.mended:
            return metadata
        skip = self.session.skip(lines)
        count = min(metadata.count, len(lines.lines))
        return replace(metadata, skip=skip, skip_bytes=lines.offset(skip), count=count)

    def _keep_metadata(self) -> None:
        content = self.session.found.content
        if isinstance(content, Damaged):
            file = os.path.basename(self.files.metadata)
            log_damage(Damage(DamageKind.METADATA, file, None, content.reason))
            keep_generations(self.files)
            keep_aside(self.files.metadata, [self.session.found.raw])

    def _replace_metadata(self, metadata: Metadata) -> None:
        raw = encode_metadata(metadata)
        durable.replace_file(self.files.metadata, raw, temporary=self.files.temporary)
        self._found(Found(metadata, raw))

    def _write_generation(self, data: bytes, current: int) -> tuple[int, list[str]]:
        # What a failed or killed rewrite left is passed by, and removed when the new file is valid:
        # metadata on disk may name it, and a crash may bring it back after it is removed, so its
        # name must not come to mean another file.
        leftovers: list[str] = []
        mode = durable.mode_of(self.session.data)
        while True:
            generation = current + 1 + len(leftovers)
            path = self.files.generation(generation)
            try:
                durable.write_new_file(path, data, mode=mode)
            except FileExistsError:
                leftovers.append(path)
            else:
                return generation, leftovers

    def _put_back(self, old: Found, error: BaseException) -> None:
        try:
            if isinstance(old.content, Missing):
                os.unlink(self.files.metadata)
            else:
                durable.replace_file(self.files.metadata, old.raw, temporary=self.files.temporary)
        except OSError as second:
            visible = "the change is visible but may be gone after a crash"
            raise ChangeNotUndone(as_os_error(error), self.files.metadata, visible) from second
        self._found(old)

    def _found(self, found: Found) -> None:
        data = data_path(self.files, found.content)
        self.session = replace(self.session, found=found, data=data)

    def _roll_forward(self) -> None:
        if self.session.data != self.files.data:
            # The rename that made this generation valid may be visible and not yet durable, if
            # its process was killed. Then the old metadata would find the new data.
            self.sync_names()
            os.rename(self.session.data, self.files.data)
            self._found(self.session.found)

    def _recover(self) -> None:
        if self.files.name not in self.directory.suspects:
            return
        if isinstance(self.session.found.content, Missing) and not self.session.read_lines().whole:
            self.sync_names()
            self.directory.suspects.discard(self.files.name)  # it never came to be
        else:
            self.rewrite_same()
