"""Repair: what is done after an earlier crash or damage, with another crash among it."""

from tornwrite.faults.images import Image
from tornwrite.model.operation import Observation
from tornwrite.model.promises import ATOMIC, DAMAGE, DURABLE, LISTED, TORN_TAIL
from tornwrite.scenarios.subject import Scenario
from tornwrite.scenarios.transcripts.operations import (
    HEADER,
    LIST,
    append,
    delete,
    get,
    holding,
    left,
    line,
)

_PART = line("never acknowledged, " * 4)[:70]
_TO_SECTOR = "x" * 380
"""As a line after the header it ends shortly before the second sector of its file."""
_NO_MESSAGE = b'{"role":"us'
_NO_HEADER = HEADER[:-20]

TORN = Scenario(
    name="repair-torn-tail",
    about="the last append was cut short before; the transcript is gone on with",
    promises=(TORN_TAIL, DURABLE, ATOMIC, LISTED),
    base=left(HEADER + line("one") + _PART),
    start=holding("one", damaged=_PART),
    operations=(LIST, append("a", "two"), append("a", "three")),
)

ZEROS = Scenario(
    name="repair-zero-tail",
    about="the file had grown, its new bytes had not arrived; the transcript is gone on with",
    promises=(TORN_TAIL, DURABLE, ATOMIC),
    base=left(HEADER + line(_TO_SECTOR) + bytes(90)),
    start=holding(_TO_SECTOR),
    operations=(append("a", "x" * 60), append("a", "three")),
)

UNENDED = Scenario(
    name="repair-line-end",
    about="only the line end of the last message is missing; the message counts",
    promises=(TORN_TAIL, DURABLE, ATOMIC),
    base=left(HEADER + line("one")[:-1]),
    start=holding("one"),
    operations=(append("a", "two"), LIST),
)

HEADER_UNENDED = Scenario(
    name="repair-header-end",
    about="only the line end of the header is missing; the transcript is there, and empty",
    promises=(TORN_TAIL, DURABLE, ATOMIC),
    base=left(HEADER[:-1]),
    start=holding(),
    operations=(append("a", "one"), LIST),
)

DAMAGED = Scenario(
    name="repair-damage",
    about="a line in the middle is no message; it hides nothing, and stays",
    promises=(DAMAGE, DURABLE, ATOMIC, LISTED),
    base=left(HEADER + line("one") + _NO_MESSAGE + b"\n" + line("two")),
    start=holding("one", "two", damaged=_NO_MESSAGE),
    operations=(LIST, append("a", "three")),
)

HEADER_DAMAGED = Scenario(
    name="repair-header",
    about="the header is damaged; the messages after it are there, and new ones are safe",
    promises=(DAMAGE, DURABLE, ATOMIC, LISTED),
    base=left(_NO_HEADER + b"\n" + line("one") + line("two")),
    start=holding("one", "two", dated=False, damaged=_NO_HEADER),
    operations=(LIST, append("a", "three"), get("a")),
)

HEADER_MISSING = Scenario(
    name="repair-no-header",
    about="there is no header: the first line is a message, and counts",
    promises=(DAMAGE, DURABLE, ATOMIC, LISTED),
    base=left(line("one") + line("two")),
    start=holding("one", "two", dated=False),
    operations=(LIST, append("a", "three"), delete("a"), get("a")),
)


def _never_made(name: str, about: str, data: bytes, start: Observation) -> Scenario:
    base: Image = left(data)
    return Scenario(
        name=name,
        about=about,
        promises=(ATOMIC, DAMAGE, DURABLE, LISTED),
        base=base,
        start=start,
        operations=(LIST, get("a"), append("a", "one")),
    )


EMPTY_FILE = _never_made(
    "repair-empty-file",
    "the file was made and nothing written: there is no transcript, until one is made",
    b"",
    {},
)

HEADER_TORN = _never_made(
    "repair-torn-header",
    "the header was cut short: there is no transcript, until one is made",
    _NO_HEADER,
    {"must_keep": [repr(_NO_HEADER)]},
)

HEADER_ZEROS = _never_made(
    "repair-zero-header",
    "the header had not arrived: there is no transcript, until one is made",
    bytes(len(HEADER)),
    {},
)
