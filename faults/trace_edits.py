"""A trace with some of its events left out or replaced, and all else as it was.

A barrier says how many of the steps before it came while it was under way; it goes on to mean the
same ones when there are more or fewer of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tornwrite.faults.steps import Fsync, SyncAll, Write
from tornwrite.faults.trace import Event, Stepped, Trace


def edited(trace: Trace, instead: Mapping[int, Sequence[Event]]) -> Trace:
    """The trace with other events at these positions among its events, any number of them.

    The position after the last event is for what comes behind them all.
    """
    events: list[Event] = []
    before: list[int] = []
    """For each step of the trace, how many there are before it now."""
    steps = 0
    for at, event in enumerate(trace.events):
        if isinstance(event, Stepped):
            before.append(steps)
        new = instead[at] if at in instead else (_shifted(event, before),)
        steps += sum(isinstance(one, Stepped) for one in new)
        events += new
    return replace(trace, events=(*events, *instead.get(len(trace.events), ())))


def _shifted(event: Event, before: Sequence[int]) -> Event:
    match event:
        case Stepped(Fsync() | SyncAll() | Write() as step) if step.during:
            first = max(len(before) - 1 - step.during, 0)
            return replace(event, step=replace(step, during=before[-1] - before[first]))
        case _:
            return event
