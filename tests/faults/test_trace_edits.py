"""Traces with some events left out or replaced: a barrier goes on to mean the same steps."""

import pytest

from tornwrite.faults.leaving_out import without_files
from tornwrite.faults.state_names import shape
from tornwrite.faults.steps import Close, Fsync, Mkdir, Open, Rename, Step, SyncAll, Unlink, Write
from tornwrite.faults.trace import Acknowledged, Began, Event, Stepped, Trace
from tornwrite.faults.trace_edits import edited
from tornwrite.model.results import MutantKind
from tornwrite.scenarios.mutants import mutants_of


def trace_of(*steps: Step | Event) -> Trace:
    kinds = Began | Acknowledged
    return Trace((), tuple(one if isinstance(one, kinds) else Stepped(one) for one in steps))  # type: ignore[arg-type]


THREE = (Mkdir("a"), Mkdir("b"), Mkdir("c"))


@pytest.mark.parametrize(
    ("at", "instead", "during"),
    [(0, (), 2), (1, (), 1), (2, (), 1), (0, THREE, 2), (1, THREE, 4), (2, THREE, 4), (3, None, 2)],
)
def test_a_barrier_means_the_same_steps_when_there_are_more_or_fewer(
    at: int, instead: tuple[Step, ...] | None, during: int
) -> None:
    trace = trace_of(*THREE, SyncAll(during=2), Fsync("", during=1))
    events = trace.events[at : at + 1] if instead is None else map(Stepped, instead)
    *_, barrier, last = edited(trace, {at: tuple(events)}).steps
    assert barrier == SyncAll(during=during)
    assert last == Fsync("", during=1)


def test_what_is_put_behind_all_events_comes_last() -> None:
    trace = trace_of(*THREE)
    assert edited(trace, {3: (Stepped(Unlink("x")),)}).steps == [*THREE, Unlink("x")]
    assert edited(trace, {}) == trace


def test_operations_among_the_steps_count_for_nothing() -> None:
    events = (Mkdir("a"), Began(0, "put", {}), Mkdir("b"), Acknowledged(0), SyncAll(during=2))
    assert edited(trace_of(*events), {0: ()}).steps[-1] == SyncAll(during=1)


def test_a_file_left_out_is_not_counted_by_a_barrier() -> None:
    trace = trace_of(
        Open(1, "db", create=True),
        Open(2, "db-shm", create=True),
        Write(1, 0, b"x"),
        Write(2, 0, b"y"),
        Fsync(1, during=3),
    )
    assert without_files(trace, ["*-shm"]).steps == [
        Open(1, "db", create=True),
        Write(1, 0, b"x"),
        Fsync(1, during=1),
    ]


MUTATED = trace_of(
    Began(0, "put", {}),
    Open(1, "f.tmp", create=True),
    Write(1, 0, b"x"),
    Fsync(1),
    Rename("f.tmp", "f"),
    Write(1, 1, b"y", sync=True, during=1),
    SyncAll(during=3),
    Close(1),
    Acknowledged(0),
)


def mutated(kind: MutantKind, number: int) -> list[Step]:
    (found,) = [one for one in mutants_of(MUTATED, (kind,)) if one.step == number]
    return found.trace.steps


def test_a_mutant_changes_no_other_barrier() -> None:
    assert mutated(MutantKind.SYNC, 2)[-2] == SyncAll(during=2)
    assert mutated(MutantKind.ORDER, 2)[-3:] == [SyncAll(during=2), Close(1), Fsync("f")]
    assert mutated(MutantKind.RENAME, 3)[-2] == SyncAll(during=7)
    assert mutated(MutantKind.SYNC, 4)[-3:-1] == [Write(1, 1, b"y"), SyncAll(during=3)]
    assert mutated(MutantKind.SYNC, 5)[-2:] == [Write(1, 1, b"y", sync=True, during=1), Close(1)]


def test_the_name_of_a_state_tells_traces_apart_in_which_others_came_meanwhile() -> None:
    names = {shape(trace_of(*THREE, SyncAll(during=during))) for during in range(3)}
    assert len(names) == 3
