"""Faults sown into the session manager that nothing catches, and why each of them."""

from tornwrite.scenarios.sown_explanations.reasons import (
    ONLY_COMPUTE,
    ONLY_MEMORY,
    Reasons,
)

EXPLAINED: Reasons = (
    (
        ONLY_COMPUTE,
        (
            "manager.manager:SessionManager.__init__: two statements swapped: *",
            "manager.names:file_names: two statements swapped: plain*",
            "manager.names:file_names: two statements swapped: hashed*",
            "manager.manager:SessionManager._open: two statements swapped: self._unread*",
            "manager.manager:SessionManager.save: two statements swapped: self._check_readable*",
            "manager.manager:SessionManager._take_nobodys: two statements swapped: *",
            "manager.opening:_rank: two statements swapped: *",
            "manager.opening:kept_session: two statements swapped: *",
            "manager.saving:save_session: two statements swapped: raw*",
        ),
    ),
    (
        ONLY_MEMORY,
        ("manager.manager:SessionManager._add: two statements swapped: session.lines*",),
    ),
    (
        "only the listing of the directory can fail there, an error that is not tried",
        ("manager.manager:SessionManager.__init__: an error swallowed: raise",),
    ),
    (
        "no session's file has a name like those that are removed",
        ("manager.manager:SessionManager._open: two statements swapped: directory*",),
    ),
    (
        "a session that keeps all its messages is dated now",
        ("manager.manager:SessionManager._truncate: off by one: *",),
    ),
)
