"""Crash states of a trace under a profile, one for each distinct image, or a word on why not all.

The work follows distinct images, not sets of effects: what a cut could leave is factored into names
and, under each choice of names, the contents of each file; between two crash points of an epoch
only those combinations are made that were not there before.

When there are more than the budget allows, the search goes in layers: everything that was done, at
every crash point; then with one thing held back, with two, and so on; then a seeded sample.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import TypeAlias

from tornwrite.faults.cuts import Seen, cuts, every_pick, last_cuts, picks
from tornwrite.faults.epochs import Epoch, epochs
from tornwrite.faults.images import Image
from tornwrite.faults.interpreter import Interpreter
from tornwrite.faults.profiles import PowerLoss, ProcessKill, Profile
from tornwrite.faults.steps import Write
from tornwrite.faults.trace import Trace

LAYERS = 3
"""How many effects are held back at once before the search goes over to sampling."""

FRUITLESS_ROUNDS = 3
"""How many rounds of sampling in a row may find nothing new before the search stops."""


@dataclass(frozen=True, slots=True)
class CrashState:
    """An image that a crash could leave, and the first crash point of its epoch at which it could.

    point: steps done. cut: for a write under way, how many of its bytes were done.
    """

    epoch: int
    point: int
    image: Image
    cut: int | None = None


@dataclass(slots=True)
class Coverage:
    """How much of what is possible was gone through.

    points: crash points. images: distinct images. possible: how many there are, or, unless
    `complete`, a number that they at least are. stopped: why the search was cut short. chosen: how
    many cuts of writes under way were not asked for.
    """

    points: int = 0
    images: int = 0
    possible: int = 0
    complete: bool = False
    stopped: str = ""
    chosen: int = 0


CutAt: TypeAlias = Callable[[int, Write], Collection[int]]
"""At which of its bytes, from the first to the last but one, the write of a step is cut."""


def at_every_byte(point: int, step: Write) -> Collection[int]:
    """All of them."""
    return range(1, len(step.data))


class CrashStates:
    """The crash states of a trace: iterate once, then read `coverage`.

    budget: how many pairs of an epoch and an image are gone through at most.
    seed: for the sample when there are more.
    epochs_wanted: only crash points of these epochs (all of them when None).
    cut_at: where a kill cuts the write under way.
    """

    def __init__(
        self,
        trace: Trace,
        profile: Profile,
        *,
        budget: int = 50_000,
        seed: int = 0,
        epochs_wanted: frozenset[int] | None = None,
        cut_at: CutAt = at_every_byte,
    ) -> None:
        self.trace = trace
        self.profile = profile
        self.coverage = Coverage()
        self._budget = budget
        self._found = 0
        self._seed = seed
        self._cut_at = cut_at
        self._epochs = [
            epoch
            for epoch in epochs(trace)
            if epochs_wanted is None or epoch.number in epochs_wanted
        ]

    def __iter__(self) -> Iterator[CrashState]:
        self.coverage = Coverage(
            points=len(
                {point for epoch in self._epochs for point in range(epoch.first, epoch.last + 1)}
            )
        )
        match self.profile:
            case ProcessKill():
                candidates = kill_states(self.trace, self._epochs, self._cut)
            case PowerLoss():
                candidates = self._power_losses(self.profile)
        seen: set[tuple[int, Image]] = set()
        images: set[Image] = set()
        for state in candidates:
            key = (state.epoch, state.image)
            if key in seen:
                continue
            if len(seen) == self._budget:
                self.coverage.stopped = f"budget of {self._budget} images reached"
                break
            seen.add(key)
            images.add(state.image)
            self._found = len(seen)
            yield state
        self.coverage.images = len(images)
        self.coverage.complete = not self.coverage.stopped and not self.coverage.chosen
        self.coverage.possible = (
            len(images) if self.coverage.complete else max(self.coverage.possible, len(images) + 1)
        )

    def _cut(self, point: int, step: Write) -> Collection[int]:
        chosen = self._cut_at(point, step)
        self.coverage.chosen += max(len(step.data) - 1, 0) - len(chosen)
        return chosen

    def _power_losses(self, profile: PowerLoss) -> Iterator[CrashState]:
        reason = self._too_many(profile)
        if not reason:
            yield from self._all(profile)
            return
        self.coverage.stopped = reason
        for held in range(LAYERS + 1):
            yield from self._layer(profile, held)
        yield from self._sample(profile)

    def _too_many(self, profile: PowerLoss) -> str:
        """Why not all images can be gone through, or nothing. Counts without making them."""
        total = 0
        seen: dict[int, Seen] = defaultdict(Seen)
        reason = ""
        for cut in cuts(self.trace, profile, self._epochs):
            if not cut.complete:
                reason = "more names or contents at one crash point than are worked out"
            for box in cut.boxes:
                self.coverage.possible = max(self.coverage.possible, box.count)
                if not reason:
                    for part in seen[cut.epoch.number].fresh(box):
                        total += prod(len(options) for options in part)
            if total > self._budget and not reason:
                reason = f"more images than the budget of {self._budget}"
        return reason

    def _all(self, profile: PowerLoss) -> Iterator[CrashState]:
        seen: dict[int, Seen] = defaultdict(Seen)
        for cut in cuts(self.trace, profile, self._epochs):
            for box in cut.boxes:
                for part in seen[cut.epoch.number].fresh(box):
                    for pick in every_pick(part):
                        yield CrashState(cut.epoch.number, cut.point, box.image(pick))

    def _layer(self, profile: PowerLoss, held: int) -> Iterator[CrashState]:
        """At every crash point, the images with exactly `held` effects held back."""
        for cut in cuts(self.trace, profile, self._epochs):
            for box in cut.boxes:
                if box.names.held <= held:
                    for pick in picks(box.choices, held - box.names.held):
                        yield CrashState(cut.epoch.number, cut.point, box.image(pick))

    def _sample(self, profile: PowerLoss) -> Iterator[CrashState]:
        source = random.Random(self._seed)
        fruitless = 0
        while fruitless < FRUITLESS_ROUNDS:
            before = self._found
            for cut in cuts(self.trace, profile, self._epochs):
                for _ in range(8):
                    box = source.choice(cut.boxes)
                    pick = [source.choice(options) for options in box.choices]
                    yield CrashState(cut.epoch.number, cut.point, box.image(pick))
            fruitless = fruitless + 1 if self._found == before else 0


def states_at(
    trace: Trace, profile: Profile, epoch: int, point: int, cut: int | None = None
) -> Iterator[Image]:
    """Every image that a crash at that very point of that epoch could leave.

    cut: for a kill within a write, how many of its bytes were done.
    """
    wanted = [one for one in epochs(trace) if one.number == epoch]
    match profile:
        case ProcessKill():

            def only_there(at: int, step: Write) -> Collection[int]:
                there = at == point and cut in range(1, len(step.data))
                return (cut,) if there and cut is not None else ()

            for state in kill_states(trace, wanted, only_there):
                if (state.point, state.cut) == (point, cut):
                    yield state.image
        case PowerLoss():
            for one in last_cuts(cuts(trace, profile, wanted), point):
                for box in one.boxes:
                    for pick in every_pick(box.choices):
                        yield box.image(pick)


def kill_states(
    trace: Trace, wanted: Sequence[Epoch], cut_at: CutAt = at_every_byte
) -> Iterator[CrashState]:
    """What a kill could leave: all that was done, with the write under way cut at any byte."""
    if not wanted:
        return
    interpreter = Interpreter(trace.base)
    steps = trace.steps
    last = max(epoch.last for epoch in wanted)
    for point in range(last + 1):
        for epoch in wanted:
            if epoch.first <= point <= epoch.last:
                yield CrashState(epoch.number, point, interpreter.image())
        if point == last:
            return
        step = steps[point]
        if isinstance(step, Write):
            under_way = [epoch for epoch in wanted if epoch.first <= point < epoch.last]
            if under_way:
                inode = interpreter.opened(step.handle)
                tree = list(interpreter.tree())
                nodes = {path: interpreter.node(other) for path, other in tree}
                names = [path for path, other in tree if other == inode]
                before = interpreter.node(inode)
                assert isinstance(before, bytes)
                start = len(before) if step.offset is None else step.offset
                for done in cut_at(point, step):
                    head = before[:start].ljust(start, b"\0")
                    content = head + step.data[:done] + before[start + done :]
                    for path in names:
                        nodes[path] = content
                    image = tuple(nodes.items())
                    for epoch in under_way:
                        yield CrashState(epoch.number, point, image, cut=done)
        interpreter.apply(point, step)
