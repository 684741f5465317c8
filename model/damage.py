"""Damage, as the judge has to know of it: what sessions hold, what was done to them, what was seen.

The judgement is in `tornwrite.model.damage_judge`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol, runtime_checkable

from tornwrite.model.operation import Observation, Operation, canonical, shortened
from tornwrite.model.verdict import Violation


@dataclass(frozen=True, slots=True)
class Held:
    """What a session holds.

    messages: in order, each as canonical bytes. beside: what else it tells, by name; what is empty
    or false is as good as not there. implied: what of that follows from the messages, and may be
    told as it was when there were more of them. error: why it cannot be read.
    """

    messages: tuple[bytes, ...] = ()
    beside: Mapping[str, Any] = field(default_factory=dict)
    implied: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""

    @property
    def is_nothing(self) -> bool:
        return not (self.messages or self.error or any(self.beside.values()))


@runtime_checkable
class Damageable(Protocol):
    """A model may have this too: without it, nobody can say what damage did to what was written."""

    def contents(self, observed: Observation) -> Mapping[str, Held]:
        """What each session (or key) holds, as an observation or a view shows it."""
        ...


class Unnoticed(Enum):
    """What a format may be unable to notice. A subject says so among what it has `weakened`."""

    SHORTENED = "a file that was cut off between two lines is not noticed to be shorter"
    GONE = "a file that is gone is not missed"
    OLDER = "a part of a file that reads as it once did is not told from what was written last"
    UNCHECKED = "what other programs wrote carries no check: a change in it may go unnoticed"


@dataclass(frozen=True, slots=True)
class Harm:
    """What was done to the disk, as far as the judge has to know.

    file: the path that was damaged. words: what happened to it. owners: the sessions that it is a
    file of. readable: messages of these, as canonical bytes, of which whole lines are left. taken:
    how many whole lines of each message the file has no more. without: what the sessions hold when
    the file is gone, which damage to it may not undercut. lines: how many of each message their
    files have, or once had, whether a reader sees them or not. closed: the file cannot be read at
    all, so that reading its session may fail as a whole. adds: something is there that was not, so
    that there may be a session more. unnoticed: what a format may be excused for with this damage.
    """

    file: str
    words: str
    owners: frozenset[str]
    readable: frozenset[bytes] = frozenset()
    taken: Mapping[bytes, int] = field(default_factory=dict)
    without: Mapping[str, Held] = field(default_factory=dict)
    lines: Mapping[bytes, int] = field(default_factory=dict)
    closed: bool = False
    adds: bool = False
    unnoticed: frozenset[Unnoticed] = frozenset()


@dataclass(frozen=True, slots=True)
class Refused:
    """An operation that failed. clear: the error says what is wrong with the store or the disk."""

    operation: Operation
    error: str
    clear: bool


@dataclass(frozen=True, slots=True)
class DamagedProbe:
    """What was done after the first look, and what was seen then. No operations: it was reopened.

    done: the operations that were acknowledged.
    """

    done: tuple[Operation, ...]
    refused: tuple[Refused, ...]
    observed: Observation | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class DamagedRun:
    """What a store did on a damaged disk.

    observed: what it showed first; None if it could not be opened or looked at, which `error` tells
    then. told: what it reported of each session by then; said: of anything. ruined: what could be
    read before and is gone from the disk since; touched: what was not the store's and is changed;
    left: files that it never closed.
    """

    observed: Observation | None
    error: str = ""
    told: Mapping[str, Sequence[str]] = field(default_factory=dict)
    said: Sequence[str] = ()
    probes: tuple[DamagedProbe, ...] = ()
    ruined: tuple[str, ...] = ()
    touched: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DamageJudged:
    """What was wrong, and what would have been but for what the subject has declared."""

    violations: tuple[Violation, ...]
    excused: frozenset[Unnoticed] = frozenset()


def declared(weakened: Iterable[str]) -> frozenset[Unnoticed]:
    """What a subject says that it cannot notice."""
    named = frozenset(weakened)
    return frozenset(one for one in Unnoticed if one.value in named)


def held(
    messages: Iterable[Any],
    beside: Mapping[str, Any],
    *,
    implied: Mapping[str, Any] | None = None,
    error: str = "",
) -> Held:
    """What a session holds, from plain data."""
    return Held(tuple(canonical(one) for one in messages), beside, implied or {}, error)


def held_session(found: Mapping[str, Any], *beside: str) -> Held:
    """What a session of an observation holds: its messages, and the fields of these names."""
    return held(
        found.get("messages", ()),
        {name: found.get(name) for name in beside},
        error=found.get("error", ""),
    )


def told(held: Held) -> str:
    """What a session holds, in words."""
    if held.error:
        return held.error
    if held.is_nothing:
        return "nothing"
    parts = [listed(held.messages)] if held.messages else ["no messages"]
    parts += [f"{key} {shortened(value)}" for key, value in held.beside.items() if value]
    return ", ".join(parts)


def listed(messages: Iterable[bytes]) -> str:
    """Some messages in words, the first of them in full."""
    shown = [shortened(one.decode("utf-8", "replace")) for one in messages]
    more = len(shown) - 4
    return f"{len(shown)} messages [{'; '.join(shown[:4])}{f'; {more} more' if more > 0 else ''}]"
