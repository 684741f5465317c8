"""The calls that make, share and give up descriptors and move positions; none is a step by itself.

An open file whose last descriptor goes is put into `Process.closing`, for the caller to record.
"""

import fcntl
import os
import re

from tornwrite.faults.recording_errors import UnknownStep
from tornwrite.faults.strace_errors import StraceOutputError
from tornwrite.faults.strace_parse import Call, number
from tornwrite.faults.strace_processes import CLONE_FILES, ONLY_READ, Folder, OpenFile, Process

CLOSES = frozenset({"close", "close_range"})
CLONES = frozenset({"fork", "vfork", "clone", "clone3"})
DESCRIPTOR_CALLS = frozenset({"dup", "dup2", "dup3", "fcntl", "ioctl", "lseek"})
READS = frozenset({"read", "readv", "pread64", "preadv", "preadv2"})

_CLONE_NEWNS = 0x20000
_CLONE_NEWPID = 0x20000000
_CLOSE_RANGE_UNSHARE = 2
_CLOSE_RANGE_CLOEXEC = 4
_F_DUPFD_CLOEXEC = 1030
_FIOCLEX = 0x5451
_FIONCLEX = 0x5450
# TCGETS, FIONREAD, FIONBIO, FIBMAP, FIGETBSZ, FS_IOC_GETFLAGS, FS_IOC_FIEMAP, FIDEDUPERANGE:
# none changes what a file holds.
_HARMLESS = (0x5401, 0x541B, 0x5421, 1, 2, 0x80086601, 0xC020660B, 0xC0189436)
_CLONES = {0x40049409: "FICLONE", 0x4020940D: "FICLONERANGE"}
_CHANGEABLE = os.O_APPEND | os.O_DIRECT

_FLAGS = re.compile(r"flags=(0x[0-9a-f]+|\d+)")


def drop(process: Process, descriptor: int) -> None:
    """Close a descriptor."""
    if file := process.descriptors.drop(descriptor):
        process.closing.append(file)


def release(process: Process, call: Call) -> None:
    """close and close_range."""
    if call.name == "close":
        drop(process, number(call, 0))
        return
    flags = number(call, 2)
    if flags & _CLOSE_RANGE_UNSHARE:
        process.unshare_descriptors()
    for found in process.descriptors.within(number(call, 0), number(call, 1)):
        if flags & _CLOSE_RANGE_CLOEXEC:
            process.descriptors.set_close_on_exec(found, True)
        else:
            drop(process, found)


def clone_flags(call: Call) -> int:
    """What a new process shares with its parent: the flags of clone(2), 0 for fork.

    Raises UnknownStep for a new namespace.
    """
    text = " ".join(argument for argument in call.arguments if isinstance(argument, str))
    matched = _FLAGS.search(text)
    if matched is None and call.name in ("clone", "clone3"):
        raise StraceOutputError(f"{call}: its flags are missing")
    flags = int(matched[1], 0) if matched else 0
    _refuse_namespace(call, flags)
    return flags


def executed(process: Process) -> None:
    """execve: a new program, with the descriptors that are not closed on exec."""
    process.unshare_descriptors()
    process.executed()
    for closed in process.descriptors.closed_by_exec():
        drop(process, closed)


def unshared(process: Process, call: Call) -> None:
    """unshare: a table of descriptors and a current directory of its own."""
    flags = number(call, 0)
    _refuse_namespace(call, flags)
    if flags & CLONE_FILES:
        process.unshare_descriptors()
    process.folder = Folder(process.folder.path)


def _refuse_namespace(call: Call, flags: int) -> None:
    if flags & (_CLONE_NEWNS | _CLONE_NEWPID):
        raise UnknownStep(f"{call}: files and processes in another namespace are not followed")


def moved_by_read(process: Process, call: Call, result: int) -> None:
    """A read moves the position by what it gave, unless it names a position itself."""
    own_position = call.name in ("pread64", "preadv") or (
        call.name == "preadv2" and signed(number(call, 3)) != -1
    )
    file = process.opened(number(call, 0))
    if file and not own_position and file.position is not None:
        file.position += result


def descriptor_call(process: Process, call: Call, result: int) -> None:
    """A successful call of DESCRIPTOR_CALLS. Raises UnknownStep for a request that is not known."""
    first = number(call, 0)
    file = process.opened(first)
    match call.name:
        case "dup":
            _duplicate(process, file, result, close_on_exec=False)
        case "dup2" | "dup3":
            if result != first:
                drop(process, result)
                flags = number(call, 2) if call.name == "dup3" else 0
                _duplicate(process, file, result, close_on_exec=bool(flags & os.O_CLOEXEC))
        case "lseek":
            if file:
                file.position = result
        case "fcntl":
            _controlled(process, call, file, result)
        case "ioctl":
            _device_controlled(process, call, file)


def add(process: Process, descriptor: int, file: OpenFile, close_on_exec: bool) -> None:
    """The kernel gave out a descriptor for a recorded file."""
    check_free(process, descriptor, file.path)
    process.descriptors.put(descriptor, file, close_on_exec)


def check_free(process: Process, descriptor: int, path: str) -> None:
    """Raises StraceOutputError if a descriptor that the kernel gave out is in use."""
    process.descriptors.forget(descriptor)
    if taken := process.descriptors.get(descriptor):
        raise StraceOutputError(
            f"descriptor {descriptor} of process {process.pid} was {taken.path} and is {path} "
            "now, and no close was seen"
        )


def _duplicate(
    process: Process, file: OpenFile | None, descriptor: int, *, close_on_exec: bool
) -> None:
    if file:
        add(process, descriptor, file, close_on_exec)


def _controlled(process: Process, call: Call, file: OpenFile | None, result: int) -> None:
    command = number(call, 1)
    if command in (fcntl.F_DUPFD, _F_DUPFD_CLOEXEC):
        _duplicate(process, file, result, close_on_exec=command == _F_DUPFD_CLOEXEC)
    elif command == fcntl.F_SETFD:
        on = bool(number(call, 2) & fcntl.FD_CLOEXEC)
        process.descriptors.set_close_on_exec(number(call, 0), on)
    elif command == fcntl.F_SETFL and file and file.handle != ONLY_READ:
        file.flags = file.flags & ~_CHANGEABLE | number(call, 2) & _CHANGEABLE
        if file.flags & os.O_DIRECT:
            raise UnknownStep(
                f"fcntl of process {call.pid} sets O_DIRECT on {file.path}: writes past the page "
                "cache are not modelled; write through it"
            )


def _device_controlled(process: Process, call: Call, file: OpenFile | None) -> None:
    request = number(call, 1)
    if request in (_FIOCLEX, _FIONCLEX):
        process.descriptors.set_close_on_exec(number(call, 0), request == _FIOCLEX)
    elif file and file.handle != ONLY_READ and request not in _HARMLESS:
        name = _CLONES.get(request, f"{request:#x}")
        raise UnknownStep(
            f"ioctl {name} on {file.path} by process {call.pid}: there is no step for it; copy "
            "bytes by write or copy_file_range"
        )


def signed(value: int) -> int:
    """A 64-bit number that strace wrote without its sign."""
    return value - (1 << 64) if value >= 1 << 63 else value
