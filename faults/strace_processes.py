"""Processes, their descriptors and the open files behind them, as far as recorded files go.

Several descriptors can mean one open file (dup, fork) and share its position; several threads can
share one table of descriptors. See open(2), "Open file descriptions", and clone(2).
"""

from dataclasses import dataclass, field, replace

from tornwrite.faults.steps import Handle

CLONE_VM = 0x100
CLONE_FS = 0x200
CLONE_FILES = 0x400


ONLY_READ: Handle = 0


@dataclass(slots=True)
class OpenFile:
    """An open file description. `position` is None where it is not known: after an append.

    `handle` is ONLY_READ for one that is no recorded file open for writing: all that is known of it
    is its position, since what is read there may be copied to a recorded file.
    """

    handle: Handle
    path: str
    flags: int
    position: int | None = 0
    references: int = 0


class Descriptors:
    """A table of descriptors; only those of recorded files and of files read are in it."""

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
        """The recorded file open for writing that it means."""
        file = self._files.get(number)
        return file if file and file.handle != ONLY_READ else None

    def any(self, number: int) -> OpenFile | None:
        """The file that it means, also one that is only read."""
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
        return None if file.references or file.handle == ONLY_READ else file

    def forget(self, number: int) -> None:
        """A descriptor of a file that is only read may go unseen, as to a call not followed."""
        file = self._files.get(number)
        if file and file.handle == ONLY_READ:
            self.drop(number)

    def within(self, first: int, last: int) -> list[int]:
        return sorted(number for number in self._files if first <= number <= last)

    def closed_by_exec(self) -> list[int]:
        return sorted(self._close_on_exec)


@dataclass(slots=True)
class Folder:
    """A current directory, which threads share."""

    path: str


@dataclass(frozen=True, slots=True)
class Mapping:
    """A file mapped to memory and shared: first and last address, offset of the first byte.

    It keeps the open file open, as a descriptor does: mmap(2).
    """

    first: int
    last: int
    file: OpenFile
    offset: int
    stores: bool
    """Whether what is stored there comes into the file; else mprotect could make it so."""


class Mappings:
    """An address space, as far as recorded files are mapped there; threads share it."""

    def __init__(self) -> None:
        self.users = 1
        self.known: list[Mapping] = []

    def copy(self) -> "Mappings":
        copied = Mappings()
        for mapping in self.known:
            copied.add(mapping)
        return copied

    def leave(self) -> list[OpenFile]:
        """One process fewer uses it: with the last it is gone, and open files with it."""
        self.users -= 1
        if self.users:
            return []
        return self.unmap(0, 1 << 64)

    def add(self, mapping: Mapping) -> None:
        mapping.file.references += 1
        self.known.append(mapping)

    def within(self, first: int, last: int) -> list[Mapping]:
        return [one for one in self.known if one.first <= last and first <= one.last]

    def unmap(self, first: int, last: int) -> list[OpenFile]:
        """Nothing is mapped there any more: the open files that this was the last to mean."""
        gone: list[OpenFile] = []
        for mapping in self.within(first, last):
            self.known.remove(mapping)
            if mapping.first < first:
                self.add(replace(mapping, last=first - 1))
            if mapping.last > last:
                ahead = last + 1 - mapping.first
                self.add(replace(mapping, first=last + 1, offset=mapping.offset + ahead))
            mapping.file.references -= 1
            if not mapping.file.references:
                gone.append(mapping.file)
        return gone


@dataclass(slots=True)
class Process:
    """A process or thread."""

    pid: int
    folder: Folder
    descriptors: Descriptors = field(default_factory=Descriptors)
    mappings: Mappings = field(default_factory=Mappings)
    cloning: int | None = None
    """The flags of the fork or clone under way whose child has not been seen yet."""
    closing: list[OpenFile] = field(default_factory=list)
    """Files whose last descriptor the call under way closes."""
    released: bool = False
    """Whether the close under way has been done already, when it began."""
    began: int | None = None
    """How many steps there were when the call under way began; None where nothing came since."""
    held: tuple[int, OpenFile | None] | None = None
    """A descriptor that the call under way is on, and what it meant when the call began."""

    def child(self, pid: int, flags: int) -> "Process":
        """The process that fork or clone makes, sharing what the flags say."""
        if flags & CLONE_FILES:
            self.descriptors.users += 1
            descriptors = self.descriptors
        else:
            descriptors = self.descriptors.copy()
        if flags & CLONE_VM:
            self.mappings.users += 1
            mappings = self.mappings
        else:
            mappings = self.mappings.copy()
        folder = self.folder if flags & CLONE_FS else Folder(self.folder.path)
        return Process(pid, folder, descriptors, mappings)

    def hold(self, number: int) -> None:
        """A call on this descriptor has begun: its file stays open until the call is over, whoever
        closes the descriptor meanwhile or gets it for another file.
        """
        file = self.descriptors.any(number)
        if file:
            file.references += 1
        self.held = number, file

    def let_go(self) -> None:
        """The call is over."""
        _, file = self.held or (0, None)
        self.held = None
        if file:
            file.references -= 1
            if not file.references and file.handle != ONLY_READ:
                self.closing.append(file)

    def opened(self, number: int) -> OpenFile | None:
        """What the descriptor means to the call that is over now, also if it is only read."""
        if self.held and self.held[0] == number:
            return self.held[1]
        return self.descriptors.any(number)

    def writable(self, number: int) -> OpenFile | None:
        """The recorded file open for writing that it means to that call."""
        file = self.opened(number)
        return file if file and file.handle != ONLY_READ else None

    def executed(self) -> None:
        """execve: an address space with nothing mapped."""
        self.closing += self.mappings.leave()
        self.mappings = Mappings()

    def unshare_descriptors(self) -> None:
        if self.descriptors.users > 1:
            copied = self.descriptors.copy()
            self.descriptors.leave()
            self.descriptors = copied
