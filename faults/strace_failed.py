"""Calls that failed: which of them are steps all the same, and what a call would have been about.

A sync that could not write is a step (`FailedSync`): what was on its way counts as clean from then
on. Any other call that fails has changed nothing.
"""

import errno

from tornwrite.faults.injection import LOST_BY_SYNC
from tornwrite.faults.strace_copies import COPIES
from tornwrite.faults.strace_data import OPENS, WRITES
from tornwrite.faults.strace_names import Names
from tornwrite.faults.strace_parse import Call, descriptor
from tornwrite.faults.strace_paths import located
from tornwrite.faults.strace_processes import Process

SYNCS = frozenset({"fsync", "fdatasync"})

_PATHS: dict[str, tuple[int, int | None]] = {
    "open": (0, None), "creat": (0, None), "openat": (1, 0), "openat2": (1, 0),
    "rename": (1, None), "renameat": (3, 2), "renameat2": (3, 2),
    "link": (1, None), "linkat": (3, 2), "symlink": (1, None), "symlinkat": (2, 1),
    "unlink": (0, None), "unlinkat": (1, 0), "rmdir": (0, None),
    "mkdir": (0, None), "mkdirat": (1, 0), "truncate": (0, None),
}  # fmt: skip
"""Where a call has the path that it changes, and the directory that this is relative to."""

_BY_DESCRIPTOR = {
    **dict.fromkeys((*SYNCS, *WRITES, "ftruncate", "fallocate"), 0),
    **{name: target for name, (target, *_) in COPIES.items()},
}
"""Where a call has the descriptor of what it changes."""

INJECTABLE = frozenset(_PATHS) | frozenset(_BY_DESCRIPTOR)
"""Calls that can be made to fail with nothing done. close is none: it closes all the same."""


def loses(call: Call) -> bool:
    """Whether this is a sync that says that it could not write what was on its way."""
    if call.name not in SYNCS or not call.failed:
        return False
    return getattr(errno, call.error, 0) in LOST_BY_SYNC


def is_about(call: Call, process: Process, names: Names) -> bool:
    """Whether the call was to change something below the recorded root, or to open it."""
    if call.name in _PATHS:
        path, at = _PATHS[call.name]
        follow = call.name in OPENS
        return located(call, process, names, path, at=at, follow=follow).below is not None
    if call.name in _BY_DESCRIPTOR:
        opened = descriptor(call, _BY_DESCRIPTOR[call.name]).path
        return opened is not None and names.relative(opened) is not None
    return False
