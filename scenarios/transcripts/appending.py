"""Making a transcript and appending to it: what every turn of a chat does."""

from tornwrite.model.promises import ATOMIC, DURABLE, KEYS, LISTED, READ_BACK, SHARED, TORN_TAIL
from tornwrite.scenarios.subject import Scenario
from tornwrite.scenarios.transcripts.operations import (
    HEADER,
    LIST,
    REOPEN,
    append,
    append_held,
    delete,
    get,
    holding,
    left,
    line,
)

CREATE = Scenario(
    name="create",
    about="a transcript is made, and is there while it is still empty; then another",
    promises=(DURABLE, ATOMIC, LISTED),
    operations=(get("a"), REOPEN, get("a"), append_held("a", "hello"), get("b")),
)

APPEND = Scenario(
    name="append",
    about="the first messages of a transcript, with contents that are easily mishandled",
    promises=(DURABLE, ATOMIC, TORN_TAIL, READ_BACK, LISTED),
    operations=(
        get("a"),
        append("a", "", role="system"),
        append("a", "hello"),
        append_held("a", "two\nlines, \u2028 a separator, \U0001f680 and '\""),
        REOPEN,
        append("a", "bye"),
    ),
)

_ALMOST_A_PAGE = "x" * 3900

PAGES = Scenario(
    name="append-pages",
    about="a message that begins on one page and ends on the next: they reach the disk one by one",
    promises=(DURABLE, ATOMIC, TORN_TAIL, READ_BACK),
    base=left(HEADER + line(_ALMOST_A_PAGE)),
    start=holding(_ALMOST_A_PAGE),
    operations=(
        append("a", "".join(f"{number:03d}," for number in range(60))),
        append("a", "after"),
    ),
)

SEVERAL = Scenario(
    name="several",
    about="two transcripts in turns, with ids that look like each other's files",
    promises=(DURABLE, ATOMIC, KEYS, SHARED, LISTED),
    operations=(
        get("a"),
        append_held("a", "of a"),
        get("a.jsonl"),
        append_held("a.jsonl", "of a.jsonl"),
        LIST,
        delete("a"),
        append("a.jsonl", "more"),
    ),
)

STRANGE_IDS = Scenario(
    name="strange-ids",
    about="ids that are no file names, or would be those of other files",
    promises=(DURABLE, KEYS, LISTED),
    operations=(
        get("../a"),
        append_held("../a", "above"),
        get("%61"),
        append_held("%61", "percent"),
        delete("../a"),
    ),
)
