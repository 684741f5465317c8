"""Crashes one after another, each in the recovery from the one before: told, and found again."""

import re
import shlex
from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from tornwrite.faults.epochs import epochs
from tornwrite.faults.images import Image, digest
from tornwrite.faults.profiles import KILL, POSIX, Profile
from tornwrite.faults.states import CrashState, states_at
from tornwrite.faults.trace import Began, Trace
from tornwrite.model.judge import Permitted
from tornwrite.model.operation import Operation
from tornwrite.model.results import Finding, Stage
from tornwrite.scenarios.fault_lanes import Again, Job
from tornwrite.scenarios.findings import Shown, finding, replay_command
from tornwrite.scenarios.promised import under
from tornwrite.scenarios.recovery_crashes.images import Crash
from tornwrite.scenarios.recovery_crashes.recording import (
    Recovering,
    promised_within,
    record_recovery,
    ways_to_go_on,
)
from tornwrite.scenarios.stages import FIRST, of_one_process, recovery
from tornwrite.scenarios.subject import WrongUse


@dataclass(frozen=True, slots=True)
class Link:
    """A crash on the way to an image. trace: of what it ended.

    way: the number of the way in which that had gone on, if it was a recovery.
    """

    trace: Trace
    crash: Crash
    way: int


Chain: TypeAlias = tuple[Link, ...]
"""Crashes one after another, the first in the plain run."""


@dataclass(slots=True)
class Crashed:
    """What crashes left, to be recovered.

    promised: what may come back, for each thing that may have been promised. chains: for each of
    them, crashes that led here when it was. in_flight: what the first crash broke off.
    """

    promised: dict[Hashable, Permitted[Any]]
    chains: dict[Hashable, Chain]
    in_flight: tuple[Operation, ...]

    @property
    def chain(self) -> Chain:
        """The chain that was found first."""
        return next(iter(self.chains.values()))

    @property
    def image(self) -> Image:
        return self.chain[-1].crash.state.image

    @property
    def durable(self) -> bool:
        """Whether nothing of it is still on its way to the disk."""
        return self.chain[-1].crash.word == "power"


def operations_of(trace: Trace) -> dict[int, Operation]:
    """The operations of a trace, by their numbers."""
    return {
        event.number: Operation(event.name, event.arguments)
        for event in trace.events
        if isinstance(event, Began)
    }


def finding_of(
    job: Job, lane: str, chain: Chain, recovering: Recovering, shown: Shown, way: int
) -> Finding:
    """The finding, with the crashes before the last one told, and how to have all of them again."""
    trace = recovering.trace
    found = finding(job.subject.name, job.scenario.name, trace, shown)
    acknowledged: list[str] = []
    broken_off: list[str] = []
    for link in chain:
        epoch = epochs(link.trace)[link.crash.state.epoch]
        operations = operations_of(link.trace)
        acknowledged += (str(operations[number]) for number in epoch.ended)
        ended = "killed" if link.crash.word == "kill" else "the power failed"
        told = f"{ended} at point {link.crash.state.point}, image {digest(link.crash.state.image)}"
        flying = [str(operations[number]) for number in epoch.in_flight] or ["nothing"]
        broken_off += (f"{name} ({told})" for name in flying)
    first = chain[0].crash
    assert shown.profile is not None
    links = [(link.way, link.crash) for link in chain[1:]]
    links.append((way, Crash(shown.profile, shown.state)))
    words = f"{lane}: " + ", ".join(_words(number, crash) for number, crash in links)
    plain = replay_command(job.subject.name, job.scenario.name, first.profile.name, first.state)
    return replace(
        found,
        profile=lane,
        profiles=(lane,),
        acknowledged=(*acknowledged, *found.acknowledged),
        in_flight=(*broken_off, *found.in_flight),
        replay=f"{plain} {shlex.join(['--fault', words])}",
        stages=_stages(chain, recovering, shown),
    )


def _stages(chain: Chain, recovering: Recovering, shown: Shown) -> tuple[Stage, ...]:
    """The plain run, and each recovery up to the last, whose steps the finding shows."""
    assert shown.profile is not None
    names = (FIRST, *(recovery(number) for number in range(1, len(chain) + 1)))
    before = (
        of_one_process(who, link.trace, link.crash.profile, link.crash.state, shown=False)
        for who, link in zip(names, chain, strict=False)
    )
    last = of_one_process(names[-1], recovering.trace, shown.profile, shown.state, shown=True)
    return (*before, last)


def _words(way: int, crash: Crash) -> str:
    state = crash.state
    cut = "" if state.cut is None else f"+{state.cut}"
    image = digest(state.image)
    return f"way {way} {crash.word} {state.epoch} {state.point}{cut} {image}"


_LINK = re.compile(r"way (\d+) (kill|power) (\d+) (\d+)(?:\+(\d+))? ([0-9a-f]{16})")


@dataclass(frozen=True, slots=True)
class _Named:
    """A crash of a recovery as words name it."""

    way: int
    profile: Profile
    epoch: int
    point: int
    cut: int | None
    image: str


def _read(words: str) -> list[_Named]:
    found: list[_Named] = []
    for part in words.split(", "):
        match = _LINK.fullmatch(part)
        if match is None:
            raise WrongUse(
                f"a crash in a recovery is named like 'way 0 power 5 3 0123456789abcdef', which "
                f"{part!r} is not; take the words from a finding"
            )
        way, word, epoch, point, cut, image = match.groups()
        profile = KILL if word == "kill" else POSIX
        cut_at = None if cut is None else int(cut)
        found.append(_Named(int(way), profile, int(epoch), int(point), cut_at, image))
    return found


def chain_of(job: Job, again: Again, lane: str) -> tuple[Crashed, Recovering, Crash, int]:
    """Go the way of a finding once more: up to the last crash, the recovery it is in, and it.

    Raises WrongUse when there is no such way (any more).
    """
    named = _read(again.fault.removeprefix(f"{lane}: "))
    if again.profile is None or again.epoch is None or again.point is None:
        raise WrongUse("the first crash has to be named too: --profile, --epoch, --point, --image")
    trace = job.recorded.trace
    first = _Named(0, again.profile, again.epoch, again.point, again.cut, again.image)
    crash = _crash(trace, first)
    epoch = epochs(trace)[crash.state.epoch]
    operations = operations_of(trace)
    permitted = under(job.permitted[crash.state.epoch], crash.profile)
    in_flight = tuple(operations[number] for number in epoch.in_flight)
    crashed = Crashed({0: permitted}, {0: (Link(trace, crash, 0),)}, in_flight)
    for last, one in enumerate(named, start=1):
        recovering = _recovering(job, crashed, one.way)
        crash = _crash(recovering.trace, one)
        if last == len(named):
            return crashed, recovering, crash, one.way
        promised = promised_within(job.subject, recovering, crashed.promised)[crash.state.epoch]
        chain = (*crashed.chain, Link(recovering.trace, crash, one.way))
        crashed = Crashed(dict(promised), dict.fromkeys(promised, chain), in_flight)
    raise AssertionError("words name one crash at least")


def _recovering(job: Job, crashed: Crashed, way: int) -> Recovering:
    names = job.subject.model.names(job.scenario.every_operation)
    observed = job.assessors.of(names)(crashed.image).observed
    if observed is not None:
        ways = ways_to_go_on(job.subject, crashed.image, crashed.in_flight, observed) or ((),)
        if way < len(ways):
            return record_recovery(job.subject, job.scenario, crashed.image, ways[way], job.live)
    raise WrongUse(
        f"no recovery goes on in way {way} from image {digest(crashed.image)}: the store, the "
        "model or the scenario has changed since; run the gate"
    )


def _crash(trace: Trace, named: _Named) -> Crash:
    if named.epoch < len(epochs(trace)):
        for image in states_at(trace, named.profile, named.epoch, named.point, named.cut):
            if digest(image) == named.image:
                state = CrashState(named.epoch, named.point, image, named.cut)
                return Crash(named.profile, state)
    raise WrongUse(
        f"no crash at point {named.point} leaves image {named.image} under {named.profile.name}: "
        "the store or the scenario has changed since; run the gate"
    )
