"""The whole-file session manager as published, step for step. Never repaired: see the package.

Sessions live in memory and are saved whole, each to `NAME.json`, when asked to. Its locks let
readers in together; this one lets in one thread at a time. Times are text, as in `metadata`.
"""

import contextlib
import errno
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from tornwrite.reference.published import files, go_files, go_json, messages
from tornwrite.reference.published.errors import StoreError
from tornwrite.reference.published.go_json import Field, read_string
from tornwrite.reference.published.messages import Message, read_messages
from tornwrite.reference.published.metadata import ZERO_TIME, format_time, time_field

_SUFFIX = ".json"

_read_session: Callable[[object], dict[str, object]] = go_json.struct_reader(
    (
        Field("key", read_string, str),
        Field("messages", read_messages, list),
        Field("summary", read_string, str),
        time_field("created"),
        time_field("updated"),
    )
)


@dataclass(slots=True)
class Session:
    """A session as it is in memory: who has been handed it sees it change, and can change it."""

    key: str
    messages: list[Message] = field(default_factory=list)
    summary: str = ""
    created: str = ZERO_TIME
    updated: str = ZERO_TIME


class SessionManager:
    """Sessions in memory, loaded from a directory on opening and saved there one by one.

    Opening raises nothing: a directory that cannot be created or read holds no sessions, a file
    that cannot be read or parsed is passed over without a word, and whatever else ends in `.json`
    and has the shape of a session (`{}` has) is taken for one.

    Args:
        directory: where the files are; it is created when missing. None or "": memory only.
        clock: nanoseconds since 1970 UTC, for the times of sessions.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str] | None,
        *,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._storage = "" if directory is None else os.fspath(directory)
        self._clock = clock
        self._lock = threading.Lock()
        self._sessions: dict[str, Session] = {}
        if self._storage:
            with contextlib.suppress(OSError):
                os.makedirs(self._storage, mode=0o755, exist_ok=True)
            self._load_sessions()

    def get_or_create(self, key: str) -> Session:
        """The session itself, not a copy; an empty one is made, in memory only, if there is none.

        Whoever reads or changes it does so without the lock.
        """
        with self._lock:
            session = self._sessions.get(key)
            if session is None:
                session = Session(key, created=self._now(), updated=self._now())
                self._sessions[key] = session
            return session

    def add_message(self, key: str, role: str, content: str) -> None:
        """Add a message of these two fields, in memory."""
        self.add_full_message(key, {"role": role, "content": content})

    def add_full_message(self, key: str, message: Mapping[str, object]) -> None:
        """Add a message, in memory. Fields that the format does not know are dropped.

        Raises:
            StoreError: a field is of the wrong kind.
        """
        taken = messages.take(message)
        with self._lock:
            session = self._sessions.get(key)
            if session is None:
                session = Session(key, created=self._now())
                self._sessions[key] = session
            session.messages.append(taken)
            session.updated = self._now()

    def get_history(self, key: str) -> list[Message]:
        """The messages, copied one level deep; none if there is no such session."""
        with self._lock:
            session = self._sessions.get(key)
            return [] if session is None else [dict(message) for message in session.messages]

    def get_summary(self, key: str) -> str:
        with self._lock:
            session = self._sessions.get(key)
            return "" if session is None else session.summary

    def set_summary(self, key: str, summary: str) -> None:
        """Set it in memory, if there is such a session; else do nothing, and say nothing."""
        with self._lock:
            session = self._sessions.get(key)
            if session is not None:
                session.summary = summary
                session.updated = self._now()

    def truncate_history(self, key: str, keep_last: int) -> None:
        """Keep the last messages in memory, none of them if `keep_last` is not positive."""
        with self._lock:
            session = self._sessions.get(key)
            if session is None:
                return
            if keep_last <= 0:
                session.messages = []
            elif len(session.messages) <= keep_last:
                return
            else:
                session.messages = session.messages[-keep_last:]
            session.updated = self._now()

    def set_history(self, key: str, history: Sequence[Mapping[str, object]]) -> None:
        """Replace the messages in memory, if there is such a session; else do nothing.

        Raises:
            StoreError: a field of a message is of the wrong kind.
        """
        replacement = [messages.take(message) for message in history]
        with self._lock:
            session = self._sessions.get(key)
            if session is not None:
                session.messages = replacement
                session.updated = self._now()

    def save(self, key: str) -> None:
        """Write the session to its file: temporary file beside it, write, mode, sync, close,
        rename. The directory is not synced, so neither the name of a first save is durable nor
        that a later one has taken the place of what was there.

        The session is copied under the lock and written after it: of two saves at once, the one
        that renames last wins, even if it copied first. One of a session that is not there does
        nothing.

        Raises:
            OSError: the system refused; EINVAL when the key, with each `:` as `_`, is no file name.
        """
        if not self._storage:
            return
        filename = key.replace(":", "_")
        if filename in ("", ".", "..") or "/" in filename or "\\" in filename:
            raise OSError(errno.EINVAL, "invalid argument")
        with self._lock:
            stored = self._sessions.get(key)
            if stored is None:
                return
            snapshot = Session(
                stored.key,
                list(stored.messages),
                stored.summary,
                stored.created,
                stored.updated,
            )
        self._write(filename, _encode(snapshot))

    def close(self) -> None:
        """Nothing is held open, and nothing is saved."""

    def _now(self) -> str:
        return format_time(self._clock())

    def _write(self, filename: str, data: bytes) -> None:
        descriptor, temporary = files.create_temporary(
            self._storage, prefix="session-", suffix=".tmp", flags=os.O_RDWR, mode=0o600
        )
        is_open = True
        try:
            files.write_all(descriptor, data)
            os.fchmod(descriptor, 0o644)
            os.fsync(descriptor)
            is_open = False
            os.close(descriptor)
            os.rename(temporary, go_files.join(self._storage, filename + _SUFFIX))
        except Exception:  # A kill simulated by a BaseException must leave the file, as a real one.
            if is_open:
                with contextlib.suppress(OSError):
                    os.close(descriptor)
            with contextlib.suppress(OSError):
                go_files.remove(temporary)
            raise

    def _load_sessions(self) -> None:
        with contextlib.suppress(OSError):
            for entry in go_files.read_directory(self._storage):
                if entry.is_dir(follow_symlinks=False) or not entry.name.endswith(_SUFFIX):
                    continue
                try:
                    data = files.read_file(go_files.join(self._storage, entry.name))
                    session = _decode(data)
                except (OSError, StoreError):
                    continue
                # Of two files with one key, the later name is the session.
                self._sessions[session.key] = session


def _decode(data: bytes) -> Session:
    found = _read_session(go_json.loads(data))
    return Session(
        cast(str, found["key"]),
        cast(list[Message], found["messages"]),
        cast(str, found["summary"]),
        cast(str, found["created"]),
        cast(str, found["updated"]),
    )


def _encode(session: Session) -> bytes:
    fields: dict[str, object] = {"key": session.key, "messages": session.messages}
    if session.summary:
        fields["summary"] = session.summary
    fields |= {"created": session.created, "updated": session.updated}
    return go_json.dumps(fields, indent=2)
