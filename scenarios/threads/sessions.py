"""Several threads and processes on one session store: what each was told must hold for all."""

from tornwrite.model.operation import Operation
from tornwrite.model.promises import ATOMIC, DURABLE, RECONCILED, SHARED
from tornwrite.scenarios.sessions.migration import MIGRATION_ONCE
from tornwrite.scenarios.sessions.operations import (
    MIGRATE,
    REOPEN,
    add,
    compact,
    summary,
    truncate,
)
from tornwrite.scenarios.sessions.operations import replace as replace_history
from tornwrite.scenarios.subject import Lane, Scenario
from tornwrite.scenarios.threads.pairs import pair
from tornwrite.scenarios.threads.seeded import seeded


def read(key: str) -> Operation:
    return Operation("get_history", {"key": key})


def writers(each: int, reads: int) -> Scenario:
    """Ten threads that add so many messages each, and two that read so many times."""
    return Scenario(
        name="writers",
        about=f"ten threads add {each} messages each to one session, two others read it meanwhile",
        promises=(DURABLE, ATOMIC, SHARED),
        operations=(),
        lanes=(
            *(
                Lane(tuple(add("chat:1", f"{writer}.{number}") for number in range(each)))
                for writer in range(10)
            ),
            Lane((read("chat:1"),) * reads),
            Lane((read("chat:1"),) * reads),
        ),
        seed=1,
    )


WRITERS = writers(each=3, reads=2)

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

_KEY = "chat:1"
_TWO = (add(_KEY, "old"), add(_KEY, "kept"))
_SHORTENED = (*_TWO, truncate(_KEY, 1))

PAIRS = (
    pair(
        "two-adds",
        "two threads begin one session",
        (add(_KEY, "one"),),
        (add(_KEY, "two"),),
    ),
    pair(
        "add-and-truncate",
        "a thread adds to what another one truncates",
        (add(_KEY, "new"),),
        (truncate(_KEY, 1),),
        before=_TWO,
    ),
    pair(
        "add-and-compact",
        "a thread adds to what another one compacts",
        (add(_KEY, "new"),),
        (compact(_KEY),),
        before=_SHORTENED,
    ),
    pair(
        "add-and-replace",
        "a thread adds to a history that another one replaces",
        (add(_KEY, "new"),),
        (replace_history(_KEY, "another"),),
        before=_TWO[:1],
    ),
    pair(
        "summary-and-truncate",
        "a thread sets the summary of what another one truncates",
        (summary(_KEY, "what was said"),),
        (truncate(_KEY, 1),),
        before=_TWO,
    ),
    pair(
        "read-and-replace",
        "a thread reads a history twice that another one replaces",
        (read(_KEY), read(_KEY)),
        (replace_history(_KEY, "another"),),
        before=_TWO[:1],
    ),
    pair(
        "read-and-compact",
        "a thread reads a history while another one truncates and compacts it",
        (read(_KEY),),
        (truncate(_KEY, 1), compact(_KEY)),
        before=_TWO,
    ),
    # Of the new history a line begins where the old one was cut.
    pair(
        "read-and-replace-as-long",
        "a thread reads a truncated history while another one replaces it by lines as long",
        (read(_KEY),),
        (replace_history(_KEY, "new", "more"),),
        before=_SHORTENED,
    ),
    pair(
        "add-and-migrate",
        "a thread adds to the session that another one imports",
        (add(_KEY, "newer"),),
        (MIGRATE,),
        base=MIGRATION_ONCE.base,
        start=MIGRATION_ONCE.start,
    ),
    pair(
        "two-processes-add",
        "two processes begin one session",
        (add(_KEY, "one"),),
        (add(_KEY, "two"),),
        processes=True,
    ),
    pair(
        "processes-add-and-compact",
        "a process adds to what another one compacts",
        (add(_KEY, "new"),),
        (compact(_KEY),),
        before=_SHORTENED,
        processes=True,
    ),
    pair(
        "processes-read-and-replace",
        "a process reads a history that another one replaces",
        (read(_KEY),),
        (replace_history(_KEY, "another"),),
        before=_TWO[:1],
        processes=True,
    ),
)

ALL = (
    WRITERS,
    *seeded(SUMMARISER, 1, 4),
    *seeded(REPLACERS, 1),
    *seeded(PROCESSES, 1, 2),
    *PAIRS,
)
