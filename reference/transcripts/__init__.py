"""The transcript store: a header line and one message a line for each conversation."""

from tornwrite.reference.transcripts.info import TranscriptInfo, TranscriptState
from tornwrite.reference.transcripts.store import TranscriptStore
from tornwrite.reference.transcripts.transcript import Transcript

__all__ = ["Transcript", "TranscriptInfo", "TranscriptState", "TranscriptStore"]
