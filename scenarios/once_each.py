"""The first of each kind: what comes up over and over is tried once."""

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def once_each(items: Iterable[T], kind: Callable[[T], Hashable]) -> Iterator[T]:
    """The items in their order, without those of a kind that has come up before."""
    known: set[Hashable] = set()
    for item in items:
        one = kind(item)
        if one not in known:
            known.add(one)
            yield item
