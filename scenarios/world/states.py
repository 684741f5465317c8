"""What a crash in the last step of a world could leave, and what comes of each."""

from collections.abc import Iterator
from dataclasses import dataclass

from tornwrite.faults.epochs import epochs
from tornwrite.faults.images import Image
from tornwrite.faults.profiles import ProcessKill, Profile
from tornwrite.faults.states import CrashState, CrashStates
from tornwrite.faults.steps import Write
from tornwrite.faults.trace import Trace
from tornwrite.model.judge import Assessed
from tornwrite.scenarios.chosen_cuts import kills

AT_EACH_BYTE = "bytes cut at each byte"
"""How the limit ends that says that long writes were not."""

_MOST_KNOWN_BYTES = 64 * 1024 * 1024
_OVERHEAD_BYTES = 8 * 1024
"""What the looks at one image take, about."""


class Known:
    """What came of images, by what was asked about them; forgets all when it grows too large."""

    def __init__(self) -> None:
        self._assessed: dict[tuple[tuple[str, ...], Image], Assessed] = {}
        self._size_bytes = 0

    def get(self, names: tuple[str, ...], image: Image) -> Assessed | None:
        return self._assessed.get((names, image))

    def put(self, names: tuple[str, ...], image: Image, assessed: Assessed) -> None:
        # Twice: what was read from the image is kept with it.
        contents = sum(len(node) for _, node in image if isinstance(node, bytes))
        self._size_bytes += 2 * contents + _OVERHEAD_BYTES
        if self._size_bytes > _MOST_KNOWN_BYTES:
            self._assessed.clear()
            self._size_bytes = 0
        self._assessed[names, image] = assessed


@dataclass(slots=True)
class Tally:
    """What was done in worlds, all together.

    worlds: how many were opened. operations: the openings after crashes too. judged: crash states,
    each distinct one after an operation once for each profile. recovered: images that no world had
    met before. crashes: those that became real. broken: worlds in which something went wrong.
    smallest: what is said of the shortest run that broke a promise, "" if none did; length: of it.
    """

    worlds: int = 0
    operations: int = 0
    judged: int = 0
    recovered: int = 0
    crashes: int = 0
    broken: int = 0
    smallest: str = ""
    length: int = 0

    def violated(self, said: str, length: int) -> None:
        """A promise was broken by a run of so many operations and crashes."""
        if not self.smallest or (length, len(said)) < (self.length, len(self.smallest)):
            self.smallest, self.length = said, length


def states_within(
    trace: Trace, profile: Profile, wanted: frozenset[int], budget: int, every_byte: int
) -> Iterator[tuple[CrashState | None, str]]:
    """The crash states in those epochs; last, where it is so, why these are not all.

    budget: how many at most. every_byte: how long a write may be, in bytes, to be cut at each byte
    by a kill.
    """
    if isinstance(profile, ProcessKill):
        yield from _kills(trace, profile, wanted, budget, every_byte)
        return
    states = CrashStates(trace, profile, budget=budget, epochs_wanted=wanted)
    for state in states:
        yield state, ""
    if states.coverage.stopped:
        yield None, f"{profile.name}: {states.coverage.stopped}"


def _kills(
    trace: Trace, profile: ProcessKill, wanted: frozenset[int], budget: int, every_byte: int
) -> Iterator[tuple[CrashState | None, str]]:
    inside = [epoch for epoch in epochs(trace) if epoch.number in wanted]
    for count, state in enumerate(kills(trace, inside, every_byte)):
        if count == budget:
            yield None, f"{profile.name}: budget of {count} images reached"
            return
        yield state, ""
    first = inside[0].first if inside else 0
    if any(isinstance(s, Write) and len(s.data) > every_byte + 1 for s in trace.steps[first:]):
        yield None, f"{profile.name}: writes of more than {every_byte} {AT_EACH_BYTE}"
