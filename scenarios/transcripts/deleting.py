"""Deleting: it means the same whether or not the transcript was opened before."""

from tornwrite.model.promises import ATOMIC, DURABLE, LISTED
from tornwrite.scenarios.subject import Scenario
from tornwrite.scenarios.transcripts.operations import REOPEN, append, append_held, delete, get

DELETE = Scenario(
    name="delete",
    about="a transcript is deleted, twice, and another of its id is made",
    promises=(DURABLE, ATOMIC, LISTED),
    operations=(
        get("a"),
        append("a", "old"),
        delete("a"),
        delete("a"),
        get("a"),
        append("a", "new"),
    ),
)

DELETE_UNOPENED = Scenario(
    name="delete-unopened",
    about="a new process deletes a transcript that it has not opened; another one looks",
    promises=(DURABLE, ATOMIC, LISTED),
    operations=(get("a"), append("a", "old"), REOPEN, delete("a"), REOPEN, get("a")),
)

DELETE_HELD = Scenario(
    name="delete-held",
    about="something is appended to a transcript that was deleted: it does not come back",
    promises=(DURABLE, ATOMIC, LISTED),
    operations=(
        get("a"),
        append_held("a", "old"),
        delete("a"),
        append_held("a", "too late"),
        get("a"),
        append_held("a", "new"),
        append_held("a", "more"),
    ),
)
