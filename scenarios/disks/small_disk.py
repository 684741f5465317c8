"""A real file system with a size: a tmpfs, mounted where nobody else sees it.

It is mounted by a forked process in a mount namespace of its own (unshare(2)), so it goes when that
process ends, however it ends; and that process ends with the one that forked it. Where the user may
not have such a namespace, one of users is tried as well (user_namespaces(7)).
"""

import contextlib
import ctypes
import gc
import os
import pickle
import signal
import traceback
import warnings
from collections.abc import Callable
from functools import cache
from typing import NoReturn, TypeVar

from tornwrite.faults.images import Image, clear, materialise, read_image
from tornwrite.faults.offspring import die_with_parent
from tornwrite.faults.scratch import Workspace

T = TypeVar("T")

BLOCK_BYTES = os.sysconf("SC_PAGESIZE")
"""What a file takes on it is a multiple of this."""

_PLENTY_BYTES = 64 << 20
_CLONE_NEWNS, _CLONE_NEWUSER = 0x00020000, 0x10000000
_MS_REMOUNT, _MS_REC, _MS_PRIVATE = 0x20, 0x4000, 0x40000


class NoMount(Exception):
    """No file system can be mounted here. The message says what was tried and what refused it."""


class DiskFailed(Exception):
    """What was done on the disk raised, or its process ended by itself. The message says how."""


class SmallDisk:
    """The file system while it is mounted; `root` is a directory of its own on it."""

    refused = 0

    def __init__(self, mounted: str) -> None:
        self._mounted = mounted
        self.root = os.path.join(mounted, "store")
        os.mkdir(self.root)
        # A size of nothing would mean no limit: tmpfs(5).
        with open(os.path.join(mounted, "one block"), "wb") as file:
            file.write(bytes(BLOCK_BYTES))

    def lay_down(self, image: Image, free_bytes: int) -> None:
        """Hold the image and nothing else, with so many bytes free: a multiple of a block."""
        self.free()
        clear(self.root)
        materialise(image, self.root)
        space = os.statvfs(self._mounted)
        used = (space.f_blocks - space.f_bfree) * space.f_frsize
        _mount(self._mounted, _MS_REMOUNT, used + free_bytes)

    def free(self) -> None:
        """Make room for all that may come."""
        _mount(self._mounted, _MS_REMOUNT, _PLENTY_BYTES)

    def image(self) -> Image:
        """What is in the directory now."""
        return read_image(self.root)


def on_small_disk(directory: str, work: Callable[[SmallDisk], T]) -> T:
    """Do some work on such a disk, in a forked process; its result has to be one for pickle.

    directory: an existing one of the harness's own, to mount on. Call it from a process without
    other threads, or from one whose threads hold no lock that the work needs.

    Raises NoMount when nothing can be mounted here, DiskFailed when the work failed.
    """
    pipe, end = os.pipe()
    parent = os.getpid()
    try:
        with warnings.catch_warnings():
            # 3.12 warns if there are other threads; the docstring says what is asked of them.
            warnings.filterwarnings("ignore", "This process .* is multi-threaded")
            pid = os.fork()
        if pid == 0:
            os.close(pipe)
            _be_child(directory, work, end, parent)
    finally:
        os.close(end)
    try:
        with open(pipe, "rb") as stream:
            told = stream.read()
    finally:
        # It has told all that it will, or nobody is going to listen.
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    if not told:
        raise DiskFailed(f"the process on the small disk in {directory} ended without a word")
    result, refused, failed = pickle.loads(told)
    if refused:
        raise NoMount(refused)
    if failed:
        raise DiskFailed(f"the work on the small disk failed:\n{failed}")
    found: T = result
    return found


@cache
def why_no_mount() -> str:
    """Why nothing can be mounted here; empty if it can. Tried once."""
    with Workspace(needed_bytes=0) as workspace:
        try:
            on_small_disk(workspace.path, lambda disk: disk.image())
        except NoMount as error:
            return str(error)
    return ""


def _be_child(
    directory: str, work: Callable[[SmallDisk], object], pipe: int, parent: int
) -> NoReturn:
    """The child's life. It leaves by _exit: the stack below is the parent's."""
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        die_with_parent(parent)
        gc.freeze()
        told: tuple[object, str, str] = (None, "", "")
        try:
            _mount_privately(directory)
        except OSError as error:
            told = (None, f"a tmpfs cannot be mounted here: {error}", "")
        else:
            told = (work(SmallDisk(directory)), "", "")
    except BaseException:
        told = (None, "", traceback.format_exc())
    try:
        with open(pipe, "wb") as stream:
            stream.write(pickle.dumps(told))
    finally:
        os._exit(0)


def _mount_privately(directory: str) -> None:
    user, group = os.geteuid(), os.getegid()
    try:
        _call("unshare", _CLONE_NEWNS)
    except PermissionError:
        _call("unshare", _CLONE_NEWUSER | _CLONE_NEWNS)
        for file, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{user} {user} 1"),
            ("gid_map", f"{group} {group} 1"),
        ):
            with open(f"/proc/self/{file}", "w") as map_file:
                map_file.write(text)
    _call("mount", b"none", b"/", None, _MS_REC | _MS_PRIVATE, None)
    _mount(directory, 0, _PLENTY_BYTES)


def _mount(directory: str, flags: int, size_bytes: int) -> None:
    options = f"size={size_bytes},mode=700".encode()
    _call("mount", b"tornwrite", os.fsencode(directory), b"tmpfs", flags, options)


def _call(name: str, *arguments: object) -> None:
    """A call of the C library that Python 3.11 does not have. Raises OSError as it says."""
    library = ctypes.CDLL(None, use_errno=True)
    converted = [ctypes.c_ulong(value) if isinstance(value, int) else value for value in arguments]
    if getattr(library, name)(*converted) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
