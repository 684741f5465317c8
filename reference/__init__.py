"""The stores as they should be: a plain library that knows nothing of the harness."""

from tornwrite.reference.archive import ArchiveState, ArchivingStore
from tornwrite.reference.durable.damage import Damage, DamageKind
from tornwrite.reference.durable.errors import (
    ChangeNotUndone,
    KeyRefused,
    MessageRefused,
    SessionNotFound,
    StoreClosed,
    StoreError,
    SummaryRefused,
    TooManySuspects,
)
from tornwrite.reference.interface import (
    Failure,
    Failures,
    JSONLBackend,
    MigrationFailed,
    SessionStore,
    open_session_store,
)
from tornwrite.reference.jsonl.inspection import SessionState
from tornwrite.reference.jsonl.migration import MigrationReport, migrate_legacy
from tornwrite.reference.jsonl.store import JSONLStore
from tornwrite.reference.manager import (
    ChangedElsewhere,
    Session,
    SessionManager,
    SessionUnreadable,
)
from tornwrite.reference.transcripts import (
    Transcript,
    TranscriptInfo,
    TranscriptState,
    TranscriptStore,
)

__all__ = [
    "ArchiveState",
    "ArchivingStore",
    "ChangeNotUndone",
    "ChangedElsewhere",
    "Damage",
    "DamageKind",
    "Failure",
    "Failures",
    "JSONLBackend",
    "JSONLStore",
    "KeyRefused",
    "MessageRefused",
    "MigrationFailed",
    "MigrationReport",
    "Session",
    "SessionManager",
    "SessionNotFound",
    "SessionState",
    "SessionStore",
    "SessionUnreadable",
    "StoreClosed",
    "StoreError",
    "SummaryRefused",
    "TooManySuspects",
    "Transcript",
    "TranscriptInfo",
    "TranscriptState",
    "TranscriptStore",
    "migrate_legacy",
    "open_session_store",
]
