"""The scenarios of the archiving stores, in the order in which they are run."""

from tornwrite.scenarios.archive.archiving import AGAIN, ARCHIVE, BOTH_FILES, GO_ON
from tornwrite.scenarios.archive.deleting import DELETE, DELETE_ARCHIVED, DELETE_BOTH
from tornwrite.scenarios.archive.repair import (
    DAMAGED,
    EMPTY_FILE,
    FIRST_TORN,
    TORN,
    TORN_ARCHIVE,
    UNENDED,
    WHOLE_DAMAGED,
    WHOLE_EMPTY,
    ZEROS,
)
from tornwrite.scenarios.archive.saving import (
    END_OF_A_FIRST_SAVE,
    PAGES,
    SAVE,
    SEVERAL,
    STRANGE_IDS,
)

ALL = (
    SAVE,
    PAGES,
    END_OF_A_FIRST_SAVE,
    ARCHIVE,
    GO_ON,
    AGAIN,
    BOTH_FILES,
    DELETE,
    DELETE_ARCHIVED,
    DELETE_BOTH,
    SEVERAL,
    STRANGE_IDS,
    TORN,
    TORN_ARCHIVE,
    ZEROS,
    UNENDED,
    DAMAGED,
    WHOLE_DAMAGED,
    WHOLE_EMPTY,
    EMPTY_FILE,
    FIRST_TORN,
)

PUBLISHED = tuple(one for one in ALL if one not in (STRANGE_IDS, WHOLE_DAMAGED, WHOLE_EMPTY))
"""For a store that takes an id for a path, and would write elsewhere; and knows two files only."""
