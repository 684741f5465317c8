"""Threads that take turns: one runs at a time, and a seed decides at each step who goes on.

    turns = Interleaving(seed=7)
    with locks_that_give_turns(turns):               # tornwrite.faults.turn_locks
        with Recorder(root) as recorder:
            store = open_store(root)                 # its locks are made here
            with recorder.in_turns(turns):
                turns.run([writer, reader])

The same seed, the same order of steps: what a real scheduler does by chance can be had again. A
thread may have to wait before each step that is recorded, before it opens a file for reading, and
wherever it takes a lock. Whatever else it may wait for (a lock that was made before, a child
process, a socket) stops all: `run` then raises NotInTurns. Where every thread waits for another
one, `run` raises Deadlock. Who waits for a time at most does so until nobody else can go on: that
is when time passes here.
"""

import contextlib
import random
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

PATIENCE_S = 20.0
"""How long a thread may run without coming to a step before it is said to wait for good."""

MOST_STEPS = 1_000_000
"""How many steps and locks a run may come to before it is said to go in circles."""

real_lock: Callable[[], Any] = threading.Lock
_HOW_OFTEN = (0.15, 0.4, 0.8)


class NotInTurns(Exception):
    """The interleaving does not control what a thread waits for, or the run comes to no end."""


class Deadlock(Exception):
    """Every thread waits for something that another one has to do."""


class _Over(BaseException):
    """Ends a thread whose run is over; no program catches it."""


@dataclass(slots=True)
class _Worker:
    """A thread that takes turns.

    gate: held until it is the thread's turn. arrived: held until the thread is at its gate.
    waiting_since: what had happened when it could not go on; -1 while it can. at_most_s: how long
    it would wait then; None for good. tries: how often it may still wait after the end of the run.
    """

    gate: Any = field(default_factory=real_lock)
    arrived: Any = field(default_factory=real_lock)
    waiting_since: int = -1
    at_most_s: float | None = None
    tries: int = 1000


class Interleaving:
    """A seeded order of turns. Usable once.

    seed: any number. Beside who goes on it decides how often turns change.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._often = self._random.choice(_HOW_OFTEN)
        self._workers: dict[int, _Worker] = {}
        self._threads: list[threading.Thread] = []
        self._strangers = frozenset(threading.enumerate())
        self._happened = 0
        self._over: BaseException | None = None
        self._done = real_lock()

    def run(self, work: Sequence[Callable[[], None]]) -> None:
        """Run each piece of work in a thread of its own, in turns, until all are done.

        Raises what the first of them raised; Deadlock; NotInTurns. None of the threads goes on
        then, except one that waits for what is not controlled; it ends at its next step.
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

    def controls_this_thread(self) -> bool:
        """Whether the calling thread is one of those that take turns."""
        return threading.get_ident() in self._workers

    def minds_locks(self) -> bool:
        """Whether the calling thread must not simply wait for a lock.

        It takes turns, or the run was broken off: who held the lock then may never release it.
        """
        return self._over is not None or self.controls_this_thread()

    def step(self) -> None:
        """The calling thread comes to a step: somebody else may go first."""
        me = self._workers.get(threading.get_ident())
        if me is None:
            return
        if self._over is not None:
            if _is_ending():
                return  # it closes and releases what it has
            raise _Over
        self._happened += 1
        if self._happened > MOST_STEPS:
            self._end(NotInTurns(f"the threads come to no end in {MOST_STEPS:,} steps and locks"))
            raise _Over
        if len(self._workers) > 1 and self._random.random() < self._often:
            self._give_turn(me)

    def blocked(self, at_most_s: float | None = None) -> bool:
        """The calling thread cannot go on before something happens. Returns when something has.

        at_most_s: how long it would wait, in seconds. False when the time is up: nothing else can
        happen before.
        Raises Deadlock in a thread that takes no turns, for a run that was broken off.
        """
        me = self._workers.get(threading.get_ident())
        if me is None:
            raise Deadlock("a thread that was ended has not released this lock")
        if self._over is not None:
            self._wait_for_the_ending(me)
            return True
        me.waiting_since, me.at_most_s = self._happened, at_most_s
        self._give_turn(me)
        in_time = me.waiting_since >= 0
        me.waiting_since, me.at_most_s = -1, None
        return in_time

    def freed(self) -> None:
        """Something that others may wait for is free again."""
        if self.controls_this_thread():
            self._happened += 1

    def _start(self, work: Callable[[], None]) -> None:
        worker = _Worker()
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

    def _give_turn(self, me: _Worker) -> None:
        self._pass_on()
        me.gate.acquire()
        if self._over is not None:
            raise _Over

    def _pass_on(self) -> None:
        """Give the turn to one of those that can use it; the caller has it until then."""
        workers = list(self._workers.values())
        ready = [one for one in workers if one.waiting_since < self._happened]
        timed = [one for one in workers if one.at_most_s is not None]
        if ready:
            _let_go_on(self._random.choice(ready).gate)
        elif timed:
            first = min(timed, key=lambda one: one.at_most_s or 0.0)
            first.waiting_since = -1  # its time is up
            _let_go_on(first.gate)
        elif workers:
            self._end(self._why_nobody_goes_on(len(workers)))
        else:
            _let_go_on(self._done)

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
