"""The interposed calls that read: no steps, but there may be files that cannot be read.

See `descriptor_calls` for why they are methods, and `read_errors` for which files.
"""

from collections.abc import Sequence
from typing import Any

from tornwrite.faults import originals as real
from tornwrite.faults.recording import current


class ReadCalls:
    """Each method has the signature of its call and passes on what is not refused."""

    def read(self, fd: int, length: int, /) -> bytes:
        check_read(fd)
        return real.read(fd, length)

    def pread(self, fd: int, length: int, offset: int, /) -> bytes:
        check_read(fd, offset)
        return real.pread(fd, length, offset)

    def readv(self, fd: int, buffers: Sequence[Any], /) -> int:
        check_read(fd)
        return real.readv(fd, buffers)

    def preadv(self, fd: int, buffers: Sequence[Any], offset: int, flags: int = 0, /) -> int:
        check_read(fd, offset)
        return real.preadv(fd, buffers, offset, flags)


def check_read(descriptor: int, offset: int | None = None) -> None:
    """Raise EIO if a recording says that these bytes cannot be read.

    offset: in bytes; None for where the descriptor stands.
    """
    recording = current.recording
    if recording is not None and recording.read_errors is not None:
        recording.read_errors.reading(descriptor, offset)
