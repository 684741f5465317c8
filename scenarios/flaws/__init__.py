"""The known flaws of the published stores: what their texts state, and what the gate found."""

from tornwrite.scenarios.flaws.history import HISTORY

ALL = (*HISTORY,)
"""In the order in which they are shown."""
