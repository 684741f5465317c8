"""The metadata of a session in the published JSONL store. Never repaired: see the package.

One deviation from Go: times are kept as the text they were read as, and new ones always have nine
digits, where Go drops trailing zeros. So the size of the file does not depend on the clock.
"""

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from tornwrite.reference.published import go_json
from tornwrite.reference.published.errors import StoreError
from tornwrite.reference.published.go_json import Field, read_integer, read_string

ZERO_TIME = "0001-01-01T00:00:00Z"

_RFC_3339 = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]+)?"
    r"(?:Z|[+-]([0-9]{2}):([0-9]{2}))"
)


@dataclass(slots=True)
class SessionMeta:
    """Key, summary, lines logically gone, lines believed to be in the file, RFC 3339 times."""

    key: str = ""
    summary: str = ""
    skip: int = 0
    count: int = 0
    created_at: str = ZERO_TIME
    updated_at: str = ZERO_TIME


def read_time(value: object) -> str:
    """A time as Go's UnmarshalJSON accepts it, unchanged. Raises StoreError."""
    text = read_string(value)
    found = _RFC_3339.fullmatch(text)
    if found is not None:
        year, month, day, hour, minute, second, zone_hour, zone_minute = (
            int(part or 0) for part in found.groups()
        )
        if (
            1 <= month <= 12
            and 1 <= day <= calendar.monthrange(year, month)[1]
            and max(hour, zone_hour) <= 23
            and max(minute, second, zone_minute) <= 59
        ):
            return text
    raise StoreError(f"cannot read {text!r} as an RFC 3339 time")


def time_field(name: str) -> Field:
    return Field(name, read_time, lambda: ZERO_TIME)


_read_meta = go_json.struct_reader(
    (
        Field("key", read_string, str),
        Field("summary", read_string, str),
        Field("skip", read_integer, int),
        Field("count", read_integer, int),
        time_field("created_at"),
        time_field("updated_at"),
    )
)


def decode_meta(data: bytes) -> SessionMeta:
    """Raises StoreError if the file is not such an object. Unknown fields are lost from here on."""
    return SessionMeta(**_read_meta(go_json.loads(data)))  # type: ignore[arg-type]  # read above


def encode_meta(meta: SessionMeta) -> bytes:
    """The bytes of a metadata file, as the original indents them."""
    fields = {name: getattr(meta, name) for name in SessionMeta.__slots__}
    return go_json.dumps(fields, indent=2)


def format_time(nanoseconds: int) -> str:
    """A clock's reading, in nanoseconds since 1970 UTC, as RFC 3339 with nine digits."""
    seconds, fraction = divmod(nanoseconds, 10**9)
    moment = datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
    return f"{moment.isoformat()}.{fraction:09d}Z"
