"""Which bytes of a write a kill is worked out at, where not at all of them."""

from support.key_values import right, wrong
from tornwrite.faults.profiles import KILL, POSIX
from tornwrite.faults.steps import Write
from tornwrite.faults.trace import Site, Stepped, Trace
from tornwrite.model.operation import Operation
from tornwrite.model.verdict import Verdict
from tornwrite.scenarios.chosen_cuts import first_of_each_line
from tornwrite.scenarios.rows import CHOSEN_CUTS
from tornwrite.scenarios.run import Outcome, Settings, run_scenario
from tornwrite.scenarios.subject import Scenario, Subject

HERE, THERE = (Site("store.py", 1, "put"),), (Site("store.py", 2, "delete"),)
LONG = b"x" * 300


def trace(*sites: tuple[Site, ...]) -> Trace:
    return Trace((), tuple(Stepped(Write(1, None, LONG), calls) for calls in sites))


def test_the_first_write_of_each_line_is_cut_at_every_byte_and_later_ones_here_and_there() -> None:
    cut_at = first_of_each_line(trace(HERE, HERE, THERE, HERE))
    step = Write(1, None, LONG)
    numbers = [len(cut_at(number, step)) for number in range(4)]
    assert numbers[0] == numbers[2] == len(LONG) - 1
    assert 0 < numbers[1] == numbers[3] < 20


def test_one_line_called_from_two_places_is_two() -> None:
    cut_at = first_of_each_line(trace((*HERE, *THERE), HERE))
    assert len(cut_at(1, Write(1, None, LONG))) == len(LONG) - 1


def test_a_short_write_is_cut_at_every_byte_however_often() -> None:
    assert list(first_of_each_line(trace(HERE, HERE))(1, Write(1, None, b"abcd"))) == [1, 2, 3]


def outcome(subject: Subject, *, every_cut: bool) -> Outcome:
    puts = tuple(
        Operation("put", {"key": "a", "value": letter * 200}) for letter in ("a", "b", "c")
    )
    scenario = Scenario("puts", "values put over each other", (), puts)
    settings = Settings(
        (KILL, POSIX), 5_000, 0, real_kills=False, every_cut=every_cut, kill_then_power=False
    )
    return run_scenario(subject, scenario, settings, lambda at, done: None)


def test_what_is_left_out_makes_the_row_incomplete_and_says_why() -> None:
    every, some = outcome(right, every_cut=True), outcome(right, every_cut=False)
    assert every.rows[0].complete
    assert every.rows[0].stopped == ""
    kill, power = some.rows
    assert (kill.complete, kill.stopped, kill.verdict) == (False, CHOSEN_CUTS, Verdict.PASSED)
    assert kill.judged < every.rows[0].judged
    assert kill.possible > kill.judged
    assert power.complete


def test_a_wrong_store_is_still_caught_by_a_kill() -> None:
    found = outcome(wrong, every_cut=False).findings
    assert any("kill" in one.profiles for one in found)
