"""What a program does to the file system, one value a step.

The vocabulary is closed: a step that is not here is an error of the recorder, never left out. Each
class says when its effects become durable; which of them a crash may lose is the profile's to say
(`tornwrite.faults.profiles`).

Paths are relative to the recorded root, with "/" between the parts and "" for the root itself;
every part but the last is free of symbolic links. A `handle` is the recorder's own number for one
open file: it is never used twice in a trace, so it stays with the file through renames and unlinks.
"""

from dataclasses import dataclass
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
class Write:
    """Bytes handed to the kernel: new versions of their pages, and a new size if they extend.

    `offset` is in bytes; None appends at the end of the file. With `sync` the open file asked for
    O_SYNC or O_DSYNC, so the write ends in a barrier of its own.
    """

    handle: Handle
    offset: int | None
    data: bytes
    sync: bool = False


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

    `data_only` is fdatasync: data and size, no other metadata.
    """

    target: Handle | str
    data_only: bool = False


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
    """sync(2): a barrier on everything."""


@dataclass(frozen=True, slots=True)
class Rename:
    """One effect over two entries where the profile makes it atomic."""

    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Link:
    source: str
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
    | Write
    | SetSize
    | Close
    | Fsync
    | FailedSync
    | SyncAll
    | Rename
    | Link
    | Unlink
    | Symlink
    | Mkdir
    | Rmdir
)

STEP_TYPES: dict[str, type[Step]] = {
    kind.__name__: kind
    for kind in (
        Open, Write, SetSize, Close, Fsync, FailedSync, SyncAll, Rename, Link, Unlink, Symlink,
        Mkdir, Rmdir,
    )
}  # fmt: skip


def is_barrier(step: Step) -> bool:
    """Whether all that the step does is to make earlier effects durable."""
    return isinstance(step, Fsync | SyncAll)


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
        case Write(handle, offset, data, sync):
            where = "at end" if offset is None else f"at {offset}"
            return f"write {len(data)} B {where} of {name(handle)}" + (" (O_SYNC)" if sync else "")
        case SetSize(handle, size):
            return f"truncate {name(handle)} to {size} B"
        case Close(handle):
            return f"close {name(handle)}"
        case Fsync(target, data_only):
            return f"{'fdatasync' if data_only else 'fsync'} {name(target)}"
        case FailedSync(target, data_only):
            return f"{'fdatasync' if data_only else 'fsync'} {name(target)}, which fails"
        case SyncAll():
            return "sync"
        case Rename(source, target):
            return f"rename {source} -> {target}"
        case Link(source, target):
            return f"link {source} -> {target}"
        case Unlink(path):
            return f"unlink {path}"
        case Symlink(path, text):
            return f"symlink {path} -> {text}"
        case Mkdir(path):
            return f"mkdir {path}"
        case Rmdir(path):
            return f"rmdir {path}"
