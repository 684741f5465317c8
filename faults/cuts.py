"""What a power cut could leave at each crash point, in factored form.

A `Box` is one choice of names with, for each file, its possible contents: all combinations of them
are images. Boxes are what is counted, compared and searched; images are only made from them one at
a time (`tornwrite.faults.states`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

from tornwrite.faults.disk import Disk, NameState
from tornwrite.faults.effects import (
    Effect,
    FileBarrier,
    Inode,
    NameEffect,
    PageEffect,
    SizeEffect,
    SyncBarrier,
)
from tornwrite.faults.epochs import Epoch
from tornwrite.faults.file_contents import Variant
from tornwrite.faults.images import Image, Node
from tornwrite.faults.interpreter import Interpreter
from tornwrite.faults.profiles import PowerLoss
from tornwrite.faults.trace import Trace


@dataclass(frozen=True, slots=True)
class Box:
    """One choice of names, and the contents of each file under it, the newest first.

    files: the inodes with a choice of contents, aligned with `choices`. certain: the files without
    one. others: directories and links.
    complete: whether `choices` has all there are.
    """

    names: NameState
    files: tuple[Inode, ...]
    choices: tuple[tuple[Variant, ...], ...]
    certain: dict[Inode, Variant]
    others: dict[Inode, Node]
    complete: bool

    @property
    def count(self) -> int:
        """How many images the box holds."""
        return prod(len(options) for options in self.choices)

    def image(self, pick: Sequence[Variant]) -> Image:
        """The image with these contents, one for each of `files`."""
        contents: dict[Inode, Node] = dict(self.others)
        for inode, variant in self.certain.items():
            contents[inode] = variant.content
        for inode, variant in zip(self.files, pick, strict=True):
            contents[inode] = variant.content
        return tuple((path, contents[inode]) for path, inode in self.names.tree)


@dataclass(frozen=True, slots=True)
class Cut:
    """A crash point within one epoch, and all that a power cut there could leave."""

    epoch: Epoch
    point: int
    boxes: tuple[Box, ...]
    complete: bool


def cuts(trace: Trace, profile: PowerLoss, wanted: Sequence[Epoch]) -> Iterator[Cut]:
    """Every crash point of the wanted epochs, in order.

    A point at which nothing new can come about within its epoch (a barrier, a close) is left out. A
    synced write is cut while it is under way as well, when it may be there in part: that counts as
    the point before it.
    """
    if not wanted:
        return
    interpreter = Interpreter(trace.base, profile.page)
    disk = Disk(trace.base, profile)
    known = {inode for _, inode in interpreter.tree()}
    steps = trace.steps
    last = max(epoch.last for epoch in wanted)
    yield from _cut_at(disk, 0, wanted, moved=False)
    for point in range(last):
        moved = False
        for effect in interpreter.apply(point, steps[point]):
            created = _subject(effect)
            if created is not None and created not in known:
                known.add(created)
                node = interpreter.node(created)
                disk.create(created, b"" if isinstance(node, bytes) else node)
            if isinstance(effect, FileBarrier) and moved:
                under_way = [epoch for epoch in wanted if epoch.first <= point < epoch.last]
                yield from _cut_at(disk, point, under_way, moved=True)
            disk.apply(effect)
            moved = moved or isinstance(effect, NameEffect | PageEffect | SizeEffect)
        yield from _cut_at(disk, point + 1, wanted, moved)


def _subject(effect: Effect) -> Inode | None:
    """What the effect is about: at its first effect an inode is new, with a name or without."""
    match effect:
        case NameEffect():
            return effect.subject
        case SyncBarrier():
            return None
        case _:
            return effect.inode


def _cut_at(disk: Disk, point: int, wanted: Sequence[Epoch], moved: bool) -> Iterator[Cut]:
    inside = [epoch for epoch in wanted if epoch.first <= point <= epoch.last]
    inside = [epoch for epoch in inside if moved or point == epoch.first]
    if inside:
        states = disk.name_states()
        boxes = tuple(_box(disk, names) for names in states.known)
        complete = states.complete and all(box.complete for box in boxes)
        for epoch in inside:
            yield Cut(epoch, point, boxes, complete)


def _box(disk: Disk, names: NameState) -> Box:
    files: list[Inode] = []
    choices: list[tuple[Variant, ...]] = []
    certain: dict[Inode, Variant] = {}
    others: dict[Inode, Node] = {}
    complete = True
    for _, inode in names.tree:
        if inode in certain or inode in others or inode in files:
            continue
        if not disk.is_file(inode):
            others[inode] = disk.node(inode)
            continue
        variants = disk.variants(inode, names)
        complete = complete and variants.complete
        if len(variants.known) == 1:
            certain[inode] = variants.known[0]
        else:
            files.append(inode)
            choices.append(variants.known)
    return Box(names, tuple(files), tuple(choices), certain, others, complete)


def last_cuts(found: Iterator[Cut], point: int) -> list[Cut]:
    """Of the cuts, those that say what a crash at that point could leave.

    The last before it: cuts leave out points at which nothing new can come about. There are two
    when a synced write is under way.
    """
    last: list[Cut] = []
    for cut in found:
        if cut.point > point:
            break
        if last and last[-1].point != cut.point:
            last.clear()
        last.append(cut)
    return last


class Seen:
    """The boxes of one epoch so far: tells what a further box adds to them."""

    def __init__(self) -> None:
        self._boxes: dict[object, list[dict[Inode, frozenset[bytes]]]] = {}

    def fresh(self, box: Box) -> list[tuple[tuple[Variant, ...], ...]]:
        """The box less one that it overlaps most: as boxes' choices that share nothing.

        What they hold may still have been seen in another box; nothing unseen is left out.
        """
        held = {
            inode: frozenset(variant.content for variant in options)
            for inode, options in zip(box.files, box.choices, strict=True)
        }
        single = {inode: variant.content for inode, variant in box.certain.items()}
        held.update((inode, frozenset((content,))) for inode, content in single.items())
        known = self._boxes.setdefault(box.names.tree, [])
        best: dict[Inode, frozenset[bytes]] | None = None
        overlap = 0
        for other in known:
            shared = prod(len(held[inode] & other[inode]) for inode in held)
            if shared > overlap:
                best, overlap = other, shared
        if best is not None and overlap == box.count:
            return []
        known[:] = [other for other in known if not all(other[i] <= held[i] for i in held)]
        known.append(held)
        if best is None or any(content not in best[inode] for inode, content in single.items()):
            return [box.choices]
        parts: list[tuple[tuple[Variant, ...], ...]] = []
        old = [
            tuple(variant for variant in options if variant.content in best[inode])
            for inode, options in zip(box.files, box.choices, strict=True)
        ]
        new = [
            tuple(variant for variant in options if variant.content not in best[inode])
            for inode, options in zip(box.files, box.choices, strict=True)
        ]
        for position in range(len(old)):
            part = (*old[:position], new[position], *box.choices[position + 1 :])
            if all(part):
                parts.append(part)
        return parts


def picks(choices: Sequence[Sequence[Variant]], held: int) -> Iterator[tuple[Variant, ...]]:
    """The combinations in which exactly `held` pages and sizes are not the newest."""
    if not choices:
        if held == 0:
            yield ()
        return
    first, rest = choices[0], choices[1:]
    for variant in first:
        if variant.held <= held:
            for others in picks(rest, held - variant.held):
                yield (variant, *others)


def every_pick(choices: Sequence[Sequence[Variant]]) -> Iterator[tuple[Variant, ...]]:
    """All combinations."""
    return product(*choices)
