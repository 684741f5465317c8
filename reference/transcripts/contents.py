"""What the file of a transcript holds.

A transcript exists if its file has a header or a message. Anything else is what a crash leaves of a
creation that did not become durable in time: an empty file, nothing but NULs, a torn header.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tornwrite.reference import durable
from tornwrite.reference.durable.damage import Damage, DamageKind
from tornwrite.reference.durable.json_lines import Message
from tornwrite.reference.durable.lines import Lines, split_lines
from tornwrite.reference.transcripts.header import Header, decode_header, header_of

LONGEST_TITLE = 60  # characters
UNTITLED = "New Session..."

# The longest header that the store writes: a file name's worth of id, each byte of it escaped.
HEAD_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Contents:
    """A transcript's file as it was read.

    Attributes:
        id: the id that goes with the file's name.
        file: that name.
        lines: the file's lines, with the header.
        header: None if the first line is no header.
        is_empty: whether the file is there and has no byte.
        messages: those that are readable, oldest first.
    """

    id: str
    file: str
    lines: Lines
    header: Header | None
    messages: tuple[Message, ...]
    is_empty: bool = False

    @property
    def exists(self) -> bool:
        """Whether there is a transcript in the file."""
        return self.header is not None or bool(self.messages)

    @property
    def created_at(self) -> str:
        """RFC 3339; empty if no header says it."""
        return self.header.created_at if self.header else ""

    @property
    def damage(self) -> tuple[Damage, ...]:
        """What is wrong with the file, in its order."""
        # To say what is wrong takes as long as to read.
        return () if self._is_whole() else tuple(self._damage())

    def _is_whole(self) -> bool:
        if self.header is None:
            return not self.lines.lines and not self.lines.tail and not self.is_empty
        says_all = self.header.id == self.id and bool(self.header.created_at)
        return says_all and self.lines.is_sound and not self.lines.tail

    def _damage(self) -> Iterator[Damage]:
        if self.is_empty:
            detail = "is empty: its creation was cut off, or the file damaged"
            yield Damage(DamageKind.FILE, self.file, None, detail)
        first = next(self.lines.messages(), None)
        header_is_damaged = first is not None and first[1] is None
        if self.header is None and first is not None:
            detail = "the header is missing: the file begins with a message"
            if header_is_damaged:
                detail = f"the header is damaged: {len(first[0])} bytes, {first[0][:40]!r}"
            yield Damage(DamageKind.HEADER, self.file, 1, detail)
        if self.header is not None and self.header.id != self.id:
            detail = f"the header is that of transcript {self.header.id!r}"
            yield Damage(DamageKind.HEADER, self.file, 1, detail)
        if self.header is not None and not self.header.created_at:
            detail = "the header does not say when the transcript was created"
            yield Damage(DamageKind.HEADER, self.file, 1, detail)
        for damage in self.lines.damage(self.file):
            if not (header_is_damaged and damage.line == 1):
                yield damage


def read_contents(directory: str, file: str, identifier: str) -> Contents:
    """Read a transcript's file whole; a missing one has no lines.

    Raises:
        OSError: the system refused.
    """
    try:
        data = durable.read_file(os.path.join(directory, file))
    except FileNotFoundError:
        return Contents(identifier, file, Lines(), None, ())
    lines = split_lines(data)
    header = header_of(lines.found[0]) if lines.found else None
    messages = tuple(lines.history(skip=0 if header is None else 1))
    return Contents(identifier, file, lines, header, messages, is_empty=not data)


def read_header(directory: str, file: str) -> Header | None:
    """The header of a transcript's file, by one short read.

    None if the file is missing, or has to be read whole to know what it begins with.

    Raises:
        OSError: the system refused.
    """
    try:
        descriptor = durable.open_to_read(os.path.join(directory, file))
    except FileNotFoundError:
        return None
    try:
        line, newline, _ = os.pread(descriptor, HEAD_BYTES, 0).partition(b"\n")
    except OSError as error:
        durable.name_file(error, os.path.join(directory, file))
        raise
    finally:
        os.close(descriptor)
    return decode_header(line) if newline else None


def title_in(messages: Iterable[Mapping[str, Any]]) -> str | None:
    """The title that the messages give their transcript; None if they give none.

    It is what the user says first, cut after 60 characters.
    """
    for message in messages:
        content = message.get("content")
        if message.get("role") == "user" and isinstance(content, str) and content:
            return content if len(content) <= LONGEST_TITLE else content[:LONGEST_TITLE] + "..."
    return None
