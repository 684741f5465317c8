"""Several threads and processes on one transcript store."""

from tornwrite.model.promises import ATOMIC, DURABLE, SHARED
from tornwrite.scenarios.subject import Lane, Scenario
from tornwrite.scenarios.threads.pairs import pair
from tornwrite.scenarios.threads.seeded import seeded
from tornwrite.scenarios.transcripts.operations import (
    append,
    append_held,
    delete,
    get,
    get_messages,
    listed,
)

TWO_CREATE = Scenario(
    name="two-create",
    about="two processes create one transcript and append to it, a third one looks",
    promises=(DURABLE, ATOMIC, SHARED),
    operations=(),
    lanes=(
        Lane((get("a"), append("a", "one"), append("a", "two")), process=True),
        Lane((get("a"), append("a", "three")), process=True),
        Lane((listed("a"), get_messages("a")), process=True),
    ),
    after=(append("a", "four"),),
)

THREADS = Scenario(
    name="threads",
    about="one thread appends, one deletes and begins anew, one looks",
    promises=(DURABLE, ATOMIC, SHARED),
    operations=(get("a"), append("a", "first"), get("b"), append("b", "other")),
    lanes=(
        Lane((append("a", "one"), append("a", "two"))),
        Lane((delete("b"), get("b"), append_held("b", "anew"))),
        Lane((listed("b"), get_messages("b"), listed("a"))),
    ),
    after=(append("b", "last"),),
)

_FIRST = (append("a", "first"),)

PAIRS = (
    pair(
        "two-appends",
        "two threads append to one transcript",
        (append("a", "one"),),
        (append("a", "two"),),
        before=_FIRST,
    ),
    pair("two-creations", "two threads create one transcript", (get("a"),), (get("a"),)),
    pair(
        "append-and-delete",
        "a thread appends to the transcript that another one deletes",
        (append_held("a", "new"),),
        (delete("a"),),
        before=_FIRST,
    ),
    pair(
        "list-and-append",
        "a thread looks at the list twice while another one appends",
        (listed("a"), listed("a")),
        (append("a", "new"),),
        before=_FIRST,
    ),
    pair(
        "processes-create-and-append",
        "two processes create one transcript, and one of them appends to it",
        (get("a"),),
        (append("a", "one"),),
        processes=True,
    ),
    pair(
        "processes-append-and-delete",
        "a process gets and appends to the transcript that another one deletes",
        (get("a"), append_held("a", "new")),
        (delete("a"),),
        before=_FIRST,
        processes=True,
    ),
)

ALL = (*seeded(TWO_CREATE, 1, 2, 3), *seeded(THREADS, 1), *PAIRS)
