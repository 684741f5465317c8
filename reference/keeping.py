"""Damaged bytes are kept aside before they are removed: `NAME.jsonl.damaged-<hash>` and the like.

The name follows from the bytes, so keeping them again, after a crash, makes no second copy.
"""

import contextlib
import os
from collections.abc import Iterable

from tornwrite.reference import durable, names
from tornwrite.reference.names import SessionFiles


def keep_aside(
    files: SessionFiles, original: str, contents: Iterable[bytes], *, sync: bool = True
) -> bool:
    """Keep bytes of a file in files of their own, durably.

    Args:
        files: the session's.
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
            _write_once(files.damaged(original, content), content, durable.mode_of(original))
            kept = True
    if kept and sync:
        durable.sync_directory(files.directory)
    return kept


def keep_generations(files: SessionFiles) -> None:
    """Keep every generation file aside: without metadata nobody knows which one was current."""
    kept = False
    with os.scandir(files.directory) as entries:
        found = sorted(entry.name for entry in entries)
    for name in found:
        generation = names.parse_generation(name)
        if generation is not None and generation[0] == files.name:
            path = os.path.join(files.directory, name)
            os.rename(path, files.damaged(files.data, durable.read_file(path)))
            kept = True
    if kept:
        durable.sync_directory(files.directory)


def _write_once(path: str, content: bytes, mode: int | None) -> None:
    with contextlib.suppress(FileNotFoundError):
        if durable.read_file(path) == content:
            # Kept before, but perhaps by a process that was killed before its sync.
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            return
    durable.write_new_file(path, content, mode=mode, fresh=False)
