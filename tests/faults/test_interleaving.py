"""Threads in turns: one seed, one order; everything ends, and nothing is left behind."""

import _thread
import fcntl
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tornwrite.faults import interleaving
from tornwrite.faults.interleaving import Deadlock, Interleaving, NotInTurns
from tornwrite.faults.recorder import Recorder
from tornwrite.faults.steps import Write
from tornwrite.faults.trace import Event, Stepped
from tornwrite.faults.turn_locks import locks_that_give_turns
from tornwrite.scenarios.recording import check_whole

Work = Callable[[], None]


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    before = set(threading.enumerate())
    makers = threading.Lock, threading.RLock, fcntl.flock, fcntl.lockf, fcntl.fcntl
    yield
    assert (threading.Lock, threading.RLock, fcntl.flock, fcntl.lockf, fcntl.fcntl) == makers
    assert set(threading.enumerate()) == before


def steps_of(seed: int, lanes: int = 3, steps: int = 6) -> str:
    """Who came to each step, in order."""
    turns = Interleaving(seed)
    order: list[str] = []

    def work(name: str) -> Work:
        def run() -> None:
            for _ in range(steps):
                turns.step()
                order.append(name)

        return run

    turns.run([work("abcdefghijkl"[lane]) for lane in range(lanes)])
    return "".join(order)


# One seed, one order


def test_the_same_seed_gives_the_same_order() -> None:
    for seed in range(20):
        assert steps_of(seed) == steps_of(seed)


def test_different_seeds_give_different_orders() -> None:
    orders = {steps_of(seed) for seed in range(100)}
    assert len(orders) > 90


def test_some_seed_has_two_threads_alternate_and_another_lets_each_run_through() -> None:
    orders = {steps_of(seed, lanes=2, steps=3) for seed in range(200)}
    assert {"aaabbb", "bbbaaa", "ababab"} <= orders


@given(seed=st.integers(), lanes=st.integers(1, 8), steps=st.integers(0, 8))
@settings(deadline=None, max_examples=40)
def test_every_thread_takes_all_its_steps(seed: int, lanes: int, steps: int) -> None:
    order = steps_of(seed, lanes, steps)
    assert sorted(order) == sorted("abcdefghijkl"[:lanes] * steps)


def test_only_one_thread_runs_at_a_time() -> None:
    turns = Interleaving(1)
    inside = 0

    def work() -> None:
        nonlocal inside
        for _ in range(50):
            turns.step()
            inside += 1
            assert inside == 1
            time.sleep(0)
            inside -= 1

    turns.run([work] * 4)


def test_no_work_is_no_run() -> None:
    Interleaving(0).run([])


def test_a_thread_that_takes_no_turns_comes_to_no_step() -> None:
    turns = Interleaving(0)
    turns.step()
    turns.freed()
    assert not turns.controls_this_thread()


def test_whoever_runs_takes_turns() -> None:
    turns = Interleaving(0)
    controlled: list[bool] = []
    turns.run([lambda: controlled.append(turns.controls_this_thread())] * 2)
    assert controlled == [True, True]


def recorded(root: Path, seed: int) -> list[Event]:
    """Three threads that each append to one file, under a lock that is held over two writes."""
    turns = Interleaving(seed)
    with locks_that_give_turns(turns), Recorder(root) as recorder:
        lock = threading.Lock()
        done = threading.Event()
        found: queue.Queue[str] = queue.Queue()

        def writer(name: str) -> Work:
            def run() -> None:
                for at in range(3):
                    number = recorder.began("write", {"name": name, "at": at})
                    with lock, open(root / "log", "ab", buffering=0) as file:
                        file.write(name.encode())
                        file.write(b"\n")
                    recorder.acknowledged(number)
                found.put(name)
                if found.qsize() == 3:
                    done.set()
                done.wait()

            return run

        with recorder.in_turns(turns):
            turns.run([writer(name) for name in "abc"])
    return list(recorder.trace().events)


def told(events: list[Event]) -> list[str]:
    return [
        f"{event.step}: {event.operation}" if isinstance(event, Stepped) else str(event)
        for event in events
    ]


def test_a_recording_comes_out_the_same_again(tmp_path: Path) -> None:
    for seed in range(5):
        runs = []
        for again in range(3):
            root = tmp_path / f"{seed}-{again}"
            root.mkdir()
            runs.append(told(recorded(root, seed)))
        assert runs[0] == runs[1] == runs[2]


def test_what_a_lock_holds_together_stays_together(tmp_path: Path) -> None:
    for seed in range(10):
        root = tmp_path / str(seed)
        root.mkdir()
        recorded(root, seed)
        assert sorted((root / "log").read_text().split()) == list("aaabbbccc")


def test_a_step_belongs_to_the_operation_of_its_thread(tmp_path: Path) -> None:
    events = recorded(tmp_path, 3)
    names = {event.number: event.arguments["name"] for event in events if hasattr(event, "name")}
    writes = [
        (names[event.operation], event.step.data.decode())
        for event in events
        if isinstance(event, Stepped) and isinstance(event.step, Write) and event.operation
    ]
    assert {text for _, text in writes} == {"a", "b", "c", "\n"}
    assert all(text in (name, "\n") for name, text in writes)


def test_a_forked_child_takes_the_same_turns(tmp_path: Path) -> None:
    """As the kill lane does it: the workload is run again in a fork of this process."""
    for seed in range(4):
        here, there = tmp_path / f"here-{seed}", tmp_path / f"there-{seed}"
        here.mkdir()
        there.mkdir()
        expected = told(recorded(here, seed))
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.write(write, "\n".join(told(recorded(there, seed))).encode())
            finally:
                os._exit(0)
        os.close(write)
        with open(read, encoding="utf-8") as pipe:
            assert pipe.read() == "\n".join(expected)
        os.waitpid(child, 0)


# How a run is broken off


def test_what_a_thread_raises_is_raised_and_the_others_go_no_further() -> None:
    turns = Interleaving(0)
    went_on = 0

    def failing() -> None:
        turns.step()
        raise ZeroDivisionError("one")

    def going_on() -> None:
        nonlocal went_on
        for _ in range(100_000):
            turns.step()
            went_on += 1

    with pytest.raises(ZeroDivisionError, match="one"):
        turns.run([failing, going_on, going_on])
    assert went_on < 1_000


def test_what_failed_is_told_and_not_that_others_wait_for_it() -> None:
    """It never released what the others wait for."""
    turns = Interleaving(0)
    with locks_that_give_turns(turns):
        lock = threading.Lock()

        def failing() -> None:
            lock.acquire()
            turns.step()
            raise ZeroDivisionError

        def waiting() -> None:
            with lock:
                pass

        with pytest.raises(ZeroDivisionError):
            turns.run([failing, waiting, waiting])


def deadlocked(seed: int, file: Path) -> tuple[str, float]:
    """Two threads that each hold what the other wants, and an open file."""
    turns = Interleaving(seed)
    started = time.monotonic()
    with locks_that_give_turns(turns), Recorder(file.parent) as recorder:
        one, other = threading.Lock(), threading.RLock()

        def work(first: Work, second: Work) -> None:
            with open(file, "ab", buffering=0), first, second:  # type: ignore[attr-defined]
                turns.step()

        with recorder.in_turns(turns), pytest.raises(Deadlock) as error:
            turns.run([lambda: work(one, other), lambda: work(other, one)])  # type: ignore[arg-type]
        assert not one.locked()
        with other:
            pass
    return str(error.value), time.monotonic() - started


def test_threads_that_wait_for_each_other_are_told_at_once(tmp_path: Path) -> None:
    found = 0
    for seed in range(30):
        turns_meet = True
        try:
            text, took_s = deadlocked(seed, tmp_path / "file")
        except pytest.fail.Exception:
            turns_meet = False  # with this seed one of them has both locks first
        if turns_meet:
            found += 1
            assert text == "2 threads wait for each other, for good"
            assert took_s < 0.9
    assert 0 < found < 30


def test_threads_that_are_ended_close_and_release_what_they_have(tmp_path: Path) -> None:
    before = set(os.listdir("/proc/self/fd"))
    for seed in range(30):
        try:
            deadlocked(seed, tmp_path / "file")
        except pytest.fail.Exception:
            continue
        assert set(os.listdir("/proc/self/fd")) == before


def test_one_who_waits_for_what_never_comes_is_a_deadlock() -> None:
    turns = Interleaving(0)
    with locks_that_give_turns(turns):
        never, nothing = threading.Event(), queue.Queue[int]()
        with pytest.raises(Deadlock, match="2 threads"):
            turns.run([never.wait, nothing.get, turns.step])  # type: ignore[list-item]


def test_a_thread_that_takes_no_turns_may_be_waited_for() -> None:
    """So it is no deadlock of the program, as far as anybody can tell."""
    turns = Interleaving(0)
    with locks_that_give_turns(turns):
        go, never = threading.Event(), threading.Event()
        helper = threading.Thread(target=go.wait, name="flusher")
        helper.start()
        try:
            with pytest.raises(NotInTurns, match="that take no turns: flusher"):
                turns.run([never.wait])  # type: ignore[list-item]
        finally:
            go.set()
            helper.join()


def test_after_a_run_that_was_broken_off_nobody_waits_for_good() -> None:
    turns = Interleaving(0)
    with locks_that_give_turns(turns):
        lock = threading.Lock()

        def keeping() -> None:
            lock.acquire()
            lock.acquire()

        with pytest.raises(Deadlock):
            turns.run([keeping])
        with pytest.raises(Deadlock, match="has not released this lock"):
            lock.acquire()


def test_a_thread_that_waits_for_something_else_stops_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interleaving, "PATIENCE_S", 0.2)
    turns = Interleaving(0)
    real = _thread.allocate_lock()
    real.acquire()
    others: list[str] = []

    def stuck() -> None:
        turns.step()
        real.acquire()

    try:
        with pytest.raises(NotInTurns, match=r"not come to a step for 0\.2 s"):
            turns.run([stuck, lambda: others.append("done")])
    finally:
        real.release()
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join(1)


def test_threads_that_go_in_circles_are_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interleaving, "MOST_STEPS", 500)
    turns = Interleaving(0)
    with locks_that_give_turns(turns):
        one = threading.Lock()

        def spinning() -> None:
            while not one.acquire(blocking=False):
                pass

        with pytest.raises(NotInTurns, match="come to no end in 500 steps and locks"):
            turns.run([spinning, spinning])


def test_ctrl_c_ends_all() -> None:
    turns = Interleaving(0)

    def going_on() -> None:
        while True:
            turns.step()

    def interrupting() -> None:
        turns.step()
        _thread.interrupt_main()
        going_on()

    with locks_that_give_turns(turns), pytest.raises(KeyboardInterrupt):
        turns.run([going_on, interrupting])


def test_a_program_that_catches_everything_is_ended_too() -> None:
    turns = Interleaving(0)

    def stubborn() -> None:
        for _ in range(100):
            try:
                turns.step()
            except BaseException:
                continue

    def failing() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        turns.run([stubborn, failing])


# What can be used while turns are taken


def test_the_recording_is_what_is_on_the_disk(tmp_path: Path) -> None:
    recorded(tmp_path, 11)
    assert sorted((tmp_path / "log").read_text()) == sorted("aaabbbccc" + "\n" * 9)


def test_a_call_that_is_several_steps_keeps_its_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds the recording's lock: nobody else could come to a step."""
    monkeypatch.setattr(interleaving, "PATIENCE_S", 1.0)

    def work(name: str) -> None:
        for at in range(4):
            first = os.open(tmp_path / f"{name}{at}", os.O_WRONLY | os.O_CREAT)
            second = os.open(tmp_path / f"{name}{at}.b", os.O_WRONLY | os.O_CREAT)
            os.dup2(first, second)
            os.write(second, b"x")
            os.truncate(tmp_path / f"{name}{at}", 0)
            os.close(first)
            os.close(second)

    for seed in range(4):
        turns = Interleaving(seed)
        with (
            locks_that_give_turns(turns),
            Recorder(tmp_path) as recorder,
            recorder.in_turns(turns),
        ):
            turns.run([lambda: work("a"), lambda: work("b"), lambda: work("c")])
        check_whole(recorder.trace(), str(tmp_path))


def test_somebody_else_may_go_first_where_a_file_is_read(tmp_path: Path) -> None:
    """So a reader that looks twice is seen to find one old and one new."""
    found: set[tuple[str, str]] = set()
    for seed in range(30):
        (tmp_path / "a").write_text("old")
        (tmp_path / "b").write_text("new")
        turns = Interleaving(seed)

        def reading() -> None:
            with open(tmp_path / "a", encoding="ascii") as file:
                first = file.read()
            fd = os.open(tmp_path / "a", os.O_RDONLY)
            found.add((first, os.read(fd, 9).decode()))
            os.close(fd)

        def writing() -> None:
            os.rename(tmp_path / "b", tmp_path / "a")

        with Recorder(tmp_path) as recorder, recorder.in_turns(turns):
            turns.run([reading, writing])
    assert found == {("old", "old"), ("old", "new"), ("new", "new")}


def test_outside_of_turns_the_recorder_locks_as_before(tmp_path: Path) -> None:
    turns = Interleaving(0)
    with Recorder(tmp_path) as recorder:
        before = recorder._recording.lock
        meanwhile: list[object] = []

        def failing() -> None:
            meanwhile.append(recorder._recording.lock)
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError), recorder.in_turns(turns):
            failing()
        assert meanwhile != [before]
        assert recorder._recording.lock is before
        assert recorder._recording.boundary_lock is before
