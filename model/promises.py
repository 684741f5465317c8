"""The promises of the stores, by name. The numbers are those of the design."""

from tornwrite.model.verdict import Promise

DURABLE = Promise("durable", "an acknowledged change survives (1)")
ATOMIC = Promise(
    "atomic", "each session reads as before or after the operation in flight, never between (2)"
)
TORN_TAIL = Promise("torn tail", "a torn tail never touches a later message (3)")
DAMAGE = Promise("damage", "damage is reported and hides no readable message (4)")
RECONCILED = Promise("reconciled", "count and skip follow from what is on disk (5)")
MIGRATION = Promise(
    "migration",
    "migration may be interrupted anywhere and repeated: the result of one clean run (6)",
)
KEYS = Promise("keys", "two keys never share a session (7)")
READ_BACK = Promise("read back", "any message that was accepted can be read back (8)")
ERRORS = Promise("errors", "an operation that fails changes nothing a reader can see (9)")
SHARED = Promise("shared", "several users of one directory don't disturb each other (10)")
LISTED = Promise("listed", "a list tells of each history what reading it tells")
TIDY = Promise("tidy", "a store that recovered and was used again leaves no temporary files")

ALL = (
    DURABLE,
    ATOMIC,
    TORN_TAIL,
    DAMAGE,
    RECONCILED,
    MIGRATION,
    KEYS,
    READ_BACK,
    ERRORS,
    SHARED,
    LISTED,
    TIDY,
)
