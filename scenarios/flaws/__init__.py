"""The known flaws of the published stores: what their texts state, and what the gate found."""

from tornwrite.scenarios.flaws.archive import ARCHIVE
from tornwrite.scenarios.flaws.backend import BACKEND
from tornwrite.scenarios.flaws.history import HISTORY
from tornwrite.scenarios.flaws.jsonl import JSONL
from tornwrite.scenarios.flaws.manager import MANAGER
from tornwrite.scenarios.flaws.transcripts import TRANSCRIPTS

ALL = (*HISTORY, *JSONL, *MANAGER, *BACKEND, *ARCHIVE, *TRANSCRIPTS)
"""In the order in which they are shown."""
