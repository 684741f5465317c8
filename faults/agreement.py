"""Whether two recordings of one run agree.

Nothing is tolerated: what one recorder sees and the other does not, or sees differently, means that
one of them is broken.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import zip_longest

from tornwrite.faults.steps import Handle, Step, Write, describe, renumbered
from tornwrite.faults.trace import open_paths


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Where two recordings part: the step at `position` (from 0) in each, None past the end.

    `message` says it in words.
    """

    position: int
    first: Step | None
    second: Step | None
    message: str

    def __str__(self) -> str:
        return self.message


def compare(
    first: Sequence[Step],
    second: Sequence[Step],
    names: tuple[str, str] = ("in-process", "strace"),
    *,
    limit: int = 5,
) -> list[Disagreement]:
    """The first `limit` steps in which two recordings differ, in order; empty when they agree.

    Handles are the recorders' own numbers: they are renumbered in the order in which each recording
    mentions them. All else must be equal, step by step; after a step too many or too few, all that
    follow differ.
    """
    ones, others = _renumbered(first), _renumbered(second)
    paths = open_paths(ones), open_paths(others)
    found: list[Disagreement] = []
    for position, (one, other) in enumerate(zip_longest(ones, others)):
        if one != other:
            message = (
                f"step {position}: {names[0]} has {_said(one, paths[0])}, "
                f"{names[1]} has {_said(other, paths[1])}{_detail(one, other)}"
            )
            found.append(Disagreement(position, one, other, message))
            if len(found) == limit:
                break
    return found


def _renumbered(steps: Sequence[Step]) -> list[Step]:
    """The steps with handles 1, 2, 3… in the order in which they are first mentioned."""
    numbers: dict[Handle, Handle] = {}

    def number(handle: Handle) -> Handle:
        return numbers.setdefault(handle, len(numbers) + 1)

    return [renumbered(step, number) for step in steps]


def _said(step: Step | None, paths: dict[Handle, str]) -> str:
    return "no more steps" if step is None else f'"{describe(step, paths)}"'


def _detail(one: Step | None, other: Step | None) -> str:
    """What differs, where a description in one line need not show it."""
    if one is None or other is None or type(one) is not type(other):
        return ""
    differing = [
        field.name
        for field in fields(one)
        if getattr(one, field.name) != getattr(other, field.name)
    ]
    if isinstance(one, Write) and isinstance(other, Write) and differing == ["data"]:
        pairs = zip(one.data, other.data, strict=False)
        same = next((index for index, (a, b) in enumerate(pairs) if a != b), None)
        where = min(len(one.data), len(other.data)) if same is None else same
        return f" (data from byte {where}: {_some(one.data, where)}, {_some(other.data, where)})"
    return f" (different: {', '.join(differing)})"


def _some(data: bytes, start: int) -> str:
    return repr(data[start : start + 20])
