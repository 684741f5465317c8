"""The checksum in a metadata file. A damaged digit of `skip` would hide messages, or show old ones.

It is of what the fields say, not of their bytes, so that another program may indent or escape the
file in another way. It says of which `updated_at` it is: where the file has another one, somebody
who keeps fields that he does not know has written the rest since, and nothing is known about it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

FIELD = "data_check"


@dataclass(frozen=True, slots=True)
class Check:
    """What the field says.

    Attributes:
        updated_at: that of the metadata that it is of.
        skip_bytes: at which byte of the data file the first line begins that is not gone.
        digits: the checksum, eight hexadecimal digits.
    """

    updated_at: str
    skip_bytes: int
    digits: str

    def is_right(self, facts: Sequence[object]) -> bool:
        """Whether the fields say what they did when it was written."""
        return self.digits == _digits(facts, self.skip_bytes)


def encode_check(updated_at: str, skip_bytes: int, facts: Sequence[object]) -> str:
    """The field's value as JSON text.

    Args:
        updated_at, skip_bytes: as `Check` has them.
        facts: what the other fields say: strings, integers and lists of strings.
    """
    fields = {
        "updated_at": updated_at,
        "skip_bytes": skip_bytes,
        "crc32": _digits(facts, skip_bytes),
    }
    return json.dumps(fields)


def decode_check(value: object) -> Check | None:
    """The field, parsed; None if it is not one that `encode_check` wrote."""
    match value:
        case {"updated_at": str(updated_at), "skip_bytes": int(skip_bytes), "crc32": str(digits)}:
            return Check(updated_at, skip_bytes, digits) if skip_bytes >= 0 else None
        case _:
            return None


def _digits(facts: Sequence[object], skip_bytes: int) -> str:
    # As ASCII, so that a lone surrogate, which only another program can have written, has a form.
    return f"{crc32(json.dumps([*facts, skip_bytes]).encode()):08x}"
