"""The header of a transcript: the first line of its file."""

from dataclasses import dataclass

import orjson

from tornwrite.reference.durable.json_lines import decode_line
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
    return orjson.dumps(fields) + b"\n"


def decode_header(line: bytes) -> Header | None:
    """The header on a line (without its newline); None if the line is not a header."""
    value = decode_line(line)
    if value is None or value.get("type") != "session":
        return None
    identifier = value.get("id")
    if not isinstance(identifier, str):
        return None
    return Header(identifier, normal_time(value.get("created_at")) or "")
