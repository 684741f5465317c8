"""The session stores as they were published, flaws included.

Nothing here is ever repaired. These are the known-bad subjects of the harness: it must break them,
and a pass elsewhere means something only because it does. A defect found here belongs in a test
that shows it, and its repair in `tornwrite.reference`. For the same reason nothing here is shared
with that edition: one mistake must not hide in both.

`history` holds the JSONL store with one of its repairs taken back each: more such subjects.
"""

from tornwrite.reference.published.archive import ArchivingStore
from tornwrite.reference.published.errors import StoreError
from tornwrite.reference.published.jsonl_backend import JSONLBackend, open_session_store
from tornwrite.reference.published.jsonl_migration import migrate_from_json
from tornwrite.reference.published.jsonl_store import JSONLStore
from tornwrite.reference.published.manager import Session, SessionManager
from tornwrite.reference.published.transcripts import Transcript, TranscriptInfo, TranscriptStore

__all__ = [
    "ArchivingStore",
    "JSONLBackend",
    "JSONLStore",
    "Session",
    "SessionManager",
    "StoreError",
    "Transcript",
    "TranscriptInfo",
    "TranscriptStore",
    "migrate_from_json",
    "open_session_store",
]
