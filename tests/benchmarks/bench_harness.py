"""What the harness costs beside the store that it judges, as ratios of times taken in one run.

Not a test: run it as `python tests/benchmarks/bench_harness.py`. Each line says what the rule of
the design is and what was measured; on a busy machine repeat it.
"""

import logging
import os
import time
from collections.abc import Callable, Sequence
from typing import Any

from tornwrite.faults.images import Image
from tornwrite.faults.kills import kill_points, run_and_kill
from tornwrite.faults.profiles import KILL, POSIX
from tornwrite.faults.recorder import Recorder
from tornwrite.faults.scratch import Workspace
from tornwrite.faults.states import CrashStates
from tornwrite.model.judge import assess, judge
from tornwrite.model.operation import Observation, Operation
from tornwrite.scenarios.permitted import permitted_by_epoch
from tornwrite.scenarios.recording import drive, record
from tornwrite.scenarios.recovery import Bench
from tornwrite.scenarios.sessions.operations import add, compact, summary, truncate
from tornwrite.scenarios.stores import reference
from tornwrite.scenarios.subject import Driver, Scenario, Subject


class Timed:
    """A driver whose every call is timed: what the subject itself takes."""

    seconds = 0.0

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def _take(self, call: Callable[..., Any], *given: Any) -> Any:
        started = time.perf_counter()
        try:
            return call(*given)
        finally:
            Timed.seconds += time.perf_counter() - started

    def apply(self, operation: Operation) -> Any:
        return self._take(self._driver.apply, operation)

    def observe(self, names: Sequence[str]) -> Observation:
        found: Observation = self._take(self._driver.observe, names)
        return found

    def settled(self, names: Sequence[str]) -> Observation:
        found: Observation = self._take(self._driver.settled, names)
        return found

    def close(self) -> None:
        self._take(self._driver.close)


def timed_open(root: str) -> Timed:
    started = time.perf_counter()
    driver = reference.open(root)
    Timed.seconds += time.perf_counter() - started
    return Timed(driver)


def subject() -> Subject:
    return Subject("timed", reference.model, timed_open, reference.scenarios)


def workload(operations: int, base: Image = ()) -> Scenario:
    """Appends, a summary, a truncation and a compaction now and then."""
    every = (summary("s", "so far"), truncate("s", 2), compact("s"))
    done = [
        every[number // 5 % 3] if number % 5 == 4 else add("s", f"message {number}")
        for number in range(operations)
    ]
    return Scenario("benchmark", "", (), tuple(done), base)


def judged(scenario: Scenario, profile: Any, folder: str) -> tuple[int, float, float]:
    """How many images, the seconds they took, and how many of those the subject itself took."""
    under_test = subject()
    live = os.path.join(folder, "live")
    os.makedirs(live, exist_ok=True)
    trace = record(under_test, scenario, live).trace
    permitted = permitted_by_epoch(under_test, scenario, trace)
    bench = Bench(under_test, live)
    known: dict[Image, Any] = {}
    Timed.seconds = 0.0
    started = time.perf_counter()
    for state in CrashStates(trace, profile):
        if state.image not in known:
            recovery = bench.recover(state.image, ("s",))
            known[state.image] = assess(under_test.model, recovery)
        assert not judge(under_test.model, permitted[state.epoch], known[state.image])
    return len(known), time.perf_counter() - started, Timed.seconds


def main() -> None:
    logging.getLogger().addHandler(logging.NullHandler())
    with Workspace() as workspace:
        folder = workspace.path
        scenario = workload(20)
        live = os.path.join(folder, "live")
        os.mkdir(live)
        trace = record(subject(), scenario, live).trace

        def run(recorder: Recorder) -> None:
            drive(subject(), scenario, live, recorder)

        points = kill_points(trace.steps)[::7]
        started = time.perf_counter()
        for point in points:
            for name in os.listdir(live):
                os.unlink(os.path.join(live, name))
            run_and_kill(run, live, point)
            Bench(subject(), live).recover_in_place(("s",))
        each = (time.perf_counter() - started) / len(points)
        print(f"a real kill, recovered, costs {1e3 * each:.1f} ms (rule: milliseconds)")
        images, took, own = judged(workload(20), KILL, folder)
        print(
            f"a judged image costs {took / own:.2f} times the store's own share of it "
            f"(rule: at most 3): {1e3 * took / images:.2f} ms, {images:,} images"
        )
        _, small, _ = judged(workload(20), POSIX, folder)
        _, large, _ = judged(workload(80), POSIX, folder)
        print(f"a workload 4 times as long costs {large / small:.2f} times as much (rule: about 4)")
        other = tuple((f"other.jsonl.damaged-{number:012x}", bytes(20_000)) for number in range(50))
        few, plain, mine = judged(workload(20), POSIX, folder)
        many, beside, theirs = judged(workload(20, other), POSIX, folder)
        grown = ((beside - theirs) / many) / ((plain - mine) / few)
        print(
            f"beside 50 files of 20 kB that the workload does not touch the harness's share of an "
            f"image is {grown:.1f} times as large (rule: 1)"
        )


if __name__ == "__main__":
    main()
