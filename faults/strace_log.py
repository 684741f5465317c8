"""Where strace writes its lines: a pipe that holds up the program while its mapped files are read.

Stores to memory that a file is mapped to make no call, so nothing in strace's output shows them.
But strace writes the beginning of each line before the call is made and the rest before the program
goes on from it, and here it writes to a pipe that has room for no more than a beginning. While a
file of the recorded root is mapped, shared and writable, that beginning is left in the pipe until
the file has been read: the program is in that call by then and cannot leave it, and what the file
holds besides the work of that call was stored before it. So stores have their place among the
steps, without a signal or a breakpoint in the program. Threads and processes that store at the same
time run on; their stores are found at a later line.

What is seen is written among the lines, before that of the call that it came before:
`0 *** stores PROCESS ADDRESS SIZE OFFSET:BYTES,… ***`, each mapping by the line that made it, and
`0 *** unseen PROCESS ADDRESS ***` for one that could not be looked at. The first line is
`0 *** watching NANOSECONDS ***`, the time at which it began: without it nobody looks.
"""

import contextlib
import ctypes
import fcntl
import os
import re
import threading
import time
from dataclasses import dataclass
from types import TracebackType

from tornwrite.faults.strace_errors import StraceOutputError

PADDING = 4200
"""The column of a call's result: with its beginning no rest of a line fits into one page."""

MOST_WATCHED = 64 << 20
"""How many bytes of mapped files are compared at each call, at most."""

_PAGE = 4096
_SET_PIPE_SIZE = 1031
_CLOCK = 5  # CLOCK_REALTIME_COARSE
_FORKS = (b"fork(", b"clone(", b"clone3(")
_CLONE_VM = 0x100

_NUMBER = rb"(0x[0-9a-f]+|\d+)"
_MAPS = re.compile(
    rb"mmap\((?:NULL|" + _NUMBER + rb"), (\d+), "
    + _NUMBER + rb", " + _NUMBER + rb", (\d+)<((?:\\x[0-9a-f]{2})*)>"
)  # fmt: skip
_UNMAPS = re.compile(rb"munmap\(" + _NUMBER + rb", " + _NUMBER + rb"\)")
_MOVES = re.compile(rb"mremap\(" + _NUMBER + rb", " + _NUMBER + rb", " + _NUMBER)
_RESULT = re.compile(rb"\) += " + _NUMBER)
_CLONED = re.compile(rb"flags=" + _NUMBER)

_libc = ctypes.CDLL(None, use_errno=True)


def maps_stores(protection: int, flags: int) -> bool:
    """Whether what is stored to such a mapping comes into its file: PROT_WRITE, MAP_SHARED."""
    return bool(protection & 2) and flags & 0xF in (1, 3)


@dataclass(slots=True)
class _Watched:
    """A mapped file, opened to be read."""

    descriptor: int
    key: bytes
    """The process and the address, in the line that mapped it."""
    process: bytes
    address: int
    length: int
    inode: tuple[int, int]


class StraceLog:
    """The pipe for one run of strace, and the file that its lines come to.

    folder: an existing directory for both. root: the recorded directory, with no link in its path.
    `options` are for strace; `calls` is what `parse` reads once `finish` has returned.
    `lines` says how many strace has written.
    """

    def __init__(self, folder: str, root: str) -> None:
        self.pipe = os.path.join(folder, "calls.pipe")
        self.calls = os.path.join(folder, "calls")
        os.mkfifo(self.pipe, 0o600)
        self._root = b"".join(b"\\x%02x" % byte for byte in os.fsencode(root) + b"/")
        self._watched: list[_Watched] = []
        self._contents: dict[tuple[int, int], bytes] = {}
        self._opening: dict[bytes, tuple[int | None, int]] = {}
        self._unseen: list[bytes] = []
        self._forked = False
        self._line = b""
        self._holding = False
        self._over = False
        self._problem: str | None = None
        self._from = os.open(self.pipe, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        os.set_blocking(self._from, True)
        # As long as this end is open a pipe without strace is not at its end.
        self._held = os.open(self.pipe, os.O_WRONLY | os.O_CLOEXEC)
        fcntl.fcntl(self._from, _SET_PIPE_SIZE, _PAGE)
        self._seen, self._copy = os.pipe2(os.O_CLOEXEC)
        self._out = open(self.calls, "wb")  # noqa: SIM115 - closed by finish
        self._out.write(b"0 *** watching %d ***\n" % _next_tick_ns())
        self.lines = 0
        self._reader = threading.Thread(target=self._read, daemon=True, name="strace-log")
        self._reader.start()

    @property
    def options(self) -> tuple[str, ...]:
        """What to tell strace, beside what is to be traced."""
        return ("-a", str(PADDING), "-o", self.pipe)

    def __enter__(self) -> "StraceLog":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(StraceOutputError):
            self.finish()

    def finish(self) -> None:
        """Take the rest. strace has ended. Raises StraceOutputError if lines could not be taken."""
        if not self._over:
            self._over = True
            os.close(self._held)
            self._reader.join()
            for descriptor in (self._from, self._seen, self._copy):
                os.close(descriptor)
            self._out.close()
        if self._problem is not None:
            raise StraceOutputError(f"strace's output could not be read: {self._problem}")

    # The thread

    def _read(self) -> None:
        try:
            while piece := self._next():
                begins = not self._line or b"\n" in piece
                self._keep(piece)
                # With no call begun the program runs, and what it stores would be seen in parts.
                if self._holding and begins and (self._line or b"+++" in piece):
                    self._out.write(self._look())
                if self._holding:
                    self._take(piece)
        except Exception as error:
            # strace must not wait for a reader that is gone: it would hold the program for ever.
            self._problem = f"{type(error).__name__}: {error}"
            while os.read(self._from, 1 << 16):
                pass
        finally:
            for watched in self._watched:
                os.close(watched.descriptor)
            self._watched.clear()

    def _next(self) -> bytes:
        """What strace wrote next, and nothing at the end. While files are mapped it is left there,
        and strace with it.
        """
        self._holding = bool(self._watched or self._unseen or self._opening)
        return self._peek() if self._holding else os.read(self._from, 1 << 16)

    def _peek(self) -> bytes:
        count = _libc.tee(self._from, self._copy, 1 << 16, 0)
        if count < 0:
            raise OSError(ctypes.get_errno(), "tee")
        return os.read(self._seen, count) if count else b""

    def _take(self, piece: bytes) -> None:
        """Take it out of the pipe, so that strace goes on."""
        left = len(piece)
        while left:
            left -= len(os.read(self._from, left))

    def _keep(self, piece: bytes) -> None:
        """Keep the whole lines, and what has only begun for later."""
        *whole, begun = (self._line + piece).split(b"\n")
        for line in whole:
            self._out.write(re.sub(rb" {9,}", b" ", line) + b"\n")
            self._seen_line(line)
        self.lines += len(whole)
        self._line = begun
        if b"mmap(" in piece:
            self._seen_begin(begun)

    def _seen_begin(self, line: bytes) -> None:
        """A mapping under way: its file is opened while it has a descriptor for certain."""
        pid, _, text = line.partition(b" ")
        if pid in self._opening:
            return
        found = _MAPS.match(text.lstrip())
        if found is None or not found[6].startswith(self._root):
            return
        if maps_stores(int(found[3], 0), int(found[4], 0)):
            self._opening[pid] = _opened(int(pid), int(found[5]), found[6]), int(found[2])

    def _seen_line(self, line: bytes) -> None:
        if not self._holding and b"mmap" not in line[:40]:
            return
        self._seen_begin(line)
        pid, _, text = line.partition(b" ")
        text = text.lstrip()
        resumed = text.startswith(b"<... mmap resumed>")
        if pid in self._opening and (resumed or text.startswith(b"mmap(")):
            if b"<unfinished ...>" in text:
                return
            descriptor, length = self._opening.pop(pid)
            result = _RESULT.search(text)
            if result is not None:
                self._watch(pid, int(result[1], 0), length, descriptor)
            elif descriptor is not None:
                os.close(descriptor)
        elif self._watched:
            self._seen_change(pid, text)

    def _seen_change(self, pid: bytes, text: bytes) -> None:
        """A mapping moves or goes, or gets into another process, where it may stay for ever."""
        if text.startswith(_FORKS):
            flags = _CLONED.search(text)
            self._forked |= flags is None or not int(flags[1], 0) & _CLONE_VM
        elif found := _UNMAPS.match(text):
            first, length = int(found[1], 0), int(found[2], 0)
            for watched in list(self._watched):
                gone = watched.process == _group(pid) and watched.address == first
                if gone and length >= watched.length and not self._forked:
                    self._watched.remove(watched)
                    os.close(watched.descriptor)
        elif found := _MOVES.match(text):
            result = _RESULT.search(text)
            for watched in self._watched:
                if result and (watched.process, watched.address) == (_group(pid), int(found[1], 0)):
                    watched.address, watched.length = int(result[1], 0), int(found[3], 0)

    def _watch(self, pid: bytes, address: int, length: int, descriptor: int | None) -> None:
        key = b"%s %d" % (pid, address)
        if descriptor is None:
            self._unseen.append(key)
            return
        found = os.fstat(descriptor)
        inode = found.st_dev, found.st_ino
        self._watched.append(_Watched(descriptor, key, _group(pid), address, length, inode))

    def _look(self) -> bytes:
        """What the watched files hold, as lines, where that is not what they held before."""
        lines = [b"0 *** unseen %s ***\n" % key for key in self._unseen]
        self._unseen.clear()
        seen: set[tuple[int, int]] = set()
        room = MOST_WATCHED
        for watched in list(self._watched):
            if watched.inode in seen:
                continue
            seen.add(watched.inode)
            size = os.fstat(watched.descriptor).st_size
            room -= size
            if room < 0:
                lines.append(b"0 *** unseen %s ***\n" % watched.key)
                self._watched.remove(watched)
                os.close(watched.descriptor)
                continue
            content = _content(watched.descriptor, size)
            before = self._contents.get(watched.inode, b"")
            if content != before:
                self._contents[watched.inode] = content
                parts = b",".join(
                    b"%d:%s" % (at, content[at : at + _PAGE].hex().encode())
                    for at in range(0, size, _PAGE)
                    if content[at : at + _PAGE] != before[at : at + _PAGE]
                )
                lines.append(b"0 *** stores %s %d %s ***\n" % (watched.key, size, parts))
        return b"".join(lines)


def _next_tick_ns() -> int:
    """The time by the clock that files get theirs from, when it has gone on: no file has it yet."""
    now = time.clock_gettime_ns(_CLOCK)
    while (later := time.clock_gettime_ns(_CLOCK)) == now:
        time.sleep(0.0005)
    return later


def _content(descriptor: int, size: int) -> bytes:
    parts: list[bytes] = []
    at = 0
    while at < size and (part := os.pread(descriptor, size - at, at)):
        parts.append(part)
        at += len(part)
    return b"".join(parts)


def _opened(pid: int, descriptor: int, name: bytes) -> int | None:
    """The file that a descriptor of a process means, opened here; None where that cannot be."""
    path = bytes.fromhex(name.replace(b"\\x", b"").decode())
    for tried in (f"/proc/{pid}/fd/{descriptor}", path):
        with contextlib.suppress(OSError):
            return os.open(tried, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    return None


def _group(pid: bytes) -> bytes:
    """The process that a thread belongs to."""
    with contextlib.suppress(OSError), open(f"/proc/{int(pid)}/status", "rb") as lines:
        for line in lines:
            if line.startswith(b"Tgid:"):
                return line[5:].strip()
    return pid
