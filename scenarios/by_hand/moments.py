"""What was acknowledged at each moment of a recording made by hand."""

from collections.abc import Mapping
from dataclasses import dataclass

from tornwrite.faults.epochs import epochs
from tornwrite.faults.trace import Acknowledged, Began, Trace

BODY = 0
"""The number of the operation that the whole recording is."""

MARK: Mapping[str, bool] = {"mark": True}
"""The arguments of an operation that only says that something is acknowledged now."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Operations by name, in the order of their end and of their beginning, and whether the whole
    recording was over.
    """

    acknowledged: tuple[str, ...]
    in_flight: tuple[str, ...]
    finished: bool


def moments(trace: Trace) -> list[Moment]:
    """The moment that each epoch of the trace is. What failed is neither acknowledged nor under way
    any more; a mark is never under way.
    """
    names = {event.number: event.name for event in trace.events if isinstance(event, Began)}
    marks = {
        event.number
        for event in trace.events
        if isinstance(event, Began) and event.arguments == MARK
    }
    kept = {event.number for event in trace.events if isinstance(event, Acknowledged)}
    return [
        Moment(
            tuple(names[one] for one in epoch.ended if one in kept and one != BODY),
            tuple(names[one] for one in epoch.in_flight if one not in marks and one != BODY),
            BODY in epoch.ended and BODY in kept,
        )
        for epoch in epochs(trace)
    ]
