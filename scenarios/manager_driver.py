"""How the harness drives a session manager: its operations, and what a new process would find."""

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import orjson

from tornwrite.model.operation import Observation, Operation
from tornwrite.scenarios.looking import damage_told, regular_files
from tornwrite.scenarios.session_driver import counting_clock


class SessionStore(Protocol):
    """The interface of an agent's session store, as far as the editions have it in common.

    One that has `failures` tells there what went wrong; its operations but `save` raise nothing.
    """

    def add_message(self, key: str, role: str, content: str) -> None: ...

    def add_full_message(self, key: str, message: Mapping[str, Any]) -> None: ...

    def get_history(self, key: str) -> list[dict[str, Any]]: ...

    def get_summary(self, key: str) -> str: ...

    def set_summary(self, key: str, summary: str) -> None: ...

    def truncate_history(self, key: str, keep_last: int) -> None: ...

    def set_history(self, key: str, history: list[Any]) -> None: ...

    def save(self, key: str) -> None: ...

    def close(self) -> None: ...


OPERATIONS = frozenset(
    {
        "add_message",
        "add_full_message",
        "get_history",
        "get_or_create",
        "get_summary",
        "set_summary",
        "truncate_history",
        "set_history",
        "save",
    }
)


def call(store: SessionStore, operation: Operation) -> Any:
    """Do the operation. Raises what the store noted of it: returning alone acknowledges nothing.

    A store that notes nothing acknowledges by returning.
    """
    if operation.name not in OPERATIONS:
        raise ValueError(f"a session store has no operation {operation.name!r}")
    failed_before = _failed(store)
    result = getattr(store, operation.name)(**operation.arguments)
    _check(store, failed_before)
    return result


def read_session(store: SessionStore, key: str, directory: str) -> dict[str, Any]:
    """What the store shows of a session, or the error that keeps it from it.

    directory: the store's, which is not named in the error.
    """
    failed_before = _failed(store)
    try:
        shown = {"messages": store.get_history(key), "summary": store.get_summary(key)}
        _check(store, failed_before)
    except Exception as error:
        told = str(error).replace(directory + os.sep, "")
        return {"error": f"{type(error).__name__}: {told}"}
    return shown


def _failed(store: SessionStore) -> int:
    failures = getattr(store, "failures", None)
    return 0 if failures is None else int(failures.total)


def _check(store: SessionStore, failed_before: int) -> None:
    if _failed(store) > failed_before:
        failures: Any = store
        error: Exception = failures.failures.recent[-1].error
        raise error


_KNOWN = re.compile(
    r"\.lock"
    r"|.*\.(jsonl|json)"
    r"|.*\.json\.migrated(\.\d+)?"
    r"|.*\.damaged-[0-9a-f]+"
    r"|.*\.aside"  # what the harness itself took away
)


def contents_of(directory: str) -> dict[str, bytes]:
    """All files of a directory, by name."""
    return dict(regular_files(directory))


def reported_by(store: SessionStore, names: Sequence[str]) -> Observation:
    """What a store says is wrong with its files: damage that it found, and failures that it notes.

    names: the sessions to ask after, where it can be asked about one.
    """
    noted = getattr(store, "failures", None)
    failures = () if noted is None else noted.recent
    within = getattr(store, "store", store)
    return damage_told(
        getattr(within, "inspect", None),
        names,
        of_all=(*getattr(store, "damage", ()), *(f"{one.key}: {one.error}" for one in failures)),
    )


def keys_in(files: Iterable[bytes], field: str) -> list[str]:
    """The session keys that are said in those files that are JSON objects with this field too."""
    found: dict[str, None] = {}
    for data in files:
        try:
            told = orjson.loads(data)
        except orjson.JSONDecodeError:
            continue
        if isinstance(told, dict) and field in told and isinstance(told.get("key"), str):
            found[told["key"]] = None
    return list(found)


def digest(data: bytes) -> str:
    """A short name for some bytes."""
    return hashlib.sha256(data).hexdigest()[:12]


def litter(directory: str) -> list[str]:
    """The files of a directory that belong to no format."""
    return [name for name in sorted(os.listdir(directory)) if not _KNOWN.fullmatch(name)]


class ManagerDriver:
    """An open session manager.

    open_manager: opens one on a directory; a second one while the first is open, too.
    """

    def __init__(self, open_manager: Callable[[str], SessionStore], directory: str) -> None:
        self._open = open_manager
        self._directory = directory
        self._manager = open_manager(directory)
        self._is_fresh = True

    def apply(self, operation: Operation) -> Any:
        """Do the operation on the manager that is open, with its memory."""
        self._is_fresh = False
        return call(self._manager, operation)

    def observe(self, names: Sequence[str]) -> Observation:
        """What a manager shows that has just been opened; never the memory of one in use."""
        if self._is_fresh:
            return self._shown_by(self._manager, names)
        another = self._open(self._directory)
        try:
            return self._shown_by(another, names)
        finally:
            another.close()

    def _shown_by(self, manager: SessionStore, names: Sequence[str]) -> Observation:
        files = contents_of(self._directory)
        keys = dict.fromkeys([*names, *keys_in(files.values(), "messages")])
        return {
            "sessions": {key: read_session(manager, key, self._directory) for key in keys},
            "files": {name: digest(data) for name, data in files.items()},
            "reported": sorted({one.file for one in getattr(manager, "damage", ())}),
        }

    def settled(self, names: Sequence[str]) -> Observation:
        return {"litter": litter(self._directory)}

    def reported(self, names: Sequence[str]) -> Observation:
        """What the manager says is wrong with its files."""
        return reported_by(self._manager, names)

    def close(self) -> None:
        self._manager.close()


def manager_opener(manager: Callable[..., SessionStore]) -> Callable[[str], ManagerDriver]:
    """How a subject opens an edition of the manager: each one with a clock of its own.

    manager: the edition's class, called with a directory and a clock.
    """

    def opened(root: str) -> SessionStore:
        return manager(root, clock=counting_clock())

    return lambda root: ManagerDriver(opened, root)
