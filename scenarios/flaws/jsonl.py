"""The JSONL session store as published."""

from tornwrite.model.verdict import Kind
from tornwrite.scenarios.flaws.flaw import Flaw

_JSONL = "tornwrite.scenarios.known_bad:jsonl"

JSONL = (
    Flaw(
        name="a torn tail swallows the next message",
        subject=_JSONL,
        scenario="append",
        kinds=(Kind.LOST,),
        stated=False,
        what="A message is appended right after what a crash cut off: the two make one line that "
        "is no message, and the new one, acknowledged, is gone.",
        sequence=(
            "the process is killed while it writes the line of a message",
            "a new process adds another message; that is acknowledged",
            "the history is read: neither is there",
        ),
        breaks="It calls its append-only writes crash-safe and says of the torn line that it is "
        "skipped; not that it takes the next one with it.",
        words=("torn tail", "written after the crash"),
    ),
    Flaw(
        name="a message without its line end is lost with the next",
        subject=_JSONL,
        scenario="repair-line-end",
        kinds=(Kind.LOST,),
        stated=False,
        what="A last line that lacks only its newline is read as a message. The next message is "
        "appended to it, and both are gone.",
        sequence=(
            "of a message only the newline is missing; it is shown",
            "another message is added and acknowledged",
            "the two are one line that is no message",
        ),
        breaks="An acknowledged message is said to be flushed to physical storage.",
    ),
    Flaw(
        name="compaction brings back what was truncated",
        subject=_JSONL,
        scenario="compact",
        kinds=(Kind.RESURRECTED,),
        stated=True,
        what="The metadata, with a skip of zero, is in place before the shorter data file: after a "
        "crash between the two the truncated messages are back.",
        sequence=(
            "the history is truncated, then compacted",
            "the process is killed after the metadata was renamed into place",
            "a new process shows every message of before",
        ),
        breaks="The text admits it and says that the next compaction corrects it. It does not: "
        "with a skip of zero it finds nothing to do.",
    ),
    Flaw(
        name="set_history brings back what was truncated",
        subject=_JSONL,
        scenario="replace",
        kinds=(Kind.RESURRECTED,),
        stated=True,
        what="As with compaction: the metadata is there first, the old data is shown from its "
        "first line.",
        sequence=(
            "the history is truncated, then replaced",
            "the process is killed between the metadata and the data",
            "what had been truncated is back, and the new history is not there",
        ),
        breaks="The text admits it and says that the next set_history corrects it.",
    ),
    Flaw(
        name="a damaged line counts as a message",
        subject=_JSONL,
        scenario="repair-damage",
        kinds=(Kind.LOST,),
        stated=False,
        what="Truncation counts lines, reading counts messages: with a damaged line among them one "
        "message too few is kept.",
        sequence=(
            "a line in the middle of the file is damaged",
            "the history is truncated to its last three messages",
            "two are left",
        ),
        breaks="truncate_history keeps the last messages; counting the lines on disk is what its "
        "change promised to be right.",
        words=("durable",),
    ),
    Flaw(
        name="rewriting destroys damaged lines",
        subject=_JSONL,
        scenario="repair-damage",
        kinds=(Kind.LOST,),
        stated=False,
        what="What is not understood is not written again: a line that somebody could still have "
        "mended is gone.",
        sequence=(
            "a line is damaged",
            "the history is compacted, or replaced",
            "its bytes are nowhere",
        ),
        breaks="The warning is logged so that operators can see that data was lost after a crash; "
        "compaction then loses it for good.",
        words=("damage", "gone:"),
    ),
    Flaw(
        name="a skip beyond the end hides new messages",
        subject=_JSONL,
        scenario="repair-skip",
        kinds=(Kind.LOST,),
        stated=False,
        what="Metadata that skips more lines than there are is believed: messages that are there "
        "are not shown, nor are those that are added until there are enough.",
        sequence=(
            "the metadata skips three lines of two",
            "messages are added and acknowledged",
            "they are not in the history",
        ),
        breaks="The change of the order of writes was made so that a large skip past a shorter "
        "file never hides messages; the store still has no answer when it meets one.",
    ),
    Flaw(
        name="a migration empties sessions in use",
        subject=_JSONL,
        scenario="migration-late",
        kinds=(Kind.LOST,),
        stated=False,
        what="The store's own `NAME.meta.json` ends in .json: where both formats share a "
        "directory, as they do, it is taken for a legacy session without messages.",
        sequence=(
            "a session is written to; its metadata file is there",
            "a migration runs, as at each start",
            "the session is replaced by nothing, its metadata file renamed away",
        ),
        breaks="The migration is called idempotent: second runs skip already-migrated files.",
        words=("no messages",),
    ),
    Flaw(
        name="a migration cut off shows messages without their summary",
        subject=_JSONL,
        scenario="migration-once",
        kinds=(Kind.TORN,),
        stated=False,
        what="Messages and summary of a legacy file are brought in by two operations.",
        sequence=(
            "a legacy file with a summary is migrated",
            "the process is killed after the messages, before the summary",
            "the session has its messages and no summary",
        ),
        breaks="Each method is said to be atomic, and the migration safe to retry.",
    ),
    Flaw(
        name="a legacy file comes back after its migration",
        subject=_JSONL,
        scenario="migration-once",
        kinds=(Kind.LOST,),
        stated=False,
        what="The renaming of the legacy file is never synced: a power loss undoes it long after "
        "the migration was done, and the next start imports the old content again.",
        sequence=(
            "a legacy file is migrated",
            "the power fails",
            "the file is back under its old name, and will be imported over what is newer",
        ),
        breaks="Originals are renamed as backup, and second runs skip them.",
        words=("originals stay as backups",),
    ),
    Flaw(
        name="damaged metadata makes the session unreadable",
        subject=_JSONL,
        scenario="repair-metadata",
        kinds=(Kind.UNREADABLE,),
        stated=False,
        what="A metadata file that does not parse fails every operation on its session, though all "
        "messages are there.",
        sequence=("the metadata file is garbage", "the history is read: an error"),
        breaks="Messages are never physically deleted, so that they survive; here nobody can get "
        "at them.",
        words=("decode chat.meta.json",),
    ),
    Flaw(
        name="two keys share a session",
        subject=_JSONL,
        scenario="several",
        kinds=(Kind.LEAKED,),
        stated=True,
        what="chat:1, chat/1 and chat_1 have one file name, and so one history.",
        sequence=(
            "a message is added to chat:1, another to chat/1",
            "the history of chat/1 is read: both are in it",
        ),
        breaks="The text calls the lossy mapping an intentional tradeoff.",
    ),
    Flaw(
        name="temporary files are left for good",
        subject=_JSONL,
        scenario="append",
        kinds=(Kind.LITTER,),
        stated=False,
        what="A temporary file of a process that was killed is never removed.",
        sequence=(
            "the process is killed between creating a temporary file and renaming it",
            "the store is opened and used again: the file stays",
        ),
        breaks="Nothing is said of it; a long-running daemon on a small device fills its disk.",
    ),
    Flaw(
        name="lines of 10 MB",
        subject=_JSONL,
        scenario="line-of-11-mb",
        kinds=(Kind.UNREADABLE,),
        stated=True,
        what="A message of more than 10 MB is written without complaint, and then nothing of the "
        "session can be read.",
        sequence=("a message of 11 MB is in the session", "the history is read: an error"),
        breaks="The limit is called generous; that the store accepts what it cannot read is not "
        "said.",
        words=("token too long",),
    ),
)
