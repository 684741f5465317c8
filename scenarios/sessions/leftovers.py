"""Leftovers: what an operation that was cut off had begun is in the way of the next ones."""

from tornwrite.faults.images import Image
from tornwrite.model.promises import ATOMIC, DAMAGE, DURABLE, TIDY
from tornwrite.scenarios.sessions.on_disk import holding, left, line, metadata
from tornwrite.scenarios.sessions.operations import add, replace, summary
from tornwrite.scenarios.subject import Scenario

_REWRITE: Image = (
    ("chat_1.jsonl.0000000001", line("of a rewrite that never was")),
    ("chat_1.meta.json.tmp", metadata(count=1)),
)

REWRITE_LEFT = Scenario(
    name="leftover-rewrite",
    about="a rewrite was cut off before; it is removed, and its number is used again",
    promises=(TIDY, DURABLE, ATOMIC),
    base=(*left(line("one") + line("two")), *_REWRITE),
    start=holding("one", "two"),
    operations=(add("chat:1", "three"), replace("chat:1", "new")),
)

_NO_MESSAGE = b'{"role":"as'
_NO_METADATA = b'{"key": "ch'

NOBODYS_LEFT = Scenario(
    name="leftover-unknown",
    about="the metadata is garbage: a rewrite that was begun may be the current one, and is kept",
    promises=(DAMAGE, DURABLE, ATOMIC),
    base=(
        ("chat.jsonl", line("one") + line("two")),
        ("chat.jsonl.0000000001", line("three") + _NO_MESSAGE + b"\n"),
        ("chat.meta.json", _NO_METADATA),
    ),
    start={
        **holding("one", "two", key="chat", damaged=_NO_MESSAGE),
        "unreadable": ["chat.meta.json"],
        "damaged": [repr(_NO_MESSAGE), repr(_NO_METADATA)],
        "must_keep": [repr(_NO_MESSAGE), repr(_NO_METADATA)],
    },
    operations=(summary("chat", "written anew"), add("chat", "four")),
)

EMPTY_LEFT = Scenario(
    name="leftover-empty-file",
    about="there is an empty data file of that name; its session is written to",
    promises=(DURABLE, ATOMIC),
    base=(("chat_1.jsonl", b""),),
    operations=(add("chat:1", "one"), add("chat:1", "two")),
)
