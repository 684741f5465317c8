"""What is promised after a power loss and what after a kill: at a kill the two part ways.

A power loss leaves one state, the one seen. A kill leaves its operation in doubt for good: nobody
acknowledged it, so a later power loss may show either. Another kill may not, since the page cache
has decided.
"""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from tornwrite.faults.profiles import PowerLoss, ProcessKill, Profile
from tornwrite.faults.trace import Acknowledged, Began, Event, Failed, Restarted, Stepped
from tornwrite.model.history import History
from tornwrite.model.judge import Model, Permitted
from tornwrite.model.operation import REFUSED, Operation
from tornwrite.model.unsynced import history_of

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class _Became:
    """The power failed, and this is what was left."""

    state: Any


class Promised(Generic[S]):
    """What may come back, after a power loss and after a kill: the two part ways at a kill."""

    def __init__(self, model: Model[S], start: S) -> None:
        self._model = model
        self._start = start
        self._lost: History[S] = history_of(model, start)
        self._killed: History[S] = history_of(model, start)
        self._said: list[Event | _Became] = []
        """All that the history of power losses was told, to tell it again from an earlier point."""

    def tell(self, event: Event) -> None:
        # Steps promise nothing. They may follow an end too: a look at the subject may write.
        if not isinstance(event, Stepped):
            self._said.append(event)
        tell(self._lost, event)
        tell(self._killed, event)

    def permitted(self) -> "PermittedAfter[S]":
        return PermittedAfter(self._lost.permitted(), self._killed.permitted())

    def power_lost(self, state: S) -> None:
        self._said.append(_Became(state))
        self._lost.became(state)
        self._killed.became(state)

    def process_killed(self, forgotten: int, state: S) -> None:
        """forgotten: how many of the last beginnings and ends the kill came before."""
        del self._said[len(self._said) - forgotten :]
        self._said.append(Restarted())
        self._lost = history_of(self._model, self._start)
        for event in self._said:
            tell(self._lost, event)
        self._killed.became(state)


def tell(history: History[S], event: Event | _Became) -> None:
    """Have the history follow what happened."""
    match event:
        case Began(number, name, arguments):
            history.began(number, Operation(name, arguments))
        case Acknowledged(number, result) if result == REFUSED:
            history.failed(number)
        case Acknowledged(number):
            history.acknowledged(number)
        case Failed(number):
            history.failed(number)
        case Restarted():
            history.killed()
        case _Became(state):
            history.became(state)
        case Stepped():
            pass


@dataclass(frozen=True, slots=True)
class PermittedAfter(Generic[S]):
    """What may come back at one point of a run, by the kind of crash."""

    after_power_loss: Permitted[S]
    after_kill: Permitted[S]

    def under(self, profile: Profile) -> Permitted[S]:
        """What may come back under that profile."""
        match profile:
            case ProcessKill():
                return under(self.after_kill, profile)
            case PowerLoss():
                return under(self.after_power_loss, profile)


def under(permitted: Permitted[S], profile: Profile) -> Permitted[S]:
    """What may come back after a crash of that kind: more, where a store makes durable later."""
    match profile:
        case ProcessKill():
            return permitted.killed or permitted
        case PowerLoss():
            return permitted.power_lost or permitted
