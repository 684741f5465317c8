"""The frame of the fault lanes: rows, counts, what breaks in them, what is left out."""

from collections import Counter
from dataclasses import dataclass, field

import pytest

from support.key_values import right
from tornwrite.faults.images import EMPTY
from tornwrite.faults.profiles import EXT4
from tornwrite.faults.states import CrashState
from tornwrite.model.linearise import TooManyOrders
from tornwrite.model.promises import DURABLE
from tornwrite.model.results import FaultCount, Finding, faults_tried
from tornwrite.model.verdict import Kind, Verdict, Violation
from tornwrite.scenarios import lane_registry
from tornwrite.scenarios.fault_lanes import Again, Effort, Fault, Job, LaneRun
from tornwrite.scenarios.findings import Collected, evidence, finding
from tornwrite.scenarios.recording import HarnessBroken
from tornwrite.scenarios.replaying import replay_fault
from tornwrite.scenarios.run import Outcome, Settings, run_scenario
from tornwrite.scenarios.subject import Scenario, Subject, WrongUse

LOST = Violation(Kind.LOST, DURABLE, "a", "one", "none")


@dataclass
class Lane:
    """A lane that does as it is told."""

    name: str = "toy"
    finds: bool = False
    breaks: Exception | None = None
    stops: list[str] = field(default_factory=list)
    asked: list[Effort] = field(default_factory=list)
    concerned: bool = True

    def concerns(self, subject: Subject, scenario: Scenario) -> bool:
        return self.concerned

    def leaves_out(self, effort: Effort) -> str:
        return "" if effort is Effort.FULL else "half of it"

    def run(self, job: Job) -> LaneRun:
        self.asked.append(job.effort)
        if self.breaks is not None:
            raise self.breaks
        tried = Counter({Fault("toy", "write", "EIO"): 2, Fault("toy", "open", "EIO"): 1})
        run = LaneRun(tried=tried, images={EMPTY}, stopped=list(self.stops))
        if self.finds:
            collected = Collected(job.recorded.trace)
            collected.add(LOST, EXT4, CrashState(0, 0, EMPTY))
            run.findings += [
                evidence(finding("toy", job.scenario.name, job.recorded.trace, shown), shown)
                for shown in collected.all()
            ]
        return run

    def replay(self, job: Job, again: Again) -> tuple[Finding, ...]:
        self.asked.append(job.effort)
        if again.fault != "known":
            raise WrongUse(f"there is no fault {again.fault}")
        return ()


def outcome(lane: Lane, monkeypatch: pytest.MonkeyPatch, effort: Effort = Effort.CI) -> Outcome:
    monkeypatch.setattr(lane_registry, "FAULT_LANES", (lane,))
    settings = Settings((EXT4,), 1000, 0, real_kills=False, lanes=("toy",), effort=effort)
    return run_scenario(right, right.scenarios[0], settings, lambda at, done: None)


def test_a_lane_has_a_row_with_what_it_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    came = outcome(Lane(), monkeypatch)
    row = came.rows[-1]
    assert (row.profile, row.verdict, row.points, row.judged) == ("toy", Verdict.PASSED, 3, 1)
    assert faults_tried([row, row]) == (
        FaultCount("toy", "open", "EIO", 2),
        FaultCount("toy", "write", "EIO", 4),
    )


def test_what_a_lane_finds_is_a_finding_of_the_scenario(monkeypatch: pytest.MonkeyPatch) -> None:
    came = outcome(Lane(finds=True), monkeypatch)
    assert came.rows[-1].verdict is Verdict.VIOLATED
    assert [found.violation for found in came.findings] == [LOST]


def test_a_lane_that_breaks_takes_no_other_verdict_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    came = outcome(Lane(breaks=HarnessBroken("no such luck")), monkeypatch)
    assert [row.verdict for row in came.rows] == [Verdict.PASSED, Verdict.HARNESS_BROKEN]
    assert came.notes == (f"{right.scenarios[0].name}: toy: no such luck",)


@pytest.mark.parametrize(
    "lane", [Lane(stops=["no more budget"]), Lane(breaks=TooManyOrders("too many"))]
)
def test_a_lane_that_did_not_try_all_is_not_measured(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = outcome(lane, monkeypatch).rows[-1]
    assert row.verdict is Verdict.NOT_MEASURED
    assert row.stopped
    assert not row.complete
    assert row.possible > row.judged


def test_a_lane_is_not_run_where_it_has_nothing_to_try(monkeypatch: pytest.MonkeyPatch) -> None:
    lane = Lane(concerned=False)
    assert len(outcome(lane, monkeypatch).rows) == 1
    assert lane.asked == []


def test_a_lane_is_told_the_effort(monkeypatch: pytest.MonkeyPatch) -> None:
    lane = Lane()
    outcome(lane, monkeypatch, Effort.FULL)
    assert lane.asked == [Effort.FULL]


def test_a_fault_is_replayed_by_the_lane_that_knows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane_registry, "FAULT_LANES", (Lane(),))
    scenario = right.scenarios[0]
    assert replay_fault(right, scenario, "toy: known", Again) == ()
    with pytest.raises(WrongUse, match="no fault unknown"):
        replay_fault(right, scenario, "toy: unknown", Again)
    with pytest.raises(WrongUse, match="no fault lane 'other'"):
        replay_fault(right, scenario, "other: known", Again)
    with pytest.raises(WrongUse, match="is no fault"):
        replay_fault(right, scenario, "toy", Again)
