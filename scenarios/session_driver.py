"""How the harness drives a session store: its operations, and what it shows of its directory."""

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import orjson

from tornwrite.model.operation import Observation, Operation


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

_KNOWN = re.compile(r"\.lock|.*\.jsonl|.*\.json|.*\.json\.migrated(\.\d+)?|.*\.damaged-[0-9a-f]+")


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

    migrate: imports the legacy files of the store's directory. list_keys: for stores that can.
    """

    def __init__(
        self,
        store: SessionStore,
        directory: str,
        migrate: Callable[[], object],
        list_keys: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        self._store = store
        self._directory = directory
        self._migrate = migrate
        self._list_keys = list_keys

    def apply(self, operation: Operation) -> Any:
        if operation.name == "migrate":
            self._migrate()
            return None
        if operation.name not in OPERATIONS:
            raise ValueError(f"a session store has no operation {operation.name!r}")
        return getattr(self._store, operation.name)(**operation.arguments)

    def observe(self, names: Sequence[str]) -> Observation:
        keys = dict.fromkeys([*names, *self._list_keys()])
        pending, backups = self._legacy()
        return {
            "sessions": {key: self._session(key) for key in keys},
            "pending": pending,
            "backups": backups,
        }

    def _session(self, key: str) -> dict[str, Any]:
        try:
            return {
                "messages": self._store.get_history(key),
                "summary": self._store.get_summary(key),
            }
        except Exception as error:
            return {"error": f"{type(error).__name__}: {error}"}

    def _files(self) -> list[str]:
        return sorted(os.listdir(self._directory))

    def _read(self, name: str) -> bytes:
        with open(os.path.join(self._directory, name), "rb") as file:
            return file.read()

    def _legacy(self) -> tuple[dict[str, Any], dict[str, str]]:
        """The legacy files that wait, and the backups of those that were migrated."""
        pending: dict[str, Any] = {}
        backups: dict[str, str] = {}
        for name in self._files():
            if ".json.migrated" in name:
                backups[name] = _digest(self._read(name))
            elif name.endswith(".json") and not name.endswith(".meta.json"):
                data = self._read(name)
                session = orjson.loads(data)
                pending[name] = {
                    "key": session["key"],
                    "messages": session["messages"],
                    "summary": session.get("summary", ""),
                    "digest": _digest(data),
                }
        return pending, backups

    def settled(self, names: Sequence[str]) -> Observation:
        litter = [name for name in self._files() if not _KNOWN.fullmatch(name)]
        return {"drift": list(self._drift()), "litter": litter}

    def _drift(self) -> Iterator[str]:
        files = set(self._files())
        for name in sorted(files):
            if not name.endswith(".meta.json"):
                continue
            metadata = orjson.loads(self._read(name))
            data = name.removesuffix(".meta.json") + ".jsonl"
            lines = self._read(data).split(b"\n") if data in files else []
            actual = sum(1 for line in lines if line)
            if metadata["count"] != actual:
                yield f"{name} says count {metadata['count']}, {data} has {actual} lines"
            elif metadata["skip"] > actual:
                yield f"{name} says skip {metadata['skip']}, {data} has {actual} lines"

    def close(self) -> None:
        self._store.close()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:12]
