"""Findings: violations that belong together, and what a reader needs to understand each of them."""

import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import TypeVar

from tornwrite.faults.epochs import epochs
from tornwrite.faults.explain import Fate, Reached, fates
from tornwrite.faults.images import Image, Node, SymbolicLink, digest
from tornwrite.faults.kills import changes_something
from tornwrite.faults.profiles import KNOWN, Profile
from tornwrite.faults.states import CrashState
from tornwrite.faults.steps import describe
from tornwrite.faults.trace import Acknowledged, Began, Site, Stepped, Trace, open_paths
from tornwrite.model.operation import REFUSED, Operation, shortened
from tornwrite.model.results import NO_CRASH, NOT_YET, Finding, StepLine
from tornwrite.model.verdict import Kind, Violation
from tornwrite.scenarios.recording import PERFORM

T = TypeVar("T")


@dataclass(slots=True)
class Shown:
    """A violation, the first state that showed it, and all profiles and images that did.

    No profile: the run itself was wrong, without a crash.
    """

    violation: Violation
    profile: Profile | None
    state: CrashState
    profiles: list[str] = field(default_factory=list)
    images: set[Image] = field(default_factory=set)


class Collected:
    """The violations of one scenario, under all profiles, gathered into findings.

    Profiles come from the strongest to the weakest, so the first state of a finding is one of the
    strongest profile that shows it.
    """

    def __init__(self, trace: Trace) -> None:
        self._shown: dict[tuple[object, ...], Shown] = {}
        self._owners = step_owners(trace)

    def add(self, violation: Violation, profile: Profile, state: CrashState) -> None:
        """One more image that shows a violation."""
        shown = self._of(violation, profile, state)
        shown.images.add(state.image)
        if profile.name not in shown.profiles:
            shown.profiles.append(profile.name)

    def add_without_crash(self, violation: Violation, state: CrashState) -> None:
        """A violation that the run itself showed."""
        self._of(violation, None, state)

    def knows(self, violation: Violation, state: CrashState) -> bool:
        """Whether the violation belongs to a finding that has been seen before."""
        return self._key(violation, state) in self._shown

    def _of(self, violation: Violation, profile: Profile | None, state: CrashState) -> Shown:
        key = self._key(violation, state)
        return self._shown.setdefault(key, Shown(violation, profile, state))

    def _key(self, violation: Violation, state: CrashState) -> tuple[object, ...]:
        position = min(state.point, len(self._owners) - 1)
        return (
            violation.kind,
            violation.promise.name,
            violation.about,
            bool(violation.after),
            self._owners[position] if self._owners else None,
        )

    def all(self) -> list[Shown]:
        return list(self._shown.values())


def finding(
    subject: str, scenario: str, trace: Trace, shown: Shown, trace_file: str | None = None
) -> Finding:
    """The finding as it is reported: steps and their fates, the step to protect, how to replay.

    trace_file: replay this recording; None records anew.
    """
    state = shown.state
    late: tuple[int, ...] = ()
    operations = {
        event.number: Operation(event.name, event.arguments)
        for event in trace.events
        if isinstance(event, Began)
    }
    if shown.profile is None:
        flying: tuple[int, ...] = ()
        told = tuple(Fate(step, Reached.WHOLE) for step in range(state.point))
        ended = tuple(operations)
        profile, protect = NO_CRASH, None
        replay = shlex.join(["tornwrite", "gate", subject, "--scenario", scenario])
    else:
        told = fates(trace, shown.profile, state)
        epoch = epochs(trace)[state.epoch]
        ended, flying = epoch.ended, epoch.in_flight
        profile, protect = shown.profile.name, _to_protect(trace, told, set(ended), state)
        if shown.violation.kind in (Kind.LOST, Kind.RESURRECTED):
            late = _too_late(trace, told, set(ended), state)
            protect = late[0] if late else protect
        replay = replay_command(subject, scenario, profile, state, trace_file)
    returned = {
        event.number
        for event in trace.events
        if isinstance(event, Acknowledged) and event.result != REFUSED
    }
    return Finding(
        scenario=scenario,
        profile=profile,
        profiles=tuple(shown.profiles) or (profile,),
        violation=shown.violation,
        images=len(shown.images),
        point=state.point,
        cut=state.cut,
        image=digest(state.image),
        acknowledged=tuple(str(operations[number]) for number in ended if number in returned),
        in_flight=tuple(str(operations[number]) for number in flying),
        steps=(
            *_lines(trace, told, operations),
            *(
                replace(line, fate=NOT_YET)
                for line in _lines(trace, [Fate(n, Reached.NONE) for n in late], operations)
            ),
        ),
        protect=protect,
        files=tuple((path, content_told(node)) for path, node in state.image),
        replay=replay,
    )


@dataclass(frozen=True, slots=True)
class Evidence:
    """A finding, and the images that show it; one may do so at several moments."""

    found: Finding
    images: frozenset[Image]


def evidence(found: Finding, shown: Shown) -> Evidence:
    """The finding with the images that it was seen on."""
    return Evidence(found, frozenset(shown.images))


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """One finding for what has one cause: the same thing wrong for want of the same source line.

    The first is kept, with the profiles and lanes of all and the number of their images: those of
    different scenarios, so that they are not the same images.
    """
    return [_one(group) for group in _groups(list(findings), lambda found: found)]


def merged_evidence(found: Iterable[Evidence]) -> list[Evidence]:
    """The same within one scenario, where several may have been seen on one image."""
    return [
        _together(_one([one.found for one in group]), group)
        for group in _groups(list(found), lambda one: one.found)
    ]


def joined(found: Iterable[Evidence], later: Iterable[Evidence]) -> list[Evidence]:
    """The findings of a scenario, with those of a kill and then a power loss.

    What is wrong without a power loss after the kill is so with one too, at every step anew: such
    images are counted with the finding that is there already.
    """
    all_found = list(found)
    for one in later:
        wrong = one.found.violation
        for at, known in enumerate(all_found):
            if (
                known.found.violation.kind,
                known.found.violation.promise,
                known.found.violation.about,
            ) == (wrong.kind, wrong.promise, wrong.about):
                all_found[at] = _together(known.found, [known, one])
                break
        else:
            all_found.append(one)
    return merged_evidence(all_found)


def _together(found: Finding, group: Sequence[Evidence]) -> Evidence:
    images = frozenset[Image]().union(*(one.images for one in group))
    return Evidence(replace(found, images=len(images)), images)


def _groups(found: list[T], finding_of: Callable[[T], Finding]) -> list[list[T]]:
    """What has one cause together, the gravest first: what is lost before what is untidy."""
    groups: dict[tuple[object, ...], list[T]] = {}
    for one in found:
        groups.setdefault(_cause(finding_of(one)), []).append(one)
    graveness = {kind: rank for rank, kind in enumerate(Kind)}
    return sorted(groups.values(), key=lambda group: graveness[finding_of(group[0]).violation.kind])


def _cause(found: Finding) -> tuple[object, ...]:
    violation = found.violation
    # Litter and drift are told of the store as a whole: the step that came last is no cause.
    whole = violation.kind in (Kind.LITTER, Kind.DRIFTED)
    where = () if whole else _where(found)
    return violation.kind, violation.promise.name, bool(violation.after), where


def _where(found: Finding) -> tuple[str, ...]:
    """The source line that needs protection; without a step that was lost, the last operation."""
    if found.protect is None:
        return tuple(line.operation.partition("(")[0] for line in found.steps[-1:])
    line = next((one for one in found.steps if one.number == found.protect), None)
    if line is None:
        return found.scenario, str(found.protect)
    if line.fate == NOT_YET:  # whichever step the crash came before: the answer came too early
        return NOT_YET, line.operation.partition("(")[0]
    # Seen from outside: a step of one kind in one kind of operation is one line, as a rule.
    return line.sites or (line.text.partition(" ")[0], line.operation.partition("(")[0])


def _one(group: Sequence[Finding]) -> Finding:
    """The plainest, with what all of them tell: profiles, scenarios, images.

    That is one of a crash alone before one of a lane, and of those the one of the strongest
    profile, with the fewest steps.
    """
    if len(group) == 1:
        return group[0]
    ranks = {profile.name: rank for rank, profile in enumerate(KNOWN)}
    first = min(
        group,
        key=lambda one: (bool(one.lane), ranks.get(one.profile, len(ranks)), len(one.steps)),
    )
    shown = dict.fromkeys(name for one in group for name in one.profiles)
    others = dict.fromkeys(name for one in group for name in (one.scenario, *one.also_in))
    others.pop(first.scenario, None)
    return replace(
        first,
        profiles=tuple(sorted(shown, key=lambda name: ranks.get(name, len(ranks)))),
        judged=tuple(dict.fromkeys(name for one in group for name in one.judged)),
        images=sum(one.images for one in group),
        also_in=tuple(others),
    )


def replay_command(
    subject: str, scenario: str, profile: str, state: CrashState, trace_file: str | None = None
) -> str:
    """The command that shows exactly this state again."""
    parts = ["tornwrite", "replay", subject, "--scenario", scenario, "--profile", profile]
    parts += ["--epoch", str(state.epoch), "--point", str(state.point)]
    if state.cut is not None:
        parts += ["--cut", str(state.cut)]
    parts += ["--image", digest(state.image)]
    if trace_file is not None:
        parts += ["--trace", trace_file]
    return shlex.join(parts)


def step_owners(trace: Trace) -> list[int]:
    """For each step its operation; -1 if it has none.

    Where the recording does not say: the operation that began last before it.
    """
    owners: list[int] = []
    current = -1
    for event in trace.events:
        match event:
            case Began():
                current = event.number
            case Stepped():
                owners.append(current if event.operation is None else event.operation)
            case _:
                pass
    return owners


def _lines(trace: Trace, told: Iterable[Fate], operations: dict[int, Operation]) -> list[StepLine]:
    owners = step_owners(trace)
    paths = open_paths(trace.steps)
    events = [event for event in trace.events if isinstance(event, Stepped)]
    return [
        StepLine(
            fate.step,
            describe(events[fate.step].step, paths),
            fate.reached.value,
            tuple(str(site) for site in own_sites(events[fate.step].sites)),
            str(operations[owners[fate.step]]) if owners[fate.step] in operations else "",
        )
        for fate in told
    ]


def own_sites(sites: tuple[Site, ...]) -> tuple[Site, ...]:
    """The calls inside the subject and its driver: up to where the harness called it."""
    end = next((at for at, site in enumerate(sites) if site.function in _CALLERS), None)
    return sites[:end]


_CALLERS = (
    PERFORM,
    "_Run._perform",
    "StoreDriver.apply",
    "python_subject.<locals>.opened",
    "record_recovery.<locals>.<lambda>",
)
"""The functions that call a subject: its driver, or the store of one that was built."""


def of_lane(one: Evidence, name: str) -> Evidence:
    """What a lane has found: the lane is what shows it, whatever crash that takes afterwards."""
    return replace(one, found=replace(one.found, lane=name, profiles=(name,)))


def judged_under(one: Evidence, profiles: Iterable[Profile]) -> Evidence:
    """What the crashes of a plain run have shown, judged under these profiles."""
    names = tuple(profile.name for profile in profiles)
    return replace(one, found=replace(one.found, judged=names))


def _to_protect(
    trace: Trace, told: tuple[Fate, ...], ended: set[int], state: CrashState
) -> int | None:
    """The step whose loss, or whose half-done state, shows through.

    First of all a step of an acknowledged operation that is not on the disk: its promise binds.
    Else, in the operation in flight, a step that was overtaken by a later one, or that is there in
    part. Else the last step that is on the disk: the crash came right after it.
    """
    if state.cut is not None:
        return state.point
    owners = step_owners(trace)
    missing = [fate.step for fate in told if fate.reached in (Reached.NOT, Reached.PART)]
    for step in missing:
        if owners[step] in ended:
            return step
    reached = [fate.step for fate in told if fate.reached is Reached.WHOLE]
    if missing and reached and missing[0] < reached[-1]:
        return missing[0]
    part = [fate.step for fate in told if fate.reached is Reached.PART]
    if part:
        return part[0]
    return reached[-1] if reached else None


def _too_late(
    trace: Trace, told: Sequence[Fate], ended: set[int], state: CrashState
) -> tuple[int, ...]:
    """The steps of an acknowledged operation that the program did only after the crash.

    None where a step of an acknowledged operation was done and lost: then that is why.
    """
    owners = step_owners(trace)
    lost = (fate.step for fate in told if fate.reached in (Reached.NOT, Reached.PART))
    if state.cut is not None or any(owners[step] in ended for step in lost):
        return ()
    later = range(state.point, len(owners))
    late = tuple(takewhile(lambda step: owners[step] in ended, later))
    return late if any(changes_something(trace.steps[step]) for step in late) else ()


def content_told(node: Node) -> str:
    """What is in a node of an image, in short."""
    match node:
        case None:
            return "directory"
        case SymbolicLink(text):
            return f"link to {text}"
        case _:
            return f"{len(node)} B {shortened(node, 160)}"
