"""One session as found in the directory: which files count, and what they say.

A session is one history: the archived lines, then those saved since. A superseding file takes the
place of both (`superseding`). A file without a whole line is a first save that never happened.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tornwrite.reference import durable
from tornwrite.reference.archive.session_files import SessionFiles
from tornwrite.reference.durable.damage import Damage, DamageKind
from tornwrite.reference.durable.json_lines import Message
from tornwrite.reference.durable.lines import Lines, read_lines, split_lines

_HEAD_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Part:
    """A file that counts: its name and its lines."""

    file: str
    lines: Lines


@dataclass(frozen=True, slots=True)
class Session:
    """A session's files under its lock.

    Attributes:
        parts: the files that count, oldest lines first.
        is_active: whether there are messages that are not archived.
        unusable: name of a superseding file that holds nothing, and so does not count.
    """

    parts: tuple[Part, ...]
    is_active: bool
    unusable: str | None = None

    @property
    def exists(self) -> bool:
        return any(part.lines.lines for part in self.parts)

    def messages(self) -> list[Message]:
        """The messages, oldest first; damaged lines are passed by."""
        found = (message for part in self.parts for _, message in part.lines.messages())
        return [message for message in found if message is not None]

    def is_whole(self, messages: Sequence[Message]) -> bool:
        """Whether nothing is wrong with the files, if those are all their messages."""
        lines = [part.lines for part in self.parts]
        is_torn = any(one.tail for one in lines) or self.unusable is not None
        return not is_torn and len(messages) == sum(len(one.lines) for one in lines)

    def damage(self) -> Iterator[Damage]:
        """What is wrong with the files."""
        if self.unusable is not None:
            detail = "takes no file's place: it holds no whole line"
            yield Damage(DamageKind.FILE, self.unusable, None, detail)
        for part in self.parts:
            yield from part.lines.damage(part.file)


def read_session(files: SessionFiles) -> Session:
    """Read a session's files. Call it under the session's lock.

    Raises:
        OSError: the system refused.
    """
    if is_there(files.gone):
        return Session((), is_active=False)
    whole = read_whole(files)
    if whole is not None and supersedes(whole):
        return Session((Part(files.whole_name, split_lines(whole)),), is_active=False)
    archived = Part(files.archived_name, read_lines(files.archived))
    active = Part(files.active_name, read_lines(files.active))
    unusable = None if whole is None else files.whole_name
    return Session((archived, active), bool(active.lines.lines), unusable)


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
    return bool(split_lines(whole).lines)


def is_active(files: SessionFiles) -> bool:
    """Whether a session has messages that are not archived, without reading all of them.

    Raises:
        OSError: the system refused.
    """
    hidden = is_there(files.gone) or holds_a_line(files.whole)
    return not hidden and holds_a_line(files.active)


def exists(files: SessionFiles) -> bool:
    """Whether there is a session, active or archived, without reading all of it.

    Raises:
        OSError: the system refused.
    """
    paths = (files.whole, files.active, files.archived)
    return not is_there(files.gone) and any(map(holds_a_line, paths))


def is_there(path: str) -> bool:
    """Whether there is a file of that name.

    Raises:
        OSError: the system refused to tell.
    """
    return durable.mode_of(path) is not None


def holds_a_line(path: str) -> bool:
    """Whether a file has a line that counts; a missing one has none.

    Raises:
        OSError: the system refused.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        head = os.pread(descriptor, _HEAD_BYTES, 0)
        if split_lines(head[: head.rfind(b"\n") + 1]).lines:
            return True
        return bool(split_lines(durable.read_descriptor(descriptor)).lines)
    finally:
        os.close(descriptor)
