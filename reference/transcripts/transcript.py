"""One transcript, as the store hands it out."""

from collections.abc import Mapping
from typing import Any

from tornwrite.reference.durable.damage import log_damage
from tornwrite.reference.durable.errors import SessionNotFound
from tornwrite.reference.durable.json_lines import Message, encode_line
from tornwrite.reference.transcripts.contents import UNTITLED, Contents, title_in
from tornwrite.reference.transcripts.directory import TranscriptDirectory
from tornwrite.reference.transcripts.names import data_file


class Transcript:
    """A handle on one transcript. It holds no messages: what it shows is what is on disk.

    Every method may raise, having changed nothing that a reader can see:

    - `SessionNotFound`: the transcript was deleted, be it that another of its id was made since;
    - `StoreClosed`: the store was closed;
    - `OSError`: the system refused. `ChangeNotUndone` is the one that says what did change.

    Args:
        directory: where it is.
        identifier: its id.
        created_at: when it was created, as its file says.
    """

    __slots__ = ("_created_at", "_directory", "_file", "_id")

    def __init__(self, directory: TranscriptDirectory, identifier: str, created_at: str) -> None:
        self._directory = directory
        self._id = identifier
        self._file = data_file(identifier)
        self._created_at = created_at

    def __repr__(self) -> str:
        return f"<Transcript {self._id!r} of {self._created_at or 'unknown date'}>"

    @property
    def id(self) -> str:
        """The transcript's id."""
        return self._id

    @property
    def created_at(self) -> str:
        """RFC 3339 in UTC with nanoseconds; empty if the file does not say."""
        return self._created_at

    def append(self, message: Mapping[str, Any]) -> None:
        """Append a message durably, in steady state with one data sync.

        Args:
            message: any JSON object, of any size.

        Raises:
            MessageRefused: it could not be read back exactly.
            TooManySuspects: too many syncs failed to go on writing.
        """
        line = encode_line(message)
        with self._directory.writing(self._file, (self._file,)) as shard:
            self._check_same(self._directory.created_at(self._file, self._id))
            self._directory.lines.append(shard, self._file, line)

    def get_messages(self) -> list[Message]:
        """The messages, oldest first. Damage is logged and passed by."""
        contents = self._contents()
        for damage in contents.damage:
            log_damage(damage)
        return list(contents.messages)

    def title(self) -> str:
        """What the user says first, cut after 60 characters; "New Session..." before that."""
        return title_in(self._contents().messages) or UNTITLED

    def _contents(self) -> Contents:
        with self._directory.reading(self._file, (self._file,)):
            contents = self._directory.contents(self._file, self._id)
        self._check_same(contents.created_at)
        return contents

    def _check_same(self, created_at: str) -> None:
        # A file whose header was damaged meanwhile cannot say; it gets the benefit of the doubt.
        if created_at and self._created_at and created_at != self._created_at:
            raise SessionNotFound(
                f"transcript {self._id!r} of {self._created_at} was deleted; there is another of "
                f"its id, of {created_at}: get it from the store"
            )
