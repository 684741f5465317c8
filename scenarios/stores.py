"""The session stores of this project as subjects."""

from tornwrite.model.sessions import SessionModel
from tornwrite.reference import JSONLStore, migrate_legacy
from tornwrite.reference.published import JSONLStore as PublishedStore
from tornwrite.reference.published import migrate_from_json
from tornwrite.scenarios.session_driver import SessionDriver, counting_clock
from tornwrite.scenarios.sessions import ALL
from tornwrite.scenarios.subject import Subject
from tornwrite.scenarios.threads.sessions import ALL as THREADS


def _open_reference(root: str) -> SessionDriver:
    store = JSONLStore(root, clock=counting_clock())
    return SessionDriver(store, root, lambda: migrate_legacy(store), store.list_sessions)


reference = Subject(
    about="the JSONL session store of this project",
    model=SessionModel(),
    open=_open_reference,
    scenarios=(*ALL, *THREADS),
)


def _open_published(root: str) -> SessionDriver:
    store = PublishedStore(root, clock=counting_clock())
    return SessionDriver(store, root, lambda: migrate_from_json(root, store))


published = Subject(
    about="the JSONL session store as it was published, flaws included",
    model=SessionModel(),
    open=_open_published,
    scenarios=(*ALL, *THREADS),
)
