"""The JSONL store behind the interface of session stores."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tornwrite.reference.durable.json_lines import Message
from tornwrite.reference.failures import Failure, Failures
from tornwrite.reference.jsonl.store import JSONLStore


class JSONLBackend:
    """A `SessionStore` over a JSONL store, which makes each change durable as it is made.

    So there is nothing left for `save` to write: it compacts. What could not be written when it
    was to be is told in `failures`, not by `save`.

    Args:
        store: is closed with this.
        on_failure: called with each failure that is not raised.
    """

    def __init__(
        self, store: JSONLStore, *, on_failure: Callable[[Failure], None] | None = None
    ) -> None:
        self._store = store
        self._failures = Failures(on_failure)

    @property
    def failures(self) -> Failures:
        return self._failures

    @property
    def store(self) -> JSONLStore:
        """The JSONL store itself."""
        return self._store

    def add_message(self, key: str, role: str, content: str) -> None:
        self._write(key, "add_message", lambda: self._store.add_message(key, role, content))

    def add_full_message(self, key: str, message: Mapping[str, Any]) -> None:
        self._write(key, "add_full_message", lambda: self._store.add_full_message(key, message))

    def get_history(self, key: str) -> list[Message]:
        return self._failures.attempt(key, "get_history", lambda: self._store.get_history(key), [])

    def get_summary(self, key: str) -> str:
        return self._failures.attempt(key, "get_summary", lambda: self._store.get_summary(key), "")

    def set_summary(self, key: str, summary: str) -> None:
        self._write(key, "set_summary", lambda: self._store.set_summary(key, summary))

    def truncate_history(self, key: str, keep_last: int) -> None:
        self._write(key, "truncate_history", lambda: self._store.truncate_history(key, keep_last))

    def set_history(self, key: str, history: Iterable[Mapping[str, Any]]) -> None:
        self._write(key, "set_history", lambda: self._store.set_history(key, history))

    def save(self, key: str) -> None:
        """Remove from the disk what is logically gone.

        Raises:
            StoreError, OSError: the session could not be compacted; it reads as before.
        """
        self._store.compact(key)

    def close(self) -> None:
        self._store.close()

    def _write(self, key: str, operation: str, action: Callable[[], None]) -> None:
        self._failures.attempt(key, operation, action, None)
