"""The archiving store as published."""

from tornwrite.model.verdict import Kind
from tornwrite.scenarios.flaws.flaw import Flaw

_ARCHIVE = "tornwrite.scenarios.known_bad:archive"
_LOADS = "load retrieves all messages of a session in chronological order."

ARCHIVE = (
    Flaw(
        name="saving hides the archive",
        subject=_ARCHIVE,
        scenario="archive-save",
        kinds=(Kind.LOST,),
        stated=False,
        what="A message saved to an archived session starts a new file; what was archived is no "
        "longer shown.",
        sequence=("messages are saved", "the session is archived", "another message is saved"),
        breaks=_LOADS,
    ),
    Flaw(
        name="archiving again destroys the archive",
        subject=_ARCHIVE,
        scenario="archive-again",
        kinds=(Kind.LOST,),
        stated=False,
        what="The new file is renamed over the archived one.",
        sequence=(
            "a message is saved, the session archived",
            "another is saved, the session archived again",
            "the first message is gone for good",
        ),
        breaks="archive moves a session file to the archived state; that it overwrites one is not "
        "said.",
        words=("archived, ",),
    ),
    Flaw(
        name="a save is lost when the power fails",
        subject=_ARCHIVE,
        scenario="save",
        kinds=(Kind.LOST,),
        stated=False,
        what="Nothing is ever synced: an acknowledged message may not be there, or be zeros.",
        sequence=("a message is saved and acknowledged", "the power fails"),
        breaks="save appends a message to a session's file.",
        words=("durable",),
    ),
    Flaw(
        name="one torn line makes all unreadable",
        subject=_ARCHIVE,
        scenario="save",
        kinds=(Kind.UNREADABLE,),
        stated=False,
        what="A line that does not parse fails the loading of its session, for good.",
        sequence=(
            "the process is killed while it writes a message",
            "the session is loaded: an error, whatever else is in it",
        ),
        breaks=_LOADS,
        words=("failed to unmarshal",),
    ),
    Flaw(
        name="a message without its line end spoils the next",
        subject=_ARCHIVE,
        scenario="repair-line-end",
        kinds=(Kind.UNREADABLE,),
        stated=False,
        what="Two whole messages become one line that is none.",
        sequence=("of a message only the newline is missing", "another is saved", "neither loads"),
        breaks=_LOADS,
    ),
    Flaw(
        name="a first save that never happened makes a session",
        subject=_ARCHIVE,
        scenario="save",
        kinds=(Kind.TORN,),
        stated=False,
        what="The file is made before the message is written: a session without messages exists.",
        sequence=(
            "the process is killed between making the file and writing to it",
            "list and exists tell of a session that nobody saved to",
        ),
        breaks="list returns the ids of all sessions.",
        words=("without a message",),
    ),
    Flaw(
        name="a save that never happened hides the archive",
        subject=_ARCHIVE,
        scenario="repair-empty-file",
        kinds=(Kind.LOST,),
        stated=False,
        what="The empty file of a killed save stands before the archived messages; archived in its "
        "turn, it destroys them.",
        sequence=(
            "a session is archived",
            "a process that saves to it is killed between making the file and writing to it",
            "load shows nothing",
        ),
        breaks=_LOADS,
    ),
    Flaw(
        name="a deletion is seen half done",
        subject=_ARCHIVE,
        scenario="delete-both",
        kinds=(Kind.RESURRECTED,),
        stated=False,
        what="Two files are removed one after the other; between the two, part of the session is "
        "back.",
        sequence=(
            "a session has archived messages and later ones",
            "the process is killed between the two removals",
        ),
        breaks="delete permanently removes a session file and its archive.",
        words=("archived, 1 message",),
    ),
    Flaw(
        name="a deleted session comes back",
        subject=_ARCHIVE,
        scenario="delete",
        kinds=(Kind.RESURRECTED,),
        stated=False,
        what="The removal is not synced: a power loss undoes it.",
        sequence=("a session is deleted", "the power fails", "it is there again"),
        breaks="delete permanently removes a session file.",
        words=("no session",),
    ),
    Flaw(
        name="an archiving cannot be repeated",
        subject=_ARCHIVE,
        scenario="archive",
        kinds=(Kind.UNREADABLE,),
        stated=False,
        what="To archive an archived session is an error that says there is none, though exists "
        "says that there is. After a crash nobody can tell whether to try again.",
        sequence=("a session is archived", "it is archived again: not found"),
        breaks="exists checks whether a session file exists, active or archived.",
        words=("not found",),
    ),
)
