"""Copies inside the kernel and room given or taken, as steps: the bytes are not in these calls.

Those of a recorded file are known from its steps. Those of another file are read when the program
has ended, if nothing changed that file since it started.
"""

import os
import re
import stat

from tornwrite.faults.recording_errors import UnknownStep
from tornwrite.faults.steps import SetSize, Step, Write
from tornwrite.faults.strace_errors import StraceOutputError
from tornwrite.faults.strace_mappings import Contents
from tornwrite.faults.strace_names import Names
from tornwrite.faults.strace_parse import Call, descriptor, misread, number
from tornwrite.faults.strace_processes import OpenFile, Process

COPIES = {"sendfile": (0, 1), "copy_file_range": (2, 0), "splice": (2, 0)}
"""Where each has the descriptor written to and the one read from."""

_POSITIONS = {"sendfile": (None, 2), "copy_file_range": (3, 1), "splice": (3, 1)}
"""Where each has the position to write at and the one to read at."""

_KEEP_SIZE = 0x1
_PUNCH_HOLE = 0x2
_ZERO_RANGE = 0x10
_UNSHARE_RANGE = 0x40
_FALLOCATE_KNOWN = _KEEP_SIZE | _PUNCH_HOLE | _ZERO_RANGE | _UNSHARE_RANGE
_FALLOCATE_NAMES = {0x8: "FALLOC_FL_COLLAPSE_RANGE", 0x20: "FALLOC_FL_INSERT_RANGE"}

_POINTED = re.compile(r"\[(-?\d+)\]")


class KernelCopies:
    """sendfile, copy_file_range, splice and fallocate of recorded files."""

    def __init__(self, steps: list[Step], contents: Contents, names: Names) -> None:
        self.since_ns: int | None = None
        """When the program started, by the clock of the file system."""
        self._steps = steps
        self._contents = contents
        self._names = names

    def copied(self, process: Process, call: Call, file: OpenFile | None, result: int) -> None:
        """A copy of `result` bytes. `file` is the recorded one written to, if it is that."""
        read_from = process.descriptors.any(descriptor(call, COPIES[call.name][1]).number)
        into, out_of = _POSITIONS[call.name]
        begin = _pointed(call, out_of)
        if begin is None and read_from is not None:
            begin = read_from.position
            if begin is not None:
                read_from.position = begin + result
        if file is None or not result:
            return
        if call.name == "splice":
            raise UnknownStep(
                f"splice into {file.path} by process {call.pid}: its bytes come from a pipe and "
                "are not seen; use write or copy_file_range"
            )
        data = self._bytes(call, file, begin, result)
        offset = None if into is None else _pointed(call, into)
        if offset is None:
            offset = None if file.flags & os.O_APPEND else file.position
            if offset is None and not file.flags & os.O_APPEND:
                raise UnknownStep(
                    f"{call.name} into {file.path} by process {call.pid} after an append: nobody "
                    "knows where; seek first"
                )
            file.position = None if offset is None else offset + result
        self._steps.append(Write(file.handle, offset, data, bool(file.flags & os.O_DSYNC)))

    def _bytes(self, call: Call, file: OpenFile, begin: int | None, count: int) -> bytes:
        source = descriptor(call, COPIES[call.name][1])
        what = f"{call.name} into {file.path} by process {call.pid}"
        if source.path is None:
            raise UnknownStep(f"{what} from what is no file: its bytes are not seen; use write")
        if begin is None:
            raise UnknownStep(
                f"{what} from {source.path}: where in it is not known; name the position"
            )
        below = self._names.relative(source.path)
        if source.deleted:
            raise UnknownStep(f"{what} from a file without a name: its bytes are not seen")
        if below is not None:
            tree = self._contents.tree()
            content = tree.node(tree.look_up(below))
        else:
            content = self._outside(source.path, what)
        if not isinstance(content, bytes) or len(content) < begin + count:
            raise StraceOutputError(f"{call}: {source.path} has not the bytes that were copied")
        return content[begin : begin + count]

    def _outside(self, path: str, what: str) -> bytes:
        """A file that is not recorded, as it was, if nothing changed it since the start."""
        try:
            with open(path, "rb") as file:
                found = os.fstat(file.fileno())
                content = file.read() if stat.S_ISREG(found.st_mode) else None
        except OSError as error:
            raise UnknownStep(
                f"{what} from {path}, which cannot be read any more ({error.strerror}): copy from "
                "a file that stays, or record the directory that holds both"
            ) from None
        if content is None or self.since_ns is None or found.st_ctime_ns >= self.since_ns:
            raise UnknownStep(
                f"{what} from {path}, which is not recorded and has changed since the program "
                "started: record a directory that holds both"
            )
        return content

    def allocated(self, call: Call, file: OpenFile | None) -> None:
        """fallocate: a longer file, zeros, or nothing that can be read."""
        if file is None:
            return
        mode, start, length = (number(call, index) for index in (1, 2, 3))
        if unknown := mode & ~_FALLOCATE_KNOWN:
            name = _FALLOCATE_NAMES.get(unknown, f"mode {mode:#x}")
            raise UnknownStep(
                f"fallocate of {file.path} by process {call.pid} with {name}: moving the rest of "
                "a file is not modelled; write it anew"
            )
        tree = self._contents.tree()
        content = tree.node(tree.opened(file.handle))
        size = len(content) if isinstance(content, bytes) else 0
        end = start + length
        if mode & (_PUNCH_HOLE | _ZERO_RANGE) and start < size:
            zeros = bytes(min(end, size) - start)
            self._steps.append(Write(file.handle, start, zeros))
        if end > size and not mode & _KEEP_SIZE:
            self._steps.append(SetSize(file.handle, end))


def _pointed(call: Call, index: int) -> int | None:
    """A position given by a pointer, before the call; None where the open file's own counts."""
    argument = call.arguments[index] if index < len(call.arguments) else ""
    if argument == "NULL":
        return None
    found = _POINTED.match(argument) if isinstance(argument, str) else None
    if found is None:
        raise misread(call)
    return int(found[1])
