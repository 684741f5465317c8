"""The transcript store as published."""

from tornwrite.model.verdict import Kind
from tornwrite.scenarios.flaws.flaw import Flaw

_TRANSCRIPTS = "tornwrite.scenarios.known_bad:transcripts"
_CREATES = "get_or_create retrieves a session from disk or creates a new one."
_FLUSHES = "append adds a message to the session and flushes it to disk."

TRANSCRIPTS = (
    Flaw(
        name="a deletion that does nothing",
        subject=_TRANSCRIPTS,
        scenario="delete-unopened",
        kinds=(Kind.RESURRECTED,),
        stated=False,
        what="Only what this process has opened is deleted; anything else is left, without an "
        "error.",
        sequence=(
            "a transcript is written",
            "a new process deletes it without having opened it",
            "it is still there",
        ),
        breaks="delete removes a session from the cache and any backing session file from disk.",
    ),
    Flaw(
        name="a creation cut off can never be opened",
        subject=_TRANSCRIPTS,
        scenario="create",
        kinds=(Kind.UNREADABLE,),
        stated=False,
        what="An empty file or half a header is all that is left: the id fails to open for good, "
        "and the list does not show it.",
        sequence=(
            "the process is killed while it makes a transcript",
            "get_or_create fails: empty session file, or bad session header",
        ),
        breaks=_CREATES,
        words=("empty session file",),
    ),
    Flaw(
        name="a header without its line end swallows all",
        subject=_TRANSCRIPTS,
        scenario="create",
        kinds=(Kind.UNREADABLE,),
        stated=False,
        what="Header and first message become one line that is no header.",
        sequence=(
            "the process is killed before the last byte of the header",
            "a message is appended and acknowledged",
            "the transcript cannot be opened any more",
        ),
        breaks=_CREATES,
        words=("bad session header", "Extra data"),
    ),
    Flaw(
        name="the message after a torn one is lost",
        subject=_TRANSCRIPTS,
        scenario="create",
        kinds=(Kind.LOST,),
        stated=False,
        what="It becomes one bad line with it, which is skipped without a word; until the restart "
        "it is shown from memory.",
        sequence=(
            "the process is killed while it writes a message",
            "another is appended and acknowledged",
            "after a restart neither is there",
        ),
        breaks=_FLUSHES,
        words=("torn tail",),
    ),
    Flaw(
        name="an append is lost when the power fails",
        subject=_TRANSCRIPTS,
        scenario="append-pages",
        kinds=(Kind.LOST,),
        stated=False,
        what="Nothing is ever synced.",
        sequence=("a message is appended and acknowledged", "the power fails"),
        breaks=_FLUSHES,
        words=("durable",),
    ),
    Flaw(
        name="a line of 64 KB ends the transcript",
        subject=_TRANSCRIPTS,
        scenario="long-line",
        kinds=(Kind.LOST,),
        stated=False,
        what="The scanner stops at a line that is longer, and nobody looks at its error: that "
        "message and all after it are gone after a restart.",
        sequence=(
            "a message of 70 kB is appended, and others after it",
            "a new process opens the transcript: it ends before the long message",
        ),
        breaks="get_messages returns a snapshot of all session messages.",
    ),
    Flaw(
        name="titles are cut inside a character",
        subject=_TRANSCRIPTS,
        scenario="titles",
        kinds=(Kind.DRIFTED,),
        stated=False,
        what="The length is counted in characters and cut in bytes.",
        sequence=("the first message has 61 letters with accents", "30 of them are the title"),
        breaks="title produces a display title; its own limit is 60 characters.",
    ),
    Flaw(
        name="a deleted transcript comes back",
        subject=_TRANSCRIPTS,
        scenario="list",
        kinds=(Kind.RESURRECTED,),
        stated=False,
        what="The removal is not synced: a power loss undoes it.",
        sequence=("a transcript is deleted", "the power fails", "it is there again"),
        breaks="delete removes any backing session file from disk.",
    ),
    Flaw(
        name="a damaged header hides all messages",
        subject=_TRANSCRIPTS,
        scenario="repair-header",
        kinds=(Kind.LOST,),
        stated=False,
        what="The list passes the transcript by, and opening it fails, though every message is "
        "whole.",
        sequence=("the header is damaged", "list and get_or_create: there is no such transcript"),
        breaks="A file that fails to parse is to be logged as a warning, says a comment; and list "
        "returns the metadata of all sessions.",
    ),
)
