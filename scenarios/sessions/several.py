"""Several sessions at once, with keys that a careless file name would make one."""

from tornwrite.model.promises import ATOMIC, DURABLE, KEYS, SHARED
from tornwrite.scenarios.sessions.operations import add, compact, summary, truncate
from tornwrite.scenarios.subject import Scenario

SEVERAL = Scenario(
    name="several",
    about="three sessions in turns, whose keys differ only in : / and _",
    promises=(DURABLE, ATOMIC, KEYS, SHARED),
    operations=(
        add("chat:1", "first"),
        add("chat/1", "second"),
        add("chat_1", "third"),
        summary("chat/1", "of the second"),
        truncate("chat:1", 0),
        add("chat_1", "more of the third"),
        compact("chat:1"),
        add("chat:1", "more of the first"),
    ),
)
