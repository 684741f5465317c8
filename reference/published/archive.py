"""The archiving session store as published, step for step. Never repaired: see the package.

Each session is a file `ID.jsonl`, one message a line; archived, it is renamed to
`ID.jsonl.archived`. The original calls its class JSONLStore. Its message struct is not published
with it: here it is that of `messages`. Its locks let readers in together; this one lets in one
thread at a time.
"""

import os
import threading
from collections.abc import Mapping

from tornwrite.reference.published import files, go_files, messages
from tornwrite.reference.published.errors import StoreError
from tornwrite.reference.published.go_strings import trim_space
from tornwrite.reference.published.messages import Message

_ACTIVE = ".jsonl"
_ARCHIVED = ".archived"

Names = list[str]


class ArchivingStore:
    """Sessions in a directory, which is created when missing.

    Every method raises `OSError` when the system refuses and `StoreError` for a session that is not
    there or does not parse; files may have been changed by then. A session's id goes into the path
    as it is.

    Args:
        directory: where the files are.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self._directory = os.fspath(directory)
        self._lock = threading.Lock()
        os.makedirs(self._directory, mode=0o755, exist_ok=True)

    @property
    def storage_dir(self) -> str:
        """The directory, as it was given."""
        return self._directory

    def save(self, session_id: str, message: Mapping[str, object]) -> None:
        """Append a message to the session's active file, which is created when missing.

        Nothing is synced. An archived session gets a new, empty active file: from then on that is
        the session. Fields that the format does not know are dropped.
        """
        taken = messages.take(message)
        with self._lock:
            # The original opens the file before it encodes the message: what fails from here on
            # leaves a new session empty, which is to exist.
            files.append_whole(self._path(session_id), messages.encode_line(taken), create=True)

    def load(self, session_id: str) -> list[Message]:
        """The messages of the active file; only if there is none, those of the archived one.

        Raises:
            StoreError: there is neither (or the archived one cannot be read), or any line of the
                file is not a message.
            OSError: the active file cannot be read.
        """
        with self._lock:
            try:
                data = files.read_file(self._path(session_id))
            except FileNotFoundError:
                try:
                    data = files.read_file(self._archive_path(session_id))
                except OSError:
                    raise _not_found(session_id) from None
            return _parse(data)

    def list(self) -> Names:
        """The ids of all active sessions, in the order of their files' names."""
        with self._lock:
            # A directory of such a name counts as well.
            names = [entry.name for entry in go_files.read_directory(self._directory)]
            return [name.removesuffix(_ACTIVE) for name in names if name.endswith(_ACTIVE)]

    def exists(self, session_id: str) -> bool:
        """Whether there is a file of the session, active or archived, whatever is in it."""
        with self._lock:
            return _is_there(self._path(session_id)) or _is_there(self._archive_path(session_id))

    def archive(self, session_id: str) -> None:
        """Rename the active file, over an archived one if there is any. Nothing is synced.

        Raises:
            StoreError: there is no active file; so too for a session that is archived already.
        """
        with self._lock:
            try:
                os.rename(self._path(session_id), self._archive_path(session_id))
            except FileNotFoundError:
                raise _not_found(session_id) from None

    def delete(self, session_id: str) -> None:
        """Remove the active file, then the archived one; neither has to be there.

        Nothing is synced. When removing the active one fails the archived one is removed all the
        same, and of two errors the second is raised.
        """
        with self._lock:
            failed: OSError | None = None
            for path in (self._path(session_id), self._archive_path(session_id)):
                try:
                    go_files.remove(path)
                except FileNotFoundError:
                    pass
                except OSError as error:
                    failed = error
            if failed is not None:
                raise failed

    def close(self) -> None:
        """Nothing is held open. The original has no such method."""

    def _path(self, session_id: str) -> str:
        return go_files.join(self._directory, session_id + _ACTIVE)

    def _archive_path(self, session_id: str) -> str:
        return go_files.join(self._directory, session_id + _ACTIVE + _ARCHIVED)


def _parse(data: bytes) -> list[Message]:
    found: list[Message] = []
    for line in trim_space(data).split(b"\n"):
        trimmed = trim_space(line)
        if not trimmed:
            continue
        try:
            found.append(messages.decode_line(trimmed))
        except StoreError as error:
            raise StoreError(f"failed to unmarshal session message: {error}") from error
    return found


def _is_there(path: str) -> bool:
    try:
        os.stat(path)
    except FileNotFoundError:
        return False
    return True


def _not_found(session_id: str) -> StoreError:
    return StoreError(f'session "{session_id}" not found')
