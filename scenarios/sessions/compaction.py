"""Compaction: the data file is rewritten, and nobody may notice."""

from tornwrite.model.promises import ATOMIC, DURABLE, RECONCILED, TIDY
from tornwrite.scenarios.sessions.operations import add, compact, truncate
from tornwrite.scenarios.subject import Scenario

COMPACT = Scenario(
    name="compact",
    about="truncate, compact, go on, and the same once more down to nothing",
    promises=(DURABLE, ATOMIC, RECONCILED, TIDY),
    operations=(
        *(add("chat:1", f"turn {number}") for number in range(4)),
        truncate("chat:1", 3),
        compact("chat:1"),
        add("chat:1", "turn 4"),
        truncate("chat:1", 0),
        compact("chat:1"),
        add("chat:1", "turn 5"),
    ),
)
