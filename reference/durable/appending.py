"""How a line is appended so that it survives: in the usual case one write and one data sync.

Usable on its own::

    append_line("journal.jsonl", b'{"event":"started"}\\n')

The rules, and where they come from:

- *A file that is not empty has a durable name.* `fdatasync` makes the data of a file durable, not
  its name (fsync(2)), so the directory is synced before the first line is written. Whoever cannot
  know that this was done, because another process wrote or replaced the file, does it again.
- *A torn tail is never appended to.* What a crash cut off would swallow the new line. The file is
  rewritten without it, beside itself, and renamed into place. Cutting the tail off in place would
  leave a moment in which the disk may hold sectors of the torn bytes and of what is appended next,
  together a line that nobody wrote.
- *After a failed sync nothing is trusted.* The kernel may have marked the pages clean without
  having written them (Rebello et al., "Can Applications Recover from fsync Failures?", ATC 2020).
  The line is taken back, and the caller is told to rewrite the file before the next one.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace

from tornwrite.reference.durable import files
from tornwrite.reference.durable.damage import keep_aside
from tornwrite.reference.durable.errors import ChangeNotUndone, as_os_error
from tornwrite.reference.durable.lines import split_lines


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file open for appending: its size in bytes before, and whether opening it made it."""

    path: str
    descriptor: int
    size: int
    created: bool


@dataclass(frozen=True, slots=True)
class Settled:
    """How a file looked when its name was known to be durable.

    As long as it looks so, nobody else has changed or replaced it.

    Attributes:
        inode, size_bytes, modified_ns: as stat(2) gives them.
    """

    inode: int
    size_bytes: int
    modified_ns: int


def look_of(path_or_descriptor: str | int) -> Settled:
    """How a file looks now.

    Raises:
        OSError: it is missing or cannot be looked at.
    """
    found = os.stat(path_or_descriptor)
    return Settled(found.st_ino, found.st_size, found.st_mtime_ns)


def open_to_append(path: str, *, make: bool = True) -> OpenFile:
    """Open a file for appending and reading.

    Args:
        path: the file.
        make: make it when missing.

    Raises:
        OSError: the system refused. FileNotFoundError: it is missing, and not to be made.
    """
    flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    created = False
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        if not make:
            raise
        descriptor = os.open(path, flags | os.O_CREAT, files.FILE_MODE)
        created = True
    try:
        return OpenFile(path, descriptor, os.fstat(descriptor).st_size, created)
    except BaseException:
        files.close(descriptor)
        raise


def ends_whole(file: OpenFile) -> bool:
    """Whether a line may be appended: the file is empty or ends in a newline.

    Raises:
        OSError: the system refused.
    """
    return not file.size or os.pread(file.descriptor, 1, file.size - 1) == b"\n"


def append_and_sync(file: OpenFile, data: bytes, suspect: Callable[[], None]) -> None:
    """Append to a file whose end is whole and whose name is durable, in one write and one sync.

    Args:
        file: as `open_to_append` gave it; nobody else may append meanwhile.
        data: whole lines.
        suspect: called when a sync failed or the file could not be put back. Before anything else
            is written to it, the file has to be rewritten.

    Raises:
        OSError: no reader sees the data, or (`ChangeNotUndone`) what readers may see.
    """
    try:
        files.write_all(file.descriptor, data)
    except BaseException as error:
        files.name_file(error, file.path)
        _take_back(file, error, suspect)
        try:
            # The shorter size first, so that no sector of what was taken back can come up again
            # among what is appended next.
            os.fdatasync(file.descriptor)
        except OSError:
            suspect()
        raise
    try:
        os.fdatasync(file.descriptor)
    except BaseException as error:
        files.name_file(error, file.path)
        suspect()
        _take_back(file, error, suspect)
        raise


def _take_back(file: OpenFile, error: BaseException, suspect: Callable[[], None]) -> None:
    try:
        os.ftruncate(file.descriptor, file.size)
    except OSError as second:
        suspect()
        visible = "readers may see the line, or its beginning as a torn tail"
        raise ChangeNotUndone(as_os_error(error), file.path, visible) from second


def append_line(
    path: str,
    line: bytes,
    *,
    settled: Settled | None = None,
    suspect: Callable[[], None] = lambda: None,
    temporary: str | None = None,
) -> Settled:
    """Append a line durably to a file of lines; make the file when missing.

    One writer at a time. It costs one data sync, and a sync of the directory when the file does not
    look as it did when its name was last known to be durable.

    Args:
        path: the file.
        line: with its newline, and no other.
        settled: what the last call for this file returned; None if there was none, or another
            process may have replaced the file since.
        suspect: called when a sync failed. Call `rewrite_lines` before the next `append_line`.
        temporary: where a torn file is rewritten, beside it; `path` + ".tmp" by default.

    Returns:
        How the file looks now, durably.

    Raises:
        OSError: no reader sees the line, or (`ChangeNotUndone`) what readers may see.
    """
    file = open_to_append(path)
    created = file.created
    try:
        if not ends_whole(file):
            files.close(file.descriptor)
            file = replace(file, descriptor=-1)
            settled = rewrite_lines(path, suspect=suspect, temporary=temporary)
            file = replace(open_to_append(path), created=created)
        if settled is None or look_of(file.descriptor) != settled:
            try:
                files.sync_directory(os.path.dirname(path) or os.curdir)
            except BaseException:
                suspect()
                raise
        append_and_sync(file, line, suspect)
        return look_of(file.descriptor)
    except BaseException:
        if created:
            files.remove_if_there(path)
        raise
    finally:
        if file.descriptor >= 0:
            files.close(file.descriptor)


def rewrite_lines(
    path: str, *, suspect: Callable[[], None] = lambda: None, temporary: str | None = None
) -> Settled:
    """Rewrite a file of lines as it is, its last line whole and terminated; keep a torn tail aside.

    Args:
        path, suspect, temporary: as for `append_line`.

    Returns:
        How the file looks now, durably.

    Raises:
        OSError: nothing changed for a reader.
    """
    lines = split_lines(files.read_file(path))
    keep_aside(path, [lines.tail])
    data = lines.whole if lines.terminated else lines.whole + b"\n"
    files.replace_file(path, data, temporary=temporary or path + ".tmp")
    try:
        files.sync_directory(os.path.dirname(path) or os.curdir)
    except BaseException:
        suspect()
        raise
    return look_of(path)
