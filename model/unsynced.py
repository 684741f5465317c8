"""Stores that acknowledge first and make durable later: what a crash may take from them, in order.

A power loss may bring back any state that such a store went through since the last operation that
makes things durable began, and no other: what is there is a prefix of what was done.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Generic, Protocol, TypeVar, runtime_checkable

from tornwrite.model.history import History, Way
from tornwrite.model.judge import Model, Permitted, identity_of
from tornwrite.model.operation import Operation, canonical

S = TypeVar("S")

_CLOSING = ("reopen",)
"""What is closed has handed to the system all that it kept to itself."""


@runtime_checkable
class Postpones(Protocol):
    """A model may have this too: of stores that don't make each change durable at once."""

    @property
    def postponing(self) -> bool:
        """Whether it is one of them."""
        ...

    @property
    def buffered(self) -> bool:
        """Whether a kill takes as much as a power loss, until the store is closed."""
        ...

    def makes_durable(self, operation: Operation) -> bool:
        """Whether all that was acknowledged is durable once this is."""
        ...


def history_of(model: Model[S], start: S) -> History[S]:
    """The history of a store with this model. start: the state before the first operation."""
    if isinstance(model, Postpones) and model.postponing:
        return PostponingHistory(model, start, model)
    return History(model, start)


def left_to_a_kill(
    model: Model[S], older: Sequence[S], before: S, operation: Operation
) -> tuple[S, ...]:
    """The states that a kill may bring back although this operation was acknowledged.

    older: those that it might have brought back until then. before: the state before it.
    """
    if not (isinstance(model, Postpones) and model.postponing and model.buffered):
        return ()
    if operation.name in _CLOSING or model.makes_durable(operation):
        return ()
    return (*older, before)


class PostponingHistory(History[S]):
    """Follows a run of a store that makes durable now and then what it acknowledged.

    postpones: the model once more, as what says when.
    """

    def __init__(self, model: Model[S], start: S, postpones: Postpones) -> None:
        super().__init__(model, start)
        self._flying: dict[int, Operation] = {}
        self._views: dict[bytes, bytes] = {}
        identity = identity_of(model)
        self._lost = _Losable(identity, postpones.makes_durable)
        self._killed: _Losable[S] | None = None
        if postpones.buffered:
            self._killed = _Losable(
                identity, lambda one: one.name in _CLOSING or postpones.makes_durable(one)
            )

    @property
    def _both(self) -> Iterable["_Losable[S]"]:
        return (self._lost,) if self._killed is None else (self._lost, self._killed)

    def began(self, number: int, operation: Operation) -> None:
        super().began(number, operation)
        self._flying[number] = operation
        for losable in self._both:
            losable.began(number)

    def acknowledged(
        self, number: int, *, binds: Callable[[frozenset[int]], bool] = lambda done: True
    ) -> None:
        reached = [*self._reachable(), *self._half_done(number)]
        super().acknowledged(number, binds=binds)
        operation = self._flying.pop(number)
        for losable in self._both:
            losable.acknowledged(number, operation, reached)

    def failed(self, number: int, *, in_doubt: bool = False) -> None:
        super().failed(number, in_doubt=in_doubt)
        self._flying.pop(number, None)
        for losable in self._both:
            losable.failed(number, in_doubt=in_doubt)

    def killed(self) -> None:
        """What was in flight is in doubt; what the process kept to itself is gone, or was not."""
        super().killed()
        if self._killed is not None:
            older = map(Way, self._killed.states().values())
            self._ways = self._distinct([*self._ways, *older])
            self._killed.forget()
        self._lost.killed()
        self._flying.clear()

    def became(self, state: S, *, durable: bool = True) -> None:
        super().became(state, durable=durable)
        self._flying.clear()
        for losable in self._both:
            if durable:
                losable.forget()
            else:
                losable.killed()

    def permitted(self) -> Permitted[S]:
        now = super().permitted()
        killed = None if self._killed is None else self._with_older(now, self._killed)
        return replace(now, power_lost=self._with_older(now, self._lost), killed=killed)

    def _half_done(self, number: int) -> Iterator[Way[S]]:
        operation = self._flying[number]
        for way in self._reachable():
            if number not in way.done:
                for state in self._model.between(way.state, operation):
                    yield Way(state, way.done)

    def _with_older(self, now: Permitted[S], losable: "_Losable[S]") -> Permitted[S]:
        """What is permitted now, and what may be back too."""
        states: dict[bytes, S] = {}
        alike = {self._identity(state): state for state in now.alike}
        for identity, state in losable.states().items():
            alike.setdefault(identity, state)
            states.setdefault(self._view(identity, state), state)
        more = [state for view, state in states.items() if view not in now.views]
        return replace(
            now,
            states=(*now.states, *more),
            views=now.views | frozenset(states),
            alike=tuple(alike.values()),
        )

    def _view(self, identity: bytes, state: S) -> bytes:
        view = self._views.get(identity)
        if view is None:
            view = self._views[identity] = canonical(self._model.view(state))
        return view


class _Losable(Generic[S]):
    """The states that were gone through since all was durable, each with when that was last."""

    def __init__(
        self, identity: Callable[[S], bytes], makes_durable: Callable[[Operation], bool]
    ) -> None:
        self._identity = identity
        self._makes_durable = makes_durable
        self._found: dict[tuple[bytes, frozenset[int]], tuple[S, int]] = {}
        self._began: dict[int, int] = {}
        self._now = 0

    def states(self) -> dict[bytes, S]:
        """Those states, by what tells them apart."""
        return {identity: state for (identity, _), (state, _) in self._found.items()}

    def began(self, number: int) -> None:
        self._now += 1
        self._began[number] = self._now

    def acknowledged(self, number: int, operation: Operation, reached: Iterable[Way[S]]) -> None:
        """reached: the ways the run can have gone until just before."""
        self._now += 1
        began = self._began.pop(number, 0)
        for way in reached:
            self._keep((self._identity(way.state), way.done), way.state, self._now)
        if self._makes_durable(operation):
            for key, (_, when) in list(self._found.items()):
                if when < began or number not in key[1]:
                    del self._found[key]
        self._without(number)

    def failed(self, number: int, *, in_doubt: bool) -> None:
        self._began.pop(number, None)
        if not in_doubt:
            for key in [key for key in self._found if number in key[1]]:
                del self._found[key]
        self._without(number)

    def killed(self) -> None:
        """Nothing is in flight any more, and nothing is durable that was not."""
        self._began.clear()
        for number in {number for _, done in self._found for number in done}:
            self._without(number)

    def forget(self) -> None:
        """All is durable."""
        self._began.clear()
        self._found.clear()

    def _keep(self, key: tuple[bytes, frozenset[int]], state: S, when: int) -> None:
        known = self._found.get(key)
        if known is None or known[1] < when:
            self._found[key] = (state, when)

    def _without(self, number: int) -> None:
        """What has ended is no longer told apart."""
        for key in [key for key in self._found if number in key[1]]:
            identity, done = key
            self._keep((identity, done - {number}), *self._found.pop(key))
