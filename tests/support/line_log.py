"""A store of one file of lines, for what only a kill and then a power loss shows.

`trusting` leaves it to whoever makes the file to sync the directory, and nobody else does; `right`
syncs the directory with each process's first line. Its model has none of the methods that a model
may leave out, but `continuations`.
"""

import os
from collections.abc import Iterable, Sequence
from typing import Any

from tornwrite.model.operation import Observation, Operation
from tornwrite.model.verdict import Kind, Promise, Violation
from tornwrite.scenarios.subject import Scenario, Subject

Lines = tuple[str, ...]

KEPT = Promise("kept", "a line that was added is there")


def add(line: str) -> Operation:
    return Operation("add", {"line": line})


class PlainModel:
    """Lines, one after the other; nothing is said about how another process goes on."""

    def state_of(self, observed: Observation) -> Lines:
        return tuple(observed.get("lines", ()))

    def step(self, state: Lines, operation: Operation) -> Lines:
        return (*state, operation.arguments["line"]) if operation.name == "add" else state

    def between(self, state: Lines, operation: Operation) -> Iterable[Lines]:
        return ()

    def view(self, state: Lines) -> Observation:
        return {"lines": list(state)}

    def normalised(self, observed: Observation) -> Observation:
        return {"lines": observed["lines"]}

    def names(self, operations: Iterable[Operation]) -> tuple[str, ...]:
        return ()

    def probes(self, state: Lines, names: Sequence[str]) -> tuple[tuple[Operation, ...], ...]:
        return ((add("probe"),),)

    def explain(
        self,
        observed: Observation,
        permitted: Sequence[Lines],
        past: Sequence[Lines],
        after: Sequence[Operation],
    ) -> Violation:
        kind = Kind.UNREADABLE if "error" in observed else Kind.LOST
        wanted = " or ".join(map(str, permitted))
        return Violation(kind, KEPT, "", wanted, str(observed), ", ".join(map(str, after)))


class LineModel(PlainModel):
    """Another process adds a line, or two others."""

    def continuations(
        self, state: Lines, names: Sequence[str]
    ) -> tuple[tuple[Operation, ...], ...]:
        return ((add("later"),), (add("other"), add("last")))


class LineLog:
    """Appends whole lines, syncs them, and cuts off a torn one first."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._file = os.path.join(root, "lines")
        self._synced = False

    def apply(self, operation: Operation) -> Any:
        is_new = not os.path.exists(self._file)
        with open(self._file, "ab", buffering=0) as file:
            file.truncate(self._data().rfind(b"\n") + 1)
            file.write(operation.arguments["line"].encode() + b"\n")
            os.fsync(file.fileno())
        if self._must_sync(is_new):
            folder = os.open(self._root, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)
            self._synced = True

    def _must_sync(self, is_new: bool) -> bool:
        return not self._synced

    def _data(self) -> bytes:
        try:
            with open(self._file, "rb") as file:
                return file.read()
        except FileNotFoundError:
            return b""

    def observe(self, names: Sequence[str]) -> Observation:
        return {"lines": self._data().rpartition(b"\n")[0].decode().splitlines()}

    def settled(self, names: Sequence[str]) -> Observation:
        return {}

    def close(self) -> None:
        pass


class TrustingLog(LineLog):
    """Who finds the file takes its name for durable."""

    def _must_sync(self, is_new: bool) -> bool:
        return is_new


class StubbornLog(LineLog):
    """Will not touch an empty file that it finds: somebody may be at work on it."""

    def apply(self, operation: Operation) -> Any:
        if os.path.exists(self._file) and not self._data():
            raise RuntimeError("the file is empty")
        super().apply(operation)


class ClosedLog(LineLog):
    """Does not open with an empty file."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        if os.path.exists(self._file) and not self._data():
            raise RuntimeError("the file is empty")


ADD = Scenario(
    name="add",
    about="a line that makes the file, and another one",
    promises=(KEPT,),
    operations=(add("one"), add("two")),
)

right = Subject("a file of lines", LineModel(), LineLog, (ADD,))
trusting = Subject("the same, with trust in its maker", LineModel(), TrustingLog, (ADD,))
stubborn = Subject("the same, refusing empty files", LineModel(), StubbornLog, (ADD,))
closed = Subject("the same, not opening empty files", LineModel(), ClosedLog, (ADD,))
alone = Subject("one whose model tells no more", PlainModel(), TrustingLog, (ADD,))
