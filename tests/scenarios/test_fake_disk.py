"""The same calls on pyfakefs and on the kernel: what the stores rely on is the same on both."""

import contextlib
import ctypes
import errno
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tornwrite.faults.recorder import Recorder, RecorderActive
from tornwrite.faults.scratch import Workspace
from tornwrite.scenarios.disks.fake_disk import SHIMS, FakeDisk, System, fake_disk
from tornwrite.scenarios.disks.small_disk import (
    BLOCK_BYTES,
    DiskFailed,
    NoMount,
    SmallDisk,
    on_small_disk,
    why_no_mount,
)

Body = Callable[[str], None]


@contextlib.contextmanager
def opened(path: str, flags: int) -> Iterator[int]:
    descriptor = os.open(path, flags, 0o644)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def appends_and_reads_at(root: str) -> None:
    with opened(f"{root}/a", os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC) as descriptor:
        assert os.write(descriptor, b"hello, ") == 7
        assert os.write(descriptor, b"world") == 5
        assert os.pread(descriptor, 5, 7) == b"world"
        assert os.pread(descriptor, 5, 100) == b""
        os.ftruncate(descriptor, 5)
        assert os.write(descriptor, b"!") == 1
        os.fdatasync(descriptor)
        found = os.fstat(descriptor)
    with open(f"{root}/a", "rb") as file:
        assert file.read() == b"hello!"
    assert (found.st_size, found.st_ino) == (6, os.stat(f"{root}/a").st_ino)


def writes_at(root: str) -> None:
    with opened(f"{root}/a", os.O_RDWR | os.O_CREAT) as descriptor:
        os.write(descriptor, b"0123456789")
        assert os.pwrite(descriptor, b"abc", 2) == 3
        os.write(descriptor, b"end")
        assert os.lseek(descriptor, -3, os.SEEK_END) == 10
        assert os.pread(descriptor, 20, 0) == b"01abc56789end"


def renames_over(root: str) -> None:
    for name in ("old", "new"):
        with opened(f"{root}/{name}", os.O_WRONLY | os.O_CREAT | os.O_EXCL) as descriptor:
            os.write(descriptor, name.encode())
    with opened(f"{root}/old", os.O_RDONLY) as descriptor:
        os.rename(f"{root}/new", f"{root}/old")
        assert os.pread(descriptor, 9, 0) == b"old"
    with opened(f"{root}/old", os.O_RDONLY) as descriptor:
        assert os.pread(descriptor, 9, 0) == b"new"
    assert os.listdir(root) == ["old"]


def syncs_a_directory(root: str) -> None:
    with opened(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC) as descriptor:
        os.fsync(descriptor)
    with open(f"{root}/file", "wb"), pytest.raises(NotADirectoryError):
        os.open(f"{root}/file", os.O_RDONLY | os.O_DIRECTORY)


def makes_only_once(root: str) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with opened(f"{root}/a", flags):
        pass
    with pytest.raises(FileExistsError):
        os.open(f"{root}/a", flags)
    with pytest.raises(FileNotFoundError):
        os.open(f"{root}/b", os.O_RDONLY)


def lists_with_kinds(root: str) -> None:
    os.mkdir(f"{root}/folder")
    with opened(f"{root}/file", os.O_WRONLY | os.O_CREAT):
        pass
    with os.scandir(root) as entries:
        found = {entry.name: entry.is_file(follow_symlinks=False) for entry in entries}
    assert found == {"file": True, "folder": False}


BODIES = [
    appends_and_reads_at,
    writes_at,
    renames_over,
    syncs_a_directory,
    makes_only_once,
    lists_with_kinds,
]


@pytest.mark.parametrize("body", BODIES)
def test_the_calls_of_the_stores_do_the_same_on_the_kernel(body: Body, tmp_path: Path) -> None:
    body(str(tmp_path))


@pytest.mark.parametrize("body", BODIES)
def test_the_calls_of_the_stores_do_the_same_on_pyfakefs(body: Body) -> None:
    with fake_disk() as disk:
        disk.lay_down(())
        body(disk.root)


def test_nothing_of_it_is_on_the_real_disk() -> None:
    with fake_disk() as disk:
        disk.lay_down((("a", b"1"),))
        assert os.path.exists(f"{disk.root}/a")
    assert not os.path.exists(disk.root)


def takes_what_fits(disk: FakeDisk | SmallDisk) -> list[object]:
    """What becomes of writes on a disk with room for a block."""
    told: list[object] = []
    disk.lay_down((("old", b"x" * BLOCK_BYTES),), BLOCK_BYTES)
    with opened(f"{disk.root}/a", os.O_WRONLY | os.O_CREAT | os.O_APPEND) as descriptor:
        told.append(os.write(descriptor, b"x" * (BLOCK_BYTES + 10)))
        for _ in range(2):
            try:
                told.append(os.write(descriptor, b"x"))
            except OSError as error:
                told.append(errno.errorcode[error.errno or 0])
        os.unlink(f"{disk.root}/old")
        told.append(os.write(descriptor, b"y" * BLOCK_BYTES))
        os.ftruncate(descriptor, 0)
        told.append(os.write(descriptor, b"z" * 3 * BLOCK_BYTES))
    with opened(f"{disk.root}/a", os.O_RDWR) as descriptor:
        told.append(os.write(descriptor, b"over"))
        disk.free()
        os.lseek(descriptor, 0, os.SEEK_END)
        told.append(os.write(descriptor, b"x" * 10))
    told.append([(path, len(data or b"")) for path, data in disk.image()])
    return told


EXPECTED = [
    BLOCK_BYTES,
    "ENOSPC",
    "ENOSPC",
    BLOCK_BYTES,
    2 * BLOCK_BYTES,
    4,
    10,
    [("a", 2 * BLOCK_BYTES + 10)],
]


def test_a_full_disk_takes_what_fits_on_pyfakefs() -> None:
    with fake_disk() as disk:
        assert takes_what_fits(disk) == EXPECTED


@pytest.mark.skipif(bool(why_no_mount()), reason=why_no_mount())
def test_a_full_disk_takes_what_fits_on_tmpfs() -> None:
    with Workspace() as workspace:
        assert on_small_disk(workspace.path, takes_what_fits) == EXPECTED


def test_pyfakefs_still_needs_each_shim() -> None:
    """One that it no longer needs is to go."""
    from pyfakefs.fake_filesystem_unittest import Patcher

    assert len(SHIMS) == 5
    with Patcher(use_dynamic_patch=False) as patcher:
        assert patcher.fs is not None
        own = type(patcher.fake_modules["os"])
        assert not hasattr(own, "pread")
        assert not hasattr(own, "pwrite")
        patcher.fs.set_disk_usage(3)
        no_room = pytest.raises(OSError, match="No space left")
        with opened("/a", os.O_WRONLY | os.O_CREAT) as descriptor, no_room:
            os.write(descriptor, b"12345")
        with opened(f"/{'?' * 256}", os.O_WRONLY | os.O_CREAT) as descriptor:
            assert os.lseek(descriptor, 3, os.SEEK_SET) is None


def test_it_does_not_work_inside_a_recording(tmp_path: Path) -> None:
    with Recorder(tmp_path), pytest.raises(RecorderActive), fake_disk():
        pass


def test_where_case_tells_nothing_two_spellings_are_one_file() -> None:
    for system, case_sensitive in ((System.LINUX, False), (System.MACOS, None)):
        with fake_disk(system, case_sensitive=case_sensitive) as disk:
            disk.lay_down((("Name", b"1"),))
            assert os.path.exists(f"{disk.root}/nAME")
            assert os.listdir(disk.root) == ["Name"]


@pytest.mark.skipif(bool(why_no_mount()), reason=why_no_mount())
class TestTheRealDisk:
    """The tmpfs of another process, and what is left of it."""

    def test_is_seen_by_nobody_else_and_gone_afterwards(self) -> None:
        def mounts(disk: SmallDisk) -> bool:
            with open("/proc/self/mounts") as file:
                return os.path.dirname(disk.root) in file.read()

        with Workspace() as workspace:
            assert on_small_disk(workspace.path, mounts)
            assert os.listdir(workspace.path) == []
            with open("/proc/self/mounts") as file:
                assert workspace.path not in file.read()

    def test_says_how_its_work_failed(self) -> None:
        with Workspace() as workspace, pytest.raises(DiskFailed, match="ZeroDivisionError"):
            on_small_disk(workspace.path, lambda disk: 1 // 0)

    def test_says_when_its_process_was_killed(self) -> None:
        with Workspace() as workspace, pytest.raises(DiskFailed, match="without a word"):
            on_small_disk(workspace.path, lambda disk: os.kill(os.getpid(), 9))

    @pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
    def test_goes_with_the_process_that_asked_for_it(self, how: int, tmp_path: Path) -> None:
        told, tell = os.pipe()
        parent = os.fork()
        if parent == 0:
            try:
                signal.signal(signal.SIGINT, signal.default_int_handler)
                on_small_disk(str(tmp_path), lambda disk: waits_for_ever(tell))
            finally:
                os._exit(0)
        os.close(tell)
        try:
            child = int(os.read(told, 100))
            os.kill(parent, how)
            os.waitpid(parent, 0)
            assert os.read(told, 1) == b"", "the child has the other end until it is gone"
        finally:
            os.close(told)
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(child).wait(timeout=10)
        assert os.listdir(tmp_path) == []

    @pytest.mark.skipif(os.geteuid() != 0, reason="everything here runs without being root")
    def test_is_had_without_being_root_where_users_may_have_namespaces(self) -> None:
        with Workspace() as workspace:
            os.chown(workspace.path, NOBODY, NOBODY)
            child = os.fork()
            if child == 0:
                os._exit(as_nobody(workspace.path))
            _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) in (MOUNTED, REFUSED)


def waits_for_ever(tell: int) -> None:
    os.write(tell, str(os.getpid()).encode())
    while True:
        time.sleep(1)


NOBODY = 65534
MOUNTED, REFUSED, WRONG = 10, 11, 12


def as_nobody(directory: str) -> int:
    """In a process of its own: whether a user without rights is given a disk, or told why not."""
    try:
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        # Who has changed users owns the files of its own process again only after this: prctl(2).
        ctypes.CDLL(None).prctl(4, 1)
        return MOUNTED if on_small_disk(directory, takes_what_fits) == EXPECTED else WRONG
    except NoMount as error:
        return REFUSED if "cannot be mounted" in str(error) else WRONG
    except BaseException:
        return WRONG
