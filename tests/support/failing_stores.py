"""Line stores for errors of the disk: one that is right, and others, each with one mistake.

Each keeps its lines in one file, one process at a time. What the wrong ones do wrong is in their
docstrings.
"""

import contextlib
import os
from collections.abc import Sequence
from typing import Any

from support.line_log import KEPT, PlainModel, add
from tornwrite.model.operation import Observation, Operation
from tornwrite.scenarios.subject import Scenario, Subject


class StillThere(Exception):
    """The operation failed and may be seen all the same."""


class RightLog:
    """Appends, syncs; after any failure writes the whole file anew before anything else."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._path = os.path.join(root, "lines")
        self._suspect = False
        leftover = self._path + ".new"
        if os.path.exists(leftover):
            os.unlink(leftover)
        if os.path.exists(self._path):
            # A dead process may not have got to its sync, or may have left half a line.
            self._rewrite(self._lines())

    def apply(self, operation: Operation) -> Any:
        self.add(operation.arguments["line"])

    def add(self, line: str) -> None:
        known = self._lines()
        if self._suspect or not os.path.exists(self._path):
            self._rewrite([*known, line])
            return
        self._suspect = True
        try:
            self._append(line)
        except OSError:
            self._take_back(known)
            raise
        self._suspect = False

    def _append(self, line: str) -> None:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND)
        try:
            _write_all(descriptor, f"{line}\n".encode())
            os.fsync(descriptor)
        finally:
            _close(descriptor)

    def _take_back(self, lines: Sequence[str]) -> None:
        try:
            os.truncate(self._path, len(_data(lines)))
        except OSError as error:
            raise StillThere(f"{self._path} may show a line that failed") from error

    def _rewrite(self, lines: Sequence[str]) -> None:
        self._suspect = True
        new = self._path + ".new"
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            _write_all(descriptor, _data(lines))
            os.fsync(descriptor)
        finally:
            _close(descriptor)
        before = self._lines()
        os.rename(new, self._path)
        try:
            self._sync_directory()
        except OSError:
            self._take_back(before)
            raise
        self._suspect = False

    def _sync_directory(self) -> None:
        folder = os.open(self._root, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _lines(self) -> list[str]:
        try:
            with open(self._path, "rb") as file:
                *whole, _ = file.read().decode().split("\n")
                return whole
        except FileNotFoundError:
            return []

    def observe(self, names: Sequence[str]) -> Observation:
        return {"lines": self._lines()}

    def settled(self, names: Sequence[str]) -> Observation:
        return {}

    def close(self) -> None:
        pass


class SwallowsWrites(RightLog):
    """A line that could not be written is acknowledged all the same."""

    def add(self, line: str) -> None:
        try:
            super().add(line)
        except OSError:
            self._suspect = True


class IgnoresSyncs(RightLog):
    """A sync that fails is no reason to say so."""

    def _append(self, line: str) -> None:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND)
        try:
            _write_all(descriptor, f"{line}\n".encode())
            with contextlib.suppress(OSError):
                os.fsync(descriptor)
        finally:
            _close(descriptor)


class SyncsAgain(RightLog):
    """Tries a sync that failed once more, and trusts it when it succeeds."""

    def _append(self, line: str) -> None:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND)
        try:
            _write_all(descriptor, f"{line}\n".encode())
            try:
                os.fsync(descriptor)
            except OSError:
                os.fsync(descriptor)
        finally:
            _close(descriptor)


class LeavesHalfALine(RightLog):
    """What a short write left stays, and the next line comes after it."""

    def add(self, line: str) -> None:
        if os.path.exists(self._path):
            self._append(line)
        else:
            self._rewrite([line])


class GetsStuck(RightLog):
    """Once it could not open its file it believes that it never can."""

    _broken = False

    def _append(self, line: str) -> None:
        if self._broken:
            raise OSError(24, "cannot be opened", self._path)
        try:
            super()._append(line)
        except OSError:
            self._broken = True
            raise


class LeaksDescriptors(RightLog):
    """Keeps the file open when writing to it fails."""

    def _append(self, line: str) -> None:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND)
        _write_all(descriptor, f"{line}\n".encode())
        os.fsync(descriptor)
        os.close(descriptor)


class Stumbles(RightLog):
    """Its way out of an error has a mistake of its own."""

    _log: Any = None

    def add(self, line: str) -> None:
        try:
            super().add(line)
        except OSError as error:
            self._log.warning(error)
            raise


class SaysNothing(RightLog):
    """Its errors tell neither what went wrong nor where."""

    def add(self, line: str) -> None:
        try:
            super().add(line)
        except OSError:
            raise CannotAdd("that did not work") from None


class CannotAdd(Exception):
    """An error of the store's own kind."""


class ShowsWhatFailed(RightLog):
    """A line whose sync failed is still to be seen, though the caller was told that it failed."""

    def _take_back(self, lines: Sequence[str]) -> None:
        self._suspect = True


class AdmitsWhatFailed(ShowsWhatFailed):
    """The same, and says so."""

    def _take_back(self, lines: Sequence[str]) -> None:
        raise StillThere(f"{self._path} may show a line that failed")


def _data(lines: Sequence[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _close(descriptor: int) -> None:
    # Its data was synced, or is not relied on.
    with contextlib.suppress(OSError):
        os.close(descriptor)


SCENARIO = Scenario(
    name="add",
    about="three lines",
    promises=(KEPT,),
    operations=(add("one"), add("two"), add("three")),
)


def _subject(store: type[RightLog]) -> Subject:
    return Subject(
        store.__doc__ or "",
        PlainModel(),
        store,
        (SCENARIO,),
        not_undone=lambda error: isinstance(error, StillThere),
    )


right = _subject(RightLog)
swallows = _subject(SwallowsWrites)
ignores = _subject(IgnoresSyncs)
syncs_again = _subject(SyncsAgain)
half_a_line = _subject(LeavesHalfALine)
stuck = _subject(GetsStuck)
leaks = _subject(LeaksDescriptors)
stumbles = _subject(Stumbles)
says_nothing = _subject(SaysNothing)
shows = _subject(ShowsWhatFailed)
admits = _subject(AdmitsWhatFailed)
