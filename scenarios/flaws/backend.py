"""The JSONL backend and how a program starts, as published."""

from tornwrite.model.verdict import Kind
from tornwrite.scenarios.flaws.flaw import Flaw

_BACKEND = "tornwrite.scenarios.known_bad:backend"
_NO_SPLIT = (
    "The fallback is to prevent a split state in which some sessions live in JSONL and others "
    "remain in JSON."
)

BACKEND = (
    Flaw(
        name="the second start empties every session",
        subject=_BACKEND,
        scenario="restarted",
        kinds=(Kind.LOST,),
        stated=False,
        what="Each start migrates, and takes the store's own metadata for legacy sessions without "
        "messages: every session is replaced by nothing.",
        sequence=("a message is added", "the program is started again", "no session has messages"),
        breaks="Legacy files are auto-migrated on first startup.",
    ),
    Flaw(
        name="a start that fails halfway splits the sessions",
        subject=_BACKEND,
        scenario="fall-back-half-migrated",
        kinds=(Kind.LOST,),
        stated=False,
        what="What was imported before the failure is in JSONL, which the manager that stands in "
        "does not read.",
        sequence=(
            "two legacy files; the first is imported, the second fails",
            "the program falls back to the session manager",
            "the first session is not there",
        ),
        breaks=_NO_SPLIT,
    ),
    Flaw(
        name="what a fallback saved is imported over the rest",
        subject=_BACKEND,
        scenario="fall-back-both",
        kinds=(Kind.LOST,),
        stated=False,
        what="A session that both stores hold shows only its legacy part; once the hindrance is "
        "gone, the import replaces what JSONL holds.",
        sequence=(
            "a session is in JSONL, with a legacy file of its key",
            "a start fails on another file and falls back",
            "the JSONL part is hidden, and later overwritten",
        ),
        breaks=_NO_SPLIT,
    ),
    Flaw(
        name="what a fallback saved is lost when the power fails",
        subject=_BACKEND,
        scenario="fall-back-then-migrate",
        kinds=(Kind.LOST,),
        stated=False,
        what="As in the session manager: the directory is not synced after the rename.",
        sequence=("the program has fallen back", "save returns", "the power fails"),
        breaks="save hands its error on so that callers can rely on it.",
        words=("durable",),
        profile="ext4",
    ),
    Flaw(
        name="two keys share a session of the backend",
        subject=_BACKEND,
        scenario="several",
        kinds=(Kind.LEAKED,),
        stated=True,
        what="chat:1 and chat_1 have one file name, and so one history.",
        sequence=("a message is added to each", "each shows both"),
        breaks="The text calls the lossy mapping an intentional tradeoff.",
    ),
    Flaw(
        name="a killed fallback leaves its temporary file",
        subject=_BACKEND,
        scenario="fall-back-then-migrate",
        kinds=(Kind.LITTER,),
        stated=False,
        what="As in the session manager: nobody removes it.",
        sequence=("the program has fallen back", "it is killed while it saves"),
        breaks="The file is removed on every error; a kill is none.",
    ),
)
