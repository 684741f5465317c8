"""What a session manager that stands in for the JSONL store has to show of it."""

import os

from tornwrite.reference.durable import files
from tornwrite.reference.durable.damage import Damage, DamageKind, log_damage
from tornwrite.reference.durable.errors import StoreError
from tornwrite.reference.durable.lines import Lines
from tornwrite.reference.jsonl.listing import session_names
from tornwrite.reference.jsonl.merging import SavedSession, saved_session
from tornwrite.reference.jsonl.metadata import LegacyFile, Missing, read_metadata
from tornwrite.reference.jsonl.names import SessionFiles
from tornwrite.reference.jsonl.session import Session, owner_of, session_of_nobody
from tornwrite.reference.jsonl.store import JSONLStore
from tornwrite.reference.manager.beside import Beside


def sessions_of(store: JSONLStore) -> tuple[Beside, list[Exception]]:
    """What the JSONL store holds, made durable, and what is wrong with it.

    What is said to be held must not be lost later. Another process may have been killed before it
    could sync what is to be seen here.

    Args:
        store: nobody migrates to it meanwhile.

    Raises:
        OSError: the system refused, and not for the sake of one file alone.
    """
    found = _Found(store)
    for name in session_names(store.directory):
        found.look_at(name)
    if found.sessions or found.nobodys:
        files.sync_directory(store.directory)
    beside = Beside(found.sessions, found.nobodys, found.unread_keys, found.unread_names)
    return beside, [*found.wrong, *(StoreError(str(one)) for one in beside.damage)]


class _Found:
    def __init__(self, store: JSONLStore) -> None:
        self.sessions: dict[str, SavedSession] = {}
        self.nobodys: dict[str, SavedSession] = {}
        self.unread_keys: dict[str, Damage] = {}
        self.unread_names: dict[str, Damage] = {}
        self.wrong: list[Exception] = []
        self._store = store

    def look_at(self, name: str) -> None:
        """Take up the session whose files' names begin with that."""
        paths = SessionFiles(self._store.directory, name)
        try:
            content = read_metadata(paths.metadata).content
        except OSError as error:
            self.unread_names[name] = _unread(paths.metadata, error)
            return
        key = owner_of(name, content)
        if key is not None and key not in self.sessions:
            try:
                self._take_owned(key)
            except OSError as error:
                self.unread_keys[key] = _unread(paths.data, error)
        elif key is None and not isinstance(content, LegacyFile) and _can_be_read(name):
            try:
                self._take_nobodys(name)
            except OSError as error:
                self.unread_names[name] = _unread(paths.data, error)

    def _take_owned(self, key: str) -> None:
        with self._store._sessions.session_to_read(key) as session:
            self.sessions[key] = self._saved(session, session.read_lines())

    def _take_nobodys(self, name: str) -> None:
        with self._store._sessions.reading(name):
            session = session_of_nobody(self._store.directory, name)
            lines = session.read_lines()
            if lines != Lines() or not isinstance(session.found.content, Missing):
                self.nobodys[name] = self._saved(session, lines)

    def _saved(self, session: Session, lines: Lines) -> SavedSession:
        if lines != Lines():
            files.sync_data(session.data)
        for damage in session.damage(lines):
            log_damage(damage)
            self.wrong.append(StoreError(str(damage)))
        return saved_session(session, lines)


def _unread(path: str, error: OSError) -> Damage:
    if not files.is_of_one_file(error):
        raise error
    file = os.path.basename(error.filename or path)
    return Damage(DamageKind.FILE, file, None, f"cannot be used: {error.strerror or error}")


def _can_be_read(name: str) -> bool:
    """Whether there is a key with that name."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
