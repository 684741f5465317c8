"""Notes in SQLite: in rollback mode and in WAL mode, each as it should be and a little weaker.

tornwrite gate sqlite_notes.py:rollback_extra --recorder strace
"""

import sqlite3

from hypothesis import strategies as st

from tornwrite import KeyValue, python_subject


class Notes:
    """Notes by title, in a table of an SQLite database in rollback mode, durable at each commit."""

    journal_mode = "DELETE"
    synchronous = "EXTRA"

    def __init__(self, directory: str) -> None:
        self.database = sqlite3.connect(f"{directory}/notes.db", isolation_level=None)
        # A page as large as a sector is written whole or not at all: far fewer images to judge.
        self.database.execute("PRAGMA page_size = 512")
        if self.journal_mode == "WAL":
            # One process needs no index of the log in shared memory, and no images of that.
            self.database.execute("PRAGMA locking_mode = EXCLUSIVE")
        self.database.execute(f"PRAGMA journal_mode = {self.journal_mode}")
        self.database.execute(f"PRAGMA synchronous = {self.synchronous}")
        self.database.execute("CREATE TABLE IF NOT EXISTS notes (title PRIMARY KEY, text)")

    def put(self, title: str, text: str) -> None:
        self.database.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (title, text))

    def delete(self, title: str) -> None:
        self.database.execute("DELETE FROM notes WHERE title = ?", (title,))

    def observe(self) -> dict[str, str]:
        return dict(self.database.execute("SELECT title, text FROM notes"))

    def close(self) -> None:
        self.database.close()


class RollbackFull(Notes):
    """The same with synchronous = FULL: nothing is synced after the journal is removed."""

    synchronous = "FULL"


class WalFull(Notes):
    """Notes in WAL mode: the log is synced at each commit."""

    journal_mode = "WAL"
    synchronous = "FULL"


class WalNormal(Notes):
    """Notes in WAL mode: the log is synced only before its content goes into the database."""

    journal_mode = "WAL"
    synchronous = "NORMAL"


TITLES = st.sampled_from(["a", "b", "c", "d"])
OPERATIONS = {
    "put": {"title": TITLES, "text": st.text("xyz", max_size=9)},
    "delete": {"title": TITLES},
}
DURABLE = KeyValue(key="title", value="text")
CONSISTENT = KeyValue(key="title", value="text", durable_after=())


def in_doubt(error: BaseException) -> bool:
    """Whether a commit may have happened although SQLite reports an error from it."""
    return isinstance(error, sqlite3.OperationalError)


rollback_extra = python_subject(Notes, DURABLE, OPERATIONS, not_undone=in_doubt)
rollback_full = python_subject(RollbackFull, DURABLE, OPERATIONS, not_undone=in_doubt)
wal_full = python_subject(WalFull, DURABLE, OPERATIONS, not_undone=in_doubt)
wal_normal = python_subject(WalNormal, DURABLE, OPERATIONS, not_undone=in_doubt)
wal_normal_declared = python_subject(WalNormal, CONSISTENT, OPERATIONS, not_undone=in_doubt)
