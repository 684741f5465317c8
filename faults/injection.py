"""What may be done to a step: nothing, a kill, an error, a short write, a leaving out.

An injector is asked before each step, in order; the recorder carries out what it decides. One that
`InjectsReads` is asked before each opening of a file for reading too, which is no step.
"""

import os
from dataclasses import dataclass
from errno import EDQUOT, EIO, ENOSPC
from typing import Literal, Protocol, TypeAlias, runtime_checkable

from tornwrite.faults.steps import Step, Write, describe, is_barrier

Moment: TypeAlias = Literal["before", "during", "after"]


@dataclass(frozen=True, slots=True)
class Proceed:
    """The step happens as it is."""


@dataclass(frozen=True, slots=True)
class Kill:
    """SIGKILL to this very process: nothing done, all done, or `keep` bytes of a write done."""

    moment: Moment
    keep: int = 0


@dataclass(frozen=True, slots=True)
class Fail:
    """The call raises OSError with this `errno` and nothing has happened.

    There are exceptions. A close closes all the same and then raises, as close(2) does on Linux. A
    sync that fails because data did not get to the disk (`LOST_BY_SYNC`) is recorded as a
    `FailedSync`; and so is the sync of an O_SYNC write that fails with EIO: its data is in the page
    cache all the same.
    """

    errno: int


LOST_BY_SYNC = frozenset({EIO, ENOSPC, EDQUOT})
"""With these a sync says that it could not write, or not find room for, what was on its way."""


@dataclass(frozen=True, slots=True)
class Short:
    """The kernel takes only the first `keep` bytes of a write, and says so."""

    keep: int


@dataclass(frozen=True, slots=True)
class Omit:
    """The call returns as if done and is neither done nor recorded. For barriers only."""


Decision: TypeAlias = Proceed | Kill | Fail | Short | Omit


class Injector(Protocol):
    """Decides the fate of each step."""

    def decide(self, number: int, step: Step) -> Decision:
        """What to do with this step.

        number: steps before this one, from 0. A step that was made to fail or left out counts;
            a call that failed by itself does not, so the same number may be asked again.
        step: as it would be recorded, with all its data.
        """
        ...


@dataclass(frozen=True, slots=True)
class ReadOpen:
    """A file or directory below the root is about to be opened for reading only."""

    path: str


@runtime_checkable
class InjectsReads(Protocol):
    """An injector may have this too."""

    def decide_read(self, number: int, opening: ReadOpen) -> Proceed | Fail:
        """What to do with this opening. `number` counts them from 0, apart from the steps."""
        ...


@dataclass(frozen=True, slots=True)
class AtStep:
    """One decision at one step; all others proceed."""

    number: int
    decision: Decision

    def decide(self, number: int, step: Step) -> Decision:
        return self.decision if number == self.number else Proceed()


def check(decision: Decision, step: Step) -> None:
    """Refuse a decision that cannot be carried out on this step.

    Raises ValueError: a kill during, or a short, step that is no write or with `keep` outside it; a
    short write of nothing (callers would try for ever); an error number that does not exist; a step
    left out that is no barrier.
    """
    match decision:
        case Proceed() | Kill("before" | "after"):
            return
        case Kill("during", keep):
            _check_keep(decision, step, keep, least=0)
        case Short(keep):
            _check_keep(decision, step, keep, least=1)
        case Fail(errno):
            if errno < 1 or os.strerror(errno).startswith("Unknown error"):
                raise ValueError(f"{decision}: there is no such error number")
        case Omit():
            if not is_barrier(step):
                raise ValueError(
                    f"{describe(step)} cannot be left out; only barriers can (fsync, sync)"
                )
        case _:
            raise ValueError(f"{decision!r} is not a decision about a step")


def _check_keep(decision: Decision, step: Step, keep: int, least: int) -> None:
    if not isinstance(step, Write):
        raise ValueError(f"{decision} at {describe(step)}: only a write can be cut")
    if not least <= keep <= len(step.data):
        raise ValueError(f"{decision} at {describe(step)}: keep {least} to {len(step.data)} bytes")
