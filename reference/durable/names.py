"""Safe file names for any key or id, and the names of what is kept beside a store's files.

Two ways to name a file after a text that somebody else chose:

- `file_name_of` and `id_of`: one to one and back again. A text that can be in a file name stays as
  it is; one that cannot is written as `%` and its percent-encoding (RFC 3986), so that `../x` stays
  in its directory. For stores that list their files by name, and find what was there before them.
- `hashed_name`: as much of a text as is readable, and a hash of all of it. For stores that note the
  text inside the file.
"""

import hashlib
import os
import re
from urllib.parse import quote_from_bytes, unquote_to_bytes

from tornwrite.reference.durable.errors import KeyRefused

LOCK_NAME = ".lock"
NAME_MAX_BYTES = 255  # NAME_MAX of every common Linux file system
DIGEST_DIGITS = 12

LOSSY = str.maketrans(":/\\", "___")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_ENCODED = "%"


def check_key(key: object, what: str = "session key") -> str:
    """The key, if it can name anything.

    Args:
        key: what the caller gave.
        what: what it is called in the error.

    Raises:
        KeyRefused: it is not a string, or not one that UTF-8 can hold.
    """
    if not isinstance(key, str):
        raise KeyRefused(f"a {what} is a string, not {type(key).__name__}")
    try:
        key.encode()
    except UnicodeEncodeError as error:
        raise KeyRefused(
            f"{what} {key!r} holds a lone surrogate at {error.start}: it has no UTF-8 form"
        ) from None
    return str(key)


def file_name_of(identifier: object, longest_suffix: str, what: str = "session id") -> str:
    """What the names of an id's files begin with: the id itself wherever a file name can hold it.

    Args:
        identifier: the id.
        longest_suffix: of all those that the store appends to it. There has to be one, for `.` and
            `..` are no files.
        what: what it is called in an error.

    Raises:
        KeyRefused: it is no string, has no UTF-8 form, or its file names would be too long.
    """
    checked = check_key(identifier, what)
    name = _encoded(checked) if _needs_encoding(checked) else checked
    room = NAME_MAX_BYTES - len(longest_suffix.encode())
    if len(name.encode()) > room:
        raise KeyRefused(
            f"{what} {checked[:40]!r}… is too long: as a file name it takes {len(name.encode())} "
            f"bytes of {room}; use a shorter one"
        )
    return name


def id_of(name: str) -> str | None:
    """The id whose files' names begin with this; None if it has no UTF-8 form and so is no id's.

    A name that looks encoded but is not how any id is encoded stands for itself.
    """
    try:
        name.encode()
    except UnicodeEncodeError:
        return None
    decoded = _decoded(name)
    return name if decoded is None else decoded


def _encoded(identifier: str) -> str:
    return _ENCODED + quote_from_bytes(identifier.encode(), safe="")


def _decoded(name: str) -> str | None:
    """The id that has this name because it could not stay as it is; None if none has."""
    if not name.startswith(_ENCODED):
        return None
    try:
        identifier = unquote_to_bytes(name[len(_ENCODED) :]).decode()
    except UnicodeDecodeError:
        return None
    is_its_name = name == _encoded(identifier) and _needs_encoding(identifier)
    return identifier if is_its_name else None


def _needs_encoding(identifier: str) -> bool:
    # Also what would be taken for the encoding of something else. Each decoding is shorter.
    return "/" in identifier or "\0" in identifier or _decoded(identifier) is not None


def hashed_name(key: str, longest_suffix_bytes: int) -> str:
    """A name that no other key has: as much of the key as fits, and 128 bits of a hash.

    Args:
        key: any that `check_key` lets pass.
        longest_suffix_bytes: of all suffixes that the store appends to it.
    """
    digest = hashlib.sha256(key.encode()).hexdigest()[:32]
    room = NAME_MAX_BYTES - longest_suffix_bytes - len("~") - len(digest)
    readable = CONTROL.sub("_", key.translate(LOSSY)).encode()[:room].decode(errors="ignore")
    return f"{readable}~{digest}"


def damaged_path(original: str, content: bytes) -> str:
    """Where damaged bytes of a file are kept aside: the same bytes, the same name."""
    suffix = ".damaged-" + hashlib.sha256(content).hexdigest()[:DIGEST_DIGITS]
    # Files of other programs may have names too long for this suffix.
    stem = os.path.basename(original).encode()[: NAME_MAX_BYTES - len(suffix)]
    return os.path.join(os.path.dirname(original), stem.decode(errors="ignore") + suffix)


def unfinished_path(damaged: str) -> str:
    """Where a file of damaged bytes is written anew, before it takes the place of the one there."""
    digest = damaged.rpartition("-")[2]
    return os.path.join(os.path.dirname(damaged), f".damaged-{digest}.tmp")


def is_unfinished(name: str) -> bool:
    """Whether a file of that name is one that was not renamed to where it belongs."""
    return _UNFINISHED.fullmatch(name) is not None


_UNFINISHED = re.compile(r"\.damaged-[0-9a-f]+\.tmp")


def printable(name: str) -> str:
    """A file name as text that any log can hold: bytes that are no UTF-8 as escapes."""
    return name.encode("utf-8", "backslashreplace").decode()
