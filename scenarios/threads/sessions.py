"""Several threads and processes on one session store: what each was told must hold for all."""

from tornwrite.model.operation import Operation
from tornwrite.model.promises import ATOMIC, DURABLE, RECONCILED, SHARED
from tornwrite.scenarios.sessions.operations import (
    REOPEN,
    add,
    compact,
    summary,
    truncate,
)
from tornwrite.scenarios.sessions.operations import replace as replace_history
from tornwrite.scenarios.subject import Lane, Scenario
from tornwrite.scenarios.threads.seeded import seeded


def read(key: str) -> Operation:
    return Operation("get_history", {"key": key})


WRITERS = Scenario(
    name="writers",
    about="ten threads add twenty messages each to one session, two others read it meanwhile",
    promises=(DURABLE, ATOMIC, SHARED),
    operations=(),
    lanes=(
        *(
            Lane(tuple(add("chat:1", f"{writer}.{number}") for number in range(20)))
            for writer in range(10)
        ),
        Lane((read("chat:1"),) * 6),
        Lane((read("chat:1"),) * 6),
    ),
    seed=1,
)

_SUMMARISER = Lane(
    (
        read("chat:1"),
        summary("chat:1", "what was said"),
        truncate("chat:1", 2),
        compact("chat:1"),
    )
)
_MAIN_LOOP = Lane(tuple(add("chat:1", f"new {number}") for number in range(3)))

SUMMARISER = Scenario(
    name="summariser",
    about="a summariser sets a summary, truncates and compacts while the main loop adds messages",
    promises=(DURABLE, ATOMIC, SHARED, RECONCILED),
    operations=tuple(add("chat:1", f"old {number}") for number in range(3)),
    lanes=(_SUMMARISER, _MAIN_LOOP),
    after=(add("chat:1", "go on"),),
)

REPLACERS = Scenario(
    name="replacers",
    about="two threads replace a history, a third adds to it, a fourth uses another session",
    promises=(DURABLE, ATOMIC, SHARED),
    operations=(add("chat:1", "first"),),
    lanes=(
        Lane((replace_history("chat:1", "a", "b"), replace_history("chat:1", "c"))),
        Lane((replace_history("chat:1", "x"), read("chat:1"))),
        Lane((add("chat:1", "added"), truncate("chat:1", 1))),
        Lane((add("chat_1", "of another session"), read("chat_1"))),
    ),
    after=(add("chat:1", "go on"),),
)

PROCESSES = Scenario(
    name="processes",
    about="two processes open one directory and write to the same sessions and to others",
    promises=(DURABLE, ATOMIC, SHARED),
    operations=(add("chat:1", "before"),),
    lanes=(
        Lane(
            (add("chat:1", "one"), truncate("chat:1", 2), add("chat/1", "mine"), REOPEN),
            process=True,
        ),
        Lane((add("chat:1", "two"), compact("chat:1"), add("chat:1", "three")), process=True),
    ),
    after=(add("chat:1", "four"),),
)

ALL = (
    WRITERS,
    *seeded(SUMMARISER, 1, 2, 3, 4),
    *seeded(REPLACERS, 1, 2),
    *seeded(PROCESSES, 1, 2, 3),
)
