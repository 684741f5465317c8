"""One sequence of operations after the other, each judged at every crash that is new in it.

What a crash before the last operation of a sequence could leave was judged with the sequence
without it, so only the crash points since then are judged; the run up to there has to be the same
one.
"""

import shlex
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tornwrite.faults.images import EMPTY, Image
from tornwrite.faults.profiles import Profile
from tornwrite.faults.states import CrashState
from tornwrite.faults.trace import Began, Event, Stepped, Trace
from tornwrite.model.judge import Permitted, judge
from tornwrite.model.operation import Operation
from tornwrite.model.results import Finding
from tornwrite.scenarios.exploring.sequences import as_json, as_scenario, spelled
from tornwrite.scenarios.findings import Collected, Shown, finding
from tornwrite.scenarios.judging import Assessors, live_violations
from tornwrite.scenarios.permitted import permitted_by_epoch
from tornwrite.scenarios.promised import under
from tornwrite.scenarios.recording import HarnessBroken, record
from tornwrite.scenarios.recovery import Bench, workplace
from tornwrite.scenarios.replaying import Place, replay
from tornwrite.scenarios.subject import Scenario, Subject
from tornwrite.scenarios.world.states import states_within

EVERY_BYTE = 16
"""Writes of up to so many bytes are cut at each of them by a kill, longer ones at chosen ones."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far to go.

    longest: how many operations a sequence has at most. profiles: the kinds of crash, from the
    strongest to the weakest. budget: images judged for a sequence and profile at most. every_byte:
    how long a write may be, in bytes, to be cut at each byte. until: when to stop, as `time.time`
    tells it. one: the first thing that is wrong with a sequence is enough.
    """

    longest: int
    profiles: tuple[Profile, ...]
    budget: int = 50_000
    every_byte: int = EVERY_BYTE
    until: float = float("inf")
    one: bool = False


@dataclass(slots=True)
class Explored:
    """What some sequences came to. judged: crash states. recovered: images, each once."""

    run: int = 0
    judged: int = 0
    recovered: int = 0
    findings: list[Finding] = field(default_factory=list)
    limits: Counter[str] = field(default_factory=Counter)
    stopped: str = ""

    def add(self, other: "Explored") -> None:
        """Count in what other sequences came to."""
        self.run += other.run
        self.judged += other.judged
        self.recovered += other.recovered
        self.findings += other.findings
        self.limits += other.limits
        self.stopped = self.stopped or other.stopped


class Explorer:
    """Runs sequences one after the other, in one place, and judges each."""

    def __init__(self, subject: Subject, live: str, bounds: Bounds) -> None:
        self._subject = subject
        self._live = live
        self._bounds = bounds
        self._assessors = Assessors(subject, Bench(subject, live))
        self._seen: set[tuple[tuple[str, ...], Image]] = set()
        self._last: tuple[tuple[Operation, ...], Trace] | None = None
        self.explored = Explored()

    def run(self, operations: tuple[Operation, ...], *, whole: bool = False) -> None:
        """Run the sequence and judge it from its last operation on; from the beginning if `whole`.

        Raises HarnessBroken when it does not begin as the one before it did with the same
        operations: then what was judged there says nothing.
        """
        scenario = as_scenario(operations)
        recorded = record(self._subject, scenario, self._live)
        trace = recorded.trace
        self._check_same(operations, trace)
        self._last = (operations, trace)
        began = 0 if whole or len(operations) == 1 else _epoch_of(len(operations), trace)
        last = sum(not isinstance(event, Stepped) for event in trace.events)
        wanted = frozenset(range(began, last + 1))
        permitted = permitted_by_epoch(self._subject, scenario, trace, wanted)
        collected = Collected(trace)
        self.explored.run += 1
        wrong = live_violations(self._subject, scenario, recorded, permitted[last])
        for violation in wrong:
            end = CrashState(0, len(trace.steps), EMPTY)
            collected.add_without_crash(violation, end)
        if not wrong:
            self._judge(operations, trace, wanted, permitted, collected)
        self.explored.findings += [
            self._finding(operations, scenario, trace, shown) for shown in collected.all()
        ]

    def _judge(
        self,
        operations: tuple[Operation, ...],
        trace: Trace,
        wanted: frozenset[int],
        permitted: Mapping[int, Permitted[Any]],
        collected: Collected,
    ) -> None:
        bounds, model = self._bounds, self._subject.model
        names = model.names(operations)
        assessor = self._assessors.of(names)
        for profile in bounds.profiles:
            for state, limit in states_within(
                trace, profile, wanted, bounds.budget, bounds.every_byte
            ):
                if state is None:
                    self.explored.limits[limit] += 1
                    continue
                self.explored.judged += 1
                self._seen.add((names, state.image))
                promised = under(permitted[state.epoch], profile)
                for wrong in judge(model, promised, assessor(state.image)):
                    collected.add(wrong, profile, state)
                    if bounds.one:
                        return
        self.explored.recovered = len(self._seen)

    def _finding(
        self, operations: tuple[Operation, ...], scenario: Scenario, trace: Trace, shown: Shown
    ) -> Finding:
        found = finding(self._subject.name, scenario.name, trace, shown)
        state, place = shown.state, None
        if shown.profile is not None:
            place = Place(state.epoch, state.point, state.cut, found.image)
        command = replay_command(self._subject, operations, shown.profile, place)
        judged = tuple(profile.name for profile in self._bounds.profiles)
        return replace(found, replay=command, judged=judged)

    def _check_same(self, operations: tuple[Operation, ...], trace: Trace) -> None:
        """That a run which begins with the same operations did the same."""
        if self._last is None:
            return
        before, other = self._last
        alike = 0
        while alike < min(len(before), len(operations)) and before[alike] == operations[alike]:
            alike += 1
        if _until(alike, trace) != _until(alike, other):
            raise HarnessBroken(
                f"{spelled(operations[:alike]) or 'opening'} does not do the same each time; give "
                "the subject a clock and names of its own that do (no time, no chance)"
            )


def explore_one(
    subject: Subject,
    operations: tuple[Operation, ...],
    bounds: Bounds,
    place: Place | None = None,
) -> Explored:
    """Run one sequence and judge all of it, or one crash state of it.

    place: that state. Raises WrongUse when there is no such one (any more).
    """
    if place is not None:
        (profile,) = bounds.profiles
        found = replay(subject, as_scenario(operations), profile, place)
        command = replay_command(subject, operations, profile, place)
        return Explored(run=1, judged=1, findings=[replace(one, replay=command) for one in found])
    with workplace() as live:
        explorer = Explorer(subject, live, bounds)
        explorer.run(operations, whole=True)
        return explorer.explored


def replay_command(
    subject: Subject,
    operations: tuple[Operation, ...],
    profile: Profile | None = None,
    place: Place | None = None,
) -> str:
    """The command that shows the sequence again, or one crash state of it."""
    command = ["tornwrite", "explore", subject.name, "--only", as_json(operations)]
    if profile is not None:
        command += ["--profile", profile.name]
    if place is not None:
        command += ["--epoch", str(place.epoch), "--point", str(place.point)]
        command += [] if place.cut is None else ["--cut", str(place.cut)]
        command += ["--image", place.image]
    return shlex.join(command)


def _epoch_of(number: int, trace: Trace) -> int:
    """The epoch in which the operation of that number is in flight."""
    ends = [event for event in trace.events if not isinstance(event, Stepped)]
    return 1 + next(at for at, event in enumerate(ends) if _begins(number, event))


def _until(number: int, trace: Trace) -> tuple[Event, ...]:
    """The events up to the end of the operation of that number."""
    events = trace.events
    at = next((at for at, event in enumerate(events) if _begins(number + 1, event)), None)
    if at is None:  # the last one: what comes after its end is the closing
        at = max(at for at, event in enumerate(events) if not isinstance(event, Stepped)) + 1
    return events[:at]


def _begins(number: int, event: Event) -> bool:
    return isinstance(event, Began) and event.number == number
