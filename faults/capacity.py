"""A disk that is full: a write takes what fits, then fails, until there is room again.

What is counted is what files hold: the bytes of every file that has a name or is open, in whole
blocks. Truncating, unlinking and renaming over a file give its bytes back, once nobody has it open.
Writing over bytes that are there takes nothing, as on every file system that writes in place; a
hole is counted like data, as on one that has no holes. A name takes what `Room.entry_bytes` says:
on most file systems nothing until a directory needs another block.
"""

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass

from tornwrite.faults.effects import Inode, NameEffect, SizeEffect
from tornwrite.faults.images import Image
from tornwrite.faults.injection import Decision, Fail, Proceed, Short
from tornwrite.faults.interpreter import Interpreter
from tornwrite.faults.steps import Close, Handle, Link, Mkdir, Open, SetSize, Step, Symlink, Write
from tornwrite.faults.trace import Trace


@dataclass(frozen=True, slots=True)
class Room:
    """How much fits on a disk, and from when on.

    free_bytes: that many bytes beside what is there when it begins. since: at the step of that
    number; others fill the disk up until then. unit_bytes: what files take is a multiple of this.
    entry_bytes: what a name takes. number: the error of what does not fit, ENOSPC or EDQUOT.
    """

    free_bytes: int
    since: int = 0
    unit_bytes: int = 1
    entry_bytes: int = 0
    number: int = errno.ENOSPC


class Capacity:
    """Lets steps happen as far as there is room (an `Injector`).

    base: what is on the disk at the start. refused: how many steps found no room, or not enough.
    """

    def __init__(self, base: Image, room: Room) -> None:
        self.refused = 0
        self._room: Room | None = room
        self._unit = room.unit_bytes
        self._entry = room.entry_bytes
        self._limit: int | None = None
        self._disk = Interpreter(base)
        self._sizes: dict[Inode, int] = {}
        self._names: dict[tuple[Inode, str], Inode] = {}
        self._open: dict[Handle, Inode] = {}
        self._under_way: tuple[int, Step] | None = None
        self._note_base()

    def free(self) -> None:
        """Make room: from now on everything fits."""
        self._room = None

    @property
    def used_bytes(self) -> int:
        """What the files and names take now, as far as steps were decided on."""
        living = {*self._names.values(), *self._open.values()}
        files = sum(self._blocks(self._sizes.get(inode, 0)) for inode in living)
        return files + len(self._names) * self._entry

    def decide(self, number: int, step: Step) -> Decision:
        """What becomes of the step: all of it, part of a write, or the error."""
        self._settle(number)
        decision = self._decision(number, step)
        match decision:
            case Fail():
                return decision
            case Short(keep) if isinstance(step, Write):
                self._under_way = (number, Write(step.handle, step.offset, step.data[:keep]))
            case _:
                self._under_way = (number, step)
        return decision

    def _decision(self, number: int, step: Step) -> Decision:
        room = self._room
        if room is None or number < room.since:
            return Proceed()
        if self._limit is None:
            self._limit = self.used_bytes + room.free_bytes
        decision = self._as_fits(step, self._limit, room.number)
        self.refused += not isinstance(decision, Proceed)
        return decision

    def _as_fits(self, step: Step, limit: int, error: int) -> Decision:
        more = self.takes_bytes(step)
        if more <= 0 or self.used_bytes + more <= limit:
            return Proceed()
        if not isinstance(step, Write):
            return Fail(error)
        size = self._size(self._disk.opened(step.handle))
        free = max(limit - self.used_bytes, 0)
        fits = self._blocks(size) + free // self._unit * self._unit
        keep = fits - (size if step.offset is None else step.offset)
        return Short(keep) if keep > 0 else Fail(error)

    def takes_bytes(self, step: Step) -> int:
        """How much more is used once the step has happened; less than nothing for what shrinks."""
        match step:
            case Write(handle, offset, data):
                size = self._size(self._disk.opened(handle))
                end = (size if offset is None else offset) + len(data)
                return self._blocks(max(size, end)) - self._blocks(size)
            case SetSize(handle, size):
                return self._blocks(size) - self._blocks(self._size(self._disk.opened(handle)))
            case _:
                return self._entry if self.adds_name(step) else 0

    def begins_file(self, step: Step) -> bool:
        """Whether the step writes to a file that is empty."""
        return isinstance(step, Write) and not self._size(self._disk.opened(step.handle))

    def adds_name(self, step: Step) -> bool:
        """Whether a directory has an entry more once the step has happened."""
        match step:
            case Open(_, path, create=True):
                return not self._exists(path)
            case Mkdir() | Link() | Symlink():
                return True
            case _:
                return False

    def _settle(self, number: int) -> None:
        """Follow the last step, if it happened: one that failed by itself gave up its number."""
        if self._under_way is None:
            return
        before, step = self._under_way
        self._under_way = None
        if before >= number:
            return
        if isinstance(step, Close):
            self._open.pop(step.handle, None)
        for effect in self._disk.apply(before, step):
            match effect:
                case SizeEffect(inode=inode, size=size):
                    self._sizes[inode] = size
                case NameEffect(changes=changes):
                    self._note_entries(changes)
                case _:
                    pass
        if isinstance(step, Open):
            self._open[step.handle] = self._disk.opened(step.handle)

    def _note_entries(self, changes: tuple[tuple[Inode, str, Inode | None], ...]) -> None:
        for folder, name, inode in changes:
            if inode is None:
                self._names.pop((folder, name), None)
            else:
                self._names[folder, name] = inode

    def _note_base(self) -> None:
        paths = dict(self._disk.tree())
        for path, inode in paths.items():
            folder, name = os.path.split(path)
            self._names[paths[folder] if folder else 0, name] = inode
            node = self._disk.node(inode)
            if isinstance(node, bytes):
                self._sizes[inode] = len(node)

    def _exists(self, path: str) -> bool:
        folder, name = os.path.split(path)
        return (self._disk.look_up(folder), name) in self._names

    def _size(self, inode: Inode) -> int:
        return self._sizes.get(inode, 0)

    def _blocks(self, size: int) -> int:
        return -(-size // self._unit) * self._unit


@dataclass(frozen=True, slots=True)
class Demand:
    """A step that needs room.

    number: of the step. before_bytes: how much more than at the start is used until then.
    more_bytes: by how much more after it. makes_name: it takes an entry of a directory. begins: it
    writes to a file that is empty.
    """

    number: int
    step: Step
    before_bytes: int
    more_bytes: int
    makes_name: bool
    begins: bool


def demands(trace: Trace, unit_bytes: int = 1) -> Iterator[Demand]:
    """The steps of a trace that need room on the disk, in order; files take whole units."""
    disk = Capacity(trace.base, Room(0, unit_bytes=unit_bytes))
    disk.free()
    start = disk.used_bytes
    for number, step in enumerate(trace.steps):
        disk.decide(number, step)
        more, makes_name = disk.takes_bytes(step), disk.adds_name(step)
        if more > 0 or makes_name:
            before = disk.used_bytes - start
            yield Demand(number, step, before, max(more, 0), makes_name, disk.begins_file(step))
