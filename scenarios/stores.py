"""The session stores of this project as subjects."""

import os

from tornwrite.model.sessions import SessionModel
from tornwrite.reference.published import JSONLStore as PublishedStore
from tornwrite.reference.published import migrate_from_json
from tornwrite.scenarios.session_driver import SessionDriver, counting_clock
from tornwrite.scenarios.sessions import ALL
from tornwrite.scenarios.subject import Subject


def _open_published(root: str) -> SessionDriver:
    store = PublishedStore(root, clock=counting_clock())
    return SessionDriver(store, os.fspath(root), lambda: migrate_from_json(root, store))


published = Subject(
    name="tornwrite.scenarios.stores:published",
    about="the JSONL session store as it was published, flaws included",
    model=SessionModel(),
    open=_open_published,
    scenarios=ALL,
)
