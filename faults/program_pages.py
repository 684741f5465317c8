"""Torn program pages: what a flash chip leaves of the page that it was programming at the cut.

Such a page is larger than a sector, a piece of the file that begins at a multiple of its size, and
is programmed as one, from its first sector on or from its last. What was not reached yet reads as
erased, whatever was there before: so data that was synced long ago goes with what is new beside it.
"""

from collections.abc import Iterator

ERASED = b"\xff"


def torn_programs(content: bytes, start: int, end: int, sector: int) -> Iterator[bytes]:
    """The content with the program page of bytes `start` to `end` torn, in every way.

    sector: how much of it is programmed or not, in bytes. A page that goes on beyond the end of the
    content is torn as far as it reaches.
    """
    end = min(end, len(content))
    for cut in range(start, end, sector):
        yield content[:cut] + ERASED * (end - cut) + content[end:]
        if cut > start:
            yield content[:start] + ERASED * (cut - start) + content[cut:]
