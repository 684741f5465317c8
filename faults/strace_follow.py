"""From the calls of a program to its steps: processes, descriptors and directories followed.

Steps are in the order in which the calls ended. Of two calls under way at once either may have
come first, so that is one of the orders that the program can have seen. But a barrier covers no
more than what was done before it began: it is told how many steps came since (`Fsync.during`). A
descriptor is closed when the call begins, since another thread may get its number before the call
is seen to end; a file that another call is on stays open until that is over.

What a process has open when it ends is closed by the kernel; that is no step, so the recording of a
program that forgets to close ends like that of one that was killed.
"""

import os
from collections.abc import Callable, Iterable, Sequence

from tornwrite.faults.recording_errors import UnknownStep
from tornwrite.faults.steps import Exchange, Rename, Step
from tornwrite.faults.strace_copies import COPIES
from tornwrite.faults.strace_data import (
    OPENS,
    WRITES,
    Recording,
    changes,
    open_flags,
    open_place,
)
from tornwrite.faults.strace_descriptors import (
    CLONES,
    CLOSES,
    DESCRIPTOR_CALLS,
    READS,
    clone_flags,
    descriptor_call,
    executed,
    moved_by_read,
    release,
    unshared,
)
from tornwrite.faults.strace_errors import StraceOutputError
from tornwrite.faults.strace_failed import is_about, loses
from tornwrite.faults.strace_mappings import MAPPING_CALLS
from tornwrite.faults.strace_names import Names, is_in
from tornwrite.faults.strace_overlaps import ON_DESCRIPTOR, leading_number, mark_overlap
from tornwrite.faults.strace_parse import (
    Call,
    Ended,
    Entered,
    Event,
    Stored,
    Superseded,
    Watching,
    descriptor,
)
from tornwrite.faults.strace_paths import (
    NAME_CALLS,
    NAMED,
    check_not_led_out,
    located,
    name_step,
)
from tornwrite.faults.strace_processes import Folder, Process
from tornwrite.faults.strace_unrecorded import ATTRIBUTES, MODES

_PLAIN_CALLS = "let it use plain calls (Node: UV_USE_IO_URING=0 in its environment)"
_BEFORE = "do that before the program is recorded"
_WIDER = "calls of 32-bit programs are not followed; build it for 64 bits"
REFUSED = {
    "io_uring_setup": _PLAIN_CALLS,
    "io_submit": "let it use plain calls",
    "open_by_handle_at": "open the file by its name",
    "chroot": _BEFORE,
    "pivot_root": _BEFORE,
    "mount": _BEFORE,
    "move_mount": _BEFORE,
    "umount2": _BEFORE,
    "setns": _BEFORE,
    "ftruncate64": _WIDER,
    "truncate64": _WIDER,
    "sendfile64": _WIDER,
    "fcntl64": _WIDER,
    "mmap2": _WIDER,
    "_llseek": _WIDER,
    "umount": _BEFORE,
    "remap_file_pages": "map the pages one after the other",
}
"""Calls whose effect on the recorded files cannot be told, wherever they are made; what to do."""

_OTHERS = {
    "ftruncate", "truncate", "fallocate", "fsync", "fdatasync", "sync", "syncfs",
    "chdir", "fchdir", "execve", "execveat", "unshare",
}  # fmt: skip
_SETS = (
    CLONES, CLOSES, DESCRIPTOR_CALLS, READS, OPENS, WRITES, NAME_CALLS, MAPPING_CALLS, REFUSED,
    COPIES, ATTRIBUTES, MODES,
)  # fmt: skip
TRACED = frozenset(_OTHERS).union(*_SETS)
"""All calls that `Follower` reads; it must see every one of them."""

_PLAIN = (MAPPING_CALLS - {"mmap"}) | {"execve", "execveat"}
BY_NUMBER_ONLY = READS | CLOSES | DESCRIPTOR_CALLS | _PLAIN
"""Those of which only numbers are needed: neither data nor the paths of descriptors."""


class Follower:
    """Reads events and collects the steps below a root."""

    def __init__(self, names: Names, folder: str) -> None:
        """`folder` is the directory in which the program starts."""
        self._names = names
        self._recording = Recording(names)
        self.unrecorded = self._recording.unrecorded
        self._first_folder = os.path.realpath(folder)
        self._processes: dict[int, Process] = {}
        self._seen_before_fork_ended: set[int] = set()
        self.injected_here = 0
        """How many calls about the recorded files strace had fail."""

    @property
    def reads(self) -> Sequence[str]:
        """What has been opened below the root only to be read until now, in order."""
        return self._recording.reads

    def follow(
        self, events: Iterable[Event], watch: Callable[[Event, int], None] | None = None
    ) -> list[Step]:
        """All steps of the events. Raises UnknownStep and StraceOutputError.

        watch: told each event, with the number of steps done until then.
        """
        known = list(events)
        for index, event in enumerate(known):
            if isinstance(event, Stored | Watching):
                self._recording.looked(event)
                continue
            before = len(self._recording.steps)
            if isinstance(event, Call) and event.name in COPIES:
                # What is copied from a mapped file has been stored there by now.
                before += self._recording.stores.settle(before)
            if event.pid not in self._processes:
                self._add_process(event.pid, known[index:])
            self._follow(event)
            before += self._recording.stores.settle(before)
            self._note_beginning(event, before)
            if watch is not None:
                watch(event, before)
        self._recording.stores.settle(len(self._recording.steps))
        return self._recording.steps

    def _note_beginning(self, event: Event, before: int) -> None:
        """What is stored by now was stored before a call that begins, or while one that is over was
        under way.
        """
        match event:
            case Entered(pid):
                self._processes[pid].began = len(self._recording.steps)
            case Call(pid):
                process = self._processes[pid]
                if process.began is not None:
                    mark_overlap(self._recording.steps, before, process.began)
                process.began = None
            case _:
                pass

    def _follow(self, event: Entered | Call | Ended | Superseded) -> None:
        process = self._processes[event.pid]
        match event:
            case Entered():
                self._enter(process, event)
            case Call():
                self._end(process, event)
            case Ended(pid):
                process.descriptors.leave()
                process.mappings.leave()
                del self._processes[pid]
            case Superseded(pid, by):
                process.descriptors.leave()
                process.mappings.leave()
                self._processes[pid] = self._processes.pop(by)
                self._processes[pid].pid = pid

    def _add_process(self, pid: int, rest: Sequence[Event]) -> None:
        """A process is seen before its parent's fork has ended: its parent is one of those that are
        forking, and the end of a fork says which.
        """
        if not self._processes:
            self._processes[pid] = Process(pid, Folder(self._first_folder))
            return
        forking = [process for process in self._processes.values() if process.cloning is not None]
        if len(forking) > 1:
            forking = [
                self._processes[event.pid]
                for event in rest
                if isinstance(event, Call) and event.name in CLONES and event.result == pid
            ][:1]
        if len(forking) != 1:
            raise StraceOutputError(f"process {pid} appears and none has started it")
        self._bear(forking[0], pid)
        self._seen_before_fork_ended.add(pid)

    def _bear(self, parent: Process, pid: int) -> None:
        flags = parent.cloning or 0
        parent.cloning = None
        self._processes[pid] = parent.child(pid, flags)

    def _enter(self, process: Process, event: Entered) -> None:
        call = Call(event.pid, event.name, event.arguments, None)
        if event.name in CLONES:
            process.cloning = clone_flags(call)
        elif event.name in CLOSES:
            release(process, call)
            process.released = True
        elif event.name in ON_DESCRIPTOR:
            held = leading_number(event, ON_DESCRIPTOR[event.name])
            if held is not None:
                process.hold(held)

    def _end(self, process: Process, call: Call) -> None:
        if call.name in CLOSES:
            self._close(process, call)
        elif call.name in CLONES:
            self._clone(process, call)
        elif call.failed:
            self._failed(process, call)
        elif call.result is None:
            self._cut_off(process, call)
        else:
            self._done(process, call, call.result)
        process.let_go()
        self._recording.closed(process)

    def _failed(self, process: Process, call: Call) -> None:
        """What fails changes nothing, but that a sync gives up what it could not write."""
        if loses(call):
            self._recording.synced(process, call)
        if call.injected and is_about(call, process, self._names):
            self.injected_here += 1

    def _close(self, process: Process, call: Call) -> None:
        """close gives the descriptor up even if it fails: close(2)."""
        if not process.released:
            release(process, call)
        process.released = False
        if call.result is None:
            process.closing.clear()
        self._recording.closed(process)

    def _clone(self, process: Process, call: Call) -> None:
        if call.failed or call.result is None:
            process.cloning = None
        elif call.result in self._seen_before_fork_ended:
            self._seen_before_fork_ended.discard(call.result)
        else:
            process.cloning = clone_flags(call)
            self._bear(process, call.result)

    def _done(self, process: Process, call: Call, result: int) -> None:
        recording = self._recording
        match call.name:
            case name if name in READS:
                moved_by_read(process, call, result)
            case name if name in WRITES:
                recording.wrote(process, call, result)
            case name if name in OPENS:
                recording.opened(process, call, result)
            case name if name in NAME_CALLS:
                self._name(process, call)
            case name if name in DESCRIPTOR_CALLS:
                descriptor_call(process, call, result)
            case name if name in COPIES:
                recording.copied(process, call, result)
            case name if name in REFUSED:
                raise UnknownStep(
                    f"{call}: what it does to the recorded files cannot be told; {REFUSED[name]}"
                )
            case "ftruncate" | "truncate":
                recording.resized(process, call)
            case "fsync" | "fdatasync":
                recording.synced(process, call)
            case "sync" | "syncfs":
                recording.synced_all(call)
            case "fallocate":
                recording.allocated(process, call)
            case name if name in MAPPING_CALLS:
                self._map(process, call, result)
            case "chdir":
                place = located(call, process, self._names, 0, at=None, follow=True)
                process.folder.path = place.path
            case "fchdir":
                process.folder.path = descriptor(call, 0).path or process.folder.path
            case "execve" | "execveat":
                executed(process)
            case "unshare":
                unshared(process, call)
            case name if name in ATTRIBUTES:
                self.unrecorded.attributes(call, process)
            case name if name in MODES:
                self.unrecorded.mode(call, process)
            case _:
                raise StraceOutputError(f"{call} was not to be traced")

    def _map(self, process: Process, call: Call, result: int) -> None:
        mappings = self._recording.mappings
        match call.name:
            case "mmap":
                mappings.mapped(process, call, result, self._recording.mapped(process, call))
            case "munmap":
                mappings.unmapped(process, call)
            case "mremap":
                mappings.moved(process, call, result)
            case "msync":
                mappings.synced(process, call)
            case _:
                mappings.protected(process, call)

    def _name(self, process: Process, call: Call) -> None:
        step = name_step(call, process, self._names)
        if step is None:
            for path, at in NAMED[call.name][1] if call.name in NAMED else ():
                place = located(call, process, self._names, path, at=at)
                if place.below is None:
                    check_not_led_out(call, process, self._names, path, at, place.path)
            self.unrecorded.named(call, process)
            return
        self._recording.steps.append(step)
        match step:
            case Rename(source, target):
                self._move_folders({source: target})
            case Exchange(first, second):
                self._move_folders({first: second, second: first})
            case _:
                pass

    def _move_folders(self, moved: dict[str, str]) -> None:
        """Current directories stay with what is renamed."""
        processes = self._processes.values()
        for folder in {id(process.folder): process.folder for process in processes}.values():
            for source, target in moved.items():
                before = f"{self._names.root}/{source}"
                if is_in(folder.path, before):
                    folder.path = f"{self._names.root}/{target}{folder.path[len(before) :]}"
                    break

    def _cut_off(self, process: Process, call: Call) -> None:
        """The process was killed in a call. A barrier that was not seen to end counts for none;
        whether anything else was done cannot be told.
        """
        if call.name in OPENS:
            place = open_place(process, call, self._names)
            concerned = changes(open_flags(call)) and self._names.relative(place) is not None
        elif call.name in NAME_CALLS:
            concerned = name_step(call, process, self._names) is not None
        elif call.name == "truncate":
            place = located(call, process, self._names, 0, at=None, follow=True).path
            concerned = self._names.relative(place) is not None
        elif call.name in WRITES | COPIES.keys() | {"ftruncate", "fallocate"}:
            target = COPIES[call.name][0] if call.name in COPIES else 0
            concerned = self._recording.recorded(process, call, target) is not None
        else:
            concerned = False
        if concerned:
            raise UnknownStep(f"{call}: the process was killed in it, and may have done it or not")
