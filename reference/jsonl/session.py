"""One session as found in the directory: which files are its, and what they say."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tornwrite.reference.durable.damage import Damage, DamageKind
from tornwrite.reference.durable.errors import KeyRefused
from tornwrite.reference.durable.lines import Lines, read_lines
from tornwrite.reference.durable.sealing import has_seal
from tornwrite.reference.jsonl import names
from tornwrite.reference.jsonl.keeping import generation_files
from tornwrite.reference.jsonl.metadata import (
    Content,
    Damaged,
    Found,
    LegacyFile,
    Metadata,
    Missing,
    read_metadata,
)
from tornwrite.reference.jsonl.names import SessionFiles


@dataclass(frozen=True, slots=True)
class Session:
    """A session's files under its lock.

    Attributes:
        key: the key it was asked for with; not always yet the owner's.
        files: its paths.
        found: the metadata file.
        data: path of the data file that the metadata names. It may be missing.
    """

    key: str
    files: SessionFiles
    found: Found
    data: str

    @property
    def metadata(self) -> Metadata:
        """The metadata, with defaults for what is missing or damaged."""
        content = self.found.content
        return content if isinstance(content, Metadata) else Metadata(skip_bytes=0)

    @property
    def is_owned(self) -> bool:
        """Whether readable metadata says that the session is the key's."""
        content = self.found.content
        is_said = isinstance(content, Metadata) and content.key == self.key
        return is_said and _is_name_of(self.key, self.files.name)

    def read_lines(self) -> Lines:
        return read_lines(self.data, self.metadata.skip_bytes)

    def skip(self, lines: Lines) -> int:
        """Leading lines that are logically gone.

        Beyond the end, or in the middle of a line, is damage: then nothing is skipped, for what is
        readable may be shown again but must not be hidden.
        """
        if self.metadata.skip_bytes is not None:
            return lines.before or 0
        skip = self.metadata.skip
        return skip if skip <= len(lines.lines) else 0

    def skips_wrong(self, lines: Lines) -> bool:
        """Whether what is to be skipped is not there."""
        return self.metadata.skip > 0 and not self.skip(lines)

    def exists(self, lines: Lines) -> bool:
        return bool(lines.lines) or not isinstance(self.found.content, Missing)

    def damage(self, lines: Lines) -> Iterator[Damage]:
        """What is wrong with the files, logically removed lines aside."""
        file = os.path.basename(self.files.metadata)
        if isinstance(self.found.content, Damaged):
            yield Damage(DamageKind.METADATA, file, None, self.found.content.reason)
            for path in generation_files(self.files):
                detail = "may hold other messages of the session: its metadata cannot say"
                yield Damage(DamageKind.FILE, os.path.basename(path), None, detail)
        if isinstance(self.found.content, Missing) and any(map(has_seal, lines.lines)):
            detail = "missing: messages that were truncated are shown again, the summary is gone"
            yield Damage(DamageKind.METADATA, file, None, detail)
        yield from self._skip_damage(file, lines)
        yield from lines.damage(os.path.basename(self.data), self.skip(lines))

    def is_whole(self, lines: Lines) -> bool:
        """Whether nothing is wrong with the files. To say what is takes as long as to read."""
        if not lines.is_sound or lines.tail:
            return False
        content = self.found.content
        if isinstance(content, Metadata):
            is_checked = content.skip_bytes is not None
            is_short = is_checked and content.count > len(lines.lines)
            return content.skip == self.skip(lines) and not is_short
        return isinstance(content, Missing | LegacyFile) and not lines.lines

    def _skip_damage(self, file: str, lines: Lines) -> Iterator[Damage]:
        metadata, there, skip = self.metadata, len(lines.lines), self.skip(lines)
        if self.skips_wrong(lines):
            detail = f"skips {metadata.skip} lines of {there}: all are shown"
            yield Damage(DamageKind.SKIP, file, None, detail)
        elif skip != metadata.skip:
            detail = f"skips {metadata.skip} lines where {skip} are: something in them is damaged"
            yield Damage(DamageKind.SKIP, file, None, detail)
        if metadata.skip_bytes is not None and metadata.count > there:
            detail = f"{metadata.count} lines were written, {there} are there"
            yield Damage(DamageKind.MISSING, os.path.basename(self.data), None, detail)


def find_session(
    directory: str, key: str, is_taken: Callable[[SessionFiles], bool] = lambda files: False
) -> Session:
    """Find the files of a key, or where they will be. Call it under the lock of its lossy name.

    The lossy name is the key's if its metadata says so, or if nobody's does; otherwise the hashed
    name is.

    Args:
        directory: where they are.
        key: the session's.
        is_taken: whether files of these names are another name's, by another spelling.

    Raises:
        KeyRefused: other files have the only name left for the key.
        OSError: the system refused.
    """
    lossy = _look_at(directory, names.lossy_name(key), key)
    if lossy is not None and is_taken(lossy.files):
        lossy = None
    if lossy is not None and lossy.is_owned:
        return lossy
    hashed = _look_at(directory, names.hashed_name(key), key)
    assert hashed is not None  # hashed names are made to fit
    if hashed.is_owned or _is_abandoned(hashed):
        return hashed
    if lossy is not None and _is_free(lossy) and names.is_claimable(lossy.files.name):
        return lossy
    if not _is_free(hashed):
        raise KeyRefused(
            f"no file name is left for session key {key!r}: {hashed.files.metadata} is another's"
        )
    return hashed


def session_of_nobody(directory: str, name: str) -> Session:
    """The files of a name whose metadata gives them to no key, under the lock of that name.

    Raises:
        OSError: the system refused.
    """
    session = _look_at(directory, name, "")
    assert session is not None  # there are such files
    return session


def owner_of(name: str, content: Content) -> str | None:
    """The key that a metadata file gives its session to; None if none can be found there.

    A copied or renamed session still holds its old key, which no look-up would bring here. Where
    only the checksum is wrong the key is most likely right, and nobody else is to get the session.
    """
    if not isinstance(content, Metadata | Damaged) or content.key is None:
        return None
    try:
        content.key.encode()
    except UnicodeEncodeError:
        return None
    return content.key if _is_name_of(content.key, name) else None


def data_path(files: SessionFiles, content: Content) -> str:
    """The data file that the metadata names.

    A generation file that is not there has become the plain one: a rewrite renamed it. Where the
    metadata is damaged, and cannot say, the plain one is taken, or the last one that there is.
    """
    if isinstance(content, Damaged) and not _is_there(files.data):
        return (generation_files(files) or [files.data])[-1]
    if isinstance(content, Metadata) and content.generation:
        generation = files.generation(content.generation)
        if _is_there(generation):
            return generation
    return files.data


def _is_name_of(key: str, name: str) -> bool:
    return name == names.lossy_name(key) or name == names.hashed_name(key)


def _look_at(directory: str, name: str, key: str) -> Session | None:
    if not names.can_exist(name):
        return None
    files = SessionFiles(directory, name)
    try:
        found = read_metadata(files.metadata)
    except IsADirectoryError:
        if _is_there(files.data):
            raise
        found = Found(LegacyFile())  # not ours either
    return Session(key, files, found, data_path(files, found.content))


def _is_free(session: Session) -> bool:
    content = session.found.content
    owner = owner_of(session.files.name, content)
    if isinstance(content, Damaged) and owner == session.key:
        return True
    return not isinstance(content, LegacyFile) and owner is None


def _is_abandoned(hashed: Session) -> bool:
    # The hash tells whose it is even where the metadata does not.
    return isinstance(hashed.found.content, Damaged) or (
        isinstance(hashed.found.content, Missing) and _is_there(hashed.data)
    )


def _is_there(path: str) -> bool:
    try:
        os.lstat(path)
    except FileNotFoundError:
        return False
    return True
