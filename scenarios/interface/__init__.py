"""The scenarios of what stands behind the session interface, in the order in which they are run."""

from tornwrite.scenarios.interface.fallback import (
    LONE_SURROGATE,
    OVER_LONG,
    Hindrance,
    fallbacks,
)
from tornwrite.scenarios.interface.turns import (
    FIRST_START,
    REPLACED,
    RESTARTED,
    SEVERAL,
    TURNS,
)

IMPORTABLE = (TURNS, RESTARTED, REPLACED, SEVERAL, FIRST_START)
"""Nothing hinders the start."""

ALL = (*IMPORTABLE, *fallbacks(Hindrance(LONE_SURROGATE)))
"""For the reference edition, which refuses a key without UTF-8 form, and takes an over-long one."""

PUBLISHED = (*IMPORTABLE, *fallbacks(Hindrance(OVER_LONG)))
"""For the published edition, with which it is the other way round."""
