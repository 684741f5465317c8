"""The scenarios of the session manager, in the order in which they are run."""

from tornwrite.scenarios.manager.neighbours import (
    BESIDE,
    COPIED,
    LATER_RELEASE,
    REAL,
    UNREADABLE,
)
from tornwrite.scenarios.manager.saving import (
    BEGINNINGS,
    CHANGES,
    NEVER_SAVED,
    PAGES,
    SAVE,
    SEVERAL,
)

ALL = (
    SAVE,
    CHANGES,
    BEGINNINGS,
    NEVER_SAVED,
    SEVERAL,
    PAGES,
    UNREADABLE,
    BESIDE,
    COPIED,
    REAL,
    LATER_RELEASE,
)
