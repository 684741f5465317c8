"""The session stores of this project as subjects."""

from tornwrite.model.archive import ArchiveModel
from tornwrite.model.backend import BackendModel
from tornwrite.model.manager import ManagerModel
from tornwrite.model.sessions import SessionModel
from tornwrite.model.transcripts import TranscriptModel
from tornwrite.reference import JSONLStore, migrate_legacy
from tornwrite.reference.archive import ArchivingStore
from tornwrite.reference.durable.errors import SessionNotFound
from tornwrite.reference.interface import open_session_store
from tornwrite.reference.manager import SessionManager
from tornwrite.reference.transcripts import TranscriptStore
from tornwrite.scenarios import archive as archive_scenarios
from tornwrite.scenarios import interface as interface_scenarios
from tornwrite.scenarios import manager as manager_scenarios
from tornwrite.scenarios import transcripts as transcript_scenarios
from tornwrite.scenarios.archive_driver import ArchiveDriver
from tornwrite.scenarios.backend_driver import backend_opener
from tornwrite.scenarios.manager_driver import manager_opener
from tornwrite.scenarios.session_driver import SessionDriver, counting_clock
from tornwrite.scenarios.sessions import ALL
from tornwrite.scenarios.subject import Subject
from tornwrite.scenarios.threads import archive as archive_threads
from tornwrite.scenarios.threads import manager as manager_threads
from tornwrite.scenarios.threads import transcripts as transcript_threads
from tornwrite.scenarios.threads.sessions import ALL as THREADS
from tornwrite.scenarios.transcript_driver import TranscriptDriver


def _open_reference(root: str) -> SessionDriver:
    store = JSONLStore(root, clock=counting_clock())
    return SessionDriver(store, root, lambda: migrate_legacy(store), store.list_sessions)


reference = Subject(
    about="the JSONL session store of this project",
    model=SessionModel(),
    open=_open_reference,
    scenarios=(*ALL, *THREADS),
)


archive = Subject(
    about="the archiving store of this project",
    model=ArchiveModel(),
    open=lambda root: ArchiveDriver(ArchivingStore(root), root, SessionNotFound),
    scenarios=(*archive_scenarios.ALL, *archive_threads.ALL),
)


def _open_transcripts(root: str) -> TranscriptDriver:
    # Without inodes and times in its index: the same run, the same bytes.
    store = TranscriptStore(root, clock=counting_clock(), stamp=lambda look: (0, 0))
    return TranscriptDriver(store, root, SessionNotFound, store.get)


transcripts = Subject(
    about="the transcript store of this project",
    model=TranscriptModel(),
    open=_open_transcripts,
    scenarios=(*transcript_scenarios.ALL, *transcript_threads.ALL),
)


manager = Subject(
    about="the session manager of this project: sessions in memory, saved whole",
    model=ManagerModel(),
    open=manager_opener(SessionManager),
    scenarios=(*manager_scenarios.ALL, *manager_threads.ALL),
)


backend = Subject(
    about="the session interface of this project: JSONL backend, start-up, falling back",
    model=BackendModel(),
    open=backend_opener(open_session_store, SessionManager),
    scenarios=(*interface_scenarios.ALL, *manager_threads.BACKEND),
)
