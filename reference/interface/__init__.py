"""One interface to session stores, the JSONL backend behind it, and how a program starts."""

from tornwrite.reference.failures import Failure, Failures
from tornwrite.reference.interface.jsonl_backend import JSONLBackend
from tornwrite.reference.interface.session_store import SessionStore
from tornwrite.reference.interface.start import MigrationFailed, open_session_store

__all__ = [
    "Failure",
    "Failures",
    "JSONLBackend",
    "MigrationFailed",
    "SessionStore",
    "open_session_store",
]
