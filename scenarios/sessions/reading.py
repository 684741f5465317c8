"""Reading: what is there is told as it is, or not at all."""

from tornwrite.model.promises import DURABLE, ERRORS
from tornwrite.scenarios.sessions.on_disk import holding, left, line
from tornwrite.scenarios.sessions.operations import LIST, read, read_summary
from tornwrite.scenarios.subject import Scenario

READING = Scenario(
    name="reading",
    about="a session is read, and the sessions are listed",
    promises=(DURABLE, ERRORS),
    base=left(line("one") + line("two")),
    start=holding("one", "two"),
    operations=(read("chat:1"), LIST, read_summary("chat:1")),
)
