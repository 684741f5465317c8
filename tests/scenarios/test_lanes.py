"""Several threads and processes on one store, from the run to the verdict.

The stores keep lines in one file. What `Careful` does right, the others leave out one by one.
"""

import fcntl
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from support.line_log import KEPT, PlainModel, add
from support.line_stores import (
    READ,
    Careful,
    Entangled,
    Hasty,
    LinesModel,
    Sharing,
    SharingByFlock,
    Unlocked,
    subject,
)
from tornwrite.faults import interleaving
from tornwrite.faults.profiles import EXT4, KILL, POSIX
from tornwrite.faults.recorder import Recorder
from tornwrite.faults.scratch import VARIABLE
from tornwrite.faults.trace import Acknowledged, Began, Stepped
from tornwrite.model import linearise
from tornwrite.model.operation import canonical
from tornwrite.model.promises import SHARED
from tornwrite.model.results import NO_CRASH
from tornwrite.model.verdict import Verdict
from tornwrite.scenarios.permitted import calls_of, permitted_by_epoch
from tornwrite.scenarios.recording import Recorded, check_whole, drive, record
from tornwrite.scenarios.run import Outcome, Settings, run_scenario
from tornwrite.scenarios.stores import reference
from tornwrite.scenarios.subject import Driver, Lane, Scenario
from tornwrite.scenarios.threads.sessions import writers as ten_writers

SEEDS = range(1, 7)


@pytest.fixture(autouse=True)
def nothing_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    threads = set(threading.enumerate())
    files = set(os.listdir("/proc/self/fd"))
    yield
    assert set(threading.enumerate()) == threads
    assert set(os.listdir("/proc/self/fd")) == files
    assert [name for name in os.listdir(tmp_path) if name.startswith("tornwrite")] == []


class Flickering(Careful):
    """Shows a line before it is there, and for a while does not."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self._coming: list[str] = []

    def add(self, line: str) -> None:
        with self._lock:
            self._coming.append(line)
            open(self._file + ".note", "w").close()
            self._coming.remove(line)
            self._replace([*self._read(), line])

    def lines(self) -> list[str]:
        return [*self._read(), *self._coming]


class GroupCommit(Careful):
    """Who comes while another one writes leaves the line for the next one who does."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self._waiting: list[tuple[str, threading.Event]] = []
        self._writing = threading.Lock()

    def add(self, line: str) -> None:
        written = threading.Event()
        self._waiting.append((line, written))
        with self._writing:
            if written.is_set():
                return
            group, self._waiting = self._waiting, []
            with self._lock:
                self._replace([*self._read(), *(line for line, _ in group)])
            for _, event in group:
                event.set()


class Delegating(Careful):
    """Leaves the writing to a thread that takes no turns."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self._orders: queue.Queue[Any] = queue.Queue()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while (order := self._orders.get()) is not None:
            line, done = order
            super().add(line)
            done.set()

    def add(self, line: str) -> None:
        done = threading.Event()
        self._orders.put((line, done))
        done.wait()

    def close(self) -> None:
        self._orders.put(None)
        self._thread.join()


class Impatient(Careful):
    """Waits for its lock for a time, and fails then."""

    def add(self, line: str) -> None:
        if not self._lock.acquire(timeout=30):
            raise TimeoutError("somebody else has it")
        try:
            self._replace([*self._read(), line])
        finally:
            self._lock.release()


class Generous(Careful):
    """Gives away the list that it goes on changing."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self._lines = self._read()

    def add(self, line: str) -> None:
        with self._lock:
            self._replace([*self._lines, line])
            self._lines.append(line)

    def lines(self) -> list[str]:
        with self._lock:
            return self._lines


def writers(count: int, each: int, seed: int, *, reads: int = 0, process: bool = False) -> Scenario:
    lanes = [
        Lane(tuple(add(f"{writer}.{at}") for at in range(each)), process) for writer in range(count)
    ]
    lanes += [Lane((READ,) * reads, process)] if reads else []
    return Scenario(
        "writers", "all at once", (KEPT, SHARED), (add("first"),), lanes=tuple(lanes), seed=seed
    )


def outcome(
    store: Callable[[str], Driver], scenario: Scenario, *, real_kills: bool = False
) -> Outcome:
    asked = Settings((KILL, EXT4, POSIX), budget=20_000, seed=0, real_kills=real_kills)
    return run_scenario(subject(store), scenario, asked, lambda profile, judged: None)


def verdicts(store: Callable[[str], Driver], scenario: Scenario) -> dict[str, Verdict]:
    return {row.profile: row.verdict for row in outcome(store, scenario).rows}


def caught(store: Callable[[str], Driver], make: Callable[[int], Scenario]) -> list[str]:
    """What is found with the first seed that finds something."""
    for seed in SEEDS:
        found = outcome(store, make(seed)).findings
        if found:
            return [f"{one.profile}: {one.violation.promise.name}" for one in found]
    return []


def run_live(store: Callable[[str], Driver], scenario: Scenario, root: Path) -> Recorded:
    root.mkdir()
    return record(subject(store), scenario, str(root))


# Threads


@pytest.mark.parametrize("seed", SEEDS)
def test_a_store_with_a_lock_passes(seed: int) -> None:
    scenario = writers(3, 2, seed, reads=2)
    assert set(verdicts(Careful, scenario).values()) == {Verdict.PASSED}


def test_real_kills_leave_what_was_foretold() -> None:
    for seed in (1, 2):
        found = outcome(Careful, writers(2, 2, seed, reads=1), real_kills=True)
        assert found.notes == ()
        assert {row.verdict for row in found.rows} == {Verdict.PASSED}
        (row,) = [row for row in found.rows if row.profile == "real kills"]
        assert row.points > 20


def test_a_store_without_a_lock_is_caught() -> None:
    assert NO_CRASH in " ".join(caught(Unlocked, lambda seed: writers(2, 2, seed)))


def test_a_store_that_does_not_wait_for_the_disk_is_caught() -> None:
    for seed in SEEDS:
        found = outcome(Hasty, writers(2, 1, seed))
        by_name = {row.profile: row.verdict for row in found.rows}
        assert by_name["kill"] is Verdict.PASSED
        assert by_name["posix"] is Verdict.VIOLATED


def test_readers_that_see_what_is_not_there_yet_are_caught() -> None:
    found = caught(Flickering, lambda seed: writers(1, 3, seed, reads=8))
    assert found == [f"{NO_CRASH}: {SHARED.name}"]


def test_a_store_that_hangs_is_told_to() -> None:
    """And closing it, which waits for a lock that nobody releases, does not hang either."""
    told = set()
    started = time.monotonic()
    for seed in SEEDS:
        for one in outcome(Entangled, writers(2, 2, seed, reads=3)).findings:
            told.add(one.violation.recovered)
    assert any("the lanes do not come to an end: 2 threads wait" in text for text in told) or any(
        "the lanes do not come to an end: 3 threads wait" in text for text in told
    )
    assert time.monotonic() - started < 30


def test_a_store_in_which_one_writes_for_all_passes() -> None:
    """Its steps are another one's: what it brought may be there before it has a step of its own."""
    for seed in SEEDS:
        found = outcome(GroupCommit, writers(4, 2, seed))
        assert {row.verdict for row in found.rows} == {Verdict.PASSED}


def test_without_the_search_it_would_be_blamed() -> None:
    """Else the test above would say nothing: in some order one really writes for another."""
    needed = 0
    for seed in SEEDS:
        scenario = writers(4, 2, seed)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(linearise.Linearisation, "explains", lambda self, seen, **more: False)
            needed += bool(judged_without_answers(scenario))
    assert needed


def judged_without_answers(scenario: Scenario) -> tuple[Any, ...]:
    asked = Settings((KILL,), budget=20_000, seed=0, real_kills=False)
    return run_scenario(
        subject(GroupCommit, PlainModel()), scenario, asked, lambda profile, judged: None
    ).findings


def test_waiting_for_a_time_is_no_failure() -> None:
    for seed in SEEDS:
        assert set(verdicts(Impatient, writers(3, 2, seed)).values()) == {Verdict.PASSED}


def test_what_was_returned_is_what_was_returned_then(tmp_path: Path) -> None:
    for seed in SEEDS:
        recorded = run_live(Generous, writers(2, 2, seed, reads=3), tmp_path / str(seed))
        read = [
            len(event.result)
            for event in recorded.trace.events
            if isinstance(event, Acknowledged) and event.result is not None
        ]
        assert read == sorted(read)
        assert set(verdicts(Generous, writers(2, 2, seed, reads=3)).values()) == {Verdict.PASSED}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_where_no_seed_can_order_what_happens_the_harness_says_so() -> None:
    # The thread that takes no turns ends with an error if it still waits when the run is over.
    found = outcome(Delegating, writers(2, 1, 1))
    assert {row.verdict for row in found.rows} == {Verdict.HARNESS_BROKEN}
    assert "the lanes cannot be run in turns" in found.notes[0]
    assert found.findings == ()


def test_a_thread_that_waits_for_another_program_stops_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(interleaving, "PATIENCE_S", 0.2)
    read, write = os.pipe()

    class Listening(Careful):
        def lines(self) -> list[str]:
            os.read(read, 1)
            return self._read()

    found = outcome(Listening, writers(1, 1, 1, reads=1))
    assert {row.verdict for row in found.rows} == {Verdict.HARNESS_BROKEN}
    os.close(write)
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join(2)
    os.close(read)


def test_too_many_orders_to_try_are_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linearise, "MOST_SITUATIONS", 3)
    for seed in SEEDS:
        found = outcome(Unlocked, writers(3, 2, seed))
        (verdict,) = {row.verdict for row in found.rows}
        if verdict is Verdict.NOT_MEASURED:
            assert "3 ways in which 8 calls may have overlapped" in found.notes[0]
            return
    pytest.fail("no seed needed a search")


def test_ten_writers_without_a_lock_are_judged_in_time(tmp_path: Path) -> None:
    """Nearly all of them overlap."""
    started = time.monotonic()
    recorded = run_live(Unlocked, writers(10, 4, 3), tmp_path / "live")
    permitted = permitted_by_epoch(
        subject(Unlocked), writers(10, 4, 3), recorded.trace, frozenset({82, 84})
    )
    last = permitted[max(permitted)]
    assert recorded.seen.observed is not None
    assert not last.permits(canonical(recorded.seen.observed))
    assert time.monotonic() - started < 30


# Processes


@pytest.mark.parametrize("store", [Sharing, SharingByFlock])
def test_processes_that_lock_a_file_pass(store: type[Sharing]) -> None:
    for seed in SEEDS:
        found = verdicts(store, writers(2, 2, seed, reads=1, process=True))
        assert set(found.values()) == {Verdict.PASSED}


def test_real_kills_of_several_processes_leave_what_was_foretold() -> None:
    found = outcome(Sharing, writers(2, 1, 2, process=True), real_kills=True)
    assert found.notes == ()
    assert {row.verdict for row in found.rows} == {Verdict.PASSED}


def test_a_lock_of_threads_keeps_no_other_process_out() -> None:
    assert caught(Careful, lambda seed: writers(2, 2, seed, process=True))


def test_each_process_opens_the_store_for_itself(tmp_path: Path) -> None:
    opened: list[str] = []

    class Counting(Sharing):
        def __init__(self, root: str) -> None:
            super().__init__(root)
            opened.append("open")

        def close(self) -> None:
            opened.append("close")

    scenario = writers(2, 1, 1, process=True)
    scenario = replace(scenario, lanes=(*scenario.lanes, Lane((add("shared"),))))
    recorded = run_live(Counting, scenario, tmp_path / "live")
    assert (opened.count("open"), opened.count("close")) == (3, 3)
    names = [event.name for event in recorded.trace.events if isinstance(event, Began)]
    assert names.count("open") == 3


# One seed, one run


def test_the_same_seed_gives_the_same_trace(tmp_path: Path) -> None:
    for process in (False, True):
        for seed in SEEDS:
            scenario = writers(3, 2, seed, reads=2, process=process)
            first, again = (
                run_live(Sharing, scenario, tmp_path / f"{process}-{seed}-{time}")
                for time in ("first", "again")
            )
            assert first == again


def test_another_seed_gives_another_trace(tmp_path: Path) -> None:
    traces = {
        tuple(
            event.operation
            for event in run_live(Careful, writers(3, 2, seed), tmp_path / str(seed)).trace.events
            if isinstance(event, Stepped)
        )
        for seed in range(12)
    }
    assert len(traces) > 6


def test_what_has_no_step_comes_between_other_operations_too(tmp_path: Path) -> None:
    class Forgetful(Careful):
        def lines(self) -> list[str]:
            return []

    orders = set()
    for seed in SEEDS:
        recorded = run_live(Forgetful, writers(1, 3, seed, reads=3), tmp_path / str(seed))
        events = recorded.trace.events
        orders.add("".join(event.name[0] for event in events if isinstance(event, Began)))
    assert any("rar" in order for order in orders)


def test_the_lanes_of_a_scenario_come_after_its_operations(tmp_path: Path) -> None:
    recorded = run_live(Careful, writers(2, 1, 1), tmp_path / "live")
    began = [event for event in recorded.trace.events if isinstance(event, Began)]
    assert [event.number for event in began] == list(range(4))
    assert [event.arguments.get("line") for event in began[:2]] == [None, "first"]
    assert sorted(event.arguments["line"] for event in began[2:]) == ["0.0", "1.0"]
    assert [one.arguments["line"] for one in writers(2, 1, 1).every_operation] == [
        "first",
        "0.0",
        "1.0",
    ]


# The store of this project


def test_ten_threads_of_twenty_messages_each_come_to_an_end(tmp_path: Path) -> None:
    scenario = ten_writers(each=20, reads=6)
    started = time.monotonic()
    recorded = record(reference, scenario, str(tmp_path))
    took_s = time.monotonic() - started
    assert recorded.seen.observed is not None
    messages = recorded.seen.observed["sessions"]["chat:1"]["messages"]
    assert len(messages) == 200
    assert {message["content"] for message in messages} == {
        f"{writer}.{number}" for writer in range(10) for number in range(20)
    }
    count = sum(not isinstance(event, Stepped) for event in recorded.trace.events)
    last = permitted_by_epoch(reference, scenario, recorded.trace, frozenset({count}))[count]
    view = canonical(reference.model.normalised(recorded.seen.observed))
    assert view in last.views
    assert took_s < 60


# Without turns: threads as they come


def free_running(store: Callable[[str], Driver], root: Path) -> Recorded:
    root.mkdir()
    with Recorder(str(root)) as recorder:
        driver = store(str(root))
        start = threading.Barrier(6)

        def work(name: int) -> None:
            start.wait()
            for at in range(5):
                for operation in (add(f"{name}.{at}"), READ):
                    number = recorder.began(operation.name, operation.arguments)
                    recorder.acknowledged(number, driver.apply(operation))

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(work, range(6)))
        seen = driver.observe(())
    check_whole(recorder.trace(), str(root))
    return Recorded(recorder.trace(), seen)  # type: ignore[arg-type]


@pytest.mark.parametrize("store", [Careful, GroupCommit])
def test_threads_as_they_come_leave_a_whole_trace_that_can_be_judged(
    store: type[Careful], tmp_path: Path
) -> None:
    scenario = Scenario("free", "", (), ())
    for run in range(3):
        recorded = free_running(store, tmp_path / str(run))
        events = recorded.trace.events
        owners = {event.operation for event in events if isinstance(event, Stepped)}
        assert len(owners) > 5
        permitted = permitted_by_epoch(subject(store), scenario, recorded.trace)
        assert permitted[max(permitted)].permits(canonical(recorded.seen))
        calls = linearise.Linearisation(LinesModel(), (), calls_of(events))
        assert calls.explains(recorded.seen)  # type: ignore[arg-type]


def test_drive_leaves_locks_as_they_were(tmp_path: Path) -> None:
    before = threading.Lock, threading.RLock, fcntl.flock, fcntl.lockf, fcntl.fcntl
    for store in (Careful, Entangled):
        for seed in SEEDS:
            with Recorder(str(tmp_path)) as recorder:
                drive(subject(store), writers(2, 2, seed, reads=2), str(tmp_path), recorder)
            assert before == (
                threading.Lock,
                threading.RLock,
                fcntl.flock,
                fcntl.lockf,
                fcntl.fcntl,
            )
