"""Subjects that are programs: the driver `drivers/values.py`, right and wrong in many ways."""

import sys
from pathlib import Path

from hypothesis import strategies as st

from tornwrite import KeyValue, program_subject
from tornwrite.model.operation import Operation
from tornwrite.scenarios.subject import Scenario, Subject

DRIVER = Path(__file__).parent / "drivers" / "values.py"

OPERATIONS = {
    "put": {"key": st.sampled_from("abcdef"), "value": st.text("xyz", max_size=9)},
    "delete": {"key": st.sampled_from("abcdef")},
}


def put(key: str, value: str) -> Operation:
    return Operation("put", {"key": key, "value": value})


PUT = Scenario(
    name="put-twice",
    about="a value, and another one in its place",
    promises=(),
    operations=(put("a", "first"), put("a", "second")),
)
REOPENED = Scenario(
    name="reopened",
    about="values before and after a new start",
    promises=(),
    operations=(put("a", "first"), Operation("reopen"), put("b", "other")),
)


def values(*words: str, timeout_s: float = 10.0, env: dict[str, str] | None = None) -> Subject:
    """A store of values whose driver is given these words."""
    return program_subject(
        [sys.executable, "-I", "-S", str(DRIVER), *words],
        KeyValue(),
        OPERATIONS,
        about="values, one file a key",
        timeout_s=timeout_s,
        env=env,
        scenarios=(PUT, REOPENED),
    )


right = values()
warm = values("warm")
no_sync = values("warm", "no-sync")
answers_first = values("warm", "answers-first")


def group_commit(word: str) -> Subject:
    """A store whose writers share syncs, in the way that the word says."""
    driver = DRIVER.with_name("group_commit.py")
    return program_subject(
        [sys.executable, "-I", "-S", str(driver), word],
        KeyValue(delete=None),
        {"put": OPERATIONS["put"]},
        about="values in a log, synced by a thread",
        scenarios=(PUT,),
    )


commit_that_joins = group_commit("joins")
commit_that_waits = group_commit("waits")
