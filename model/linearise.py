"""Is there an order of the calls that explains what was seen? (Herlihy and Wing, 1990.)

Calls that overlap may have taken effect in any order; a call that returned before another began
came first. The search tries orders one call at a time and never the same situation twice (Wing and
Gong, 1993, with the memory of Lowe, 2017). What a model foresees (`Foresees`) keeps it short: ten
writers that append need one look at each message.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from tornwrite.model.judge import Model, identity_of
from tornwrite.model.operation import Observation, Operation, canonical

S = TypeVar("S")
C = TypeVar("C", contravariant=True)

MOST_SITUATIONS = 20_000
"""How many situations a search looks at before it gives up."""


class TooManyOrders(Exception):
    """It cannot be told whether an order explains what was seen: there are too many to try."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call and its time, in any unit that orders events.

    ended: when it returned; None if it had not by the time that is looked at. died: when its
    process was killed meanwhile. answer: what it returned, where that counts.
    """

    operation: Operation
    began: int
    ended: int | None = None
    died: int | None = None
    answer: Any = None


@runtime_checkable
class Answers(Protocol[C]):
    """A model may have this too: what calls return."""

    def answer(self, state: C, operation: Operation) -> Any:
        """What the operation returns in that state, as plain data; None where it does not count."""
        ...


@runtime_checkable
class Foresees(Protocol[C]):
    """A model may have this too: which states can no longer become what was seen."""

    def may_become(self, state: C, seen: Observation, left: Sequence[Operation]) -> bool:
        """Whether some of the operations that are left may lead from the state to the view.

        False only where none can.
        """
        ...


class Linearisation(Generic[S]):
    """The calls of a run, and the orders that they can have taken effect in.

    start: the state before the first. calls: in the order in which they began.
    """

    def __init__(self, model: Model[S], start: S, calls: Sequence[Call]) -> None:
        self._model = model
        self._start = start
        self._calls = calls

    def explains(self, seen: Observation, *, answers: bool = True) -> bool:
        """Whether some order of the calls leads to a state with this view.

        Every call that returned is in it, the others may be. With `answers` each of those that
        returned also has to have returned what the model says.

        Raises TooManyOrders when the search gives up.
        """
        return _Search(self._model, self._calls, seen, answers).finds(self._start)


class _Search(Generic[S]):
    def __init__(
        self, model: Model[S], calls: Sequence[Call], seen: Observation, answers: bool
    ) -> None:
        self._model = model
        self._calls = calls
        self._seen = seen
        self._wanted = canonical(seen)
        self._answers = model if answers and isinstance(model, Answers) else None
        self._foresees = model if isinstance(model, Foresees) else None
        self._identity = identity_of(model)
        self._required = frozenset(at for at, call in enumerate(calls) if call.ended is not None)
        # Those that return first go first: a store that locks has mostly done them in that order.
        self._order = sorted(
            range(len(calls)), key=lambda at: (calls[at].ended is None, calls[at].ended or 0)
        )

    def finds(self, start: S) -> bool:
        first = (frozenset[int](), start)
        waiting = [first]
        known = {(first[0], self._identity(start))}
        while waiting:
            done, state = waiting.pop()
            if self._required <= done and canonical(self._model.view(state)) == self._wanted:
                return True
            found: list[tuple[frozenset[int], S]] = []
            for at in self._enabled(done):
                after = self._after(state, at)
                if after is None:
                    continue
                situation = (done | {at}, after)
                key = (situation[0], self._identity(after))
                if key in known or not self._hopeful(*situation):
                    continue
                known.add(key)
                if len(known) > MOST_SITUATIONS:
                    raise TooManyOrders(
                        f"{MOST_SITUATIONS:,} ways in which {len(self._calls)} calls may have "
                        "overlapped do not explain what was seen, and there are more"
                    )
                found.append(situation)
            waiting += reversed(found)
        return False

    def _enabled(self, done: frozenset[int]) -> list[int]:
        """Those that can be next: nothing that is still to come returned before they began."""
        calls = self._calls
        ends = [end for at in self._required - done if (end := calls[at].ended) is not None]
        bound = min(ends, default=None)
        last_began = max((calls[at].began for at in done), default=-1)
        return [
            at
            for at in self._order
            if at not in done
            and (bound is None or calls[at].began <= bound)
            and not (calls[at].died is not None and last_began > (calls[at].died or 0))
        ]

    def _after(self, state: S, at: int) -> S | None:
        call = self._calls[at]
        if self._answers is not None and call.ended is not None:
            said = self._answers.answer(state, call.operation)
            if said is not None and canonical(said) != canonical(call.answer):
                return None
        return self._model.step(state, call.operation)

    def _hopeful(self, done: frozenset[int], state: S) -> bool:
        if self._foresees is None:
            return True
        left = [call.operation for at, call in enumerate(self._calls) if at not in done]
        return self._foresees.may_become(state, self._seen, left)
