"""Which full disks a workload is put on: from its recorded steps, as the effort says."""

import errno
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from dataclasses import dataclass, replace

from tornwrite.faults.capacity import Demand, Room, demands
from tornwrite.faults.steps import Write
from tornwrite.faults.trace import Began, Stepped, Trace
from tornwrite.scenarios.chosen_cuts import EVERY_BYTE, INNERMOST, LONGEST, chosen_cuts
from tornwrite.scenarios.disks.filling import Filling, Way
from tornwrite.scenarios.fault_lanes import Effort
from tornwrite.scenarios.findings import own_sites, step_owners
from tornwrite.scenarios.once_each import once_each

EVERY = 6
"""One of so many cuts of a longer write is tried in a scenario, and the next one in the next."""

ALL_BYTES = 64
"""A write of up to so many bytes is cut at each of them."""

LEFT_OUT = {
    Effort.QUICK: "cuts but in the middle of a write, further writes of a source line, threads",
    Effort.CI: "cuts but at the ends and middle of a write, further writes of a line, threads",
    Effort.FULL: "but in one scenario of a subject: cuts but at the ends and middle of further "
    f"writes of a source line, of writes of more than {LONGEST:,} B and of threads' writes, beyond "
    f"{ALL_BYTES} B {EVERY - 1} of {EVERY} cuts of the others, not the same ones in each scenario, "
    "and most power losses after further writes; after other cuts, what follows the next "
    "operation; most capacities of pyfakefs beyond 256 B",
}
"""What is not tried at each effort."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """One full disk.

    at: the kind of step that finds no room first. power: the power is to be lost too. to_the_end:
    the workload goes on to its end, not only until one operation more has been done with room.
    """

    at: str
    filling: Filling
    power: bool = False
    to_the_end: bool = True

    @property
    def what(self) -> str:
        """The error and what becomes of the disk, for the count."""
        return f"{errno.errorcode[self.filling.room.number]}, {self.filling.way.value}"


def chosen(trace: Trace, effort: Effort, *, sweep: bool = False, turn: int = 0) -> Iterator[Chosen]:
    """The full disks for a workload with this trace.

    At each step that needs room the disk is full, as LEFT_OUT says. sweep: at FULL, at every byte
    of every write, which is every capacity from nothing to what the workload needs, and more.
    turn: which cuts of a longer write are tried; those of EVERY turns on end are all of them.
    """
    if effort is Effort.FULL:
        yield from _at_every_demand(trace, sweep=sweep, turn=turn)
    else:
        yield from _once_a_line(trace, effort)


def _at_every_demand(trace: Trace, *, sweep: bool, turn: int) -> Iterator[Chosen]:
    lines = _first_of_each_line(trace, lambda _, event: event.sites[:INNERMOST])
    firsts = {demand.number for demand in lines}
    for demand in demands(trace):
        if demand.makes_name:
            yield from _names(demand, Way)
        else:
            is_first = demand.number in firsts
            cuts = _cuts(demand, turn) if is_first else frozenset[int]()
            every = range(demand.more_bytes) if sweep else cuts
            yield from _cut(demand, every, power=sweep or is_first)


def _cuts(demand: Demand, turn: int) -> Collection[int]:
    """Where a write is cut that is the first of its line: how many of its bytes have room."""
    size = demand.more_bytes
    if size > LONGEST:
        return ()
    if size <= ALL_BYTES:
        return range(size)
    some = {*range(turn % EVERY, size, EVERY)}
    if isinstance(demand.step, Write) and len(demand.step.data) == size:
        some.update(chosen_cuts(demand.step.data, EVERY_BYTE))
    return some


def _once_a_line(trace: Trace, effort: Effort) -> Iterator[Chosen]:
    names = {event.number: event.name for event in trace.events if isinstance(event, Began)}
    callers = [names.get(owner) for owner in step_owners(trace)]
    lines = _first_of_each_line(
        trace, lambda number, event: (callers[number], own_sites(event.sites))
    )
    writes = 0
    for demand in lines:
        if demand.makes_name:
            yield from _names(demand, (Way.STAYS,))
            continue
        writes += 1
        if effort is Effort.QUICK:
            yield _write(demand, demand.more_bytes // 2, Way.STAYS)
        else:
            yield from _ends_and_middle(demand, is_first=writes == 1)


def _first_of_each_line(trace: Trace, line: Callable[[int, Stepped], Hashable]) -> Iterator[Demand]:
    """The first demand of each kind at each source line.

    line: given a step and its number, what tells its line from others: more or fewer callers.
    """
    events = [event for event in trace.events if isinstance(event, Stepped)]

    def kind(demand: Demand) -> Hashable:
        at = demand.number
        return type(demand.step), demand.begins, line(at, events[at])

    return once_each(demands(trace), kind)


def _names(demand: Demand, ways: Iterable[Way]) -> Iterator[Chosen]:
    room = Room(0, demand.number, entry_bytes=1)
    for way in ways:
        yield Chosen("name", Filling(room, way), power=way is Way.FREED)


def _ends_and_middle(demand: Demand, *, is_first: bool) -> Iterator[Chosen]:
    middle = demand.more_bytes // 2
    for free in sorted({0, demand.more_bytes - 1}):
        yield _write(demand, free, Way.FREED)
    yield _write(demand, middle, Way.STAYS, power=is_first)
    yield _write(demand, middle, Way.REOPENED)
    if is_first:
        yield _write(demand, middle, Way.FREED, errno.EDQUOT)


def _cut(demand: Demand, cuts: Collection[int], *, power: bool) -> Iterator[Chosen]:
    """The write with so many bytes of room as each cut says, and with none, half, all but one.

    power: the power is to be lost after those three, too; else only where half is left to the end.
    """
    middle = demand.more_bytes // 2
    ends = {0, middle, demand.more_bytes - 1}
    for free in sorted({*cuts, *ends}):
        one = _write(demand, free, Way.FREED, power=power and free in ends)
        yield replace(one, to_the_end=free in ends)
    for free in sorted(ends):
        yield _write(demand, free, Way.STAYS, power=power or free == middle)
        yield _write(demand, free, Way.REOPENED, power=power)
    yield _write(demand, middle, Way.FREED, errno.EDQUOT)


def _write(
    demand: Demand, free: int, way: Way, error: int = errno.ENOSPC, *, power: bool = False
) -> Chosen:
    at = "write" if isinstance(demand.step, Write) else "truncate"
    return Chosen(at, Filling(Room(free, demand.number, number=error), way), power)
