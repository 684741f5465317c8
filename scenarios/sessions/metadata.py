"""Writing metadata: the summary of a session, set first and changed later."""

from tornwrite.model.promises import ATOMIC, DURABLE
from tornwrite.scenarios.sessions.operations import add, summary
from tornwrite.scenarios.subject import Scenario

METADATA = Scenario(
    name="metadata",
    about="a summary that is set before there are messages, then changed, then cleared",
    promises=(DURABLE, ATOMIC),
    operations=(
        summary("chat:1", "nothing said yet"),
        add("chat:1", "hello"),
        summary("chat:1", "a greeting"),
        add("chat:1", "bye"),
        summary("chat:1", ""),
    ),
)
