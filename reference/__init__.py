"""The stores as they should be: a plain library that knows nothing of the harness."""

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
from tornwrite.reference.jsonl.inspection import SessionState
from tornwrite.reference.jsonl.migration import MigrationReport, migrate_legacy
from tornwrite.reference.jsonl.store import JSONLStore

__all__ = [
    "ChangeNotUndone",
    "Damage",
    "DamageKind",
    "JSONLStore",
    "KeyRefused",
    "MessageRefused",
    "MigrationReport",
    "SessionNotFound",
    "SessionState",
    "StoreClosed",
    "StoreError",
    "SummaryRefused",
    "TooManySuspects",
    "migrate_legacy",
]
