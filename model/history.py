"""What may come back at each point of a run, as a model and the order of events have it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from tornwrite.model.judge import Model, Permitted, identity_of
from tornwrite.model.operation import Operation, canonical

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Way(Generic[S]):
    """One way the run can have gone.

    done: which operations in flight are in the state.
    """

    state: S
    done: frozenset[int] = frozenset()


MOST_WAYS = 256
"""How many ways in which operations may have overlapped a history follows."""

_MOST_REMEMBERED = 16
"""How many of them it remembers of each acknowledgement: the past only helps to explain."""


class History(Generic[S]):
    """Follows a run and knows at each point what may come back.

    Operations that overlap may have happened in any order that is consistent with real time: what
    was acknowledged happened between its beginning and its end, what is in flight may have. Where
    there are very many orders only some are followed (MOST_WAYS): what is permitted then is, but
    not all that may come back is among it (`Permitted.also`).

    start: the state before the first operation.
    """

    def __init__(self, model: Model[S], start: S) -> None:
        self._model = model
        self._identity = identity_of(model)
        self._ways: list[Way[S]] = [Way(start)]
        self._past: list[S] = [start]
        self._in_flight: dict[int, Operation] = {}
        self._finished: set[int] = set()

    def began(self, number: int, operation: Operation) -> None:
        self._in_flight[number] = operation

    def finished(self, number: int) -> None:
        """It does nothing more, though it has not returned: what begins now comes after it."""
        without = [way for way in self._reachable() if number not in way.done]
        half = max(MOST_WAYS // 2, 1)
        self._ways = [*self._with(number)[:half], *without[:half]]
        self._finished.add(number)

    def acknowledged(
        self, number: int, *, binds: Callable[[frozenset[int]], bool] = lambda done: True
    ) -> None:
        """The operation's promise binds from here.

        binds: whether it does if, of the operations in flight, these have happened; otherwise it
            may have changed nothing.
        """
        ways = self._with(number)
        ways += (w for w in self._reachable() if number not in w.done and not binds(w.done))
        self._ways = self._distinct(Way(way.state, way.done - {number}) for way in ways)
        self._forget(number)
        self._past += [way.state for way in self._ways[:_MOST_REMEMBERED]]

    def failed(self, number: int, *, in_doubt: bool = False) -> None:
        """The operation raised: it has changed nothing that a reader can see.

        But what is not atomic may have been done in part. in_doubt: it may have happened, for good.
        """
        operation = self._in_flight[number]
        ways = self._reachable() if in_doubt else self._ways
        left = [way for way in ways if number not in way.done]
        for way in left[:]:
            left += (Way(s, way.done) for s in self._model.between(way.state, operation))
        if in_doubt:
            left += (Way(way.state, way.done - {number}) for way in ways if number in way.done)
        self._ways = self._distinct(left)
        self._forget(number)

    def killed(self) -> None:
        """Whatever was in flight may or may not have happened, for good."""
        self._ways = self._distinct(Way(state) for state in self._possible())
        self._past += [way.state for way in self._ways]
        self._in_flight.clear()
        self._finished.clear()

    def became(self, state: S, *, durable: bool = True) -> None:
        """A crash left the subject in this state, durably or not; the run goes on from there."""
        self._ways = [Way(state)]
        self._past.append(state)
        self._in_flight.clear()
        self._finished.clear()

    def permitted(self) -> Permitted[S]:
        """What may come back if the world stops now."""
        states: dict[bytes, S] = {}
        alike: dict[bytes, S] = {}
        for state in self._possible():
            states.setdefault(canonical(self._model.view(state)), state)
            alike.setdefault(self._identity(state), state)
        if not states:  # none of the ways that were followed was the right one
            return Permitted((self._past[-1],), tuple(self._past), frozenset())
        return Permitted(
            tuple(states.values()),
            tuple(self._past),
            frozenset(states),
            alike=tuple(alike.values()),
        )

    def _possible(self) -> Iterator[S]:
        """The states that the world can be in, half-way ones too."""
        for way in self._reachable():
            yield way.state
            for number, operation in self._in_flight.items():
                if number not in way.done:
                    yield from self._model.between(way.state, operation)

    def _reachable(self) -> list[Way[S]]:
        """The ways the run can have gone by now: any operations in flight done, in any order."""
        found = list(self._ways)
        for way in found:
            if len(found) > MOST_WAYS:
                break
            found += self._one_more(way, self._in_flight)
        return self._distinct(found)

    def _with(self, number: int) -> list[Way[S]]:
        """Those with this operation done."""
        found = [way for way in self._reachable() if number in way.done]
        # None when there are so many ways without it that none of these was reached.
        return found or [more for way in self._ways for more in self._one_more(way, (number,))]

    def _one_more(self, way: Way[S], numbers: Iterable[int]) -> Iterator[Way[S]]:
        """The ways from this one by one of these operations; what has finished is done or not."""
        for number in numbers:
            if number not in way.done and number not in self._finished:
                state = self._model.step(way.state, self._in_flight[number])
                yield Way(state, way.done | {number})

    def _forget(self, number: int) -> None:
        del self._in_flight[number]
        self._finished.discard(number)

    def _distinct(self, ways: Iterable[Way[S]]) -> list[Way[S]]:
        found: dict[tuple[bytes, frozenset[int]], Way[S]] = {}
        for way in ways:
            found.setdefault((self._identity(way.state), way.done), way)
        return list(found.values())
