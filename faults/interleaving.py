"""Threads that take turns: one runs at a time, and a seed decides at each step who goes on.

    turns = Interleaving(seed=7)
    with locks_that_give_turns(turns):               # tornwrite.faults.turn_locks
        store = open_store(root)                     # its locks are made here
        with Recorder(root, turns=turns):
            turns.run([writer, reader])

The same seed, the same order of steps: what a real scheduler does by chance can be had again. A
thread may have to wait before each step that is recorded, and wherever it takes a lock. Whatever
else it may wait for (a lock that was made before, a child process, a socket) stops all: `run` then
raises NotInTurns. Where every thread waits for another one, `run` raises Deadlock.
"""

import contextlib
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

PATIENCE_S = 20.0
"""How long a thread may run without coming to a step before it is said to wait for good."""

real_lock: Callable[[], Any] = threading.Lock
_HOW_OFTEN = (0.15, 0.4, 0.8)


class NotInTurns(Exception):
    """A thread waits for something that the interleaving does not control."""


class Deadlock(Exception):
    """Every thread waits for something that another one has to do."""


class _Over(BaseException):
    """Ends a thread whose run is over; no program catches it."""


@dataclass(slots=True)
class _Worker:
    """A thread that takes turns.

    gate: held until it is the thread's turn. waiting_since: what had happened when it could not go
    on; -1 while it can.
    """

    name: str
    gate: Any = field(default_factory=real_lock)
    waiting_since: int = -1


class Interleaving:
    """A seeded order of turns. Usable once.

    seed: any number. Beside who goes on it decides how often turns change.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._often = self._random.choice(_HOW_OFTEN)
        self._workers: dict[int, _Worker] = {}
        self._happened = 0
        self._over: BaseException | None = None
        self._failed: list[BaseException] = []
        self._done = real_lock()

    def run(self, work: Sequence[Callable[[], None]]) -> None:
        """Run each piece of work in a thread of its own, in turns, until all are done.

        Raises what the first of them raised; Deadlock; NotInTurns. None of the threads goes on
        then, except one that waits for what is not controlled; it ends at its next step.
        """
        if not work:
            return
        self._done.acquire()
        workers = [_Worker(f"thread {at}") for at in range(len(work))]
        for worker in workers:
            worker.gate.acquire()
        threads = [
            threading.Thread(target=self._live, args=(worker, one), daemon=True)
            for worker, one in zip(workers, work, strict=True)
        ]
        try:
            for worker, thread in zip(workers, threads, strict=True):
                thread.start()
                assert thread.ident is not None
                self._workers[thread.ident] = worker
            self._pass_on()
            self._await_end()
        except BaseException as error:
            self._end(error)
        for thread in threads:
            thread.join(timeout=0.1 if isinstance(self._over, NotInTurns) else PATIENCE_S)
        if self._over is not None:
            raise self._over
        if self._failed:
            raise self._failed[0]

    def controls_this_thread(self) -> bool:
        """Whether the calling thread is one of those that take turns."""
        return threading.get_ident() in self._workers

    def step(self) -> None:
        """The calling thread comes to a step: somebody else may go first."""
        me = self._workers.get(threading.get_ident())
        if me is None:
            return
        if self._over is not None:
            raise _Over
        self._happened += 1
        if len(self._workers) > 1 and self._random.random() < self._often:
            self._give_turn(me)

    def blocked(self) -> None:
        """The calling thread cannot go on before something happens. Returns when something has."""
        me = self._workers[threading.get_ident()]
        me.waiting_since = self._happened
        self._give_turn(me)
        me.waiting_since = -1

    def freed(self) -> None:
        """Something that others may wait for is free again."""
        if self.controls_this_thread():
            self._happened += 1

    def _give_turn(self, me: _Worker) -> None:
        self._pass_on()
        me.gate.acquire()
        if self._over is not None:
            raise _Over

    def _live(self, me: _Worker, work: Callable[[], None]) -> None:
        me.gate.acquire()
        try:
            if self._over is None:
                work()
        except _Over:
            pass
        except BaseException as error:
            self._failed.append(error)
        finally:
            self._happened += 1
            del self._workers[threading.get_ident()]
            if self._over is None:
                self._pass_on()

    def _pass_on(self) -> None:
        """Give the turn to one of those that can use it; the caller has it until then."""
        ready = [one for one in self._workers.values() if one.waiting_since < self._happened]
        if ready:
            self._random.choice(ready).gate.release()
        elif self._workers:
            waiting = len(self._workers)
            self._end(Deadlock(f"{waiting} threads wait for each other, for good"))
        else:
            self._done.release()

    def _await_end(self) -> None:
        seen, since = self._happened, time.monotonic()
        while not self._done.acquire(timeout=1.0):
            if self._over is not None:
                return
            if self._happened != seen:
                seen, since = self._happened, time.monotonic()
            elif time.monotonic() - since > PATIENCE_S:
                raise NotInTurns(
                    f"a thread has not come to a step for {PATIENCE_S:g} s: it runs for ever, or "
                    "waits for something else than a lock of threading or on a file"
                )

    def _end(self, why: BaseException) -> None:
        """Let all threads run into their end."""
        if self._over is None:
            self._over = why
        for worker in list(self._workers.values()):
            with contextlib.suppress(RuntimeError):  # it has its turn
                worker.gate.release()
