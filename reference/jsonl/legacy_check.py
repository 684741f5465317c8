"""The checksum in a session file as a session manager writes it: a field of its own, at the end.

It is of what the file says, not of its bytes: another program may indent, escape or order it in
another way. It names the `updated` that it is of: where the file has another one, somebody who
keeps fields that he does not know has changed the session since, and nothing is known about it.
"""

import json
from collections.abc import Iterable
from zlib import crc32

import orjson

from tornwrite.reference.durable.times import normal_time

FIELD = "data_check"


def check_of(updated: str, others: object, lines: Iterable[bytes]) -> dict[str, str]:
    """The field's value.

    Args:
        updated: the session's.
        others: what the other fields say, messages aside: anything that is JSON.
        lines: the messages, a JSON text each.
    """
    found = crc32(json.dumps([updated, others], sort_keys=True).encode())
    for line in lines:
        found = crc32(_canonical(line), found)
    return {"updated": updated, "crc32": f"{found:08x}"}


def is_right(value: object, updated: object, others: object, lines: Iterable[bytes]) -> bool:
    """Whether the session is what its checksum is of, as far as it has one of its own.

    Args:
        value: the field, parsed; None if there is none.
        updated, others, lines: as for `check_of`.
    """
    match value:
        case {"updated": str(of), "crc32": str()}:
            if of != updated and normal_time(updated):
                return True
            return value == check_of(of, others, lines) and of == updated
        case _:
            return True


def _canonical(text: bytes) -> bytes:
    """The same bytes for whatever is parsed to the same value."""
    try:
        return orjson.dumps(orjson.loads(text), option=orjson.OPT_SORT_KEYS)
    except ValueError:  # an escaped lone surrogate, or a number out of range
        return json.dumps(json.loads(text), sort_keys=True).encode()
