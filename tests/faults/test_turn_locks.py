"""Locks for threads that take turns: they behave as real ones, and are gone afterwards."""

import contextlib
import fcntl
import os
import queue
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tornwrite.faults.interleaving import Deadlock, Interleaving
from tornwrite.faults.recorder import Recorder
from tornwrite.faults.turn_locks import (
    TurnLock,
    TurnRLock,
    as_another_process,
    locks_that_give_turns,
)

SEEDS = range(12)
RANGE = struct.Struct("hhqqi0q").pack


@pytest.fixture(params=SEEDS)
def turns(request: pytest.FixtureRequest) -> Iterator[Interleaving]:
    taken = Interleaving(request.param)
    with locks_that_give_turns(taken):
        yield taken


# Locks of threads


@pytest.mark.parametrize("make", ["Lock", "RLock", "Condition", "Semaphore"])
def test_one_at_a_time_is_inside(turns: Interleaving, make: str) -> None:
    lock = getattr(threading, make)()
    inside = most = 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(5):
            with lock:
                inside += 1
                most = max(most, inside)
                turns.step()
                turns.step()
                inside -= 1

    turns.run([work] * 4)
    assert most == 1


def test_without_a_lock_several_are_inside() -> None:
    """Else the test above would say nothing."""
    seen = set()
    for seed in SEEDS:
        turns = Interleaving(seed)
        inside = 0

        def work(turns: Interleaving = turns) -> None:
            nonlocal inside
            inside += 1
            seen.add(inside)
            turns.step()
            inside -= 1

        turns.run([work] * 4)
    assert max(seen) > 1


def test_who_holds_a_reentrant_lock_takes_it_again(turns: Interleaving) -> None:
    lock = threading.RLock()
    order: list[int] = []

    def work(name: int) -> None:
        with lock:
            order.append(name)
            with lock:
                turns.step()
            turns.step()
            order.append(name)

    turns.run([lambda: work(1), lambda: work(2), lambda: work(3)])
    assert order[0::2] == order[1::2]


def test_who_does_not_hold_a_lock_cannot_release_it(turns: Interleaving) -> None:
    for lock in (threading.Lock(), threading.RLock()):
        with pytest.raises(RuntimeError):
            lock.release()


def test_nobody_else_releases_a_reentrant_lock(turns: Interleaving) -> None:
    lock = threading.RLock()
    taken = threading.Event()
    tried = threading.Event()

    def holding() -> None:
        with lock:
            taken.set()
            tried.wait()

    def other() -> None:
        taken.wait()
        with pytest.raises(RuntimeError):
            lock.release()
        assert not lock.acquire(blocking=False)
        tried.set()

    turns.run([holding, other])
    assert lock.acquire(blocking=False)


def test_a_lock_that_is_not_waited_for_is_not_had(turns: Interleaving) -> None:
    lock = threading.Lock()
    got: list[bool] = []

    def trying() -> None:
        got.append(lock.acquire(blocking=False))

    with lock:
        turns.run([trying])
    assert got == [False]
    assert not lock.locked()


def test_a_lock_that_comes_free_is_had_in_time(turns: Interleaving) -> None:
    """No time passes while somebody else can go on."""
    lock = threading.Lock()
    got: list[bool] = []

    def holding() -> None:
        for _ in range(20):
            with lock:
                turns.step()
                turns.step()

    def patient() -> None:
        for _ in range(5):
            got.append(lock.acquire(timeout=0.01))
            lock.release()

    turns.run([holding, patient, patient])
    assert got == [True] * 10


def test_who_waits_for_a_time_gives_up_when_nobody_else_can_go_on(turns: Interleaving) -> None:
    """The shortest time first; and what it does then may be what the others wait for."""
    lock, other = threading.Lock(), threading.Lock()
    order: list[str] = []

    def impatient(name: str, timeout_s: float) -> Callable[[], None]:
        def run() -> None:
            order.append(f"{name} {lock.acquire(timeout=timeout_s)}")
            if name == "second":
                other.release()

        return run

    def waiting() -> None:
        other.acquire()
        order.append("third")

    lock.acquire()
    other.acquire()
    started = time.monotonic()
    turns.run([impatient("second", 90), waiting, impatient("first", 60)])
    assert order == ["first False", "second False", "third"]
    assert time.monotonic() - started < 10


def test_a_time_without_length_does_not_wait() -> None:
    """Else it would be over only when all others are."""
    ends = set()
    for seed in SEEDS:
        turns = Interleaving(seed)
        with locks_that_give_turns(turns):
            lock = threading.Lock()
        order: list[str] = []

        def trying(lock: Any = lock, order: list[str] = order) -> None:
            order.append(f"had it: {lock.acquire(timeout=0)}")

        def going_on(turns: Interleaving = turns, order: list[str] = order) -> None:
            for _ in range(5):
                turns.step()
            order.append("went on")

        lock.acquire()
        turns.run([trying, going_on])
        assert sorted(order) == ["had it: False", "went on"]
        ends.add(order[0])
    assert ends == {"had it: False", "went on"}


def test_a_condition_is_waited_for(turns: Interleaving) -> None:
    ready = threading.Condition()
    items: list[int] = []
    taken: list[int] = []

    def consumer() -> None:
        for _ in range(3):
            with ready:
                ready.wait_for(lambda: items)
                taken.append(items.pop())

    def producer() -> None:
        for item in range(6):
            with ready:
                items.append(item)
                turns.step()
                ready.notify_all()

    turns.run([consumer, producer, consumer])
    assert sorted(taken) == list(range(6))


def test_a_condition_gives_back_a_lock_that_was_taken_twice(turns: Interleaving) -> None:
    ready = threading.Condition()
    told: list[str] = []

    def waiting() -> None:
        with ready, ready:
            while not told:
                ready.wait()
            told.append("awake")

    def telling() -> None:
        with ready:
            told.append("told")
            ready.notify()

    turns.run([waiting, telling])
    assert told == ["told", "awake"]


def test_an_event_and_a_barrier_and_a_queue(turns: Interleaving) -> None:
    started, meeting = threading.Event(), threading.Barrier(2)
    passed: queue.Queue[str] = queue.Queue(maxsize=1)
    got: list[str] = []

    def giving() -> None:
        started.wait()
        for name in "abcd":
            passed.put(name)
        meeting.wait()

    def taking() -> None:
        started.set()
        for _ in range(4):
            got.append(passed.get())
        meeting.wait()

    turns.run([giving, taking])
    assert got == list("abcd")


def test_a_wait_for_an_event_that_nobody_sets_is_over_in_time(turns: Interleaving) -> None:
    never = threading.Event()
    got: list[bool] = []
    turns.run([lambda: got.append(never.wait(timeout=0.01))])
    assert got == [False]


def test_whoever_takes_no_turns_uses_them_as_real_ones(turns: Interleaving) -> None:
    lock = threading.Lock()
    lock.acquire()
    threading.Timer(0.02, lock.release).start()
    assert lock.acquire(timeout=5)
    assert not lock.acquire(timeout=0.01)
    assert lock.locked()


def test_a_child_of_a_fork_starts_with_free_locks() -> None:
    turns = Interleaving(0)
    for lock in (TurnLock(turns), TurnRLock(turns)):
        lock.acquire()
        lock._at_fork_reinit()
        with ThreadPoolExecutor(1) as other:
            assert other.submit(lock.acquire, timeout=1).result()
            other.submit(lock.release).result()
        assert lock.acquire(blocking=False)


# Where they are put, and that they are gone afterwards


@pytest.fixture
def holder() -> Iterator[Any]:
    """A module with `from threading import Lock, RLock` and `from fcntl import flock, lockf`."""
    module = ModuleType("tests_holder")
    exec(
        "from threading import Lock, RLock as Again\nfrom fcntl import flock, lockf\n",
        module.__dict__,
    )
    sys.modules[module.__name__] = module
    yield module
    del sys.modules[module.__name__]


def held(module: Any) -> tuple[Any, ...]:
    return module.Lock, module.Again, module.flock, module.lockf


def test_a_module_that_took_the_names_before_has_them_too(holder: Any) -> None:
    before = held(holder)
    with locks_that_give_turns(Interleaving(0)):
        assert isinstance(holder.Lock(), TurnLock)
        assert isinstance(holder.Again(), TurnRLock)
        assert (holder.flock, holder.lockf) == (fcntl.flock, fcntl.lockf)
        assert holder.flock is not before[2]
    assert held(holder) == before


def test_all_is_as_before_also_after_an_error(holder: Any) -> None:
    before = held(holder), threading.Lock, threading.RLock, fcntl.flock, fcntl.lockf
    for error in (ZeroDivisionError, KeyboardInterrupt):
        with pytest.raises(error), locks_that_give_turns(Interleaving(0)):
            raise error
        after = held(holder), threading.Lock, threading.RLock, fcntl.flock, fcntl.lockf
        assert after == before
    assert type(threading.Condition()._lock) is type(threading.RLock())  # type: ignore[attr-defined]


def test_one_interleaving_at_a_time() -> None:
    with locks_that_give_turns(Interleaving(0)):
        with (
            pytest.raises(RuntimeError, match="one interleaving at a time"),
            locks_that_give_turns(Interleaving(1)),
        ):
            pass
        assert isinstance(threading.Lock(), TurnLock)
    assert not isinstance(threading.Lock(), TurnLock)


def test_a_lock_that_was_made_meanwhile_works_afterwards() -> None:
    with locks_that_give_turns(Interleaving(0)):
        lock = threading.RLock()
    with lock, lock:
        pass


# Locks on files


def by_flock(fd: int, on: bool) -> None:
    fcntl.flock(fd, fcntl.LOCK_EX if on else fcntl.LOCK_UN)


def by_lockf(fd: int, on: bool) -> None:
    fcntl.lockf(fd, fcntl.LOCK_EX if on else fcntl.LOCK_UN)


def by_range(command: str) -> Callable[[int, bool], None]:
    def lock(fd: int, on: bool) -> None:
        kind = fcntl.F_WRLCK if on else fcntl.F_UNLCK
        fcntl.fcntl(fd, getattr(fcntl, command), RANGE(kind, os.SEEK_SET, 3, 1, 0))

    return lock


LOCKS = {
    "flock": by_flock,
    "lockf": by_lockf,
    "OFD": by_range("F_OFD_SETLKW"),
    "POSIX": by_range("F_SETLKW"),
}


def most_inside(
    turns: Interleaving, root: Path, lock: Callable[[int, bool], None], processes: bool
) -> int:
    """How many of three were between locking and unlocking a file at once."""
    inside = most = 0

    def work() -> None:
        nonlocal inside, most
        with as_another_process() if processes else contextlib.nullcontext():
            fd = os.open(root / "lock", os.O_RDWR | os.O_CREAT)
            for _ in range(4):
                lock(fd, True)
                inside += 1
                most = max(most, inside)
                turns.step()
                inside -= 1
                lock(fd, False)
            os.close(fd)

    with Recorder(root) as recorder, recorder.in_turns(turns):
        turns.run([work] * 3)
    return most


@pytest.mark.parametrize("kind", LOCKS)
def test_a_lock_on_a_file_keeps_other_processes_out(
    turns: Interleaving, kind: str, tmp_path: Path
) -> None:
    assert most_inside(turns, tmp_path, LOCKS[kind], processes=True) == 1


@pytest.mark.parametrize("kind", ["flock", "OFD"])
def test_a_lock_of_an_open_file_keeps_other_threads_out(
    turns: Interleaving, kind: str, tmp_path: Path
) -> None:
    assert most_inside(turns, tmp_path, LOCKS[kind], processes=False) == 1


@pytest.mark.parametrize("kind", ["lockf", "POSIX"])
def test_a_lock_of_a_process_keeps_no_other_thread_of_it_out(kind: str, tmp_path: Path) -> None:
    """As with real ones: a store that trusts in it is to be caught."""
    most = 0
    for seed in SEEDS:
        turns = Interleaving(seed)
        with locks_that_give_turns(turns):
            most = max(most, most_inside(turns, tmp_path, LOCKS[kind], processes=False))
    assert most > 1


def test_a_file_that_somebody_has_locked_is_told_to_be(turns: Interleaving, tmp_path: Path) -> None:
    refused: list[str] = []
    locked, tried = threading.Event(), threading.Event()

    def holding() -> None:
        with as_another_process(), open(tmp_path / "lock", "wb") as file:
            fcntl.lockf(file, fcntl.LOCK_EX)
            locked.set()
            tried.wait()

    def trying() -> None:
        locked.wait()
        with as_another_process(), open(tmp_path / "lock", "r+b") as file:
            for lock in (
                lambda: fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB),
                lambda: fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 5),
                lambda: fcntl.fcntl(file, fcntl.F_SETLK, RANGE(fcntl.F_RDLCK, 0, 0, 0, 0)),
            ):
                try:
                    lock()
                except BlockingIOError as error:
                    refused.append(type(error).__name__)
        tried.set()

    with Recorder(tmp_path) as recorder, recorder.in_turns(turns):
        turns.run([holding, trying])
    assert refused == ["BlockingIOError"] * 3


def test_parts_of_a_file_are_locked_apart(turns: Interleaving, tmp_path: Path) -> None:
    both = threading.Barrier(2)

    def work(place: int) -> None:
        with as_another_process(), open(tmp_path / "lock", "ab") as file:
            fcntl.lockf(file, fcntl.LOCK_EX, 1, place)
            both.wait()
            fcntl.lockf(file, fcntl.LOCK_UN, 1, place)

    turns.run([lambda: work(0), lambda: work(7)])


def test_readers_share_a_file(turns: Interleaving, tmp_path: Path) -> None:
    both = threading.Barrier(2)
    (tmp_path / "lock").touch()

    def work() -> None:
        with as_another_process(), open(tmp_path / "lock", "rb") as file:
            fcntl.lockf(file, fcntl.LOCK_SH)
            both.wait()

    turns.run([work, work])


@pytest.mark.parametrize("kind", ["flock", "OFD"])
def test_processes_that_wait_for_each_other_on_files_are_told(kind: str, tmp_path: Path) -> None:
    found = 0
    for seed in SEEDS:
        turns = Interleaving(seed)

        def work(first: str, second: str) -> None:
            with (
                as_another_process(),
                open(tmp_path / first, "ab") as one,
                open(tmp_path / second, "ab") as other,
            ):
                LOCKS[kind](one.fileno(), True)
                LOCKS[kind](other.fileno(), True)

        with (
            locks_that_give_turns(turns),
            Recorder(tmp_path) as recorder,
            recorder.in_turns(turns),
        ):
            try:
                turns.run([lambda: work("a", "b"), lambda: work("b", "a")])
            except Deadlock:
                found += 1
    assert found


def test_after_a_run_that_was_broken_off_nobody_waits_for_a_file(tmp_path: Path) -> None:
    turns = Interleaving(0)
    fd = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    other = os.open(tmp_path / "lock", os.O_RDWR)
    try:
        with locks_that_give_turns(turns):

            def keeping() -> None:
                fcntl.flock(fd, fcntl.LOCK_EX)
                threading.Event().wait()

            with pytest.raises(Deadlock):
                turns.run([keeping])
            with pytest.raises(Deadlock, match="has not released"):
                fcntl.flock(other, fcntl.LOCK_EX)
    finally:
        os.close(fd)
        os.close(other)


def test_a_lock_that_cannot_be_had_at_all_is_an_error(turns: Interleaving) -> None:
    failed: list[int] = []

    def work() -> None:
        try:
            fcntl.flock(1_000_000, fcntl.LOCK_EX)
        except OSError as error:
            failed.append(error.errno or 0)

    turns.run([work])
    assert len(failed) == 1
