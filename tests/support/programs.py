"""Small random programs, as steps: for property tests of the disk model, and to be run for real."""

import ctypes
import mmap
import os
from dataclasses import dataclass, field

from hypothesis import strategies as st

from tornwrite.faults.steps import (
    Close,
    Exchange,
    Fsync,
    Link,
    Mkdir,
    Open,
    OpenUnnamed,
    Rename,
    SetSize,
    Step,
    Store,
    SyncAll,
    Unlink,
    Write,
)

NAMES = ("a", "b", "d/c")


@dataclass
class _Writing:
    """What a program under construction knows, so that every step is possible."""

    files: set[str] = field(default_factory=set)
    opened: dict[int, int] = field(default_factory=dict)
    sizes: dict[int, int] = field(default_factory=dict)
    inode_of: dict[str, int] = field(default_factory=dict)
    unlinked: set[int] = field(default_factory=set)
    """Those that lost a name: one that has none left cannot be given another."""
    inodes: int = 0
    handles: int = 0
    letters: int = 0


@st.composite
def programs(draw: st.DrawFn, most: int = 8, there: int | None = 7) -> list[Step]:
    """Up to `most` steps after the making of a directory and a file, all of them possible.

    there: the size of the file b that is there before, None if there is none.
    """
    world = _Writing()
    if there is not None:
        world.inodes = 1
        world.files.add("b")
        world.inode_of["b"] = 1
        world.sizes[1] = there
    steps: list[Step] = [Mkdir("d")]
    steps += _open(world, "a", truncate=False)
    for _ in range(draw(st.integers(1, most))):
        steps += _next(draw, world)
    return steps


def _open(world: _Writing, path: str, truncate: bool) -> list[Step]:
    world.handles += 1
    if path not in world.files:
        world.inodes += 1
        world.inode_of[path] = world.inodes
        world.sizes[world.inodes] = 0
        world.files.add(path)
    inode = world.inode_of[path]
    if truncate:
        world.sizes[inode] = 0
    world.opened[world.handles] = inode
    return [Open(world.handles, path, create=True, truncate=truncate)]


def _data(world: _Writing, length: int) -> bytes:
    world.letters += 1
    return bytes([96 + (world.letters + i) % 26 + 1 for i in range(length)])


def _next(draw: st.DrawFn, world: _Writing) -> list[Step]:
    choices = ["open", "append", "append", "append", "unnamed"]
    if world.opened:
        choices += ["overwrite", "resize", "close", "fsync", "fsync", "fdatasync", "osync"]
        choices += ["store", "store", "msync", "msync"]
        choices += ["name"]
    choices += ["fsyncdir", "fsyncdir", "sync"]
    if world.files:
        choices += ["rename", "rename", "unlink", "link", "exchange"]
    kind = draw(st.sampled_from(choices))
    if kind in ("open", "append") and (kind == "open" or not world.opened):
        return _open(world, draw(st.sampled_from(NAMES)), draw(st.booleans()))
    if kind == "unnamed":
        world.handles += 1
        world.inodes += 1
        world.sizes[world.inodes] = 0
        world.opened[world.handles] = world.inodes
        return [OpenUnnamed(world.handles, draw(st.sampled_from(["", "d"])))]
    if kind == "name":
        return _name(draw, world)
    if kind in ("store", "msync"):
        return _mapped(draw, world, kind)
    if kind in ("append", "overwrite", "resize", "close", "fsync", "fdatasync", "osync"):
        handle = draw(st.sampled_from(sorted(world.opened)))
        inode = world.opened[handle]
        size = world.sizes[inode]
        if kind in ("append", "osync"):
            data = _data(world, draw(st.integers(1, 7)))
            world.sizes[inode] = size + len(data)
            return [Write(handle, None, data, sync=kind == "osync")]
        if kind == "overwrite":
            data = _data(world, draw(st.integers(1, 5)))
            offset = draw(st.integers(0, size + 2))
            world.sizes[inode] = max(size, offset + len(data))
            return [Write(handle, offset, data)]
        if kind == "resize":
            new = draw(st.integers(0, size + 3))
            world.sizes[inode] = new
            return [SetSize(handle, new)]
        if kind == "close":
            del world.opened[handle]
            return [Close(handle)]
        return [Fsync(handle, data_only=kind == "fdatasync")]
    if kind == "fsyncdir":
        return [Fsync(draw(st.sampled_from(["", "d"])))]
    if kind == "sync":
        return [SyncAll()]
    source = draw(st.sampled_from(sorted(world.files)))
    if kind == "unlink":
        world.files.discard(source)
        world.unlinked.add(world.inode_of.pop(source))
        return [Unlink(source)]
    target = draw(st.sampled_from(NAMES))
    if kind == "link":
        if target in world.files:
            return []
        world.files.add(target)
        world.inode_of[target] = world.inode_of[source]
        return [Link(source, target)]
    if world.inode_of.get(target) == world.inode_of[source]:
        return []
    if kind == "exchange":
        if target not in world.files:
            return []
        inodes = world.inode_of
        inodes[source], inodes[target] = inodes[target], inodes[source]
        return [Exchange(source, target)]
    if target in world.files:
        world.unlinked.add(world.inode_of[target])
    world.files.discard(source)
    world.files.add(target)
    world.inode_of[target] = world.inode_of.pop(source)
    return [Rename(source, target)]


def _name(draw: st.DrawFn, world: _Writing) -> list[Step]:
    """A file that never had a name gets its first, or one that was opened by name another."""
    handle = draw(st.sampled_from(sorted(world.opened)))
    inode = world.opened[handle]
    target = draw(st.sampled_from(NAMES))
    nameless = inode not in world.inode_of.values()
    if target in world.files or (nameless and inode in world.unlinked):
        return []
    world.files.add(target)
    world.inode_of[target] = inode
    return [Link(handle, target)]


def _mapped(draw: st.DrawFn, world: _Writing, kind: str) -> list[Step]:
    handle = draw(st.sampled_from(sorted(world.opened)))
    size = world.sizes[world.opened[handle]]
    if not size:
        return []
    start = draw(st.integers(0, size - 1))
    if kind == "msync":
        return [Fsync(handle, True, start, draw(st.none() | st.integers(start + 1, size)))]
    # A store is no longer than a page, which is 4 bytes in these tests.
    return [Store(handle, start, _data(world, min(size - start, 4 - start % 4)))]


def run_for_real(steps: list[Step], root: str) -> None:
    """Do the steps with real system calls below `root`."""
    descriptors: dict[int, int] = {}
    try:
        for step in steps:
            _do(step, root, descriptors)
    finally:
        for descriptor in descriptors.values():
            os.close(descriptor)


def _do(step: Step, root: str, descriptors: dict[int, int]) -> None:
    def real(path: str) -> str:
        return os.path.join(root, path) if path else root

    match step:
        case Open(handle, path, create, truncate):
            flags = os.O_RDWR | (os.O_CREAT if create else 0) | (os.O_TRUNC if truncate else 0)
            descriptors[handle] = os.open(real(path), flags, 0o644)
        case OpenUnnamed(handle, folder):
            descriptors[handle] = os.open(real(folder), os.O_RDWR | os.O_TMPFILE, 0o644)
        case Store(handle, offset, data):
            with mmap.mmap(descriptors[handle], 0) as memory:
                memory[offset : offset + len(data)] = data
        case Write(handle, offset, data, _):
            where = os.fstat(descriptors[handle]).st_size if offset is None else offset
            os.pwrite(descriptors[handle], data, where)
        case SetSize(handle, size):
            os.ftruncate(descriptors[handle], size)
        case Close(handle):
            os.close(descriptors.pop(handle))
        case Fsync(target, _) if isinstance(target, int):
            os.fsync(descriptors[target])
        case Rename(source, target):
            os.rename(real(source), real(target))
        case Exchange(first, second):
            exchange(real(first), real(second))
        case Link(int() as handle, target):
            # With a src_dir_fd, which an absolute path needs none of, Python asks for linkat(2).
            source = f"/proc/self/fd/{descriptors[handle]}"
            os.link(source, real(target), src_dir_fd=0)
        case Link(str() as source, target):
            os.link(real(source), real(target))
        case Unlink(path):
            os.unlink(real(path))
        case Mkdir(path):
            os.mkdir(real(path))
        case _:
            pass


def exchange(first: str, second: str) -> None:
    """renameat2(2) with RENAME_EXCHANGE, which Python has no call for."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(-100, os.fsencode(first), -100, os.fsencode(second), 2):
        raise OSError(ctypes.get_errno(), "renameat2")
