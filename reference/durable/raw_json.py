"""Where the parts of a JSON text are, so that what is not understood can be kept as it was found.

Parsing a number and writing it again can change it (1e400, a 30-digit integer); so can an escaped
lone surrogate. Copying the text cannot.
"""

import json
import re
from dataclasses import dataclass
from typing import NoReturn

_SPACE = re.compile(r"[ \t\r\n]*")
_STRING_OR_SPACE = re.compile(rb'("(?:[^"\\]|\\.)*")|[ \t\r\n]+')


@dataclass(frozen=True, slots=True)
class Part:
    """One value inside a JSON text.

    Attributes:
        name: its member name in an object; empty in an array.
        text: the value as it stands in the text.
        value: the value parsed.
    """

    name: str
    text: str
    value: object


def parse(data: bytes) -> object:
    """A JSON value, more patient than orjson: escaped lone surrogates and big integers are kept.

    Raises:
        ValueError: it is not JSON in UTF-8, or is nested too deeply. NaN and Infinity are no JSON.
    """
    try:
        return json.loads(data.decode(), parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def object_parts(data: bytes) -> list[Part]:
    """The members of a JSON object, in their order; of several of one name, the last.

    Raises:
        ValueError: it is not a JSON object in UTF-8, or is nested too deeply.
    """
    return list({part.name: part for part in _parts(data, "{", "}")}.values())


def array_parts(data: bytes) -> list[Part]:
    """The elements of a JSON array, in their order.

    Raises:
        ValueError: it is not a JSON array in UTF-8, or is nested too deeply.
    """
    return _parts(data, "[", "]")


def minified(text: str) -> bytes:
    """A valid JSON text without the space between its tokens, otherwise untouched, in UTF-8."""
    return _STRING_OR_SPACE.sub(lambda match: match[1] or b"", text.encode())


def _parts(data: bytes, opening: str, closing: str) -> list[Part]:
    text = data.decode()
    parse(data)  # the scan below relies on the text being valid
    decoder = json.JSONDecoder(parse_constant=_refuse_constant)
    at = _skip_space(text, 0)
    if text[at] != opening:
        raise ValueError(f"a JSON value that begins with {text[at]!r} where {opening!r} belongs")
    at = _skip_space(text, at + 1)
    parts: list[Part] = []
    while text[at] != closing:
        name = ""
        if opening == "{":
            name, at = decoder.raw_decode(text, at)
            at = _skip_space(text, _skip_space(text, at) + 1)  # the colon
        value, end = decoder.raw_decode(text, at)
        parts.append(Part(name, text[at:end], value))
        at = _skip_space(text, end)
        if text[at] == ",":
            at = _skip_space(text, at + 1)
    return parts


def _skip_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
