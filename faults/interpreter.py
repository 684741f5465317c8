"""From steps to effects: the file system as the program sees it, followed step by step.

Files are inodes, names point to them, as in the kernel.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from tornwrite.faults.effects import (
    DirectoryBarrier,
    Effect,
    FailedBarrier,
    FileBarrier,
    Inode,
    NameEffect,
    PageEffect,
    RewriteClosed,
    SizeEffect,
    SyncBarrier,
)
from tornwrite.faults.file_tree import Directory, File, FileTree, LinkText, TraceImpossible, walk
from tornwrite.faults.images import Image, SymbolicLink
from tornwrite.faults.steps import (
    Close,
    Exchange,
    FailedSync,
    Fsync,
    Handle,
    Link,
    Mkdir,
    Open,
    OpenUnnamed,
    Rename,
    Rmdir,
    SetSize,
    Step,
    Store,
    Symlink,
    SyncAll,
    Unlink,
    Write,
)

__all__ = ["Interpreter", "TraceImpossible", "walk"]


@dataclass(slots=True)
class _Opened:
    inode: Inode
    truncated: bool
    """It was cut to zero bytes through this open file, with data in it before."""
    rewritten: bool = False


class Interpreter(FileTree):
    """The file system as the program sees it, and the effects of each step on it.

    base: the durable content at the start. page: the page size in bytes.
    """

    def __init__(self, base: Image, page: int = 4096) -> None:
        super().__init__(base)
        self.page = page
        self._number = 0
        self._before: list[int] = []
        self._opened: dict[Handle, _Opened] = {}

    def opened(self, handle: Handle) -> Inode:
        """The inode behind a handle. Raises TraceImpossible when the handle is not open."""
        try:
            return self._opened[handle].inode
        except KeyError:
            raise TraceImpossible(f"handle {handle} is not open") from None

    def _next(self) -> int:
        self._number += 1
        return self._number

    # What a step does

    def apply(self, index: int, step: Step) -> list[Effect]:
        """Do the step, the `index`-th of its trace, and say what its effects are.

        Raises TraceImpossible when the step cannot follow from those before it.
        """
        self._before.append(self._number)
        match step:
            case Open():
                return self._open(index, step)
            case Write(handle, offset, data):
                inode = self.opened(handle)
                start = len(self._file(inode).data) if offset is None else offset
                effects = self._write(index, inode, start, data)
                self._opened[handle].rewritten |= bool(data)
                if step.sync:
                    effects += self._write_synced(index, inode, step, start)
                return effects
            case OpenUnnamed(handle):
                self._new_handle(handle, self._add(b""), truncated=False)
                return []
            case Store(handle, offset, data):
                inode = self.opened(handle)
                if offset + len(data) > len(self._file(inode).data):
                    raise TraceImpossible("a store beyond the end of its file")
                return self._write(index, inode, offset, data)
            case SetSize(handle, size):
                effects = self._resize(index, self.opened(handle), size)
                if size == 0 and effects:
                    self._opened[handle].truncated = True
                return effects
            case Close(handle):
                self.opened(handle)
                opened = self._opened.pop(handle)
                if opened.truncated and opened.rewritten:
                    return [RewriteClosed(self._next(), index, opened.inode)]
                return []
            case Fsync(target):
                return self._barrier(index, self._target(target), step)
            case FailedSync(target):
                return [FailedBarrier(self._next(), index, self._target(target))]
            case SyncAll(during):
                return [SyncBarrier(self._next(), index, self._until(during))]
            case Rename(source, target):
                return self._rename(index, source, target)
            case Exchange(first, second):
                return self._exchange(index, first, second)
            case Link(source, target):
                self._check_free(target)
                return [self._enter(index, target, self._target(source))]
            case Unlink(path):
                if self.entries(self.look_up(path)) is not None:
                    raise TraceImpossible(f"{path} is a directory at this point of the trace")
                return [self._remove(index, path)]
            case Rmdir(path):
                if self.entries(self.look_up(path)) != {}:
                    raise TraceImpossible(f"{path} is no empty directory at this point")
                return [self._remove(index, path)]
            case Symlink(path, text):
                self._check_free(path)
                return [self._enter(index, path, self._add(SymbolicLink(text)))]
            case Mkdir(path):
                self._check_free(path)
                return [self._enter(index, path, self._add(None))]

    def _target(self, target: Handle | str) -> Inode:
        return self.look_up(target) if isinstance(target, str) else self.opened(target)

    def _check_free(self, path: str) -> None:
        folder, name = self._parent(path)
        if name in folder.entries:
            raise TraceImpossible(f"{path} exists already at this point of the trace")

    def _open(self, index: int, step: Open) -> list[Effect]:
        folder, name = self._parent(step.path)
        effects: list[Effect] = []
        if name not in folder.entries:
            if not step.create:
                raise TraceImpossible(f"{step.path} does not exist at this point of the trace")
            inode = self._add(b"")
            effects.append(self._enter(index, step.path, inode))
            self._file(inode).sizes.append((self._number, 0))
        inode = folder.entries[name]
        truncated = False
        if step.truncate and self._file(inode).data:
            effects += self._resize(index, inode, 0)
            truncated = True
        self._new_handle(step.handle, inode, truncated)
        return effects

    def _new_handle(self, handle: Handle, inode: Inode, truncated: bool) -> None:
        if handle in self._opened:
            raise TraceImpossible(f"handle {handle} is open already")
        self._opened[handle] = _Opened(inode, truncated)

    def _write(self, index: int, inode: Inode, start: int, data: bytes) -> list[Effect]:
        file = self._file(inode)
        size = len(file.data)
        end = start + len(data)
        if not data:
            return []
        if start > size:
            file.data.extend(bytes(start - size))
        file.data[start:end] = data
        file.frozen = None
        effects: list[Effect] = []
        for page in range(start // self.page, (end - 1) // self.page + 1):
            effects.append(self._page_effect(index, inode, file, page))
            reached = min(end, (page + 1) * self.page)
            if reached > size:
                number = self._next()
                effects.append(self._growth(number, index, inode, size, reached))
                size = reached
                file.sizes.append((number, size))
        file.changes.append(self._number)
        return effects

    def _growth(self, number: int, index: int, inode: Inode, before: int, size: int) -> SizeEffect:
        new_page = -(-before // self.page)
        return SizeEffect(number, index, inode, size, False, before // self.page, new_page)

    def _page_effect(self, index: int, inode: Inode, file: File, page: int) -> PageEffect:
        start = page * self.page
        content = bytes(file.data[start : start + self.page]).ljust(self.page, b"\0")
        return PageEffect(self._next(), index, inode, page, content, file.generations.get(page, 0))

    def _resize(self, index: int, inode: Inode, size: int) -> list[Effect]:
        file = self._file(inode)
        before = len(file.data)
        if size == before:
            return []
        file.frozen = None
        effects: list[Effect] = []
        if size > before:
            file.data.extend(bytes(size - before))
            number = self._next()
            effects.append(self._growth(number, index, inode, before, size))
        else:
            del file.data[size:]
            first_dropped = -(-size // self.page)
            number = self._next()
            effects.append(SizeEffect(number, index, inode, size, True, first_dropped))
            if size % self.page:
                # The kernel clears the rest of the last page, which is a new version of it.
                effects.append(self._page_effect(index, inode, file, size // self.page))
            for page in range(first_dropped, -(-before // self.page)):
                file.generations[page] = number
        file.sizes.append((number, size))
        file.changes.append(self._number)
        return effects

    def _until(self, during: int) -> int:
        """What has a smaller number was done before the call began, `during` steps ago."""
        return self._before[max(len(self._before) - 1 - during, 0)] + 1

    def _barrier(self, index: int, inode: Inode, step: Fsync) -> list[Effect]:
        node = self._nodes[inode]
        until = self._until(step.during)
        match node:
            case Directory(_, changes):
                horizon = _last_before(until, changes)
                return [DirectoryBarrier(self._next(), index, inode, horizon, until)]
            case File(sizes=sizes, changes=changes):
                known = sizes[: bisect_left(sizes, (until,))]
                size = known[-1][1] if known else 0
                end = size if step.end is None else min(step.end, size)
                if step.start or end < size:
                    pages = self._range(step.start, end)
                    needed = _size_needed(known, end)
                    if pages is None:
                        return []
                    return [FileBarrier(self._next(), index, inode, needed, until, pages, needed)]
                resizes = [number for number, _ in known[-1:]]
                horizon = _last_before(until, resizes if step.data_only else changes)
                return [FileBarrier(self._next(), index, inode, horizon, until)]
            case LinkText():
                return [FileBarrier(self._next(), index, inode, 0, until)]

    def _range(self, start: int, end: int) -> tuple[int, int] | None:
        """The first and the last page of these bytes."""
        return (start // self.page, (end - 1) // self.page) if start < end else None

    def _write_synced(self, index: int, inode: Inode, step: Write, start: int) -> list[Effect]:
        """The barrier at the end of an O_SYNC write, on its own bytes, taken as that of O_DSYNC:
        the recorders do not tell them apart.
        """
        end = start + len(step.data)
        pages = self._range(start, end)
        if pages is None:
            return []
        needed = _size_needed(self._file(inode).sizes, end)
        horizon = min(needed, self._until(step.during) - 1) if step.during else needed
        number = self._next()
        return [FileBarrier(number, index, inode, horizon, number, pages, needed)]

    def _touch(self, number: int, *inodes: Inode) -> None:
        for inode in inodes:
            node = self._nodes[inode]
            if not isinstance(node, LinkText):
                node.changes.append(number)

    def _enter(self, index: int, path: str, inode: Inode) -> NameEffect:
        folder, name = self._parent(path)
        parent = self._parent_inode(path)
        number = self._next()
        folder.entries[name] = inode
        self._touch(number, inode, parent)
        return NameEffect(number, index, ((parent, name, inode),), inode)

    def _remove(self, index: int, path: str) -> NameEffect:
        folder, name = self._parent(path)
        inode = self.look_up(path)
        parent = self._parent_inode(path)
        number = self._next()
        del folder.entries[name]
        self._touch(number, inode, parent)
        return NameEffect(number, index, ((parent, name, None),), inode)

    def _rename(self, index: int, source: str, target: str) -> list[Effect]:
        inode = self.look_up(source)
        old_folder, old_name = self._parent(source)
        new_folder, new_name = self._parent(target)
        old_parent, new_parent = self._parent_inode(source), self._parent_inode(target)
        replaced = new_folder.entries.get(new_name)
        if replaced == inode:
            return []  # rename(2): two names of one file, nothing happens
        if f"{target}/".startswith(f"{source}/"):
            raise TraceImpossible(f"{source} cannot be moved into itself")
        if replaced is not None:
            onto = self.entries(replaced)
            if onto if self.entries(inode) is not None else onto is not None:
                raise TraceImpossible(f"{target} is in the way at this point of the trace")
        number = self._next()
        del old_folder.entries[old_name]
        new_folder.entries[new_name] = inode
        self._touch(number, inode, old_parent, new_parent)
        if replaced is not None:
            self._touch(number, replaced)
        is_file = isinstance(self._nodes[inode], File)
        return [
            NameEffect(
                number,
                index,
                ((old_parent, old_name, None), (new_parent, new_name, inode)),
                inode,
                replaces=replaced is not None and is_file,
            )
        ]

    def _exchange(self, index: int, first: str, second: str) -> list[Effect]:
        one, other = self.look_up(first), self.look_up(second)
        if one == other:
            return []
        if f"{first}/".startswith(f"{second}/") or f"{second}/".startswith(f"{first}/"):
            raise TraceImpossible(
                f"{first} cannot change places with {second}: one is in the other"
            )
        here, here_name = self._parent(first)
        there, there_name = self._parent(second)
        parents = self._parent_inode(first), self._parent_inode(second)
        number = self._next()
        here.entries[here_name], there.entries[there_name] = other, one
        self._touch(number, one, other, *parents)
        changes = ((parents[0], here_name, other), (parents[1], there_name, one))
        return [NameEffect(number, index, changes, one, other=other)]


def _last_before(until: int, numbers: Sequence[int]) -> int:
    """The last of the ascending numbers below `until`, 0 if there is none."""
    found = bisect_left(numbers, until)
    return numbers[found - 1] if found else 0


def _size_needed(sizes: Sequence[tuple[int, int]], end: int) -> int:
    """The number of the change of size without which the bytes up to `end` could not be read
    (fdatasync(2)): none has left them out since.
    """
    needed = 0
    for number, size in reversed(sizes):
        if size < end:
            break
        needed = number
    return needed
