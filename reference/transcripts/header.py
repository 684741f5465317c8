"""The header of a transcript: the first line of its file."""

from dataclasses import dataclass

from tornwrite.reference.durable.json_lines import Message, decode_line, encode_line
from tornwrite.reference.durable.times import normal_time


@dataclass(frozen=True, slots=True)
class Header:
    """What a header says.

    Attributes:
        id: the transcript's id.
        created_at: RFC 3339 in UTC with nanoseconds; empty if the header has no such time.
    """

    id: str
    created_at: str


def encode_header(header: Header) -> bytes:
    """The line with its newline; its fields in the order of the original program."""
    fields = {"type": "session", "id": header.id, "created_at": header.created_at}
    return encode_line(fields)


def decode_header(line: bytes) -> Header | None:
    """The header on a line (without its newline); None if the line is not a header."""
    return header_of(decode_line(line))


def header_of(value: Message | None) -> Header | None:
    """The same for what is on the line."""
    if value is None or value.get("type") != "session":
        return None
    identifier = value.get("id")
    if not isinstance(identifier, str):
        return None
    return Header(identifier, normal_time(value.get("created_at")) or "")
