"""A short name for a crash state, by which it is found again in a new recording of the program.

Neither file names nor bytes are in it, since both may be other ones each time: temporary files have
random names, contents have times in them. What is in it: the profile, the epoch and crash point,
the choice among what a crash there can leave, and a digest of what kinds of steps were recorded, so
that a name is not taken for a state of a program that has changed since.

    ext4:2.7:1.0.3:5f3a2c      kill:2.7.120:5f3a2c (120 bytes of the write under way done)
"""

import hashlib
from collections.abc import Iterator, Sequence
from urllib.parse import quote

from tornwrite.faults.cuts import Box, cuts, last_cuts
from tornwrite.faults.epochs import epochs
from tornwrite.faults.explain import NoSuchState, contents_in
from tornwrite.faults.file_contents import Variant
from tornwrite.faults.images import Image
from tornwrite.faults.profiles import PowerLoss, ProcessKill, Profile
from tornwrite.faults.states import CrashState, states_at
from tornwrite.faults.trace import Acknowledged, Began, Failed, Stepped, Trace

_SHAPE_DIGITS = 6


class WrongName(Exception):
    """The text names no crash state of this recording. The message says why."""


def name_of(trace: Trace, profile: Profile, state: CrashState) -> str:
    """The name of a crash state of the trace under the profile.

    Raises NoSuchState when the profile does not allow it.
    """
    place = f"{state.epoch}.{state.point}"
    if state.cut is not None:
        place += f".{state.cut}"
    parts = [quote(profile.name, safe=""), place]
    if isinstance(profile, PowerLoss):
        parts.append(_choice_of(trace, profile, state))
    return ":".join([*parts, shape(trace)])


def profile_named(text: str, known: Sequence[Profile]) -> Profile:
    """The profile in the name of a crash state. Raises WrongName if it is none of those."""
    head = text.partition(":")[0]
    for profile in known:
        if quote(profile.name, safe="") == head:
            return profile
    raise WrongName(f"{text!r} does not begin with the name of a profile")


def state_named(trace: Trace, profile: Profile, text: str) -> CrashState:
    """The crash state of that name. Raises WrongName if the trace has none (any more)."""
    _, *parts = text.split(":")
    if len(parts) != (3 if isinstance(profile, PowerLoss) else 2):
        raise WrongName(f"{text!r} is no name of a crash state: copy it whole")
    if parts[-1] != shape(trace):
        raise WrongName(
            f"{text} is a crash state of another recording: the steps are no longer those that it "
            "was made of"
        )
    epoch, point, *cut = _numbers(text, parts[0], least=2)
    if not any(one.number == epoch and one.first <= point <= one.last for one in epochs(trace)):
        raise WrongName(f"there is no crash point {epoch}.{point} in this recording")
    match profile:
        case ProcessKill():
            if len(cut) <= 1:
                at = cut[0] if cut else None
                for image in states_at(trace, profile, epoch, point, at):
                    return CrashState(epoch, point, image, at)
        case PowerLoss():
            number, *picks = _numbers(text, parts[1])
            boxes = list(_boxes(trace, profile, epoch, point))
            if number < len(boxes) and not cut:
                picked = _picked(boxes[number], picks)
                if picked is not None:
                    return CrashState(epoch, point, picked)
    raise WrongName(f"there is no crash state {text} in this recording")


def shape(trace: Trace) -> str:
    """A digest of what kinds of steps there are, on which files, and of the operations."""
    state = hashlib.sha256()
    for event in trace.events:
        match event:
            case Stepped(step):
                values = (getattr(step, name, None) for name in ("handle", "target", "source"))
                files = [str(value) for value in values if isinstance(value, int)]
                during = getattr(step, "during", 0)
                told = " ".join([type(step).__name__, *files, *([f"+{during}"] if during else [])])
            case Began(number, name):
                told = f"began {number} {name}"
            case Acknowledged(number) | Failed(number):
                told = f"{type(event).__name__} {number}"
            case _:
                told = type(event).__name__
        state.update(told.encode("utf-8", "surrogateescape") + b"\n")
    return state.hexdigest()[:_SHAPE_DIGITS]


def _numbers(text: str, part: str, least: int = 1) -> list[int]:
    found = part.split(".")
    if len(found) < least or not all(one.isascii() and one.isdecimal() for one in found):
        raise WrongName(f"{text!r} is no name of a crash state: copy it whole")
    return [int(one) for one in found]


def _boxes(trace: Trace, profile: PowerLoss, epoch: int, point: int) -> Iterator[Box]:
    """All that a crash there can leave, in an order that no file name has a say in."""
    wanted = [one for one in epochs(trace) if one.number == epoch]
    found = [box for cut in last_cuts(cuts(trace, profile, wanted), point) for box in cut.boxes]
    yield from sorted(found, key=_place)


def _place(box: Box) -> tuple[object, ...]:
    names = box.names
    return (
        names.held,
        sorted(names.left_out),
        -1 if names.until is None else names.until,
        sorted(names.sizes_from.items()),
        sorted(names.sizes_before.items()),
    )


def _by_inode(box: Box) -> list[tuple[int, tuple[Variant, ...]]]:
    return sorted(zip(box.files, box.choices, strict=True), key=lambda one: one[0])


def _choice_of(trace: Trace, profile: PowerLoss, state: CrashState) -> str:
    for number, box in enumerate(_boxes(trace, profile, state.epoch, state.point)):
        contents = contents_in(box, state.image)
        if contents is not None:
            picks = [options.index(contents[inode]) for inode, options in _by_inode(box)]
            while picks and not picks[-1]:
                picks.pop()
            return ".".join(map(str, (number, *picks)))
    raise NoSuchState(f"no crash at point {state.point} leaves this image under {profile.name}")


def _picked(box: Box, picks: Sequence[int]) -> Image | None:
    files = _by_inode(box)
    if len(picks) > len(files):
        return None
    chosen: dict[int, Variant] = {}
    for (inode, options), pick in zip(files, [*picks, *[0] * len(files)], strict=False):
        if pick >= len(options):
            return None
        chosen[inode] = options[pick]
    return box.image([chosen[inode] for inode in box.files])
