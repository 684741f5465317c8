"""The stores as they should be: a plain library that knows nothing of the harness."""

from tornwrite.reference.errors import (
    ChangeNotUndone,
    KeyRefused,
    MessageRefused,
    StoreClosed,
    StoreError,
    SummaryRefused,
    TooManySuspects,
)
from tornwrite.reference.inspection import Damage, DamageKind, SessionState
from tornwrite.reference.migration import MigrationReport, migrate_legacy
from tornwrite.reference.store import JSONLStore

__all__ = [
    "ChangeNotUndone",
    "Damage",
    "DamageKind",
    "JSONLStore",
    "KeyRefused",
    "MessageRefused",
    "MigrationReport",
    "SessionState",
    "StoreClosed",
    "StoreError",
    "SummaryRefused",
    "TooManySuspects",
    "migrate_legacy",
]
