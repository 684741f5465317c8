"""Functions that a recording made by hand runs in a process of their own."""

import multiprocessing
import sqlite3
from pathlib import Path


def insert(path: Path, number: int) -> None:
    """One more row in a database in rollback mode, made if it is not there."""
    with sqlite3.connect(path / "db") as database:
        database.execute("create table if not exists t (x)")
        database.execute("insert into t values (?)", (number,))
    database.close()


def rows(path: Path) -> list[int]:
    """The rows that are there."""
    database = sqlite3.connect(path / "db")
    try:
        return [number for (number,) in database.execute("select x from t")]
    finally:
        database.close()


def fail(path: Path) -> None:
    """Does something, then raises."""
    (path / "a").touch()
    raise LookupError(path.name)


def in_a_child(path: Path) -> None:
    """A forked child writes a file."""
    child = multiprocessing.get_context("fork").Process(
        target=(path / "a").write_text, args=("[1]",)
    )
    child.start()
    child.join()
