"""Locks on sessions: between the threads of a process and between processes.

Sessions share a fixed number of locks, so that memory does not grow with the sessions. Between
processes each lock is one byte of the file `.lock`, held as an open-file-description lock
(F_OFD_SETLKW, fcntl(2)): unlike a classic POSIX lock it is not dropped when another part of the
program closes the same file, and the kernel drops it when the process dies. Where the system has
no such locks, `flock` takes the whole file, and sessions then wait for each other.

Where `.lock` neither exists nor can be made, nothing is locked between processes: in a directory
that cannot be written to there is nobody to wait for.
"""

import contextlib
import errno
import fcntl
import logging
import os
import struct
import threading
import weakref
import zlib
from collections.abc import Callable, Iterator, Sequence

from tornwrite.reference.durable import FILE_MODE, close
from tornwrite.reference.durable.spelling import folded

SHARDS = 64
_logger = logging.getLogger(__name__)
_MIGRATION = SHARDS  # the byte after the sessions' bytes
# struct flock of fcntl(2): type, whence, start, length, pid (0 for this kind), native alignment.
_flock = struct.Struct("hhqqi0q").pack
_HAS_RANGES = hasattr(fcntl, "F_OFD_SETLKW")

_REFUSALS = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT)
# In its place is no file: nobody can lock it, so nothing may be written.
_NO_FILE = (errno.EISDIR, errno.ELOOP, errno.ENXIO)


class DirectoryLocks:
    """The locks of one directory of sessions.

    After a fork the child has locks of its own: the open file it inherited shares its locks with
    the parent, and a thread lock held by another thread of the parent would never be released.

    Args:
        path: the lock file; created when missing and permitted.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._closed = False
        self._descriptor: int | None = None
        self._writable = False
        self._make_thread_locks()
        self._open()
        _alive.add(self)

    def close(self) -> None:
        """Close the lock file, once nobody in this process holds a lock."""
        with _all_of(self._threads):
            self._closed = True
            self._close_file()

    @property
    def closed(self) -> bool:
        return self._closed

    @property
    def writable(self) -> bool:
        """Whether other processes can be kept out, without which nothing may be written."""
        return self._writable

    @contextlib.contextmanager
    def session(
        self, shared_name: str, *, write: bool, check: Callable[[], None] = lambda: None
    ) -> Iterator[int]:
        """Hold the lock of the sessions with this lossy name; gives the number of the shard.

        Processes that only read do not keep each other out.

        Args:
            shared_name: the lossy name.
            write: keep everybody else out.
            check: called once the lock is held; what it raises is handed on.

        Raises:
            PermissionError: `write`, and the lock file cannot be written to.
        """
        # Two spellings may be one file.
        shard = zlib.crc32(folded(shared_name).encode()) % SHARDS
        if write:
            self._see_whether_writable()
        with self._threads[shard if _HAS_RANGES else 0]:
            descriptor = self._lock(shard, 1, write=write)
            try:
                check()
                yield shard
            finally:
                self._unlock(descriptor, shard, 1)

    @contextlib.contextmanager
    def all_sessions(self) -> Iterator[None]:
        """Hold the locks of all sessions."""
        mine = self._threads[: SHARDS if _HAS_RANGES else 1]
        with _all_of(mine), self._range(0, SHARDS, write=True):
            yield

    @contextlib.contextmanager
    def migration(self) -> Iterator[None]:
        """Keep other migrations of the directory out. Sessions are locked after this, not before.

        With `flock` only the migrations of this process are kept out; each imported session is
        still locked by itself.
        """
        self._see_whether_writable()
        with self._threads[_MIGRATION]:
            if _HAS_RANGES:
                with self._range(_MIGRATION, 1, write=True):
                    yield
            else:
                yield

    @contextlib.contextmanager
    def _range(self, start: int, length: int, *, write: bool) -> Iterator[None]:
        descriptor = self._lock(start, length, write=write)
        try:
            yield
        finally:
            self._unlock(descriptor, start, length)

    def _lock(self, start: int, length: int, *, write: bool) -> int | None:
        """Keep other processes out of a range; gives the descriptor that does, None if none can."""
        descriptor = self._descriptor
        if write and not self._writable:
            # Going on without would let two writers into one session.
            reason = "cannot be written to, and without locking it nothing may be written"
            raise PermissionError(errno.EACCES, reason, self._path)
        if descriptor is None:
            return None
        if _HAS_RANGES:
            _set_range(descriptor, fcntl.F_WRLCK if write else fcntl.F_RDLCK, start, length)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX if write else fcntl.LOCK_SH)
        return descriptor

    def _unlock(self, descriptor: int | None, start: int, length: int) -> None:
        # Not the parent's lock, should this be a child forked inside the block.
        if descriptor is None or descriptor != self._descriptor:
            return
        if _HAS_RANGES:
            _set_range(descriptor, fcntl.F_UNLCK, start, length)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_UN)

    def _open(self) -> None:
        flags = os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | flags, FILE_MODE)
            self._writable = True
        except OSError as error:
            if error.errno not in (*_REFUSALS, *_NO_FILE):
                raise
            self._writable = False
            if error.errno in _NO_FILE:
                _logger.warning("%s is no file, so nothing can be written: %s", self._path, error)
                return
            with contextlib.suppress(FileNotFoundError):
                self._descriptor = os.open(self._path, os.O_RDONLY | flags)

    def _see_whether_writable(self) -> None:
        """What could not be written to when it was opened may be so by now."""
        if self._writable:
            return
        with _all_of(self._threads):
            if not self._closed:
                self._close_file()
                self._open()

    def _close_file(self) -> None:
        if self._descriptor is not None:
            close(self._descriptor)
            self._descriptor = None

    def _make_thread_locks(self) -> None:
        self._threads = tuple(threading.Lock() for _ in range(SHARDS + 1))

    def _after_fork_in_child(self) -> None:
        self._make_thread_locks()
        self._close_file()
        if not self._closed:
            self._open()


@contextlib.contextmanager
def _all_of(locks: Sequence[threading.Lock]) -> Iterator[None]:
    """Hold several locks, taken in their order."""
    held = 0
    try:
        for lock in locks:
            lock.acquire()
            held += 1
        yield
    finally:
        for lock in locks[:held]:
            lock.release()


def _set_range(descriptor: int, kind: int, start: int, length: int) -> None:
    fcntl.fcntl(descriptor, fcntl.F_OFD_SETLKW, _flock(kind, os.SEEK_SET, start, length, 0))


_alive: weakref.WeakSet[DirectoryLocks] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for locks in list(_alive):
        locks._after_fork_in_child()


os.register_at_fork(after_in_child=_after_fork_in_child)
