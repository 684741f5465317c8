"""The same full disk three times: injected, on pyfakefs, on a real tmpfs. They have to agree."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from tornwrite.faults.capacity import Room, demands
from tornwrite.faults.images import Image, difference
from tornwrite.faults.trace import Trace
from tornwrite.model.operation import Observation
from tornwrite.scenarios.disks.fake_disk import fake_disk
from tornwrite.scenarios.disks.filling import Disk, Filled, Filling, Silent, Way, fill
from tornwrite.scenarios.disks.small_disk import BLOCK_BYTES, on_small_disk, why_no_mount
from tornwrite.scenarios.fault_lanes import Effort
from tornwrite.scenarios.subject import Scenario, Subject

PYFAKEFS, TMPFS = "pyfakefs", "tmpfs"
_EVERY_BYTES = 256
"""Up to where each capacity is tried on pyfakefs, which takes some 15 ms a run."""

_SOME = 16
"""Of how many capacities one is tried beyond that; left full to the end, too; and freed with all of
the workload to come, not only one operation more."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A full disk, and whether the workload goes on to its end then, as `fill` has it."""

    filling: Filling
    to_the_end: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an operation; what was seen and on the disk after it, if anybody looked."""

    operation: str
    failure: str
    observed: Observation | None
    image: Image | None


class SizedDisk(Disk, Protocol):
    """A disk of a size that can be set, with a directory on it."""

    root: str

    def lay_down(self, image: Image, free_bytes: int) -> None:
        """Hold the image and nothing else, with so many bytes free."""
        ...


def arms_disagree(
    subject: Subject,
    scenario: Scenario,
    trace: Trace,
    effort: Effort,
    mount_at: str,
    injected: Callable[[Tried], Filled],
) -> Iterator[tuple[str, Filling, str]]:
    """Each full disk that was tried in another arm too: that arm, the disk, how the two disagree.

    trace: of the workload with room. mount_at: a directory to mount on. injected: runs the workload
    in the first arm.
    """

    def held_together(
        arm: str, tried: Sequence[Tried], found: Sequence[tuple[Outcome, ...]]
    ) -> Iterator[tuple[str, Filling, str]]:
        for one, other in zip(tried, found, strict=True):
            said = _differ(one.filling, outcomes(injected(one)), other, arm)
            yield arm, one.filling, said

    bytewise = [] if subject.file_objects else list(_bytewise(trace, effort))
    yield from held_together(PYFAKEFS, bytewise, _on_fake(subject, scenario, bytewise))
    if why_no_mount():
        return
    blockwise = [Tried(filling) for filling in _blockwise(trace)]
    on_tmpfs = on_small_disk(
        mount_at, lambda disk: [_outcomes(subject, scenario, disk, one) for one in blockwise]
    )
    yield from held_together(TMPFS, blockwise, on_tmpfs)


def _bytewise(trace: Trace, effort: Effort) -> Iterator[Tried]:
    """Capacities from the start on: every one, or those that cut each write in its middle."""
    writes = [one for one in demands(trace) if one.more_bytes]
    needed = max((one.before_bytes + one.more_bytes for one in writes), default=0)
    if effort is not Effort.FULL:
        middles = {max(one.before_bytes + one.more_bytes // 2, 0) for one in writes}
        yield from (Tried(Filling(Room(free))) for free in sorted({*middles, needed}))
        return
    for free in range(needed + 1):
        one_of_some = free % _SOME == 0
        if free <= _EVERY_BYTES or one_of_some:
            yield Tried(Filling(Room(free)), to_the_end=one_of_some)
        if one_of_some:
            yield Tried(Filling(Room(free), Way.STAYS))


def _blockwise(trace: Trace) -> Iterator[Filling]:
    """Every number of free blocks up to what the workload needs."""
    blocks = demands(trace, BLOCK_BYTES)
    needed = max((one.before_bytes + one.more_bytes for one in blocks), default=0)
    for free in range(0, needed + 1, BLOCK_BYTES):
        for way in (Way.FREED, Way.STAYS):
            yield Filling(Room(free, unit_bytes=BLOCK_BYTES), way)


def _on_fake(
    subject: Subject, scenario: Scenario, tried: Sequence[Tried]
) -> list[tuple[Outcome, ...]]:
    with fake_disk() as disk:
        return [_outcomes(subject, scenario, disk, one) for one in tried]


def _outcomes(
    subject: Subject, scenario: Scenario, disk: SizedDisk, tried: Tried
) -> tuple[Outcome, ...]:
    disk.lay_down(scenario.base, tried.filling.room.free_bytes)
    way, to_the_end = tried.filling.way, tried.to_the_end
    filled = fill(subject, scenario, disk.root, disk, way, Silent(), to_the_end=to_the_end)
    return outcomes(filled)


def outcomes(filled: Filled) -> tuple[Outcome, ...]:
    """What became of each operation, what was seen and what was on the disk then."""
    return tuple(
        Outcome(
            str(one.operation),
            "" if one.failure is None else one.failure.text,
            None if one.look is None or one.look.seen is None else one.look.seen.observed,
            None if one.look is None else one.look.image,
        )
        for one in filled.attempts
    )


def _differ(
    filling: Filling, injected: tuple[Outcome, ...], other: tuple[Outcome, ...], arm: str
) -> str:
    """The first thing that is not the same; empty if all is."""
    for one, two in zip(injected, other, strict=False):
        # Who cannot tell that a write was refused does not look after an error that was swallowed.
        both_looked = one.image is not None and two.image is not None
        same = (one.operation, one.failure) == (two.operation, two.failure)
        if same and (not both_looked or one == two):
            continue
        bytes_differ = "; ".join(difference(one.image or (), two.image or ())[:3])
        return (
            f"{filling}: injected and on {arm} it is not the same: {one.operation} "
            f"{one.failure or 'works'}, and {two.operation} {two.failure or 'works'} on {arm}; "
            f"on the disk {bytes_differ or 'nothing differs'}"
        )
    if len(injected) != len(other):
        return f"{filling}: injected {len(injected)} operations, on {arm} {len(other)}"
    return ""
