"""The session store: histories of chat messages with a summary, by key, in a directory.

The on-disk format is that of the original program (picoclaw's JSONLStore): for each session
`NAME.jsonl` with one message a line and `NAME.meta.json` with the summary and the number of
leading lines that are logically gone. Either program can go on with the other's directory.

What the store promises, on any file system that does what POSIX says of fsync and rename:

- an operation that returned is durable; appending to a session costs one data sync;
- after a crash each session reads as before or after the operation in flight;
- damage is reported, kept aside, and hides no readable message;
- an operation that raised changed nothing a reader can see, or the error says what;
- threads and processes may use one directory together.

Not promised: durability where the device does not honour flushes, and rewrites (`set_history`,
`compact`, migration) where a rename is not atomic, as on FAT.
"""

import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from tornwrite.reference.durable.closing import Closing
from tornwrite.reference.durable.damage import log_damage
from tornwrite.reference.durable.json_lines import Message, check_summary, encode_line
from tornwrite.reference.jsonl.appending import append_line
from tornwrite.reference.jsonl.inspection import SessionState
from tornwrite.reference.jsonl.listing import list_keys
from tornwrite.reference.jsonl.replacing import compact, replace_history
from tornwrite.reference.jsonl.sessions import SessionDirectory
from tornwrite.reference.jsonl.truncating import truncate
from tornwrite.reference.jsonl.writing import SessionWriter


class JSONLStore(Closing):
    """Sessions in a directory, which is created when missing.

    Every method but `close` may raise, having changed nothing that a reader can see:

    - `StoreClosed`: the store was closed;
    - `KeyRefused`: the key is not a string that UTF-8 can hold, or no file name is left for it;
    - `OSError`: the system refused. `ChangeNotUndone` is the one that says what did change.

    Those that write may also raise `TooManySuspects`. Usable as a context manager.

    Args:
        directory: where the files are. One that cannot be written to can be read.
        clock: nanoseconds since 1970 UTC, for the times in the metadata.

    Raises:
        OSError: the directory cannot be made or read.
    """

    def __init__(
        self, directory: str | os.PathLike[str], *, clock: Callable[[], int] = time.time_ns
    ) -> None:
        self._sessions = SessionDirectory(directory, clock)

    @property
    def directory(self) -> str:
        """The absolute path of the directory."""
        return self._sessions.path

    def add_message(self, key: str, role: str, content: str) -> None:
        """Append a message of these two fields.

        Raises:
            MessageRefused: they are not text that UTF-8 can hold.
        """
        self.add_full_message(key, {"role": role, "content": content})

    def add_full_message(self, key: str, message: Mapping[str, Any]) -> None:
        """Append a message.

        Args:
            key: the session's; a session that does not exist begins with this message.
            message: any JSON object, of any size.

        Raises:
            MessageRefused: it could not be read back exactly.
        """
        line = encode_line(message)
        with self._sessions.session_to_write(key) as (session, shard):
            append_line(SessionWriter(self._sessions, session, shard), line)

    def get_history(self, key: str) -> list[Message]:
        """The messages that were not truncated, oldest first. Damage is logged and passed by."""
        with self._sessions.session_to_read(key) as session:
            lines = session.read_lines()
        if not session.is_whole(lines):
            for damage in session.damage(lines):
                log_damage(damage)
        return lines.history(session.skip(lines))

    def get_summary(self, key: str) -> str:
        """The session's summary; empty if it has none."""
        with self._sessions.session_to_read(key) as session:
            return session.metadata.summary

    def set_summary(self, key: str, summary: str) -> None:
        """Replace the summary; a session that does not exist begins with it.

        Raises:
            SummaryRefused: it is not text that UTF-8 can hold.
        """
        check_summary(summary)
        with self._sessions.session_to_write(key) as (session, shard):
            writer = SessionWriter(self._sessions, session, shard)
            writer.mend_skip()
            writer.write_metadata(replace(writer.next_metadata(), summary=summary))

    def truncate_history(self, key: str, keep_last: int) -> None:
        """Logically remove all but the last messages.

        Args:
            key: the session's; one that does not exist is left so.
            keep_last: how many messages stay; none if it is not positive.
        """
        with self._sessions.session_to_write(key) as (session, shard):
            truncate(SessionWriter(self._sessions, session, shard), keep_last)

    def set_history(self, key: str, history: Iterable[Mapping[str, Any]]) -> None:
        """Replace all messages; the summary stays.

        Raises:
            MessageRefused: one of them could not be read back exactly.
        """
        new = [encode_line(message) for message in history]
        with self._sessions.session_to_write(key) as (session, shard):
            writer = SessionWriter(self._sessions, session, shard)
            replace_history(writer, new)

    def compact(self, key: str) -> None:
        """Rewrite the data file without what is logically gone or damaged, if anything is.

        The bytes of the messages stay as they are; damaged ones are kept aside.
        """
        with self._sessions.session_to_write(key) as (session, shard):
            compact(SessionWriter(self._sessions, session, shard))

    def inspect(self, key: str) -> SessionState:
        """The state of a session's files, with everything that is wrong with them."""
        with self._sessions.session_to_read(key) as session:
            lines = session.read_lines()
        skip = session.skip(lines)
        return SessionState(
            key=key,
            exists=session.exists(lines),
            lines=len(lines.lines),
            messages=len(lines.history(skip)),
            count=session.metadata.count,
            skip=skip,
            generation=session.metadata.generation,
            damage=tuple(session.damage(lines)),
        )

    def list_sessions(self) -> list[str]:
        """The keys of all sessions, sorted.

        A session without readable metadata is listed by its file name, by which it can be read.
        """
        self._sessions.check_open()
        return list_keys(self._sessions.path)

    def close(self) -> None:
        """Release what the store holds; calls after this raise `StoreClosed`."""
        self._sessions.locks.close()
