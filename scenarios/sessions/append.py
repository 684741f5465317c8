"""Appending: the operation that every turn of a chat makes."""

from tornwrite.model.promises import ATOMIC, DURABLE, READ_BACK, TORN_TAIL
from tornwrite.scenarios.sessions.operations import add, add_full
from tornwrite.scenarios.subject import Scenario

APPEND = Scenario(
    name="append",
    about="the first messages of a session, with contents that are easily mishandled",
    promises=(DURABLE, ATOMIC, TORN_TAIL, READ_BACK),
    operations=(
        add("chat:1", "hello"),
        add("chat:1", "", role="assistant"),
        add("chat:1", "two\nlines, \u2028 a separator, \U0001f680 and '\"", role="user"),
        add_full(
            "chat:1",
            {"role": "tool", "content": "", "tool_call_id": "call_1"},
        ),
        add("chat:1", "bye"),
    ),
)

PAGES = Scenario(
    name="append-pages",
    about="a message longer than a page, so that its pages reach the disk one by one",
    promises=(DURABLE, ATOMIC, TORN_TAIL, READ_BACK),
    operations=(
        add("chat:1", "before"),
        add("chat:1", "".join(f"{number:07d}," for number in range(520))),
        add("chat:1", "after"),
    ),
)
