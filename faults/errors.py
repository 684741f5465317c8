"""Which errors each step can really give, why, and what else the same cause would hit.

Sources: the pages of section 2 of the Linux manual named with each rule; POSIX.1-2024 for what they
leave open; PEP 475 for EINTR.

What is not here cannot be seen by a Python program, or not on a regular file:

- EINTR from open, write, ftruncate, fsync, fdatasync: Python calls them again itself, unless a
  signal handler raises (PEP 475); and it passes over EINTR from close.
- anything from sync(2), which is always successful.
- EAGAIN, EPIPE and the like, which are not for regular files.

Reading itself (read, pread, listdir) is no place for an error here: it comes at the opening.
"""

import errno
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from tornwrite.faults.injection import ReadOpen
from tornwrite.faults.steps import (
    Close,
    Exchange,
    FailedSync,
    Fsync,
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

At: TypeAlias = Step | ReadOpen
"""Where an error can come: a step, or the opening of a file to read it."""


class Cause(Enum):
    """What is wrong with the machine. As long as it stays so, all of these fail."""

    SPACE = "no space"
    """What needs room: new data, new names."""
    READ_ONLY = "read-only"
    """Whatever changes anything."""
    FORBIDDEN = "forbidden"
    """Whatever opens a file or changes names."""
    DESCRIPTORS = "too many open files"
    """Whatever opens a file."""
    MEDIUM = "bad medium"
    """Whatever touches that file; where a name is concerned, whatever touches the device."""
    NAME = "name too long"
    """Whatever gives that very name."""
    SIGNAL = "interrupted"
    """Nothing else: it comes once."""


class Lasts(Enum):
    """How long an error stays."""

    ONCE = "once"
    STAYS = "stays"
    """Until it is lifted."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One error of one kind of step.

    at: the kinds of step. errno: the error number. cause: what is behind it. why: where it comes
    from. lasts: how it can come.
    """

    at: tuple[type[At], ...]
    errno: int
    cause: Cause
    why: str
    lasts: tuple[Lasts, ...] = (Lasts.ONCE, Lasts.STAYS)

    @property
    def name(self) -> str:
        """The error number's name."""
        return errno.errorcode[self.errno]


_NAMING = (Rename, Link, Symlink, Mkdir)
_NAMES = (*_NAMING, Exchange, Unlink, Rmdir)

RULES: tuple[Rule, ...] = (
    Rule((Write,), errno.EIO, Cause.MEDIUM, "write(2): a low-level I/O error"),
    Rule((Write,), errno.ENOSPC, Cause.SPACE, "write(2): the device has no room for the data"),
    Rule((Write,), errno.EDQUOT, Cause.SPACE, "write(2): the user's quota of blocks is used up"),
    Rule(
        (Write, SetSize),
        errno.EROFS,
        Cause.READ_ONLY,
        "the kernel makes a file system read-only under open files (mount(8), errors=remount-ro)",
        (Lasts.STAYS,),
    ),
    Rule((SetSize,), errno.EIO, Cause.MEDIUM, "truncate(2): an error while updating the inode"),
    Rule(
        (Fsync,),
        errno.EIO,
        Cause.MEDIUM,
        "fsync(2): an error during synchronization, also of earlier writes",
    ),
    Rule(
        (Fsync,),
        errno.ENOSPC,
        Cause.SPACE,
        "fsync(2): disk space was exhausted while synchronizing (delayed allocation, NFS)",
    ),
    Rule((Fsync,), errno.EDQUOT, Cause.SPACE, "fsync(2): the same for a quota"),
    Rule(
        (Fsync,),
        errno.EROFS,
        Cause.READ_ONLY,
        "ext4 after an aborted journal: the file system is read-only now",
        (Lasts.STAYS,),
    ),
    Rule((Close,), errno.EIO, Cause.MEDIUM, "close(2): an error of an earlier write, on NFS"),
    Rule((Close,), errno.ENOSPC, Cause.SPACE, "close(2): reported only now, on NFS"),
    Rule((Close,), errno.EDQUOT, Cause.SPACE, "close(2): reported only now, on NFS"),
    Rule(
        (Open, OpenUnnamed, ReadOpen),
        errno.EMFILE,
        Cause.DESCRIPTORS,
        "open(2): the limit of the process",
    ),
    Rule((Open, OpenUnnamed, ReadOpen), errno.EACCES, Cause.FORBIDDEN, "open(2): no permission"),
    Rule(
        (Open, OpenUnnamed, ReadOpen),
        errno.EIO,
        Cause.MEDIUM,
        "the directory or the inode cannot be read",
    ),
    Rule(
        (Open, OpenUnnamed),
        errno.ENOSPC,
        Cause.SPACE,
        "open(2): no room for the new directory entry",
    ),
    Rule((Open, OpenUnnamed), errno.EDQUOT, Cause.SPACE, "open(2): the quota of inodes is used up"),
    Rule(
        (Open, OpenUnnamed),
        errno.EROFS,
        Cause.READ_ONLY,
        "open(2): writing on a read-only file system",
        (Lasts.STAYS,),
    ),
    Rule(
        (Open, *_NAMING),
        errno.ENAMETOOLONG,
        Cause.NAME,
        "path_resolution(7): a part of the path is longer than the file system takes",
        (Lasts.STAYS,),
    ),
    Rule(_NAMING, errno.ENOSPC, Cause.SPACE, "rename(2): no room for the new directory entry"),
    Rule(_NAMING, errno.EDQUOT, Cause.SPACE, "rename(2): the quota of blocks is used up"),
    Rule(_NAMES, errno.EIO, Cause.MEDIUM, "unlink(2): an I/O error occurred"),
    Rule(_NAMES, errno.EACCES, Cause.FORBIDDEN, "rename(2): no permission for the directory"),
    Rule(
        _NAMES,
        errno.EROFS,
        Cause.READ_ONLY,
        "rename(2): on a read-only file system",
        (Lasts.STAYS,),
    ),
    Rule(
        _NAMES,
        errno.EINTR,
        Cause.SIGNAL,
        "network file systems and FUSE; Python does not call these again (PEP 475)",
        (Lasts.ONCE,),
    ),
)


def rules_at(at: At) -> tuple[Rule, ...]:
    """The errors that this step can give."""
    return tuple(
        rule for rule in RULES if isinstance(at, rule.at) and _is_hit(rule.cause, at, None)
    )


def rule_of(at: At, name: str) -> Rule | None:
    """The rule for the error of that name (`ENOSPC`) at this step, None if it cannot give it."""
    return next((rule for rule in rules_at(at) if rule.name == name), None)


def is_hit(cause: Cause, at: At, path: str, first: At, first_path: str) -> bool:
    """Whether a cause that stays hits this step too.

    path: the file that the step is about. first, first_path: the step at which the error began.
    """
    match cause:
        case Cause.MEDIUM if isinstance(first, Write | SetSize | Fsync | Close | ReadOpen):
            return path == first_path and _is_hit(cause, at, None)
        case Cause.FORBIDDEN if isinstance(first, _Opening | ReadOpen) and not _creates(first):
            return path == first_path and isinstance(at, _Opening | ReadOpen)
        case Cause.NAME:
            return _is_hit(cause, at, first_path) and path == first_path
        case _:
            return _is_hit(cause, at, None)


def _is_hit(cause: Cause, at: At, name: str | None) -> bool:
    match cause:
        case Cause.SPACE:
            return isinstance(at, Write | Fsync | Close | _Naming) or _creates(at)
        case Cause.READ_ONLY:
            return isinstance(at, Write | SetSize | Fsync | _Opening | _Changing)
        case Cause.FORBIDDEN:
            return isinstance(at, _Opening | ReadOpen | _Changing)
        case Cause.DESCRIPTORS:
            return isinstance(at, _Opening | ReadOpen)
        case Cause.MEDIUM:
            return not isinstance(at, SyncAll | FailedSync | Store)
        case Cause.NAME:
            return isinstance(at, _Naming) or (isinstance(at, Open) and at.create)
        case Cause.SIGNAL:
            return isinstance(at, _Changing)


_Naming: TypeAlias = Rename | Link | Symlink | Mkdir
_Changing: TypeAlias = _Naming | Exchange | Unlink | Rmdir
_Opening: TypeAlias = Open | OpenUnnamed


def _creates(at: At) -> bool:
    return isinstance(at, OpenUnnamed) or (isinstance(at, Open) and at.create)


def path_of(at: At, opened: dict[int, str]) -> str:
    """The file that a step is about, by its name when it was opened; the new name of a renaming."""
    match at:
        case Write(handle) | Store(handle) | SetSize(handle) | Close(handle) | OpenUnnamed(handle):
            return opened.get(handle, "")
        case Fsync(target) | FailedSync(target):
            return target if isinstance(target, str) else opened.get(target, "")
        case Rename(_, target) | Link(_, target) | Exchange(target):
            return target
        case Open() | ReadOpen() | Symlink() | Mkdir() | Unlink() | Rmdir():
            return at.path
        case SyncAll():
            return ""
