"""The session manager: all sessions in memory, each saved whole when the program says so.

The on-disk format is that of the original program (picoclaw's SessionManager), and that of the
legacy files which the JSONL store imports: one `NAME.json` for each session.

What it promises, on any file system that does what POSIX says of fsync and rename:

- what `save` returned from is durable; a crash leaves a session as it was saved last, or as it was
  being saved;
- a slower, earlier save never replaces a later one;
- a file that is not the session's own, that cannot be understood, or that somebody else has changed
  meanwhile is never overwritten;
- messages that were read from a file are written as they were, unknown fields included.

What was not saved is gone when the program ends.
"""

import contextlib
import functools
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from tornwrite.reference.durable.closing import Closing
from tornwrite.reference.durable.damage import Damage, log_damage
from tornwrite.reference.durable.directory import StoreDirectory
from tornwrite.reference.durable.errors import StoreClosed
from tornwrite.reference.durable.json_lines import Message, check_summary, encode_plain_line
from tornwrite.reference.durable.names import check_key
from tornwrite.reference.durable.times import format_time
from tornwrite.reference.failures import Failure, Failures
from tornwrite.reference.jsonl.merging import SavedSession
from tornwrite.reference.jsonl.names import lossy_name
from tornwrite.reference.manager.beside import Beside
from tornwrite.reference.manager.names import is_leftover
from tornwrite.reference.manager.opening import (
    Files,
    FoundFile,
    choose_files,
    find_files,
    kept_session,
)
from tornwrite.reference.manager.saving import save_session, settle
from tornwrite.reference.manager.session import KeptSession, Session, SessionUnreadable, decoded


class SessionManager(Closing):
    """Sessions in memory, with a directory to save them to, which is made when missing.

    Only `save` and `get_or_create` raise what the disk or the data did: `StoreClosed`,
    `KeyRefused`, `SessionUnreadable`, `ChangedElsewhere`, `OSError`. Everything else notes it in
    `failures`, and reads then return nothing. Usable as a context manager.

    Args:
        directory: where the sessions' files are; None to keep them in memory only.
        clock: nanoseconds since 1970 UTC.
        on_failure: called with each failure that is not raised.
        beside: what the JSONL store holds in the same directory, durably. The sessions are then
            both together, and a file that is saved says what of the JSONL session it holds, so that
            a later migration makes neither two of one message nor none.

    Raises:
        OSError: the directory cannot be made or read.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str] | None,
        *,
        clock: Callable[[], int] = time.time_ns,
        on_failure: Callable[[Failure], None] | None = None,
        beside: Beside | None = None,
    ) -> None:
        self._clock = clock
        self._failures = Failures(on_failure)
        self._mutex = threading.Lock()
        self._closed = False
        self._sessions: dict[str, KeptSession] = {}
        self._damage: tuple[Damage, ...] = ()
        self._beside = Beside() if beside is None else beside
        self._unread: Callable[[str], Damage | None] = self._beside.unread
        self._directory = None if directory is None else StoreDirectory(directory)
        if self._directory is not None:
            try:
                self._open(self._directory)
            except BaseException:
                self._directory.close()
                raise

    @property
    def failures(self) -> Failures:
        return self._failures

    @property
    def damage(self) -> tuple[Damage, ...]:
        """The files that could not be read, or not be used, when the directory was opened."""
        return self._damage

    def get_or_create(self, key: str) -> Session:
        """The session as it is now; one that does not exist begins here, in memory.

        Raises:
            StoreClosed, KeyRefused, SessionUnreadable: as `save`.
        """
        key = check_key(key)
        with self._memory() as sessions:
            return self._begun(sessions, key).shown()

    def add_message(self, key: str, role: str, content: str) -> None:
        self._change(key, "add_message", lambda: self._add(key, {"role": role, "content": content}))

    def add_full_message(self, key: str, message: Mapping[str, Any]) -> None:
        self._change(key, "add_full_message", lambda: self._add(key, message))

    def get_history(self, key: str) -> list[Message]:
        return decoded(self._failures.attempt(key, "get_history", lambda: self._lines(key), []))

    def get_summary(self, key: str) -> str:
        return self._failures.attempt(key, "get_summary", lambda: self._summary(key), "")

    def set_summary(self, key: str, summary: str) -> None:
        self._change(key, "set_summary", lambda: self._set_summary(key, summary))

    def truncate_history(self, key: str, keep_last: int) -> None:
        self._change(key, "truncate_history", lambda: self._truncate(key, keep_last))

    def set_history(self, key: str, history: Iterable[Mapping[str, Any]]) -> None:
        self._change(key, "set_history", lambda: self._set_history(key, history))

    def save(self, key: str) -> None:
        """Write the session as it is now to its file, durably; one that does not exist is left so.

        Raises:
            StoreClosed: the manager was closed.
            KeyRefused: the key is not a string that UTF-8 can hold, or every name for it is taken.
            SessionUnreadable: what the session holds is not known.
            ChangedElsewhere: somebody else changed the file; it was left alone.
            OSError: nothing on the disk changed, or (`ChangeNotUndone`) what did.
        """
        key = check_key(key)
        if self._directory is None:
            with self._memory():
                return
        with self._directory.writing(lossy_name(key)):
            # Keys that could have one file share this lock, and a migration holds it. The snapshot
            # is taken under it: whoever saves after this one has all that this one has.
            with self._memory() as sessions:
                self._check_readable(key)
                session = sessions.get(key)
                if session is None:
                    return
                snapshot = session.snapshot()
            session.place = save_session(self._directory, snapshot, session.place)
            settle(self._directory, session.place)

    def close(self) -> None:
        with self._mutex:
            self._closed = True
        if self._directory is not None:
            self._directory.close()

    def _open(self, directory: StoreDirectory) -> None:
        directory.remove_leftovers(is_leftover)
        files = find_files(directory.path)
        known = self._beside.sessions
        chosen, others = choose_files(files.found, known)
        self._damage = (*files.damage, *others, *self._beside.damage)
        for damage in self._damage:
            log_damage(damage)
        self._unread = functools.partial(_unread_of, files, chosen, self._beside)
        now = self._now()
        for key in sorted(chosen.keys() | known.keys()):
            own = known[key] if key in known else self._take_nobodys(key)
            self._sessions[key] = kept_session(key, chosen.get(key), own, now)

    def _now(self) -> str:
        return format_time(self._clock())

    @contextlib.contextmanager
    def _memory(self) -> Iterator[dict[str, KeptSession]]:
        """The sessions, which no other thread changes meanwhile."""
        with self._mutex:
            if self._closed:
                raise StoreClosed("the session manager is closed; open the directory anew")
            yield self._sessions

    def _change(self, key: str, operation: str, change: Callable[[], None]) -> None:
        self._failures.attempt(key, operation, change, None)

    def _check_readable(self, key: str) -> None:
        damage = self._unread(key)
        if damage is not None:
            raise SessionUnreadable(
                f"{damage} when the directory was opened; it may hold session {key!r}: see to it, "
                "then open the directory anew"
            )

    def _begun(self, sessions: dict[str, KeptSession], key: str) -> KeptSession:
        session = self._to_change(sessions, key)
        if session is None:
            now = self._now()
            session = sessions[key] = KeptSession(key, created=now, updated=now)
        return session

    def _to_change(self, sessions: dict[str, KeptSession], key: str) -> KeptSession | None:
        self._check_readable(key)
        if key not in sessions and (own := self._take_nobodys(key)) is not None:
            sessions[key] = kept_session(key, None, own, self._now())
        return sessions.get(key)

    def _to_read(self, sessions: dict[str, KeptSession], key: str) -> KeptSession | None:
        self._check_readable(key)
        if key not in sessions:
            for name in self._beside.nobodys_names(key):
                return kept_session(key, None, self._beside.nobodys[name], self._now())
        return sessions.get(key)

    def _take_nobodys(self, key: str) -> SavedSession | None:
        """A session of no known key becomes this key's."""
        for name in self._beside.nobodys_names(key):
            others = dict(self._beside.nobodys)
            own = others.pop(name)
            self._beside = replace(self._beside, nobodys=others)
            return own
        return None

    def _touch(self, session: KeptSession) -> None:
        # By it one of two files of a session is known to be the newer, whatever the clock does.
        session.updated = max(self._now(), session.updated)

    def _add(self, key: str, message: Mapping[str, Any]) -> None:
        key, line = check_key(key), encode_plain_line(message)
        with self._memory() as sessions:
            session = self._begun(sessions, key)
            session.lines.append(line)
            self._touch(session)

    def _set_summary(self, key: str, summary: str) -> None:
        key, summary = check_key(key), check_summary(summary)
        with self._memory() as sessions:
            session = self._begun(sessions, key)
            session.summary = summary
            self._touch(session)

    def _truncate(self, key: str, keep_last: int) -> None:
        key = check_key(key)
        with self._memory() as sessions:
            session = self._to_change(sessions, key)
            if session is not None and len(session.lines) > max(keep_last, 0):
                del session.lines[: len(session.lines) - max(keep_last, 0)]
                self._touch(session)

    def _set_history(self, key: str, history: Iterable[Mapping[str, Any]]) -> None:
        key, lines = check_key(key), [encode_plain_line(message) for message in history]
        with self._memory() as sessions:
            if not lines and self._to_change(sessions, key) is None:
                return
            session = self._begun(sessions, key)
            session.lines = lines
            self._touch(session)

    def _lines(self, key: str) -> list[bytes]:
        key = check_key(key)
        with self._memory() as sessions:
            session = self._to_read(sessions, key)
            return [] if session is None else list(session.lines)

    def _summary(self, key: str) -> str:
        key = check_key(key)
        with self._memory() as sessions:
            session = self._to_read(sessions, key)
            return "" if session is None else session.summary


def _unread_of(
    files: Files, chosen: Mapping[str, FoundFile], beside: Beside, key: str
) -> Damage | None:
    return files.unread_of(key, chosen.get(key)) or beside.unread(key)
