"""What a list remembers of the transcripts' files, so as not to read them whole each time.

Of each file all but the last line is remembered: up to which byte, and what those bytes say. A file
only grows, and its last line may be taken back but none before it; so the next list reads on from
there. The list makes those bytes durable before it remembers them, or a crash could take from a
file what is remembered of it, if its writer was killed or never syncs.

The file `.index` is a cache: missing or damaged it costs reading, nothing else, and it is replaced
without a sync. A checksum tells whether its bytes arrived.
"""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass

from tornwrite.reference.durable import files
from tornwrite.reference.durable.appending import Settled
from tornwrite.reference.durable.directory import TEMPORARY_SUFFIX
from tornwrite.reference.transcripts.contents import HEAD_BYTES
from tornwrite.reference.transcripts.names import INDEX_NAME

TAIL_BYTES = 64
# It shows the titles of all transcripts, whoever may read those.
_MODE = 0o600
_FORMAT = 1


Stamp = tuple[int, int]
"""What of a file's look tells it from another of its name, and an edited one from a quiet one."""

Stamper = Callable[[Settled], Stamp]


def inode_and_time(look: Settled) -> Stamp:
    """The stamp of a file: its inode, and when it was last modified, in nanoseconds."""
    return look.inode, look.modified_ns


@dataclass(frozen=True, slots=True)
class Entry:
    """What is remembered of one file: of its bytes up to the beginning of its last line.

    Attributes:
        stamp: the file's, as a `Stamper` gave it.
        size_bytes: how long the file was.
        offset: how many bytes are remembered; at the beginning of a line.
        fingerprint: of the first and the last of those bytes.
        lines: how many lines that count are in them, the header and damaged ones included.
        has_header: whether the first of them is a header.
        created_at: as the header says; empty if it does not.
        count: how many messages are in them.
        title: as they give it; None if they do not.
    """

    stamp: Stamp = (0, 0)
    size_bytes: int = 0
    offset: int = 0
    fingerprint: str = ""
    lines: int = 0
    has_header: bool = False
    created_at: str = ""
    count: int = 0
    title: str | None = None


@dataclass(frozen=True, slots=True)
class Index:
    """The entries by file name, and how long the file they come from is, in bytes."""

    entries: Mapping[str, Entry]
    size_bytes: int


def fingerprint(descriptor: int, offset: int) -> str:
    """Of the bytes before the offset: of the first and of the last ones.

    The header is among the first. Its time tells one file of a name from the next, should that get
    the inode of the one before.

    Raises:
        OSError: the system refused.
    """
    head = os.pread(descriptor, min(HEAD_BYTES, offset), 0)
    tail = os.pread(descriptor, min(TAIL_BYTES, offset), max(0, offset - TAIL_BYTES))
    return hashlib.sha256(head + b"\n" + tail).hexdigest()[:32]


def still_holds(entry: Entry, descriptor: int, stamp: Stamp, size: int) -> bool:
    """Whether an open file still begins with what its entry remembers.

    A file that was replaced has another inode; one that was edited in place has another time and
    not grown; one that was truncated and written anew has another fingerprint. Only an edit in the
    middle of a file that has grown since goes unnoticed.

    Args:
        entry: what is remembered.
        descriptor: of the file.
        stamp, size: the file's now; the size in bytes.

    Raises:
        OSError: the system refused.
    """
    inode, modified = stamp
    has_grown = size > entry.size_bytes
    looks_same = (size, modified) == (entry.size_bytes, entry.stamp[1])
    return (
        inode == entry.stamp[0]
        and (has_grown or looks_same)
        and 0 < entry.offset <= entry.size_bytes
        and entry.fingerprint == fingerprint(descriptor, entry.offset)
    )


def read_index(directory: str) -> Index:
    """The index of a directory; an empty one if it is missing, damaged or not understood."""
    try:
        raw = files.read_file(os.path.join(directory, INDEX_NAME))
    except OSError:
        return Index({}, 0)
    checksum, _, body = raw.partition(b"\n")
    if checksum != _checksum(body):
        return Index({}, 0)
    try:
        found = json.loads(body)
        if found["format"] != _FORMAT:
            return Index({}, 0)
        entries = {
            name: Entry((stamp[0], stamp[1]), *fields)
            for name, (stamp, *fields) in found["files"].items()
        }
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return Index({}, 0)
    return Index(entries, len(raw))


def write_index(directory: str, entries: Mapping[str, Entry]) -> None:
    """Replace the index of a directory, without a sync. One writer at a time.

    Raises:
        OSError: the system refused; the index is as it was.
    """
    # Not by orjson: a title may hold a lone surrogate.
    fields = {name: astuple(entry) for name, entry in entries.items()}
    body = json.dumps({"format": _FORMAT, "files": fields}, separators=(",", ":")).encode()
    path = os.path.join(directory, INDEX_NAME)
    temporary = path + TEMPORARY_SUFFIX
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(temporary, flags, _MODE)
        try:
            files.write_all(descriptor, _checksum(body) + b"\n" + body)
        finally:
            files.close(descriptor)
        os.rename(temporary, path)
    except BaseException:
        files.remove_if_there(temporary)
        raise


def _checksum(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode()
