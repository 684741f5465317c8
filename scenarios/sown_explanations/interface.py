"""Faults sown into the session interface that nothing catches, and why each of them."""

from tornwrite.scenarios.sown_explanations.reasons import (
    KILLED,
    ONLY_LOGS,
    Reasons,
)

EXPLAINED: Reasons = (
    (
        ONLY_LOGS,
        ("interface.all_sessions:_Found._saved: two statements swapped: *",),
    ),
    (
        KILLED,
        (
            "interface.all_sessions:sessions_of: an error swallowed: *",
            "interface.all_sessions:_Found._saved: an error swallowed: *",
        ),
    ),
    (
        "no session's file has a name like those that are removed",
        ("interface.start:_prepare: two statements swapped: *",),
    ),
    (
        "no other process writes to a session of no known key while this one falls back",
        ("interface.all_sessions:_Found._take_nobodys: a lock dropped: *",),
    ),
)
