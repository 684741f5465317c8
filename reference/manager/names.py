"""What a session manager calls the file of a session.

The original program's name is the key with `:` replaced by `_`, which several keys can share, and
which for some keys would lead out of the directory. So a file belongs to the key that is inside it,
and a key that cannot have its plain name gets one with a hash of the key, as in the JSONL store.
"""

import re

from tornwrite.reference.jsonl.legacy import LEGACY_SUFFIX
from tornwrite.reference.jsonl.names import METADATA_SUFFIX, hashed_name, is_claimable

TEMPORARY_SUFFIX = ".json.tmp"
_LEFTOVER = re.compile(r"~[0-9a-f]{32}\.json\.tmp\Z")


def plain_name(key: str) -> str:
    """The original program's name for a key. Several keys may share it; it may be no file name."""
    return key.replace(":", "_")


def file_names(key: str) -> tuple[str, ...]:
    """The names that a key's file may have, the preferred one first.

    The plain name is among them if it is harmless. It is not if it would be that of the JSONL
    store's metadata: that is another session's.
    """
    plain = plain_name(key)
    hashed = hashed_name(key) + LEGACY_SUFFIX
    is_harmless = (
        is_claimable(plain)
        and not {"/", "\\"} & set(plain)
        and not (plain + LEGACY_SUFFIX).endswith(METADATA_SUFFIX)
    )
    return (plain + LEGACY_SUFFIX, hashed) if is_harmless else (hashed,)


def temporary_name(key: str) -> str:
    """Where a key's file is written before it is renamed into place."""
    return hashed_name(key) + TEMPORARY_SUFFIX


def is_leftover(name: str) -> bool:
    """Whether a file is what a save that was killed had not finished."""
    return bool(_LEFTOVER.search(name))
