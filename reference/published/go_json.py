"""JSON as Go's encoding/json reads it into structs and writes it. Never repaired: see the package.

Ported, because it decides what a file's reader sees or which bytes are on disk:

- `null` changes nothing, so a line `null` is an empty message and a `null` field is its zero value;
- a value of another kind than its field makes the whole text an error;
- names match without regard to case, the last of several wins, unknown ones are dropped;
- NaN, Infinity, control characters in strings and anything after the value are errors;
- each byte that is not UTF-8, and each half of a surrogate pair, is read as U+FFFD;
- an integer with a fraction, an exponent or more than 64 bits is an error;
- `<`, `>`, `&`, U+2028 and U+2029 are written as escapes, the rest as UTF-8; what can't be UTF-8
  is written as the escape `\\ufffd`.

Not ported: nesting is limited by the interpreter's stack instead of 10,000 levels, and when a name
comes twice the second value replaces the first where Go would merge objects and list elements.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn

from tornwrite.reference.published.errors import StoreError

Reader = Callable[[object], object]

_ESCAPED_BY_GO = {ord(mark): f"\\u{ord(mark):04x}" for mark in "<>&\u2028\u2029"}
_SURROGATE = re.compile("[\ud800-\udfff]")


class Members(list[tuple[str, object]]):
    """A JSON object before a struct has taken what it knows: its names and values, in order."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a Go struct: how it is read, its zero value, whether `omitempty` is set.

    For a pointer the zero value is None: `omitempty` keeps a pointer to an empty struct.
    """

    name: str
    read: Reader
    zero: Callable[[], object]
    omit_empty: bool = False


def loads(data: bytes) -> object:
    """Parse one JSON text. Objects come back as `Members`.

    Raises:
        StoreError: the text is not JSON.
    """
    # surrogateescape yields one mark for each bad byte, as Go does; "replace" would join some.
    text = _SURROGATE.sub("\ufffd", data.decode("utf-8", "surrogateescape"))
    try:
        value: object = json.loads(
            text, object_pairs_hook=Members, parse_int=_integer, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError) as error:
        raise StoreError(str(error)) from error
    return value


def dumps(value: object, *, indent: int | None = None) -> bytes:
    """Write dicts, lists, strings and integers as Go's Marshal (with indent: MarshalIndent)."""
    separators = (",", ":") if indent is None else (",", ": ")
    text = json.dumps(value, ensure_ascii=False, indent=indent, separators=separators)
    return _SURROGATE.sub(r"\\ufffd", text.translate(_ESCAPED_BY_GO)).encode()


def from_python(value: object) -> object:
    """Give a caller's dicts the shape that `loads` gives, so that one reader serves both."""
    match value:
        case Mapping():
            return Members((str(name), from_python(member)) for name, member in value.items())
        case list() | tuple():
            return [from_python(element) for element in value]
        case _:
            return value


def read_string(value: object) -> str:
    """A JSON value read into a string field. Raises StoreError for any other kind."""
    if not isinstance(value, str):
        raise StoreError(f"cannot read {_kind(value)} into a string")
    return _SURROGATE.sub("\ufffd", value)


def read_integer(value: object) -> int:
    """A JSON value read into an integer field. Raises StoreError for any other kind."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise StoreError(f"cannot read {_kind(value)} into an integer")
    return value


def list_reader(element: Reader, zero: Callable[[], object]) -> Reader:
    """A reader of lists; `zero` makes what a null among the elements becomes."""

    def read(value: object) -> list[object]:
        if not isinstance(value, list) or isinstance(value, Members):
            raise StoreError(f"cannot read {_kind(value)} into a list")
        return [zero() if member is None else element(member) for member in value]

    return read


def struct_reader(fields: tuple[Field, ...]) -> Callable[[object], dict[str, object]]:
    """A reader giving the known fields in the struct's order, without those Go would omit."""
    by_name = {field.name: field for field in fields}

    def read(value: object) -> dict[str, object]:
        if value is None:
            value = Members()
        if not isinstance(value, Members):
            raise StoreError(f"cannot read {_kind(value)} into an object")
        found: dict[str, object] = {}
        for name, member in value:
            field = by_name.get(_fold(name))
            if field is not None and member is not None:
                found[field.name] = field.read(member)
        whole = {field.name: found.get(field.name, field.zero()) for field in fields}
        return {
            field.name: whole[field.name]
            for field in fields
            if not (field.omit_empty and whole[field.name] == field.zero())
        }

    return read


def _fold(name: str) -> str:
    # lower() does not take the long s, which Go's simple folding equates with s.
    return name.lower().replace("\u017f", "s")


def _kind(value: object) -> str:
    match value:
        case Members():
            return "an object"
        case list():
            return "a list"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case _:
            return f"a {type(value).__name__}"


def _integer(text: str) -> int | float:
    # A float is refused wherever an integer is wanted, and int() may refuse very long digits.
    if len(text) <= 20 and -(2**63) <= int(text) < 2**63:
        return int(text)
    return float("inf")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
