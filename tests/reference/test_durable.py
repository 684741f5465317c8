"""Files written by themselves so that they survive."""

import errno
import os
from pathlib import Path

import pytest

from tornwrite.reference import durable


def test_a_file_is_replaced_whole_and_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    durable.write_file_durably(str(path), b"one")
    path.chmod(0o640)
    durable.write_file_durably(str(path), b"another")
    assert path.read_bytes() == b"another"
    assert path.stat().st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path) == ["settings.json"]


def test_a_name_without_a_directory_is_in_the_current_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    durable.write_file_durably("here", b"x")
    assert durable.read_file("here") == b"x"


@pytest.mark.parametrize("call", ["write", "fsync", "rename"])
def test_a_failed_replacement_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail(*arguments: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError, match="No space"):
        durable.write_file_durably(str(path), b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_fresh_file_never_replaces_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(FileExistsError):
        durable.write_new_file(str(path), b"new")
    assert path.read_bytes() == b"old"


def test_a_fresh_file_that_failed_is_empty_and_keeps_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"

    def fail(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="Input/output"):
        durable.write_new_file(str(path), b"new")
    assert path.read_bytes() == b""


def test_a_write_that_takes_nothing_is_an_error_not_a_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = iter([1, 0])
    monkeypatch.setattr(os, "write", lambda descriptor, data: next(taken))
    with pytest.raises(OSError, match="wrote nothing"):
        durable.write_all(0, b"data")


def test_a_directory_is_made_with_its_parents_and_each_parent_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = []
    monkeypatch.setattr(durable.files, "sync_directory", synced.append)
    durable.make_directory_durably(str(tmp_path / "a" / "b"))
    assert (tmp_path / "a" / "b").is_dir()
    assert synced[:2] == [str(tmp_path / "a"), str(tmp_path)]
