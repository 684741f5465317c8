"""Truncation: messages go logically, and must stay gone."""

from tornwrite.model.promises import ATOMIC, DURABLE, RECONCILED
from tornwrite.scenarios.sessions.operations import add, truncate
from tornwrite.scenarios.subject import Scenario

TRUNCATE = Scenario(
    name="truncate",
    about="keep the last two, add, keep none, add",
    promises=(DURABLE, ATOMIC, RECONCILED),
    operations=(
        *(add("chat:1", f"turn {number}") for number in range(4)),
        truncate("chat:1", 2),
        add("chat:1", "turn 4"),
        truncate("chat:1", 0),
        add("chat:1", "turn 5"),
    ),
)
