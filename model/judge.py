"""The judge: holds what came back against what was promised.

It knows no store and no file system. A `Model` says what operations do; `History` works out what
may come back at each point of a run; `judge` compares one recovery with that.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import orjson

from tornwrite.model.operation import Observation, Operation, canonical
from tornwrite.model.verdict import Violation

S = TypeVar("S")
C = TypeVar("C", contravariant=True)


class Model(Protocol[S]):
    """What a kind of store promises, as pure functions over a state of its own choosing.

    It may have more: `beside` (`LooksBeside`), `settled` (`LooksAtSettled`), `continuations`
    (`GoesOn`) and `hidden` (`Remembers`) are called where a model has them.
    """

    def state_of(self, observed: Observation) -> S:
        """The state that an observation amounts to."""
        ...

    def step(self, state: S, operation: Operation) -> S:
        """The state after the operation."""
        ...

    def between(self, state: S, operation: Operation) -> Iterable[S]:
        """States that may be seen while the operation is in flight, beside before and after.

        Empty for an operation that is atomic.
        """
        ...

    def view(self, state: S) -> Observation:
        """What a reader sees in that state."""
        ...

    def normalised(self, observed: Observation) -> Observation:
        """The observation reduced to what `view` speaks of."""
        ...

    def names(self, operations: Iterable[Operation]) -> tuple[str, ...]:
        """What the operations are about (sessions, keys), for subjects that cannot list them."""
        ...

    def probes(self, state: S, names: Sequence[str]) -> tuple[tuple[Operation, ...], ...]:
        """What to do after a recovery to see whether the store goes on rightly.

        Groups of operations; the subject is looked at after each group.
        """
        ...

    def explain(
        self,
        observed: Observation,
        permitted: Sequence[S],
        past: Sequence[S],
        after: Sequence[Operation],
    ) -> Violation:
        """Why the observation is none of the permitted states, which came from the past ones.

        after: the probes that led to it, none right after the recovery. An observation that could
        not be made is `{"error": TEXT}`.
        """
        ...


@runtime_checkable
class LooksBeside(Protocol[C]):
    """A model may have this too: what must be there whatever else is, and what may never be."""

    def beside(self, permitted: Sequence[C], observed: Observation) -> Iterable[Violation]:
        """What is wrong although the view is a permitted one."""
        ...


@runtime_checkable
class LooksAtSettled(Protocol):
    """A model may have this too: what a store must not keep for good."""

    def settled(self, observed: Observation) -> Iterable[Violation]:
        """What is wrong with a store that has recovered and been used again: litter, drift."""
        ...


@runtime_checkable
class GoesOn(Protocol[C]):
    """A model may have this too: without it, no process goes on where another was killed."""

    def continuations(self, state: C, names: Sequence[str]) -> tuple[tuple[Operation, ...], ...]:
        """What a new process may do after a kill, a run each.

        state: what it finds. names: what the operation that was killed was about, none if it was
        about no one thing in particular.
        """
        ...


@runtime_checkable
class Remembers(Protocol[C]):
    """A model may have this too: states that look alike to a reader and are not the same.

    A store that keeps in memory what it has not saved yet has such states.
    """

    def hidden(self, state: C) -> Any:
        """What of the state `view` does not tell, as plain data."""
        ...


def identity_of(model: Model[S]) -> Callable[[S], bytes]:
    """What is the same for two states only if nothing can ever tell them apart."""
    if not isinstance(model, Remembers):
        return lambda state: canonical(model.view(state))
    remembers: Remembers[S] = model
    return lambda state: canonical([model.view(state), remembers.hidden(state)])


def continuations(
    model: Model[S], state: S, names: Sequence[str]
) -> tuple[tuple[Operation, ...], ...]:
    """The model's, none if it has none."""
    return model.continuations(state, names) if isinstance(model, GoesOn) else ()


@dataclass(frozen=True, slots=True)
class Permitted(Generic[S]):
    """What may come back during one stretch of a history.

    states: any of these. past: the states that the history has gone through until then. views: of
    the states. also: whether a view that is none of these may come back all the same; None where
    these are all. alike: the states once more, and those that only look like one of them.
    """

    states: tuple[S, ...]
    past: tuple[S, ...]
    views: frozenset[bytes]
    also: Callable[[bytes], bool] | None = None
    alike: tuple[S, ...] = ()

    def permits(self, view: bytes | None) -> bool:
        """Whether this may come back; None stands for nothing that could be seen."""
        if view is None:
            return False
        return view in self.views or (self.also is not None and self.also(view))


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at a subject: what it holds, or the error that kept it from telling."""

    observed: Observation | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Probed:
    """What was done after a recovery, and what was seen then. No operations: it was reopened."""

    operations: tuple[Operation, ...]
    seen: Seen


@dataclass(frozen=True, slots=True)
class Recovery:
    """All that was seen of a subject on one image: right after opening, then probe by probe."""

    first: Seen
    probed: tuple[Probed, ...] = ()


@dataclass(frozen=True, slots=True)
class _Way(Generic[S]):
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
        self._ways: list[_Way[S]] = [_Way(start)]
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
        self._ways = self._distinct(_Way(way.state, way.done - {number}) for way in ways)
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
            left += (_Way(s, way.done) for s in self._model.between(way.state, operation))
        if in_doubt:
            left += (_Way(way.state, way.done - {number}) for way in ways if number in way.done)
        self._ways = self._distinct(left)
        self._forget(number)

    def killed(self) -> None:
        """Whatever was in flight may or may not have happened, for good."""
        self._ways = self._distinct(_Way(state) for state in self._possible())
        self._past += [way.state for way in self._ways]
        self._in_flight.clear()
        self._finished.clear()

    def became(self, state: S) -> None:
        """A crash left the subject in this state; the run goes on from there."""
        self._ways = [_Way(state)]
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

    def _reachable(self) -> list[_Way[S]]:
        """The ways the run can have gone by now: any operations in flight done, in any order."""
        found = list(self._ways)
        for way in found:
            if len(found) > MOST_WAYS:
                break
            found += self._one_more(way, self._in_flight)
        return self._distinct(found)

    def _with(self, number: int) -> list[_Way[S]]:
        """Those with this operation done."""
        found = [way for way in self._reachable() if number in way.done]
        # None when there are so many ways without it that none of these was reached.
        return found or [more for way in self._ways for more in self._one_more(way, (number,))]

    def _one_more(self, way: _Way[S], numbers: Iterable[int]) -> Iterator[_Way[S]]:
        """The ways from this one by one of these operations; what has finished is done or not."""
        for number in numbers:
            if number not in way.done and number not in self._finished:
                state = self._model.step(way.state, self._in_flight[number])
                yield _Way(state, way.done | {number})

    def _forget(self, number: int) -> None:
        del self._in_flight[number]
        self._finished.discard(number)

    def _distinct(self, ways: Iterable[_Way[S]]) -> list[_Way[S]]:
        found: dict[tuple[bytes, frozenset[int]], _Way[S]] = {}
        for way in ways:
            found.setdefault((self._identity(way.state), way.done), way)
        return list(found.values())


@dataclass(frozen=True, slots=True)
class Assessed:
    """What there is to know of a recovery that does not depend on what was promised at the time.

    Small: a run remembers one for each image.

    view: what was seen right after opening, in the form in which views are compared; None when
    nothing could be seen. seen: all of it, as JSON. error: why nothing could be. later: what went
    wrong with the probes.
    """

    view: bytes | None
    seen: bytes
    error: str
    later: tuple[Violation, ...]

    @property
    def observed(self) -> Observation | None:
        """What was seen right after opening."""
        return None if self.view is None else orjson.loads(self.seen)


def assess(model: Model[S], recovery: Recovery) -> Assessed:
    """The part of the judgement that is the same for every point at which the image can come up.

    From the first look on the model goes along with the probes, and each look has to show what it
    says.
    """
    first = recovery.first.observed
    if first is None:
        return Assessed(None, b"", recovery.first.error, ())
    later = tuple(_probe_violations(model, first, recovery.probed))
    view, seen = canonical(model.normalised(first)), canonical(first)
    return Assessed(view, view if seen == view else seen, "", later)


def judge(model: Model[S], permitted: Permitted[S], assessed: Assessed) -> tuple[Violation, ...]:
    """Every promise that the recovery did not keep; empty when it is in order."""
    if permitted.permits(assessed.view):
        observed = assessed.observed
        if isinstance(model, LooksBeside) and observed is not None:
            states = permitted.alike or permitted.states
            return (*model.beside(states, observed), *assessed.later)
        return assessed.later
    told = assessed.observed
    if told is None:
        told = {"error": assessed.error}
    return (model.explain(told, permitted.states, permitted.past, ()),)


def _probe_violations(
    model: Model[S], first: Observation, probed: Sequence[Probed]
) -> Iterable[Violation]:
    state = model.state_of(first)
    past = [state]
    for probe in probed:
        for operation in probe.operations:
            state = model.step(state, operation)
            past.append(state)
        observed = probe.seen.observed
        if observed is None:
            return (model.explain({"error": probe.seen.error}, (state,), past, probe.operations),)
        if canonical(model.normalised(observed)) != canonical(model.view(state)):
            return (model.explain(observed, (state,), past, probe.operations),)
    if probed and probed[-1].seen.observed is not None and isinstance(model, LooksAtSettled):
        return model.settled(probed[-1].seen.observed)
    return ()
