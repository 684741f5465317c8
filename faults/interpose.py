"""The one place where calls are put in the way of a program's own, and taken out again.

A call is replaced in its own modules (`os`, `posix`, `io`, …) and in every loaded module that
holds it under a name of its own (`from os import fsync`). What is held elsewhere, as a default
argument or in a closure, keeps the original: an audit hook notices those that change names or open
files. Nothing can notice such a hidden `write` or `fsync` (Python audits neither); for writes, the
caller compares the recorded content with the real one at the end.
"""

import builtins
import fcntl
import io
import mmap
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from types import FunctionType, ModuleType
from typing import Any

from tornwrite.faults import originals as real
from tornwrite.faults.descriptor_calls import DescriptorCalls
from tornwrite.faults.name_calls import NameCalls
from tornwrite.faults.places import Places
from tornwrite.faults.read_calls import ReadCalls
from tornwrite.faults.recorded_file import FileCalls, RecordedFileIO
from tornwrite.faults.recorded_map import RecordedMap
from tornwrite.faults.recording import Recording, current
from tornwrite.faults.recording_errors import RecorderActive, RecorderBlind

_DESCRIPTOR_CALLS = (
    "open", "close", "closerange", "dup", "dup2", "write", "writev", "pwrite", "pwritev",
    "truncate", "ftruncate", "posix_fallocate", "fsync", "fdatasync", "sync", "sendfile",
    "copy_file_range", "splice",
)  # fmt: skip
_NAME_CALLS = (
    "rename", "replace", "link", "symlink", "unlink", "remove", "mkdir", "rmdir", "mkfifo", "mknod",
)  # fmt: skip
_READ_CALLS = ("read", "pread", "readv", "preadv")

_Place = tuple[dict[str, Any], str]


def _replacements() -> list[tuple[ModuleType, str, Any, Any]]:
    """Where each call lives, its name there, the original, what stands in for it."""
    descriptors, names, files = DescriptorCalls(), NameCalls(), FileCalls()
    table: list[tuple[ModuleType, str, Any, Any]] = [
        (builtins, "open", real.io_open, files.open),
        (io, "open", real.io_open, files.open),
        (io, "FileIO", real.FileIO, RecordedFileIO),
        (mmap, "mmap", real.mmap, RecordedMap),
        (fcntl, "fcntl", real.fcntl, descriptors.fcntl),
        (fcntl, "ioctl", real.ioctl, descriptors.ioctl),
    ]
    reads = ReadCalls()
    for holder, calls in (
        (descriptors, _DESCRIPTOR_CALLS),
        (names, _NAME_CALLS),
        (reads, _READ_CALLS),
    ):
        table += [(os, name, getattr(real, name), getattr(holder, name)) for name in calls]
    return table


_TABLE = _replacements()
# By identity: builtins and types hash by it, and nothing else must be taken for one of them.
_STAND_INS = {id(original): stand_in for _, _, original, stand_in in _TABLE}
_ORIGINALS = {id(stand_in): original for _, _, original, stand_in in _TABLE}
# Programs ask these sets whether a call takes a descriptor: shutil.rmtree, os.fwalk.
_SUPPORT_SETS = (
    os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks, os.supports_effective_ids,
)  # fmt: skip
_OWN = __package__ + "."

# Modules looked through before, how many names each had, and which of them held an original.
_looked_at: dict[str, tuple[ModuleType, int, tuple[str, ...]]] = {}
_hook_added = False


class Interposition:
    """The replaced calls of one recording; `remove` puts back what it found."""

    def __init__(self, recording: Recording) -> None:
        """Interpose for `recording`.

        Raises RecorderActive if another is at work, RecorderBlind where one of the calls is not the
        interpreter's own or a file below the root is already open for writing.
        """
        if current.recording is not None:
            raise RecorderActive(
                f"a recorder is already at work in this process, below "
                f"{current.recording.places.root}; leave its `with` block first"
            )
        _check_untouched()
        _check_nothing_open(recording.places)
        _add_hook()
        self._replaced: list[tuple[_Place, Any, Any]] = []
        self._defaults: list[tuple[FunctionType, tuple[Any, ...]]] = []
        self._supported: list[tuple[set[Any], Any]] = []
        try:
            self._install()
        except BaseException:
            self.remove()
            raise
        current.recording = recording

    def _install(self) -> None:
        for supported in _SUPPORT_SETS:
            for _, _, original, stand_in in _TABLE:
                if original in supported and stand_in not in supported:
                    supported.add(stand_in)
                    self._supported.append((supported, stand_in))
        for module, names in _holders():
            namespace = module.__dict__
            for name in names:
                held = namespace.get(name)
                stand_in = _STAND_INS.get(id(held))
                if stand_in is not None:
                    namespace[name] = stand_in
                    self._replaced.append(((namespace, name), held, stand_in))
        for function in _known_captures():
            defaults = function.__defaults__ or ()
            changed = tuple(_STAND_INS.get(id(value), value) for value in defaults)
            if changed != defaults:
                self._defaults.append((function, defaults))
                function.__defaults__ = changed

    def remove(self) -> None:
        """Put the originals back everywhere, also in modules imported meanwhile."""
        current.recording = None
        for (namespace, name), original, stand_in in reversed(self._replaced):
            # Somebody else may have patched it since; theirs is not ours to take away.
            if namespace.get(name) is stand_in:
                namespace[name] = original
        for function, defaults in self._defaults:
            function.__defaults__ = defaults
        for supported, stand_in in self._supported:
            supported.discard(stand_in)
        for _, module in _new_modules():
            for name, value in list(module.__dict__.items()):
                if id(value) in _ORIGINALS:
                    module.__dict__[name] = _ORIGINALS[id(value)]


def _new_modules() -> Iterator[tuple[str, ModuleType]]:
    """Those loaded since the last look. There are hundreds, and a run may take a millisecond."""
    looked_at = _looked_at
    # Programs put there what they like.
    loaded: Iterable[tuple[str, object]] = list(sys.modules.items())
    for key, module in loaded:
        known = looked_at.get(key)
        # A module still being imported at the first look has more names by now.
        if known is not None and known[0] is module and known[1] == len(module.__dict__):
            continue
        if isinstance(module, ModuleType) and not key.startswith(_OWN):
            yield key, module


def look_at_modules() -> None:
    """Do now what the next recorder in this process, or in a fork of it, would have to do first."""
    _holders()


def _holders() -> list[tuple[ModuleType, tuple[str, ...]]]:
    """Loaded modules that hold one of the originals, and under which names."""
    for key, module in _new_modules():
        held = tuple(
            name for name, value in list(module.__dict__.items()) if id(value) in _STAND_INS
        )
        _looked_at[key] = (module, len(module.__dict__), held)
    return [(module, held) for module, _, held in _looked_at.values() if held]


def _known_captures() -> list[FunctionType]:
    """Functions of the standard library that keep a call as a default argument."""
    tempfile = sys.modules.get("tempfile")
    closer = getattr(tempfile, "_TemporaryFileCloser", None)
    if closer is None:
        return []
    return [value for value in vars(closer).values() if isinstance(value, FunctionType)]


def _check_untouched() -> None:
    for module, name, original, _ in _TABLE:
        found = getattr(module, name)
        if found is not original:
            raise RecorderBlind(
                f"{module.__name__}.{name} was replaced by {found!r} before the recorder started, "
                "so its calls would not be seen; replace it inside the recorder, or not at all"
            )


def _check_nothing_open(places: Places) -> None:
    for name in os.listdir("/proc/self/fd"):
        place = places.writable(int(name))
        if place is not None:
            raise RecorderBlind(
                f"{place} is already open for writing (descriptor {name}), so writes to it would "
                "not be seen; start the recorder before opening it, or close it first"
            )


def _add_hook() -> None:
    # A hook can never be taken out again; it does nothing while there is no recording.
    global _hook_added
    if not _hook_added:
        sys.addaudithook(_audit)
        os.register_at_fork(after_in_child=_after_fork)
        _hook_added = True


def _after_fork() -> None:
    if current.recording is not None:
        current.recording.in_forked_child()


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    recording = current.recording
    if recording is None or event not in _WATCHED or current.thread.interposed:
        return
    place = _WATCHED[event](recording, arguments)
    if place is not None:
        recording.blinded(
            f"{event} on {place or 'the root'} did not come through the recorder: made by a C "
            "extension, or by a call kept from before the start (as a default argument, in a "
            "closure or a class); let the subject call it through its module"
        )


def _opened(recording: Recording, arguments: tuple[Any, ...]) -> str | None:
    path, _, flags = arguments
    if not isinstance(flags, int) or not flags & (
        os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
    ):
        return None
    return None if isinstance(path, int) else recording.places.file(path)


def _named(*positions: tuple[int, int]) -> Callable[[Recording, tuple[Any, ...]], str | None]:
    """For events whose arguments hold, at these positions, a path and its dir_fd (-1: none)."""

    def place(recording: Recording, arguments: tuple[Any, ...]) -> str | None:
        for path, folder in positions:
            dir_fd = arguments[folder]
            found = recording.places.entry(arguments[path], None if dir_fd == -1 else dir_fd)
            if found is not None:
                return found
        return None

    return place


def _truncated(recording: Recording, arguments: tuple[Any, ...]) -> str | None:
    if isinstance(arguments[0], int):
        opened = recording.open_files.get(arguments[0])
        return None if opened is None else opened.path
    return recording.places.file(arguments[0])


def _mapped(recording: Recording, arguments: tuple[Any, ...]) -> str | None:
    descriptor, _, access, _ = arguments
    opened = recording.open_files.get(descriptor)
    private = access in (mmap.ACCESS_READ, mmap.ACCESS_COPY)
    return None if opened is None or private else opened.path


def _database(recording: Recording, arguments: tuple[Any, ...]) -> str | None:
    # A database without a file: ":memory:", or one that is deleted as it is made.
    return None if arguments[0] in (":memory:", "") else recording.places.file(arguments[0])


_WATCHED: dict[str, Callable[[Recording, tuple[Any, ...]], str | None]] = {
    "open": _opened,
    "os.rename": _named((0, 2), (1, 3)),
    "os.link": _named((1, 3)),
    "os.symlink": _named((1, 2)),
    "os.remove": _named((0, 1)),
    "os.mkdir": _named((0, 2)),
    "os.rmdir": _named((0, 1)),
    "os.truncate": _truncated,
    "mmap.__new__": _mapped,
    "sqlite3.connect": _database,
}
