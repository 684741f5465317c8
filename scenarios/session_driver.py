"""How the harness drives a session store: its operations, and what it shows."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from tornwrite.model.operation import Observation, Operation
from tornwrite.scenarios.looking import damage_told
from tornwrite.scenarios.session_files import SessionFiles


class SessionStore(Protocol):
    """What the editions of the store have in common."""

    def add_message(self, key: str, role: str, content: str) -> None: ...

    def add_full_message(self, key: str, message: Mapping[str, Any]) -> None: ...

    def get_history(self, key: str) -> list[dict[str, Any]]: ...

    def get_summary(self, key: str) -> str: ...

    def set_summary(self, key: str, summary: str) -> None: ...

    def truncate_history(self, key: str, keep_last: int) -> None: ...

    def set_history(self, key: str, history: list[Any]) -> None: ...

    def compact(self, key: str) -> None: ...

    def close(self) -> None: ...


OPERATIONS = frozenset(
    {
        "add_message",
        "add_full_message",
        "get_history",
        "get_summary",
        "set_summary",
        "truncate_history",
        "set_history",
        "compact",
    }
)


def counting_clock() -> Callable[[], int]:
    """A clock in nanoseconds, a second further at each look: the same run, the same bytes."""
    now = 1_700_000_000_123_456_789

    def tick() -> int:
        nonlocal now
        now += 1_000_000_000
        return now

    return tick


class SessionDriver:
    """An open session store.

    migrate: imports the legacy files of the store's directory. list_keys: None for a store that
    cannot list its sessions.
    """

    def __init__(
        self,
        store: SessionStore,
        directory: str,
        migrate: Callable[[], object],
        list_keys: Callable[[], Sequence[str]] | None = None,
    ) -> None:
        self._store = store
        self._directory = directory
        self._migrate = migrate
        self._list_keys = list_keys

    def apply(self, operation: Operation) -> Any:
        if operation.name == "migrate":
            self._migrate()
            return None
        if operation.name == "list_sessions" and self._list_keys is not None:
            return sorted(self._list_keys())
        if operation.name not in OPERATIONS:
            raise ValueError(f"a session store has no operation {operation.name!r}")
        return getattr(self._store, operation.name)(**operation.arguments)

    def observe(self, names: Sequence[str]) -> Observation:
        listed = None if self._list_keys is None else self._list_keys()
        sessions = {key: self._session(key) for key in dict.fromkeys([*names, *(listed or ())])}
        files = SessionFiles(self._directory)
        return {
            "sessions": sessions,
            "unlisted": [
                key
                for key, session in sessions.items()
                if listed is not None and key not in listed and any(session.values())
            ],
            "pending": files.pending,
            "backups": files.backups,
            "damaged": files.damaged,
            "unreadable": files.unreadable,
        }

    def _session(self, key: str) -> dict[str, Any]:
        try:
            return {
                "messages": self._store.get_history(key),
                "summary": self._store.get_summary(key),
            }
        except Exception as error:
            told = str(error).replace(self._directory + os.sep, "")
            return {"error": f"{type(error).__name__}: {told}"}

    def settled(self, names: Sequence[str]) -> Observation:
        files = SessionFiles(self._directory)
        return {"drift": list(files.drift()), "litter": files.litter}

    def reported(self, names: Sequence[str]) -> Observation:
        """What the store says is wrong with its files."""
        listed = () if self._list_keys is None else self._list_keys()
        inspect = getattr(self._store, "inspect", None)
        return damage_told(inspect, tuple(dict.fromkeys([*names, *listed])))

    def close(self) -> None:
        self._store.close()
