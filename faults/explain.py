"""Why an image is what it is: which steps had reached the disk by then, and which had not."""

from collections import defaultdict
from dataclasses import dataclass
from enum import Enum

from tornwrite.faults.cuts import Box, cuts, last_cuts
from tornwrite.faults.effects import Effect, Inode, NameEffect, PageEffect, SizeEffect
from tornwrite.faults.epochs import epochs
from tornwrite.faults.file_contents import Variant
from tornwrite.faults.images import Image
from tornwrite.faults.interpreter import Interpreter
from tornwrite.faults.profiles import PowerLoss, ProcessKill, Profile
from tornwrite.faults.states import CrashState, states_at
from tornwrite.faults.steps import Write
from tornwrite.faults.trace import Trace


class Reached(Enum):
    """How much of a step was on the disk."""

    WHOLE = "on disk"
    PART = "in part"
    NOT = "not on disk"
    NONE = ""
    """The step has no effect of its own: a barrier, a close, or its file has no name any more."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of the step of that number."""

    step: int
    reached: Reached


class NoSuchState(Exception):
    """The image is none of those that a crash at that point could leave."""


def fates(trace: Trace, profile: Profile, state: CrashState) -> tuple[Fate, ...]:
    """What became of each step before the crash point; with a cut, of the write under way too.

    Raises NoSuchState when the profile does not allow the state.
    """
    match profile:
        case ProcessKill():
            kills = states_at(trace, profile, state.epoch, state.point, state.cut)
            if state.image not in kills:
                raise NoSuchState(f"no kill at point {state.point} leaves this image")
            done = [Fate(step, Reached.WHOLE) for step in range(state.point)]
            if state.cut is not None:
                done.append(Fate(state.point, Reached.PART))
            return tuple(done)
        case PowerLoss():
            return _after_power_loss(trace, profile, state)


def _after_power_loss(trace: Trace, profile: PowerLoss, state: CrashState) -> tuple[Fate, ...]:
    box, picked = _find(trace, profile, state)
    interpreter = Interpreter(trace.base, profile.page)
    reached: dict[int, list[Reached]] = defaultdict(list)
    for index, step in enumerate(trace.steps[: state.point + 1]):
        for effect in interpreter.apply(index, step):
            reached[index].append(_reached(effect, box, picked))
    told = [Fate(step, _together(reached[step])) for step in range(state.point)]
    under_way = trace.steps[state.point : state.point + 1]
    if any(isinstance(step, Write) and step.sync for step in under_way):
        told.append(Fate(state.point, _together(reached[state.point])))
    return tuple(told)


def _find(trace: Trace, profile: PowerLoss, state: CrashState) -> tuple[Box, dict[Inode, Variant]]:
    wanted = [epoch for epoch in epochs(trace) if epoch.number == state.epoch]
    for cut in last_cuts(cuts(trace, profile, wanted), state.point):
        for box in sorted(cut.boxes, key=lambda box: box.names.held):
            picked = contents_in(box, state.image)
            if picked is not None:
                return box, picked
    raise NoSuchState(f"no crash at point {state.point} leaves this image under {profile.name}")


def contents_in(box: Box, image: Image) -> dict[Inode, Variant] | None:
    """The contents that make the image, if it is one of the box."""
    tree = box.names.tree
    if len(tree) != len(image):
        return None
    options = dict(zip(box.files, box.choices, strict=True))
    picked: dict[Inode, Variant] = {}
    for (path, inode), (expected_path, node) in zip(tree, image, strict=True):
        if path != expected_path:
            return None
        if inode in box.others:
            if box.others[inode] != node:
                return None
            continue
        choices = options.get(inode) or (box.certain[inode],)
        found = next((variant for variant in choices if variant.content == node), None)
        if found is None:
            return None
        picked[inode] = found
    return picked


def _reached(effect: Effect, box: Box, picked: dict[Inode, Variant]) -> Reached:
    match effect:
        case NameEffect(number):
            return Reached.NOT if number in box.names.left_out else Reached.WHOLE
        case SizeEffect(number, _, inode):
            if inode not in picked:
                return Reached.NONE
            return Reached.WHOLE if picked[inode].size >= number else Reached.NOT
        case PageEffect(number, _, inode, page):
            if inode not in picked:
                return Reached.NONE
            pages = picked[inode].pages
            if page >= len(pages):
                return Reached.NOT
            if pages[page].whole >= number:
                return Reached.WHOLE
            return Reached.PART if pages[page].part >= number else Reached.NOT
        case _:
            return Reached.NONE


def _together(parts: list[Reached]) -> Reached:
    told = {part for part in parts if part is not Reached.NONE}
    if not told:
        return Reached.NONE
    return told.pop() if len(told) == 1 else Reached.PART
