"""Stores of one file of lines on a disk that is full: a careful one, and those that are not.

Each of the others lacks one thing that the careful one does.
"""

import contextlib
import os
from collections.abc import Sequence

from support.line_log import LineModel, add
from tornwrite.model.operation import Observation, Operation
from tornwrite.model.verdict import Promise
from tornwrite.scenarios.subject import Lane, Scenario, Subject

KEPT = Promise("kept", "a line that was added is there")


class CarefulLog:
    """Writes all of a line or takes back what it wrote; says which file had no room."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._file = os.path.join(root, "lines")

    def apply(self, operation: Operation) -> None:
        line = operation.arguments["line"].encode() + b"\n"
        descriptor = os.open(self._file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            self._mend(descriptor)
            size = os.fstat(descriptor).st_size
            try:
                self._write(descriptor, line)
                self._sync(descriptor)
            except OSError as error:
                error.filename = self._file
                self._take_back(descriptor, size)
                raise
        finally:
            os.close(descriptor)
        folder = os.open(self._root, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)

    def _mend(self, descriptor: int) -> None:
        """Cut off what a power loss left of a line."""
        whole = os.pread(descriptor, 10_000, 0).rfind(b"\n") + 1
        if whole < os.fstat(descriptor).st_size:
            self._take_back(descriptor, whole)

    def _write(self, descriptor: int, line: bytes) -> None:
        while line:
            line = line[os.write(descriptor, line) :]

    def _sync(self, descriptor: int) -> None:
        os.fsync(descriptor)

    def _take_back(self, descriptor: int, size: int) -> None:
        os.ftruncate(descriptor, size)
        os.fsync(descriptor)

    def observe(self, names: Sequence[str]) -> Observation:
        try:
            with open(self._file, "rb") as file:
                data = file.read()
        except FileNotFoundError:
            data = b""
        return {"lines": data.rpartition(b"\n")[0].decode().splitlines()}

    def settled(self, names: Sequence[str]) -> Observation:
        return {}

    def close(self) -> None:
        pass


class CutLog(CarefulLog):
    """Takes a write for whole whatever the system says."""

    def _write(self, descriptor: int, line: bytes) -> None:
        os.write(descriptor, line)


class HalfLog(CarefulLog):
    """Leaves the half line where it is: the next one is glued to it."""

    def _mend(self, descriptor: int) -> None:
        pass

    def _take_back(self, descriptor: int, size: int) -> None:
        pass


class BrokenLog(CarefulLog):
    """Gives up for good after the first error."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self._is_broken = False

    def apply(self, operation: Operation) -> None:
        if self._is_broken:
            raise OSError(5, "given up", self._file)
        try:
            super().apply(operation)
        except OSError:
            self._is_broken = True
            raise


class TruncatingLog(CarefulLog):
    """Writes the file anew, over the old one."""

    def apply(self, operation: Operation) -> None:
        lines = [*self.observe(())["lines"], operation.arguments["line"]]
        try:
            with open(self._file, "wb", buffering=0) as file:
                self._write(file.fileno(), "".join(f"{line}\n" for line in lines).encode())
                os.fsync(file.fileno())
        except OSError as error:
            error.filename = self._file
            raise


class SilentLog(CarefulLog):
    """Keeps the error to itself."""

    def apply(self, operation: Operation) -> None:
        with contextlib.suppress(OSError):
            super().apply(operation)


class VagueLog(CarefulLog):
    """Says that something went wrong."""

    def apply(self, operation: Operation) -> None:
        try:
            super().apply(operation)
        except OSError:
            raise RuntimeError("could not save") from None


class NamelessLog(CarefulLog):
    """Says that there is no room, and not where."""

    def apply(self, operation: Operation) -> None:
        try:
            super().apply(operation)
        except OSError as error:
            raise OSError(error.errno, error.strerror) from None


class NotingLog(CarefulLog):
    """Writes down that it was read, and cannot be read without that."""

    def observe(self, names: Sequence[str]) -> Observation:
        with open(os.path.join(self._root, "reads"), "ab", buffering=0) as file:
            self._write(file.fileno(), b"read\n")
        return super().observe(names)


class ForgettingLog(CarefulLog):
    """Syncs no line any more once there was no room for one."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self._was_full = False

    def _sync(self, descriptor: int) -> None:
        if not self._was_full:
            super()._sync(descriptor)

    def _take_back(self, descriptor: int, size: int) -> None:
        super()._take_back(descriptor, size)
        self._was_full = True


LINES = Scenario(
    name="lines",
    about="three lines",
    promises=(KEPT,),
    operations=(add("one"), add("two, and longer"), Operation("reopen"), add("three")),
    base=(("lines", b"from before\n"),),
    start={"lines": ["from before"]},
)
THREADS = Scenario(
    name="threads",
    about="lines of two threads",
    promises=(KEPT,),
    operations=(add("one"),),
    lanes=(Lane((add("two"),)), Lane((add("three"),))),
)


def _subject(log: type[CarefulLog]) -> Subject:
    return Subject(log.__doc__ or "", LineModel(), log, (LINES, THREADS))


careful = _subject(CarefulLog)
cut = _subject(CutLog)
half = _subject(HalfLog)
broken = _subject(BrokenLog)
truncating = _subject(TruncatingLog)
silent = _subject(SilentLog)
vague = _subject(VagueLog)
nameless = _subject(NamelessLog)
noting = _subject(NotingLog)
forgetting = _subject(ForgettingLog)
