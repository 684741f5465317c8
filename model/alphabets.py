"""Alphabets: which operations a store has, and what each may be asked, as data.

A subject declares one, and workloads that nobody wrote down are made of it: every sequence up to a
length (`tornwrite explore`), and random ones for as long as one likes (`tornwrite soak`).

    Alphabet((
        Template("put", {"key": Key(2), "value": Content()}),
        Template("trim", {"key": Key(2), "keep": OneOf((0, 1), more=(7, 100))}),
        Template("reopen"),
    ))

Sequences in which only the keys or the contents have other names are one and the same: the first
key of a sequence is `k0`, a new one may only be the next, and contents are numbered as they come.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from math import factorial, perm
from typing import Any, TypeAlias

from tornwrite.model.operation import Operation


@dataclass(frozen=True, slots=True)
class Key:
    """What an operation is about, a session say. All keys of a sequence are of one kind.

    most: a new one is taken only while the sequence has fewer than so many.
    """

    most: int = 2


@dataclass(frozen=True, slots=True)
class Content:
    """A text that is written. Each one in a sequence is another; random ones are of any kind."""


@dataclass(frozen=True, slots=True)
class Message:
    """A chat message: of the user, with a content. Random ones have any role, and more fields."""


@dataclass(frozen=True, slots=True)
class Messages:
    """A list of messages. most: how many it has at most; random ones may have more."""

    most: int = 1


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of these values. more: what is drawn beside them where operations come at random."""

    values: tuple[Any, ...]
    more: tuple[Any, ...] = ()


class Part(Enum):
    """What an argument is to its operation."""

    KEY = "what it is about"
    CONTENT = "what it writes"
    OTHER = "how it is done"


@dataclass(frozen=True, slots=True)
class Values:
    """What a strategy of the store's own gives.

    values: some that differ, the simplest first, for sequences: of keys a new one is the next, each
    content is another as long as there are any left, of the rest each one is tried. strategy: the
    Hypothesis strategy that operations at random take.
    """

    values: tuple[Any, ...]
    strategy: Any
    part: Part = Part.OTHER
    most: int = 2
    """So many of the values are taken in a sequence, except for contents."""


Argument: TypeAlias = Any
"""One of the above, plain data, or a mapping or list of arguments."""


@dataclass(frozen=True, slots=True)
class Template:
    """An operation and what its arguments may be.

    at_random_only: left out of sequences that are gone through one by one, where it would show
    nothing that the others don't.
    """

    name: str
    arguments: Mapping[str, Argument] = field(default_factory=dict)
    at_random_only: bool = False


@dataclass(frozen=True, slots=True)
class Alphabet:
    """The operations of a store. `reopen` closes the subject and opens it again."""

    operations: tuple[Template, ...]

    def keys(self) -> int:
        """How many different keys a sequence can have."""
        every = (_keys(one.arguments) for one in self.operations)
        return max((most for found in every for most in found), default=0)


def _keys(argument: Argument) -> Iterator[int]:
    match argument:
        case Key(most):
            yield most
        case Values(values, part=Part.KEY, most=most):
            yield min(most, len(values))
        case OneOf(values):
            yield from _keys(list(values))
        case Mapping():
            yield from _keys(list(argument.values()))
        case list() | tuple():
            for one in argument:
                yield from _keys(one)
        case _:
            pass


@dataclass(frozen=True, slots=True)
class Counted:
    """How many sequences there are.

    distinct: symmetric ones counted once. renamed: all of them, where each of the alphabet's keys
    may stand for each, and each of a sequence's contents too.
    """

    distinct: int
    renamed: int


@dataclass(frozen=True, slots=True)
class _Used:
    """How many keys and contents a sequence has so far."""

    keys: int = 0
    contents: int = 0


def sequences(alphabet: Alphabet, length: int) -> Iterator[tuple[Operation, ...]]:
    """All distinct sequences of exactly that length, those that begin alike one after the other."""
    yield from _sequences(alphabet, length, (), _Used())


def _sequences(
    alphabet: Alphabet, left: int, begun: tuple[Operation, ...], used: _Used
) -> Iterator[tuple[Operation, ...]]:
    if not left:
        yield begun
        return
    for operation, after in _next(alphabet, used):
        yield from _sequences(alphabet, left - 1, (*begun, operation), after)


def count(alphabet: Alphabet, bound: int) -> Counted:
    """How many sequences there are of 1 to `bound` operations."""
    distinct = renamed = 0
    ways = {_Used(): 1}
    for _ in range(bound):
        longer: dict[_Used, int] = {}
        for used, number in ways.items():
            for _, after in _next(alphabet, used):
                longer[after] = longer.get(after, 0) + number
        ways = longer
        for used, number in ways.items():
            distinct += number
            renamed += number * perm(alphabet.keys(), used.keys) * factorial(used.contents)
    return Counted(distinct, renamed)


def _next(alphabet: Alphabet, used: _Used) -> Iterator[tuple[Operation, _Used]]:
    for template in alphabet.operations:
        if not template.at_random_only:
            for arguments, after in _filled(dict(template.arguments), used):
                yield Operation(template.name, arguments), after


def _filled(argument: Argument, used: _Used) -> Iterator[tuple[Any, _Used]]:
    """Every value that the argument can have, and what is used after it."""
    match argument:
        case Key(most):
            for number in range(min(used.keys + 1, most)):
                yield f"k{number}", _Used(max(used.keys, number + 1), used.contents)
        case Content():
            yield f"c{used.contents}", _Used(used.keys, used.contents + 1)
        case Values():
            yield from _given(argument, used)
        case Message():
            yield from _filled({"role": "user", "content": Content()}, used)
        case Messages(most):
            for length in range(most + 1):
                yield from _filled([Message()] * length, used)
        case OneOf(values):
            for value in values:
                yield from _filled(value, used)
        case Mapping():
            for values, after in _filled(list(argument.values()), used):
                yield dict(zip(argument, values, strict=True)), after
        case list() | tuple():
            if not argument:
                yield [], used
                return
            for first, after in _filled(argument[0], used):
                for rest, last in _filled(argument[1:], after):
                    yield [first, *rest], last
        case _:
            yield argument, used


def _given(argument: Values, used: _Used) -> Iterator[tuple[Any, _Used]]:
    values = argument.values
    match argument.part:
        case Part.KEY:
            for number in range(min(used.keys + 1, argument.most, len(values))):
                yield values[number], _Used(max(used.keys, number + 1), used.contents)
        case Part.CONTENT:
            yield values[used.contents % len(values)], _Used(used.keys, used.contents + 1)
        case Part.OTHER:
            for value in values[: argument.most]:
                yield value, used


# The stores of this project, published editions too

_KEY = {"key": Key()}

_REOPEN = Template("reopen")

_CHANGES = (
    Template(
        "add_message",
        {**_KEY, "role": OneOf(("user",), ("assistant", "system", "tool")), "content": Content()},
    ),
    Template("add_full_message", {**_KEY, "message": Message()}, at_random_only=True),
    Template("set_summary", {**_KEY, "summary": Content()}),
    Template("truncate_history", {**_KEY, "keep_last": OneOf((0, 1), more=(-1, 2, 3, 4))}),
    Template("set_history", {**_KEY, "history": Messages()}),
)

SESSIONS = Alphabet(
    (
        *_CHANGES,
        Template("compact", _KEY),
        Template("migrate", at_random_only=True),
        _REOPEN,
    )
)
"""A session store that keeps each change at once."""

MANAGER = Alphabet((*_CHANGES, Template("get_or_create", _KEY), Template("save", _KEY), _REOPEN))
"""A session manager that keeps what is saved."""

BACKEND = Alphabet((*_CHANGES, Template("save", _KEY), _REOPEN))
"""Whatever is behind the session interface."""

_ID = {"session_id": Key()}

ARCHIVE = Alphabet(
    (
        Template("save", {**_ID, "message": Message()}),
        Template("archive", _ID),
        Template("delete", _ID),
        _REOPEN,
    )
)
"""An archiving store."""

_NAME = {"id": Key()}

TRANSCRIPTS = Alphabet(
    (
        Template("get_or_create", _NAME),
        Template("append", {**_NAME, "message": Message()}),
        Template("append_held", {**_NAME, "message": Message()}),
        Template("delete", _NAME),
        Template("list"),
        _REOPEN,
    )
)
"""A transcript store."""
