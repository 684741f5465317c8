"""Threads that share a session manager: each saves what it added, while the others do."""

from tornwrite.model.operation import Operation
from tornwrite.model.promises import ATOMIC, DURABLE, SHARED
from tornwrite.scenarios.sessions.operations import add, summary, truncate
from tornwrite.scenarios.subject import Lane, Scenario
from tornwrite.scenarios.threads.pairs import pair
from tornwrite.scenarios.threads.seeded import seeded


def _save(key: str) -> Operation:
    return Operation("save", {"key": key})


SAVES = Scenario(
    name="save-during-save",
    about="two threads add to a session and save it, a third saves another one",
    promises=(DURABLE, ATOMIC, SHARED),
    operations=(add("chat:1", "first"), _save("chat:1")),
    lanes=(
        Lane((add("chat:1", "one"), _save("chat:1"), add("chat:1", "two"), _save("chat:1"))),
        Lane((add("chat:1", "three"), _save("chat:1"))),
        Lane((add("other", "of another"), _save("other"))),
    ),
    after=(add("chat:1", "last"), _save("chat:1")),
)

SUMMARISER = Scenario(
    name="summariser",
    about="a summariser sets a summary, truncates and saves while the main loop adds and saves",
    promises=(DURABLE, ATOMIC, SHARED),
    operations=(*(add("chat:1", f"old {number}") for number in range(3)), _save("chat:1")),
    lanes=(
        Lane((summary("chat:1", "what was said"), truncate("chat:1", 2), _save("chat:1"))),
        Lane((add("chat:1", "new 1"), _save("chat:1"), add("chat:1", "new 2"), _save("chat:1"))),
    ),
    after=(add("chat:1", "go on"), _save("chat:1")),
)

_FIRST = (add("chat:1", "first"), _save("chat:1"))

PAIRS = (
    pair(
        "two-saves",
        "two threads add to one session and save it",
        (add("chat:1", "one"), _save("chat:1")),
        (add("chat:1", "two"), _save("chat:1")),
        before=_FIRST[:1],
    ),
    pair(
        "add-and-save",
        "a thread saves the session to which another one adds",
        (_save("chat:1"),),
        (add("chat:1", "one"),),
        before=_FIRST[:1],
    ),
    pair(
        "truncate-and-save",
        "a thread truncates and saves the session that another one saves with a summary",
        (truncate("chat:1", 0), _save("chat:1")),
        (summary("chat:1", "what was said"), _save("chat:1")),
        before=_FIRST,
    ),
    pair(
        "save-and-read",
        "a thread reads the session that another one adds to and saves",
        (Operation("get_history", {"key": "chat:1"}),),
        (add("chat:1", "one"), _save("chat:1")),
        before=_FIRST,
    ),
)

ALL = (*seeded(SAVES, 1, 9, 28), *seeded(SUMMARISER, 1, 2), *PAIRS)
"""For the manager; of the backend a save is only a compaction."""

BACKEND = (*seeded(SUMMARISER, 1, 2), *PAIRS)
