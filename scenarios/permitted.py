"""From a trace to what may come back: which operations bind, and which may have happened or not.

An operation leaves nothing on the disk before its first step, so until then nothing of it is looked
for. That keeps the ways few in which operations that overlap can have gone: where a store locks,
the steps of one come after those of the other. It is the quick answer. Where it says no, all orders
consistent with real time are tried (`tornwrite.model.linearise`), for a store may well have one
operation's steps write what another one brought.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson

from tornwrite.faults.trace import (
    Acknowledged,
    Began,
    Event,
    Failed,
    Restarted,
    Stepped,
    Trace,
)
from tornwrite.model.judge import History, Model, Permitted
from tornwrite.model.linearise import Call, Linearisation
from tornwrite.model.operation import Operation
from tornwrite.scenarios.promised import tell
from tornwrite.scenarios.subject import Scenario, Subject


def permitted_by_epoch(
    subject: Subject,
    scenario: Scenario,
    trace: Trace,
    wanted: frozenset[int] | None = None,
) -> dict[int, Permitted[Any]]:
    """What may come back in each epoch of the trace, or in those that are wanted."""
    model = subject.model
    start = model.state_of(scenario.start)
    told = _Told(History(model, start), trace)
    permitted: dict[int, Permitted[Any]] = {}

    def note(number: int, until: int) -> None:
        if wanted is None or number in wanted:
            also = _search(model, start, trace, until)
            permitted[number] = replace(told.history.permitted(), also=also)

    number = 0
    for at, event in enumerate(trace.events):
        if not isinstance(event, Stepped):
            note(number, at)
            number += 1
        told.tell(event)
    note(number, len(trace.events))
    return permitted


class _Told:
    """A history that hears of an operation at its first step, or when it returns without one.

    And when the last of its steps is done, which may be long before it returns.
    """

    def __init__(self, history: History[Any], trace: Trace) -> None:
        self.history = history
        self._waiting: dict[int, Began] = {}
        steps = [event for event in trace.events if isinstance(event, Stepped)]
        # Seen from outside, steps are nobody's.
        self._at_once = bool(steps) and all(step.operation is None for step in steps)
        self._left = Counter(step.operation for step in steps)

    def tell(self, event: Event) -> None:
        match event:
            case Began(number) if not self._at_once:
                self._waiting[number] = event
                return
            case Stepped(_, _, operation) if operation in self._waiting:
                tell(self.history, self._waiting.pop(operation))
            case Acknowledged(number) if number in self._waiting:
                tell(self.history, self._waiting.pop(number))
            case Failed(number) if number in self._waiting:
                del self._waiting[number]
                return
            case Restarted():
                self._waiting.clear()
            case _:
                pass
        tell(self.history, event)
        if isinstance(event, Stepped) and event.operation is not None:
            self._left[event.operation] -= 1
            if not self._left[event.operation]:
                self.history.finished(event.operation)


def _search(model: Model[Any], start: Any, trace: Trace, until: int) -> Callable[[bytes], bool]:
    known: dict[bytes, bool] = {}

    def also(view: bytes) -> bool:
        if view not in known:
            calls = calls_of(trace.events[:until])
            known[view] = Linearisation(model, start, calls).explains(
                orjson.loads(view), answers=False
            )
        return known[view]

    return also


def calls_of(events: tuple[Event, ...]) -> list[Call]:
    """The operations that had begun by the end of these events, and what had become of them.

    Those that failed are left out: they have changed nothing.
    """
    calls: dict[int, Call] = {}
    for at, event in enumerate(events):
        match event:
            case Began(number, name, arguments):
                calls[number] = Call(Operation(name, arguments), at)
            case Acknowledged(number, result):
                calls[number] = replace(calls[number], ended=at, answer=result)
            case Failed(number):
                del calls[number]
            case Restarted():
                for number, call in calls.items():
                    if call.ended is None and call.died is None:
                        calls[number] = replace(call, died=at)
            case Stepped():
                pass
    return list(calls.values())
