"""The archiving store: sessions that can be put aside and taken up again."""

from tornwrite.reference.archive.inspection import ArchiveState
from tornwrite.reference.archive.store import ArchivingStore

__all__ = ["ArchiveState", "ArchivingStore"]
