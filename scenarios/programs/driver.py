"""A program as a subject: one driver, open on a directory, asked for what a `Driver` is asked for.

A driver that says that it can open again is kept warm from one directory to the next; another one
is started anew for each.
"""

from collections.abc import Callable, Sequence
from typing import Any

from tornwrite.model.operation import Observation, Operation
from tornwrite.scenarios.built.driver import Looks
from tornwrite.scenarios.programs.protocol import (
    CLOSING,
    Hung,
    Misbehaved,
    Ok,
    OperationFailed,
    Program,
    Refused,
    Request,
    doing,
    observing,
    opening,
    reopens,
)
from tornwrite.scenarios.programs.running import Running


class ProgramDriver:
    """A program that is open on a directory.

    Whatever it is asked raises OperationFailed with the driver's own words when it answers so,
    Misbehaved when it gives no answer.
    """

    def __init__(
        self,
        opener: "Opener",
        running: Running,
        observation: Callable[[Any], Observation],
        *,
        reopens: bool,
    ) -> None:
        self._opener = opener
        self._observation = observation
        self._running = running
        self._reopens = reopens

    def apply(self, operation: Operation) -> Any:
        """Do the operation; the driver's answer."""
        return self._asked(doing(operation))

    def observe(self, names: Sequence[str]) -> Observation:
        """What the driver shows, as the content of an observation."""
        return self._observation(self._asked(observing(names)))

    def settled(self, names: Sequence[str]) -> Observation:
        """Nothing: no driver is asked what it ought to have cleared up."""
        return {}

    def close(self) -> None:
        """Close the store; the driver ends with it unless it can open another."""
        if self._running.over:
            return
        self._asked(CLOSING)
        if self._reopens:
            self._opener.keep(self._running)
        else:
            self._opener.leave(self._running)

    def _asked(self, request: Request) -> Any:
        try:
            answer = self._running.ask(request)
        except Misbehaved as error:
            self._opener.misbehaved(error)
            raise
        match answer:
            case Ok(result):
                return result
            case Refused(text):
                raise OperationFailed(text)


_HANGS = 2
_TIMES = 20
_LEAST_S = 0.5
"""Once a driver has hung so often, another time it is waited for only so many times as long as its
slowest answer took, and no less than that: hundreds of images may make it hang."""


class Opener:
    """Opens a program on directories: what a program's subject has as its `open`.

    spoilt: whether a driver that had opened another directory before has misbehaved since this was
    last asked by `was_spoilt`. was_warm: whether the driver opened last was such a one.
    """

    def __init__(self, program: Program, looks: Callable[[str], Looks] | None = None) -> None:
        """looks: for a directory, what checks the shape of all that the driver shows of it."""
        self.program = program
        self._looks = looks
        self.spoilt = False
        self.was_warm = False
        self._warm: Running | None = None
        self._hangs = 0
        self._slowest_s = 0.0

    def __call__(self, directory: str) -> ProgramDriver:
        """Open the store in that directory; raises as the driver does (`ProgramDriver`)."""
        observation = self.observation(directory)
        running, self._warm = self._warm, None
        self.was_warm = running is not None and not running.over
        if running is None or running.over:
            running = Running(self.program)
        if self._hangs >= _HANGS:
            running.patience_s = min(running.patience_s, max(_LEAST_S, _TIMES * self._slowest_s))
        try:
            answer = running.ask(opening(directory))
        except Misbehaved as error:
            self.misbehaved(error)
            raise
        match answer:
            case Refused(text):
                running.kill("it could not open the store")
                raise OperationFailed(text)
            case Ok():
                return ProgramDriver(self, running, observation, reopens=reopens(answer))

    def observation(self, directory: str) -> Callable[[Any], Observation]:
        """What makes an observation of what a driver shows that is about to open the directory.

        It raises Misused, or ValueError where something was there before, when that has not
        the model's shape.
        """
        if self._looks is None:
            return lambda shown: {"content": shown}
        looks = self._looks(directory)
        return lambda shown: {"content": looks.checked(shown)}

    def misbehaved(self, error: Misbehaved) -> None:
        """The driver that is open did so, and was ended."""
        self.spoilt = self.spoilt or self.was_warm
        self._hangs += isinstance(error, Hung)

    def keep(self, running: Running) -> None:
        """A driver that has closed its directory and may open another."""
        if self._warm is not None and self._warm is not running:
            self._warm.kill("another one is kept")
        self._slowest_s = max(self._slowest_s, running.slowest_s)
        self._warm = running

    def leave(self, running: Running) -> None:
        """A driver that has closed its directory and is to end."""
        self._slowest_s = max(self._slowest_s, running.slowest_s)
        try:
            running.leave()
        except Misbehaved as error:
            self.misbehaved(error)
            raise

    def cool(self) -> None:
        """End the driver that is kept: the next one is started anew."""
        running, self._warm = self._warm, None
        if running is not None:
            running.kill("a new one was wanted")

    def was_spoilt(self) -> bool:
        """Whether a driver that was kept warm has misbehaved since this was last asked."""
        spoilt, self.spoilt = self.spoilt, False
        return spoilt
