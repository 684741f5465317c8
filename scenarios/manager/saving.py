"""Saving: all that a session manager writes, and nothing between two saves."""

from tornwrite.faults.images import Image
from tornwrite.model.operation import Operation
from tornwrite.model.promises import ATOMIC, DURABLE, KEYS, READ_BACK, SHARED, TIDY
from tornwrite.scenarios.manager.session_files import held, save, session_file
from tornwrite.scenarios.sessions.operations import (
    REOPEN,
    add,
    add_full,
    replace,
    summary,
    truncate,
)
from tornwrite.scenarios.subject import Scenario

SAVE = Scenario(
    name="save",
    about="a first save, a later one, one that changes nothing; contents easily mishandled",
    promises=(DURABLE, ATOMIC, READ_BACK),
    operations=(
        add("chat:1", "hello"),
        add("chat:1", "two\nlines, \u2028 a separator, \U0001f680, </b> and '\"", "assistant"),
        save("chat:1"),
        add_full("chat:1", {"role": "tool", "content": "", "tool_call_id": "call_1"}),
        save("chat:1"),
        save("chat:1"),
    ),
)

CHANGES = Scenario(
    name="changes",
    about="summary, truncation and replacement, each seen once it is saved; down to nothing",
    promises=(DURABLE, ATOMIC),
    operations=(
        *(add("chat:1", f"turn {number}") for number in range(3)),
        summary("chat:1", "three turns"),
        save("chat:1"),
        truncate("chat:1", 1),
        save("chat:1"),
        replace("chat:1", "a", "b"),
        summary("chat:1", ""),
        save("chat:1"),
        truncate("chat:1", 0),
        save("chat:1"),
        add("chat:1", "from nothing"),
        save("chat:1"),
    ),
)

BEGINNINGS = Scenario(
    name="beginnings",
    about="sessions that begin with a summary, with a history, with being asked for",
    promises=(DURABLE, ATOMIC),
    operations=(
        summary("chat:1", "nothing said yet"),
        save("chat:1"),
        replace("chat:2", "told", "elsewhere"),
        save("chat:2"),
        Operation("get_or_create", {"key": "chat:3"}),
        save("chat:3"),
        add("chat:3", "hello"),
        save("chat:3"),
    ),
)

NEVER_SAVED = Scenario(
    name="never-saved",
    about="what was not saved is gone with the process, and what was is not touched by it",
    promises=(DURABLE, ATOMIC, SHARED),
    operations=(
        add("chat:1", "saved"),
        save("chat:1"),
        add("chat:1", "not saved"),
        add("chat:2", "never saved"),
        REOPEN,
        add("chat:1", "after"),
        truncate("chat:2", 0),
        save("chat:1"),
        save("chat:2"),
        REOPEN,
        summary("chat:1", "of both"),
        save("chat:1"),
    ),
)

SEVERAL = Scenario(
    name="several",
    about="three sessions saved in turns; the keys of two differ only in : and _",
    promises=(DURABLE, ATOMIC, KEYS, SHARED),
    operations=(
        add("chat:1", "first"),
        save("chat:1"),
        add("chat_1", "second"),
        save("chat_1"),
        add("other", "third"),
        add("chat:1", "more of the first"),
        save("other"),
        save("chat:1"),
        REOPEN,
        add("chat_1", "more of the second"),
        save("chat_1"),
    ),
)

_LONG: Image = (
    ("chat_1.json", session_file("chat:1", "".join(f"{number:07d}," for number in range(500)))),
)

PAGES = Scenario(
    name="pages",
    about="a session over two pages, which reach the disk one by one, grown and cut",
    promises=(DURABLE, ATOMIC, READ_BACK, TIDY),
    base=_LONG,
    start={"sessions": held(_LONG, "chat_1.json")},
    operations=(
        add("chat:1", "more"),
        save("chat:1"),
        truncate("chat:1", 1),
        save("chat:1"),
    ),
)
