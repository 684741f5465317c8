"""The transcript store as published, step for step. Never repaired: see the package.

Each session is a file `ID.jsonl`: a header line with id and time of creation, then one message a
line. The original calls its classes SessionStore and Session and takes its message struct from a
library; here it is that of `messages`. Times are text, as in `metadata`.
"""

import contextlib
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from tornwrite.reference.published import files, go_files, go_json, messages
from tornwrite.reference.published.errors import StoreError
from tornwrite.reference.published.go_json import Field, read_string
from tornwrite.reference.published.go_lines import READ_BYTES, split_lines
from tornwrite.reference.published.go_strings import trim_space
from tornwrite.reference.published.messages import Message
from tornwrite.reference.published.metadata import format_time, time_field

MAX_LINE_BYTES = 64 * 1024
"""The longest buffer that Go's bufio.Scanner takes unless it is given one, in bytes."""

_SUFFIX = ".jsonl"
_TITLE_CHARACTERS = 60
_TITLE_BYTES = 60

_read_header: Callable[[object], dict[str, object]] = go_json.struct_reader(
    (
        Field("type", read_string, str),  # never looked at
        Field("id", read_string, str),
        time_field("created_at"),
    )
)


@dataclass(frozen=True, slots=True)
class TranscriptInfo:
    """What `list` tells of a session: the id that its file is named by, the rest as it was read."""

    id: str
    title: str
    created_at: str
    message_count: int


Infos = list[TranscriptInfo]


class Transcript:
    """One session, in memory as a whole. It is made by the store.

    id, created_at: what the header says, RFC 3339. file_path: where messages are appended.
    """

    def __init__(
        self, session_id: str, created_at: str, file_path: str, loaded: list[Message]
    ) -> None:
        self.id = session_id
        self.created_at = created_at
        self.file_path = file_path
        self._messages = loaded
        self._lock = threading.Lock()

    def append(self, message: Mapping[str, object]) -> None:
        """Add a message to what is in memory, then to the file, which has to be there.

        Nothing is synced. A message that could not be written stays in memory. Fields that the
        format does not know are dropped.

        Raises:
            OSError: the file is gone or cannot be written.
            StoreError: a field of the message is of the wrong kind; nothing has changed.
        """
        taken = messages.take(message)
        with self._lock:
            self._messages.append(taken)
            files.append_whole(self.file_path, messages.encode_line(taken), create=False)

    def get_messages(self) -> list[Message]:
        """What is in memory, whether or not it is on the disk."""
        with self._lock:
            return list(self._messages)

    def title(self) -> str:
        """The first message of a user that says something, or a text that stands for none.

        One of more than sixty characters is cut after sixty bytes: what is left of a character cut
        in two is given as U+FFFD, a byte each, as Go shows it wherever it is made JSON.
        """
        with self._lock:
            for message in self._messages:
                content = cast(str, message["content"])
                if message["role"] == "user" and content:
                    return _cut(content) if len(content) > _TITLE_CHARACTERS else content
            return "New Session..."

    def __len__(self) -> int:
        """The messages in memory, counted without the lock."""
        return len(self._messages)


class TranscriptStore:
    """Sessions in a directory, which is created when missing; those opened stay in memory.

    Every method raises `OSError` when the system refuses. A session's id goes into the path as it
    is.

    Args:
        directory: where the files are.
        clock: nanoseconds since 1970 UTC, for the time of creation.

    Raises:
        StoreError: on opening: the path is that of a file.
    """

    def __init__(
        self, directory: str | os.PathLike[str], *, clock: Callable[[], int] = time.time_ns
    ) -> None:
        self._directory = os.fspath(directory)
        self._clock = clock
        self._lock = threading.Lock()
        self._cache: dict[str, Transcript] = {}
        try:
            found = os.stat(self._directory)
        except FileNotFoundError:
            os.makedirs(self._directory, mode=0o755, exist_ok=True)
            return
        if not stat.S_ISDIR(found.st_mode):
            raise StoreError(f"path {self._directory} is a file, not a directory")

    def get_or_create(self, session_id: str) -> Transcript:
        """The session: from memory if it was opened before, from its file, or a new one.

        A new one's header is written in place over whatever is there by then; nothing is synced.

        Raises:
            StoreError: there is a file without a header; it stays so for good.
        """
        with self._lock:
            cached = self._cache.get(session_id)
            if cached is not None:
                return cached
            path = go_files.join(self._directory, session_id + _SUFFIX)
            session = self._create(session_id, path) if _is_missing(path) else _load(path)
            self._cache[session_id] = session
            return session

    def list(self) -> Infos:
        """All sessions, in the order of their files' names, but for those that cannot be loaded.

        Each that was not opened before is read whole.
        """
        with self._lock:
            found: Infos = []
            for entry in go_files.read_directory(self._directory):
                if entry.is_dir(follow_symlinks=False) or not entry.name.endswith(_SUFFIX):
                    continue
                name = entry.name.removesuffix(_SUFFIX)
                session = self._cache.get(name)
                if session is None:
                    try:
                        session = _load(go_files.join(self._directory, entry.name))
                    except (OSError, StoreError):
                        continue
                title, count = session.title(), len(session)
                found.append(TranscriptInfo(name, title, session.created_at, count))
            return found

    def delete(self, session_id: str) -> None:
        """Remove the file of a session that was opened before; of any other, do nothing.

        Nothing is synced. If the file cannot be removed the session stays in memory.
        """
        with self._lock:
            session = self._cache.get(session_id)
            if session is None:
                return
            go_files.remove(session.file_path)
            del self._cache[session_id]

    def close(self) -> None:
        """Nothing is held open. The original has no such method."""

    def _create(self, session_id: str, path: str) -> Transcript:
        created_at = format_time(self._clock())
        header = {"type": "session", "id": session_id, "created_at": created_at}
        files.write_file(path, go_json.dumps(header) + b"\n")
        return Transcript(session_id, created_at, path, [])


def _load(path: str) -> Transcript:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        lines = _scan(descriptor)
        first = next(lines, None)
        if first is None:
            raise StoreError(f"empty session file: {path}")
        try:
            header = _read_header(go_json.loads(first))
        except StoreError as error:
            raise StoreError(f"bad session header in {path}: {error}") from error
        found: list[Message] = []
        for line in lines:
            trimmed = trim_space(line)
            if not trimmed:
                continue
            try:
                found.append(messages.decode_line(trimmed))
            except StoreError:
                continue
        session_id, created_at = cast(str, header["id"]), cast(str, header["created_at"])
        return Transcript(session_id, created_at, path, found)
    finally:
        with contextlib.suppress(OSError):
            os.close(descriptor)


def _scan(descriptor: int) -> Iterator[bytes]:
    # The scanner's error is never looked at: a line too long ends the file, as does a read that
    # fails, after what was read before it.
    lines = split_lines(_read_until_error(descriptor), MAX_LINE_BYTES)
    while True:
        try:
            yield next(lines)
        except (StopIteration, StoreError):
            return


def _read_until_error(descriptor: int) -> Iterator[bytes]:
    try:
        while chunk := os.read(descriptor, READ_BYTES):
            yield chunk
    except OSError:
        return


def _is_missing(path: str) -> bool:
    try:
        os.stat(path)
    except FileNotFoundError:
        return True
    except OSError:
        return False  # opening it will say what is wrong
    return False


def _cut(title: str) -> str:
    cut = title.encode()[:_TITLE_BYTES].decode("utf-8", "surrogateescape")
    return "".join("\ufffd" if "\udc80" <= mark <= "\udcff" else mark for mark in cut) + "..."
