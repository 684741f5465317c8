"""Deleting: all of a session goes, whichever files it lies in, and nothing of it comes back."""

from tornwrite.model.promises import ATOMIC, DURABLE, LISTED, TIDY
from tornwrite.scenarios.archive.operations import REOPEN, archive, delete, save
from tornwrite.scenarios.subject import Scenario

DELETE = Scenario(
    name="delete",
    about="a session is deleted, twice, and begun again",
    promises=(DURABLE, ATOMIC, LISTED),
    operations=(save("a", "old"), delete("a"), REOPEN, delete("a"), save("a", "new")),
)

DELETE_ARCHIVED = Scenario(
    name="delete-archived",
    about="an archived session is deleted by a new process, begun again and archived again",
    promises=(DURABLE, ATOMIC, LISTED),
    operations=(
        save("a", "old"),
        archive("a"),
        REOPEN,
        delete("a"),
        save("a", "new"),
        archive("a"),
    ),
)

DELETE_BOTH = Scenario(
    name="delete-both",
    about="a session of which only a part was archived is deleted and begun again",
    promises=(DURABLE, ATOMIC, TIDY),
    operations=(
        save("a", "archived"),
        archive("a"),
        save("a", "since"),
        delete("a"),
        save("a", "new"),
        archive("a"),
    ),
)
