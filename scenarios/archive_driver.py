"""How the harness drives an archiving store: its operations, and what it shows."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from tornwrite.model.operation import Observation, Operation
from tornwrite.scenarios.line_files import LineFiles, look_at_files
from tornwrite.scenarios.looking import damage_told

Ids = list[str]


class ArchivingStore(Protocol):
    """What the editions of the store have in common."""

    def save(self, session_id: str, message: Mapping[str, Any]) -> None: ...

    def load(self, session_id: str) -> list[dict[str, Any]]: ...

    def list(self) -> Ids: ...

    def exists(self, session_id: str) -> bool: ...

    def archive(self, session_id: str) -> None: ...

    def delete(self, session_id: str) -> None: ...

    def close(self) -> None: ...


OPERATIONS = frozenset({"save", "load", "list", "exists", "archive", "delete"})

_DATA = r".*\.jsonl(\.archived|\.whole)?"
_PASSING = r".*\.whole"


class ArchiveDriver:
    """An open archiving store.

    not_found: what it raises for a session that does not exist, among other things perhaps.
    """

    def __init__(self, store: ArchivingStore, directory: str, not_found: type[Exception]) -> None:
        self._store = store
        self._directory = directory
        self._not_found = not_found

    def apply(self, operation: Operation) -> Any:
        """Do the operation. To archive what does not exist is answered, and is no failure.

        Unless it has to exist: `archive_existing`.
        """
        if operation.name == "archive_existing":
            return self._store.archive(**operation.arguments)
        if operation.name not in OPERATIONS:
            raise ValueError(f"an archiving store has no operation {operation.name!r}")
        try:
            return getattr(self._store, operation.name)(**operation.arguments)
        except self._not_found:
            if operation.name != "archive" or self._store.exists(**operation.arguments):
                raise
            return None

    def observe(self, names: Sequence[str]) -> Observation:
        active = self._store.list()
        found = {name: self._session(name, active) for name in dict.fromkeys([*names, *active])}
        return {
            "sessions": {name: session for name, session in found.items() if session},
            "damaged": list(self._files().damaged),
        }

    def _session(self, name: str, active: Sequence[str]) -> dict[str, Any]:
        """What the store says of it; nothing if it says that there is none."""
        exists = False
        try:
            exists = self._store.exists(name)
            messages = self._store.load(name)
        except Exception as error:
            if isinstance(error, self._not_found) and not exists and name not in active:
                return {}
            told = str(error).replace(self._directory + os.sep, "")
            return {"error": f"{type(error).__name__}: {told}"}
        if not exists:
            return {"error": f"it has {len(messages)} messages, and exists() says there is none"}
        return {"messages": messages, "archived": name not in active}

    def _files(self) -> LineFiles:
        return look_at_files(self._directory, _DATA, passing=_PASSING)

    def settled(self, names: Sequence[str]) -> Observation:
        return {"litter": list(self._files().litter)}

    def reported(self, names: Sequence[str]) -> Observation:
        """What the store says is wrong with its files."""
        every = tuple(dict.fromkeys([*names, *self._store.list()]))
        inspect = getattr(self._store, "inspect", None)
        return damage_told(inspect, every, not_found=self._not_found)

    def close(self) -> None:
        self._store.close()
