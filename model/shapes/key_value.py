"""Stores that hold values by key."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, TypeAlias

import orjson

from tornwrite.model.alphabets import Part
from tornwrite.model.message_differences import either
from tornwrite.model.operation import Operation, canonical, shortened
from tornwrite.model.shapes.differences import Told, wrong_value
from tornwrite.model.shapes.shape import Shape, Signature
from tornwrite.model.verdict import Kind

Values: TypeAlias = Mapping[str, Any]

MOST_PROBED = 8
"""How many of a store's keys are written to after a recovery, those of the workload first."""

MOST_IN_PARTS = 12
"""How many keys a store may have when it is cleared in parts: each set of them may be left."""

_ABSENT = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyValue(Shape[Values]):
    """A map: each key has the value that was put last, until it is deleted. It shows a dict.

    put, delete, clear: the names of its operations; None for one that the store does not have. key,
    value: the names of their arguments. To delete what is not there changes nothing.
    clear_in_parts: a crash while the store is cleared may leave any of the keys. The others: see
    `Shape`.
    """

    put: str = "put"
    key: str = "key"
    value: str = "value"
    delete: str | None = "delete"
    clear: str | None = None
    clear_in_parts: bool = False

    @property
    def changing(self) -> Mapping[str, Signature]:
        found: dict[str, Signature] = {self.put: {self.key: Part.KEY, self.value: Part.CONTENT}}
        if self.delete is not None:
            found[self.delete] = {self.key: Part.KEY}
        if self.clear is not None:
            found[self.clear] = {}
        return found

    def changed(self, state: Values, operation: Operation) -> Values:
        if operation.name == self.clear:
            return {}
        key = text_of(operation.arguments[self.key])
        if operation.name == self.put:
            return {**state, key: operation.arguments[self.value]}
        return {other: value for other, value in state.items() if other != key}

    def between(self, state: Values, operation: Operation) -> Iterable[Values]:
        if not self.clear_in_parts or operation.name != self.clear:
            return
        if len(state) > MOST_IN_PARTS:
            raise ValueError(
                f"what {self.clear} may leave of {len(state)} keys cannot be followed: with "
                f"clear_in_parts a store may have {MOST_IN_PARTS} keys at most"
            )
        for number in range(1, len(state)):
            for left in combinations(state, number):
                yield {key: state[key] for key in left}

    @property
    def weakened(self) -> tuple[str, ...]:
        # Named, for slots make another class of this one, which a plain super() does not know.
        said = super(KeyValue, self).weakened
        parts = f"a crash in {self.clear} may leave some of the keys"
        return (*said, parts) if self.clear_in_parts else said

    def read(self, content: Any) -> Values:
        return {text_of(key): value for key, value in (content or {}).items()}

    def shown(self, state: Values) -> Any:
        return dict(state)

    def misshapen(self, content: Any) -> str:
        return "" if isinstance(content, dict) else f"a {type(self).__name__} shows a dict"

    def names(self, operations: Iterable[Operation]) -> tuple[str, ...]:
        """The keys; all operations of one that is about no one key are about none."""
        return tuple(
            dict.fromkeys(
                text_of(one.arguments[self.key]) for one in operations if self.key in one.arguments
            )
        )

    def told(self, content: Any, permitted: Sequence[Values], past: Sequence[Values]) -> Told:
        """What is wrong with the first key that is not as permitted, or with all together."""
        found = self.read(content)
        for key in sorted({*found, *(key for state in permitted for key in state)}):
            here = found.get(key, _ABSENT)
            allowed = [state.get(key, _ABSENT) for state in permitted]
            if not any(_same(here, one) for one in allowed):
                return _wrong_key(key, here, allowed, [*past, *permitted])
        kind, detail = Kind.TORN, "values that are each right, but not together"
        if self.postponing:
            kind, detail = Kind.REORDERED, "a later change is there without an earlier one"
        return Told(
            kind, "the store", either(map(_in_words, permitted)), _in_words(found) + f"; {detail}"
        )

    def probes(self, state: Values, names: Sequence[str]) -> tuple[tuple[Operation, ...], ...]:
        """Each key is put; then, of two or more, the first is deleted."""
        every = dict.fromkeys((*names, *state, *map(text_of, self.samples.keys[:1])))
        keys = list(every)[:MOST_PROBED]
        puts = tuple(self._put(key, 0) for key in keys)
        if self.delete is None or len(keys) < 2:
            return (puts,)
        return (puts, (Operation(self.delete, {self.key: self._given(keys[0])}),))

    def continuations(
        self, state: Values, names: Sequence[str]
    ) -> tuple[tuple[Operation, ...], ...]:
        """One kind of change each, to the keys that the killed operation was about."""
        keys = tuple(names or state or map(text_of, self.samples.keys[:1]))[:MOST_PROBED]
        ways = [tuple(self._put(key, 1) for key in keys)]
        if self.delete is not None:
            ways.append(tuple(Operation(self.delete, {self.key: self._given(k)}) for k in keys))
        if self.clear is not None:
            ways.append((Operation(self.clear),))
        return tuple(ways)

    def _put(self, key: str, number: int) -> Operation:
        arguments = {self.key: self._given(key), self.value: self.samples.content(number)}
        return Operation(self.put, arguments)

    def _given(self, key: str) -> Any:
        """The key as the store is given it: numbers are texts only where they are shown."""
        texts = not self.samples.keys or isinstance(self.samples.keys[0], str)
        return key if texts else orjson.loads(key)


def text_of(key: Any) -> str:
    """The key as objects in JSON have it."""
    return key if isinstance(key, str) else orjson.dumps(key).decode()


def _same(one: Any, other: Any) -> bool:
    if one is _ABSENT or other is _ABSENT:
        return one is other
    return canonical(one) == canonical(other)


def _wrong_key(key: str, here: Any, allowed: Sequence[Any], states: Sequence[Values]) -> Told:
    own = [state[key] for state in states if key in state]
    kind, detail = _kind_of(here, allowed, own, key, states)
    return Told(
        kind, key, either(map(_value_in_words, allowed)), f"{_value_in_words(here)}: {detail}"
    )


def _kind_of(
    here: Any, allowed: Sequence[Any], own: Sequence[Any], key: str, states: Sequence[Values]
) -> tuple[Kind, str]:
    if here is _ABSENT:
        return Kind.LOST, "it is gone"
    if not own:
        known = {other for state in states for other in state}
        if any(key and key in other for other in known):
            return Kind.TORN, "the key is part of one that was put"
        return Kind.PHANTOM, "no put of it was ever acknowledged"
    if all(one is _ABSENT for one in allowed) and any(_same(here, one) for one in own):
        return Kind.RESURRECTED, "it is back"
    others = [v for state in states for other, v in state.items() if other != key]
    if not any(_same(here, one) for one in own) and any(_same(here, one) for one in others):
        return Kind.LEAKED, "it belongs to another key"
    if here in ("", [], {}) and not any(_same(here, one) for one in own):
        # What a change in flight left half done is no loss of an acknowledged one.
        kind = Kind.TORN if len(allowed) > 1 else Kind.LOST
        return kind, "nothing is left of what was put"
    return wrong_value(here, [one for one in allowed if one is not _ABSENT], own)


def _value_in_words(value: Any) -> str:
    return "no such key" if value is _ABSENT else shortened(value)


def _in_words(state: Values) -> str:
    return shortened(dict(state))
