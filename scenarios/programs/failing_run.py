"""A program's run in which calls fail: it goes on after errors, and in a new process after a death.

A program may end itself over an error: databases do, since what is on the disk is all that they
trust then. That is a crash of it. Its user starts it again on what is there and goes on; what it
was doing when it ended is done or not.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tornwrite.faults.images import Image
from tornwrite.faults.strace_live import SPEAKS, Moment
from tornwrite.faults.trace import Event, Failed, Restarted, Stepped, Trace, open_paths
from tornwrite.model.judge import Seen
from tornwrite.model.operation import Observation, Operation
from tornwrite.scenarios.continuation import boundaries, closings
from tornwrite.scenarios.programs.protocol import (
    CLOSING,
    Died,
    Hung,
    Ok,
    OperationFailed,
    Program,
    Refused,
    observing,
)
from tornwrite.scenarios.programs.recording import ProgramRun
from tornwrite.scenarios.programs.weaving import Asked


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a trace: its epoch, and how many steps were done."""

    epoch: int
    point: int


@dataclass(frozen=True, slots=True)
class Request:
    """One request of a run: in which process, counted from 0, and the how many-th there."""

    life: int
    number: int


class FailingRun(ProgramRun):
    """One run of a program under strace, with calls that fail.

    `tried` and `shows` raise Hung, Nonsense and LeftBehind; a death is what came of it.

    has_died: whether a process ended by itself.
    """

    def __init__(
        self,
        program: Program,
        root: str,
        base: Image,
        folder: str,
        inject: Mapping[int, Sequence[str]] | None = None,
        *,
        shown: Callable[[Any], Observation] = dict,
    ) -> None:
        super().__init__(program, root, base, folder, inject, shown=shown)
        self._gone: set[int] = set()
        self.has_died = False
        self._starts: list[Position] = []

    @property
    def life(self) -> int:
        """Which process is the last one, from 0; -1 before the first."""
        return len(self._lives) - 1

    @property
    def next_number(self) -> int:
        """The number of the operation that comes next."""
        return self._numbers

    @property
    def last(self) -> Request:
        """The request that was made last."""
        return Request(self.life, len(self._life.asked) - 1)

    def tried(self, operation: Operation, names: Sequence[str]) -> Ok | Refused | Died:
        """Do one operation: what it answered, or how the process ended instead."""
        number = self._numbers
        answer = self.perform(operation, names)
        failure, self.broken, self.failure = self.failure, "", None
        match failure:
            case Died():
                self._has_died()
                return failure
            case Hung():
                raise failure
            case OperationFailed():  # reopening: it could not be closed
                self._life.asked[-1].ended = Failed(number, str(failure))
                return Refused(str(failure))
            case _:
                assert answer is not None
                return answer

    def shows(self, names: Sequence[str]) -> Seen | Died:
        """One look at what it holds."""
        try:
            answer = self._ask(observing(names))
        except Died as death:
            self._has_died()
            return death
        match answer:
            case Refused(error):
                return Seen(None, error)
            case Ok(result):
                try:
                    return Seen(self._shown(result))
                except ValueError as wrong:
                    return Seen(None, str(wrong))

    def end_process(self, *, closing: bool, lossy: bool = False) -> None:
        """Have the process end, whatever it says to that; the next opening starts another one.

        closing: the store is open, and is to be closed first. lossy: what it kept to itself may be
        lost, as by a kill: it could not hand it over.
        """
        if self.life < 0 or self._life.running.over:
            return
        if lossy:
            self._gone.add(self.life)
        try:
            if closing:
                self._ask(CLOSING)
            self._life.running.leave()
        except Died:
            self._has_died()

    def trace(self, *, killed: bool = False) -> Trace:
        """What happened, deaths among it. All processes have ended."""
        events: list[Event] = []
        owner: int | None = None
        handles = 0
        for number, life in enumerate(self._lives):
            self._starts.append(position_after(events))
            owner = self._weave(events, life, owner, handles, cut_off=number in self._gone)
            handles += max(open_paths(self.read[-1].steps), default=0)
            if number in self._gone:
                events += closings(events)
                events.append(Restarted())
                owner = None
        return Trace(self._base, tuple(events), self._beside())

    def position(self, request: Request) -> Position:
        """Where in the trace the request was answered."""
        start, read = self._starts[request.life], self.read[request.life]
        until = self._lives[request.life].asked[: request.number + 1]
        done = max((read.done_at(one.byte) for one in until if one.byte is not None), default=0)
        return Position(start.epoch + sum(map(_boundaries, until)), start.point + done)

    def position_of_call(self, life: int, moment: Moment) -> Position:
        """Where in the trace a call was made."""
        start = self._starts[life]
        asked = self._lives[life].asked
        under_way = _under_way(asked, moment)
        before = sum(map(_boundaries, asked[:under_way]))
        begun = under_way < len(asked) and self._has_begun(life, asked[under_way], moment)
        return Position(start.epoch + before + begun, start.point + moment.done)

    def _has_begun(self, life: int, asked: Asked, moment: Moment) -> bool:
        """Whether the request was read before the call: what comes late belongs to the last one."""
        if asked.began is None:
            return False
        read = self.read[life]
        if not self._lives[life].hears(read, life in self._gone):
            return True
        heard = read.heard_at(asked.first)
        return heard is not None and heard <= moment.done

    def operation_at(self, life: int, moment: Moment) -> int | None:
        """The number of the operation that made a call, None for one outside of any."""
        wanted = (life, _under_way(self._lives[life].asked, moment))
        for at, owner in self._owners():
            if at == wanted:
                return owner
        return None

    def injected_here(self) -> bool:
        """Whether strace had calls fail, and no answers, by what it wrote until it was ended."""
        root = "".join(f"\\x{byte:02x}" for byte in os.fsencode(os.path.realpath(self._root)))
        failed: list[bytes] = []
        for life in self._lives:
            life.log.finish()
            with open(life.log.calls, "rb") as lines:
                failed += (line for line in lines if line.endswith(b"(INJECTED)\n"))
        said = re.compile(rb"\d+ +(?:<\.\.\. )?(?:" + "|".join(SPEAKS).encode() + rb")\b")
        return bool(failed) and all(
            root.encode() in line or not said.match(line) for line in failed
        )

    def _owners(self) -> Iterator[tuple[tuple[int, int], int | None]]:
        owner: int | None = None
        for number, life in enumerate(self._lives):
            for at, asked in enumerate(life.asked):
                owner = owner if asked.began is None else asked.began.number
                yield (number, at), owner
                owner = owner if asked.ended is None else None
            owner = None if number in self._gone else owner

    def _has_died(self) -> None:
        self._gone.add(self.life)
        self.has_died = True


def position_after(events: Sequence[Event]) -> Position:
    """The place in a trace after all of these."""
    return Position(boundaries(events), sum(isinstance(event, Stepped) for event in events))


def _boundaries(asked: Asked) -> int:
    return (asked.began is not None) + (asked.ended is not None)


def _under_way(asked: Sequence[Asked], moment: Moment) -> int:
    """Which request was not answered yet when the call was made; their number if none."""
    return next(
        (at for at, one in enumerate(asked) if one.byte is None or one.byte > moment.said),
        len(asked),
    )
