"""Calls under way at once: what a barrier need not cover, and what a descriptor meant."""

import re
from collections.abc import Sequence
from dataclasses import replace

from tornwrite.faults.steps import Exchange, Fsync, Rename, Rmdir, Step, SyncAll, Unlink, Write
from tornwrite.faults.strace_copies import COPIES
from tornwrite.faults.strace_descriptors import READS
from tornwrite.faults.strace_parse import Entered

ON_DESCRIPTOR = {
    **dict.fromkeys(READS, 0),
    **dict.fromkeys(("write", "writev", "pwrite64", "pwritev", "pwritev2"), 0),
    **dict.fromkeys(("fsync", "fdatasync", "ftruncate", "fallocate", "lseek"), 0),
    **{name: places[0] for name, places in COPIES.items()},
    "mmap": 4,
}
"""Calls that are on an open file, and where each has its descriptor."""

_NUMBER = re.compile(r"0x[0-9a-f]+|\d+")


def leading_number(call: Entered, at: int) -> int | None:
    """The descriptor among the arguments of a call that has begun; None where it has none."""
    argument = call.arguments[at] if at < len(call.arguments) else b""
    found = _NUMBER.match(argument) if isinstance(argument, str) else None
    return int(found[0], 0) if found else None


def mark_overlap(steps: list[Step], first: int, began: int) -> None:
    """Say of the barriers from step `first` on, those of one call, what came since it began.

    began: how many steps there were then.
    """
    if began == first:
        return
    for number in range(first, len(steps)):
        step = steps[number]
        if isinstance(step, Fsync | SyncAll) or (isinstance(step, Write) and step.sync):
            steps[number] = replace(step, during=number - began)


def path_after(path: str, steps: Sequence[Step]) -> str | None:
    """The path after these steps of what had it before them.

    None where it is gone, or another may have come to that place: then nobody can say.
    """
    now: str | None = path
    for step in steps:
        match step:
            case Rename(source, target):
                now = _moved(now, source, target) or (None if _below(now, target) else now)
            case Exchange(first, second):
                now = _moved(now, first, second) or _moved(now, second, first) or now
            case Unlink(gone) | Rmdir(gone) if gone == now:
                now = None
            case _:
                pass
        if now is None:
            return None
    return now


def _below(path: str | None, folder: str) -> bool:
    return path is not None and f"{path}/".startswith(f"{folder}/")


def _moved(path: str | None, source: str, target: str) -> str | None:
    if path is None or not _below(path, source):
        return None
    return target + path[len(source) :]
