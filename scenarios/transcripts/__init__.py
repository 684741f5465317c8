"""The scenarios of the transcript stores, in the order in which they are run."""

from tornwrite.scenarios.transcripts.appending import APPEND, CREATE, PAGES, SEVERAL, STRANGE_IDS
from tornwrite.scenarios.transcripts.deleting import DELETE, DELETE_HELD, DELETE_UNOPENED
from tornwrite.scenarios.transcripts.listing import LISTING, LONG_LINE, TITLES
from tornwrite.scenarios.transcripts.repair import (
    DAMAGED,
    EMPTY_FILE,
    HEADER_DAMAGED,
    HEADER_MISSING,
    HEADER_TORN,
    HEADER_UNENDED,
    HEADER_ZEROS,
    TORN,
    UNENDED,
    ZEROS,
)

ALL = (
    CREATE,
    APPEND,
    PAGES,
    LISTING,
    TITLES,
    LONG_LINE,
    DELETE,
    DELETE_UNOPENED,
    DELETE_HELD,
    SEVERAL,
    STRANGE_IDS,
    TORN,
    ZEROS,
    UNENDED,
    HEADER_UNENDED,
    DAMAGED,
    HEADER_DAMAGED,
    HEADER_MISSING,
    EMPTY_FILE,
    HEADER_TORN,
    HEADER_ZEROS,
)

PUBLISHED = tuple(one for one in ALL if one not in (STRANGE_IDS, HEADER_MISSING))
"""For a store that takes an id for a path, and would write elsewhere; and that expects a header."""
