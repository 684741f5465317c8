"""The judge: holds what came back against what was promised.

It knows no store and no file system. A `Model` says what operations do; what may come back at each
point of a run is worked out in `tornwrite.model.history`; `judge` compares one recovery with that.
"""

from collections.abc import Callable, Iterable, Sequence
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
    power_lost: "Permitted[S] | None" = None
    killed: "Permitted[S] | None" = None

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
class Assessed:
    """What there is to know of a recovery that does not depend on what was promised at the time.

    Small: a run remembers one for each image.

    view: what was seen right after opening, in the form in which views are compared; None when
    nothing could be seen. seen: all of it, as JSON. error: why nothing could be. later: what went
    wrong with the probes. probed: those, where something did that another state would explain.
    """

    view: bytes | None
    seen: bytes
    error: str
    later: tuple[Violation, ...]
    probed: tuple[Probed, ...] = ()

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
    state = model.state_of(first)
    later = tuple(_probe_violations(model, state, recovery.probed))
    view, seen = canonical(model.normalised(first)), canonical(first)
    others = later and isinstance(model, Remembers) and model.hidden(state)
    probed = recovery.probed if others else ()
    return Assessed(view, view if seen == view else seen, "", later, probed)


def judge(model: Model[S], permitted: Permitted[S], assessed: Assessed) -> tuple[Violation, ...]:
    """Every promise that the recovery did not keep; empty when it is in order."""
    if permitted.permits(assessed.view):
        states = permitted.alike or permitted.states
        later = _as_promised(model, states, assessed) if assessed.probed else assessed.later
        observed = assessed.observed
        if isinstance(model, LooksBeside) and observed is not None:
            return (*model.beside(states, observed), *later)
        return later
    told = assessed.observed
    if told is None:
        told = {"error": assessed.error}
    return (model.explain(told, permitted.states, permitted.past, ()),)


def _as_promised(model: Model[S], states: Iterable[S], assessed: Assessed) -> tuple[Violation, ...]:
    """What went wrong with the probes, by the promised state that explains most of it."""
    meant = (state for state in states if canonical(model.view(state)) == assessed.view)
    found = [tuple(_probe_violations(model, state, assessed.probed)) for state in meant]
    return min((assessed.later, *found), key=len)


def _probe_violations(model: Model[S], state: S, probed: Sequence[Probed]) -> Iterable[Violation]:
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
