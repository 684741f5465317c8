"""From steps to effects: the file system as the program sees it, followed step by step.

Files are inodes, names point to them, as in the kernel.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from tornwrite.faults.effects import (
    ROOT,
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
from tornwrite.faults.images import Image, Node, SymbolicLink
from tornwrite.faults.steps import (
    Close,
    FailedSync,
    Fsync,
    Handle,
    Link,
    Mkdir,
    Open,
    Rename,
    Rmdir,
    SetSize,
    Step,
    Symlink,
    SyncAll,
    Unlink,
    Write,
)

EntriesOf: TypeAlias = Callable[[Inode], Mapping[str, Inode] | None]


class TraceImpossible(Exception):
    """A step that cannot follow from the steps before it: the recording is not whole."""


@dataclass(slots=True)
class _File:
    data: bytearray
    frozen: bytes | None
    """The same bytes as `data`, when they are at hand: shared by all images between two writes."""
    generations: dict[int, int] = field(default_factory=dict)
    last_change: int = 0
    last_resize: int = 0

    def content(self) -> bytes:
        if self.frozen is None:
            self.frozen = bytes(self.data)
        return self.frozen


@dataclass(slots=True)
class _Directory:
    entries: dict[str, Inode] = field(default_factory=dict)
    last_change: int = 0


@dataclass(frozen=True, slots=True)
class _Link:
    text: str


@dataclass(slots=True)
class _Opened:
    inode: Inode
    truncated: bool
    """It was cut to zero bytes through this open file, with data in it before."""
    rewritten: bool = False


class Interpreter:
    """The file system as the program sees it, and the effects of each step on it.

    base: the durable content at the start. page: the page size in bytes.
    """

    def __init__(self, base: Image, page: int = 4096) -> None:
        self.page = page
        self._number = 0
        self._nodes: dict[Inode, _File | _Directory | _Link] = {ROOT: _Directory()}
        self._opened: dict[Handle, _Opened] = {}
        for path, node in base:
            folder, name = self._parent(path)
            folder.entries[name] = self._add(node)

    def _add(self, node: Node) -> Inode:
        inode = len(self._nodes)
        match node:
            case None:
                self._nodes[inode] = _Directory()
            case SymbolicLink(text):
                self._nodes[inode] = _Link(text)
            case _:
                self._nodes[inode] = _File(bytearray(node), node)
        return inode

    # What is there

    def tree(self) -> Iterator[tuple[str, Inode]]:
        """Every path below the root and its inode, in the order of the paths."""
        return walk(ROOT, self.entries)

    def entries(self, inode: Inode) -> dict[str, Inode] | None:
        """The entries of a directory, None for anything else."""
        node = self._nodes[inode]
        return node.entries if isinstance(node, _Directory) else None

    def node(self, inode: Inode) -> Node:
        """The content of an inode as an image holds it."""
        node = self._nodes[inode]
        match node:
            case _File():
                return node.content()
            case _Directory():
                return None
            case _Link(text):
                return SymbolicLink(text)

    def image(self) -> Image:
        """All names and bytes as the program sees them."""
        return tuple((path, self.node(inode)) for path, inode in self.tree())

    def opened(self, handle: Handle) -> Inode:
        """The inode behind a handle. Raises TraceImpossible when the handle is not open."""
        try:
            return self._opened[handle].inode
        except KeyError:
            raise TraceImpossible(f"handle {handle} is not open") from None

    def look_up(self, path: str) -> Inode:
        """The inode at a path. Raises TraceImpossible when there is none."""
        inode = ROOT
        for part in path.split("/") if path else ():
            entries = self.entries(inode)
            if entries is None or part not in entries:
                raise TraceImpossible(f"{path} does not exist at this point of the trace")
            inode = entries[part]
        return inode

    def _parent(self, path: str) -> tuple[_Directory, str]:
        folder, _, name = path.rpartition("/")
        node = self._nodes[self.look_up(folder)]
        if not isinstance(node, _Directory):
            raise TraceImpossible(f"{folder} is not a directory at this point of the trace")
        return node, name

    def _parent_inode(self, path: str) -> Inode:
        return self.look_up(path.rpartition("/")[0])

    def _file(self, inode: Inode) -> _File:
        node = self._nodes[inode]
        if not isinstance(node, _File):
            raise TraceImpossible(f"inode {inode} is not a file")
        return node

    def _next(self) -> int:
        self._number += 1
        return self._number

    # What a step does

    def apply(self, index: int, step: Step) -> list[Effect]:
        """Do the step, the `index`-th of its trace, and say what its effects are.

        Raises TraceImpossible when the step cannot follow from those before it.
        """
        match step:
            case Open():
                return self._open(index, step)
            case Write(handle, offset, data, sync):
                inode = self.opened(handle)
                effects = self._write(index, inode, offset, data)
                self._opened[handle].rewritten |= bool(data)
                if sync:
                    # O_SYNC asks for more than O_DSYNC; the recorders do not tell them apart.
                    effects.append(self._file_barrier(index, inode, data_only=True))
                return effects
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
            case Fsync(target, data_only):
                inode = self._target(target)
                node = self._nodes[inode]
                if isinstance(node, _Directory):
                    return [DirectoryBarrier(self._next(), index, inode, node.last_change)]
                return [self._file_barrier(index, inode, data_only)]
            case FailedSync(target):
                return [FailedBarrier(self._next(), index, self._target(target))]
            case SyncAll():
                return [SyncBarrier(self._next(), index)]
            case Rename(source, target):
                return self._rename(index, source, target)
            case Link(source, target):
                self._check_free(target)
                return [self._enter(index, target, self.look_up(source))]
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
            self._file(inode).last_resize = self._number
        inode = folder.entries[name]
        truncated = False
        if step.truncate and self._file(inode).data:
            effects += self._resize(index, inode, 0)
            truncated = True
        if step.handle in self._opened:
            raise TraceImpossible(f"handle {step.handle} is open already")
        self._opened[step.handle] = _Opened(inode, truncated)
        return effects

    def _write(self, index: int, inode: Inode, offset: int | None, data: bytes) -> list[Effect]:
        file = self._file(inode)
        size = len(file.data)
        start = size if offset is None else offset
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
                file.last_resize = number
        file.last_change = self._number
        return effects

    def _growth(self, number: int, index: int, inode: Inode, before: int, size: int) -> SizeEffect:
        new_page = -(-before // self.page)
        return SizeEffect(number, index, inode, size, False, before // self.page, new_page)

    def _page_effect(self, index: int, inode: Inode, file: _File, page: int) -> PageEffect:
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
        file.last_resize = number
        file.last_change = self._number
        return effects

    def _file_barrier(self, index: int, inode: Inode, data_only: bool) -> FileBarrier:
        node = self._nodes[inode]
        horizon = 0
        if isinstance(node, _File):
            horizon = node.last_resize if data_only else node.last_change
        return FileBarrier(self._next(), index, inode, horizon)

    def _touch(self, number: int, *inodes: Inode) -> None:
        for inode in inodes:
            node = self._nodes[inode]
            if not isinstance(node, _Link):
                node.last_change = number

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
        is_file = isinstance(self._nodes[inode], _File)
        return [
            NameEffect(
                number,
                index,
                ((old_parent, old_name, None), (new_parent, new_name, inode)),
                inode,
                replaces=replaced is not None and is_file,
            )
        ]


def walk(root: Inode, entries_of: EntriesOf) -> Iterator[tuple[str, Inode]]:
    """Every path below `root` and its inode, in the order of the paths as an image sorts them.

    A directory that lost renames left under two names is shown under the first that is met.
    """
    found: list[tuple[str, Inode]] = []
    pending = [(root, "")]
    visited = {root}
    while pending:
        directory, start = pending.pop()
        for name, inode in sorted((entries_of(directory) or {}).items()):
            if entries_of(inode) is not None:
                if inode in visited:
                    continue
                visited.add(inode)
                pending.append((inode, f"{start}{name}/"))
            found.append((start + name, inode))
    return iter(sorted(found))
