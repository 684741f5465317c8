"""One recording under way: the events, the open files, and the fate of each step.

The lock is held around a real call and its record together, so the order of events is the order in
which things happened. Everything that interposes works on `current.recording`.
"""

import mmap
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from errno import EIO
from typing import NoReturn, ParamSpec, TypeVar, cast

from tornwrite.faults.injection import (
    LOST_BY_SYNC,
    Decision,
    Fail,
    Injector,
    InjectsReads,
    Kill,
    Omit,
    Proceed,
    ReadOpen,
    Short,
    check,
)
from tornwrite.faults.mapped_files import MappedFile, inode_of
from tornwrite.faults.places import Places
from tornwrite.faults.read_errors import BadFiles
from tornwrite.faults.recording_errors import UnknownStep
from tornwrite.faults.sites import Sites
from tornwrite.faults.steps import Close, FailedSync, Fsync, Handle, Step, Write, describe
from tornwrite.faults.trace import Event, Stepped

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(slots=True)
class OpenFile:
    """An open file of the kernel's, shared by all descriptors duplicated from the first."""

    handle: Handle
    path: str
    append: bool
    sync: bool
    descriptors: int = 1


class _Thread(threading.local):
    interposed = False
    operation: int | None = None


class _Current:
    """Which recording the interposed calls serve. A process has one at most."""

    __slots__ = ("recording", "thread")

    def __init__(self) -> None:
        self.recording: Recording | None = None
        self.thread = _Thread()


class Recording:
    """Events and open files of one run below `root`.

    injector: asked before each step; None lets all proceed.
    on_event: called with each event as it is recorded, under the lock. with_sites: note the source
        lines of each step. read_errors: which files cannot be read.
    """

    def __init__(
        self,
        root: str,
        injector: Injector | None = None,
        on_event: Callable[[Event], None] | None = None,
        *,
        with_sites: bool = True,
        read_errors: BadFiles | None = None,
    ) -> None:
        self.places = Places(root)
        self.events: list[Event] = []
        self.open_files: dict[int, OpenFile] = {}
        self.lock: AbstractContextManager[bool] = threading.RLock()
        # The same lock for what is no step: nobody else's turn comes there.
        self.boundary_lock: AbstractContextManager[bool] = self.lock
        # Called when a file of the root is about to be opened for reading, which is no step.
        self.before_reading: Callable[[], None] = _nothing
        self.blind: list[str] = []
        self._mapped: list[tuple[MappedFile, OpenFile]] = []
        self.read_errors = read_errors
        self.forked = False
        # Shared with forked children: what the first of them tried to do and was refused.
        self._refused_child = mmap.mmap(-1, mmap.PAGESIZE)
        self._injector = injector
        asked: object = injector
        self._reads = asked if isinstance(asked, InjectsReads) else None
        self._read_opens = 0
        self._on_event = on_event
        self._sites = Sites(os.getcwd()) if with_sites else None
        self.done = 0
        """How many steps are recorded. Who comes to a barrier has begun it: what others do until
        it is let through came while it was under way."""
        self._steps = 0
        self._handles = 0

    @property
    def next_handle(self) -> Handle:
        return self._handles + 1

    def opened(self, descriptor: int, file: OpenFile) -> None:
        """Remember a new open file. Call with the lock held."""
        self.reused(descriptor)
        self._handles = max(self._handles, file.handle)
        self.open_files[descriptor] = file

    def reused(self, descriptor: int) -> None:
        """Note a descriptor that was just given out though nobody was seen closing it."""
        lost = self.open_files.pop(descriptor, None)
        if lost is not None:
            self.blinded(f"something closed descriptor {descriptor} ({lost.path}) unseen")

    def reads(self, path: object) -> None:
        """Somebody is about to open this for reading. Raises OSError where the injector says so."""
        if self._reads is None and self.before_reading is _nothing:
            return
        if not isinstance(path, str | bytes | os.PathLike):
            return
        place = self.places.file(path)
        if place is None:
            return
        self.before_reading()
        if self._reads is not None:
            with self.boundary_lock:
                decision = self._reads.decide_read(self._read_opens, ReadOpen(place))
                self._read_opens += 1
            if isinstance(decision, Fail):
                raise OSError(decision.errno, os.strerror(decision.errno), path)

    def blinded(self, what: str) -> None:
        """The recording is not to be trusted any more, because of this."""
        with self.lock:
            if what not in self.blind:
                self.blind.append(what)

    def in_forked_child(self) -> None:
        """This process is a copy of the recorded one: its steps would be lost."""
        # Another thread may have held the lock at the fork; it does not exist here.
        self.lock = self.boundary_lock = threading.RLock()
        self.forked = True

    def mapped(self, file: MappedFile, opened: OpenFile) -> None:
        """Look at this mapped file from now on. It keeps its open file open, as mmap(2) has it."""
        opened.descriptors += 1
        self._mapped.append((file, opened))

    def unmap(self, file: MappedFile, perform: Callable[[], None]) -> None:
        """A mapping goes, and with the last of an open file that file. Call with the lock held."""
        self.stored()
        opened = next(opened for known, opened in self._mapped if known is file)

        def unmapping() -> None:
            perform()
            self._mapped = [one for one in self._mapped if one[0] is not file]
            file.forget()
            opened.descriptors -= 1

        if opened.descriptors > 1:
            return unmapping()
        return self.do(Close(opened.handle), unmapping)

    def stored(self) -> None:
        """Record what was stored to mapped files since the last look. Call with the lock held.

        The injector is asked as about any step, but a store has happened: it may only proceed or be
        followed by a kill. ValueError for anything else.
        """
        for file, _ in self._mapped if not self.forked else ():
            for store in file.stores():
                decision = self._decision(store, None)
                if decision != Proceed() and not isinstance(decision, Kill):
                    raise ValueError(f"{decision} does not fit {describe(store)}")
                self._record(store)
                if isinstance(decision, Kill):
                    _die()

    def stop_looking(self) -> None:
        """The recording is over. What is still mapped is nobody's business any more."""
        for file, _ in self._mapped:
            file.forget()
        self._mapped.clear()

    def note(self, event: Event) -> None:
        """Record an event. Call with the lock held."""
        self.events.append(event)
        if self._on_event is not None:
            self._on_event(event)

    def do(
        self,
        step: Step,
        perform: Callable[[], T],
        *,
        filename: object = None,
        plausible: Callable[[], bool] | None = None,
    ) -> T:
        """Carry out a step that is no write. Call with the lock held.

        perform: the real call. If it raises OSError nothing has happened and nothing is recorded,
            unless it is a sync that could not write: that is a step, a `FailedSync`.
        filename: for the OSError of an injected failure.
        plausible: whether the names allow the call to succeed. A call that is bound to fail (a
            mkdir of what exists) is no step, so the injector is not asked about it.

        A barrier left out returns None, as barriers do.
        Raises ValueError for a decision that does not fit the step, UnknownStep in a forked child.
        """
        if self.forked:
            return self._in_forked_child(step, perform)
        if self._mapped:
            self.stored()
        decision = self._decision(step, plausible)
        match decision:
            case Proceed():
                try:
                    result = self._call(perform)
                except OSError as error:
                    self._sync_failed(step, error.errno)
                    raise
                self._record(step)
                return result
            case Kill("before"):
                _die()
            case Kill("after"):
                self._call(perform)
                self._record(step)
                _die()
            case Fail(errno):
                if isinstance(step, Close):
                    self._call(perform)
                    self._record(step)
                elif not self._sync_failed(step, errno):
                    self._steps += 1
                raise OSError(errno, os.strerror(errno), filename)
            case Omit():
                self._steps += 1
                return cast(T, None)
            case Kill() | Short():
                pass
        raise ValueError(f"{decision} does not fit {describe(step)}")

    def write(self, step: Write, perform: Callable[[int], T]) -> T:
        """Carry out a write. Call with the lock held.

        perform: really writes the first so many bytes and returns how many the kernel took.
        Returns what the last real call returned; what is recorded is what it took.
        """
        if self.forked:
            return self._in_forked_child(step, lambda: perform(len(step.data)))
        if self._mapped:
            self.stored()
        decision = self._decision(step, None)
        match decision:
            case Proceed():
                return self._taken(step, perform, len(step.data))
            case Short(keep):
                return self._taken(step, perform, keep)
            case Kill("before"):
                _die()
            case Kill("during", keep):
                taken = self._taken(step, perform, keep) if keep else 0
                if taken != keep:
                    raise ValueError(f"{decision}: the kernel took only {taken} B")
                _die()
            case Kill():
                self._taken(step, perform, len(step.data))
                _die()
            case Fail(errno):
                if step.sync and errno == EIO:
                    step = Write(step.handle, step.offset, step.data)
                    self._taken(step, perform, len(step.data))
                    self._record(FailedSync(step.handle, data_only=True))
                else:
                    self._steps += 1
                raise OSError(errno, os.strerror(errno))
            case Omit():
                pass
        raise ValueError(f"{decision} does not fit {describe(step)}")

    def _sync_failed(self, step: Step, errno: int | None) -> bool:
        """Record a sync that lost what it was to write; says whether it was one."""
        if not isinstance(step, Fsync) or errno not in LOST_BY_SYNC:
            return False
        self._record(FailedSync(step.target, step.data_only))
        return True

    def _decision(self, step: Step, plausible: Callable[[], bool] | None) -> Decision:
        if self._injector is None or (plausible is not None and not plausible()):
            return Proceed()
        decision = self._injector.decide(self._steps, step)
        check(decision, step)
        return decision

    def _taken(self, step: Write, perform: Callable[[int], T], count: int) -> T:
        taken = self._call(lambda: perform(count))
        # None is what io.FileIO.write returns for EAGAIN: nothing taken.
        if taken:
            if taken != len(step.data):
                step = Write(step.handle, step.offset, step.data[: cast(int, taken)], step.sync)
            self._record(step)
        return taken

    def _record(self, step: Step) -> None:
        self._steps += 1
        self.done += 1
        if self.read_errors is not None:
            self.read_errors.after(step)
        if self._mapped:
            self._look_past(step)
        sites = self._sites.above(sys._getframe(1)) if self._sites is not None else ()
        self.note(Stepped(step, sites, current.thread.operation))

    def _look_past(self, step: Step) -> None:
        """What a call did to a mapped file was not stored there."""
        handle = getattr(step, "handle", None)
        inode = next((file.inode for file, _ in self._mapped if file.opened.handle == handle), None)
        if inode is None:
            inode = next(
                (inode_of(at) for at, one in self.open_files.items() if one.handle == handle), None
            )
        if inode is not None:
            for file, _ in self._mapped:
                file.after(step, inode)

    def _call(self, perform: Callable[[], T]) -> T:
        thread = current.thread
        before, thread.interposed = thread.interposed, True
        try:
            return perform()
        finally:
            thread.interposed = before

    def _in_forked_child(self, step: Step, perform: Callable[[], T]) -> T:
        # A child closes what it inherited; that ends nothing for the parent.
        if isinstance(step, Close):
            return self._call(perform)
        message = (
            f"{describe(step)} in a forked child (pid {os.getpid()}) of the recorded process; "
            "record one process, or use the strace recorder"
        )
        if not self._refused_child[0]:
            told = os.fsencode(message)[: mmap.PAGESIZE - 1]
            self._refused_child[: len(told)] = told
        raise UnknownStep(message)

    @property
    def refused_child(self) -> str:
        """What a forked child was refused to do, though the parent may never hear of it."""
        return os.fsdecode(self._refused_child[:].rstrip(b"\0"))


def passing(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Make a call that does not concern the recording, so that the audit hook knows it was seen."""
    thread = current.thread
    before, thread.interposed = thread.interposed, True
    try:
        return call(*args, **kwargs)
    finally:
        thread.interposed = before


def _nothing() -> None:
    pass


def _die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("SIGKILL did not end this process")


current = _Current()
