"""Saving: the operation that every turn of a chat makes."""

from tornwrite.model.promises import ATOMIC, DURABLE, KEYS, LISTED, READ_BACK, SHARED, TORN_TAIL
from tornwrite.scenarios.archive.operations import (
    REOPEN,
    archive,
    delete,
    holding,
    left,
    line,
    save,
)
from tornwrite.scenarios.subject import Scenario

SAVE = Scenario(
    name="save",
    about="the first messages of a session, with contents that are easily mishandled",
    promises=(DURABLE, ATOMIC, TORN_TAIL, READ_BACK, LISTED),
    operations=(
        save("a", "hello"),
        save("a", "", role="assistant"),
        save("a", "two\nlines, \u2028 a separator, \U0001f680 and '\""),
        REOPEN,
        save("a", "bye"),
    ),
)

_ALMOST_A_PAGE = "x" * 3900

PAGES = Scenario(
    name="save-pages",
    about="a message that begins on one page and ends on the next: they reach the disk one by one",
    promises=(DURABLE, ATOMIC, TORN_TAIL, READ_BACK),
    base=left(active=line(_ALMOST_A_PAGE)),
    start=holding(_ALMOST_A_PAGE),
    operations=(save("a", "".join(f"{number:03d}," for number in range(60))), save("a", "after")),
)

END_OF_A_FIRST_SAVE = Scenario(
    name="end-of-a-first-save",
    about="a first message over two pages: only its end on the disk is a line, and no session yet",
    promises=(DURABLE, ATOMIC, LISTED),
    operations=(save("a", "x" * 4100),),
)

SEVERAL = Scenario(
    name="several",
    about="three sessions in turns, with ids that look like the names of each other's files",
    promises=(DURABLE, ATOMIC, KEYS, SHARED, LISTED),
    operations=(
        save("a", "of a"),
        save("a.jsonl", "of a.jsonl"),
        archive("a"),
        save("a.jsonl.archived", "of a.jsonl.archived"),
        archive("a.jsonl"),
        delete("a"),
        save("a.jsonl", "more"),
    ),
)

_LONGEST = "x" * (255 - len(".jsonl.archived.tmp"))
"""An id of which the longest file name is as long as a file name can be, in bytes."""

STRANGE_IDS = Scenario(
    name="strange-ids",
    about="ids that are no file names, or would be those of other files, or are as long as can be",
    promises=(DURABLE, KEYS, LISTED),
    operations=(
        save("../a", "above"),
        save("%61", "percent"),
        archive("../a"),
        save(_LONGEST, "much"),
    ),
)
