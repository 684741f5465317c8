"""Subjects that are programs whose calls fail: the driver `drivers/lines.py`, right and wrong."""

import sys
from pathlib import Path

from hypothesis import strategies as st

from tornwrite import AppendLog, program_subject
from tornwrite.model.operation import Operation
from tornwrite.scenarios.subject import Scenario, Subject

DRIVER = Path(__file__).parent / "drivers" / "lines.py"


def append(item: str) -> Operation:
    return Operation("append", {"item": item})


LINES = Scenario(
    name="lines",
    about="a file that is made, and lines that come behind each other in it",
    promises=(),
    operations=(append("one"), append("two"), append("three")),
)


def lines(*words: str, timeout_s: float = 10.0) -> Subject:
    """A log whose driver is given these words."""
    return program_subject(
        [sys.executable, "-I", "-S", str(DRIVER), *words],
        AppendLog(),
        {"append": {"item": st.text("xyz", min_size=1, max_size=5)}},
        about="lines in one file",
        scenarios=(LINES,),
        timeout_s=timeout_s,
    )


def buffered() -> Subject:
    """A log that keeps lines to itself until it is asked to write them, or is closed."""
    flush = Operation("flush", {})
    scenario = Scenario(
        name="buffered",
        about="lines that are written together",
        promises=(),
        operations=(append("one"), append("two"), flush, append("three")),
    )
    return program_subject(
        [sys.executable, "-I", "-S", str(DRIVER), "buffers"],
        AppendLog(durable_after="flush", buffered=True),
        {"append": {"item": st.text("xyz", min_size=1, max_size=5)}, "flush": {}},
        about="lines in one file, written together",
        scenarios=(scenario,),
    )


late = buffered()
right = lines()
aborts = lines("aborts")
trusts = lines("trusts")
swallows = lines("swallows")
ignores = lines("ignores")
syncs_again = lines("syncs-again")
shows = lines("shows")
shows_in_doubt = lines("shows", "in-doubt")
stuck = lines("stuck")
complains = lines("complains")
falls_silent = lines("falls-silent", timeout_s=0.6)
