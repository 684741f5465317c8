"""From a trace to what may come back: which operations bind, and which may have happened or not.

An operation leaves nothing on the disk before its first step, so until then nothing of it is looked
for. That keeps the ways few in which operations that overlap can have gone: where a store locks,
the steps of one come after those of the other. It is the quick answer. Where it says no, all orders
consistent with real time are tried (`tornwrite.model.linearise`), for a store may well have one
operation's steps write what another one brought.

An operation that failed has changed nothing that a reader sees. What it did to the disk before that
may still come up after a power loss (`Failures`), until a later operation about the same thing is
acknowledged: whoever says that this one is durable cannot leave the other to chance.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from tornwrite.faults.steps import Fsync, Step, SyncAll, Write
from tornwrite.faults.trace import (
    Acknowledged,
    Began,
    Event,
    Failed,
    Restarted,
    Stepped,
    Trace,
)
from tornwrite.model.history import History
from tornwrite.model.judge import Model, Permitted
from tornwrite.model.linearise import Call, Linearisation
from tornwrite.model.operation import REFUSED, Operation
from tornwrite.model.unsynced import history_of
from tornwrite.scenarios.promised import tell
from tornwrite.scenarios.subject import Scenario, Subject


@dataclass(frozen=True, slots=True)
class Failures:
    """What is to be known of the operations that failed in a run, by number.

    not_undone: those that said that their change could not be undone, and whether it was to be
    seen. power: the power may fail, so what the others did to the disk may come up. came_up: the
    state in which the subject was after an opening that met errors and did not fail for them.
    """

    not_undone: Mapping[int, bool] = field(default_factory=dict)
    power: bool = False
    came_up: Mapping[int, Any] = field(default_factory=dict)


def permitted_by_epoch(
    subject: Subject,
    scenario: Scenario,
    trace: Trace,
    wanted: frozenset[int] | None = None,
    failures: Failures | None = None,
) -> dict[int, Permitted[Any]]:
    """What may come back in each epoch of the trace, or in those that are wanted.

    failures: what is to be known of operations that failed; without, they have changed nothing.
    """
    model = subject.model
    start = model.state_of(scenario.start)
    told = _Told(history_of(model, start), trace, model, failures or Failures())
    permitted: dict[int, Permitted[Any]] = {}

    def note(number: int, until: int) -> None:
        if wanted is None or number in wanted:
            also = _search(model, start, trace, until)
            permitted[number] = _or_also(told.history.permitted(), also)

    number = 0
    for at, event in enumerate(trace.events):
        if not isinstance(event, Stepped):
            note(number, at)
            number += 1
            if wanted is not None and len(permitted) == len(wanted):
                return permitted  # what comes after the last of them does not concern it
        told.tell(event)
    note(number, len(trace.events))
    return permitted


class _Told:
    """A history that hears of an operation at its first step, or when it returns without one.

    And when the last of its steps is done, which may be long before it returns.
    """

    def __init__(
        self, history: History[Any], trace: Trace, model: Model[Any], failures: Failures
    ) -> None:
        self.history = history
        self._waiting: dict[int, Began] = {}
        self._failures = failures
        self._doubts = _Doubts(model, trace)
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
            case Acknowledged(number, result) if number in self._waiting and result == REFUSED:
                del self._waiting[number]
                return
            case Acknowledged(number) if number in self._waiting:
                tell(self.history, self._waiting.pop(number))
                # It did not touch the disk: it answered to what was to be seen.
                self.history.acknowledged(number, binds=self._is_as_shown)
                self._came_up(number)
                return
            case Failed(number) if number in self._waiting:
                del self._waiting[number]
                return
            case Failed(number) if self._failures.power:
                self.history.finished(number)
                self._doubts.open.add(number)
                return
            case Failed(number) if number in self._failures.not_undone:
                self.history.failed(number, in_doubt=True)
                return
            case Restarted():
                self._waiting.clear()
                self._doubts.open.clear()
            case _:
                pass
        tell(self.history, event)
        if isinstance(event, Acknowledged):
            for number in self._doubts.settled_by(event.number):
                # What it goes on from is what was to be seen.
                if self._failures.not_undone.get(number):
                    self.history.acknowledged(number)
                else:
                    self.history.failed(number)
            self._came_up(event.number)
        if isinstance(event, Stepped) and event.operation is not None:
            self._left[event.operation] -= 1
            if not self._left[event.operation]:
                self.history.finished(event.operation)

    def _is_as_shown(self, done: frozenset[int]) -> bool:
        """Whether of the operations in doubt those were done whose change was to be seen."""
        shown = self._failures.not_undone
        return all((number in done) == shown.get(number, False) for number in self._doubts.open)

    def _came_up(self, number: int) -> None:
        if number in self._failures.came_up:
            self.history.became(self._failures.came_up[number], durable=False)
            self._doubts.open.clear()


class _Doubts:
    """Operations that failed, and whose steps may still come up after a power loss."""

    def __init__(self, model: Model[Any], trace: Trace) -> None:
        self._model = model
        self.open: set[int] = set()
        self._operations = {
            event.number: Operation(event.name, event.arguments)
            for event in trace.events
            if isinstance(event, Began)
        }
        self._synced = {
            event.operation
            for event in trace.events
            if isinstance(event, Stepped) and _makes_durable(event.step)
        }

    def settled_by(self, number: int) -> list[int]:
        """Those that are out now that this one was acknowledged."""
        if number not in self._synced:
            return []  # it made nothing durable, this one not and no other
        about = self._about(number)
        settled = sorted(one for one in self.open if about & self._about(one))
        self.open.difference_update(settled)
        return settled

    def _about(self, number: int) -> set[str]:
        """The names that it is about; itself where it is about no one thing."""
        operation = self._operations[number]
        return set(self._model.names([operation])) or {f"({operation.name})"}


def _or_also(permitted: Permitted[Any], also: Callable[[bytes], bool]) -> Permitted[Any]:
    """The same, whatever crash comes, and what another order explains."""
    after = (permitted.power_lost, permitted.killed)
    power_lost, killed = (one and replace(one, also=also) for one in after)
    return replace(permitted, also=also, power_lost=power_lost, killed=killed)


def _makes_durable(step: Step) -> bool:
    return isinstance(step, Fsync | SyncAll) or (isinstance(step, Write) and step.sync)


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

    Those that failed or were refused are left out: they have changed nothing.
    """
    calls: dict[int, Call] = {}
    for at, event in enumerate(events):
        match event:
            case Began(number, name, arguments):
                calls[number] = Call(Operation(name, arguments), at)
            case Acknowledged(number, result) if result == REFUSED:
                del calls[number]
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
