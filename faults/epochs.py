"""Epochs: the stretches of a trace within which the same promises are in force.

A crash point is a number of steps done. An operation's beginning opens an epoch in which it is in
flight, its acknowledgement (or its error) one in which it is not. Several crash points share an
epoch, and a point at which an operation ends belongs to the epoch before and to the one after.
"""

from dataclasses import dataclass

from tornwrite.faults.trace import Acknowledged, Began, Failed, Restarted, Stepped, Trace


@dataclass(frozen=True, slots=True)
class Epoch:
    """Crash points `first` to `last` (steps done, both included).

    ended: the operations that had returned by then, in order. in_flight: those that had not, in the
    order of their beginning: the process that a kill ended leaves its operation there for good.
    """

    number: int
    first: int
    last: int
    ended: tuple[int, ...]
    in_flight: tuple[int, ...]


def epochs(trace: Trace) -> list[Epoch]:
    """The epochs of the trace, in order; together they cover every crash point."""
    found: list[Epoch] = []
    ended: list[int] = []
    in_flight: list[int] = []
    first = steps = 0

    def close() -> None:
        found.append(Epoch(len(found), first, steps, tuple(ended), tuple(in_flight)))

    for event in trace.events:
        match event:
            case Stepped():
                steps += 1
                continue
            case Began(number):
                close()
                in_flight.append(number)
            case Acknowledged(number) | Failed(number):
                close()
                in_flight.remove(number)
                ended.append(number)
            case Restarted():
                close()
        first = steps
    close()
    return found
