"""Replacing a history: two files change, and the order in which they do must not show."""

from tornwrite.model.promises import ATOMIC, DURABLE, RECONCILED, TIDY
from tornwrite.scenarios.sessions.operations import add, replace, truncate
from tornwrite.scenarios.subject import Scenario

REPLACE = Scenario(
    name="replace",
    about="replace a new, a truncated and a replaced history, with as many messages, fewer, more",
    promises=(DURABLE, ATOMIC, RECONCILED, TIDY),
    operations=(
        replace("chat:1", "a", "b", "c"),
        truncate("chat:1", 1),
        replace("chat:1", "d", "e", "f"),
        add("chat:1", "g"),
        truncate("chat:1", 2),
        replace("chat:1", "x"),
        add("chat:1", "y"),
    ),
)
