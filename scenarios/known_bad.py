"""The stores as they were published, flaws included: subjects that the harness has to break."""

from collections.abc import Callable
from typing import TypeAlias

from tornwrite.model import alphabets
from tornwrite.model.archive import ArchiveModel
from tornwrite.model.backend import BackendModel
from tornwrite.model.manager import ManagerModel
from tornwrite.model.sessions import SessionModel
from tornwrite.model.transcripts import TranscriptModel
from tornwrite.reference.published import (
    ArchivingStore,
    JSONLStore,
    SessionManager,
    StoreError,
    TranscriptStore,
    history,
    migrate_from_json,
    open_session_store,
)
from tornwrite.scenarios import archive as archive_scenarios
from tornwrite.scenarios import interface as interface_scenarios
from tornwrite.scenarios import manager as manager_scenarios
from tornwrite.scenarios import transcripts as transcript_scenarios
from tornwrite.scenarios.archive_driver import ArchiveDriver
from tornwrite.scenarios.backend_driver import backend_opener
from tornwrite.scenarios.manager_driver import manager_opener
from tornwrite.scenarios.session_driver import SessionDriver, counting_clock
from tornwrite.scenarios.sessions.published import ALL as SESSIONS
from tornwrite.scenarios.subject import Subject
from tornwrite.scenarios.threads import archive as archive_threads
from tornwrite.scenarios.threads import manager as manager_threads
from tornwrite.scenarios.threads import transcripts as transcript_threads
from tornwrite.scenarios.threads.sessions import ALL as THREADS
from tornwrite.scenarios.transcript_driver import TranscriptDriver

Migrate: TypeAlias = Callable[[str, JSONLStore], int]


def _sessions(
    about: str, store: type[JSONLStore] = JSONLStore, migrate: Migrate = migrate_from_json
) -> Subject:
    """A subject of the JSONL store as published, or as it was before."""

    def opened(root: str) -> SessionDriver:
        one = store(root, clock=counting_clock())
        return SessionDriver(one, root, lambda: migrate(root, one))

    return Subject(
        about, SessionModel(), opened, (*SESSIONS, *THREADS), alphabet=alphabets.SESSIONS
    )


jsonl = _sessions("the JSONL session store as it was published, flaws included")

rename_without_sync = _sessions(
    "the published JSONL store, with files renamed before they are synced",
    history.RenameWithoutSync,
)
migration_by_appending = _sessions(
    "the published JSONL store, with legacy files imported message by message",
    migrate=history.migrate_by_appending,
)
data_before_metadata = _sessions(
    "the published JSONL store, with messages rewritten before the metadata",
    history.DataBeforeMetadata,
)
count_only_when_zero = _sessions(
    "the published JSONL store, with a count that is made good only when it is zero",
    history.CountOnlyWhenZero,
)
one_megabyte_lines = _sessions(
    "the published JSONL store, with lines of at most 1 MB", history.OneMegabyteLines
)
unlocked = _sessions("the published JSONL store, without its locks", history.Unlocked)

archive = Subject(
    about="the archiving store as it was published, flaws included",
    model=ArchiveModel(),
    open=lambda root: ArchiveDriver(ArchivingStore(root), root, StoreError),
    scenarios=(*archive_scenarios.PUBLISHED, *archive_threads.ALL),
    alphabet=alphabets.ARCHIVE,
)


def _open_transcripts(root: str) -> TranscriptDriver:
    def on_disk() -> TranscriptStore:
        # The one under test shows what it has in memory.
        return TranscriptStore(root, clock=counting_clock())

    return TranscriptDriver(
        on_disk(), root, FileNotFoundError, lambda name: on_disk().get_or_create(name)
    )


transcripts = Subject(
    about="the transcript store as it was published, flaws included",
    model=TranscriptModel(),
    open=_open_transcripts,
    scenarios=(*transcript_scenarios.PUBLISHED, *transcript_threads.ALL),
    alphabet=alphabets.TRANSCRIPTS,
)


manager = Subject(
    about="the session manager as it was published, flaws included",
    model=ManagerModel(),
    open=manager_opener(SessionManager),
    scenarios=(*manager_scenarios.ALL, *manager_threads.ALL),
    alphabet=alphabets.MANAGER,
)


backend = Subject(
    about="the session interface as it was published: JSONL backend, start-up, falling back",
    model=BackendModel(),
    open=backend_opener(open_session_store, SessionManager),
    scenarios=(*interface_scenarios.PUBLISHED, *manager_threads.BACKEND),
    alphabet=alphabets.BACKEND,
)
