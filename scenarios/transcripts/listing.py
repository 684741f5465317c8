"""Listing: titles and counts without reading all, whatever happened to the files since."""

from tornwrite.model.promises import ATOMIC, DURABLE, LISTED, READ_BACK
from tornwrite.scenarios.subject import Scenario
from tornwrite.scenarios.transcripts.operations import (
    HEADER,
    LIST,
    REOPEN,
    append,
    delete,
    get,
    holding,
    left,
    line,
)

LISTING = Scenario(
    name="list",
    about="a list after each change: a message, a new process, a deletion, a new transcript",
    promises=(DURABLE, ATOMIC, LISTED),
    operations=(
        get("a"),
        append("a", "one"),
        append("a", "two"),
        LIST,
        REOPEN,
        append("a", "three"),
        LIST,
        delete("a"),
        get("a"),
        append("a", "new"),
        LIST,
    ),
)

TITLES = Scenario(
    name="titles",
    about="a title of 60 characters, after one that stands for none, and of 61 of two bytes each",
    promises=(DURABLE, LISTED, READ_BACK),
    operations=(
        get("a"),
        append("a", "not said by the user", role="assistant"),
        append("a", "x" * 60),
        get("b"),
        append("b", "é" * 61),
        LIST,
    ),
)

_LONG = "x" * 70_000

LONG_LINE = Scenario(
    name="long-line",
    about="a message of 70 kB lies in the middle; it and all after it are there",
    promises=(READ_BACK, DURABLE, LISTED),
    base=left(HEADER + line("one") + line(_LONG) + line("three")),
    start=holding("one", _LONG, "three"),
    operations=(LIST, append("a", "four"), REOPEN, get("a")),
)
