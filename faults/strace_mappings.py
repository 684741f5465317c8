"""Files mapped to memory, followed: who has them mapped where, and what is stored as steps."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tornwrite.faults.images import Image
from tornwrite.faults.interpreter import Interpreter
from tornwrite.faults.mapped_files import PAGE, differences
from tornwrite.faults.recording_errors import UnknownStep
from tornwrite.faults.steps import Fsync, Step, Store, Write
from tornwrite.faults.strace_errors import StraceOutputError
from tornwrite.faults.strace_parse import Call, Stored, Watching, number
from tornwrite.faults.strace_processes import Mapping, OpenFile, Process

MAPPING_CALLS = frozenset({"mmap", "munmap", "mremap", "mprotect", "pkey_mprotect", "msync"})

PROT_WRITE = 2
MAP_TYPE = 0xF
MAP_SHARED = (1, 3)  # MAP_SHARED, MAP_SHARED_VALIDATE
_MAP_SYNC = 0x80000
_MREMAP_DONTUNMAP = 4
_MS_SYNC = 4


@dataclass(slots=True)
class _Mapped:
    file: OpenFile
    found: bytearray
    """What it held when it was last looked at."""


class Contents:
    """What the recorded files hold as the program sees them, worked out when somebody asks."""

    def __init__(self, base: Image, steps: Sequence[Step]) -> None:
        """`steps` grows as the recording goes on."""
        self._base = base
        self._steps = steps
        self._tree: Interpreter | None = None
        self._done = 0

    def tree(self, until: int | None = None) -> Interpreter:
        """The files after the steps so far, or after that many, never fewer than asked before."""
        if self._tree is None:
            self._tree = Interpreter(self._base)
        last = len(self._steps) if until is None else until
        for index in range(self._done, last):
            self._tree.apply(index, self._steps[index])
        self._done = max(self._done, last)
        return self._tree

    def stored(self, store: Store) -> None:
        """A step that was put before some that are not done yet."""
        self.tree(self._done).apply(self._done, store)
        self._done += 1


class Stores:
    """Stores to mapped files, found by comparing what was seen of a file with its steps."""

    def __init__(self, contents: Contents, steps: list[Step]) -> None:
        self._contents = contents
        self._steps = steps
        self._mapped: dict[tuple[int, int], _Mapped] = {}
        self._looks: list[Stored] = []
        self._watching = False

    def mapped(self, pid: int, address: int, file: OpenFile) -> None:
        """A call mapped a file, shared and writable."""
        if not self._watching:
            raise UnknownStep(
                f"mmap of {file.path} by process {pid}, shared and writable: nobody looked at the "
                "file while it was mapped; record the program through a StraceLog"
            )
        self._mapped[pid, address] = _Mapped(file, bytearray())

    def looked(self, look: Stored | Watching) -> None:
        """A file was looked at; the call of the next event had been done by then."""
        match look:
            case Watching():
                self._watching = True
            case Stored():
                self._looks.append(look)

    def settle(self, before: int) -> int:
        """Put in what was stored before the steps from number `before` on, those of the last call.

        Returns how many steps that are. Raises UnknownStep for a mapping that cannot be looked at.
        """
        looks, self._looks = self._looks, []
        count = 0
        for look in looks:
            mapped = self._mapped.get((look.pid, look.address))
            if mapped is None:
                raise StraceOutputError(
                    f"a mapping of process {look.pid} at {look.address:#x} was looked at, and no "
                    "call that made it was seen"
                )
            if look.pages is None:
                raise UnknownStep(
                    f"mmap of {mapped.file.path} by process {look.pid}, shared and writable: the "
                    "file cannot be compared at each call (it was gone, or more than 64 MiB are "
                    "mapped at once); map less of it, or write to it by calls"
                )
            count += self._put(mapped, look, before + count)
        return count

    def _put(self, mapped: _Mapped, look: Stored, before: int) -> int:
        found = mapped.found
        del found[look.size :]
        found.extend(bytes(look.size - len(found)))
        for at, content in look.pages or ():
            found[at : at + len(content)] = content
        tree = self._contents.tree(before)
        inode = tree.opened(mapped.file.handle)
        known = tree.node(inode)
        if not isinstance(known, bytes):
            raise StraceOutputError(f"{mapped.file.path} is mapped and is no file")
        expected = bytearray(known[: len(found)])
        for step in self._steps[before:]:
            # What the call itself wrote is its own, whatever was stored there before it.
            if isinstance(step, Write) and tree.opened(step.handle) == inode:
                start = len(known) if step.offset is None else step.offset
                end = min(start + len(step.data), len(expected))
                expected[start:end] = found[start:end]
        stores = [
            store
            for at, content in look.pages or ()
            for store in differences(
                mapped.file.handle, bytes(expected[at : at + PAGE]), content, at
            )
        ]
        for position, store in enumerate(stores):
            self._steps.insert(before + position, store)
            self._contents.stored(store)
        return len(stores)


class MappingCalls:
    """mmap, munmap, mremap, mprotect and msync of recorded files."""

    def __init__(self, steps: list[Step], stores: Stores) -> None:
        self._steps = steps
        self._stores = stores

    def mapped(self, process: Process, call: Call, result: int, file: OpenFile | None) -> None:
        """mmap. `file` is the recorded one, if it was that."""
        length = -(-max(number(call, 1), 1) // PAGE) * PAGE
        first, last = result, result + length - 1
        process.closing += process.mappings.unmap(first, last)
        protection, flags = number(call, 2), number(call, 3)
        if file is None or flags & MAP_TYPE not in MAP_SHARED:
            return
        if flags & _MAP_SYNC and flags & MAP_TYPE == MAP_SHARED[1]:
            raise UnknownStep(
                f"mmap of {file.path} with MAP_SYNC by process {call.pid}: persistent memory is "
                "not modelled; map it without"
            )
        stores = bool(protection & PROT_WRITE)
        if stores:
            self._stores.mapped(call.pid, result, file)
        if stores or file.flags & os.O_ACCMODE == os.O_RDWR:
            process.mappings.add(Mapping(first, last, file, number(call, 5), stores))

    def unmapped(self, process: Process, call: Call) -> None:
        """munmap."""
        first = number(call, 0)
        length = -(-number(call, 1) // PAGE) * PAGE
        process.closing += process.mappings.unmap(first, first + length - 1)

    def moved(self, process: Process, call: Call, result: int) -> None:
        """mremap: longer, shorter or elsewhere."""
        first, old, new = number(call, 0), number(call, 1), number(call, 2)
        found = process.mappings.within(first, first + max(old, 1) - 1)
        if not found:
            return
        mapping = found[0]
        if (
            len(found) > 1
            or mapping.first != first
            or number(call, 3) & _MREMAP_DONTUNMAP
            or not old
        ):
            raise UnknownStep(
                f"mremap of a part of {mapping.file.path} by process {call.pid}: where its parts "
                "are is not followed; map it anew"
            )
        length = -(-new // PAGE) * PAGE
        process.mappings.add(replace(mapping, first=result, last=result + length - 1))
        process.mappings.known.remove(mapping)
        mapping.file.references -= 1

    def protected(self, process: Process, call: Call) -> None:
        """mprotect: may make a shared mapping writable."""
        first = number(call, 0)
        if number(call, 2) & PROT_WRITE:
            for mapping in process.mappings.within(first, first + number(call, 1) - 1):
                if not mapping.stores:
                    raise UnknownStep(
                        f"mprotect by process {call.pid} makes a shared mapping of "
                        f"{mapping.file.path} writable: stores there are not looked for; map it "
                        "writable from the start"
                    )

    def synced(self, process: Process, call: Call) -> None:
        """msync: with MS_SYNC a barrier on the pages of the range, else nothing."""
        first, length = number(call, 0), number(call, 1)
        if not number(call, 2) & _MS_SYNC or not length:
            return
        for mapping in process.mappings.within(first, first + length - 1):
            start = mapping.offset + max(first - mapping.first, 0)
            end = mapping.offset + min(first + length, mapping.last + 1) - mapping.first
            self._steps.append(Fsync(mapping.file.handle, True, start, end))
