"""The session stores of this project as subjects."""

from tornwrite.model import alphabets
from tornwrite.model.archive import ArchiveModel
from tornwrite.model.backend import BackendModel
from tornwrite.model.damage import Unnoticed
from tornwrite.model.manager import ManagerModel
from tornwrite.model.sessions import SessionModel
from tornwrite.model.transcripts import TranscriptModel
from tornwrite.reference import JSONLStore, migrate_legacy
from tornwrite.reference.archive import ArchivingStore
from tornwrite.reference.durable.errors import ChangeNotUndone, SessionNotFound
from tornwrite.reference.interface import open_session_store
from tornwrite.reference.interface.start import MigrationFailed
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
from tornwrite.scenarios.sessions import ALL, OF_REFERENCE
from tornwrite.scenarios.subject import Subject
from tornwrite.scenarios.threads import archive as archive_threads
from tornwrite.scenarios.threads import manager as manager_threads
from tornwrite.scenarios.threads import transcripts as transcript_threads
from tornwrite.scenarios.threads.sessions import ALL as THREADS
from tornwrite.scenarios.transcript_driver import TranscriptDriver


def _not_undone(error: BaseException) -> bool:
    return isinstance(error, ChangeNotUndone)


WHOLE_FILES = (Unnoticed.GONE.value, Unnoticed.UNCHECKED.value)
"""What no format of a file a session can notice that other programs may write, too."""

LINES = (*WHOLE_FILES, Unnoticed.SHORTENED.value, Unnoticed.OLDER.value)
"""And where a session is lines, each of them checked by itself."""


def _open_reference(root: str) -> SessionDriver:
    store = JSONLStore(root, clock=counting_clock())
    return SessionDriver(store, root, lambda: _migrate(store), store.list_sessions)


def _migrate(store: JSONLStore) -> None:
    """Raises what the report says: returning alone acknowledges nothing."""
    failed = migrate_legacy(store).failed
    if failed:
        raise MigrationFailed("; ".join(f"{name}: {reason}" for name, reason in failed))


reference = Subject(
    about="the JSONL session store of this project",
    model=SessionModel(),
    open=_open_reference,
    scenarios=(*ALL, *OF_REFERENCE, *THREADS),
    alphabet=alphabets.SESSIONS,
    not_undone=_not_undone,
    weakened=LINES,
    source=("tornwrite.reference.jsonl", "tornwrite.reference.durable"),
)


archive = Subject(
    about="the archiving store of this project",
    model=ArchiveModel(),
    open=lambda root: ArchiveDriver(ArchivingStore(root), root, SessionNotFound),
    scenarios=(*archive_scenarios.ALL, *archive_threads.ALL),
    alphabet=alphabets.ARCHIVE,
    not_undone=_not_undone,
    weakened=LINES,
    source=("tornwrite.reference.archive", "tornwrite.reference.durable"),
)


def _open_transcripts(root: str) -> TranscriptDriver:
    # Without inodes and times in its index: the same run, the same bytes.
    store = TranscriptStore(root, clock=counting_clock(), stamp=lambda look: (0, 0))
    return TranscriptDriver(store, root, SessionNotFound, store.get, check=store.get)


transcripts = Subject(
    about="the transcript store of this project",
    model=TranscriptModel(),
    open=_open_transcripts,
    scenarios=(*transcript_scenarios.ALL, *transcript_threads.ALL),
    alphabet=alphabets.TRANSCRIPTS,
    not_undone=_not_undone,
    weakened=LINES,
    source=("tornwrite.reference.transcripts", "tornwrite.reference.durable"),
)


manager = Subject(
    about="the session manager of this project: sessions in memory, saved whole",
    model=ManagerModel(),
    open=manager_opener(SessionManager),
    scenarios=(*manager_scenarios.ALL, *manager_threads.ALL),
    alphabet=alphabets.MANAGER,
    not_undone=_not_undone,
    weakened=WHOLE_FILES,
    source=(
        "tornwrite.reference.manager",
        "tornwrite.reference.jsonl",
        "tornwrite.reference.durable",
    ),
)


backend = Subject(
    about="the session interface of this project: JSONL backend, start-up, falling back",
    model=BackendModel(),
    open=backend_opener(open_session_store, SessionManager),
    scenarios=(*interface_scenarios.ALL, *manager_threads.BACKEND),
    alphabet=alphabets.BACKEND,
    not_undone=_not_undone,
    weakened=LINES,
    source=(
        "tornwrite.reference.interface",
        "tornwrite.reference.jsonl",
        "tornwrite.reference.manager",
        "tornwrite.reference.durable",
    ),
)
