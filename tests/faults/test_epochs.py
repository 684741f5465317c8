"""Epochs: within which stretch of a trace which operations have returned and which have not."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornwrite.faults.epochs import Epoch, epochs
from tornwrite.faults.steps import SyncAll
from tornwrite.faults.trace import Acknowledged, Began, Event, Failed, Restarted, Stepped, Trace

STEP = Stepped(SyncAll())


def of(*events: Event) -> list[Epoch]:
    return epochs(Trace((), events))


def test_an_empty_trace_has_one_epoch_with_one_crash_point() -> None:
    assert of() == [Epoch(0, 0, 0, (), ())]


def test_steps_alone_share_one_epoch() -> None:
    assert of(STEP, STEP) == [Epoch(0, 0, 2, (), ())]


@pytest.mark.parametrize("end", [Acknowledged(0), Failed(0, "OSError: full")])
def test_the_point_at_which_an_operation_ends_is_in_the_epoch_before_and_the_one_after(
    end: Event,
) -> None:
    assert of(Began(0, "put", {}), STEP, STEP, end) == [
        Epoch(0, 0, 0, (), ()),
        Epoch(1, 0, 2, (), (0,)),
        Epoch(2, 2, 2, (0,), ()),
    ]


def test_operations_at_once_are_in_flight_in_the_order_of_their_beginning() -> None:
    found = of(Began(0, "a", {}), Began(1, "b", {}), STEP, Acknowledged(1), STEP, Acknowledged(0))
    assert [(epoch.ended, epoch.in_flight) for epoch in found] == [
        ((), ()),
        ((), (0,)),
        ((), (0, 1)),
        ((1,), (0,)),
        ((1, 0), ()),
    ]


def test_a_killed_process_leaves_its_operation_in_flight_for_good() -> None:
    found = of(Began(0, "a", {}), STEP, Restarted(), Began(1, "b", {}), Acknowledged(1), STEP)
    assert [epoch.in_flight for epoch in found] == [(), (0,), (0,), (0, 1), (0,)]
    assert found[-1] == Epoch(4, 1, 2, (1,), (0,))


@given(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["acknowledged", "failed"])), max_size=6)
)
def test_epochs_cover_every_crash_point_and_meet_at_their_ends(
    operations: list[tuple[int, str]],
) -> None:
    events: list[Event] = []
    for number, (steps, end) in enumerate(operations):
        events += [Began(number, "put", {}), *[STEP] * steps]
        events.append(Acknowledged(number) if end == "acknowledged" else Failed(number, "x"))
    found = of(*events)
    assert [epoch.number for epoch in found] == list(range(2 * len(operations) + 1))
    assert (found[0].first, found[-1].last) == (0, sum(steps for steps, _ in operations))
    for before, after in pairwise(found):
        assert before.last == after.first
    assert found[-1].ended == tuple(range(len(operations)))
