"""The JSONL store behind the session manager's interface, and the choice between the two at the
start. Never repaired: see the package.

The code is not published with the message that describes it; this is what the message says.
"""

import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence

from tornwrite.reference.published import messages
from tornwrite.reference.published.errors import StoreError
from tornwrite.reference.published.jsonl_migration import migrate_from_json
from tornwrite.reference.published.jsonl_store import JSONLStore
from tornwrite.reference.published.manager import SessionManager
from tornwrite.reference.published.messages import Message

_logger = logging.getLogger(__name__)


class JSONLBackend:
    """A JSONL store whose errors nobody hears of, but for those of `save`.

    Writes that fail are logged and taken as done; reads that fail are logged and return what an
    empty session would. Only messages with a field of the wrong kind raise `StoreError`.

    Args:
        store: where the sessions are; `close` closes it.
    """

    def __init__(self, store: JSONLStore) -> None:
        self._store = store

    def add_message(self, key: str, role: str, content: str) -> None:
        """Append a message of these two fields."""
        self.add_full_message(key, {"role": role, "content": content})

    def add_full_message(self, key: str, message: Mapping[str, object]) -> None:
        """Append a message."""
        taken = messages.take(message)
        _try("add message", lambda: self._store.add_full_message(key, taken))

    def get_history(self, key: str) -> list[Message]:
        """The messages; none if they cannot be read."""
        try:
            return self._store.get_history(key)
        except (OSError, StoreError) as error:
            _logger.warning("session: get history: %s", error)
            return []

    def get_summary(self, key: str) -> str:
        """The summary; an empty one if it cannot be read."""
        try:
            return self._store.get_summary(key)
        except (OSError, StoreError) as error:
            _logger.warning("session: get summary: %s", error)
            return ""

    def set_summary(self, key: str, summary: str) -> None:
        """Set the summary."""
        _try("set summary", lambda: self._store.set_summary(key, summary))

    def truncate_history(self, key: str, keep_last: int) -> None:
        """Drop all but the last messages."""
        _try("truncate history", lambda: self._store.truncate_history(key, keep_last))

    def set_history(self, key: str, history: Sequence[Mapping[str, object]]) -> None:
        """Replace all messages."""
        taken = [messages.take(message) for message in history]
        _try("set history", lambda: self._store.set_history(key, taken))

    def save(self, key: str) -> None:
        """Compact the session; everything else was written when it was told.

        Raises:
            OSError, StoreError: compacting failed.
        """
        self._store.compact(key)

    def close(self) -> None:
        """Close the store."""
        self._store.close()


def open_session_store(
    directory: str | os.PathLike[str], *, clock: Callable[[], int] = time.time_ns
) -> JSONLBackend | SessionManager:
    """Open the JSONL store and import the legacy files of its directory; go on with a
    `SessionManager` on that directory if either fails.

    This is to prevent "a split state where some sessions live in JSONL and others remain in JSON".
    It does not: sessions imported before the failure, now or at an earlier start, are in files that
    the manager does not read. What it saves is imported over them at a later start.

    Args:
        directory: where the sessions are.
        clock: nanoseconds since 1970 UTC.

    Returns:
        One of the two; nothing tells the caller which, or why.
    """
    try:
        store = JSONLStore(directory, clock=clock)
    except OSError as error:
        _logger.warning("memory: init store: %s; using json sessions", error)
        return SessionManager(directory, clock=clock)
    try:
        migrated = migrate_from_json(directory, store)
    except (OSError, StoreError) as error:
        _logger.warning("memory: migration failed: %s; falling back to json sessions", error)
        store.close()
        return SessionManager(directory, clock=clock)
    if migrated:
        _logger.info("memory: migrated %d session(s) to jsonl", migrated)
    return JSONLBackend(store)


def _try(what: str, write: Callable[[], None]) -> None:
    try:
        write()
    except (OSError, StoreError) as error:
        _logger.warning("session: %s: %s", what, error)
