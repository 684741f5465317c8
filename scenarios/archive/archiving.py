"""Archiving: a session is put aside and gone on with, and stays one history."""

from tornwrite.model.promises import ATOMIC, DURABLE, LISTED, TIDY
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

ARCHIVE = Scenario(
    name="archive",
    about="a session is archived, and again by a new process",
    promises=(DURABLE, ATOMIC, LISTED),
    operations=(save("a", "one"), save("a", "two"), archive("a"), REOPEN, archive("a")),
)

GO_ON = Scenario(
    name="archive-save",
    about="an archived session is gone on with: what was archived stays part of it",
    promises=(DURABLE, ATOMIC, LISTED),
    operations=(save("a", "one"), archive("a"), save("a", "two"), REOPEN, save("a", "three")),
)

AGAIN = Scenario(
    name="archive-again",
    about="a session is archived, gone on with, archived again, and once more",
    promises=(DURABLE, ATOMIC, LISTED, TIDY),
    operations=(
        save("a", "one"),
        archive("a"),
        save("a", "two"),
        archive("a"),
        save("a", "three"),
        archive("a"),
    ),
)

BOTH_FILES = Scenario(
    name="both-files",
    about="an earlier program left an archived and an active file; they are one history",
    promises=(DURABLE, ATOMIC, TIDY),
    base=left(active=line("three"), archived=line("one") + line("two")),
    start=holding("one", "two", "three"),
    operations=(
        save("a", "four"),
        archive("a"),
        REOPEN,
        save("a", "five"),
        delete("a"),
        save("a", "new"),
        archive("a"),
    ),
)
