"""One session as found in the directory: which files count, and what they say.

A session is one history: the archived lines, then those saved since. A superseding file takes the
place of both (`superseding`). A file without a message is a first save that never happened: of one
of several pages a crash may leave the last ones alone, newline and all.
"""

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tornwrite.reference import durable
from tornwrite.reference.archive.piecing import pieced_together
from tornwrite.reference.archive.session_files import SessionFiles
from tornwrite.reference.durable.damage import Damage, DamageKind
from tornwrite.reference.durable.json_lines import Message
from tornwrite.reference.durable.lines import Lines, holds_line, read_lines, split_lines

_HEAD_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Part:
    """A file that counts: its name, its lines, and whether it is there and has no byte."""

    file: str
    lines: Lines
    is_empty: bool = False


@dataclass(frozen=True, slots=True)
class Session:
    """A session's files under its lock.

    Attributes:
        parts: the files that count, oldest lines first.
        is_active: whether there are messages that are not archived.
        unusable: what is wrong with superseding files that do not count, or not as they are.
    """

    parts: tuple[Part, ...]
    is_active: bool
    unusable: tuple[Damage, ...] = ()

    @property
    def exists(self) -> bool:
        return any(map(_holds_a_message, (part.lines for part in self.parts)))

    def messages(self) -> list[Message]:
        """The messages, oldest first; damaged lines are passed by."""
        return [message for part in self.parts for message in part.lines.history()]

    def is_whole(self) -> bool:
        """Whether nothing is wrong with the files. To say what is takes as long as to read."""
        lines = [part.lines for part in self.parts]
        is_sound = all(one.is_sound and not one.tail for one in lines)
        return is_sound and not self.unusable and not any(part.is_empty for part in self.parts)

    def damage(self) -> Iterator[Damage]:
        """What is wrong with the files."""
        yield from self.unusable
        for part in self.parts:
            if part.is_empty:
                detail = "is empty: the first save was cut off, or the file damaged"
                yield Damage(DamageKind.FILE, part.file, None, detail)
            yield from part.lines.damage(part.file)


def read_session(files: SessionFiles) -> Session:
    """Read a session's files. Call it under the session's lock.

    Raises:
        OSError: the system refused.
    """
    if is_gone(files):
        return Session((), is_active=False)
    whole = read_whole(files)
    if whole is not None and supersedes(whole):
        data = best_of(files, whole)
        part = Part(files.whole_name, split_lines(data))
        unusable = _strange_gone(files)
        if data != whole:
            detail = "is damaged or cut short: the files whose place it takes hold more"
            unusable = (*unusable, Damage(DamageKind.FILE, files.whole_name, None, detail))
        return Session((part,), is_active=False, unusable=unusable)
    archived = _part(files, files.archived_name)
    active = _part(files, files.active_name)
    unusable = _strange_gone(files)
    if whole is not None:
        detail = "takes no file's place: it holds no whole line"
        unusable = (*unusable, Damage(DamageKind.FILE, files.whole_name, None, detail))
    return Session((archived, active), _holds_a_message(active.lines), unusable)


def _part(files: SessionFiles, name: str) -> Part:
    try:
        data = durable.read_file(os.path.join(files.directory, name))
    except FileNotFoundError:
        return Part(name, Lines())
    return Part(name, split_lines(data), is_empty=not data)


def _strange_gone(files: SessionFiles) -> tuple[Damage, ...]:
    if not os.path.lexists(files.gone):
        return ()
    detail = "says nothing: it is not an empty file"
    return (Damage(DamageKind.FILE, os.path.basename(files.gone), None, detail),)


def _holds_a_message(lines: Lines) -> bool:
    return any(message is not None for message in lines.found)


def read_whole(files: SessionFiles) -> bytes | None:
    """The bytes of the superseding file; None if there is none.

    Raises:
        OSError: the system refused.
    """
    try:
        return durable.read_file(files.whole)
    except FileNotFoundError:
        return None


def supersedes(whole: bytes) -> bool:
    """Whether a superseding file with these bytes counts.

    One without a line does not: a device that does not honour flushes can leave any file empty.
    """
    return holds_line(whole)


def best_of(files: SessionFiles, whole: bytes) -> bytes:
    """What a superseding file held that was damaged since, as far as the others still have it.

    Args:
        files: of the session.
        whole: the bytes of the superseding file.

    Raises:
        OSError: the system refused.
    """
    return pieced_together(whole, read_lines(files.archived), read_lines(files.active))


def is_active(files: SessionFiles) -> bool:
    """Whether a session has messages that are not archived, without reading all of them.

    Raises:
        OSError: the system refused.
    """
    hidden = is_gone(files) or _holds(files.whole, holds_line)
    return not hidden and holds_a_message(files.active)


def exists(files: SessionFiles) -> bool:
    """Whether there is a session, active or archived, without reading all of it.

    Raises:
        OSError: the system refused.
    """
    if is_gone(files):
        return False
    if _holds(files.whole, holds_line):
        return read_session(files).exists
    return holds_a_message(files.active) or holds_a_message(files.archived)


def is_gone(files: SessionFiles) -> bool:
    """Whether a file says that there is no session, whatever the others hold.

    It is an empty file. What is anything else says nothing, and is left alone.

    Raises:
        OSError: the system refused to tell.
    """
    try:
        found = os.lstat(files.gone)
    except FileNotFoundError:
        return False
    return stat.S_ISREG(found.st_mode) and not found.st_size


def is_there(path: str) -> bool:
    """Whether there is a file of that name.

    Raises:
        OSError: the system refused to tell.
    """
    try:
        os.lstat(path)
    except FileNotFoundError:
        return False
    return True


def holds_a_message(path: str) -> bool:
    """Whether a file has a message; a missing one has none.

    Raises:
        OSError: the system refused.
    """
    return _holds(path, lambda data: _holds_a_message(split_lines(data)))


def _holds(path: str, what: Callable[[bytes], bool]) -> bool:
    try:
        descriptor = durable.open_to_read(path)
    except FileNotFoundError:
        return False
    try:
        head = os.pread(descriptor, _HEAD_BYTES, 0)
        return what(head[: head.rfind(b"\n") + 1]) or what(durable.read_descriptor(descriptor))
    except OSError as error:
        durable.name_file(error, path)
        raise
    finally:
        durable.close(descriptor)
