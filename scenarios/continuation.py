"""Traces that go on after a kill: what had happened by then, and what a new process did next.

The page cache outlives the process, so the trace stays one: the steps of the dead process, the
closing of its files by the kernel, `Restarted`, and the steps of the next one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tornwrite.faults.states import CrashState
from tornwrite.faults.steps import Close, Handle, Open, OpenUnnamed, Write
from tornwrite.faults.steps import renumbered as moved_handle
from tornwrite.faults.trace import (
    Acknowledged,
    Began,
    Event,
    Failed,
    Restarted,
    Stepped,
    Trace,
)


@dataclass(frozen=True, slots=True)
class Numbers:
    """How many handles and operations there were before: a recorder begins anew with each process.

    handle: the number that goes onto each handle of the next process; operation: onto each of its
    operations.
    """

    handle: Handle
    operation: int


def numbers_after(events: Sequence[Event]) -> Numbers:
    """What the numbers of a process that comes after these events have to be raised by."""
    opened = [
        event.step.handle
        for event in events
        if isinstance(event, Stepped) and isinstance(event.step, Open | OpenUnnamed)
    ]
    return Numbers(1 + max(opened, default=0), sum(isinstance(event, Began) for event in events))


def boundaries(events: Sequence[Event]) -> int:
    """How many of the events end an epoch."""
    return sum(not isinstance(event, Stepped) for event in events)


def until(trace: Trace, state: CrashState) -> list[Event]:
    """The events that had happened when a kill left this state; a write under way is cut."""
    kept: list[Event] = []
    steps = ended = 0
    for event in trace.events:
        if isinstance(event, Stepped):
            if steps == state.point:
                if state.cut is not None and isinstance(event.step, Write):
                    # The barrier of an O_SYNC write comes after its last byte.
                    cut = replace(event.step, data=event.step.data[: state.cut], sync=False)
                    kept.append(replace(event, step=cut))
                return kept
            steps += 1
        elif ended == state.epoch:
            return kept
        else:
            ended += 1
        kept.append(event)
    return kept


def closings(events: Sequence[Event]) -> list[Event]:
    """The kernel closes what a dead process had open."""
    opened: dict[int, None] = {}
    for event in events:
        match event:
            case Stepped(Open(handle) | OpenUnnamed(handle)):
                opened[handle] = None
            case Stepped(Close(handle)):
                opened.pop(handle, None)
            case _:
                pass
    return [Stepped(Close(handle)) for handle in opened]


def renumbered(event: Event, before: Numbers) -> Event:
    """The event of a later process, in a trace that had these numbers before."""
    match event:
        case Stepped(step, sites, operation):
            number = None if operation is None else operation + before.operation
            moved = moved_handle(step, lambda handle: handle + before.handle)
            return Stepped(moved, sites, number)
        case Began() | Acknowledged() | Failed():
            return replace(event, number=event.number + before.operation)
        case Restarted():
            return event
