"""Processes, their descriptors and the open files behind them, as far as recorded files go.

Several descriptors can mean one open file (dup, fork) and share its position; several threads can
share one table of descriptors. See open(2), "Open file descriptions", and clone(2).
"""

from dataclasses import dataclass, field

from tornwrite.faults.steps import Handle

CLONE_VM = 0x100
CLONE_FS = 0x200
CLONE_FILES = 0x400


@dataclass(slots=True)
class OpenFile:
    """An open file description. `position` is None where it is not known: after an append."""

    handle: Handle
    path: str
    flags: int
    position: int | None = 0
    references: int = 0


class Descriptors:
    """A table of descriptors; only those of recorded files are in it."""

    def __init__(self) -> None:
        self.users = 1
        self._files: dict[int, OpenFile] = {}
        self._close_on_exec: set[int] = set()

    def copy(self) -> "Descriptors":
        copied = Descriptors()
        for number, file in self._files.items():
            copied.put(number, file, number in self._close_on_exec)
        return copied

    def leave(self) -> None:
        """One process fewer uses the table: with the last, its descriptors are gone."""
        self.users -= 1
        if not self.users:
            for number in list(self._files):
                self.drop(number)

    def get(self, number: int) -> OpenFile | None:
        return self._files.get(number)

    def put(self, number: int, file: OpenFile, close_on_exec: bool) -> None:
        file.references += 1
        self._files[number] = file
        self.set_close_on_exec(number, close_on_exec)

    def set_close_on_exec(self, number: int, on: bool) -> None:
        if on and number in self._files:
            self._close_on_exec.add(number)
        else:
            self._close_on_exec.discard(number)

    def drop(self, number: int) -> OpenFile | None:
        """Close a descriptor: the open file, if that was the last one to mean it."""
        self._close_on_exec.discard(number)
        file = self._files.pop(number, None)
        if file is None:
            return None
        file.references -= 1
        return None if file.references else file

    def within(self, first: int, last: int) -> list[int]:
        return sorted(number for number in self._files if first <= number <= last)

    def closed_by_exec(self) -> list[int]:
        return sorted(self._close_on_exec)


@dataclass(slots=True)
class Folder:
    """A current directory, which threads share."""

    path: str


@dataclass(slots=True)
class Process:
    """A process or thread."""

    pid: int
    folder: Folder
    descriptors: Descriptors = field(default_factory=Descriptors)
    mappings: list[tuple[int, int, str]] = field(default_factory=list)
    """Shared mappings that mprotect could make writable: first and last address, path."""
    cloning: int | None = None
    """The flags of the fork or clone under way whose child has not been seen yet."""
    closing: list[OpenFile] = field(default_factory=list)
    """Files whose last descriptor the call under way closes."""
    released: bool = False
    """Whether the close under way has been done already, when it began."""

    def child(self, pid: int, flags: int) -> "Process":
        """The process that fork or clone makes, sharing what the flags say."""
        if flags & CLONE_FILES:
            self.descriptors.users += 1
            descriptors = self.descriptors
        else:
            descriptors = self.descriptors.copy()
        return Process(
            pid,
            self.folder if flags & CLONE_FS else Folder(self.folder.path),
            descriptors,
            self.mappings if flags & CLONE_VM else list(self.mappings),
        )

    def unshare_descriptors(self) -> None:
        if self.descriptors.users > 1:
            copied = self.descriptors.copy()
            self.descriptors.leave()
            self.descriptors = copied
