"""Stores that put an added line in its place only when they are opened next: repairs, every time.

An added line waits in a file of its own, with the number of lines before it. `right` may be broken
off anywhere in putting it in place. The others may not, and no crash of a plain run shows it:
`again` puts it in place once more, `moved` moves it away first, and `marked` knows of one crash in
its repair and does not survive a second one.
"""

import os
from collections.abc import Sequence
from typing import Any

from support.line_log import KEPT, PlainModel, add
from tornwrite.model.operation import Observation, Operation
from tornwrite.scenarios.subject import Scenario, Subject


class RightStore:
    """Puts the waiting line after those that were there before it, whatever is there by now."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._repair()

    def _path(self, name: str) -> str:
        return os.path.join(self._root, name)

    def _repair(self) -> None:
        waiting = self._waiting()
        if waiting is not None:
            self._write_lines((*self._lines()[: waiting[0]], waiting[1]))
            self._remove("waiting")

    def _write_lines(self, lines: Sequence[str]) -> None:
        self._write("lines", "".join(f"{line}\n" for line in lines))

    def _append(self, line: str) -> None:
        self._write_lines((*self._lines(), line))

    def apply(self, operation: Operation) -> Any:
        self._repair()
        self._write("waiting", f"{len(self._lines())} {operation.arguments['line']}")

    def _write(self, name: str, text: str) -> None:
        with open(self._path(f"{name}.new"), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.rename(self._path(f"{name}.new"), self._path(name))
        self._sync()

    def _remove(self, name: str) -> None:
        os.unlink(self._path(name))
        self._sync()

    def _sync(self) -> None:
        folder = os.open(self._root, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)

    def _read(self, name: str) -> str:
        try:
            with open(self._path(name)) as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def _lines(self) -> list[str]:
        return self._read("lines").splitlines()

    def _waiting(self) -> tuple[int, str] | None:
        number, _, line = self._read("waiting").partition(" ")
        return (int(number), line) if number else None

    def observe(self, names: Sequence[str]) -> Observation:
        waiting = self._waiting()
        return {"lines": [*self._lines(), *((waiting[1],) if waiting else ())]}

    def settled(self, names: Sequence[str]) -> Observation:
        return {}

    def close(self) -> None:
        pass


class AgainStore(RightStore):
    """Does not look whether the line is there already."""

    def _repair(self) -> None:
        waiting = self._waiting()
        if waiting is not None:
            self._append(waiting[1])
            self._remove("waiting")


class MovedStore(RightStore):
    """Moves the waiting line away, durably, before it is in its place."""

    def _repair(self) -> None:
        waiting = self._waiting()
        if waiting is not None:
            os.rename(self._path("waiting"), self._path("done"))
            self._sync()
            self._append(waiting[1])


class MarkedStore(RightStore):
    """Marks that it is at it, and takes a mark that it finds away too early."""

    def _repair(self) -> None:
        waiting = self._waiting()
        broken_off = os.path.exists(self._path("mark"))
        if waiting is not None:
            if broken_off:
                self._write_lines(self._lines()[: waiting[0]])
                self._remove("mark")
            else:
                self._write("mark", "at it")
            self._append(waiting[1])
            self._remove("waiting")
        if os.path.exists(self._path("mark")):
            self._remove("mark")


ONE = Scenario(name="one", about="a line", promises=(KEPT,), operations=(add("one"),))

right = Subject("repairs as often as it takes", PlainModel(), RightStore, (ONE,))
again = Subject("repairs once too often", PlainModel(), AgainStore, (ONE,))
moved = Subject("moves away what it repairs from", PlainModel(), MovedStore, (ONE,))
marked = Subject("repairs after one crash", PlainModel(), MarkedStore, (ONE,))
