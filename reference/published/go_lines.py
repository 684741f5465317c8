"""Lines as Go's bufio.Scanner hands them out. Never repaired: see the package.

The JSONL store gives the scanner a buffer of at most 10 MB. A line that does not fit ends the scan
with an error: every line after it is out of reach, though the store wrote it without complaint.
"""

import os
from collections.abc import Iterable, Iterator

from tornwrite.reference.published.errors import StoreError

MAX_LINE_BYTES = 10 * 1024 * 1024
READ_BYTES = 64 * 1024


def scan_lines(descriptor: int, max_line_bytes: int = MAX_LINE_BYTES) -> Iterator[bytes]:
    """Yield each line without its newline and without one carriage return before it.

    What follows the last newline is a line too, unless there is nothing. Reading goes on as lines
    are taken.

    Args:
        descriptor: an open file.
        max_line_bytes: the longest buffer, in bytes; at least 64 KB.

    Raises:
        StoreError: a line is as long as the buffer or longer, not counting its newline. Lines
            before it came.
        OSError: reading failed.
    """
    return split_lines(iter(lambda: os.read(descriptor, READ_BYTES), b""), max_line_bytes)


def split_lines(chunks: Iterable[bytes], max_line_bytes: int) -> Iterator[bytes]:
    """The lines of what comes in chunks of at most `READ_BYTES`; as `scan_lines`."""
    held: list[bytes] = []
    held_bytes = 0
    for chunk in chunks:
        first, *rest = chunk.split(b"\n")
        held.append(first)
        held_bytes += len(first)
        # The buffer must hold the newline as well, and a last line needs room to see the end.
        if held_bytes >= max_line_bytes:
            raise StoreError("bufio.Scanner: token too long")
        for piece in rest:
            yield b"".join(held).removesuffix(b"\r")
            held = [piece]
            held_bytes = len(piece)
    if held_bytes:
        yield b"".join(held).removesuffix(b"\r")
