"""Errors that come at one place of a run: once, or from there on until they are lifted.

What fails, and what else fails with it, is said in `tornwrite.faults.errors`.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tornwrite.faults.errors import At, Lasts, Rule, is_hit, path_of
from tornwrite.faults.injection import Decision, Fail, Proceed, ReadOpen, Short
from tornwrite.faults.steps import Close, Handle, Open, Step, Write


@dataclass(frozen=True, slots=True)
class Spot:
    """Where an error comes up first: the step of that number, or the opening for reading.

    Both count from 0, each for itself. keep: so many bytes of the write are taken before it fails.
    """

    number: int
    reads: bool = False
    keep: int = 0


class Errors:
    """An injector: the error of a rule at one spot, once or until `lift` is called.

    on_error: called before the first error is raised. hits: how many calls failed so far. paths:
    what they were about.
    """

    def __init__(
        self, spot: Spot, rule: Rule, lasts: Lasts, on_error: Callable[[], None] = lambda: None
    ) -> None:
        self.hits = 0
        self.paths: set[str] = set()
        self.on_error = on_error
        self._spot = spot
        self._rule = rule
        self._lasts = lasts
        self._first: At | None = None
        self._first_path = ""
        self._cut: Handle | None = None
        self._lifted = False
        self._aside = False
        self._opened: dict[Handle, str] = {}

    @property
    def first_at(self) -> At | None:
        """The step at which the error came up first, None if it has not yet."""
        return self._first

    @property
    def in_force(self) -> bool:
        """Whether further calls fail."""
        return self._first is not None and self._lasts is Lasts.STAYS and not self._lifted

    def lift(self) -> None:
        """The cause is gone."""
        self._lifted = True

    @contextlib.contextmanager
    def set_aside(self) -> Iterator[None]:
        """Nothing fails meanwhile: the harness looks at something."""
        self._aside = True
        try:
            yield
        finally:
            self._aside = False

    def decide(self, number: int, step: Step) -> Decision:
        """As an injector: `Injector.decide`."""
        decision = self._decided(number, step)
        if isinstance(step, Open) and not isinstance(decision, Fail):
            self._opened[step.handle] = step.path
        return decision

    def decide_read(self, number: int, opening: ReadOpen) -> Proceed | Fail:
        """As an injector: `InjectsReads.decide_read`."""
        if self._aside:
            return Proceed()
        is_here = self._spot.reads and number == self._spot.number
        return self._fail(opening) if self._is_due(opening, is_here) else Proceed()

    def _decided(self, number: int, step: Step) -> Decision:
        if self._aside:
            return Proceed()
        if self._cut is not None:
            return self._after_cut(step)
        is_here = not self._spot.reads and number == self._spot.number
        if not self._is_due(step, is_here):
            return Proceed()
        if self._first is None and self._spot.keep and isinstance(step, Write):
            self._begin(step)
            self._cut = step.handle
            return Short(self._spot.keep)
        return self._fail(step)

    def _after_cut(self, step: Step) -> Decision:
        """A write was short. Writing the rest fails; whoever does not try gets on as before."""
        if isinstance(step, Write | Close) and step.handle == self._cut:
            self._cut = None
            if isinstance(step, Write):
                return self._fail(step)
        elif self.in_force and self._is_due(step, False):
            return self._fail(step)
        return Proceed()

    def _is_due(self, at: At, is_here: bool) -> bool:
        if self._first is None:
            return is_here
        path = path_of(at, self._opened)
        return self.in_force and is_hit(self._rule.cause, at, path, self._first, self._first_path)

    def _fail(self, at: At) -> Fail:
        if self._first is None:
            self._begin(at)
        self.hits += 1
        self.paths.add(path_of(at, self._opened))
        return Fail(self._rule.errno)

    def _begin(self, at: At) -> None:
        self._first = at
        self._first_path = path_of(at, self._opened)
        self.on_error()
