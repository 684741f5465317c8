"""Ordinary programs under the recorder: the steps, and that they make the real bytes again."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tornwrite.faults.images import materialise, read_image
from tornwrite.faults.recorder import Recorder
from tornwrite.faults.steps import (
    Close,
    Fsync,
    Link,
    Mkdir,
    Open,
    Rename,
    Rmdir,
    SetSize,
    Step,
    Symlink,
    SyncAll,
    Unlink,
    Write,
    describe,
)
from tornwrite.faults.trace import Trace, open_paths


def replay(trace: Trace, root: Path) -> None:
    """The steps as calls, one after the other, with nothing of the recorder in between."""
    root.mkdir()
    materialise(trace.base, str(root))
    descriptors: dict[int, int] = {}
    for step in trace.steps:
        match step:
            case Open(handle, path, create, truncate):
                flags = os.O_RDWR | os.O_CREAT * create | os.O_TRUNC * truncate
                descriptors[handle] = os.open(root / path, flags, 0o644)
            case Write(handle, offset, data):
                at = os.fstat(descriptors[handle]).st_size if offset is None else offset
                assert os.pwrite(descriptors[handle], data, at) == len(data)
            case SetSize(handle, size):
                os.ftruncate(descriptors[handle], size)
            case Close(handle):
                os.close(descriptors.pop(handle))
            case Fsync() | SyncAll():
                pass
            case Rename(source, target):
                os.rename(root / source, root / target)
            case Link(source, target):
                os.link(root / source, root / target)
            case Unlink(path):
                os.unlink(root / path)
            case Symlink(path, text):
                os.symlink(text, root / path)
            case Mkdir(path):
                os.mkdir(root / path)
            case Rmdir(path):
                os.rmdir(root / path)
    assert not descriptors


def record(tmp_path: Path, program: Callable[[Path], object]) -> list[Step]:
    root = tmp_path / "root"
    root.mkdir(exist_ok=True)
    with Recorder(root) as recorder:
        program(root)
    trace = recorder.trace()
    replay(trace, tmp_path / "replayed")
    assert read_image(str(tmp_path / "replayed")) == read_image(str(root))
    return trace.steps


def told(steps: list[Step]) -> list[str]:
    return [describe(step, open_paths(steps)) for step in steps]


def test_write_text_is_open_write_close(tmp_path: Path) -> None:
    steps = record(tmp_path, lambda root: (root / "a").write_text("héllo\n"))
    assert steps == [Open(1, "a", True, True), Write(1, 0, "héllo\n".encode()), Close(1)]


def test_buffered_writes_keep_the_boundaries_of_the_buffer(tmp_path: Path) -> None:
    def program(root: Path) -> None:
        with open(root / "a", "wb", buffering=100) as file:
            for _ in range(5):
                file.write(b"x" * 60)

    steps = record(tmp_path, program)
    plain = tmp_path / "plain"
    log = tmp_path / "log"
    # The same program without the recorder, its write(2) calls counted by a FileIO of its own.
    code = (
        "import io, sys\n"
        "class Raw(io.FileIO):\n"
        "    def write(self, data):\n"
        "        print(len(data), file=sys.stderr); return super().write(data)\n"
        f"file = io.BufferedWriter(Raw({str(plain)!r}, 'w'), 100)\n"
        "for _ in range(5): file.write(b'x' * 60)\n"
        "file.close()\n"
    )
    with open(log, "wb") as out:
        subprocess.run([sys.executable, "-c", code], stderr=out, check=True)
    assert [len(step.data) for step in steps if isinstance(step, Write)] == [
        int(line) for line in log.read_text().split()
    ]


def test_a_write_larger_than_the_buffer_goes_through_at_once(tmp_path: Path) -> None:
    def program(root: Path) -> None:
        with open(root / "a", "wb") as file:
            file.write(b"head")
            file.write(b"y" * 100_000)

    lengths = [len(step.data) for step in record(tmp_path, program) if isinstance(step, Write)]
    assert lengths == [4, 100_000]


def test_json_dump_and_fsync(tmp_path: Path) -> None:
    def program(root: Path) -> None:
        with open(root / "a.json", "w", encoding="utf-8") as file:
            json.dump({"key": [1, 2, 3]}, file)
            file.flush()
            os.fsync(file.fileno())

    steps = record(tmp_path, program)
    assert steps == [
        Open(1, "a.json", True, True),
        Write(1, 0, b'{"key": [1, 2, 3]}'),
        Fsync(1),
        Close(1),
    ]


def test_atomic_replacement_with_its_directory_synced(tmp_path: Path) -> None:
    def program(root: Path) -> None:
        (root / "sub").mkdir()
        descriptor, name = tempfile.mkstemp(dir=root / "sub", prefix="meta-")
        with os.fdopen(descriptor, "w") as file:
            print("first", "second", file=file)
            file.flush()
            os.fdatasync(file)
        os.replace(name, root / "sub" / "meta")
        folder = os.open(root / "sub", os.O_RDONLY | os.O_DIRECTORY)
        os.fsync(folder)
        os.close(folder)

    steps = record(tmp_path, program)
    name = steps[1].path if isinstance(steps[1], Open) else ""
    assert steps == [
        Mkdir("sub"),
        Open(1, name, create=True),
        Write(1, 0, b"first second\n"),
        Fsync(1, data_only=True),
        Close(1),
        Rename(name, "sub/meta"),
        Fsync("sub"),
    ]


def test_named_temporary_files_go_when_they_are_closed(tmp_path: Path) -> None:
    def program(root: Path) -> None:
        with tempfile.NamedTemporaryFile(dir=root, suffix=".tmp") as file:
            file.write(b"temporary")

    kinds = [type(step) for step in record(tmp_path, program)]
    assert kinds == [Open, Write, Close, Unlink]


def test_appends_have_no_offset(tmp_path: Path) -> None:
    def program(root: Path) -> None:
        for line in ("one\n", "two\n"):
            with open(root / "log", "a", buffering=1) as file:
                file.write(line)
        descriptor = os.open(root / "log", os.O_WRONLY | os.O_APPEND)
        os.pwrite(descriptor, b"three\n", 0)
        os.close(descriptor)

    writes = [step for step in record(tmp_path, program) if isinstance(step, Write)]
    assert [(write.offset, write.data) for write in writes] == [
        (None, b"one\n"),
        (None, b"two\n"),
        (None, b"three\n"),
    ]


def test_updates_in_place_have_the_offset_of_the_position(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "a").write_bytes(b"0123456789")

    def program(root: Path) -> None:
        with open(root / "a", "r+b") as file:
            assert file.read(2) == b"01"
            file.seek(4)
            file.write(b"EF")
            file.seek(8)
            file.truncate()

    assert record(tmp_path, program) == [
        Open(1, "a"),
        Write(1, 4, b"EF"),
        SetSize(1, 8),
        Close(1),
    ]


def test_every_kind_of_write_call(tmp_path: Path) -> None:
    def program(root: Path) -> None:
        descriptor = os.open(root / "a", os.O_RDWR | os.O_CREAT)
        os.write(descriptor, bytearray(b"abc"))
        os.writev(descriptor, [b"de", memoryview(b"f")])
        os.pwrite(descriptor, b"G", 10)
        os.pwritev(descriptor, [b"H", b"I"], 20)
        os.posix_fallocate(descriptor, 0, 30)
        os.posix_fallocate(descriptor, 0, 5)
        os.ftruncate(descriptor, 25)
        os.write(descriptor, b"")
        os.close(descriptor)
        os.truncate(root / "a", 24)

    assert record(tmp_path, program) == [
        Open(1, "a", create=True),
        Write(1, 0, b"abc"),
        Write(1, 3, b"def"),
        Write(1, 10, b"G"),
        Write(1, 20, b"HI"),
        SetSize(1, 30),
        SetSize(1, 25),
        Close(1),
        Open(2, "a"),
        SetSize(2, 24),
        Close(2),
    ]


def test_synchronous_files_sync_with_each_write(tmp_path: Path) -> None:
    def program(root: Path) -> None:
        for flag in (os.O_SYNC, os.O_DSYNC):
            descriptor = os.open(root / "a", os.O_WRONLY | os.O_CREAT | flag)
            os.write(descriptor, b"x")
            os.close(descriptor)
        descriptor = os.open(root / "a", os.O_WRONLY)
        os.write(descriptor, b"x")
        os.pwritev(descriptor, [b"y"], 1, os.RWF_DSYNC)
        os.close(descriptor)

    writes = [step for step in record(tmp_path, program) if isinstance(step, Write)]
    assert [write.sync for write in writes] == [True, True, False, True]


def test_duplicated_descriptors_share_a_handle_until_the_last_is_closed(tmp_path: Path) -> None:
    def program(root: Path) -> None:
        import fcntl

        first = os.open(root / "a", os.O_WRONLY | os.O_CREAT)
        second = os.dup(first)
        third = fcntl.fcntl(first, fcntl.F_DUPFD_CLOEXEC, 50)
        other = os.open(root / "b", os.O_WRONLY | os.O_CREAT)
        os.dup2(first, other)
        os.close(first)
        for descriptor in (second, third, other):
            os.write(descriptor, b"x")
            os.fsync(descriptor)
            os.close(descriptor)

    assert record(tmp_path, program) == [
        Open(1, "a", create=True),
        Open(2, "b", create=True),
        Close(2),
        *(step for at in range(3) for step in (Write(1, at, b"x"), Fsync(1))),
        Close(1),
    ]


def test_appending_can_be_switched_on_later(tmp_path: Path) -> None:
    def program(root: Path) -> None:
        import fcntl

        descriptor = os.open(root / "a", os.O_WRONLY | os.O_CREAT)
        os.write(descriptor, b"abc")
        os.lseek(descriptor, 0, os.SEEK_SET)
        fcntl.fcntl(descriptor, fcntl.F_SETFL, os.O_APPEND)
        os.write(descriptor, b"d")
        os.closerange(descriptor, descriptor + 1)

    assert record(tmp_path, program)[2:] == [Write(1, None, b"d"), Close(1)]


def test_copies_inside_the_kernel_are_writes(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "source").write_bytes(bytes(range(256)) * 40)

    def program(root: Path) -> None:
        shutil.copyfile(tmp_path / "source", root / "a")
        source = os.open(tmp_path / "source", os.O_RDONLY)
        target = os.open(root / "b", os.O_WRONLY | os.O_CREAT)
        os.copy_file_range(source, target, 100, 7, 50)
        os.close(source)
        os.close(target)

    steps = record(tmp_path, program)
    whole = (tmp_path / "source").read_bytes()
    assert steps[1] == Write(1, 0, whole)
    assert steps[4] == Write(2, 50, whole[7:107])


def test_trees_are_copied_moved_and_removed(tmp_path: Path) -> None:
    def program(root: Path) -> None:
        os.makedirs(root / "a" / "b")
        (root / "a" / "b" / "file").write_text("x")
        (root / "a" / "link").symlink_to("b/file")
        shutil.copytree(root / "a", root / "copy", symlinks=True)
        shutil.move(root / "copy", root / "moved")
        shutil.rmtree(root / "a")
        os.link(root / "moved" / "b" / "file", root / "second")
        os.renames(root / "second", root / "new" / "third")

    steps = told(record(tmp_path, program))
    assert "rename copy -> moved" in steps
    assert steps[-2:] == ["mkdir new", "rename second -> new/third"]
    removed = [step.split()[1] for step in steps if step.startswith(("unlink", "rmdir"))]
    assert sorted(removed) == ["a", "a/b", "a/b/file", "a/link"]
    assert removed[-1] == "a"


def test_pathlib_does_what_it_does(tmp_path: Path) -> None:
    def program(root: Path) -> None:
        (root / "d" / "e").mkdir(parents=True)
        (root / "d" / "f").touch()
        (root / "d" / "f").rename(root / "g")
        (root / "g").unlink()
        (root / "g").unlink(missing_ok=True)
        (root / "d" / "e").rmdir()
        (root / "d").mkdir(exist_ok=True)

    assert told(record(tmp_path, program)) == [
        "mkdir d",
        "mkdir d/e",
        "open d/f (create)",
        "close d/f",
        "rename d/f -> g",
        "unlink g",
        "rmdir d/e",
    ]


def test_directory_descriptors_and_links_lead_to_the_real_path(tmp_path: Path) -> None:
    (tmp_path / "root" / "deep").mkdir(parents=True)
    (tmp_path / "way in").symlink_to("root/deep")

    def program(root: Path) -> None:
        folder = os.open(tmp_path / "way in", os.O_RDONLY)
        os.mkdir("x", dir_fd=folder)
        descriptor = os.open("x/a", os.O_WRONLY | os.O_CREAT, dir_fd=folder)
        os.close(descriptor)
        os.rename("x/a", "b", src_dir_fd=folder, dst_dir_fd=folder)
        os.symlink("b", "c", dir_fd=folder)
        os.fsync(folder)
        os.close(folder)
        (tmp_path / "way in" / "c").write_text("through two links")
        os.unlink(f"{tmp_path}/way in/../deep/c")

    assert told(record(tmp_path, program)) == [
        "mkdir deep/x",
        "open deep/x/a (create)",
        "close deep/x/a",
        "rename deep/x/a -> deep/b",
        "symlink deep/c -> b",
        "fsync deep",
        "open deep/b (create, truncate)",
        "write 17 B at 0 of deep/b",
        "close deep/b",
        "unlink deep/c",
    ]


def test_relative_paths_are_below_the_root_where_they_lead_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "root" / "sub").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "root" / "sub")

    def program(root: Path) -> None:
        Path("a").write_text("x")
        os.rename(b"a", b"../b")
        os.mkdir("c/")
        os.rename("c/", "d/")

    assert told(record(tmp_path, program))[-3:] == [
        "rename sub/a -> b",
        "mkdir sub/c",
        "rename sub/c -> sub/d",
    ]


def test_a_renamed_directory_is_known_by_its_new_name(tmp_path: Path) -> None:
    def program(root: Path) -> None:
        (root / "old").mkdir()
        (root / "old" / "a").touch()
        (root / "old").rename(root / "new")
        (root / "old").symlink_to("new")
        (root / "old" / "b").touch()

    assert told(record(tmp_path, program))[-2:] == ["open new/b (create)", "close new/b"]


def test_barriers_on_files_opened_for_reading_name_their_path(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "a").touch()

    def program(root: Path) -> None:
        descriptor = os.open(root / "a", os.O_RDONLY)
        os.rename(root / "a", root / "b")
        os.fsync(descriptor)
        os.close(descriptor)
        descriptor = os.open(root, os.O_RDONLY)
        os.fdatasync(descriptor)
        os.close(descriptor)

    assert record(tmp_path, program)[1:] == [Fsync("b"), Fsync("", data_only=True)]


def test_sync_is_a_barrier_on_everything(tmp_path: Path) -> None:
    assert record(tmp_path, lambda root: os.sync()) == [SyncAll()]


def test_calls_that_fail_are_no_steps(tmp_path: Path) -> None:
    def program(root: Path) -> None:
        for call in (
            lambda: os.unlink(root / "missing"),
            lambda: os.rename(root / "missing", root / "b"),
            lambda: os.mkdir(root),
            lambda: os.rmdir(root / "missing" / "deeper"),
            lambda: os.open(root / "missing", os.O_RDWR),
            lambda: root.write_text("x"),
            lambda: os.link(root / "missing", root / "b"),
        ):
            with pytest.raises(OSError, match=str(root)):
                call()

    assert record(tmp_path, program) == []


def test_a_file_left_to_the_collector_is_closed_in_the_trace(tmp_path: Path) -> None:
    def program(root: Path) -> None:
        file = open(root / "a", "wb")  # noqa: SIM115
        file.write(b"x")
        with pytest.warns(ResourceWarning):
            del file

    assert record(tmp_path, program) == [Open(1, "a", True, True), Write(1, 0, b"x"), Close(1)]
