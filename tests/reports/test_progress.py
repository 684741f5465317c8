"""How far a run is: lines for a log, far apart, where there is no terminal."""

import io

import pytest
from rich.console import Console

from tornwrite.reports import progress as report
from tornwrite.reports.workloads import ExploreProgress, SoakProgress


class Clock:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(report, "time", clock)
    return clock


def log() -> tuple[io.StringIO, Console]:
    out = io.StringIO()
    return out, Console(file=out, width=40, force_terminal=False)


def test_a_short_run_says_nothing_in_a_log(clock: Clock) -> None:
    out, console = log()
    with report.GateProgress(console, 2) as shown:
        for scenario in ("put", "delete"):
            shown.judged(scenario, "posix", 12)
            shown.finished(scenario)
            clock.now += report.EVERY_S / 3
    assert out.getvalue() == ""


def test_a_long_run_says_now_and_then_how_far_it_is(clock: Clock) -> None:
    out, console = log()
    with report.GateProgress(console, 3) as shown:
        shown.finished("put")
        for count in range(1000, 1100):
            clock.now += 0.5
            shown.judged("delete", "posix", count)
    lines = out.getvalue().splitlines()
    assert len(lines) == 5
    assert lines[0] == "tornwrite: 10 s, 1 of 3 scenarios done; at delete (posix: 1,019)"
    assert lines[-1].startswith("tornwrite: 50 s, ")


def test_of_many_that_are_under_way_the_last_ones_are_told(clock: Clock) -> None:
    out, console = log()
    with report.GateProgress(console, 390, of="fault") as shown:
        for number in range(20):
            shown.judged(f"run-{number}", "damage", 8)
        shown.judged("run-3", "damage", 9)
        clock.now += report.EVERY_S
        shown.judged("run-19", "damage", 9)
    assert out.getvalue() == (
        "tornwrite: 10 s, 0 of 390 faults done; at run-17 (damage: 8), run-18 (damage: 8), "
        "run-3 (damage: 9), run-19 (damage: 9)\n"
    )


def test_each_line_stands_by_itself_and_is_plain(clock: Clock) -> None:
    out, console = log()
    with report.GateProgress(console, 1) as shown:
        clock.now += report.EVERY_S
        shown.judged("[bold]odd[/]", "posix", 1)
    assert out.getvalue() == "tornwrite: 10 s, 0 of 1 scenario done; at [bold]odd[/] (posix: 1)\n"


def test_soaks_and_explorations_say_so_too(clock: Clock) -> None:
    out, console = log()
    with SoakProgress(console) as soak:
        soak.worked("a", "5 steps", 1)
        clock.now += report.EVERY_S
        soak.worked("b", "making a failure smaller, 9 steps", 2)
    with ExploreProgress(console) as explore:
        clock.now += report.EVERY_S
        explore.worked("a", "put(), put()", 7)
    assert out.getvalue().splitlines() == [
        "tornwrite: 10 s, a: 1 example, 5 steps; b: 2 examples, making a failure smaller, 9 steps",
        "tornwrite: 10 s, a: put(), put() 7",
    ]


def test_a_terminal_gets_no_such_lines(clock: Clock) -> None:
    out = io.StringIO()
    with report.GateProgress(Console(file=out, force_terminal=True, width=80), 1) as shown:
        clock.now += report.EVERY_S
        shown.judged("put", "posix", 1)
    assert "tornwrite:" not in out.getvalue()
