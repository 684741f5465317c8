"""Schedules: all interleavings up to a bound, each once, and the same run for the same switches."""

import contextlib
import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from math import comb
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tornwrite.faults import schedules
from tornwrite.faults.interleaving import Deadlock, Endless, Interleaving, NotInTurns
from tornwrite.faults.recorder import Recorder
from tornwrite.faults.schedules import Drawn, Given, Schedule, Search, Switch, fewer, parse_switches
from tornwrite.faults.turn_locks import as_another_process, locks_that_give_turns

Work = Callable[[], None]
NAMES = "abc"


def order_of(schedule: Schedule, parts: Sequence[int]) -> str:
    """Workers that each do so many parts, with a step between any two: who did each, in order."""
    turns = Interleaving(schedule)
    order: list[str] = []

    def work(name: str, count: int) -> Work:
        def run() -> None:
            order.append(name)
            for _ in range(count - 1):
                turns.step()
                order.append(name)

        return run

    turns.run([work(NAMES[at], count) for at, count in enumerate(parts)])
    return "".join(order)


def every_order(parts: Sequence[int]) -> set[str]:
    letters = "".join(NAMES[at] * count for at, count in enumerate(parts))
    return {"".join(order) for order in itertools.permutations(letters)}


def switches_in(order: str) -> int:
    """How often a worker was left that had not come to its end."""
    return sum(
        one != other and one in order[at + 1 :]
        for at, (one, other) in enumerate(itertools.pairwise(order))
    )


def found_by(search: Search, run: Callable[[Schedule], str]) -> list[str]:
    found = []
    for schedule in search:
        found.append(run(schedule))
        assert schedule.passed_over == schedule.not_reached == []
        assert schedule.taken == schedule.switches
    return found


# All of them, each once


@given(first=st.integers(1, 5), second=st.integers(1, 5))
@settings(deadline=None, max_examples=25)
def test_two_workers_are_interleaved_in_every_way_and_in_each_once(first: int, second: int) -> None:
    search = Search(bound=10, most_runs=1000)
    orders = found_by(search, lambda schedule: order_of(schedule, (first, second)))
    assert len(orders) == len(set(orders)) == sum(search.runs) == comb(first + second, first)
    assert search.complete == 10


@pytest.mark.parametrize("parts", [(3, 3), (2, 2, 2), (1, 2, 3), (4, 1, 1)])
def test_the_orders_with_so_many_switches_come_before_those_with_more(
    parts: tuple[int, ...],
) -> None:
    wanted = Counter(map(switches_in, every_order(parts)))
    search = Search(bound=2, most_runs=1000)
    orders = found_by(search, lambda schedule: order_of(schedule, parts))
    assert [switches_in(order) for order in orders] == sorted(map(switches_in, orders))
    assert set(orders) == {order for order in every_order(parts) if switches_in(order) <= 2}
    assert search.runs == [wanted[number] for number in range(3)]


def test_without_a_switch_each_worker_runs_through() -> None:
    search = Search(bound=0, most_runs=10)
    orders = found_by(search, lambda schedule: order_of(schedule, (2, 2, 2)))
    assert sorted(orders) == ["aabbcc", "aaccbb", "bbaacc", "bbccaa", "ccaabb", "ccbbaa"]


def test_one_worker_has_no_choice() -> None:
    search = Search(bound=3, most_runs=10)
    assert found_by(search, lambda schedule: order_of(schedule, (5,))) == ["aaaaa"]
    assert search.complete == 3


def test_what_does_not_fit_is_not_begun_and_a_sample_of_it_is_kept() -> None:
    search = Search(bound=2, most_runs=20)
    orders = found_by(search, lambda schedule: order_of(schedule, (9, 9)))
    assert (search.complete, search.runs[:2], len(orders)) == (1, [2, 16], 18)
    wanted = comb(18, 9)
    assert 20 < search.with_one_more < wanted
    drawn = search.sample(5)
    assert len(set(drawn)) == 5
    assert {switches_in(order_of(Given(one), (9, 9))) for one in drawn} == {2}
    assert not {order_of(Given(one), (9, 9)) for one in drawn} & set(orders)


def test_the_same_seed_keeps_the_same_sample() -> None:
    def drawn(seed: int) -> object:
        search = Search(bound=1, most_runs=10, seed=seed)
        found_by(search, lambda schedule: order_of(schedule, (20, 20)))
        return search.sample(4)

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


# What is no choice


def locked_order(schedule: Schedule, names: str = "ab") -> str:
    """Threads that each hold one lock over three parts."""
    turns = Interleaving(schedule)
    order: list[str] = []
    with locks_that_give_turns(turns):
        lock = threading.Lock()

        def work(name: str) -> Work:
            def run() -> None:
                with lock:
                    for _ in range(3):
                        order.append(name)
                        turns.step()

            return run

        turns.run([work(name) for name in names])
    return "".join(order)


def test_who_would_only_wait_again_is_not_gone_on_with() -> None:
    search = Search(bound=9, most_runs=1000)
    orders = found_by(search, locked_order)
    assert set(orders) == {"aaabbb", "bbbaaa"}
    # The other one may come to the lock before it is taken, at any of the three steps, or after.
    assert len(orders) == 2 * 6


def test_who_comes_to_a_lock_that_is_held_leaves_it_open_who_is_next() -> None:
    search = Search(bound=1, most_runs=1000)
    orders = found_by(search, lambda schedule: locked_order(schedule, "abc"))
    assert set(orders) == {
        "".join(name * 3 for name in order) for order in itertools.permutations("abc")
    }


def test_a_lock_that_a_process_made_for_itself_is_no_choice(tmp_path: Path) -> None:
    def run(schedule: Schedule, *, process: bool) -> str:
        turns = Interleaving(schedule)

        def work() -> None:
            with as_another_process() if process else contextlib.nullcontext():
                lock = threading.Lock()
                for _ in range(5):
                    with lock:
                        pass

        with locks_that_give_turns(turns):
            turns.run([work, work])
        return ""

    counts = []
    for process in (True, False):
        search = Search(bound=1, most_runs=100)
        found_by(search, lambda schedule, process=process: run(schedule, process=process))  # type: ignore[misc]
        counts.append(search.runs)
    assert counts == [[2, 0], [2, 10]]


def test_who_tries_again_and_again_lets_the_others_go_on_at_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(schedules, "MOST_IN_A_ROW", 20)

    def run(schedule: Schedule) -> str:
        turns = Interleaving(schedule, most_steps=1_000)
        with locks_that_give_turns(turns):
            lock = threading.Lock()
            order: list[str] = []

            def trying() -> None:
                while not lock.acquire(blocking=False):
                    pass
                order.append("a")
                lock.release()

            def holding() -> None:
                with lock:
                    turns.step()
                    turns.step()
                    order.append("b")

            turns.run([trying, holding])
        return "".join(order)

    search = Search(bound=1, most_runs=200)
    assert set(found_by(search, run)) == {"ab", "ba"}
    assert search.complete == 1


# Deadlocks, and runs that come to no end


def entangled(schedule: Schedule) -> str:
    turns = Interleaving(schedule)
    with locks_that_give_turns(turns):
        one, other = threading.Lock(), threading.Lock()

        def work(first: threading.Lock, second: threading.Lock) -> None:
            with first, second:
                pass

        try:
            turns.run([lambda: work(one, other), lambda: work(other, one)])
        except Deadlock:
            assert isinstance(turns.broken_off, Deadlock)
            return "deadlock"
    return "done"


def test_locks_taken_in_two_orders_are_found_with_one_switch() -> None:
    search = Search(bound=0, most_runs=50)
    assert found_by(search, entangled) == ["done", "done"]
    search = Search(bound=1, most_runs=50)
    assert Counter(found_by(search, entangled))["deadlock"] == 2


def test_a_run_that_comes_to_no_end_is_told_from_one_that_cannot_be_controlled() -> None:
    turns = Interleaving(Given(), most_steps=50)

    def for_ever() -> None:
        while True:
            turns.step()

    with pytest.raises(Endless, match="come to no end in 50 steps"):
        turns.run([for_ever, for_ever])
    assert issubclass(Endless, NotInTurns)


# Switches, given and noted


@given(seed=st.integers(), parts=st.lists(st.integers(1, 6), min_size=1, max_size=3))
@settings(deadline=None, max_examples=40)
def test_what_was_drawn_can_be_given(seed: int, parts: list[int]) -> None:
    drawn = Drawn(seed)
    order = order_of(drawn, parts)
    again = Given(drawn.taken)
    assert order_of(again, parts) == order
    assert (again.taken, again.cost, again.choices) == (drawn.taken, drawn.cost, drawn.choices)
    assert (again.passed_over, again.not_reached) == ([], [])
    assert drawn.cost == switches_in(order)


def test_different_seeds_draw_different_orders() -> None:
    assert len({order_of(Drawn(seed), (6, 6)) for seed in range(50)}) > 30


def test_a_switch_that_cannot_be_made_is_told() -> None:
    schedule = Given((Switch(1, 7), Switch(99, 0)))
    assert order_of(schedule, (2, 2)) == "aabb"
    assert schedule.passed_over == [Switch(1, 7)]
    assert schedule.not_reached == [Switch(99, 0)]


@given(st.lists(st.builds(Switch, st.integers(0, 99), st.integers(0, 9)), unique_by=lambda s: s.at))
def test_switches_are_written_and_read(found: list[Switch]) -> None:
    found.sort()
    assert parse_switches(" ".join(map(str, found))) == tuple(found)


@pytest.mark.parametrize("words", ["3", "a>1", "3>", "3>-1", "3>1 3>0", "4>1 3>0", "3>1,4>0"])
def test_what_are_no_switches_is_refused(words: str) -> None:
    with pytest.raises(ValueError, match="switch"):
        parse_switches(words)


def test_a_run_under_given_switches_is_recorded_the_same_again(tmp_path: Path) -> None:
    def run(root: Path, schedule: Schedule) -> object:
        root.mkdir()
        turns = Interleaving(schedule)
        with locks_that_give_turns(turns), Recorder(root) as recorder:

            def work(name: str) -> Work:
                def write() -> None:
                    for _ in range(3):
                        with open(root / "log", "ab", buffering=0) as file:
                            file.write(name.encode())

                return write

            with recorder.in_turns(turns):
                turns.run([work("a"), work("b")])
        return [event.step for event in recorder.trace().events]  # type: ignore[union-attr]

    drawn = Drawn(5)
    first = run(tmp_path / "first", drawn)
    assert drawn.cost > 1
    assert run(tmp_path / "again", Given(drawn.taken)) == first
    assert run(tmp_path / "other", Given()) != first


# As few as are enough


def test_switches_that_are_not_needed_are_taken_away() -> None:
    needed = (Switch(3, 1), Switch(40, 0))
    tried = 0

    def shows(switches: tuple[Switch, ...]) -> tuple[Switch, ...] | None:
        nonlocal tried
        tried += 1
        return switches if set(needed) <= set(switches) else None

    all_given = tuple(Switch(at, 1 if at < 20 else 0) for at in range(64))
    assert fewer(all_given, shows) == needed
    assert tried < 80
    assert fewer((), shows) == ()


def test_an_order_that_needs_no_switch_comes_to_none() -> None:
    assert fewer((Switch(1, 1), Switch(2, 0)), lambda switches: switches) == ()


def test_two_hundred_orders_take_no_second() -> None:
    started = time.monotonic()
    assert len(found_by(Search(5, 1000), lambda one: order_of(one, (5, 5)))) > 200
    assert time.monotonic() - started < 5
