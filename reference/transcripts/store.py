"""The transcript store: chat transcripts by id, in a directory, with a list that shows titles.

On disk a transcript is `ID.jsonl`: a header line with the id and the time of creation, then one
message a line. The store keeps no message in memory: what it shows is what is on disk, so the two
cannot disagree, and a restart changes nothing.

What the store promises, on any file system that does what POSIX says of fsync and rename:

- an operation that returned is durable; appending costs one data sync;
- after a crash each transcript reads as before or after the operation in flight;
- damage is reported, kept aside, and hides no readable message;
- an operation that raised changed nothing a reader can see, or the error says what;
- what was deleted stays deleted; no append brings it back;
- threads and processes may use one directory together.

Not promised: durability where the device does not honour flushes.
"""

import builtins
import contextlib
import os
import time
from collections.abc import Callable

from tornwrite.reference.durable.closing import Closing
from tornwrite.reference.durable.errors import SessionNotFound
from tornwrite.reference.transcripts.contents import read_contents
from tornwrite.reference.transcripts.directory import TranscriptDirectory
from tornwrite.reference.transcripts.index import Stamper, inode_and_time
from tornwrite.reference.transcripts.info import TranscriptInfo, TranscriptState
from tornwrite.reference.transcripts.listing import list_transcripts
from tornwrite.reference.transcripts.names import data_file
from tornwrite.reference.transcripts.remembering import forget
from tornwrite.reference.transcripts.transcript import Transcript


class TranscriptStore(Closing):
    """Transcripts in a directory, which is created when missing.

    Every method but `close` may raise, having changed nothing that a reader can see:

    - `StoreClosed`: the store was closed;
    - `KeyRefused`: the id is not a string that UTF-8 can hold, or too long for a file name;
    - `OSError`: the system refused. `ChangeNotUndone` is the one that says what did change.

    Those that write may also raise `TooManySuspects`. Usable as a context manager.

    Args:
        directory: where the files are. One that cannot be written to can be read.
        clock: nanoseconds since 1970 UTC, for the times of creation.
        stamp: what the index remembers of how a file looks, beside its size and content. Where the
            same run must leave the same bytes, as in a test, give one that always says (0, 0): an
            edit behind the store's back may then go unnoticed by `list`.

    Raises:
        OSError: the directory cannot be made or read.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        *,
        clock: Callable[[], int] = time.time_ns,
        stamp: Stamper = inode_and_time,
    ) -> None:
        self._directory = TranscriptDirectory(directory, clock, stamp)

    @property
    def directory(self) -> str:
        """The absolute path of the directory."""
        return self._directory.path

    def get_or_create(self, identifier: str) -> Transcript:
        """The transcript of an id; made if there is none. It is durable when this returns."""
        file = data_file(identifier)
        if not self._directory.locks.writable:
            with contextlib.suppress(SessionNotFound):
                return self.get(identifier)
        with self._directory.writing(file, (file,)) as shard:
            created_at = self._directory.get_or_create(shard, file, identifier)
        return Transcript(self._directory, identifier, created_at)

    def get(self, identifier: str) -> Transcript:
        """The transcript of an id, which is looked at and no more: nothing is made or synced.

        What is seen may not be durable yet, if the process that wrote it was killed.

        Raises:
            SessionNotFound: there is none.
        """
        file = data_file(identifier)
        with self._directory.reading(file, (file,)):
            created_at = self._directory.created_at(file, identifier)
        return Transcript(self._directory, identifier, created_at)

    def list(self) -> builtins.list[TranscriptInfo]:
        """All transcripts, sorted by id, each as it was at some time while the list was made.

        A file that may not be read is logged and passed by.
        """
        self._directory.check_open()
        return list_transcripts(self._directory)

    def delete(self, identifier: str) -> None:
        """Remove a transcript, if there is one. Its absence is durable when this returns.

        Damaged bytes that were kept aside stay.
        """
        file = data_file(identifier)
        with self._directory.writing(file, (file,)) as shard:
            self._directory.delete(shard, file)
        forget(self._directory, file)

    def inspect(self, identifier: str) -> TranscriptState:
        """The state of a transcript's file, with everything that is wrong with it."""
        file = data_file(identifier)
        with self._directory.reading(file, (file,)):
            contents = read_contents(self._directory.path, file, identifier)
        return TranscriptState(
            exists=contents.exists,
            messages=len(contents.messages),
            created_at=contents.created_at,
            damage=contents.damage,
        )

    def close(self) -> None:
        """Release what the store holds; calls after this raise `StoreClosed`."""
        self._directory.close()
