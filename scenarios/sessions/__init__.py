"""The scenarios of the session stores, in the order in which they are run."""

from tornwrite.scenarios.sessions.append import APPEND, PAGES
from tornwrite.scenarios.sessions.compaction import COMPACT
from tornwrite.scenarios.sessions.leftovers import EMPTY_LEFT, NOBODYS_LEFT, REWRITE_LEFT
from tornwrite.scenarios.sessions.limits import LINE_OF_2_MB, STALE_COUNT
from tornwrite.scenarios.sessions.metadata import METADATA
from tornwrite.scenarios.sessions.migration import (
    MIGRATION_DAMAGED,
    MIGRATION_LATE,
    MIGRATION_ONCE,
    MIGRATION_REAL,
    MIGRATION_SMALL,
)
from tornwrite.scenarios.sessions.reading import READING
from tornwrite.scenarios.sessions.reopening import REOPENING
from tornwrite.scenarios.sessions.repair import (
    DAMAGED,
    DAMAGED_REPLACED,
    HOLE,
    JOINED,
    METADATA_LOST,
    SKIP,
    SKIP_SUMMARY,
    SKIPS_ALL,
    TORN,
    UNENDED,
    ZEROS,
)
from tornwrite.scenarios.sessions.replacement import REPLACE
from tornwrite.scenarios.sessions.several import SEVERAL
from tornwrite.scenarios.sessions.summarise import SUMMARISE
from tornwrite.scenarios.sessions.truncation import TRUNCATE

ALL = (
    APPEND,
    PAGES,
    METADATA,
    TRUNCATE,
    COMPACT,
    REPLACE,
    SUMMARISE,
    SEVERAL,
    REOPENING,
    TORN,
    ZEROS,
    HOLE,
    UNENDED,
    DAMAGED,
    SKIP,
    METADATA_LOST,
    STALE_COUNT,
    LINE_OF_2_MB,
    MIGRATION_ONCE,
    MIGRATION_SMALL,
    MIGRATION_LATE,
    MIGRATION_REAL,
)

OF_REFERENCE = (
    DAMAGED_REPLACED,
    SKIP_SUMMARY,
    SKIPS_ALL,
    JOINED,
    REWRITE_LEFT,
    NOBODYS_LEFT,
    EMPTY_LEFT,
    READING,
    MIGRATION_DAMAGED,
)
"""Of what the published edition does not keep, or does not know: damaged lines, checksums."""
