"""Several threads and processes on one transcript store."""

from tornwrite.model.promises import ATOMIC, DURABLE, SHARED
from tornwrite.scenarios.subject import Lane, Scenario
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

ALL = (*seeded(TWO_CREATE, 1, 2, 3), *seeded(THREADS, 1))
