"""Effects: the smallest parts of a step that can reach the disk on their own.

They are numbered in program order across the whole trace. A number therefore also names "all that
had been done by then", which is how barriers and orderings are expressed. Nothing here depends on a
profile but the page size. `tornwrite.faults.interpreter` says which effects a step has.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

Inode: TypeAlias = int
ROOT: Inode = 0
EntriesOf: TypeAlias = Callable[[Inode], Mapping[str, Inode] | None]


@dataclass(frozen=True, slots=True)
class PageEffect:
    """A new version of one page: its `content` with all earlier bytes of the page, one page long.

    `generation` is the number of the shrink that last dropped the page, 0 if none did: versions of
    one generation share their disk blocks.
    """

    number: int
    step: int
    inode: Inode
    page: int
    content: bytes
    generation: int


@dataclass(frozen=True, slots=True)
class SizeEffect:
    """A new size in bytes. A growing one uncovers pages; a shrinking one drops them."""

    number: int
    step: int
    inode: Inode
    size: int
    shrinks: bool
    first_page: int
    """Growing: the first page uncovered (the last is that of the new size). Shrinking: the first
    page dropped whole."""
    new_page: int = 0
    """Growing: the first page uncovered that the file did not reach into before."""


@dataclass(frozen=True, slots=True)
class NameEffect:
    """New versions of one or two directory entries: (directory, name, inode or None).

    `replaces`: a file was renamed over an existing one. `other`: what it changed places with.
    """

    number: int
    step: int
    changes: tuple[tuple[Inode, str, Inode | None], ...]
    subject: Inode
    replaces: bool = False
    other: Inode | None = None


@dataclass(frozen=True, slots=True)
class RewriteClosed:
    """A file that had been truncated to zero and written again was closed."""

    number: int
    step: int
    inode: Inode


@dataclass(frozen=True, slots=True)
class FileBarrier:
    """fsync or fdatasync on a file: its effects so far are durable.

    `horizon` is the number of the file's last change that this call has to commit: a journal is
    committed up to there (and with it every earlier name effect), not necessarily to its end. That
    is what ext4 and xfs do: they commit the transaction in which the inode last changed.

    `until`: of the data, what was done before this number is covered. It is less than `number`
    where others did something while the barrier was under way.

    `pages`: of a sync of a part of the file, the first and the last page of it; then of its sizes
    those up to `sizes` are durable.
    """

    number: int
    step: int
    inode: Inode
    horizon: int
    until: int
    pages: tuple[int, int] | None = None
    sizes: int = 0


@dataclass(frozen=True, slots=True)
class DirectoryBarrier:
    """fsync on a directory: its entries so far are durable. `horizon`, `until` as above."""

    number: int
    step: int
    inode: Inode
    horizon: int
    until: int


@dataclass(frozen=True, slots=True)
class FailedBarrier:
    """A sync of a file or a directory that failed: what was on its way of it counts as clean."""

    number: int
    step: int
    inode: Inode


@dataclass(frozen=True, slots=True)
class SyncBarrier:
    """sync: everything so far is durable. `until` as above."""

    number: int
    step: int
    until: int


Effect: TypeAlias = (
    PageEffect
    | SizeEffect
    | NameEffect
    | RewriteClosed
    | FileBarrier
    | DirectoryBarrier
    | FailedBarrier
    | SyncBarrier
)
