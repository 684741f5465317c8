"""Threads that take turns: one runs at a time, and a schedule decides at each step who goes on.

    turns = Interleaving(7)
    with locks_that_give_turns(turns):               # tornwrite.faults.turn_locks
        with Recorder(root) as recorder:
            store = open_store(root)                 # its locks are made here
            with recorder.in_turns(turns):
                turns.run([writer, reader])

The same schedule, the same order of steps: what a real scheduler does by chance can be had again,
and so can all that it could do (`tornwrite.faults.schedules`). A thread may have to wait before
each step that is recorded, before it opens a file for reading, and wherever it takes a lock.
Whatever else it may wait for (a lock that was made before, a child process, a socket) stops all:
`run` then raises NotInTurns. Where every thread waits for another one, `run` raises Deadlock. Who
waits for a time at most does so until nobody else can go on: that is when time passes here.
"""

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tornwrite.faults.schedules import Schedule, Seeded, Turn

PATIENCE_S = 20.0
"""How long a thread may run without coming to a step before it is said to wait for good."""

MOST_STEPS = 1_000_000
"""How many steps and locks a run may come to before it is said to go in circles."""

real_lock: Callable[[], Any] = threading.Lock


class NotInTurns(Exception):
    """The interleaving does not control what a thread waits for, or the run comes to no end."""


class Endless(NotInTurns):
    """The run comes to no end, as far as was looked, though nobody waits for good."""


class Deadlock(Exception):
    """Every thread waits for something that another one has to do."""


class _Over(BaseException):
    """Ends a thread whose run is over; no program catches it."""


@dataclass(slots=True)
class _Worker:
    """A thread that takes turns.

    number: in the order in which they were started. gate: held until it is the thread's turn.
    arrived: held until the thread is at its gate. waiting_since: what had happened when it could
    not go on; -1 while it can. at_most_s: how long it would wait then; None for good. tries: how
    often it may still wait after the end of the run. held: tells whether what it comes to take or
    waits for is held, so that it could only wait.
    """

    number: int = 0
    gate: Any = field(default_factory=real_lock)
    arrived: Any = field(default_factory=real_lock)
    waiting_since: int = -1
    at_most_s: float | None = None
    tries: int = 1000
    held: Callable[[], bool] | None = None


class Interleaving:
    """Turns in the order of a schedule. Usable once.

    schedule: a number is a seed (`Seeded`). most_steps: after how many steps and locks the run is
    said to come to no end; MOST_STEPS unless it is given.
    """

    def __init__(self, schedule: Schedule | int, *, most_steps: int | None = None) -> None:
        self._schedule = Seeded(schedule) if isinstance(schedule, int) else schedule
        self._most_steps = MOST_STEPS if most_steps is None else most_steps
        self._workers: dict[int, _Worker] = {}
        self._threads: list[threading.Thread] = []
        self._strangers = frozenset(threading.enumerate())
        self._happened = 0
        self._over: BaseException | None = None
        self._done = real_lock()

    def run(self, work: Sequence[Callable[[], None]]) -> None:
        """Run each piece of work in a thread of its own, in turns, until all are done.

        Raises what the first of them raised; Deadlock; Endless; NotInTurns. None of the threads
        goes on then, except one that waits for what is not controlled; it ends at its next step.
        """
        if not work:
            return
        self._done.acquire()
        try:
            for one in work:
                self._start(one)
            self._pass_on()
            self._await_end()
        except BaseException as error:
            self._end(error)
        for thread in self._threads:
            thread.join(timeout=0.1 if isinstance(self._over, NotInTurns) else PATIENCE_S)
        if self._over is not None:
            raise self._over

    @property
    def broken_off(self) -> BaseException | None:
        """What the run was broken off for, if it was."""
        return self._over

    def controls_this_thread(self) -> bool:
        """Whether the calling thread is one of those that take turns."""
        return threading.get_ident() in self._workers

    def minds_locks(self) -> bool:
        """Whether the calling thread must not simply wait for a lock.

        It takes turns, or the run was broken off: who held the lock then may never release it.
        """
        return self._over is not None or self.controls_this_thread()

    def step(self, held: Callable[[], bool] | None = None, *, alone: bool = False) -> None:
        """The calling thread comes to a step: somebody else may go first.

        held: for a lock, whether somebody has it. alone: the step concerns no other thread.
        """
        me = self._workers.get(threading.get_ident())
        if me is None:
            return
        if self._over is not None:
            if _is_ending():
                return  # it closes and releases what it has
            raise _Over
        self._happened += 1
        if self._happened > self._most_steps:
            steps = f"{self._most_steps:,} steps and locks"
            self._end(Endless(f"the threads come to no end in {steps}"))
            raise _Over
        if len(self._workers) > 1:
            me.held = held
            self._give_turn(me, self._next(me, alone=alone))
            me.held = None

    def blocked(
        self, at_most_s: float | None = None, held: Callable[[], bool] | None = None
    ) -> bool:
        """The calling thread cannot go on before something happens. Returns when something has.

        at_most_s: how long it would wait, in seconds. held: whether it still cannot, if that can be
        told. False when the time is up: nothing else can
        happen before.
        Raises Deadlock in a thread that takes no turns, for a run that was broken off.
        """
        me = self._workers.get(threading.get_ident())
        if me is None:
            raise Deadlock("a thread that was ended has not released this lock")
        if self._over is not None:
            self._wait_for_the_ending(me)
            return True
        me.waiting_since, me.at_most_s, me.held = self._happened, at_most_s, held
        self._give_turn(me, self._next(None))
        in_time = me.waiting_since >= 0
        me.waiting_since, me.at_most_s, me.held = -1, None, None
        return in_time

    def freed(self) -> None:
        """Something that others may wait for is free again."""
        if self.controls_this_thread():
            self._happened += 1

    def _start(self, work: Callable[[], None]) -> None:
        worker = _Worker(len(self._threads))
        worker.gate.acquire()
        worker.arrived.acquire()
        thread = threading.Thread(target=self._live, args=(worker, work), daemon=True)
        thread.start()
        self._threads.append(thread)
        # A thread takes locks while it starts, and nobody's turn is to depend on when.
        worker.arrived.acquire()

    def _live(self, me: _Worker, work: Callable[[], None]) -> None:
        self._workers[threading.get_ident()] = me
        me.arrived.release()
        if self._over is None:
            me.gate.acquire()
        try:
            if self._over is None:
                work()
        except _Over:
            pass
        except BaseException as error:
            self._end(error)
        finally:
            self._happened += 1
            del self._workers[threading.get_ident()]
            if self._over is None:
                self._pass_on()

    def _give_turn(self, me: _Worker, other: _Worker | None) -> None:
        if other is me:
            return
        _let_go_on(self._done if other is None else other.gate)
        me.gate.acquire()
        if self._over is not None:
            raise _Over

    def _pass_on(self) -> None:
        """Give the turn to one of those that can use it; the caller has it until then."""
        other = self._next(None)
        _let_go_on(self._done if other is None else other.gate)

    def _next(self, current: _Worker | None, *, alone: bool = False) -> _Worker | None:
        """Who goes on, or None: the run is over."""
        workers = list(self._workers.values())
        ready = {one.number: one for one in workers if one.waiting_since < self._happened}
        timed = [one for one in workers if one.at_most_s is not None]
        if ready:
            able = (number for number, one in ready.items() if one.held is None or not one.held())
            number = None if current is None else current.number
            return ready[self._schedule.next(Turn(number, tuple(ready), tuple(able), alone))]
        if timed:
            first = min(timed, key=lambda one: one.at_most_s or 0.0)
            first.waiting_since = -1  # its time is up
            return first
        if workers:
            self._end(self._why_nobody_goes_on(len(workers)))
        return None

    def _why_nobody_goes_on(self, waiting: int) -> Exception:
        known = self._strangers.union(self._threads)
        others = [one.name for one in threading.enumerate() if one not in known]
        if others:
            return NotInTurns(
                f"{waiting} threads wait, perhaps for others that take no turns: "
                + ", ".join(others)
            )
        return Deadlock(f"{waiting} threads wait for each other, for good")

    def _await_end(self) -> None:
        seen, since = self._happened, time.monotonic()
        while not self._done.acquire(timeout=1.0):
            if self._happened != seen:
                seen, since = self._happened, time.monotonic()
            elif time.monotonic() - since > PATIENCE_S:
                raise NotInTurns(
                    f"a thread has not come to a step for {PATIENCE_S:g} s: it runs for ever, or "
                    "waits for something else than a lock of threading or on a file"
                )

    def _end(self, why: BaseException) -> None:
        """Let all threads run into their end, and then whoever waits for them."""
        if self._over is None:
            self._over = why
        for worker in list(self._workers.values()):
            _let_go_on(worker.gate)
        _let_go_on(self._done)

    def _wait_for_the_ending(self, me: _Worker) -> None:
        """Others release what they hold, too."""
        me.tries -= 1
        if me.tries < 0 or not _is_ending():
            raise _Over
        time.sleep(0.001)


def _let_go_on(gate: Any) -> None:
    with contextlib.suppress(RuntimeError):  # it is open already
        gate.release()


def _is_ending() -> bool:
    """Whether the calling thread is leaving its work because the run is over."""
    error = sys.exception()
    while error is not None:
        if isinstance(error, _Over):
            return True
        error = error.__context__
    return False
