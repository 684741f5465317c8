"""What crashes leave: all of it, or images of each kind.

A kind is an operation in flight and what became of two of the files that it was changing: as
before, as after, missing, empty, the beginning of what it should be, holes in it, something else.
It is told from the images alone, so that to choose costs next to nothing beside a recovery.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from tornwrite.faults.epochs import Epoch, epochs
from tornwrite.faults.images import Image
from tornwrite.faults.interpreter import Interpreter
from tornwrite.faults.profiles import KILL, POSIX, Profile
from tornwrite.faults.states import CrashState, CrashStates
from tornwrite.faults.trace import Began, Trace
from tornwrite.scenarios.chosen_cuts import EVERY_BYTE, kills
from tornwrite.scenarios.once_each import once_each

_Kind: TypeAlias = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]
_ALL = ("everything", "as before")
_NOTHING = object()


@dataclass(frozen=True, slots=True)
class Crash:
    """One crash: what it left, and under which profile."""

    profile: Profile
    state: CrashState

    @property
    def word(self) -> str:
        """`kill` or `power`."""
        return "kill" if self.profile == KILL else "power"


@dataclass(slots=True)
class Crashes:
    """The crashes of a trace, those of one image once in each epoch: the power's, then kills.

    Iterate once, then read `stopped`: why they are not all. power_too: nothing of what was there at
    the start is still on its way to the disk, so it can be told what a power loss leaves.
    kills_too: those as well where the power can be lost, else they are all there is. every_byte:
    they cut a write at every byte, not only at chosen ones. budget: images under each profile at
    most. seed: for the sample when there are more.
    """

    trace: Trace
    budget: int
    seed: int
    power_too: bool = True
    kills_too: bool = True
    every_byte: bool = True
    stopped: str = ""

    def __iter__(self) -> Iterator[Crash]:
        lost = (POSIX, KILL) if self.kills_too else (POSIX,)
        crashes = (
            Crash(profile, state)
            for profile in (lost if self.power_too else (KILL,))
            for state in self._states(profile)
        )
        return once_each(crashes, lambda crash: (crash.state.epoch, crash.state.image))

    def _states(self, profile: Profile) -> Iterator[CrashState]:
        if profile is KILL and not self.every_byte:
            yield from kills(self.trace, epochs(self.trace), EVERY_BYTE)
            return
        states = CrashStates(self.trace, profile, budget=self.budget, seed=self.seed)
        yield from states
        self.stopped = self.stopped or states.coverage.stopped


class Kinds:
    """The kinds of images that have been seen so far."""

    def __init__(self) -> None:
        self._known: set[_Kind] = set()

    def new_of(self, found: Crashes) -> Iterator[Crash]:
        """Of the crashes of a trace, those whose image is the first of some kind."""
        trace = found.trace
        wanted = epochs(trace)
        names = {event.number: event.name for event in trace.events if isinstance(event, Began)}
        done = list(_done(trace))
        for crash in found:
            epoch = wanted[crash.state.epoch]
            image = crash.state.image
            kinds = _kinds(names, epoch, done[epoch.first], done[epoch.last], image)
            if not kinds <= self._known:
                self._known |= kinds
                yield crash


def at_the_end(trace: Trace) -> CrashState:
    """What there is when all of the trace is done, and nothing is lost."""
    last = epochs(trace)[-1]
    *_, image = _done(trace)
    return CrashState(last.number, last.last, image)


def _done(trace: Trace) -> Iterator[Image]:
    """What is there with nothing lost, before the first step and after each."""
    interpreter = Interpreter(trace.base)
    yield interpreter.image()
    for number, step in enumerate(trace.steps):
        interpreter.apply(number, step)
        yield interpreter.image()


def _kinds(
    names: dict[int, str], epoch: Epoch, before: Image, after: Image, image: Image
) -> set[_Kind]:
    ones, others, found = dict(before), dict(after), dict(image)
    told: list[tuple[str, str]] = []
    for path in sorted(ones.keys() | others.keys() | found.keys()):
        one, other = ones.get(path, _NOTHING), others.get(path, _NOTHING)
        here = found.get(path, _NOTHING)
        if not one == other == here:
            told.append((path, _became(one, other, here)))
    flying = tuple(names[number] for number in epoch.in_flight)
    if not told:
        last = tuple(names[number] for number in epoch.ended[-1:])
        return {(flying, ("after", *last), _ALL)}
    return {(flying, one, other) for at, one in enumerate(told) for other in told[at:]}


def _became(before: object, after: object, found: object) -> str:
    if found == before:
        return "as before"
    if found == after:
        return "as after"
    if not isinstance(found, bytes):
        return "missing" if found is _NOTHING else "no file"
    if not found:
        return "empty"
    if isinstance(after, bytes) and after.startswith(found):
        return "all but its end" if len(after) - len(found) == 1 else "its beginning"
    return "with holes" if b"\0" in found else "something else"
