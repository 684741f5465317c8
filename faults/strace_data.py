"""The calls on the files themselves, as steps: open, write, truncate, fsync, and those refused."""

import os
import re

from tornwrite.faults.recording_errors import UnknownStep
from tornwrite.faults.steps import (
    Close,
    FailedSync,
    Fsync,
    Open,
    OpenUnnamed,
    SetSize,
    Step,
    SyncAll,
    Write,
)
from tornwrite.faults.strace_copies import COPIES, KernelCopies
from tornwrite.faults.strace_descriptors import add, check_free, signed
from tornwrite.faults.strace_errors import StraceOutputError
from tornwrite.faults.strace_mappings import (
    MAP_SHARED,
    MAP_TYPE,
    PROT_WRITE,
    Contents,
    MappingCalls,
    Stores,
)
from tornwrite.faults.strace_names import Names
from tornwrite.faults.strace_overlaps import path_after
from tornwrite.faults.strace_parse import (
    Call,
    Descriptor,
    Stored,
    Watching,
    descriptor,
    misread,
    number,
    string,
)
from tornwrite.faults.strace_paths import check_not_led_out, located
from tornwrite.faults.strace_processes import ONLY_READ, OpenFile, Process
from tornwrite.faults.strace_unrecorded import Unrecorded

OPENS = frozenset({"open", "openat", "openat2", "creat"})
WRITES = frozenset({"write", "writev", "pwrite64", "pwritev", "pwritev2"})
_RWF_BARRIER = 0x2 | 0x4  # RWF_DSYNC, RWF_SYNC
_RWF_APPEND = 0x10
_RWF_KNOWN = 0x1 | 0x8 | _RWF_BARRIER | _RWF_APPEND  # RWF_HIPRI, RWF_NOWAIT
_O_TMPFILE = os.O_TMPFILE & ~os.O_DIRECTORY
_RESOLVE_IN_ROOT = 0x10

_FLAGS = re.compile(r"flags=(0x[0-9a-f]+|\d+)")
_MODE = re.compile(r"mode=(0[0-7]*)")
_OCTAL = re.compile(r"0[0-7]*")
_RESOLVE = re.compile(r"resolve=(0x[0-9a-f]+|\d+)")


class Recording:
    """The steps so far, and the handles given out."""

    def __init__(self, names: Names) -> None:
        self.steps: list[Step] = []
        self.reads: list[str] = []
        """What was opened below the root only to be read, in order."""
        self.contents = Contents(names.base, self.steps)
        self.stores = Stores(self.contents, self.steps)
        self.mappings = MappingCalls(self.steps, self.stores)
        self.copies = KernelCopies(self.steps, self.contents, names)
        self.unrecorded = Unrecorded(names)
        self._names = names
        self._handles = 0

    def looked(self, look: Stored | Watching) -> None:
        """Mapped files are looked at from now on, or one was."""
        if isinstance(look, Watching):
            self.copies.since_ns = look.since_ns
        self.stores.looked(look)

    def opened(self, process: Process, call: Call, result: int) -> None:
        """A descriptor came of an open: remembered below the root, and a step if it can write."""
        flags = open_flags(call)
        path = self._opened_path(process, call)
        below = self._names.relative(path)
        if below is None and changes(flags):
            at = call.name in ("openat", "openat2")
            check_not_led_out(call, process, self._names, 1 if at else 0, 0 if at else None, path)
            self.unrecorded.opened(path, flags)
        if below is None or not changes(flags):
            if flags & (os.O_WRONLY | os.O_PATH):
                check_free(process, result, path)
            else:
                read = OpenFile(ONLY_READ, path, flags)
                add(process, result, read, bool(flags & os.O_CLOEXEC))
                self.reads += [] if below is None else [below]
            return
        if flags & os.O_DIRECT:
            raise UnknownStep(
                f"{call.name} {path} with O_DIRECT by process {call.pid}: writes past the page "
                "cache are not modelled; open it without"
            )
        if flags & os.O_CREAT:
            self.unrecorded.created(below, created_mode(call))
        file = self._open(below, flags)
        add(process, result, file, bool(flags & os.O_CLOEXEC))

    def _open(self, below: str, flags: int) -> OpenFile:
        self._handles += 1
        if flags & _O_TMPFILE:
            self.steps.append(OpenUnnamed(self._handles, below))
            return OpenFile(self._handles, f"a file without a name in {below or '.'}", flags)
        create, truncate = bool(flags & os.O_CREAT), bool(flags & os.O_TRUNC)
        self.steps.append(Open(self._handles, below, create, truncate))
        return OpenFile(self._handles, below, flags)

    def _opened_path(self, process: Process, call: Call) -> str:
        """Where the opened file was. The path that strace gives is that of a moment later, when
        another thread may have renamed the file: it only settles what the arguments leave open.
        """
        place = open_place(process, call, self._names)
        if call.returned is None:
            return place
        resolve = _RESOLVE.search(str(call.arguments[2])) if call.name == "openat2" else None
        if place.startswith("/proc/") or (resolve and int(resolve[1], 0) & _RESOLVE_IN_ROOT):
            return call.returned
        if (self._names.relative(place) is None) != (self._names.relative(call.returned) is None):
            raise StraceOutputError(
                f"{call} should have opened {place}, and the kernel says {call.returned}"
            )
        return place

    def closed(self, process: Process) -> None:
        """Whatever the process has just closed for good."""
        self.steps += [Close(file.handle) for file in process.closing]
        process.closing.clear()

    def wrote(self, process: Process, call: Call, result: int) -> None:
        """Bytes were written at the offset of the open file, or at its end."""
        file = self.recorded(process, call)
        if file is None or not result:
            return
        data = string(call, 1)
        if len(data) < result:
            raise misread(call)
        flags = number(call, 4) if call.name == "pwritev2" else 0
        if flags & ~_RWF_KNOWN:
            raise UnknownStep(f"pwritev2 with flags {flags:#x} on {file.path}")
        own = signed(number(call, 3)) if call.name in ("pwrite64", "pwritev", "pwritev2") else -1
        offset: int | None = None
        if not (file.flags & os.O_APPEND or flags & _RWF_APPEND):
            offset = file.position if own == -1 else own
            if offset is None:
                raise UnknownStep(f"{call.name} on {file.path} after an append: nobody knows where")
        if own == -1:
            file.position = None if offset is None else offset + result
        sync = bool(file.flags & os.O_DSYNC or flags & _RWF_BARRIER)
        self.steps.append(Write(file.handle, offset, data[:result], sync))

    def resized(self, process: Process, call: Call) -> None:
        """ftruncate and truncate."""
        if call.name == "ftruncate":
            if file := self.recorded(process, call):
                self.steps.append(SetSize(file.handle, number(call, 1)))
            return
        place = located(call, process, self._names, 0, at=None, follow=True)
        if place.path.startswith("/proc/"):
            raise UnknownStep(f"truncate through {place.path}: which file that is cannot be told")
        if place.below is not None:
            file = self._open(place.below, 0)
            self.steps += [SetSize(file.handle, number(call, 1)), Close(file.handle)]
        else:
            check_not_led_out(call, process, self._names, 0, None, place.path)
            self.unrecorded.resized(place.path)

    def synced(self, process: Process, call: Call) -> None:
        """fsync and fdatasync, done or failed for want of what they could write to."""
        sync = FailedSync if call.failed else Fsync
        data_only = call.name == "fdatasync"
        target = descriptor(call, 0)
        if file := process.writable(target.number):
            self.steps.append(sync(file.handle, data_only))
        elif (below := self._below(target)) is not None:
            if target.deleted:
                raise UnknownStep(f"{call.name} on {below}, open for reading and without a name")
            meanwhile = [] if process.began is None else self.steps[process.began :]
            now = path_after(below, meanwhile)
            if now is not None:
                self.steps.append(sync(now, data_only))

    def synced_all(self, call: Call) -> None:
        """sync and syncfs."""
        if call.name == "syncfs":
            path = descriptor(call, 0).path
            try:
                device = os.stat(path or "").st_dev
            except OSError:
                raise UnknownStep(f"syncfs on {path}: its file system cannot be told") from None
            if device != os.stat(self._names.root).st_dev:
                return
        self.steps.append(SyncAll())

    def copied(self, process: Process, call: Call, result: int) -> None:
        """sendfile, copy_file_range, splice."""
        file = self.recorded(process, call, COPIES[call.name][0])
        self.copies.copied(process, call, file, result)

    def allocated(self, process: Process, call: Call) -> None:
        """fallocate."""
        self.copies.allocated(call, self.recorded(process, call))

    def mapped(self, process: Process, call: Call) -> OpenFile | None:
        """The recorded file that mmap maps; None for one that the program cannot write to."""
        if number(call, 2) & PROT_WRITE and number(call, 3) & MAP_TYPE in MAP_SHARED:
            return self.recorded(process, call, 4)
        return process.writable(descriptor(call, 4).number)

    def recorded(self, process: Process, call: Call, index: int = 0) -> OpenFile | None:
        """The recorded file that the call's descriptor means."""
        target = descriptor(call, index)
        file = process.writable(target.number)
        below = self._below(target)
        if process.opened(target.number) is None and below is not None:
            raise UnknownStep(
                f"{call.name} on {below} through descriptor {target.number} of process {call.pid}: "
                "where that comes from is not followed (a descriptor sent over a socket?)"
            )
        if file is not None and below is None:
            raise StraceOutputError(f"{call}: the descriptor should be {file.path}")
        return file

    def _below(self, target: Descriptor) -> str | None:
        return None if target.path is None else self._names.relative(target.path)


def open_flags(call: Call) -> int:
    """The flags of an open, whichever call it was."""
    if call.name == "creat":
        return os.O_CREAT | os.O_WRONLY | os.O_TRUNC
    if call.name == "openat2":
        how = _FLAGS.search(str(call.arguments[2])) if len(call.arguments) > 2 else None
        if how is None:
            raise misread(call)
        return int(how[1], 0)
    return number(call, 2 if call.name == "openat" else 1)


def created_mode(call: Call) -> int:
    """The mode that an open gives a file that it creates, for all that is known."""
    if call.name == "openat2":
        found = _MODE.search(str(call.arguments[2]))
        return int(found[1], 8) if found else 0o600
    at = {"open": 2, "openat": 3, "creat": 1}[call.name]
    given = call.arguments[at] if at < len(call.arguments) else b""
    return int(given, 8) if isinstance(given, str) and _OCTAL.fullmatch(given) else 0o600


def changes(flags: int) -> bool:
    """Whether an open can change the file, by itself or by what is written later."""
    if flags & os.O_PATH:
        return False
    return bool(flags & (os.O_ACCMODE | os.O_CREAT | os.O_TRUNC))


def open_place(process: Process, call: Call, names: Names) -> str:
    """The absolute path that an open names."""
    flags = open_flags(call)
    exclusive = flags & os.O_CREAT and flags & os.O_EXCL
    follow = not (exclusive or flags & os.O_NOFOLLOW)
    path, at = (1, 0) if call.name in ("openat", "openat2") else (0, None)
    return located(call, process, names, path, at=at, follow=follow).path
