"""Reopening: what one process left, the next one finds, between any two operations."""

from tornwrite.model.promises import ATOMIC, DURABLE, RECONCILED
from tornwrite.scenarios.sessions.operations import REOPEN, add, compact, summary, truncate
from tornwrite.scenarios.subject import Scenario

REOPENING = Scenario(
    name="reopen",
    about="every kind of write, with a new process after each",
    promises=(DURABLE, ATOMIC, RECONCILED),
    operations=(
        add("chat:1", "one"),
        REOPEN,
        add("chat:1", "two"),
        summary("chat:1", "counting"),
        REOPEN,
        truncate("chat:1", 1),
        REOPEN,
        compact("chat:1"),
        REOPEN,
        add("chat:1", "three"),
    ),
)
