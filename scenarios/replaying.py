"""Replaying: one crash state of a scenario again, from a new recording of it."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace

from tornwrite.faults import trace as trace_files
from tornwrite.faults.images import Image, digest, materialise
from tornwrite.faults.profiles import Profile
from tornwrite.faults.states import CrashState, states_at
from tornwrite.model.judge import assess, judge
from tornwrite.model.results import Finding
from tornwrite.scenarios.fault_lanes import Again, Effort, Job
from tornwrite.scenarios.findings import Collected, finding
from tornwrite.scenarios.judging import Assessors
from tornwrite.scenarios.kills.then_power import (
    KILL_THEN_POWER,
    add_failed,
    finding_of,
    go_on_again,
)
from tornwrite.scenarios.lane_registry import lanes_named
from tornwrite.scenarios.permitted import permitted_by_epoch
from tornwrite.scenarios.programs.lanes import recorded_by_both
from tornwrite.scenarios.promised import under
from tornwrite.scenarios.recording import record
from tornwrite.scenarios.recovery import Bench, workplace
from tornwrite.scenarios.subject import Scenario, Subject, WrongUse


@dataclass(frozen=True, slots=True)
class Place:
    """Where a crash state is found again: epoch, crash point, bytes of a cut write, digest.

    killed_after, continuation: for a crash after a kill, the last step before the kill, and the
    number of the way in which a new process went on.
    """

    epoch: int
    point: int
    cut: int | None
    image: str
    killed_after: int | None = None
    continuation: int = 0


def replay(
    subject: Subject,
    scenario: Scenario,
    profile: Profile,
    place: Place,
    *,
    keep: str | None = None,
    trace_file: str | None = None,
) -> tuple[Finding, ...]:
    """Record the scenario anew, go to the place, recover there and judge; nothing if all is well.

    keep: a new directory to write the image to, for looking at. trace_file: a recording to take
    instead of a new one.
    Raises WrongUse when the profile does not allow that image there (any more).
    """
    with workplace() as live:
        if trace_file is None:
            trace = record(subject, scenario, live).trace
        else:
            trace = trace_files.load(trace_file)
        bench = Bench(subject, live)
        names = subject.model.names(scenario.every_operation)
        run = None
        if place.killed_after is not None:
            run = go_on_again(
                subject,
                scenario,
                trace,
                place.killed_after,
                place.continuation,
                bench,
                live,
            )
            trace, names = run.trace, run.names
        state = next(
            (
                CrashState(place.epoch, place.point, image, place.cut)
                for image in states_at(trace, profile, place.epoch, place.point, place.cut)
                if digest(image) == place.image
            ),
            None,
        )
        if state is None:
            raise WrongUse(
                f"no crash at point {place.point} of {scenario.name} leaves image {place.image} "
                f"under {profile.name}: the store or the scenario has changed since; run the gate"
            )
        if keep is not None:
            _keep(state.image, keep)
        assessed = assess(subject.model, bench.recover(state.image, names))
        permitted = under(permitted_by_epoch(subject, scenario, trace)[place.epoch], profile)
        collected = Collected(trace)
        for violation in judge(subject.model, permitted, assessed):
            collected.add(violation, profile, state)
        if run is not None:
            add_failed(run, collected)
            return tuple(
                replace(
                    finding_of(subject, scenario, run, shown),
                    lane=KILL_THEN_POWER,
                    profiles=(KILL_THEN_POWER,),
                )
                for shown in collected.all()
            )
        return tuple(
            replace(
                finding(subject.name, scenario.name, trace, shown, trace_file),
                judged=(profile.name,),
            )
            for shown in collected.all()
        )


def replay_fault(
    subject: Subject, scenario: Scenario, fault: str, again: Callable[[str], Again]
) -> tuple[Finding, ...]:
    """Try one fault of a fault lane again; nothing if all is well.

    fault: the lane's name, a colon, and its words for the fault, as a finding gives them. again:
    makes of those words what the lane is given.
    Raises WrongUse when there is no such lane, or no such fault (any more).
    """
    name, colon, words = fault.partition(": ")
    if not colon:
        raise WrongUse(f"{fault!r} is no fault: it is the lane's name, a colon, and the fault")
    (lane,) = lanes_named((name,))
    with workplace() as live:
        subject, recorded = recorded_by_both(subject, scenario, live)
        job = Job(
            subject=subject,
            scenario=scenario,
            recorded=recorded,
            permitted=permitted_by_epoch(subject, scenario, recorded.trace),
            assessors=Assessors(subject, Bench(subject, live)),
            live=live,
            budget=REPLAY_BUDGET,
            seed=0,
            effort=Effort.FULL,
        )
        found = lane.replay(job, again(words))
        return tuple(replace(one, lane=lane.name, profiles=(lane.name,)) for one in found)


REPLAY_BUDGET = 50_000
"""How many images are gone through at most to find the one that is wanted."""


def _keep(image: Image, directory: str) -> None:
    try:
        os.makedirs(directory)
        materialise(image, directory)
    except OSError as error:
        raise WrongUse(
            f"cannot keep the image in {directory}: {error.strerror}; name a directory that does "
            "not exist yet"
        ) from error
