"""What else lies in the directory of a session manager: damage, copies, another store's files."""

from importlib import resources

from tornwrite.faults.images import Image
from tornwrite.model.promises import ATOMIC, DAMAGE, DURABLE, KEYS, READ_BACK, SHARED
from tornwrite.scenarios.manager.session_files import held, save, session_file
from tornwrite.scenarios.manager_driver import digest
from tornwrite.scenarios.sessions.operations import REOPEN, add
from tornwrite.scenarios.subject import Scenario


def _staying(base: Image, *files: str) -> dict[str, str]:
    return {file: digest(data) for file, data in base if file in files and isinstance(data, bytes)}


_CUT = session_file("chat:1", "the only copy of this", "and of that")[:90]
_UNREADABLE: Image = (("chat_1.json", _CUT), ("notes.json", b"[1, 2]"), ("torn.json", b""))

UNREADABLE = Scenario(
    name="unreadable",
    about="a file that cannot be read has the name of a session; it stays, and so does the new one",
    promises=(DAMAGE, DURABLE, ATOMIC),
    base=_UNREADABLE,
    start={
        "must_stay": _staying(_UNREADABLE, "chat_1.json", "notes.json", "torn.json"),
        "must_report": ["chat_1.json"],
    },
    operations=(
        add("chat:1", "new"),
        save("chat:1"),
        REOPEN,
        add("chat:1", "newer"),
        save("chat:1"),
    ),
)

_METADATA = (
    b'{\n  "key": "chat:1",\n  "summary": "of the other store",\n  "skip": 0,\n  "count": 1,\n'
    b'  "created_at": "2026-01-01T00:00:00.000000000Z",\n'
    b'  "updated_at": "2026-01-01T00:00:00.000000000Z"\n}'
)
_BESIDE: Image = (
    ("chat_1.json", session_file("chat:1", "hello", "hi", summary="greetings")),
    ("chat_1.jsonl", b'{"role":"user","content":"of the other store"}\n'),
    ("chat_1.meta.json", _METADATA),
    ("chat_2.meta.json", session_file("chat:2.meta", "a session like any other")),
)

BESIDE = Scenario(
    name="beside-jsonl",
    about="the JSONL store's files for the same key; and a session that has the name of metadata",
    promises=(SHARED, DURABLE, ATOMIC),
    base=_BESIDE,
    start={
        "sessions": held(_BESIDE, "chat_1.json", "chat_2.meta.json"),
        "must_stay": _staying(_BESIDE, "chat_1.jsonl", "chat_1.meta.json"),
    },
    operations=(
        add("chat:1", "newer"),
        save("chat:1"),
        add("chat:2.meta", "newer too"),
        save("chat:2.meta"),
    ),
)

_COPIED: Image = (
    ("chat_1.json", session_file("chat:1", "hello", "hi")),
    ("old chat_1.json", session_file("chat:1", "hello")),
)

COPIED = Scenario(
    name="copied",
    about="somebody left a copy of a session's file beside it; what is saved is what is read",
    promises=(KEYS, DURABLE, ATOMIC),
    base=_COPIED,
    start={
        "sessions": held(_COPIED, "chat_1.json"),
        "must_stay": _staying(_COPIED, "old chat_1.json"),
    },
    operations=(add("chat:1", "newer"), save("chat:1"), REOPEN, add("chat:1", "newest")),
)


def _recorded() -> Image:
    folder = resources.files("tornwrite.scenarios.sessions") / "legacy"
    names = ("telegram_123456.json", "telegram_777.json")
    return tuple((name, (folder / name).read_bytes()) for name in names)


_REAL = _recorded()

REAL = Scenario(
    name="real",
    about="files written by the original program, one of them saved again",
    promises=(DURABLE, ATOMIC, READ_BACK),
    base=_REAL,
    start={"sessions": held(_REAL, *dict(_REAL))},
    operations=(
        add("telegram:123456", "newer"),
        save("telegram:123456"),
    ),
)

_LATER: Image = (
    (
        "chat_1.json",
        session_file("chat:1", "hello", model_name="m-1", created_at="2026-01-01T00:00:00Z"),
    ),
)

LATER_RELEASE = Scenario(
    name="later-release",
    about="a message has fields that a later release gave it; a save keeps them",
    promises=(READ_BACK, DURABLE, ATOMIC),
    base=_LATER,
    start={"sessions": held(_LATER, "chat_1.json")},
    operations=(add("chat:1", "newer"), save("chat:1")),
)
