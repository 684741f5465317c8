"""What a program asks of a session store, whichever it is."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from tornwrite.reference.durable.json_lines import Message
from tornwrite.reference.failures import Failures


class SessionStore(Protocol):
    """Sessions by key: fire and forget.

    Only `save` raises for what the disk or the data did. Any other method that meets an error logs
    it and notes it in `failures`; one that reads then returns nothing. A session begins with
    whatever is first written to it. Threads may share a store.
    """

    @property
    def failures(self) -> Failures:
        """What went wrong without being raised."""
        ...

    def add_message(self, key: str, role: str, content: str) -> None:
        """Append a message of these two fields."""
        ...

    def add_full_message(self, key: str, message: Mapping[str, Any]) -> None:
        """Append a message: any JSON object, of any size."""
        ...

    def get_history(self, key: str) -> list[Message]:
        """The session's messages, oldest first. They are the caller's own."""
        ...

    def get_summary(self, key: str) -> str:
        """The session's summary; empty if it has none."""
        ...

    def set_summary(self, key: str, summary: str) -> None:
        """Replace the summary."""
        ...

    def truncate_history(self, key: str, keep_last: int) -> None:
        """Remove all but the last messages; all of them if `keep_last` is not positive."""
        ...

    def set_history(self, key: str, history: Iterable[Mapping[str, Any]]) -> None:
        """Replace all messages; the summary stays."""
        ...

    def save(self, key: str) -> None:
        """Make durable what was done to the session, as far as the store has not done so yet.

        Raises:
            StoreError, OSError: what kept it from doing so.
        """
        ...

    def close(self) -> None:
        """Release what the store holds; it saves nothing. Writes fail from now on."""
        ...
