"""Findings: violations that belong together, and what a reader needs to understand each of them."""

import shlex
from dataclasses import dataclass

from tornwrite.faults.epochs import epochs
from tornwrite.faults.explain import Fate, Reached, fates
from tornwrite.faults.images import Image, Node, SymbolicLink, digest
from tornwrite.faults.profiles import Profile
from tornwrite.faults.states import CrashState
from tornwrite.faults.steps import describe
from tornwrite.faults.trace import Began, Stepped, Trace, open_paths
from tornwrite.model.operation import Operation, shortened
from tornwrite.model.results import Finding, StepLine
from tornwrite.model.verdict import Violation


@dataclass(slots=True)
class Shown:
    """A kind of violation, the first state that showed it, and how many images did."""

    violation: Violation
    profile: Profile
    state: CrashState
    profiles: list[str]
    images: set[Image]


class Collected:
    """The violations of one scenario, under all profiles, gathered into findings.

    Profiles come from the strongest to the weakest, so the first state of a finding is one of the
    strongest profile that shows it.
    """

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._shown: dict[tuple[object, ...], Shown] = {}
        self._owners = _owners(trace)

    def add(self, violation: Violation, profile: Profile, state: CrashState) -> None:
        """One more image that shows a violation."""
        # One finding for each thing that is wrong with one operation's steps, not for each image.
        position = min(state.point, len(self._owners) - 1)
        key = (
            violation.kind,
            violation.promise.name,
            violation.about,
            bool(violation.after),
            self._owners[position] if self._owners else None,
        )
        shown = self._shown.get(key)
        if shown is None:
            self._shown[key] = Shown(violation, profile, state, [profile.name], {state.image})
            return
        shown.images.add(state.image)
        if profile.name not in shown.profiles:
            shown.profiles.append(profile.name)

    def count(self, profile: Profile) -> int:
        """How many of the findings the profile shows."""
        return sum(profile.name in shown.profiles for shown in self._shown.values())

    def all(self) -> list[Shown]:
        return list(self._shown.values())


def finding(subject: str, scenario: str, trace: Trace, shown: Shown) -> Finding:
    """The finding as it is reported: steps and their fates, the step to protect, how to replay."""
    state = shown.state
    told = fates(trace, shown.profile, state)
    operations = _numbered(trace)
    ended, flying = _when(trace, state)
    lines = _lines(trace, told, operations)
    return Finding(
        scenario=scenario,
        profile=shown.profile.name,
        profiles=tuple(shown.profiles),
        violation=shown.violation,
        images=len(shown.images),
        point=state.point,
        cut=state.cut,
        image=digest(state.image),
        acknowledged=tuple(str(operations[number]) for number in ended),
        in_flight=tuple(str(operations[number]) for number in flying),
        steps=tuple(lines),
        protect=_to_protect(trace, told, set(ended), state),
        files=tuple((path, _content(node)) for path, node in state.image),
        replay=replay_command(subject, scenario, shown.profile.name, state),
    )


def replay_command(subject: str, scenario: str, profile: str, state: CrashState) -> str:
    """The command that shows exactly this state again."""
    parts = ["tornwrite", "replay", subject, "--scenario", scenario, "--profile", profile]
    parts += ["--epoch", str(state.epoch), "--point", str(state.point)]
    if state.cut is not None:
        parts += ["--cut", str(state.cut)]
    parts += ["--image", digest(state.image)]
    return shlex.join(parts)


def _numbered(trace: Trace) -> dict[int, Operation]:
    return {
        event.number: Operation(event.name, event.arguments)
        for event in trace.events
        if isinstance(event, Began)
    }


def _owners(trace: Trace) -> list[int]:
    """The operation that each step belongs to; the last one began before it."""
    owners: list[int] = []
    current = -1
    for event in trace.events:
        match event:
            case Began(number):
                current = number
            case Stepped():
                owners.append(current)
            case _:
                pass
    return owners


def _when(trace: Trace, state: CrashState) -> tuple[list[int], list[int]]:
    """The operations that had ended in the state's epoch, and those in flight."""

    epoch = epochs(trace)[state.epoch]
    return list(epoch.ended), list(epoch.in_flight)


def _lines(
    trace: Trace, told: tuple[Fate, ...], operations: dict[int, Operation]
) -> list[StepLine]:
    owners = _owners(trace)
    paths = open_paths(trace.steps)
    events = [event for event in trace.events if isinstance(event, Stepped)]
    return [
        StepLine(
            fate.step,
            describe(events[fate.step].step, paths),
            fate.reached.value,
            tuple(str(site) for site in events[fate.step].sites),
            str(operations[owners[fate.step]]) if owners[fate.step] in operations else "",
        )
        for fate in told
    ]


def _to_protect(
    trace: Trace, told: tuple[Fate, ...], ended: set[int], state: CrashState
) -> int | None:
    """The step whose loss, or whose half-done state, shows through.

    First of all a step of an acknowledged operation that is not on the disk: its promise binds.
    Else, in the operation in flight, a step that was overtaken by a later one. Else the last step
    that is on the disk: the crash came right after it.
    """
    owners = _owners(trace)
    missing = [fate.step for fate in told if fate.reached in (Reached.NOT, Reached.PART)]
    for step in missing:
        if owners[step] in ended:
            return step
    reached = [fate.step for fate in told if fate.reached is Reached.WHOLE]
    if missing and reached and missing[0] < reached[-1]:
        return missing[0]
    if state.cut is not None:
        return state.point
    return reached[-1] if reached else None


def _content(node: Node) -> str:
    match node:
        case None:
            return "directory"
        case SymbolicLink(text):
            return f"link to {text}"
        case _:
            return f"{len(node)} B {shortened(node, 160)}"
