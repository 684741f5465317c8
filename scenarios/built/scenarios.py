"""The scenarios of a subject that names none: made of its operations, small, each for one thing."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from tornwrite.model.alphabets import Alphabet, Part, Template, Values
from tornwrite.model.operation import Operation
from tornwrite.model.verdict import Promise
from tornwrite.scenarios.recording import REOPEN
from tornwrite.scenarios.subject import Scenario

MIXED = 12
"""How many operations the mixed run has."""

_REOPENED = Operation(REOPEN)


@dataclass(frozen=True, slots=True)
class Made:
    """What scenarios are made of.

    alphabet: the operations. long: a long content for an operation that takes one, by its name.
    promises: what they put to the test.
    """

    alphabet: Alphabet
    long: Mapping[str, Any]
    promises: tuple[Promise, ...]


def scenarios_of(made: Made) -> tuple[Scenario, ...]:
    """The scenarios; every operation is in some."""
    found = {
        name: Scenario(name, about, made.promises, tuple(operations))
        for name, about, operations in _all(made)
        if operations
    }
    return tuple(found.values())


def _all(made: Made) -> Iterator[tuple[str, str, Sequence[Operation]]]:
    templates = [one for one in made.alphabet.operations if one.name != REOPEN]
    adding = [one for one in templates if _has(one, Part.CONTENT)] or templates[:1]
    taking = [one for one in templates if one not in adding and _takes(one, adding)]
    for one in templates:
        about = f"{one.name} on an empty store, on one that holds something, and twice in a row"
        yield one.name, about, _each(one, adding)
    yield (
        "reopened",
        "each operation, with the store closed and opened again between",
        _reopened(templates, adding),
    )
    for one in taking:
        about = f"something is written again after {one.name} took it"
        yield f"{one.name}-then-again", about, _again(one, adding)
    yield "mixed", f"{MIXED} operations of all kinds", _mixed(templates)
    for one in adding:
        if one.name in made.long:
            about = f"{one.name} of what takes more than a sector, after something short"
            yield f"{one.name}-long", about, _long(one, made.long[one.name])


def _has(template: Template, part: Part) -> bool:
    return any(isinstance(one, Values) and one.part is part for one in template.arguments.values())


def _takes(template: Template, adding: Sequence[Template]) -> bool:
    """Whether it may remove something: it writes nothing, and is about what was written."""
    return not _has(template, Part.CONTENT)


class _Filling:
    """Fills in arguments: contents are numbered as they come, keys are named."""

    def __init__(self) -> None:
        self._contents = count()

    def __call__(self, template: Template, key: int = 0, other: int = 0) -> Operation:
        arguments = {name: self._value(one, key, other) for name, one in template.arguments.items()}
        return Operation(template.name, arguments)

    def _value(self, argument: Any, key: int, other: int) -> Any:
        match argument:
            case Values(values, part=Part.KEY):
                return values[key % len(values)]
            case Values(values, part=Part.CONTENT):
                return values[next(self._contents) % len(values)]
            case Values(values):
                return values[other % len(values)]
            case _:
                return argument


def _each(one: Template, adding: Sequence[Template]) -> list[Operation]:
    made = _Filling()
    if one in adding:
        return [made(one), made(one, 1), made(one, 1, 1)]
    filled = [made(more, key) for key in (0, 1) for more in adding]
    return [made(one), *filled, made(one, 0, 1), made(one, 0, 2)]


def _reopened(templates: Sequence[Template], adding: Sequence[Template]) -> list[Operation]:
    made = _Filling()
    found = [made(more, key) for key in (0, 1) for more in adding]
    for number, one in enumerate(templates):
        found += [_REOPENED, made(one, number)]
    return [*found, _REOPENED]


def _again(one: Template, adding: Sequence[Template]) -> list[Operation]:
    made = _Filling()
    filled = [made(more) for more in adding]
    return [*filled, made(one), *(made(more) for more in adding), _REOPENED, made(one)]


def _mixed(templates: Sequence[Template]) -> list[Operation]:
    source = random.Random(0)
    made = _Filling()
    # Twice as often what writes: a store that is mostly empty shows little.
    often = [one for one in templates for _ in range(2 if _has(one, Part.CONTENT) else 1)]
    return [
        made(source.choice(often), source.randrange(2), source.randrange(3)) for _ in range(MIXED)
    ]


def _long(one: Template, content: Any) -> list[Operation]:
    made = _Filling()
    short = made(one)
    name = next(
        name
        for name, argument in one.arguments.items()
        if isinstance(argument, Values) and argument.part is Part.CONTENT
    )
    return [short, Operation(one.name, {**short.arguments, name: content}), made(one)]
