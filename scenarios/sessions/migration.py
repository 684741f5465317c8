"""Migration from the older format: interrupted at every step, and repeated."""

import hashlib
from importlib import resources

import orjson

from tornwrite.faults.images import Image
from tornwrite.model.operation import Observation
from tornwrite.model.promises import ATOMIC, DAMAGE, DURABLE, MIGRATION
from tornwrite.scenarios.sessions.on_disk import holding, left, line
from tornwrite.scenarios.sessions.operations import MIGRATE, REOPEN, add
from tornwrite.scenarios.subject import Scenario


def _file(key: str, summary: str, *contents: str) -> bytes:
    session = {
        "key": key,
        "messages": [{"role": "user", "content": content} for content in contents],
        "summary": summary,
        "created": "2026-01-01T00:00:00Z",
        "updated": "2026-01-01T00:00:00Z",
    }
    return orjson.dumps(session, option=orjson.OPT_INDENT_2)


def _waiting(base: Image) -> Observation:
    """What a reader sees before the migration: no sessions, only files that wait."""
    pending = {}
    for name, data in base:
        assert isinstance(data, bytes)
        session = orjson.loads(data)
        pending[name] = {
            "key": session["key"],
            "messages": session["messages"],
            "summary": session.get("summary", ""),
            "digest": hashlib.sha256(data).hexdigest()[:12],
        }
    return {"sessions": {}, "pending": pending}


_SMALL: Image = (
    ("chat_1.json", _file("chat:1", "greetings", "hello", "hi")),
    ("chat_2.json", _file("chat:2", "", "other")),
)

MIGRATION_SMALL = Scenario(
    name="migration",
    about="two legacy files; a message and a new process before the migration is repeated",
    promises=(MIGRATION, DURABLE, ATOMIC),
    base=_SMALL,
    start=_waiting(_SMALL),
    operations=(MIGRATE, add("chat:1", "newer"), REOPEN, MIGRATE, add("chat:2", "newer too")),
)

MIGRATION_ONCE = Scenario(
    name="migration-once",
    about="one legacy file is migrated, and its session written to",
    promises=(MIGRATION, DURABLE, ATOMIC),
    base=_SMALL[:1],
    start=_waiting(_SMALL[:1]),
    operations=(MIGRATE, add("chat:1", "newer")),
)

MIGRATION_LATE = Scenario(
    name="migration-late",
    about="a session was already written to when its legacy file is migrated",
    promises=(MIGRATION, DURABLE, ATOMIC),
    base=_SMALL[:1],
    start=_waiting(_SMALL[:1]),
    operations=(add("chat:1", "newer"), MIGRATE, add("chat:1", "newest"), MIGRATE),
)


_NO_MESSAGE = b'{"role":"us'
_MINIFIED: Image = (
    ("chat_1.json", orjson.dumps(orjson.loads(_file("chat:1", "", "hello", "hi")))),
)
_OWN = left(line("own") + _NO_MESSAGE + b"\n" + line("newer"), count=3)

MIGRATION_DAMAGED = Scenario(
    name="migration-damaged",
    about="a line of the session that a legacy file is for is no message; the file has no spaces",
    promises=(MIGRATION, DAMAGE, DURABLE, ATOMIC),
    base=(*_MINIFIED, *_OWN),
    start={
        **holding("own", "newer", damaged=_NO_MESSAGE),
        "pending": _waiting(_MINIFIED)["pending"],
    },
    operations=(MIGRATE,),
)


def _recorded_files() -> Image:
    folder = resources.files("tornwrite.scenarios.sessions") / "legacy"
    names = ("discord_99.json", "telegram_123456.json", "telegram_777.json")
    return tuple((name, (folder / name).read_bytes()) for name in names)


_REAL = _recorded_files()

MIGRATION_REAL = Scenario(
    name="migration-real",
    about="legacy files written by the original program",
    promises=(MIGRATION, DURABLE, ATOMIC),
    base=_REAL,
    start=_waiting(_REAL),
    operations=(MIGRATE, add("telegram:123456", "newer"), MIGRATE),
)
