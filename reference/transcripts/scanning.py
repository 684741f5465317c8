"""How one transcript's file is read for a list: on from where the index leaves off."""

import os
from dataclasses import dataclass, replace

from tornwrite.reference import durable
from tornwrite.reference.durable.appending import look_of
from tornwrite.reference.durable.lines import split_lines
from tornwrite.reference.transcripts.contents import title_in
from tornwrite.reference.transcripts.directory import TranscriptDirectory
from tornwrite.reference.transcripts.header import header_of
from tornwrite.reference.transcripts.index import Entry, fingerprint, still_holds


@dataclass(frozen=True, slots=True)
class Scan:
    """A file as it was just read.

    Attributes:
        file, id: its name, and the id that goes with it.
        all: what its whole content says.
        entry: what may be remembered of it once it is durable; None if nothing.
        gained: how many bytes of that were not remembered before.
        is_settled: whether it is known to be durable.
    """

    file: str
    id: str
    all: Entry
    entry: Entry | None
    gained: int
    is_settled: bool


def scan(
    directory: TranscriptDirectory, file: str, identifier: str, remembered: Entry | None
) -> Scan:
    """Read what is not remembered of a file.

    Raises:
        OSError: the file is gone, or the system refused.
    """
    with directory.reading(file) as shard:
        descriptor = durable.open_to_read(os.path.join(directory.path, file))
        try:
            look = look_of(descriptor)
            stamp, size = directory.stamp(look), look.size_bytes
            known = Entry()
            if remembered and still_holds(remembered, descriptor, stamp, size):
                known = remembered
            data = _read_on(descriptor, known.offset, size)
            gained = _last_line(data)
            offset = known.offset + gained
            mark = fingerprint(descriptor, offset) if gained else known.fingerprint
        finally:
            os.close(descriptor)
        is_settled = directory.lines.is_settled(shard, file, look)
    before = replace(
        _with_lines(known, data[:gained]),
        stamp=stamp,
        size_bytes=size,
        offset=offset,
        fingerprint=mark,
    )
    everything = _with_lines(before, data[gained:])
    return Scan(file, identifier, everything, before if offset else None, gained, is_settled)


def _read_on(descriptor: int, offset: int, size: int) -> bytes:
    chunks = []
    while offset < size and (chunk := os.pread(descriptor, size - offset, offset)):
        chunks.append(chunk)
        offset += len(chunk)
    return b"".join(chunks)


def _last_line(data: bytes) -> int:
    """Where the last line begins, be it whole or torn. Empty lines after it are none."""
    end = len(data)
    while end and data[end - 1] in b"\r\n":
        end -= 1
    return data.rfind(b"\n", 0, end) + 1


def _with_lines(known: Entry, data: bytes) -> Entry:
    """What is known, and what the lines say that follow."""
    found = split_lines(data)
    lines = found.lines
    header = header_of(found.found[0]) if lines and not known.lines else None
    messages = found.history(skip=0 if header is None else 1)
    return replace(
        known,
        lines=known.lines + len(lines),
        has_header=known.has_header or header is not None,
        created_at=header.created_at if header else known.created_at,
        count=known.count + len(messages),
        title=title_in(messages) if known.title is None else known.title,
    )
