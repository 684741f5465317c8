"""A disk with so much room and no more, under a program that writes on real files."""

import errno
import os
from pathlib import Path

import pytest

from tornwrite.faults.capacity import Capacity, Room, demands
from tornwrite.faults.recorder import Recorder
from tornwrite.faults.steps import Mkdir, Open, Write


def write(path: Path, data: bytes, flags: int = os.O_CREAT | os.O_APPEND) -> int:
    """How many bytes a single write takes. Raises OSError as it comes."""
    descriptor = os.open(path, os.O_WRONLY | flags)
    try:
        return os.write(descriptor, data)
    finally:
        os.close(descriptor)


def full(error: pytest.ExceptionInfo[OSError]) -> bool:
    return error.value.errno == errno.ENOSPC


def test_a_write_takes_what_fits_and_the_next_one_fails(tmp_path: Path) -> None:
    with Recorder(tmp_path, injector=Capacity((), Room(10))):
        assert write(tmp_path / "a", b"0123456") == 7
        assert write(tmp_path / "b", b"0123456") == 3
        with pytest.raises(OSError, match="No space left") as refused:
            write(tmp_path / "b", b"x")
    assert full(refused)
    assert (tmp_path / "b").read_bytes() == b"012"


def test_what_is_there_at_the_start_takes_none_of_the_room(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"x" * 100)
    base = (("old", b"x" * 100),)
    with Recorder(tmp_path, base=base, injector=Capacity(base, Room(4))):
        assert write(tmp_path / "old", b"12345") == 4


@pytest.mark.parametrize("how", ["unlink", "truncate", "rename over", "open to truncate"])
def test_bytes_that_nobody_needs_are_given_back(tmp_path: Path, how: str) -> None:
    (tmp_path / "old").write_bytes(b"x" * 6)
    (tmp_path / "empty").write_bytes(b"")
    base = (("empty", b""), ("old", b"x" * 6))
    with Recorder(tmp_path, base=base, injector=Capacity(base, Room(0))):
        match how:
            case "unlink":
                os.unlink(tmp_path / "old")
            case "truncate":
                os.truncate(tmp_path / "old", 0)
            case "rename over":
                os.rename(tmp_path / "empty", tmp_path / "old")
            case _:
                os.close(os.open(tmp_path / "old", os.O_WRONLY | os.O_TRUNC))
        assert write(tmp_path / "new", b"x" * 7) == 6


def test_a_file_without_a_name_keeps_its_bytes_until_it_is_closed(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"x" * 6)
    base = (("old", b"x" * 6),)
    with Recorder(tmp_path, base=base, injector=Capacity(base, Room(0))):
        descriptor = os.open(tmp_path / "old", os.O_WRONLY)
        os.unlink(tmp_path / "old")
        with pytest.raises(OSError, match="No space left"):
            write(tmp_path / "new", b"x")
        os.close(descriptor)
        assert write(tmp_path / "new", b"x") == 1


def test_writing_over_what_is_there_takes_no_room(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"12345")
    base = (("old", b"12345"),)
    with Recorder(tmp_path, base=base, injector=Capacity(base, Room(1))):
        assert write(tmp_path / "old", b"abcdefgh", 0) == 6
    assert (tmp_path / "old").read_bytes() == b"abcdef"


def test_files_take_whole_blocks(tmp_path: Path) -> None:
    with Recorder(tmp_path, injector=Capacity((), Room(8192, unit_bytes=4096))):
        assert write(tmp_path / "a", b"x") == 1
        assert write(tmp_path / "b", b"x" * 5000) == 4096
        assert write(tmp_path / "a", b"x" * 5000) == 4095
        with pytest.raises(OSError, match="No space left"):
            write(tmp_path / "a", b"x")


def test_where_names_take_room_a_full_disk_takes_no_new_one(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"")
    base = (("old", b""),)
    with Recorder(tmp_path, base=base, injector=Capacity(base, Room(0, entry_bytes=1))):
        with pytest.raises(OSError, match="No space left") as refused:
            os.open(tmp_path / "new", os.O_WRONLY | os.O_CREAT)
        with pytest.raises(OSError, match="No space left"):
            os.mkdir(tmp_path / "folder")
        os.rename(tmp_path / "old", tmp_path / "other")
        os.unlink(tmp_path / "other")
        os.mkdir(tmp_path / "folder")
    assert full(refused)
    assert refused.value.filename == tmp_path / "new"


def test_a_disk_can_fill_up_at_a_step_and_be_freed(tmp_path: Path) -> None:
    capacity = Capacity((), Room(2, since=3, number=errno.EDQUOT))
    with Recorder(tmp_path, injector=capacity):
        assert write(tmp_path / "a", b"x" * 100) == 100
        assert write(tmp_path / "a", b"xyz") == 2
        with pytest.raises(OSError, match="quota") as refused:
            write(tmp_path / "a", b"z")
        assert refused.value.errno == errno.EDQUOT
        assert capacity.refused == 2
        capacity.free()
        assert write(tmp_path / "a", b"x" * 1000) == 1000
    assert capacity.refused == 2


def test_a_call_that_fails_by_itself_takes_no_room(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    base = (("a", None),)
    with Recorder(tmp_path, base=base, injector=Capacity(base, Room(3))):
        for _ in range(3):
            with pytest.raises(IsADirectoryError):
                os.open(tmp_path / "a", os.O_WRONLY | os.O_CREAT)
        assert write(tmp_path / "b", b"12345") == 3


def test_a_longer_size_needs_room_as_data_does(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12")
    base = (("a", b"12"),)
    with Recorder(tmp_path, base=base, injector=Capacity(base, Room(5))):
        os.truncate(tmp_path / "a", 7)
        with pytest.raises(OSError, match="No space left"):
            os.truncate(tmp_path / "a", 8)


def test_the_steps_that_need_room_are_told_with_how_much(tmp_path: Path) -> None:
    with Recorder(tmp_path) as recorder:
        write(tmp_path / "a", b"12345")
        os.mkdir(tmp_path / "folder")
        write(tmp_path / "folder" / "b", b"123")
        os.unlink(tmp_path / "a")
        write(tmp_path / "c", b"1")
        write(tmp_path / "c", b"23")
    told = [
        (type(one.step), one.before_bytes, one.more_bytes, one.makes_name, one.begins)
        for one in demands(recorder.trace())
    ]
    assert told == [
        (Open, 0, 0, True, False),
        (Write, 0, 5, False, True),
        (Mkdir, 5, 0, True, False),
        (Open, 5, 0, True, False),
        (Write, 5, 3, False, True),
        (Open, 3, 0, True, False),
        (Write, 3, 1, False, True),
        (Write, 4, 2, False, False),
    ]
