"""Fault lanes: what a scenario is put through beside the crashes of its plain run.

A lane takes one recorded scenario, tries every fault of its kind on it, judges what came of each
and counts what it tried. The gate runs each lane that concerns a scenario and prints a row for it.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from tornwrite.faults.images import Image
from tornwrite.faults.kills import KillFailed
from tornwrite.faults.offspring import ProcessesLeft
from tornwrite.faults.profiles import Profile
from tornwrite.faults.recorder import RecorderBlind, UnknownStep
from tornwrite.model.judge import Permitted
from tornwrite.model.linearise import TooManyOrders
from tornwrite.model.results import FaultCount, Finding, Row
from tornwrite.model.verdict import Verdict
from tornwrite.scenarios.findings import Evidence, merged_evidence, of_lane
from tornwrite.scenarios.judging import Assessors
from tornwrite.scenarios.recording import HarnessBroken, NotMeasured, Recorded
from tornwrite.scenarios.subject import Scenario, Subject, WrongUse


class Effort(Enum):
    """How much a run tries: what a lane leaves out at less than FULL it says."""

    QUICK = "quick"
    CI = "ci"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Job:
    """One scenario, recorded, and all that a lane needs to put it through its faults.

    permitted: what may come back in each epoch of the plain run. live: a directory of the
    harness's own, emptied again and again, in which the scenario runs and images are recovered.
    budget: images judged at most. seed: for what is sampled.
    """

    subject: Subject
    scenario: Scenario
    recorded: Recorded
    permitted: Mapping[int, Permitted[Any]]
    assessors: Assessors
    live: str
    budget: int
    seed: int
    effort: Effort
    progress: Callable[[str, int], None] = lambda lane, done: None


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault where it was tried, for the count: `errors`, `fsync`, `EIO once`."""

    lane: str
    at: str
    what: str


@dataclass(slots=True)
class LaneRun:
    """What came of one lane on one scenario.

    tried: how often each fault was tried, distinct ones only. images: all that were judged.
    possible: images that there are, at least; 0 for as many as were judged. findings: those of one
    cause are merged later. stopped: why not all was tried or judged. barred: those reasons of
    `stopped` that are findings: nothing can be tried past what is wrong already. sampled: what was
    drawn by lot for there is too much of it, as the lane had set out to. broken: why the harness
    failed here, a sentence each.
    """

    tried: Counter[Fault] = field(default_factory=Counter)
    images: set[Image] = field(default_factory=set)
    possible: int = 0
    findings: list[Evidence] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    barred: list[str] = field(default_factory=list)
    sampled: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Again:
    """One fault of a lane to be tried again, as a finding's replay command names it.

    fault: the lane's own words for it. The others say which crash state afterwards, if it takes a
    crash to show it: the profile, its epoch, its point, bytes of a cut write, the image's digest.
    """

    fault: str
    profile: Profile | None = None
    epoch: int | None = None
    point: int | None = None
    cut: int | None = None
    image: str = ""


class FaultLane(Protocol):
    """Faults of one kind. `name` is how the lane is called where profiles are named."""

    @property
    def name(self) -> str: ...

    def concerns(self, subject: Subject, scenario: Scenario) -> bool:
        """Whether there is anything for the lane to try in this scenario."""
        ...

    def leaves_out(self, effort: Effort) -> str:
        """What is not tried at this effort, in a few words; empty when all is."""
        ...

    def run(self, job: Job) -> LaneRun:
        """Try every fault of the lane's kind that the effort asks for."""
        ...

    def replay(self, job: Job, again: Again) -> tuple[Finding, ...]:
        """What is wrong when that one fault is tried again; empty when nothing is.

        Raises WrongUse when there is no such fault (any more).
        """
        ...


def run_lane(lane: FaultLane, job: Job) -> tuple[Row, list[Evidence], list[str]]:
    """Run one lane: its row, its findings merged by cause, and why the harness failed in it."""
    started = time.perf_counter()
    try:
        run = lane.run(job)
    except WrongUse:
        raise
    except (HarnessBroken, RecorderBlind, UnknownStep, KillFailed, ProcessesLeft) as error:
        run = LaneRun(stopped=["the harness failed"], broken=[f"{lane.name}: {error}"])
    except (TooManyOrders, NotMeasured) as error:
        run = LaneRun(stopped=[str(error)])
    found = merged_evidence(of_lane(one, lane.name) for one in run.findings)
    stopped = "; ".join(dict.fromkeys(run.stopped))
    verdict = Verdict.NOT_MEASURED if stopped else Verdict.PASSED
    otherwise = Verdict.NOT_MEASURED if set(run.stopped) - set(run.barred) else Verdict.PASSED
    if run.broken:
        verdict = otherwise = Verdict.HARNESS_BROKEN
    judged = len(run.images)
    short = stopped or "; ".join(dict.fromkeys(run.sampled))
    row = Row(
        scenario=job.scenario.name,
        profile=lane.name,
        verdict=Verdict.VIOLATED if found else verdict,
        operations=len(job.scenario.every_operation),
        points=run.tried.total(),
        judged=judged,
        possible=max(run.possible, judged + bool(short)),
        complete=not short,
        stopped=short,
        findings=len(found),
        seconds=time.perf_counter() - started,
        faults=tuple(
            FaultCount(fault.lane, fault.at, fault.what, number)
            for fault, number in sorted(run.tried.items(), key=lambda item: str(item[0]))
        ),
        otherwise=otherwise,
    )
    return row, found, [f"{job.scenario.name}: {said}" for said in run.broken]
