"""A workload on a disk that fills up under it: what was tried, what came of it, what was seen.

At the first operation that fails for want of room one of three things happens (`Way`); in the end
there is room again, and what failed is done again by the store that is open, without a restart.
"""

import contextlib
import copy
import errno
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from tornwrite.faults.capacity import Room
from tornwrite.faults.images import Image
from tornwrite.faults.recorder import RecorderBlind, UnknownStep
from tornwrite.faults.trace import Event
from tornwrite.model.judge import Seen
from tornwrite.model.operation import Operation
from tornwrite.scenarios.recording import OPEN, REOPEN, HarnessBroken
from tornwrite.scenarios.subject import Driver, Scenario, Subject, WrongUse

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class Way(Enum):
    """What happens when an operation has found no room."""

    FREED = "then freed"
    STAYS = "full to the end"
    REOPENED = "reopened while full"


@dataclass(frozen=True, slots=True)
class Filling:
    """One way for the disk to fill up, as a finding's replay command names it."""

    room: Room
    way: Way = Way.FREED

    def __str__(self) -> str:
        room = self.room
        blocks = f" in blocks of {room.unit_bytes} B" if room.unit_bytes > 1 else ""
        names = f", {room.entry_bytes} B a name" if room.entry_bytes else ""
        return (
            f"{errno.errorcode[room.number]} with {room.free_bytes} B free{blocks} from step "
            f"{room.since}{names}, {self.way.value}"
        )


_WORDS = re.compile(
    r"(?P<error>ENOSPC|EDQUOT) with (?P<free>\d+) B free( in blocks of (?P<unit>\d+) B)?"
    r" from step (?P<since>\d+)(, (?P<entry>\d+) B a name)?, (?P<way>.+)"
)


def parse_filling(words: str) -> Filling:
    """The filling of those words. Raises WrongUse when they are none."""
    found = _WORDS.fullmatch(words)
    ways = {way.value: way for way in Way}
    if found is None or found["way"] not in ways:
        raise WrongUse(
            f"{words!r} is no full disk; one is {str(Filling(Room(17, since=4)))!r}, for example"
        )
    return Filling(
        Room(
            int(found["free"]),
            int(found["since"]),
            int(found["unit"] or 1),
            int(found["entry"] or 0),
            int(getattr(errno, found["error"])),
        ),
        ways[found["way"]],
    )


class Disk(Protocol):
    """The disk that a workload runs on."""

    @property
    def refused(self) -> int:
        """How often it had no room so far; 0 for good where nobody can tell."""
        ...

    def free(self) -> None:
        """Make room for all that may come."""
        ...

    def image(self) -> Image:
        """What is on it now."""
        ...


class Notes(Protocol):
    """Who is told when operations begin and end: a recorder, for one."""

    def began(self, name: str, arguments: Mapping[str, Any]) -> int: ...

    def acknowledged(self, number: int, result: Any = None) -> None: ...

    def failed(self, number: int, error: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Failure:
    """What an operation raised. carries: an error that says that there is no room; named: a file's
    name is in it."""

    text: str
    carries: bool
    named: bool


@dataclass(frozen=True, slots=True)
class Look:
    """What the open subject showed, if it was open, and what was on the disk.

    events: all until then.
    """

    events: int
    seen: Seen | None
    image: Image


@dataclass(frozen=True, slots=True)
class Attempt:
    """One operation, and what came of it.

    number: of the operation in the trace. refused: it met a full disk. free: there was room by
    then. look: taken afterwards, where anything could be wrong.
    """

    number: int
    operation: Operation
    failure: Failure | None
    refused: bool
    free: bool
    look: Look | None


@dataclass(slots=True)
class Filled:
    """A workload that ran until its end, or until the subject would not open."""

    attempts: list[Attempt]
    was_full: bool = False


class Silent:
    """Nobody is told."""

    def began(self, name: str, arguments: Mapping[str, Any]) -> int:
        return 0

    def acknowledged(self, number: int, result: Any = None) -> None:
        pass

    def failed(self, number: int, error: str) -> None:
        pass


def fill(
    subject: Subject,
    scenario: Scenario,
    root: str,
    disk: Disk,
    way: Way,
    notes: Notes,
    events: Sequence[Event] = (),
    *,
    to_the_end: bool = True,
) -> Filled:
    """Run the workload on a disk, which has its content already.

    Lanes of the scenario come one after another. events: what `notes` has recorded so far.
    to_the_end: do all of the workload; else, once there is room again and what failed has been done
    again, one operation more.
    """
    return _Run(subject, scenario, root, disk, way, notes, events, to_the_end).run()


class _Run:
    def __init__(
        self,
        subject: Subject,
        scenario: Scenario,
        root: str,
        disk: Disk,
        way: Way,
        notes: Notes,
        events: Sequence[Event],
        to_the_end: bool,
    ) -> None:
        self._to_the_end = to_the_end
        self._subject = subject
        self._operations = (OPEN, *scenario.every_operation)
        self._names = subject.model.names(scenario.every_operation)
        self._root = root
        self._disk = disk
        self._way = way
        self._notes = notes
        self._events = events
        self._driver: Driver | None = None
        self._free = False
        self._result = Filled([])

    def run(self) -> Filled:
        try:
            self._all()
        finally:
            if self._driver is not None:
                # It may have something left to write; what comes of that is judged in other runs.
                with contextlib.suppress(OSError):
                    self._driver.close()
        return self._result

    def _all(self) -> None:
        waiting: list[Operation] = []
        for at, operation in enumerate(self._operations):
            is_last = at == len(self._operations) - 1 or (self._free and not self._to_the_end)
            if self._do(operation, look=is_last):
                if is_last:
                    break
                continue
            if self._free:
                if self._driver is None:
                    return
                continue
            waiting.append(operation)
            if self._way is Way.REOPENED and self._driver is not None:
                if self._do(Operation(REOPEN), look=True):
                    self._do(operation)
                elif operation.name != REOPEN:
                    waiting.insert(0, Operation(REOPEN))
            if self._way is not Way.STAYS or self._driver is None or is_last:
                waiting = self._again(waiting)
                if self._driver is None:
                    return
        self._again(waiting)

    def _again(self, waiting: Sequence[Operation]) -> list[Operation]:
        """Make room, and do again what failed."""
        if waiting:
            self._free = True
            self._disk.free()
        for at, operation in enumerate(waiting):
            if self._driver is None and operation.name not in (OPEN.name, REOPEN):
                break  # what it was left as cannot be opened, and is judged as that
            self._do(operation, look=at == len(waiting) - 1)
        return []

    def _do(self, operation: Operation, *, look: bool = False) -> bool:
        refused = self._disk.refused
        number = self._notes.began(operation.name, operation.arguments)
        failure = None
        try:
            result = self._perform(operation)
        except (HarnessBroken, UnknownStep, RecorderBlind):
            raise
        except Exception as error:
            failure = _failure(error, self._root)
            self._notes.failed(number, failure.text)
        else:
            self._notes.acknowledged(number, result)
        was_refused = self._disk.refused > refused or (failure is not None and failure.carries)
        self._result.was_full |= was_refused
        opened = operation.name in (OPEN.name, REOPEN)
        wanted = look or was_refused or failure is not None or (opened and self._result.was_full)
        self._result.attempts.append(
            Attempt(
                number,
                operation,
                failure,
                was_refused,
                self._free,
                self._look() if wanted else None,
            )
        )
        return failure is None

    def _perform(self, operation: Operation) -> Any:
        if operation.name in (OPEN.name, REOPEN):
            before, self._driver = self._driver, None
            if before is not None:
                before.close()
            self._driver = self._subject.open(self._root)
            return None
        if self._driver is None:
            raise HarnessBroken("there is nothing to work on: opening failed")
        # As it is now: a store may give away what it goes on changing.
        return copy.deepcopy(self._driver.apply(operation))

    def _look(self) -> Look:
        seen = None
        if self._driver is not None:
            try:
                seen = Seen(self._driver.observe(self._names))
            except (HarnessBroken, UnknownStep, RecorderBlind):
                raise
            except Exception as error:
                seen = Seen(None, _text(error, self._root))
        return Look(len(self._events), seen, self._disk.image())


def _failure(error: Exception, root: str) -> Failure:
    carries = named = False
    one: BaseException | None = error
    while one is not None:
        if isinstance(one, OSError):
            carries |= one.errno in NO_ROOM
            named |= one.filename is not None
        # What was left out of the traceback with `from None` tells nobody anything.
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    text = str(error)
    carries = carries or any(os.strerror(number) in text for number in NO_ROOM)
    return Failure(_text(error, root), carries, named or root in text)


def _text(error: BaseException, root: str) -> str:
    return f"{type(error).__name__}: {error}".replace(root + "/", "")
