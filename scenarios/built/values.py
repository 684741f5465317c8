"""Values out of Hypothesis strategies: the simplest few that differ, the same ones each time."""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

import orjson
from hypothesis import HealthCheck, Phase, find, settings
from hypothesis.errors import NoSuchExample, Unsatisfiable
from hypothesis.strategies import SearchStrategy

from tornwrite.model.operation import canonical, shortened
from tornwrite.scenarios.subject import WrongUse

Strategies: TypeAlias = Mapping[str, Mapping[str, SearchStrategy[Any]]]
"""A strategy for each argument of each operation."""

KEYS = 4
CONTENTS = 14
OTHERS = 3
"""How many different values of an argument are looked for."""

LONG_BYTES = 600
"""A value is long from here on: it does not fit a sector."""

_TRIES = 60


def values_of(
    strategy: SearchStrategy[Any], most: int, where: str, words: Sequence[str] = ()
) -> tuple[Any, ...]:
    """Simple values of a strategy that differ, as plain data; `most` of them or all.

    None is empty or a piece of another one, as far as the strategy gives such, longer ones if need
    be: whoever looks at what a crash left can tell then which of them it is. Of "a" and "aa" nobody
    could say whether the one is the beginning of the other.

    where: the argument, for what is said. words: what to take where any text will do. Raises
    WrongUse for a strategy that gives nothing, or nothing that JSON can hold.
    """
    if words and repr(strategy) in _ANY_TEXT:
        return tuple(words[:most])
    apart = _found(strategy, most, {}, _is_apart)
    found = _found(strategy, most, apart, lambda value, known: True)
    for least in _LENGTHS:
        if len(apart) == len(found):
            break
        longer = _found(strategy, most, {}, partial(_is_apart, least=least))
        if len(longer) > len(apart):
            apart, found = longer, _found(strategy, most, longer, lambda value, known: True)
    if not found:
        raise WrongUse(
            f"the strategy for {where} gives no value that JSON can hold{_such(strategy)}"
        )
    return tuple(found.values())


_ANY_TEXT = ("text()", "text(min_size=1)")


_LENGTHS = (2, 3, 4)
"""How long texts and numbers are at least, where shorter ones are pieces of each other."""


def _is_apart(value: Any, known: Iterable[Any], least: int = 1) -> bool:
    text = _text_of(value)
    if text is None:
        return bool(value)
    others = [other for one in known if (other := _text_of(one)) is not None]
    short = not value or len(text) < least
    return not short and not any(text in one or one in text for one in others)


def _text_of(value: Any) -> str | None:
    """What a store would write of it, if that can be taken for a part of something else's."""
    match value:
        case bool():
            return None
        case str() | int() | float():
            return str(value)
        case _:
            return None


def _found(
    strategy: SearchStrategy[Any],
    most: int,
    known: Mapping[bytes, Any],
    wanted: Callable[[Any, Iterable[Any]], bool],
) -> dict[bytes, Any]:
    """The values known, and more that are wanted beside them, until there are enough."""
    found = dict(known)
    while len(found) < most:
        try:
            value = _find(strategy, found, wanted)
        except (NoSuchExample, Unsatisfiable):
            break
        found[canonical(value)] = value
    return found


def _find(
    strategy: SearchStrategy[Any],
    known: Mapping[bytes, Any],
    wanted: Callable[[Any, Iterable[Any]], bool],
) -> Any:
    def is_new(value: Any) -> bool:
        return is_plain(value) and canonical(value) not in known and wanted(value, known.values())

    return as_plain(find(strategy, is_new, settings=_settings(), random=random.Random(0)))


def long_value_of(strategy: SearchStrategy[Any]) -> Any:
    """A value that takes more than a sector; None if none comes up soon."""

    def is_long(value: Any) -> bool:
        return is_plain(value) and len(canonical(value)) > LONG_BYTES

    try:
        found = find(strategy, is_long, settings=_settings(shrink=False), random=random.Random(0))
    except (NoSuchExample, Unsatisfiable):
        return None
    return as_plain(found)


def _settings(*, shrink: bool = True) -> settings:
    phases = [Phase.generate, *([Phase.shrink] if shrink else [])]
    return settings(
        max_examples=_TRIES,
        database=None,
        deadline=None,
        phases=phases,
        suppress_health_check=list(HealthCheck),
    )


def _such(strategy: SearchStrategy[Any]) -> str:
    try:
        value = find(strategy, lambda _: True, settings=_settings(), random=random.Random(0))
    except (NoSuchExample, Unsatisfiable):
        return ""
    return (
        f", such as {shortened(value)}: give plain data (texts, numbers of 64 bits, lists, dicts), "
        "and have open()'s object make of it what the store takes"
    )


# Plain data


def is_plain(value: Any) -> bool:
    """Whether JSON can hold the value and give it back."""
    match value:
        case None | bool() | float() | str() | int():
            try:
                orjson.dumps(value)
            except TypeError:
                return False
            return True
        case list() | tuple():
            return all(map(is_plain, value))
        case dict():
            named = all(isinstance(key, str | int | float) and is_plain(key) for key in value)
            return named and all(map(is_plain, value.values()))
        case _:
            return False


def as_plain(value: Any) -> Any:
    """The same plain data in the types that JSON gives back."""
    match value:
        case list() | tuple():
            return [as_plain(item) for item in value]
        case dict():
            return {
                key if isinstance(key, str) else orjson.dumps(key).decode(): as_plain(item)
                for key, item in value.items()
            }
        case _:
            return value


def not_plain(value: Any, at: str) -> str:
    """Where the first thing is that JSON cannot hold, and what; empty if there is none."""
    match value:
        case list() | tuple():
            return next(filter(None, (not_plain(v, f"{at}[{n}]") for n, v in enumerate(value))), "")
        case dict():
            return next(filter(None, (not_plain(v, f"{at}[{k!r}]") for k, v in value.items())), "")
        case _:
            return (
                "" if is_plain(value) else f"{at} is {shortened(value)}, a {type(value).__name__}"
            )


def plain_only(strategy: SearchStrategy[Any]) -> SearchStrategy[Any]:
    """What of the strategy JSON can hold."""
    return strategy.filter(is_plain).map(as_plain)
