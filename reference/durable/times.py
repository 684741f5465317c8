"""RFC 3339 times with nanoseconds, as the metadata holds them."""

import re
from datetime import UTC, datetime

_SECOND_NS = 1_000_000_000
_RFC_3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def format_time(nanoseconds: int) -> str:
    """A time as RFC 3339 in UTC, always with nine digits of a second and Z.

    Args:
        nanoseconds: since 1970 UTC, not before year 1 or after 9999.
    """
    seconds, fraction = divmod(nanoseconds, _SECOND_NS)
    whole = datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
    return f"{whole.isoformat()}.{fraction:09d}Z"


def normal_time(text: object) -> str | None:
    """An RFC 3339 time of any offset and precision in the form of `format_time`; None if none."""
    match = _RFC_3339.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    day, time, fraction, offset = match.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{time}{offset.upper()}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return f"{moment.replace(tzinfo=None).isoformat()}.{fraction or '':0<9}Z"
