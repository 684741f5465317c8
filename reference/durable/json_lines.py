"""Messages as lines: what can be stored exactly, how it is written, what a line may hold."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from tornwrite.reference.durable import raw_json, sealing
from tornwrite.reference.durable.errors import MessageRefused, SummaryRefused

Message = dict[str, Any]

# By itself orjson writes dates, dataclasses and subclasses as something else than they are.
_EXACT = (
    orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_SUBCLASS
)


def encode_line(message: Mapping[str, Any]) -> bytes:
    """A message as one sealed line with its newline: see `sealing`.

    Args:
        message: as for `encode_plain_line`.

    Raises:
        MessageRefused: reading the line would not give back an equal message.
    """
    return sealing.seal(_encoded(message)) + b"\n"


def encode_plain_line(message: Mapping[str, Any]) -> bytes:
    """The same without a seal: fields in their order, UTF-8, no escapes but JSON's.

    Args:
        message: string keys; values of None, bool, int (64 bits), finite float, str, list, dict.

    Raises:
        MessageRefused: reading the line would not give back an equal message.
    """
    return _encoded(message) + b"\n"


def decode_line(line: bytes) -> Message | None:
    """The message on a line (without its newline); None if the line is damaged or not a message.

    A message is a JSON object. Escapes of lone surrogates, which other programs write, are read. A
    seal is no part of the message.
    """
    text = sealing.unseal(line)
    if text is not None:
        return decode_plain_line(text)
    message = decode_plain_line(line)
    if message is None:
        return None
    if _says_sum(message):
        return _encoded_elsewhere(message)
    return None if sealing.has_seal(line) else message


def decode_plain_line(line: bytes) -> Message | None:
    """The same of a line without a seal: a member that looks like one is the message's own."""
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
    together = sealing.unseal_all(lines)
    if together is not None:
        try:
            messages: list[Message | None] = orjson.loads(together)
        except ValueError:
            pass  # one of another program's, imported and sealed
        else:
            return messages
    if sealing.none_sealed(lines):
        try:
            values = list(map(orjson.loads, lines))
        except ValueError:
            pass  # damaged, or of another program
        else:
            return [value if isinstance(value, dict) else None for value in values]
    return list(map(decode_line, lines))


def plain_line(line: bytes) -> bytes:
    """A message's line without its seal; as it is if it has none. No newline in either."""
    text = sealing.unseal(line)
    if text is None and (message := decode_line(line)) != decode_plain_line(line):
        text = orjson.dumps(message)
    return line if text is None else text


def sealed_line(plain: bytes) -> bytes:
    """A message's line with a seal, otherwise to the letter. Both have their newlines."""
    text = plain.strip(b" \t\r\n")
    return sealing.seal(text if text[1:-1].strip(b" \t\r") else b"{}") + b"\n"


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


def _encoded(message: Mapping[str, Any]) -> bytes:
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
    return line


def _says_sum(message: Message) -> bool:
    if next(reversed(message), None) != sealing.FIELD:
        return False
    digits = message[sealing.FIELD]
    return isinstance(digits, str) and re.fullmatch("[0-9a-fA-F]{8}", digits) is not None


def _encoded_elsewhere(message: Message) -> Message | None:
    """What another program wrote that kept the seal, and encoded the rest in its own way."""
    digits = message.pop(sealing.FIELD)
    try:
        is_right = digits.lower() == sealing.sum_of(orjson.dumps(message))
    except (TypeError, ValueError):
        return None
    return message if is_right else None


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
