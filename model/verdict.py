"""Verdicts, promises and violations: what a judgement is made of."""

from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """Only the first is a pass."""

    PASSED = "passed"
    VIOLATED = "violated"
    NOT_MEASURED = "not measured"
    HARNESS_BROKEN = "harness broken"


class Kind(Enum):
    """What is wrong with what came back."""

    LOST = "lost"
    RESURRECTED = "resurrected"
    DUPLICATED = "duplicated"
    REORDERED = "reordered"
    TORN = "torn"
    PHANTOM = "phantom"
    UNREADABLE = "unreadable"
    STUCK = "stuck"
    DRIFTED = "drifted"
    LEAKED = "leaked"
    LITTER = "litter"
    NOT_IDEMPOTENT = "not idempotent"
    UNCLEAR = "unclear"

    @property
    def meaning(self) -> str:
        return _MEANINGS[self]


_MEANINGS = {
    Kind.LOST: "an acknowledged change is gone",
    Kind.RESURRECTED: "what was removed is back",
    Kind.DUPLICATED: "something is there more often than it was written",
    Kind.REORDERED: "what was written is there in another order",
    Kind.TORN: "part of a change is shown as if it were whole",
    Kind.PHANTOM: "something is there that was never written",
    Kind.UNREADABLE: "recovery or reading fails",
    Kind.STUCK: "it does not correct itself",
    Kind.DRIFTED: "count or skip is wrong after it should have been reconciled",
    Kind.LEAKED: "another session changed",
    Kind.LITTER: "temporary files are left",
    Kind.NOT_IDEMPOTENT: "doing it a second time changes something",
    Kind.UNCLEAR: "an error does not tell what went wrong",
}


@dataclass(frozen=True, slots=True)
class Promise:
    """What an acknowledged operation guarantees, by name."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Violation:
    """One promise that was not kept, in words: what should have come back and what did.

    about: the session, key or file it is about. after: what was done between the recovery and this
    ("" when nothing was).
    """

    kind: Kind
    promise: Promise
    about: str
    promised: str
    recovered: str
    after: str = ""
