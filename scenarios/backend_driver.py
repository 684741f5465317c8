"""How the harness drives what stands behind the session interface, start-up and all.

Beside the interface's operations there are two that an operator would do, on a legacy file that the
start-up cannot import: `take_away` renames it to `FILE.aside`, `put_back` undoes that.
"""

import os
import re
from collections.abc import Callable, Sequence
from typing import Any

from tornwrite.faults.images import materialise, read_image
from tornwrite.faults.scratch import Workspace
from tornwrite.model.operation import Observation, Operation
from tornwrite.scenarios.manager_driver import (
    SessionStore,
    call,
    contents_of,
    digest,
    keys_in,
    litter,
    read_session,
    reported_by,
)
from tornwrite.scenarios.session_driver import counting_clock
from tornwrite.scenarios.session_files import SessionFiles

ASIDE = ".aside"
_ANY_STORES_BYTES = 200
_IMPORTED = re.compile(r".*\.meta\.json|.*\.json\.migrated(\.\d+)?")


class BackendDriver:
    """A started session store.

    start: starts one on a directory. is_fallback: whether what it gave is what it falls back to.
    """

    def __init__(
        self,
        start: Callable[[str], SessionStore],
        is_fallback: Callable[[SessionStore], bool],
        directory: str,
    ) -> None:
        self._start = start
        self._is_fallback = is_fallback
        self._directory = directory
        self._store = start(directory)
        self._is_fresh = True

    def apply(self, operation: Operation) -> Any:
        """Do the operation on the store that was started, or on the directory."""
        self._is_fresh = False
        match operation.name:
            case "take_away":
                file = operation.arguments["file"]
                return _rename(self._directory, file, file + ASIDE)
            case "put_back":
                file = operation.arguments["file"]
                return _rename(self._directory, file + ASIDE, file)
            case _:
                return call(self._store, operation)

    def observe(self, names: Sequence[str]) -> Observation:
        """What a store shows that has just been started, even while this one has a memory.

        Starting migrates, and two that fell back are not meant to work on one directory: so it is
        tried on a copy where it could show anything else.
        """
        if self._is_fresh or not self._is_fallback(self._store):
            return self._shown_by(self._store, self._directory, names)
        with Workspace() as workspace:
            materialise(read_image(self._directory), workspace.path)
            another = self._start(workspace.path)
            try:
                return self._shown_by(another, workspace.path, names)
            finally:
                another.close()

    def _shown_by(self, store: SessionStore, directory: str, names: Sequence[str]) -> Observation:
        files = SessionFiles(directory)
        waiting = sorted(files.pending)
        contents = contents_of(directory)
        # What was imported tells its key.
        imported = [data for name, data in contents.items() if _IMPORTED.fullmatch(name)]
        pending = [one["key"] for one in files.pending.values() if _is_any_stores(one["key"])]
        keys = dict.fromkeys([*names, *keys_in(imported, "key"), *pending])
        return {
            "sessions": {key: read_session(store, key, directory) for key in keys},
            "waiting": waiting,
            # One that no program of ours can read hinders it too.
            "hindered": (waiting or ["?"]) if self._is_fallback(store) else [],
            "files": sorted({digest(data) for data in contents.values()}),
            "unreadable": files.unreadable,
        }

    def settled(self, names: Sequence[str]) -> Observation:
        """Litter; drift too, unless the store fell back and has not got to rewriting anything."""
        drift = (
            [] if self._is_fallback(self._store) else list(SessionFiles(self._directory).drift())
        )
        return {"drift": drift, "litter": litter(self._directory)}

    def reported(self, names: Sequence[str]) -> Observation:
        """What the store says is wrong with its files."""
        return reported_by(self._store, names)

    def close(self) -> None:
        self._store.close()


def _is_any_stores(key: str) -> bool:
    """Whether every store takes it. What was not imported need not have such a key."""
    try:
        return len(key.encode()) <= _ANY_STORES_BYTES
    except UnicodeEncodeError:
        return False


def _rename(directory: str, source: str, target: str) -> None:
    """As an operator would, who syncs nothing; no error where it was done before."""
    if not os.path.lexists(os.path.join(directory, target)):
        os.rename(os.path.join(directory, source), os.path.join(directory, target))


def backend_opener(
    start: Callable[..., SessionStore], fallback: type[object]
) -> Callable[[str], BackendDriver]:
    """How a subject starts an edition of what stands behind the session interface.

    start: the edition's, called with a directory and a clock. fallback: the class of what it falls
    back to.
    """

    def started(root: str) -> SessionStore:
        return start(root, clock=counting_clock())

    return lambda root: BackendDriver(started, lambda store: isinstance(store, fallback), root)
