"""The inodes and names of a file system as a program sees it: files, directories, symbolic links.

Files are inodes, names point to them, as in the kernel.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from tornwrite.faults.effects import ROOT, Inode
from tornwrite.faults.images import Image, Node, SymbolicLink

EntriesOf: TypeAlias = Callable[[Inode], Mapping[str, Inode] | None]


class TraceImpossible(Exception):
    """A step that cannot follow from the steps before it: the recording is not whole."""


@dataclass(slots=True)
class File:
    """The bytes of a file, and the numbers of the effects that a barrier on it asks for."""

    data: bytearray
    frozen: bytes | None
    """The same bytes as `data`, when they are at hand: shared by all images between two writes."""
    generations: dict[int, int] = field(default_factory=dict)
    changes: list[int] = field(default_factory=list)
    """The numbers of the effects that changed its data, its size or its names."""
    sizes: list[tuple[int, int]] = field(default_factory=list)
    """Each size that it had, with the number of the effect that brought it."""

    def content(self) -> bytes:
        """All its bytes."""
        if self.frozen is None:
            self.frozen = bytes(self.data)
        return self.frozen


@dataclass(slots=True)
class Directory:
    """Names and what they point to."""

    entries: dict[str, Inode] = field(default_factory=dict)
    changes: list[int] = field(default_factory=list)
    """The numbers of the effects that changed its entries or its names."""


@dataclass(frozen=True, slots=True)
class LinkText:
    """A symbolic link."""

    text: str


class FileTree:
    """What is there. `base` is the content at the start."""

    def __init__(self, base: Image) -> None:
        self._nodes: dict[Inode, File | Directory | LinkText] = {ROOT: Directory()}
        for path, node in base:
            folder, name = self._parent(path)
            folder.entries[name] = self._add(node)

    def _add(self, node: Node) -> Inode:
        inode = len(self._nodes)
        match node:
            case None:
                self._nodes[inode] = Directory()
            case SymbolicLink(text):
                self._nodes[inode] = LinkText(text)
            case _:
                self._nodes[inode] = File(bytearray(node), node, sizes=[(0, len(node))])
        return inode

    def tree(self) -> Iterator[tuple[str, Inode]]:
        """Every path below the root and its inode, in the order of the paths."""
        return walk(ROOT, self.entries)

    def entries(self, inode: Inode) -> dict[str, Inode] | None:
        """The entries of a directory, None for anything else."""
        node = self._nodes[inode]
        return node.entries if isinstance(node, Directory) else None

    def node(self, inode: Inode) -> Node:
        """The content of an inode as an image holds it."""
        node = self._nodes[inode]
        match node:
            case File():
                return node.content()
            case Directory():
                return None
            case LinkText(text):
                return SymbolicLink(text)

    def image(self) -> Image:
        """All names and bytes as the program sees them."""
        return tuple((path, self.node(inode)) for path, inode in self.tree())

    def look_up(self, path: str) -> Inode:
        """The inode at a path. Raises TraceImpossible when there is none."""
        inode = ROOT
        for part in path.split("/") if path else ():
            entries = self.entries(inode)
            if entries is None or part not in entries:
                raise TraceImpossible(f"{path} does not exist at this point of the trace")
            inode = entries[part]
        return inode

    def _parent(self, path: str) -> tuple[Directory, str]:
        folder, _, name = path.rpartition("/")
        node = self._nodes[self.look_up(folder)]
        if not isinstance(node, Directory):
            raise TraceImpossible(f"{folder} is not a directory at this point of the trace")
        return node, name

    def _parent_inode(self, path: str) -> Inode:
        return self.look_up(path.rpartition("/")[0])

    def _file(self, inode: Inode) -> File:
        node = self._nodes[inode]
        if not isinstance(node, File):
            raise TraceImpossible(f"inode {inode} is not a file")
        return node


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
