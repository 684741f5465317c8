"""From session keys to file names, and the names of a session's files.

The original program's name for a session is its key with `:`, `/` and `\\` replaced by `_`. That
is lossy: `a:b` and `a_b` share it. So a name belongs to the key in its metadata file, and a key
that cannot have its lossy name gets one with a hash of the key, which nobody shares.
"""

import re
from dataclasses import dataclass

from tornwrite.reference.durable import names
from tornwrite.reference.durable.names import CONTROL, DIGEST_DIGITS, NAME_MAX_BYTES

DATA_SUFFIX = ".jsonl"
METADATA_SUFFIX = ".meta.json"
TEMPORARY_SUFFIX = METADATA_SUFFIX + ".tmp"

LONGEST_SUFFIX_BYTES = len(METADATA_SUFFIX + ".damaged-") + DIGEST_DIGITS

# Ten digits at least: log rotation calls its files NAME.1, and those are not ours to remove.
_GENERATION = re.compile(r"(?P<name>.*)\.jsonl\.(?P<generation>[0-9]{10,})", re.DOTALL)
_HASHED = re.compile(r"~[0-9a-f]{32}\Z")


def lossy_name(key: str) -> str:
    """The original program's name for a key. Several keys may share it."""
    return key.replace(":", "_").replace("/", "_").replace("\\", "_")


def hashed_name(key: str) -> str:
    """A name that no other key has: as much of the lossy name as fits, and 128 bits of a hash."""
    return names.hashed_name(key, LONGEST_SUFFIX_BYTES)


def is_claimable(name: str) -> bool:
    """Whether a key may take this lossy name for a new session.

    Not so: an empty name, one with control characters, one too long for all of a session's files,
    and one that could be another key's hashed name.
    """
    return (
        0 < len(name.encode()) <= NAME_MAX_BYTES - LONGEST_SUFFIX_BYTES
        and not CONTROL.search(name)
        and not _HASHED.search(name)
    )


def can_exist(name: str) -> bool:
    """Whether a session of the original program can have this name at all.

    Args:
        name: of a key, or as a directory lists it: of any bytes.
    """
    size = len((name + METADATA_SUFFIX).encode(errors="surrogateescape"))
    return "\0" not in name and size <= NAME_MAX_BYTES


def parse_generation(file_name: str) -> tuple[str, int] | None:
    """The session name and number in the name of a generation file; None for other files."""
    match = _GENERATION.fullmatch(file_name)
    return (match["name"], int(match["generation"])) if match else None


@dataclass(frozen=True, slots=True)
class SessionFiles:
    """The paths of one session's files.

    Attributes:
        directory: where they are.
        name: what their names begin with.
    """

    directory: str
    name: str

    @property
    def data(self) -> str:
        """One message a line."""
        return f"{self.directory}/{self.name}{DATA_SUFFIX}"

    @property
    def metadata(self) -> str:
        return f"{self.directory}/{self.name}{METADATA_SUFFIX}"

    @property
    def temporary(self) -> str:
        """The next metadata file, before it is renamed over the current one."""
        return f"{self.directory}/{self.name}{TEMPORARY_SUFFIX}"

    def generation(self, generation: int) -> str:
        """The data file that a rewrite made, before it is renamed to `data`."""
        return f"{self.data}.{generation:010d}"
