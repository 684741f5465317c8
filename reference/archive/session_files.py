"""Which files hold a session, by its id.

The names are one to one with the ids: see `durable.names`. What a name ends in says what the file
is, and no session's file ends as another's does, whatever the ids.
"""

import os
from dataclasses import dataclass

from tornwrite.reference import durable
from tornwrite.reference.durable.directory import TEMPORARY_SUFFIX

ACTIVE_SUFFIX = ".jsonl"
ARCHIVED_SUFFIX = ".jsonl.archived"
WHOLE_SUFFIX = ".jsonl.whole"
GONE_SUFFIX = ".jsonl.gone"
_SUFFIXES = (ACTIVE_SUFFIX, ARCHIVED_SUFFIX, WHOLE_SUFFIX)
LONGEST_SUFFIX = ARCHIVED_SUFFIX + TEMPORARY_SUFFIX


@dataclass(frozen=True, slots=True)
class SessionFiles:
    """The files of a session; none of them need exist.

    Attributes:
        directory: where they are.
        name: what their names begin with.
    """

    directory: str
    name: str

    @property
    def names(self) -> tuple[str, ...]:
        """Of all files that a session may have."""
        return tuple(self.name + suffix for suffix in (*_SUFFIXES, GONE_SUFFIX))

    @property
    def active_name(self) -> str:
        """Of the file with the messages saved since the session was last archived."""
        return self.name + ACTIVE_SUFFIX

    @property
    def archived_name(self) -> str:
        """Of the file with the messages put aside."""
        return self.name + ARCHIVED_SUFFIX

    @property
    def whole_name(self) -> str:
        """Of the file that takes the place of both while it is there."""
        return self.name + WHOLE_SUFFIX

    @property
    def active(self) -> str:
        return os.path.join(self.directory, self.active_name)

    @property
    def archived(self) -> str:
        return os.path.join(self.directory, self.archived_name)

    @property
    def whole(self) -> str:
        return os.path.join(self.directory, self.whole_name)

    @property
    def gone(self) -> str:
        """The file that says that there is no session whatever the others hold."""
        return os.path.join(self.directory, self.name + GONE_SUFFIX)

    @property
    def temporary(self) -> str:
        """Where the superseding file is written first."""
        return self.whole + TEMPORARY_SUFFIX


def files_of(directory: str, session_id: object) -> SessionFiles:
    """The files of an id.

    Raises:
        KeyRefused: it is no string, has no UTF-8 form, or its file names would be too long.
    """
    return SessionFiles(directory, durable.file_name_of(session_id, LONGEST_SUFFIX))


def is_leftover(name: str) -> bool:
    """Whether a file of that name is what a writer that was killed had not finished."""
    return name.endswith(tuple(suffix + TEMPORARY_SUFFIX for suffix in _SUFFIXES))
