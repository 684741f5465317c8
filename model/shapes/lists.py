"""Stores whose content is a list: an append-only log, and a queue."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from tornwrite.model.alphabets import Part
from tornwrite.model.operation import Operation
from tornwrite.model.shapes.differences import Told, wrong_list
from tornwrite.model.shapes.shape import Shape, Signature

Items: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed(Shape[Items]):
    """What both have in common."""

    def read(self, content: Any) -> Items:
        return tuple(content or ())

    def shown(self, state: Items) -> Any:
        return list(state)

    def misshapen(self, content: Any) -> str:
        return "" if isinstance(content, list) else f"a {type(self).__name__} shows a list"

    def told(self, content: Any, permitted: Sequence[Items], past: Sequence[Items]) -> Told:
        return wrong_list("the store", content, permitted, past)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendLog(_Listed):
    """A log: items are added at the end, and all of it may be cleared. It shows a list.

    append: the name of the operation that adds one, item: of its argument. clear: the name of the
    operation that removes all, if the store has one. The others: see `Shape`.
    """

    append: str = "append"
    item: str = "item"
    clear: str | None = None

    @property
    def changing(self) -> Mapping[str, Signature]:
        clear: dict[str, Signature] = {} if self.clear is None else {self.clear: {}}
        return {self.append: {self.item: Part.CONTENT}, **clear}

    def changed(self, state: Items, operation: Operation) -> Items:
        if operation.name == self.append:
            return (*state, operation.arguments[self.item])
        return ()

    def probes(self, state: Items, names: Sequence[str]) -> tuple[tuple[Operation, ...], ...]:
        """One item, a look, another one: what is left of a torn item may take the next with it."""
        return ((self._appended(0),), (self._appended(0),))

    def continuations(
        self, state: Items, names: Sequence[str]
    ) -> tuple[tuple[Operation, ...], ...]:
        """One item more; and, where all can be removed, an item after that."""
        more = (self._appended(1),)
        return (more,) if self.clear is None else (more, (Operation(self.clear), *more))

    def _appended(self, number: int) -> Operation:
        return Operation(self.append, {self.item: self.samples.content(number)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue(_Listed):
    """A queue: what was pushed first is popped first. It shows a list, the next item first.

    push, pop: the names of its operations; item: of the argument of the first. Popping from an
    empty queue changes nothing. The others: see `Shape`.
    """

    push: str = "push"
    item: str = "item"
    pop: str = "pop"

    @property
    def changing(self) -> Mapping[str, Signature]:
        return {self.push: {self.item: Part.CONTENT}, self.pop: {}}

    def changed(self, state: Items, operation: Operation) -> Items:
        if operation.name == self.push:
            return (*state, operation.arguments[self.item])
        return state[1:]

    def probes(self, state: Items, names: Sequence[str]) -> tuple[tuple[Operation, ...], ...]:
        """One item in, one out, one in."""
        pushed = self._pushed(0)
        return ((pushed,), (Operation(self.pop),), (pushed,))

    def continuations(
        self, state: Items, names: Sequence[str]
    ) -> tuple[tuple[Operation, ...], ...]:
        """One item in; one out, if there is any."""
        pushed = (self._pushed(1),)
        return (pushed, (Operation(self.pop),)) if state else (pushed,)

    def _pushed(self, number: int) -> Operation:
        return Operation(self.push, {self.item: self.samples.content(number)})
