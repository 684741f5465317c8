"""The interface over the JSONL store: every start migrates, every change is on the disk at once."""

from tornwrite.faults.images import Image
from tornwrite.model.promises import ATOMIC, DURABLE, KEYS, MIGRATION, RECONCILED, TIDY, TORN_TAIL
from tornwrite.scenarios.manager.session_files import held, save, session_file
from tornwrite.scenarios.manager_driver import digest
from tornwrite.scenarios.sessions.operations import REOPEN, add, replace, summary, truncate
from tornwrite.scenarios.subject import Scenario

TURNS = Scenario(
    name="turns",
    about="what an agent does: turns, then summary, truncation and save, then turns",
    promises=(DURABLE, ATOMIC, TORN_TAIL, RECONCILED, TIDY),
    operations=(
        add("chat:1", "question"),
        add("chat:1", "answer", "assistant"),
        add("chat:1", "thanks"),
        summary("chat:1", "question and answer"),
        truncate("chat:1", 1),
        save("chat:1"),
        add("chat:1", "go on"),
    ),
)

RESTARTED = Scenario(
    name="restarted",
    about="a new process between two turns, and after a save that had nothing to do",
    promises=(DURABLE, ATOMIC, RECONCILED),
    operations=(
        add("chat:1", "one"),
        save("chat:1"),
        REOPEN,
        add("chat:1", "two"),
        summary("chat:1", "counting"),
        REOPEN,
        add("chat:1", "three"),
    ),
)

REPLACED = Scenario(
    name="replaced",
    about="sessions that begin with a history and with a summary; replaced, emptied, saved",
    promises=(DURABLE, ATOMIC, RECONCILED, TIDY),
    operations=(
        replace("chat:1", "a", "b", "c"),
        truncate("chat:1", 1),
        replace("chat:1", "d", "e", "f"),
        truncate("chat:1", 0),
        save("chat:1"),
        add("chat:1", "from nothing"),
        summary("chat:2", "nothing said yet"),
        save("chat:2"),
    ),
)

SEVERAL = Scenario(
    name="several",
    about="two sessions in turns, whose keys differ only in : and _",
    promises=(DURABLE, ATOMIC, KEYS),
    operations=(
        add("chat:1", "first"),
        add("chat_1", "second"),
        truncate("chat:1", 0),
        save("chat:1"),
        add("chat:1", "more of the first"),
        save("chat_1"),
        add("chat_1", "more of the second"),
    ),
)

_WAITING: Image = (
    ("chat_1.json", session_file("chat:1", "hello", "hi", summary="greetings")),
    ("chat_2.json", session_file("chat:2", "other")),
)

FIRST_START = Scenario(
    name="first-start",
    about="two files of the session manager, imported by the start; turns and a second start",
    promises=(MIGRATION, DURABLE, ATOMIC),
    base=_WAITING,
    start={
        "sessions": held(_WAITING, *dict(_WAITING)),
        "must_keep": [digest(data) for _, data in _WAITING if isinstance(data, bytes)],
    },
    operations=(
        add("chat:1", "newer"),
        REOPEN,
        truncate("chat:1", 2),
        save("chat:1"),
    ),
)
