"""Copies inside the kernel by the recorded process: sendfile and copy_file_range."""

import os
import stat
from collections.abc import Callable

from tornwrite.faults import originals as real
from tornwrite.faults.recording import Recording
from tornwrite.faults.recording_errors import UnknownStep
from tornwrite.faults.steps import Write


def copy(
    recording: Recording,
    name: str,
    source: tuple[int, int | None],
    target: tuple[int, int | None],
    count: int,
    perform: Callable[[int], int],
) -> int:
    """A copy inside the kernel: read what it is going to take, then let it.

    name: of the call. source, target: descriptors, each with the position given, if one was; the
    target is a recorded file. count: how many bytes at most. perform: the call, for so many bytes.
    Raises UnknownStep where the source is no file: its bytes cannot be read twice.
    """
    with recording.lock:
        opened = recording.open_files[target[0]]
        size = os.fstat(source[0])
        if not stat.S_ISREG(size.st_mode):
            raise UnknownStep(f"{name} into {opened.path} from what is no file: use write")
        begin = real.lseek(source[0], 0, os.SEEK_CUR) if source[1] is None else source[1]
        data = os.pread(source[0], max(0, min(count, size.st_size - begin)), begin)
        if not data:
            return perform(count)
        offset = target[1]
        if opened.append:
            offset = None
        elif offset is None:
            offset = real.lseek(target[0], 0, os.SEEK_CUR)
        return recording.write(Write(opened.handle, offset, data, opened.sync), perform)
