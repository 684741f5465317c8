"""How a program opens its session store: the JSONL store, after legacy files were migrated to it.

If that fails a session manager stands in, so that the program can go on. It would be wrong to show
some sessions from one place and some from another: what the JSONL store holds is in the manager's
sessions too, and what the manager saves is migrated at a later start, no message lost and none
twice.
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterator

from tornwrite.reference.durable.directory import StoreDirectory
from tornwrite.reference.durable.errors import StoreError
from tornwrite.reference.failures import Failure
from tornwrite.reference.interface.all_sessions import sessions_of
from tornwrite.reference.interface.jsonl_backend import JSONLBackend
from tornwrite.reference.interface.session_store import SessionStore
from tornwrite.reference.jsonl.listing import list_keys
from tornwrite.reference.jsonl.migration import migrate_legacy
from tornwrite.reference.jsonl.names import DATA_SUFFIX
from tornwrite.reference.jsonl.store import JSONLStore
from tornwrite.reference.manager.manager import SessionManager
from tornwrite.reference.manager.names import is_leftover

START = "start"


class MigrationFailed(StoreError):
    """A legacy file could not be migrated. The text names it and says why."""


def open_session_store(
    directory: str | os.PathLike[str],
    *,
    clock: Callable[[], int] = time.time_ns,
    on_failure: Callable[[Failure], None] | None = None,
) -> SessionStore:
    """Open the sessions of a directory, which is made when missing.

    Args:
        directory: where the sessions are, in either format.
        clock: nanoseconds since 1970 UTC.
        on_failure: called with each failure that is not raised.

    Returns:
        A `JSONLBackend`; or a `SessionManager` if not everything could be migrated. Its `failures`
        then say why, as failures of the operation "start". They also tell of legacy files that are
        damaged and left as they are, and a manager's of damage in the JSONL store's files.

    Raises:
        OSError: the directory cannot be used at all, or not looked at for the JSONL store's
            sessions. One whose files cannot be read keeps nobody from starting: a manager then
            refuses its key.
    """
    try:
        store = JSONLStore(directory, clock=clock)
    except OSError as error:
        if _holds_sessions(directory):
            raise  # without them, sessions would be split
        return _told(SessionManager(directory, clock=clock, on_failure=on_failure), [error])
    try:
        failures, damaged = _prepare(store)
        if not failures:
            backend = JSONLBackend(store, on_failure=on_failure)
            for failure in damaged:
                backend.failures.note("", START, failure)
            return backend
        with contextlib.closing(store), _no_migration(store._sessions):
            beside, wrong = sessions_of(store)
            damaged = [*damaged, *wrong]
            manager = SessionManager(directory, clock=clock, on_failure=on_failure, beside=beside)
    except BaseException:
        store.close()
        raise
    return _told(manager, [*failures, *damaged])


def _prepare(store: JSONLStore) -> tuple[list[Exception], list[Exception]]:
    """Migrate; gives what went wrong, and what is wrong with files that no migration will help."""
    try:
        # Of a session manager that stood in before, and was killed.
        store._sessions.remove_leftovers(is_leftover)
        report = migrate_legacy(store)
    except OSError as error:
        return [error], []
    failed, damaged = (
        [MigrationFailed(f"{name}: {reason}") for name, reason in found]
        for found in (report.failed, report.damaged)
    )
    return [*failed], [*damaged]


def _told(manager: SessionManager, failures: list[Exception]) -> SessionManager:
    for failure in failures:
        manager.failures.note("", START, failure)
    return manager


def _holds_sessions(directory: str | os.PathLike[str]) -> bool:
    try:
        # A data file may have lost the metadata that says its key.
        any_data = any(name.endswith(DATA_SUFFIX) for name in os.listdir(directory))
        return any_data or bool(list_keys(os.fspath(directory)))
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def _no_migration(sessions: StoreDirectory) -> Iterator[None]:
    """No other process moves messages from the files to the JSONL store while both are read."""
    with sessions.locks.migration() if sessions.locks.writable else contextlib.nullcontext():
        yield
