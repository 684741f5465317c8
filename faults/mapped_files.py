"""Files mapped to memory by the recorded process: what was stored there, found by comparing.

A store to memory makes no call. So what a mapped file holds is compared with what it held before,
ahead of each step and at both ends of each operation; what differs was stored in between.
"""

import os
from collections.abc import Iterator
from typing import Protocol, TypeAlias

from tornwrite.faults import originals as real
from tornwrite.faults.steps import Handle, Open, SetSize, Step, Store, Write

Inode: TypeAlias = tuple[int, int]

PAGE = os.sysconf("SC_PAGESIZE")


class Opened(Protocol):
    """An open file as far as it is needed here."""

    handle: Handle


class MappedFile:
    """One mapping, shared and writable.

    opened: the open file. descriptor: one of it, which is duplicated. start, length: in bytes, what
    of the file is mapped; the start is that of a page.
    """

    def __init__(self, opened: Opened, descriptor: int, start: int, length: int) -> None:
        self.opened = opened
        self.start = start
        self.length = length
        self._descriptor = real.dup(descriptor)
        self.inode = inode_of(self._descriptor)
        self._known = self._content()

    def forget(self) -> None:
        """It is mapped no more."""
        real.close(self._descriptor)

    def stores(self) -> list[Store]:
        """What has been stored since it was last looked at, a step for each page."""
        before, now = self._known, self._content()
        if now == before:
            return []
        self._known = now
        return list(differences(self.opened.handle, before, now, self.start))

    def after(self, step: Step, inode: Inode) -> None:
        """Somebody else has changed this file: what that did is no store to this mapping.

        inode: the file that the step is about.
        """
        if inode != self.inode:
            return
        match step:
            case Write(_, offset, data) | Store(_, offset, data):
                end = os.fstat(self._descriptor).st_size if offset is None else offset + len(data)
                self._changed(end - len(data), data)
            case SetSize(_, size):
                self._cut(size)
            case Open(truncate=True):
                self._cut(0)
            case _:
                pass

    def resized(self, length: int) -> None:
        """The mapping, and the file with it, has another length."""
        self.length = length
        self._cut(self.start + length)

    # What a call does is worked out and not read: another thread may have stored meanwhile.

    def _changed(self, offset: int, data: bytes) -> None:
        first = max(offset - self.start, 0)
        data = data[max(self.start - offset, 0) :][: max(self.length - first, 0)]
        if data:
            known = self._known.ljust(first, b"\0")
            self._known = known[:first] + data + known[first + len(data) :]

    def _cut(self, size: int) -> None:
        there = min(max(size - self.start, 0), self.length)
        self._known = self._known[:there].ljust(there, b"\0")

    def _content(self) -> bytes:
        # Not through the mapping: beyond the end of the file the kernel would kill the process.
        parts: list[bytes] = []
        first, last = self.start, self.start + self.length
        while first < last and (part := real.pread(self._descriptor, last - first, first)):
            parts.append(part)
            first += len(part)
        return b"".join(parts)


def inode_of(descriptor: int) -> Inode:
    """Which file a descriptor means: its device and its number there."""
    found = os.fstat(descriptor)
    return found.st_dev, found.st_ino


def differences(handle: Handle, before: bytes, after: bytes, start: int = 0) -> Iterator[Store]:
    """For each page that differs, the bytes from the first to the last that do.

    `start`: where in the file the contents begin. What only one of them has is no store.
    """
    for at in range(0, min(len(before), len(after)), PAGE):
        old, new = before[at : at + PAGE], after[at : at + PAGE]
        length = min(len(old), len(new))
        if old[:length] != new[:length]:
            ahead = int.from_bytes(old[:length]) ^ int.from_bytes(new[:length])
            behind = int.from_bytes(old[:length], "little") ^ int.from_bytes(new[:length], "little")
            first, last = length - -(-ahead.bit_length() // 8), -(-behind.bit_length() // 8)
            yield Store(handle, start + at + first, bytes(new[first:last]))
