"""The archiving store: sessions of chat messages that can be put aside and taken up again.

The on-disk format is that of the original program: for each session `ID.jsonl` with one message a
line, and once it is archived `ID.jsonl.archived`. Either program can go on with the other's
directory.

*A session is one history.* It reads as what was archived, then what was saved since. Saving to an
archived session goes on with it: the session is active again, and archiving it puts all of it
aside once more.

What the store promises, on any file system that does what POSIX says of fsync and rename:

- an operation that returned is durable; saving to an active session costs one data sync;
- after a crash each session reads as before or after the operation in flight, and is archived or
  active as it was then;
- damage is reported, and hides no readable message;
- an operation that raised changed nothing a reader can see, or the error says what;
- threads and processes may use one directory together.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import Any

from tornwrite.reference.archive.changing import archive, delete, save
from tornwrite.reference.archive.inspection import ArchiveState
from tornwrite.reference.archive.listing import list_active
from tornwrite.reference.archive.session import Session, exists, read_session
from tornwrite.reference.archive.session_files import files_of
from tornwrite.reference.archive.session_writer import SessionWriter
from tornwrite.reference.archive.sessions import SessionDirectory
from tornwrite.reference.durable.closing import Closing
from tornwrite.reference.durable.damage import log_damage
from tornwrite.reference.durable.errors import SessionNotFound
from tornwrite.reference.durable.json_lines import Message, encode_line


class ArchivingStore(Closing):
    """Sessions in a directory, which is created when missing.

    Every method but `close` may raise, having changed nothing that a reader can see:

    - `StoreClosed`: the store was closed;
    - `KeyRefused`: the id is not a string that UTF-8 can hold, or is too long for a file name;
    - `OSError`: the system refused. `ChangeNotUndone` is the one that says what did change.

    Those that write may also raise `TooManySuspects`. Usable as a context manager.

    Args:
        directory: where the files are. One that cannot be written to can be read.

    Raises:
        OSError: the directory cannot be made or read.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self._directory = SessionDirectory(directory)

    @property
    def storage_dir(self) -> str:
        """The absolute path of the directory."""
        return self._directory.path

    def save(self, session_id: str, message: Mapping[str, Any]) -> None:
        """Append a message.

        Args:
            session_id: the session's. One that does not exist begins with this message; one that
                was archived is active again.
            message: any JSON object, of any size.

        Raises:
            MessageRefused: it could not be read back exactly.
        """
        line = encode_line(message)
        with self._writing(session_id) as writer:
            save(writer, line)

    def load(self, session_id: str) -> list[Message]:
        """All messages of a session, oldest first. Damage is logged and passed by.

        Raises:
            SessionNotFound: there is no session of that id, active or archived.
        """
        session = self._read(session_id)
        messages = session.messages()
        if not session.is_whole():
            for damage in session.damage():
                log_damage(damage)
        if not session.exists:
            raise SessionNotFound(f"there is no session {session_id!r}")
        return messages

    def list(self) -> list[str]:
        """The ids of the active sessions, sorted.

        As they were at one time, unless the directory cannot be written to: then what others do
        meanwhile is seen for one session and perhaps not for another.
        """
        with contextlib.ExitStack() as held:
            if self._directory.locks.writable:
                held.enter_context(self._directory.locks.all_sessions())
            self._directory.check_open()
            return list_active(self._directory.path)

    def exists(self, session_id: str) -> bool:
        """Whether there is a session of that id, active or archived."""
        files = files_of(self._directory.path, session_id)
        with self._directory.reading(files.name, files.names):
            return exists(files)

    def archive(self, session_id: str) -> None:
        """Put a session's whole history aside. One that is archived stays so.

        Raises:
            SessionNotFound: there is no session of that id.
        """
        with self._writing(session_id) as writer:
            archive(writer, session_id)

    def delete(self, session_id: str) -> None:
        """Remove a session with all its messages, archived or not. There need be none."""
        with self._writing(session_id) as writer:
            delete(writer)

    def inspect(self, session_id: str) -> ArchiveState:
        """The state of a session's files, with everything that is wrong with them."""
        session = self._read(session_id)
        return ArchiveState(
            exists=session.exists,
            active=session.is_active,
            messages=len(session.messages()),
            damage=tuple(session.damage()),
        )

    def close(self) -> None:
        """Release what the store holds; calls after this raise `StoreClosed`."""
        self._directory.close()

    def _read(self, session_id: str) -> Session:
        files = files_of(self._directory.path, session_id)
        with self._directory.reading(files.name, files.names):
            return read_session(files)

    @contextlib.contextmanager
    def _writing(self, session_id: str) -> Iterator[SessionWriter]:
        files = files_of(self._directory.path, session_id)
        with self._directory.writing(files.name, files.names) as shard:
            yield SessionWriter(self._directory, files, shard)
