"""What a program does to the file system, one value a step.

The vocabulary is closed: a step that is not here is an error of the recorder, never left out. Each
class says when its effects become durable; which of them a crash may lose is the profile's to say
(`tornwrite.faults.profiles`).

Paths are relative to the recorded root, with "/" between the parts and "" for the root itself;
every part but the last is free of symbolic links. A `handle` is the recorder's own number for one
open file: it is never used twice in a trace, so it stays with the file through renames and unlinks.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

Handle: TypeAlias = int


@dataclass(frozen=True, slots=True)
class Open:
    """A file opened for writing. Creating it is a name effect; truncating it is a size effect."""

    handle: Handle
    path: str
    create: bool = False
    truncate: bool = False


@dataclass(frozen=True, slots=True)
class OpenUnnamed:
    """A file without a name made for writing (O_TMPFILE), in the file system of `folder`.

    It is on the disk once it has a name (`Link` from the handle) and as far as its data is.
    """

    handle: Handle
    folder: str


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes handed to the kernel: new versions of their pages, and a new size if they extend.

    `offset` is in bytes; None appends at the end of the file. With `sync` the open file asked for
    O_SYNC or O_DSYNC, so the write ends in a barrier of its own, on the bytes that it wrote (Linux:
    generic_write_sync); `during` is then as for `Fsync`.
    """

    handle: Handle
    offset: int | None
    data: bytes
    sync: bool = False
    during: int = 0


@dataclass(frozen=True, slots=True)
class Store:
    """Bytes stored to memory that a file is mapped to (MAP_SHARED), at most one page of them.

    No call shows a store, so it is found by comparing what the file holds: all stores to one page
    between two looks are one step, from the first byte that differs to the last. They lie within
    the file: a store never makes it longer. Which bytes a kill leaves of it cannot be told, so it
    is whole or not at all there.
    """

    handle: Handle
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class SetSize:
    """ftruncate: a shorter or a longer file, `size` in bytes."""

    handle: Handle
    size: int


@dataclass(frozen=True, slots=True)
class Close:
    """Makes nothing durable; some file systems start to write a truncated file back here."""

    handle: Handle


@dataclass(frozen=True, slots=True)
class Fsync:
    """A barrier on an open file, or on the file or directory at a path (opened only to be synced).

    `data_only` is fdatasync: data and size, no other metadata. msync is one too, of the bytes from
    `start` to `end` (None: to the end of the file) and of the sizes that they need: Linux syncs
    that range and no other (mm/msync.c).

    `during`: so many of the steps right before it were done by others while it was under way. A
    barrier covers what was done before it began; whether it covers those, nobody can count on. It
    stands where it ended, since what its end is taken for comes after that.
    """

    target: Handle | str
    data_only: bool = False
    start: int = 0
    end: int | None = None
    during: int = 0


@dataclass(frozen=True, slots=True)
class FailedSync:
    """An fsync or fdatasync that failed, or the sync of an O_SYNC write that did.

    What was on its way counts as clean from here: it stays visible, may or may not have reached the
    disk, and no later barrier makes it durable, unless it is done anew. That is what Linux does
    with pages that it could not write (Rebello et al., "Can Applications Recover from fsync
    Failures?", ATC 2020).
    """

    target: Handle | str
    data_only: bool = False


@dataclass(frozen=True, slots=True)
class SyncAll:
    """sync(2): a barrier on everything. `during` is as for `Fsync`."""

    during: int = 0


@dataclass(frozen=True, slots=True)
class Rename:
    """One effect over two entries where the profile makes it atomic."""

    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Exchange:
    """Two names change places (RENAME_EXCHANGE): one effect where the profile makes renames one."""

    first: str
    second: str


@dataclass(frozen=True, slots=True)
class Link:
    """One more name for a file: for that at a path, or for an open one, which may have none."""

    source: Handle | str
    target: str


@dataclass(frozen=True, slots=True)
class Unlink:
    path: str


@dataclass(frozen=True, slots=True)
class Symlink:
    """A symbolic link at `path` that holds `text`."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Mkdir:
    path: str


@dataclass(frozen=True, slots=True)
class Rmdir:
    path: str


Step: TypeAlias = (
    Open
    | OpenUnnamed
    | Write
    | Store
    | SetSize
    | Close
    | Fsync
    | FailedSync
    | SyncAll
    | Rename
    | Exchange
    | Link
    | Unlink
    | Symlink
    | Mkdir
    | Rmdir
)

STEP_TYPES: dict[str, type[Step]] = {
    kind.__name__: kind
    for kind in (
        Open, OpenUnnamed, Write, Store, SetSize, Close, Fsync, FailedSync, SyncAll, Rename,
        Exchange, Link, Unlink, Symlink, Mkdir, Rmdir,
    )
}  # fmt: skip


def is_barrier(step: Step) -> bool:
    """Whether all that the step does is to make earlier effects durable."""
    return isinstance(step, Fsync | SyncAll)


def renumbered(step: Step, number: Callable[[Handle], Handle]) -> Step:
    """The step with another number for its handle, if it has one."""
    match step:
        case Open() | OpenUnnamed() | Write() | Store() | SetSize() | Close():
            return replace(step, handle=number(step.handle))
        case Fsync(int() as handle) | FailedSync(int() as handle):
            return replace(step, target=number(handle))
        case Link(int() as handle):
            return replace(step, source=number(handle))
        case _:
            return step


def describe(step: Step, paths: dict[Handle, str] | None = None) -> str:
    """One short line for people; `paths` gives the name under which each handle was opened."""

    def name(target: Handle | str) -> str:
        if isinstance(target, str):
            return target or "."
        return (paths or {}).get(target, f"#{target}")

    match step:
        case Open(_, path, create, truncate):
            ways = [word for word, on in (("create", create), ("truncate", truncate)) if on]
            return f"open {path}" + (f" ({', '.join(ways)})" if ways else "")
        case Write(handle, offset, data, sync, during):
            where = "at end" if offset is None else f"at {offset}"
            synced = f" (O_SYNC{_beside(during)})" if sync else ""
            return f"write {len(data)} B {where} of {name(handle)}{synced}"
        case OpenUnnamed(_, folder):
            return f"open a file without a name in {folder or '.'}"
        case Store(handle, offset, data):
            return f"store {len(data)} B at {offset} of {name(handle)}, mapped to memory"
        case SetSize(handle, size):
            return f"truncate {name(handle)} to {size} B"
        case Close(handle):
            return f"close {name(handle)}"
        case Fsync(target, _, start, end, during) if start or end is not None:
            last = "the end" if end is None else end
            return f"msync {name(target)} from {start} to {last}{_beside(during)}"
        case Fsync(target, data_only, during=during):
            return f"{'fdatasync' if data_only else 'fsync'} {name(target)}{_beside(during)}"
        case FailedSync(target, data_only):
            return f"{'fdatasync' if data_only else 'fsync'} {name(target)}, which fails"
        case SyncAll(during):
            return f"sync{_beside(during)}"
        case Rename(source, target):
            return f"rename {source} -> {target}"
        case Exchange(first, second):
            return f"exchange {first} and {second}"
        case Link(source, target):
            return f"link {name(source)} -> {target}"
        case Unlink(path):
            return f"unlink {path}"
        case Symlink(path, text):
            return f"symlink {path} -> {text}"
        case Mkdir(path):
            return f"mkdir {path}"
        case Rmdir(path):
            return f"rmdir {path}"


def _beside(during: int) -> str:
    """What a barrier need not cover, since it came while the barrier was under way."""
    if not during:
        return ""
    return f", begun before {'the last step' if during == 1 else f'the last {during} steps'}"
