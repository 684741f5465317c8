"""The lane of interleavings: what it takes to find a race, and that a right store shows none."""

import contextlib
import itertools
import os
import shlex
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from support.line_log import KEPT, add
from support.line_stores import (
    READ,
    Careful,
    Entangled,
    Sharing,
    SharingByFlock,
    Unlocked,
    subject,
)
from tornwrite.faults import interleaving
from tornwrite.faults.profiles import KILL, POSIX
from tornwrite.faults.schedules import Search
from tornwrite.faults.scratch import VARIABLE
from tornwrite.faults.states import CrashStates
from tornwrite.faults.trace import Acknowledged, Began, Stepped, Trace
from tornwrite.model.promises import SHARED
from tornwrite.model.results import Finding
from tornwrite.model.verdict import Kind, Verdict
from tornwrite.scenarios import stores
from tornwrite.scenarios.fault_lanes import Again, Effort, Job, LaneRun, run_lane
from tornwrite.scenarios.interleavings import lane as interleavings
from tornwrite.scenarios.interleavings import runs as interleaved_runs
from tornwrite.scenarios.interleavings.lane import INTERLEAVINGS, Extent
from tornwrite.scenarios.judging import Assessors
from tornwrite.scenarios.permitted import permitted_by_epoch
from tornwrite.scenarios.recording import record
from tornwrite.scenarios.recovery import Bench, workplace
from tornwrite.scenarios.subject import Driver, Lane, Scenario, Subject, WrongUse

Store = Callable[[str], Driver]


@pytest.fixture(autouse=True)
def nothing_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    in_memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=in_memory) as place:
        monkeypatch.setenv(VARIABLE, place)
        threads = set(threading.enumerate())
        files = set(os.listdir("/proc/self/fd"))
        yield
        assert set(threading.enumerate()) == threads
        assert set(os.listdir("/proc/self/fd")) == files
        assert os.listdir(place) == []


class HalfLocked(Careful):
    """Looks whether somebody is at work, and only then says that it is."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self._free = threading.Event()
        self._free.set()

    def add(self, line: str) -> None:
        while not self._free.is_set():
            self._free.wait()
        self._free.clear()
        with contextlib.suppress(FileNotFoundError):  # the other one has renamed it
            self._replace([*self._read(), line])
        self._free.set()


class LeavingTheSyncToOthers(Careful):
    """Does not sync the directory where somebody else is about to."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self._syncing = False

    def add(self, line: str) -> None:
        with self._lock:
            self._write([*self._read(), line])
        if not self._syncing:
            self._syncing = True
            folder = os.open(self._root, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)
            self._syncing = False

    def _write(self, lines: Sequence[str]) -> None:
        with open(self._file + ".tmp", "w", encoding="ascii") as file:
            file.writelines(f"{line}\n" for line in lines)
            file.flush()
            os.fsync(file.fileno())
        os.rename(self._file + ".tmp", self._file)


class JoiningTheSync(Careful):
    """Takes a sync that somebody has begun for its own, or begins one."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self._syncing = False
        self._replace(self._read())  # without what was torn

    def add(self, line: str) -> None:
        fd = os.open(self._file, os.O_WRONLY | os.O_APPEND)
        os.write(fd, f"{line}\n".encode())
        self._commit(fd)
        os.close(fd)

    def _commit(self, fd: int) -> None:
        if not self._syncing:
            self._syncing = True
            os.fsync(fd)
            self._syncing = False
        while self._syncing:
            self._read()

    def _read(self) -> list[str]:
        with contextlib.suppress(FileNotFoundError), open(self._file, encoding="ascii") as file:
            return [line for line in file.read().split("\n")[:-1] if "\0" not in line]
        return []


class WaitingForItsOwn(JoiningTheSync):
    """Waits until nobody is in a sync, and begins one."""

    def _commit(self, fd: int) -> None:
        with self._lock:
            os.fsync(fd)


class Clumsy(Careful):
    """Writes in place, not beside, where it finds somebody else at work."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self._busy = False

    def add(self, line: str) -> None:
        busy, self._busy = self._busy, True
        open(self._file + ".note", "w").close()
        self._busy = busy
        with self._lock:
            if busy:
                self._rewrite([*self._read(), line])
            else:
                self._replace([*self._read(), line])

    def _rewrite(self, lines: Sequence[str]) -> None:
        with open(self._file, "w", encoding="ascii") as file:
            file.writelines(f"{line}\n" for line in lines)
            file.flush()
            os.fsync(file.fileno())


class Expecting(Careful):
    """A reader asks for the next line, and looks for it again and again until it comes."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self._asked = self._given = False

    def add(self, line: str) -> None:
        asked = self._asked
        super().add(line)
        self._given = asked

    def lines(self) -> list[str]:
        self._asked = True
        while not self._given and not super().lines():
            pass
        return super().lines()


class Whimsical(Careful):
    """Does something else each time it runs."""

    runs = 0

    def __init__(self, root: str) -> None:
        super().__init__(root)
        type(self).runs += 1

    def add(self, line: str) -> None:
        for _ in range(9 - type(self).runs % 3 * 4):
            self._read()
        super().add(line)


def two(*, process: bool = False, read: bool = False, first: bool = True) -> Scenario:
    lanes = (Lane((add("one"),), process), Lane((READ if read else add("two"),), process))
    before = (add("first"),) if first else ()
    return Scenario("two", "two at once", (KEPT, SHARED), before, lanes=lanes)


@contextlib.contextmanager
def job(store: Store | Subject, scenario: Scenario, effort: Effort = Effort.CI) -> Iterator[Job]:
    under_test = store if isinstance(store, Subject) else subject(store)
    with workplace() as live:
        recorded = record(under_test, scenario, live)
        yield Job(
            under_test,
            scenario,
            recorded,
            permitted_by_epoch(under_test, scenario, recorded.trace),
            Assessors(under_test, Bench(under_test, live)),
            live,
            20_000,
            0,
            effort,
        )


@pytest.fixture
def extent(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Says how far the lane goes."""

    def to(switches: int, events: int = 30_000, drawn: int = 0, every_byte: int = 9) -> None:
        wanted = Extent(switches, events, drawn, images=100, every_byte=every_byte)
        monkeypatch.setitem(interleavings.EXTENTS, Effort.CI, wanted)

    return to


def lane_run(store: Store | Subject, scenario: Scenario) -> LaneRun:
    with job(store, scenario) as given:
        return INTERLEAVINGS.run(given)


def findings(store: Store, scenario: Scenario) -> list[Finding]:
    return [one.found for one in lane_run(store, scenario).findings]


def words_in(found: Finding) -> str:
    parts = shlex.split(found.replay)
    name, _, words = parts[parts.index("--fault") + 1].partition(": ")
    assert name == INTERLEAVINGS.name
    return words


def tried(run: LaneRun) -> dict[str, int]:
    return {fault.what: number for fault, number in run.tried.items()}


# Right stores


@pytest.mark.parametrize(
    ("store", "process"), [(Careful, False), (Sharing, True), (SharingByFlock, True)]
)
def test_a_right_store_passes_in_every_order_with_two_switches(
    store: Store, process: bool, extent: Callable[..., None]
) -> None:
    extent(2)
    with job(store, two(process=process)) as given:
        row, found, broken = run_lane(INTERLEAVINGS, given)
    assert (row.verdict, found, broken) == (Verdict.PASSED, [], [])
    assert row.complete
    assert row.judged > 10
    assert {count.at for count in row.faults} == {"processes" if process else "threads"}


def test_orders_are_counted_by_their_switches(extent: Callable[..., None]) -> None:
    extent(2)
    run = lane_run(Unlocked, two(first=False))
    assert tried(run)["0 switches"] == 2
    assert tried(run)["1 switch"] > 2


def test_orders_in_which_the_same_happens_are_judged_once(extent: Callable[..., None]) -> None:
    """Behind a lock the one follows the other, wherever the turn changes before it."""
    extent(2)
    run = lane_run(Careful, two())
    # One after the other, either way; or they overlap, as the second had begun before.
    assert tried(run) == {"0 switches": 2, "1 switch": 2}


@pytest.mark.parametrize("store", [Careful, Clumsy])
def test_all_that_a_crash_can_leave_in_any_order_is_judged(
    store: Store, extent: Callable[..., None]
) -> None:
    """Though no moment is judged twice."""
    extent(1, every_byte=1)
    with job(store, two()) as given:
        run = INTERLEAVINGS.run(given)
        left = set()
        for schedule in Search(bound=1, most_runs=1_000):
            trace = interleaved_runs.run_under(given, schedule).recorded.trace
            for profile in (KILL, POSIX):
                left |= {state.image for state in CrashStates(trace, profile)}
    assert run.images == left


# Races, by the switches that they take


def test_a_store_without_its_lock_is_caught_with_one_switch(extent: Callable[..., None]) -> None:
    extent(0)
    assert findings(Unlocked, two()) == []
    extent(1)
    found = findings(Unlocked, two())
    assert [one.violation.kind for one in found] == [Kind.LOST]
    assert "(1 switch: " in found[0].violation.recovered


def test_a_race_that_takes_two_switches_is_caught_with_two_and_not_with_one(
    extent: Callable[..., None],
) -> None:
    extent(1)
    run = lane_run(HalfLocked, two())
    assert run.findings == []
    assert run.sampled == run.stopped == []
    extent(2)
    found = findings(HalfLocked, two())
    assert {one.violation.kind for one in found} == {Kind.LOST}
    assert "(2 switches: " in found[0].violation.recovered


def test_a_lost_update_between_processes_is_caught(extent: Callable[..., None]) -> None:
    extent(1)
    found = findings(Unlocked, two(process=True))
    assert found[0].violation.kind is Kind.LOST
    assert findings(Sharing, two(process=True)) == []


def test_a_crash_in_one_order_is_caught(extent: Callable[..., None]) -> None:
    """No order shows anything by itself, and no crash of one after the other does."""
    extent(0)
    assert findings(LeavingTheSyncToOthers, two()) == []
    extent(1)
    (found,) = findings(LeavingTheSyncToOthers, two())
    assert (found.profile, found.violation.kind) == ("posix", Kind.LOST)
    assert found.images > 0
    assert f"--image {found.image}" in found.replay


def test_a_commit_that_joins_a_sync_under_way_is_caught(extent: Callable[..., None]) -> None:
    """Whoever has come to its fsync has begun it, and covers nothing that others write then."""
    extent(1)
    assert {one.violation.kind for one in findings(JoiningTheSync, two())} == {Kind.LOST}
    assert findings(WaitingForItsOwn, two()) == []


def test_a_crash_of_the_one_that_came_between_is_caught(extent: Callable[..., None]) -> None:
    """It comes after what had happened in other orders too, and was judged there."""
    extent(0)
    assert findings(Clumsy, two()) == []
    extent(1)
    assert {one.violation.kind for one in findings(Clumsy, two())} == {Kind.LOST}


def test_locks_taken_in_two_orders_are_told_with_the_order_of_turns(
    extent: Callable[..., None],
) -> None:
    extent(1)
    (found,) = findings(Entangled, two(read=True))
    assert (found.violation.kind, found.violation.promise) == (Kind.STUCK, SHARED)
    assert "2 threads wait for each other" in found.violation.recovered
    assert sorted(found.in_flight) == sorted(str(one.operations[0]) for one in two(read=True).lanes)
    assert [str(add("first"))] == [one for one in found.acknowledged if one != "open()"]


def test_a_wait_without_an_end_is_told(
    extent: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interleaved_runs, "_STEPS_BESIDE", 3_000)
    monkeypatch.setattr(interleaved_runs, "_STEPS_AT_MOST", 0)
    extent(0)
    assert findings(Expecting, two(read=True)) == []

    class Losing(Expecting):
        def add(self, line: str) -> None:
            asked = self._asked
            if asked:
                super().add(line)

    (found,) = findings(Losing, two(read=True, first=False))
    assert found.violation.kind is Kind.STUCK
    assert "come to no end in 3,000 steps" in found.violation.recovered


# What is told, and had again


@pytest.mark.parametrize(
    ("store", "scenario"),
    [
        (Unlocked, two()),
        (Unlocked, two(process=True)),
        (HalfLocked, two()),
        (LeavingTheSyncToOthers, two()),
        (Entangled, two(read=True)),
    ],
)
def test_a_finding_is_had_again(
    store: Store, scenario: Scenario, extent: Callable[..., None]
) -> None:
    extent(2)
    with job(store, scenario) as given:
        for evidence in INTERLEAVINGS.run(given).findings:
            found = evidence.found
            again = INTERLEAVINGS.replay(given, again_of(found))
            assert [one.violation for one in again] == [found.violation]
            assert [one.replay for one in again] == [found.replay]


def again_of(found: Finding) -> Again:
    if found.profile == INTERLEAVINGS.name:
        return Again(words_in(found))
    parts = shlex.split(found.replay)
    told = dict(itertools.pairwise(parts))
    assert found.profile == POSIX.name
    return Again(
        words_in(found),
        POSIX,
        epoch=int(told["--epoch"]),
        point=int(told["--point"]),
        image=told["--image"],
    )


def test_what_was_repaired_is_no_longer_found(extent: Callable[..., None]) -> None:
    extent(1)
    (found,) = findings(Unlocked, two())
    with (
        job(Careful, two()) as given,
        pytest.raises(WrongUse, match="does not come to the switches"),
    ):
        INTERLEAVINGS.replay(given, Again("500>1"))
    with job(Careful, two()) as given:
        assert INTERLEAVINGS.replay(given, Again("no switch")) == ()
    assert words_in(found) != "no switch"


@pytest.mark.parametrize("words", ["", "3", "one>two", "5>1 3>0"])
def test_words_that_are_no_switches_are_refused(words: str) -> None:
    with job(Careful, two()) as given:
        if words:
            with pytest.raises(WrongUse, match="take the words from a finding"):
                INTERLEAVINGS.replay(given, Again(words))
        else:
            assert INTERLEAVINGS.replay(given, Again(words)) == ()


def test_an_image_that_there_is_not_is_refused() -> None:
    with job(Careful, two()) as given, pytest.raises(WrongUse, match="no crash at point 3"):
        INTERLEAVINGS.replay(given, Again("no switch", POSIX, 2, 3, None, "0123"))


# Too many orders


def big(process: bool = False) -> Scenario:
    lanes = tuple(Lane(tuple(add(f"{at}.{n}") for n in range(3)), process) for at in range(3))
    return Scenario("big", "many at once", (KEPT, SHARED), (add("first"),), lanes=lanes)


def test_what_does_not_fit_is_drawn_by_lot_and_said(extent: Callable[..., None]) -> None:
    extent(2, events=600, drawn=6)
    with job(Careful, big()) as given:
        row, _, _ = run_lane(INTERLEAVINGS, given)
        again, _, _ = run_lane(INTERLEAVINGS, given)
    assert row.verdict is Verdict.PASSED
    assert not row.complete
    assert "6 orders run, of at least" in row.stopped
    assert "6 drawn by lot" in row.stopped
    assert {count.what: count.number for count in row.faults}["sampled"] > 3
    assert row.faults == again.faults


def test_what_was_drawn_is_told_with_the_fewest_switches_that_show_it(
    extent: Callable[..., None],
) -> None:
    extent(0, events=100, drawn=6)
    found = findings(Unlocked, big())
    assert found
    assert len(words_in(found[0]).split()) <= 2


def test_enough_is_enough(extent: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interleavings, "MOST_WRONG", 3)
    extent(2)
    run = lane_run(Unlocked, two())
    assert run.findings
    assert run.stopped == ["3 orders showed something wrong"]


# What is no finding


def test_a_store_that_does_something_else_each_time_breaks_the_harness(
    extent: Callable[..., None],
) -> None:
    extent(2)
    with job(Whimsical, two()) as given:
        row, found, broken = run_lane(INTERLEAVINGS, given)
    assert (row.verdict, found) == (Verdict.HARNESS_BROKEN, [])
    assert "did not do the same again" in broken[0]


def test_a_wait_for_what_is_not_controlled_breaks_the_harness(
    extent: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    read, write = os.pipe()
    os.write(write, b"x" * 2)

    class Listening(Careful):
        def add(self, line: str) -> None:
            os.read(read, 1)
            super().add(line)

    extent(1)
    with job(Listening, two(first=False)) as given:
        monkeypatch.setattr(interleaving, "PATIENCE_S", 0.2)
        row, found, broken = run_lane(INTERLEAVINGS, given)
    assert (row.verdict, found) == (Verdict.HARNESS_BROKEN, [])
    assert "cannot be run in turns" in broken[0]
    os.close(write)
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join(2)
    os.close(read)


# What the lane concerns, and what is the same for it


def test_it_concerns_what_several_do_and_each_but_once() -> None:
    concerned = [
        scenario.name
        for scenario in stores.reference.scenarios
        if INTERLEAVINGS.concerns(stores.reference, scenario)
    ]
    assert "summariser-1" in concerned
    assert "summariser-4" not in concerned
    assert "two-adds" in concerned
    assert "steady-append" not in concerned
    assert all(INTERLEAVINGS.leaves_out(effort) for effort in Effort)


def test_when_an_operation_began_counts_by_what_had_returned() -> None:
    def trace(*events: Any) -> Trace:
        return Trace((), events)

    happened = interleaved_runs._Happened()
    step = Stepped("a step", (), 0)  # type: ignore[arg-type]
    one, other = Began(0, "add", {"line": "1"}), Began(1, "add", {"line": "2"})
    early = happened.by_epoch(trace(one, other, step, Acknowledged(0), Acknowledged(1)))
    late = happened.by_epoch(trace(one, step, other, Acknowledged(0), Acknowledged(1)))
    after = happened.by_epoch(trace(one, step, Acknowledged(0), other, Acknowledged(1)))
    assert early[-1] == late[-1]
    assert early[-1] != after[-1]
    assert early[2][-1] == late[1][-1]  # the step was done, and nothing had returned


@pytest.mark.parametrize("name", ["add-and-truncate", "two-processes-add"])
def test_pairs_of_the_session_store_are_gone_through_with_two_switches(
    name: str, extent: Callable[..., None]
) -> None:
    extent(2)
    run = lane_run(stores.reference, stores.reference.scenario(name))
    assert run.findings == run.sampled == run.stopped == []
    assert tried(run)["1 switch"] >= 2
