"""The calls on the files themselves, as steps: open, write, truncate, fsync, and those refused."""

import os
import re

from tornwrite.faults.recording_errors import UnknownStep
from tornwrite.faults.steps import Close, Fsync, Open, SetSize, Step, SyncAll, Write
from tornwrite.faults.strace_descriptors import add, check_free, signed
from tornwrite.faults.strace_errors import StraceOutputError
from tornwrite.faults.strace_names import Names
from tornwrite.faults.strace_parse import Call, Descriptor, descriptor, misread, number, string
from tornwrite.faults.strace_paths import located
from tornwrite.faults.strace_processes import OpenFile, Process

OPENS = frozenset({"open", "openat", "openat2", "creat"})
WRITES = frozenset({"write", "writev", "pwrite64", "pwritev", "pwritev2"})
COPIES = {"sendfile": (0, 1, 2), "copy_file_range": (2, 0, 1), "splice": (2, 0, 1)}
"""Where each has the descriptor written to, the one read from, and the position to read at."""

_RWF_BARRIER = 0x2 | 0x4  # RWF_DSYNC, RWF_SYNC
_RWF_APPEND = 0x10
_RWF_KNOWN = 0x1 | 0x8 | _RWF_BARRIER | _RWF_APPEND  # RWF_HIPRI, RWF_NOWAIT
_O_TMPFILE = os.O_TMPFILE & ~os.O_DIRECTORY
_RESOLVE_IN_ROOT = 0x10
_PROT_WRITE = 2
_MAP_TYPE = 0xF
_MAP_SHARED = (1, 3)  # MAP_SHARED, MAP_SHARED_VALIDATE
_PAGE = os.sysconf("SC_PAGESIZE")

_FLAGS = re.compile(r"flags=(0x[0-9a-f]+|\d+)")
_RESOLVE = re.compile(r"resolve=(0x[0-9a-f]+|\d+)")


class Recording:
    """The steps so far, and the handles given out."""

    def __init__(self, names: Names) -> None:
        self.steps: list[Step] = []
        self._names = names
        self._handles = 0

    def opened(self, process: Process, call: Call, result: int) -> None:
        """A descriptor came of an open: remembered below the root, and a step if it can write."""
        flags = open_flags(call)
        path = self._opened_path(process, call)
        below = self._names.relative(path)
        if below is None or not changes(flags):
            check_free(process, result, path)
            return
        refused = (("O_TMPFILE", _O_TMPFILE), ("O_DIRECT", os.O_DIRECT))
        if found := [name for name, flag in refused if flags & flag]:
            raise UnknownStep(f"{call.name} {path} with {found[0]}")
        file = self._open(below, flags)
        add(process, result, file, bool(flags & os.O_CLOEXEC))

    def _open(self, below: str, flags: int) -> OpenFile:
        self._handles += 1
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

    def synced(self, process: Process, call: Call) -> None:
        """fsync and fdatasync."""
        data_only = call.name == "fdatasync"
        target = descriptor(call, 0)
        if file := process.descriptors.get(target.number):
            self.steps.append(Fsync(file.handle, data_only))
        elif (below := self._below(target)) is not None:
            if target.deleted:
                raise UnknownStep(f"{call.name} on {below}, open for reading and without a name")
            self.steps.append(Fsync(below, data_only))

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

    def copied(self, process: Process, call: Call) -> None:
        """sendfile, copy_file_range, splice: the bytes stay in the kernel and are not seen."""
        target, source, position = COPIES[call.name]
        if file := self.recorded(process, call, target):
            raise UnknownStep(f"{call.name} into {file.path}: the bytes are not seen")
        read_from = process.descriptors.get(descriptor(call, source).number)
        if read_from and call.arguments[position] == "NULL":
            read_from.position = None

    def refused(self, process: Process, call: Call) -> None:
        """A call for which there is no step on any recorded file."""
        if file := self.recorded(process, call):
            raise UnknownStep(f"{call.name} on {file.path}")

    def mapped(self, process: Process, call: Call, result: int) -> None:
        """mmap: what is written to a shared mapping is not seen."""
        first, last = result, result + max(number(call, 1), 1) - 1
        process.mappings[:] = [
            mapping for mapping in process.mappings if mapping[1] < first or mapping[0] > last
        ]
        if number(call, 3) & _MAP_TYPE not in _MAP_SHARED:
            return
        target = descriptor(call, 4)
        below = self._below(target)
        if below is None:
            return
        if number(call, 2) & _PROT_WRITE:
            raise UnknownStep(f"mmap of {below}, shared and writable: its writes are not seen")
        file = process.descriptors.get(target.number)
        if file and file.flags & os.O_ACCMODE == os.O_RDWR:
            process.mappings.append((first, last | (_PAGE - 1), below))

    def protected(self, process: Process, call: Call) -> None:
        """mprotect: may make a shared mapping writable."""
        first = number(call, 0)
        last = first + number(call, 1) - 1
        if number(call, 2) & _PROT_WRITE:
            for start, end, path in process.mappings:
                if start <= last and first <= end:
                    raise UnknownStep(f"mprotect makes a shared mapping of {path} writable")

    def recorded(self, process: Process, call: Call, index: int = 0) -> OpenFile | None:
        """The recorded file that the call's descriptor means."""
        target = descriptor(call, index)
        file = process.descriptors.get(target.number)
        below = self._below(target)
        if file is None and below is not None:
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
