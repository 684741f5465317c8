"""The append-only JSONL session store as published, step for step. Never repaired: see the package.

Each session is two files: `NAME.jsonl`, one message a line, and `NAME.meta.json` with the summary
and the number of leading lines that are logically gone. Operations make the original's system calls
in the original's order, and its mistakes: where the code looks wrong, it is. What is ported of Go's
own behaviour is said in `go_json`, `go_lines` and `metadata`; the known flaws are the tests in
`tests/published/`.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager

from tornwrite.reference.published import files, messages, metadata
from tornwrite.reference.published.errors import StoreError
from tornwrite.reference.published.go_lines import MAX_LINE_BYTES, scan_lines
from tornwrite.reference.published.messages import Message
from tornwrite.reference.published.metadata import SessionMeta, format_time

_LOCK_SHARDS = 64
_logger = logging.getLogger(__name__)


class JSONLStore:
    """Sessions in a directory, which is created when missing.

    Every method raises `OSError` when the system refuses and `StoreError` when metadata does not
    parse or a line is too long; files may have been changed by then.

    Args:
        directory: where the files are.
        clock: nanoseconds since 1970 UTC, for the times in the metadata.
    """

    _max_line_bytes = MAX_LINE_BYTES

    def __init__(
        self, directory: str | os.PathLike[str], *, clock: Callable[[], int] = time.time_ns
    ) -> None:
        self._directory = os.fspath(directory)
        self._clock = clock
        self._locks = tuple(threading.Lock() for _ in range(_LOCK_SHARDS))
        os.makedirs(self._directory, mode=0o755, exist_ok=True)

    def add_message(self, key: str, role: str, content: str) -> None:
        """Append a message of these two fields."""
        self.add_full_message(key, {"role": role, "content": content})

    def add_full_message(self, key: str, message: Mapping[str, object]) -> None:
        """Append a message. Fields that the format does not know are dropped."""
        line = messages.encode_line(messages.take(message))
        with self._lock(key):
            files.append_durably(self._jsonl_path(key), line)
            # From here an error is reported for a message that is nevertheless in the file.
            meta = self._read_meta(key)
            now = self._now()
            if meta.count == 0 and meta.created_at == metadata.ZERO_TIME:
                meta.created_at = now
            meta.count += 1
            meta.updated_at = now
            self._write_meta(key, meta)

    def get_history(self, key: str) -> list[Message]:
        """The messages after the skipped lines. A line that is none is logged and left out."""
        with self._lock(key):
            meta = self._read_meta(key)
            return self._read_messages(key, meta.skip)

    def get_summary(self, key: str) -> str:
        with self._lock(key):
            return self._read_meta(key).summary

    def set_summary(self, key: str, summary: str) -> None:
        with self._lock(key):
            meta = self._read_meta(key)
            now = self._now()
            if meta.created_at == metadata.ZERO_TIME:
                meta.created_at = now
            meta.summary = summary
            meta.updated_at = now
            self._write_meta(key, meta)

    def truncate_history(self, key: str, keep_last: int) -> None:
        """Logically drop all but the last lines, all of them if `keep_last` is not positive."""
        with self._lock(key):
            meta = self._read_meta(key)
            self._reconcile(key, meta)
            if keep_last <= 0:
                meta.skip = meta.count
            elif keep_last < meta.count - meta.skip:
                meta.skip = meta.count - keep_last
            meta.updated_at = self._now()
            self._write_meta(key, meta)

    def set_history(self, key: str, history: Sequence[Mapping[str, object]]) -> None:
        """Replace all messages; the summary stays."""
        replacement = [messages.take(message) for message in history]
        with self._lock(key):
            meta = self._read_meta(key)
            now = self._now()
            if meta.created_at == metadata.ZERO_TIME:
                meta.created_at = now
            meta.skip = 0
            meta.count = len(replacement)
            meta.updated_at = now
            self._replace(key, meta, replacement)

    def compact(self, key: str) -> None:
        """Rewrite the file without the skipped lines, if there are any."""
        with self._lock(key):
            meta = self._read_meta(key)
            if meta.skip == 0:
                return
            active = self._read_messages(key, meta.skip)
            meta.skip = 0
            meta.count = len(active)
            meta.updated_at = self._now()
            self._replace(key, meta, active)

    def close(self) -> None:
        """Nothing is held open."""

    def _lock(self, key: str) -> AbstractContextManager[object]:
        return self._locks[_fnv_1a_32(key) % _LOCK_SHARDS]

    def _now(self) -> str:
        return format_time(self._clock())

    def _jsonl_path(self, key: str) -> str:
        return os.path.join(self._directory, _sanitize_key(key) + ".jsonl")

    def _meta_path(self, key: str) -> str:
        return os.path.join(self._directory, _sanitize_key(key) + ".meta.json")

    def _read_meta(self, key: str) -> SessionMeta:
        try:
            data = files.read_file(self._meta_path(key))
        except FileNotFoundError:
            return SessionMeta(key=key)
        try:
            return metadata.decode_meta(data)
        except StoreError as error:
            raise StoreError(f"decode {self._meta_path(key)}: {error}") from error

    def _write_meta(self, key: str, meta: SessionMeta) -> None:
        files.write_file_atomic(self._meta_path(key), metadata.encode_meta(meta))

    def _rewrite(self, key: str, history: list[Message]) -> None:
        files.write_file_atomic(self._jsonl_path(key), messages.encode_lines(history))

    def _replace(self, key: str, meta: SessionMeta, history: list[Message]) -> None:
        # Metadata first: a crash in between brings back old messages rather than losing any.
        self._write_meta(key, meta)
        self._rewrite(key, history)

    def _reconcile(self, key: str, meta: SessionMeta) -> None:
        meta.count = self._count_lines(key)

    def _read_messages(self, key: str, skip: int) -> list[Message]:
        return _read_messages(self._jsonl_path(key), skip, self._max_line_bytes)

    def _count_lines(self, key: str) -> int:
        return _count_lines(self._jsonl_path(key), self._max_line_bytes)


def _read_messages(path: str, skip: int, max_line_bytes: int) -> list[Message]:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return []
    found: list[Message] = []
    number = 0
    try:
        for line in scan_lines(descriptor, max_line_bytes):
            if not line:
                continue
            number += 1
            if number <= skip:
                continue
            try:
                found.append(messages.decode_line(line))
            except StoreError as error:
                name = os.path.basename(path)
                _logger.warning("skipping corrupt line %d in %s: %s", number, name, error)
    except StoreError as error:
        raise StoreError(f"scan {path}: {error}") from error
    finally:
        os.close(descriptor)
    return found


def _count_lines(path: str, max_line_bytes: int) -> int:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return 0
    try:
        return sum(1 for line in scan_lines(descriptor, max_line_bytes) if line)
    except StoreError as error:
        raise StoreError(f"scan {path}: {error}") from error
    finally:
        os.close(descriptor)


def _sanitize_key(key: str) -> str:
    # Lossy: "a:b", "a/b" and "a_b" are one file.
    return key.replace(":", "_").replace("/", "_").replace("\\", "_")


def _fnv_1a_32(key: str) -> int:
    digest = 0x811C9DC5
    for byte in key.encode("utf-8", "surrogatepass"):
        digest = (digest ^ byte) * 0x01000193 & 0xFFFFFFFF
    return digest
