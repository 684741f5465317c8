"""Summarising: what an agent does when its context is full."""

from tornwrite.model.promises import ATOMIC, DURABLE, RECONCILED, TIDY
from tornwrite.scenarios.sessions.operations import add, compact, summary, truncate
from tornwrite.scenarios.subject import Scenario

SUMMARISE = Scenario(
    name="summarise",
    about="summary, then truncation, then compaction, with a message between them",
    promises=(DURABLE, ATOMIC, RECONCILED, TIDY),
    operations=(
        add("chat:1", "question"),
        add("chat:1", "answer", role="assistant"),
        add("chat:1", "thanks"),
        summary("chat:1", "question and answer"),
        add("chat:1", "one more"),
        truncate("chat:1", 2),
        compact("chat:1"),
        add("chat:1", "go on"),
    ),
)
