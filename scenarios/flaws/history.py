"""What the history of the JSONL store says was wrong before, each fix taken back by itself."""

from tornwrite.model.verdict import Kind
from tornwrite.scenarios.flaws.flaw import Flaw

_BAD = "tornwrite.scenarios.known_bad:"
_PUBLISHED = _BAD + "jsonl"

HISTORY = (
    Flaw(
        name="rename without sync",
        subject=_BAD + "rename_without_sync",
        scenario="append",
        kinds=(Kind.UNREADABLE,),
        stated=True,
        what="The metadata is renamed into place before its bytes are on the disk: after a power "
        "loss the file is empty, and the session cannot be read.",
        sequence=(
            "a message is added and acknowledged",
            "the new metadata file is written, not synced, and renamed over the old one",
            "the power fails; the name is on the disk, the bytes are not",
        ),
        breaks="The change that added the sync says so: power loss can leave zero-length files "
        "after an unsynced rename.",
        words=("decode chat_1.meta.json",),
        without=_PUBLISHED,
    ),
    Flaw(
        name="migration by appending",
        subject=_BAD + "migration_by_appending",
        scenario="migration-once",
        kinds=(Kind.NOT_IDEMPOTENT, Kind.DUPLICATED),
        stated=True,
        what="Legacy messages are added one by one; a migration that was cut off adds them again.",
        sequence=(
            "a legacy file is migrated; all its messages are added",
            "the process is killed before the file is renamed",
            "the migration is repeated: every message is there twice",
        ),
        breaks="The change to set the history at once says so: a retry appended all messages "
        "again, duplicating whatever was written before the crash.",
        words=("more than once",),
        without=_PUBLISHED,
    ),
    Flaw(
        name="data before metadata",
        subject=_BAD + "data_before_metadata",
        scenario="compact",
        kinds=(Kind.LOST,),
        stated=True,
        what="Compaction replaces the data first: the old skip then hides messages of the shorter "
        "file.",
        sequence=(
            "messages are added, and the history is truncated: the skip is above zero",
            "compaction renames the shorter data file into place",
            "the process is killed before the metadata is written: the old skip hides what is left",
        ),
        breaks="The change of the order says so: the history came back empty, effectively data "
        "loss.",
        words=("durable",),
        without=_PUBLISHED,
    ),
    Flaw(
        name="count only when zero",
        subject=_BAD + "count_only_when_zero",
        scenario="stale-count",
        kinds=(Kind.RESURRECTED,),
        stated=True,
        what="Truncation believes a stale count: it keeps more messages than it was asked to.",
        sequence=(
            "a process was killed between a message and its count: 3 lines, count 2",
            "the history is truncated to 2 messages: the skip follows from count 2, and 3 are kept",
        ),
        breaks="The change to count always says so: keepLast and skip were calculated against the "
        "wrong total.",
        without=_PUBLISHED,
    ),
    Flaw(
        name="lines of 1 MB",
        subject=_BAD + "one_megabyte_lines",
        scenario="line-of-2-mb",
        kinds=(Kind.UNREADABLE,),
        stated=True,
        what="A message of more than 1 MB is written without complaint, and then nothing of the "
        "session can be read.",
        sequence=("a message of 2 MB is in the session", "the history is read: an error"),
        breaks="The change of the limit says so: tool results can easily exceed 1 MB.",
        words=("token too long",),
        without=_PUBLISHED,
    ),
    Flaw(
        name="summariser against main loop",
        subject=_BAD + "unlocked",
        scenario="summariser-4",
        kinds=(Kind.LOST,),
        stated=True,
        what="Without a lock, compaction replaces the data file by one without the messages that "
        "were added while it read.",
        sequence=(
            "one thread reads the history, sets a summary, truncates, compacts",
            "another adds messages, acknowledged, after the compaction has read the file",
            "the compaction renames its own file into place: the new messages are gone",
        ),
        breaks="Its tests act out this race under the number 704, and each session has a lock for "
        "safe concurrent access.",
        profile="no crash",
        without=_PUBLISHED,
    ),
)
