"""The session manager as published."""

from tornwrite.model.verdict import Kind
from tornwrite.scenarios.flaws.flaw import Flaw

_MANAGER = "tornwrite.scenarios.known_bad:manager"
_MAPS_BACK = (
    "The key is preserved inside the file, so that loading still maps back to the right key in "
    "memory."
)

MANAGER = (
    Flaw(
        name="a saved session is lost when the power fails",
        subject=_MANAGER,
        scenario="save",
        kinds=(Kind.LOST,),
        stated=False,
        what="The file is synced and renamed, its directory is not: the new name may be gone.",
        sequence=("messages are added", "save returns", "the power fails: no such session"),
        breaks="The file is synced for just this; the text does not say why the name is not.",
        words=("durable",),
    ),
    Flaw(
        name="a slower save takes back a later one",
        subject=_MANAGER,
        scenario="save-during-save-9",
        kinds=(Kind.LOST,),
        stated=False,
        what="The snapshot is taken under the lock, the file written after it: an earlier snapshot "
        "may be renamed into place after a later one.",
        sequence=(
            "a thread takes its snapshot and is held up",
            "another thread adds a message and saves; that returns",
            "the first thread renames its older file over it",
        ),
        breaks="The comment calls it a snapshot under the read lock, then slow I/O after it; what "
        "two of them do to each other is not said.",
        about="chat:1",
        profile="kill",
    ),
    Flaw(
        name="temporary files of a killed save are left",
        subject=_MANAGER,
        scenario="save",
        kinds=(Kind.LITTER,),
        stated=False,
        what="The clean-up belongs to the process that dies.",
        sequence=("the process is killed in the middle of a save", "session-*.tmp stays for good"),
        breaks="The file is removed on every error; a kill is none.",
    ),
    Flaw(
        name="two keys share a file",
        subject=_MANAGER,
        scenario="several",
        kinds=(Kind.LOST, Kind.LEAKED),
        stated=False,
        what="chat:1 and chat_1 are both saved as chat_1.json: after a restart only the one that "
        "was saved last is there.",
        sequence=("both keys are written to and saved", "a new process finds one of them"),
        breaks=_MAPS_BACK,
    ),
    Flaw(
        name="metadata is taken for a session",
        subject=_MANAGER,
        scenario="beside-jsonl",
        kinds=(Kind.LOST,),
        stated=False,
        what="The JSONL store's metadata files end in .json and name a key: each is loaded as an "
        "empty session and hides the true one; the next save writes that emptiness.",
        sequence=("both stores used one directory", "the manager is opened: the session is empty"),
        breaks="It is what a program falls back to when the JSONL store cannot be initialised; "
        "that is when it meets these files.",
    ),
    Flaw(
        name="a copy wins over the file",
        subject=_MANAGER,
        scenario="copied",
        kinds=(Kind.LOST, Kind.RESURRECTED, Kind.TORN, Kind.PHANTOM),
        stated=False,
        what="Of two files with one key the later name is shown, and a save goes to the other.",
        sequence=(
            "a copy of a session's file lies beside it",
            "the session is changed and saved",
            "the next start shows the copy",
        ),
        breaks=_MAPS_BACK,
    ),
    Flaw(
        name="an unreadable file is overwritten",
        subject=_MANAGER,
        scenario="unreadable",
        kinds=(Kind.LOST,),
        stated=False,
        what="A file that does not parse is passed by without a word, and the next save of its "
        "session destroys the only copy.",
        sequence=(
            "chat_1.json is damaged",
            "a message is added to chat:1, and saved",
            "the damaged bytes are gone",
        ),
        breaks="Nothing is said of it: the error is ignored.",
    ),
    Flaw(
        name="a summary for a new session is dropped",
        subject=_MANAGER,
        scenario="beginnings",
        kinds=(Kind.LOST,),
        stated=False,
        what="set_summary and set_history do nothing for a session that does not exist, and say "
        "nothing; the JSONL backend begins one.",
        sequence=("a summary is set for a new key and saved", "there is none"),
        breaks="Both stores satisfy one interface, so that they can be swapped transparently.",
    ),
    Flaw(
        name="fields of later releases are lost",
        subject=_MANAGER,
        scenario="later-release",
        kinds=(Kind.TORN, Kind.LOST, Kind.PHANTOM),
        stated=False,
        what="Loading drops the fields that the program does not know, saving makes it final.",
        sequence=(
            "a later release saved messages with more fields",
            "a message is added, and the session saved",
            "the fields are gone from all messages",
        ),
        breaks="The format is shared with later releases; nothing is said of it.",
    ),
)
