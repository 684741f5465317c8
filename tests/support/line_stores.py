"""Stores of lines in one file that several use at once, and what some of them leave out.

`Careful` is right for threads, `Sharing` for processes too.
"""

import contextlib
import fcntl
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from support.line_log import Lines, PlainModel
from tornwrite.model.operation import Observation, Operation
from tornwrite.scenarios.subject import Driver, Subject

READ = Operation("read")


class LinesModel(PlainModel):
    """Reading returns all lines. Lines are only added."""

    def answer(self, state: Lines, operation: Operation) -> Any:
        return list(state) if operation.name == "read" else None

    def may_become(self, state: Lines, seen: Observation, left: Sequence[Operation]) -> bool:
        return tuple(seen["lines"][: len(state)]) == state


class Careful:
    """Reads the lines, writes them and the new one beside, syncs, renames; one at a time."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._file = os.path.join(root, "lines")
        self._lock: Any = threading.Lock()
        with contextlib.suppress(FileNotFoundError), self._kept_out():
            os.unlink(self._file + ".tmp")

    def apply(self, operation: Operation) -> Any:
        return self.lines() if operation.name == "read" else self.add(**operation.arguments)

    def add(self, line: str) -> None:
        with self._lock, self._kept_out():
            self._replace([*self._read(), line])

    def lines(self) -> list[str]:
        with self._lock, self._kept_out():
            return self._read()

    def _kept_out(self) -> "contextlib.AbstractContextManager[Any]":
        """What keeps other processes out meanwhile."""
        return contextlib.nullcontext()

    def _read(self) -> list[str]:
        try:
            with open(self._file, encoding="ascii") as file:
                return file.read().splitlines()
        except FileNotFoundError:
            return []

    def _replace(self, lines: Sequence[str]) -> None:
        with open(self._file + ".tmp", "w", encoding="ascii") as file:
            file.writelines(f"{line}\n" for line in lines)
            file.flush()
            self._sync(file.fileno())
        os.rename(self._file + ".tmp", self._file)
        folder = os.open(self._root, os.O_RDONLY)
        self._sync(folder)
        os.close(folder)

    def _sync(self, fd: int) -> None:
        os.fsync(fd)

    def observe(self, names: Sequence[str]) -> Observation:
        return {"lines": self._read()}

    def settled(self, names: Sequence[str]) -> Observation:
        return {}

    def close(self) -> None:
        pass


class Unlocked(Careful):
    """Two that read the same lines each write them and their own."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self._lock = contextlib.nullcontext()

    def _replace(self, lines: Sequence[str]) -> None:
        with contextlib.suppress(FileNotFoundError):  # the other one has renamed it
            super()._replace(lines)


class Hasty(Careful):
    """Says that it is done before the disk does."""

    def _sync(self, fd: int) -> None:
        pass


class Entangled(Careful):
    """Readers and writers take the same two locks, each in an order of their own."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self._index = threading.Lock()

    def add(self, line: str) -> None:
        self._index.acquire()
        super().add(line)
        self._index.release()

    def lines(self) -> list[str]:
        with self._lock, self._index:
            return self._read()

    def close(self) -> None:
        with self._index:
            pass


class Sharing(Careful):
    """Keeps other processes out with a lock on a file."""

    @contextlib.contextmanager
    def _kept_out(self) -> Iterator[None]:
        with open(self._file + ".lock", "wb") as file:
            self._take(file.fileno())
            yield

    def _take(self, fd: int) -> None:
        fcntl.lockf(fd, fcntl.LOCK_EX)


class SharingByFlock(Sharing):
    def _take(self, fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_EX)


def subject(store: Callable[[str], Driver], model: PlainModel | None = None) -> Subject:
    return Subject("lines", model or LinesModel(), store, ())
