"""Messages as lines: what can be stored exactly, how it is written, what a line may hold."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from tornwrite.reference.durable import raw_json
from tornwrite.reference.durable.errors import MessageRefused, SummaryRefused

Message = dict[str, Any]

# By itself orjson writes dates, dataclasses and subclasses as something else than they are.
_EXACT = (
    orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_SUBCLASS
)


def encode_line(message: Mapping[str, Any]) -> bytes:
    """A message as one line with its newline; fields in their order, UTF-8, no escapes but JSON's.

    Args:
        message: string keys; values of None, bool, int (64 bits), finite float, str, list, dict.

    Raises:
        MessageRefused: reading the line would not give back an equal message.
    """
    if not isinstance(message, Mapping):
        raise MessageRefused(f"a message is a mapping, not {type(message).__name__}")
    plain = dict(message)
    try:
        line = orjson.dumps(plain, option=_EXACT)
        exact = orjson.loads(line) == plain
    except (TypeError, ValueError) as error:  # orjson's errors are subclasses of these
        raise MessageRefused(f"the message cannot be stored as JSON: {error}") from error
    if not exact:
        raise MessageRefused(f"the message would not be read back as it is: {_inexact(plain)}")
    return line + b"\n"


def decode_line(line: bytes) -> Message | None:
    """The message on a line (without its newline), or None if the line is not a message.

    A message is a JSON object. Escapes of lone surrogates, which other programs write, are read.
    """
    try:
        value = orjson.loads(line)
    except ValueError:
        try:
            value = raw_json.parse(line)
        except ValueError:
            return None
    return value if isinstance(value, dict) else None


def decode_lines(lines: Sequence[bytes]) -> list[Message | None]:
    """The same for each of several lines, in less time."""
    try:
        values = list(map(orjson.loads, lines))
    except ValueError:
        return list(map(decode_line, lines))
    return [value if isinstance(value, dict) else None for value in values]


def check_summary(summary: object) -> str:
    """The summary, if it can be stored.

    Raises:
        SummaryRefused: it is not text that UTF-8 can hold.
    """
    if not isinstance(summary, str):
        raise SummaryRefused(f"a summary is a string, not {type(summary).__name__}")
    try:
        summary.encode()
    except UnicodeEncodeError as error:
        raise SummaryRefused(
            f"the summary holds a lone surrogate at {error.start}: it has no UTF-8 form"
        ) from None
    return str(summary)


def _inexact(value: object, place: str = "message") -> str:
    match value:
        case dict():
            parts = [(f"{place}[{name!r}]", part) for name, part in value.items()]
        case list():
            parts = [(f"{place}[{index}]", part) for index, part in enumerate(value)]
        case _:
            parts = []
    for name, part in parts:
        if orjson.loads(orjson.dumps(part, option=_EXACT)) != part:
            return _inexact(part, name)
    kind = type(value).__name__
    return f"{place} is {json.dumps(value)} ({kind})" if kind == "float" else f"{place} is a {kind}"
