"""EIO on reading: which calls it meets, and what it leaves alone."""

import errno
import io
import mmap
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tornwrite.faults.read_errors import BadFiles, ReadFails
from tornwrite.faults.recorder import Recorder

HELLO = b"hello, disk"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "bad").write_bytes(HELLO)
    (tmp_path / "good").write_bytes(HELLO)
    return tmp_path


@contextmanager
def failing(root: Path, fails: ReadFails = ReadFails.READ) -> Iterator[None]:
    with BadFiles(str(root), ["bad"], fails) as bad, Recorder(root, read_errors=bad):
        yield


def by_descriptor(read: Callable[[int], bytes]) -> Callable[[Path], bytes]:
    def reading(path: Path) -> bytes:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            return read(descriptor)
        finally:
            os.close(descriptor)

    return reading


def into(count: Callable[[int, list[bytearray]], int]) -> Callable[[int], bytes]:
    def reading(descriptor: int) -> bytes:
        buffer = bytearray(100)
        return bytes(buffer[: count(descriptor, [buffer])])

    return reading


def opened(mode: str, **options: int) -> Callable[[Path], bytes]:
    def reading(path: Path) -> bytes:
        with open(path, mode, **options) as file:  # type: ignore[call-overload]
            found = file.read()
        return found if isinstance(found, bytes) else found.encode()

    return reading


def raw(path: Path) -> bytes:
    with io.FileIO(path) as file:
        return file.readall()


def lines(path: Path) -> bytes:
    with open(path, "rb") as file:
        return b"".join(file)


READERS: dict[str, Callable[[Path], bytes]] = {
    "os.read": by_descriptor(lambda one: os.read(one, 100)),
    "os.pread": by_descriptor(lambda one: os.pread(one, 100, 0)),
    "os.readv": by_descriptor(into(lambda one, buffers: os.readv(one, buffers))),
    "os.preadv": by_descriptor(into(lambda one, buffers: os.preadv(one, buffers, 0))),
    "open, bytes": opened("rb"),
    "open, text": opened("r"),
    "open, no buffer": opened("rb", buffering=0),
    "open, to change": opened("r+b"),
    "io.FileIO": raw,
    "by line": lines,
    "pathlib": Path.read_bytes,
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("fails", ReadFails)
def test_every_way_of_reading_meets_the_error(root: Path, name: str, fails: ReadFails) -> None:
    with failing(root, fails):
        with pytest.raises(OSError, match="Input/output error") as caught:
            READERS[name](root / "bad")
        assert caught.value.errno == errno.EIO
        assert READERS[name](root / "good") == HELLO
    assert READERS[name](root / "bad") == HELLO


def test_a_file_opens_and_fails_only_as_it_is_read(root: Path) -> None:
    with failing(root), open(root / "bad", "rb") as file:
        assert file.seek(0, os.SEEK_END) == len(HELLO)
        assert file.read() == b""  # nothing of the device's is asked for behind the end
        file.seek(3)
        with pytest.raises(OSError, match="Input/output"):
            file.read(1)


def test_a_file_that_fails_to_open_can_still_be_written(root: Path) -> None:
    with failing(root, ReadFails.OPEN), open(root / "bad", "ab") as file:
        file.write(b"!")
    assert (root / "bad").read_bytes() == HELLO + b"!"


def test_what_is_appended_can_be_read(root: Path) -> None:
    with failing(root):
        with open(root / "bad", "ab") as file:
            file.write(b" and more")
        descriptor = os.open(root / "bad", os.O_RDONLY)
        assert os.pread(descriptor, 100, len(HELLO)) == b" and more"
        with pytest.raises(OSError, match="Input/output"):
            os.pread(descriptor, 100, len(HELLO) - 1)
        os.close(descriptor)


def test_what_was_cut_off_is_no_longer_bad(root: Path) -> None:
    with failing(root):
        with open(root / "bad", "wb") as file:
            file.write(b"anew")
        assert (root / "bad").read_bytes() == b"anew"


def test_a_file_renamed_over_the_name_can_be_read(root: Path) -> None:
    with failing(root):
        (root / "new").write_bytes(b"anew")
        os.replace(root / "new", root / "bad")
        assert (root / "bad").read_bytes() == b"anew"


def test_the_bad_file_is_bad_under_any_name(root: Path) -> None:
    with failing(root):
        os.rename(root / "bad", root / "moved")
        with pytest.raises(OSError, match="Input/output"):
            (root / "moved").read_bytes()
        os.unlink(root / "moved")
    assert not (root / "moved").exists()


def test_a_link_to_the_bad_file_is_followed(root: Path) -> None:
    (root / "link").symlink_to("bad")
    with failing(root), pytest.raises(OSError, match="Input/output"):
        (root / "link").read_bytes()


def test_looking_at_names_and_sizes_is_no_reading(root: Path) -> None:
    with failing(root, ReadFails.OPEN):
        assert (root / "bad").stat().st_size == len(HELLO)
        assert sorted(os.listdir(root)) == ["bad", "good"]


def test_no_descriptor_is_left(root: Path) -> None:
    before = os.listdir("/proc/self/fd")
    with failing(root), pytest.raises(OSError, match="Input/output"):
        (root / "bad").read_bytes()
    assert len(os.listdir("/proc/self/fd")) == len(before)


def test_what_is_no_file_is_left_aside(root: Path) -> None:
    (root / "folder").mkdir()
    with BadFiles(str(root), ["folder", "missing"], ReadFails.READ) as bad:
        assert not bad.concerns(root / "folder")
        assert not bad.concerns(root / "missing")


def test_the_calls_are_put_back(root: Path) -> None:
    calls = (os.read, os.pread, os.readv, os.preadv, mmap.mmap, open)
    with failing(root):
        assert os.read is not calls[0]
    assert (os.read, os.pread, os.readv, os.preadv, mmap.mmap, open) == calls
