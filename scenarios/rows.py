"""The rows of one scenario's run: what each part of it came to, in figures."""

from collections.abc import Sequence

from tornwrite.faults.profiles import Profile
from tornwrite.model.results import NO_CRASH, Finding, Row
from tornwrite.model.verdict import Verdict
from tornwrite.scenarios.chosen_cuts import LONGEST
from tornwrite.scenarios.judging import ProfileRun
from tornwrite.scenarios.kills.lane import REAL_KILLS, KillLane
from tornwrite.scenarios.kills.then_power import KILL_THEN_POWER, PowerLane
from tornwrite.scenarios.subject import Scenario

CHOSEN_CUTS = (
    "all but the first write of each source line, and writes of more than "
    f"{LONGEST:,} bytes, are cut at chosen bytes only"
)


def row_of(scenario: Scenario, run: ProfileRun, findings: Sequence[Finding] = ()) -> Row:
    """The row of a scenario under one profile. findings: those of all profiles."""
    otherwise = Verdict.NOT_MEASURED if run.coverage.stopped else Verdict.PASSED
    chosen = CHOSEN_CUTS if run.coverage.chosen else ""
    return Row(
        scenario=scenario.name,
        profile=run.profile.name,
        verdict=Verdict.VIOLATED if run.violations else otherwise,
        operations=len(scenario.every_operation),
        points=run.coverage.points,
        judged=run.coverage.images,
        possible=run.coverage.possible,
        complete=run.coverage.complete,
        stopped=run.coverage.stopped or chosen,
        findings=sum(run.profile.name in found.profiles for found in findings),
        seconds=run.seconds,
        otherwise=otherwise,
    )


def row_of_kills(scenario: Scenario, lane: KillLane, seconds: float) -> Row:
    """The row of the real kills. What they show is told, and counted, with the profile `kill`."""
    otherwise = Verdict.NOT_MEASURED if lane.stopped else Verdict.PASSED
    if lane.disagreements:
        otherwise = Verdict.HARNESS_BROKEN
    fewer = f"{lane.kills} of {lane.points} kills chosen" if lane.points > lane.kills else ""
    return Row(
        scenario=scenario.name,
        profile=REAL_KILLS,
        verdict=Verdict.VIOLATED if lane.violations else otherwise,
        operations=len(scenario.every_operation),
        points=lane.kills,
        judged=len(lane.images),
        possible=len(lane.images) + bool(fewer),
        complete=not fewer and not lane.stopped,
        stopped=lane.stopped or fewer,
        findings=0,
        seconds=seconds,
        otherwise=otherwise,
    )


def row_after_kills(scenario: Scenario, lane: PowerLane, findings: int, seconds: float) -> Row:
    """The row of power losses after a kill. findings: how many there are, merged by cause."""
    verdict = Verdict.NOT_MEASURED if lane.stopped else Verdict.PASSED
    return Row(
        scenario=scenario.name,
        profile=KILL_THEN_POWER,
        verdict=Verdict.VIOLATED if findings else verdict,
        operations=len(scenario.every_operation),
        points=lane.runs,
        judged=len(lane.images),
        possible=lane.possible,
        complete=not lane.stopped,
        stopped=lane.stopped,
        findings=findings,
        seconds=seconds,
        otherwise=Verdict.PASSED if lane.barred else verdict,
    )


def row_without_crash(scenario: Scenario, findings: int, seconds: float) -> Row:
    """The row of a run that was wrong before any crash: that is all there is to judge."""
    return Row(
        scenario=scenario.name,
        profile=NO_CRASH,
        verdict=Verdict.VIOLATED,
        operations=len(scenario.every_operation),
        points=1,
        judged=1,
        possible=1,
        complete=True,
        stopped="",
        findings=findings,
        seconds=seconds,
        otherwise=Verdict.NOT_MEASURED,
    )


def row_without_verdict(scenario: Scenario, profile: Profile, instead: Verdict, why: str) -> Row:
    """The row of a profile that nothing was judged under. instead: what is said for a verdict."""
    return Row(
        scenario=scenario.name,
        profile=profile.name,
        verdict=instead,
        operations=len(scenario.every_operation),
        points=0,
        judged=0,
        possible=0,
        complete=False,
        stopped=why,
        findings=0,
        seconds=0.0,
    )
