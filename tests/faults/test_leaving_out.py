"""Files left out of a trace, and what is said of a trace with mapped files."""

from typing import Any

import pytest

from tornwrite.faults.images import Image
from tornwrite.faults.interpreter import Interpreter
from tornwrite.faults.leaving_out import without_files
from tornwrite.faults.limits import limits_of
from tornwrite.faults.steps import (
    Close,
    Exchange,
    FailedSync,
    Fsync,
    Link,
    Mkdir,
    Open,
    OpenUnnamed,
    Rename,
    SetSize,
    Step,
    Store,
    Symlink,
    Unlink,
    Write,
)
from tornwrite.faults.trace import Acknowledged, Began, Event, Stepped, Trace

SHM = ["*-shm"]


def trace_of(*steps: Step, base: Image = ()) -> Trace:
    return Trace(base, tuple(Stepped(step) for step in steps))


def test_all_that_is_done_to_such_a_file_goes_and_nothing_else() -> None:
    kept: list[Step] = [Open(1, "d/db", create=True), Write(1, 0, b"x"), Fsync(1), Fsync("d")]
    gone: list[Step] = [
        Open(2, "d/db-shm", create=True),
        SetSize(2, 10),
        Write(2, 0, b"a"),
        Store(2, 1, b"b"),
        Fsync(2),
        Fsync("d/db-shm"),
        FailedSync(2),
        Rename("d/db-shm", "d/other-shm"),
        Link("d/other-shm", "d/db-shm"),
        Exchange("d/other-shm", "d/db-shm"),
        Link(2, "d/third-shm"),
        Close(2),
        Unlink("d/db-shm"),
        Symlink("d/x-shm", "db"),
    ]
    began: list[Event] = [Began(0, "put", {}), Stepped(Mkdir("d")), Acknowledged(0)]
    both = [step for pair in zip(gone, [*kept, *gone[4:]], strict=True) for step in pair]
    trace = Trace((("old-shm", b"x"),), (*began, *(Stepped(step) for step in both)))
    left = without_files(trace, SHM)
    assert left.base == ()
    assert left.events[:3] == tuple(began)
    assert left.steps == [Mkdir("d"), *kept]
    seen = Interpreter(left.base)
    for index, step in enumerate(left.steps):
        seen.apply(index, step)
    assert seen.image() == (("d", None), ("d/db", b"x"))


def test_a_directory_is_no_file_and_stays() -> None:
    trace = trace_of(Mkdir("a-shm"), base=(("b-shm", None),))
    assert without_files(trace, SHM) == trace


@pytest.mark.parametrize(
    "step",
    [
        Rename("a-shm", "a"),
        Rename("a", "a-shm"),
        Link("a-shm", "b"),
        Exchange("a", "a-shm"),
        Link(1, "b-shm"),
    ],
)
def test_a_file_that_is_left_out_cannot_come_back_under_another_name(step: Any) -> None:
    with pytest.raises(ValueError, match="only one of them is left out"):
        without_files(trace_of(OpenUnnamed(1, ""), step), SHM)


def test_a_file_with_stores_is_named_once() -> None:
    stored = trace_of(Open(1, "a"), Open(2, "b"), Store(1, 0, b"x"), Store(1, 0, b"y"), Close(1))
    (said,) = limits_of(stored)
    assert said.startswith("stores to a, mapped to memory: those between two calls are taken")
    assert list(limits_of(trace_of(Open(1, "a"), Write(1, 0, b"x")))) == []
