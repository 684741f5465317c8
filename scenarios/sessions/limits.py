"""What a session may hold when it is opened: a stale count, and lines of any length."""

from tornwrite.faults.images import Image
from tornwrite.model.operation import Operation
from tornwrite.model.promises import ATOMIC, DURABLE, READ_BACK, RECONCILED
from tornwrite.scenarios.sessions.on_disk import holding, left, line
from tornwrite.scenarios.sessions.operations import add, truncate
from tornwrite.scenarios.subject import Scenario

STALE_COUNT = Scenario(
    name="stale-count",
    about="a process was killed between a message and its count; the history is truncated",
    promises=(RECONCILED, DURABLE, ATOMIC),
    base=left(line("one") + line("two") + line("three"), count=2),
    start=holding("one", "two", "three"),
    operations=(truncate("chat:1", 2), add("chat:1", "four"), truncate("chat:1", 1)),
)


def long_line(name: str, size_bytes: int) -> Scenario:
    """The history is read, which holds a message of that size."""
    text = "x" * size_bytes
    base: Image = left(line("before") + line(text) + line("after"), count=3)
    return Scenario(
        name=name,
        about=f"a message of {size_bytes:,} bytes is in the session, with others around it",
        promises=(READ_BACK, DURABLE),
        base=base,
        start=holding("before", text, "after"),
        operations=(Operation("get_history", {"key": "chat:1"}),),
    )


LINE_OF_2_MB = long_line("line-of-2-mb", 2_000_000)
