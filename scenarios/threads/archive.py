"""Several threads and processes on one archiving store."""

from tornwrite.model.promises import ATOMIC, DURABLE, SHARED
from tornwrite.scenarios.archive.operations import LIST, archive, delete, load, save
from tornwrite.scenarios.subject import Lane, Scenario
from tornwrite.scenarios.threads.pairs import pair
from tornwrite.scenarios.threads.seeded import seeded

THREADS = Scenario(
    name="threads",
    about="one thread saves, one archives, one deletes another session, and one looks at both",
    promises=(DURABLE, ATOMIC, SHARED),
    operations=(save("a", "first"), save("b", "other")),
    lanes=(
        Lane((save("a", "one"), save("a", "two"))),
        Lane((archive("a"), archive("a"))),
        Lane((delete("b"), save("b", "anew"))),
        Lane((load("a"), LIST, load("a"))),
    ),
    after=(save("a", "last"),),
)

PROCESSES = Scenario(
    name="processes",
    about="two processes save to, archive and delete the same sessions, a third one looks",
    promises=(DURABLE, ATOMIC, SHARED),
    operations=(save("a", "first"), archive("a")),
    lanes=(
        Lane((save("a", "one"), archive("a"), save("b", "mine")), process=True),
        Lane((save("a", "two"), delete("b"), save("b", "yours")), process=True),
        Lane((LIST, load("a")), process=True),
    ),
    after=(archive("a"),),
)

_FIRST = (save("a", "first"),)

PAIRS = (
    pair("two-saves", "two threads begin one session", (save("a", "1"),), (save("a", "2"),)),
    pair(
        "save-and-archive",
        "a thread saves to what another one archives",
        (save("a", "new"),),
        (archive("a"),),
        before=_FIRST,
    ),
    pair(
        "save-and-delete",
        "a thread saves to what another one deletes",
        (save("a", "new"),),
        (delete("a"),),
        before=_FIRST,
    ),
    pair(
        "list-and-archive",
        "a thread lists and loads what another one archives and brings back",
        (LIST, load("a")),
        (archive("a"), save("a", "new")),
        before=_FIRST,
    ),
    pair(
        "processes-save-and-archive",
        "a process saves to what another one archives",
        (save("a", "new"),),
        (archive("a"),),
        before=_FIRST,
        processes=True,
    ),
    pair(
        "processes-list-and-delete",
        "a process lists what another one deletes and begins anew",
        (LIST,),
        (delete("a"), save("a", "anew")),
        before=_FIRST,
        processes=True,
    ),
)

ALL = (*seeded(THREADS, 1, 2), *seeded(PROCESSES, 1, 2), *PAIRS)
