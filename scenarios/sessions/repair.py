"""Repair: the first writes after an earlier crash or damage, with another crash among them."""

from tornwrite.model.promises import ATOMIC, DAMAGE, DURABLE, TIDY, TORN_TAIL
from tornwrite.scenarios.sessions.on_disk import holding, left, line, metadata, sealed
from tornwrite.scenarios.sessions.operations import add, compact, replace, summary, truncate
from tornwrite.scenarios.subject import Scenario

_PART = line("never acknowledged, " * 40)[:600]
_NO_MESSAGE = b'{"role":"us'
_NO_METADATA = b'{"key": "cha'

TORN = Scenario(
    name="repair-torn-tail",
    about="the last write was cut short before; the session is written again",
    promises=(TORN_TAIL, DURABLE, ATOMIC),
    base=left(line("one") + line("two") + _PART),
    start=holding("one", "two", damaged=_PART),
    operations=(add("chat:1", "three, " * 120), add("chat:1", "four")),
)

ZEROS = Scenario(
    name="repair-zero-tail",
    about="the file had grown, its new bytes had not arrived; the session is written again",
    promises=(TORN_TAIL, DURABLE, ATOMIC),
    base=left(line("one") + line("two") + bytes(700)),
    start=holding("one", "two"),
    operations=(add("chat:1", "x" * 600), add("chat:1", "four")),
)

_LINES = line("one") + line("two")
_HOLE = bytes(512 - len(_LINES)) + b"the end of a message that has no beginning" + b'"}'

HOLE = Scenario(
    name="repair-hole",
    about="of the last write only the second sector had arrived, and it ends like a message",
    promises=(TORN_TAIL, DURABLE, ATOMIC),
    base=left(_LINES + _HOLE),
    start=holding("one", "two", damaged=_HOLE),
    operations=(add("chat:1", "x" * 600), add("chat:1", "four")),
)

UNENDED = Scenario(
    name="repair-line-end",
    about="only the line end of the last message is missing; the message counts",
    promises=(TORN_TAIL, DURABLE, ATOMIC),
    base=left(line("one") + line("two")[:-1]),
    start=holding("one", "two"),
    operations=(add("chat:1", "three"), truncate("chat:1", 2), compact("chat:1")),
)

DAMAGED = Scenario(
    name="repair-damage",
    about="a line in the middle is no message; it hides nothing, and compaction keeps it aside",
    promises=(DAMAGE, DURABLE, ATOMIC, TIDY),
    base=left(line("gone") + line("one") + _NO_MESSAGE + b"\n" + line("two"), count=4),
    start=holding("gone", "one", "two", damaged=_NO_MESSAGE),
    operations=(
        add("chat:1", "three"),
        truncate("chat:1", 3),
        compact("chat:1"),
        add("chat:1", "four"),
        replace("chat:1", "new"),
    ),
)

DAMAGED_REPLACED = Scenario(
    name="repair-damage-replaced",
    about="the same, and the whole history is replaced first; the line is kept aside",
    promises=(DAMAGE, DURABLE, ATOMIC),
    base=DAMAGED.base,
    start=DAMAGED.start,
    operations=(replace("chat:1", "new"), add("chat:1", "newer")),
)

_BEFORE, _BEHIND = b"of a message that is gone", b"and of another one"

JOINED = Scenario(
    name="repair-joined-lines",
    about="several messages are on one line, with damage between them; each of them counts",
    promises=(DAMAGE, DURABLE, ATOMIC),
    base=left(
        # Of the first three only the newlines were hit: one is another byte, one is gone.
        _BEFORE
        + sealed("one")[:-1]
        + b"?"
        + sealed("two")[:-1]
        + sealed("three")[:-1]
        + _BEHIND
        + b"\n"
        + sealed("four")
    ),
    start={
        **holding("one", "two", "three", "four"),
        "must_keep": [repr(_BEFORE), repr(_BEHIND)],
    },
    operations=(add("chat:1", "five"), truncate("chat:1", 4), compact("chat:1")),
)

# One more than there are: the next message would be the one that makes it hide all three.
_WRONG_SKIP = metadata(count=3, skip=3)

SKIP = Scenario(
    name="repair-skip",
    about="the metadata skips more lines than there are; every message is there and new ones too",
    promises=(DAMAGE, DURABLE, ATOMIC),
    base=(("chat_1.jsonl", _LINES), ("chat_1.meta.json", _WRONG_SKIP)),
    start=holding("one", "two", damaged=_WRONG_SKIP),
    operations=(add("chat:1", "three"), truncate("chat:1", 2), add("chat:1", "four")),
)

SKIP_SUMMARY = Scenario(
    name="repair-skip-summary",
    about="the same, and the first that is written is a summary",
    promises=(DAMAGE, DURABLE, ATOMIC),
    base=SKIP.base,
    start=SKIP.start,
    operations=(summary("chat:1", "of all"), add("chat:1", "three")),
)

SKIPS_ALL = Scenario(
    name="skips-all",
    about="another program has truncated the session to nothing; it is written to",
    promises=(ATOMIC, DURABLE),
    base=(("chat_1.jsonl", _LINES), ("chat_1.meta.json", metadata(count=2, skip=2))),
    start={},
    operations=(add("chat:1", "three"), compact("chat:1")),
)

METADATA_LOST = Scenario(
    name="repair-metadata",
    about="the metadata file is garbage; every message is still there and new ones are safe",
    promises=(DAMAGE, DURABLE, ATOMIC),
    base=(("chat.jsonl", line("one") + line("two")), ("chat.meta.json", _NO_METADATA)),
    start={
        **holding("one", "two", key="chat", damaged=_NO_METADATA),
        "unreadable": ["chat.meta.json"],
    },
    operations=(
        summary("chat", "written anew"),
        add("chat", "three"),
        truncate("chat", 1),
        add("chat", "four"),
    ),
)
