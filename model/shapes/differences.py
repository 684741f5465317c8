"""What is wrong with a content: kinds of finding and sentences, the same for all common shapes."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tornwrite.model.message_differences import either
from tornwrite.model.operation import canonical, shortened
from tornwrite.model.verdict import Kind, Promise

DURABLE = Promise("durable", "an acknowledged change survives")
WHOLE = Promise("atomic", "a change is seen as a whole or not at all, and what was there before")
READABLE = Promise("readable", "the store opens and can be read after any crash")
GOES_ON = Promise("goes on", "a store that came back keeps what is written next")


@dataclass(frozen=True, slots=True)
class Told:
    """What is wrong, and with what: what should have come back and what did."""

    kind: Kind
    about: str
    promised: str
    recovered: str


def promise_of(kind: Kind, durable: Promise, *, goes_on: bool) -> Promise:
    """The promise that is broken. durable: the store's. goes_on: it was used since the recovery."""
    if goes_on:
        return GOES_ON
    match kind:
        case Kind.LOST:
            return durable
        case Kind.UNREADABLE:
            return READABLE
        case _:
            return WHOLE


# One value


def wrong_value(found: Any, permitted: Sequence[Any], past: Sequence[Any]) -> tuple[Kind, str]:
    """What is wrong with a value that is none of the permitted ones. past: what it ever was."""
    if any(_same(found, one) for one in past):
        return Kind.LOST, "it is an older one"
    if is_part(found, (*permitted, *past)):
        return Kind.TORN, "it is part of what was written"
    return Kind.PHANTOM, "it was never written"


def is_part(found: Any, written: Iterable[Any]) -> bool:
    """Whether it is a piece of something that was written, or pieces of two things."""
    match found:
        case str():
            return _is_part_of_texts(found, [one for one in written if isinstance(one, str)])
        case bool() | None:
            return False
        case int() | float():
            numbers = [one for one in written if isinstance(one, int | float)]
            return _is_part_of_texts(str(found), list(map(str, numbers)))
        case list():
            lists = [one for one in written if isinstance(one, list)]
            known = {canonical(item) for one in lists for item in one}
            return bool(found) and all(canonical(item) in known for item in found)
        case dict():
            fields = [one.items() for one in written if isinstance(one, dict)]
            known = {canonical(item) for one in fields for item in one}
            return bool(found) and all(canonical(item) in known for item in found.items())
        case _:
            return False


def _is_part_of_texts(found: str, written: Sequence[str]) -> bool:
    """Zeros are what a disk has where nothing was written."""
    left = found.strip("\0")
    if len(left) < len(found) and not left:
        return True
    if left and any(left in one for one in written):
        return True
    begins = max((_alike(left, one) for one in written), default=0)
    ends = max((_alike(left[::-1], one[::-1]) for one in written), default=0)
    return bool(begins and ends) and begins + ends >= len(left)


def _alike(one: str, other: str) -> int:
    length = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        length += 1
    return length


def _same(one: Any, other: Any) -> bool:
    return canonical(one) == canonical(other)


# Lists


def wrong_list(
    about: str,
    found: Sequence[Any],
    permitted: Sequence[Sequence[Any]],
    past: Sequence[Sequence[Any]],
) -> Told:
    """What is wrong with a list that is none of the permitted ones. past: what it ever was."""
    kind, detail = _kind_of_list(found, permitted, past)
    promised = either(map(listed, permitted))
    return Told(kind, about, promised, f"{listed(found)}; {detail}")


def _kind_of_list(
    found: Sequence[Any], permitted: Sequence[Sequence[Any]], past: Sequence[Sequence[Any]]
) -> tuple[Kind, str]:
    items = list(map(canonical, found))
    lists = [list(map(canonical, one)) for one in permitted]
    written = {canonical(item): item for one in (*past, *permitted) for item in one}
    for item, encoded in zip(found, items, strict=True):
        if encoded not in written:
            if is_part(item, written.values()):
                return Kind.TORN, f"{shortened(item)} is part of an item"
            return Kind.PHANTOM, f"{shortened(item)} was never written"
    # Of two as near the longer: what is missing is graver than what is back.
    nearest = min(lists, key=lambda one: (_distance(items, one), -len(one)))
    missing = Counter(nearest) - Counter(items)
    extra = Counter(items) - Counter(nearest)
    if missing:
        gone = shortened(written[next(iter(missing))])
        return Kind.LOST, f"{missing.total()} missing, among them {gone}"
    if extra:
        more = next(iter(extra))
        shown = shortened(written[more])
        if more in nearest:
            return Kind.DUPLICATED, f"{shown} is there {items.count(more)} times"
        return Kind.RESURRECTED, f"{extra.total()} back, among them {shown}"
    return Kind.REORDERED, "the same items in another order"


def _distance(one: Sequence[bytes], other: Sequence[bytes]) -> int:
    first, second = Counter(one), Counter(other)
    return ((first - second) + (second - first)).total()


def listed(items: Sequence[Any]) -> str:
    """The items in words: how many, and the first and last of them."""
    if not items:
        return "nothing"
    shown = [shortened(item, 30) for item in items]
    if len(shown) > 6:
        shown = [*shown[:2], "…", *shown[-3:]]
    return f"{len(items)} {'item' if len(items) == 1 else 'items'} [{', '.join(shown)}]"
