"""What the models of all common shapes share: names, observations, probes, weaker promises.

Observations have this form: `{"content": CONTENT}`, with the content that a store of the shape
shows, as plain data.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, Self, TypeAlias, TypeVar

from tornwrite.model.alphabets import Part
from tornwrite.model.operation import Observation, Operation
from tornwrite.model.shapes.differences import DURABLE, Told, promise_of
from tornwrite.model.verdict import Kind, Promise, Violation

S = TypeVar("S")

Signature: TypeAlias = Mapping[str, Part]
"""The arguments of an operation, and what each is to it."""

NO_CHANGE = ("open", "reopen", "look")
"""What every store is asked for, and no content changes by."""


@dataclass(frozen=True, slots=True)
class Samples:
    """What is written by the harness's own choice: after a crash, and after a kill.

    keys: none that a workload takes, where there are enough. contents: likewise; the first goes
    into probes, the second into what a process does that goes on after a kill.
    """

    keys: tuple[Any, ...] = ("key of the harness",)
    contents: tuple[Any, ...] = ("written after the crash", "written after the kill")

    def content(self, number: int) -> Any:
        """The one of that number, from the beginning again when there are so many."""
        return self.contents[number % len(self.contents)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape(Generic[S]):
    """A store of some common shape.

    durable_after: the operations after which all is durable that was acknowledged before; the
        store need not keep more than a prefix of the rest when the power fails. None: each
        operation is durable by itself. (): none ever is, the store never syncs.
    buffered: what is not durable yet is kept by the process, so that a kill takes as much; closing
        the store hands it to the system.
    unchanged: more operations that the store has, and that change nothing a reader sees (compact).
    samples: what the harness writes of its own accord.
    """

    durable_after: str | Collection[str] | None = None
    buffered: bool = False
    unchanged: Collection[str] = ()
    samples: Samples = field(default_factory=Samples, repr=False)

    # What a shape says

    @property
    def changing(self) -> Mapping[str, Signature]:
        """The operations that change the content, and their arguments."""
        raise NotImplementedError

    def changed(self, state: S, operation: Operation) -> S:
        """The state after one of them."""
        raise NotImplementedError

    def read(self, content: Any) -> S:
        """The state that a content amounts to."""
        raise NotImplementedError

    def shown(self, state: S) -> Any:
        """The content as plain data."""
        raise NotImplementedError

    def misshapen(self, content: Any) -> str:
        """Why this is no content of the shape; empty if it is one."""
        raise NotImplementedError

    def told(self, content: Any, permitted: Sequence[S], past: Sequence[S]) -> Told:
        """What is wrong with a content that is none of the permitted ones."""
        raise NotImplementedError

    # What is weaker than usual

    @property
    def weakened(self) -> tuple[str, ...]:
        """The promises that are not made, a sentence each."""
        if not self.postponing:
            return ()
        taken = "a power loss or a kill" if self.buffered else "a power loss"
        return (f"{taken} may take what was acknowledged {self._since}, the latest first",)

    @property
    def _since(self) -> str:
        return f"since the last {' or '.join(self.syncing)}" if self.syncing else "at any time"

    @property
    def syncing(self) -> tuple[str, ...]:
        """The operations that make everything durable; none where each does it for itself."""
        named = self.durable_after or ()
        return (named,) if isinstance(named, str) else tuple(named)

    @property
    def postponing(self) -> bool:
        """Whether an acknowledged operation may be lost."""
        return self.durable_after is not None

    def makes_durable(self, operation: Operation) -> bool:
        """Whether all that was acknowledged is durable once this is."""
        return operation.name in self.syncing

    @property
    def durable(self) -> Promise:
        """What an acknowledged operation guarantees."""
        if not self.postponing:
            return DURABLE
        before = f"before the last {' or '.join(self.syncing)} " if self.syncing else ""
        return Promise(
            "durable in order",
            f"what was acknowledged {before}survives, and of the rest the beginning"
            if before
            else "of what was acknowledged the beginning survives",
        )

    # What every model has

    @property
    def signatures(self) -> Mapping[str, Signature | None]:
        """All operations that the store can have; None where the arguments don't matter."""
        others = dict.fromkeys((*self.unchanged, *self.syncing))
        return {**others, **self.changing}

    def with_samples(self, samples: Samples) -> Self:
        """The same model with other values for what the harness writes."""
        return replace(self, samples=samples)

    def state_of(self, observed: Observation) -> S:
        return self.read(observed.get("content"))

    def step(self, state: S, operation: Operation) -> S:
        if operation.name in self.changing:
            return self.changed(state, operation)
        if operation.name in NO_CHANGE or operation.name in self.signatures:
            return state
        raise ValueError(f"a {type(self).__name__} has no operation {operation.name!r}")

    def between(self, state: S, operation: Operation) -> Iterable[S]:
        return ()

    def view(self, state: S) -> Observation:
        return {"content": self.shown(state)}

    def normalised(self, observed: Observation) -> Observation:
        return {"content": self.shown(self.read(observed.get("content")))}

    def names(self, operations: Iterable[Operation]) -> tuple[str, ...]:
        return ("the store",) if any(one.name in self.changing for one in operations) else ()

    def explain(
        self,
        observed: Observation,
        permitted: Sequence[S],
        past: Sequence[S],
        after: Sequence[Operation],
    ) -> Violation:
        done = ""
        if after:
            done = "the recovery, then " + ", then ".join(map(str, after))
        if "error" in observed:
            told = Told(
                Kind.UNREADABLE,
                "the store",
                "the store opens, works and can be read",
                str(observed["error"]),
            )
        else:
            told = self.told(observed["content"], permitted, past)
        promise = promise_of(told.kind, self.durable, goes_on=bool(after))
        return Violation(told.kind, promise, told.about, told.promised, told.recovered, done)
