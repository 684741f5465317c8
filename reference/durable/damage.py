"""Damage: how it is told, and how damaged bytes are kept aside before a rewrite would remove them.

They go to a file beside the one they come from, `FILE.damaged-<hash>`. The name follows from the
bytes, so keeping them again, after a crash, makes no second copy.
"""

import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from tornwrite.reference.durable import files
from tornwrite.reference.durable.names import damaged_path, printable, unfinished_path

_logger = logging.getLogger(__name__)


class DamageKind(StrEnum):
    """What is wrong with a file of a store."""

    LINE = "line"  # a whole line that is not a message
    TORN_TAIL = "torn tail"  # bytes after the last whole line: a write that a crash cut off
    METADATA = "metadata"  # a metadata file that cannot be understood
    SKIP = "skip"  # more lines skipped than there are
    HEADER = "header"  # a first line that is not the header that belongs there
    MISSING = "missing"  # lines that were there and are not any more
    FILE = "file"  # a whole file that cannot be read or understood


@dataclass(frozen=True, slots=True)
class Damage:
    """One thing wrong with a store's files. Reading goes on around it.

    Attributes:
        kind: what is wrong.
        file: name of the file in the store's directory.
        line: number of the line from 1, empty lines not counted; None for damage of no one line.
        detail: for people.
    """

    kind: DamageKind
    file: str
    line: int | None
    detail: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}, line {self.line}"
        return f"{where}: {self.detail}"


def log_damage(damage: Damage) -> None:
    """Tell the operator, in one line, what is wrong with which file."""
    _logger.warning("%s", printable(str(damage)))


def keep_aside(original: str, contents: Iterable[bytes], *, sync: bool = True) -> bool:
    """Keep bytes of a file in files of their own, durably.

    Args:
        original: path of the file they come from; its permission bits are taken.
        contents: the bytes, a file each. Nothing but NULs is nothing to keep: that is how a size
            looks whose data did not reach the disk.
        sync: make the names durable here; without, the caller has to, before the original goes.

    Returns:
        Whether there was anything to keep.

    Raises:
        OSError: the system refused; the original is untouched.
    """
    kept = False
    for content in contents:
        if content.strip(b"\0"):
            _write(damaged_path(original, content), content, files.mode_of(original))
            kept = True
    if kept and sync:
        files.sync_directory(os.path.dirname(original))
    return kept


def _write(path: str, content: bytes, mode: int | None) -> None:
    if not os.path.lexists(path):
        files.write_new_file(path, content, mode=mode, fresh=False)
        return
    # Kept before, and perhaps relied on; or only begun, by a process that was killed, or whose sync
    # failed: then no sync of it can be trusted any more.
    unfinished = unfinished_path(path)
    files.write_new_file(unfinished, content, mode=mode, fresh=False)
    os.rename(unfinished, path)
