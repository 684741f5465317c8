"""Repair: what is done after an earlier crash or damage, with another crash among it."""

from tornwrite.model.promises import ATOMIC, DAMAGE, DURABLE, TIDY, TORN_TAIL
from tornwrite.scenarios.archive.operations import archive, delete, holding, left, line, save
from tornwrite.scenarios.subject import Scenario

_PART = line("never acknowledged, " * 4)[:70]
_TO_SECTOR = "x" * 450
"""As a line it ends shortly before the second sector of its file."""
_NO_MESSAGE = b'{"role":"us'

TORN = Scenario(
    name="repair-torn-tail",
    about="the last save was cut short before; the session is gone on with and archived",
    promises=(TORN_TAIL, DURABLE, ATOMIC),
    base=left(active=line("one") + line("two") + _PART),
    start=holding("one", "two", damaged=_PART),
    operations=(save("a", "three"), archive("a")),
)

TORN_ARCHIVE = Scenario(
    name="repair-torn-archive",
    about="a session with a torn tail was archived; it is gone on with and archived again",
    promises=(TORN_TAIL, DAMAGE, DURABLE, ATOMIC),
    base=left(archived=line("one") + _PART),
    start=holding("one", archived=True, damaged=_PART),
    operations=(
        save("a", "two"),
        archive("a"),
        delete("a"),
        save("a", "new"),
        archive("a"),
    ),
)

ZEROS = Scenario(
    name="repair-zero-tail",
    about="the file had grown, its new bytes had not arrived; the session is gone on with",
    promises=(TORN_TAIL, DURABLE, ATOMIC),
    base=left(active=line(_TO_SECTOR) + bytes(90)),
    start=holding(_TO_SECTOR),
    operations=(save("a", "x" * 60), save("a", "three")),
)

UNENDED = Scenario(
    name="repair-line-end",
    about="both files lack their last line end; the messages count, and none runs into another",
    promises=(TORN_TAIL, DURABLE, ATOMIC),
    base=left(active=line("two")[:-1], archived=line("one")[:-1]),
    start=holding("one", "two"),
    operations=(save("a", "three"), archive("a")),
)

DAMAGED = Scenario(
    name="repair-damage",
    about="a line in the middle of each file is no message; it hides nothing, and stays",
    promises=(DAMAGE, DURABLE, ATOMIC, TIDY),
    base=left(
        active=line("three") + b"no message\n" + line("four"),
        archived=line("one") + _NO_MESSAGE + b"\n" + line("two"),
    ),
    start=holding("one", "two", "three", "four", damaged=_NO_MESSAGE),
    operations=(save("a", "five"), archive("a"), save("a", "six")),
)

WHOLE_DAMAGED = Scenario(
    name="repair-damaged-whole",
    about="what takes the place of two files is damaged in part; they are there still, and have it "
    "all",
    promises=(DAMAGE, DURABLE, ATOMIC, TIDY),
    base=left(
        active=line("second"), archived=line("first"), whole=line("first") + _NO_MESSAGE + b"\n"
    ),
    start=holding("first", "second", archived=True, damaged=_NO_MESSAGE),
    operations=(save("a", "third"),),
)

WHOLE_EMPTY = Scenario(
    name="repair-empty-whole",
    about="what takes the place of two files holds no line: it takes none, and goes",
    promises=(DAMAGE, DURABLE, ATOMIC, TIDY),
    base=left(active=line("two"), archived=line("one"), whole=_NO_MESSAGE),
    start=holding("one", "two", damaged=_NO_MESSAGE),
    operations=(archive("a"),),
)

EMPTY_FILE = Scenario(
    name="repair-empty-file",
    about="the first save after archiving had made the file and no more: it never happened",
    promises=(ATOMIC, DURABLE),
    base=left(active=b"", archived=line("one")),
    start=holding("one", archived=True),
    operations=(
        archive("a"),
        save("a", "two"),
        delete("a"),
        save("a", "new"),
        archive("a"),
    ),
)

FIRST_TORN = Scenario(
    name="repair-first-save",
    about="the first save of all was cut short: there is no session, until one is begun",
    promises=(ATOMIC, TORN_TAIL, DURABLE),
    base=left(active=_PART),
    start={"must_keep": [repr(_PART)]},
    operations=(
        archive("a"),
        save("a", "one"),
        archive("a"),
        delete("a"),
        save("a", "new"),
        delete("a"),
    ),
)
