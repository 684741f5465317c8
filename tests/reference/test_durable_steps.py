"""The steps of durable writing one by one, and that an error in any of them is told."""

import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tornwrite.faults.injection import AtStep, Fail, Proceed
from tornwrite.faults.recorder import Recorder
from tornwrite.faults.steps import Fsync, Rename, Step
from tornwrite.reference import JSONLStore, durable, migrate_legacy
from tornwrite.reference.durable import locks as locks_module
from tornwrite.reference.durable.appending import append_line
from tornwrite.reference.durable.locks import DirectoryLocks

LEGACY = b'{"key": "k", "messages": [{"role": "user", "content": "x"}]}'


def steps_of(root: Path, work: Callable[[], object]) -> list[Step]:
    with Recorder(str(root)) as recorder:
        work()
    return list(recorder.trace().steps)


def test_a_file_is_replaced_whole_and_then_its_name_is_synced(tmp_path: Path) -> None:
    path = str(tmp_path / "file")
    steps = steps_of(tmp_path, lambda: durable.write_file_durably(path, b"new"))
    assert [type(step).__name__ for step in steps] == [
        "Open", "Write", "Fsync", "Close", "Rename", "Fsync",
    ]  # fmt: skip
    assert isinstance(steps[-2], Rename)
    assert steps[-1] == Fsync("")


def test_a_name_that_could_not_be_synced_is_told(tmp_path: Path) -> None:
    path = str(tmp_path / "file")
    with (
        Recorder(str(tmp_path), injector=AtStep(5, Fail(errno.EIO))),
        pytest.raises(OSError, match="Input/output error"),
    ):
        durable.write_file_durably(path, b"new")


def test_nothing_is_closed_twice_where_a_torn_file_cannot_be_rewritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second time it would be a file that another thread has opened meanwhile."""
    path = tmp_path / "file"
    path.write_bytes(b"{")
    open_ones: set[int] = set()
    opening, closing = os.open, os.close

    def opened(*arguments: Any, **named: Any) -> int:
        descriptor = opening(*arguments, **named)
        open_ones.add(descriptor)
        return descriptor

    def closed(descriptor: int) -> None:
        open_ones.remove(descriptor)
        closing(descriptor)

    def failing(*arguments: Any) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "open", opened)
    monkeypatch.setattr(os, "close", closed)
    monkeypatch.setattr(os, "rename", failing)
    with pytest.raises(OSError, match="Input/output error"):
        append_line(str(path), b"{}\n")
    assert not open_ones


def test_a_file_is_closed_that_has_the_number_of_the_standard_input(tmp_path: Path) -> None:
    kept = os.dup(0)
    os.close(0)
    try:
        append_line(str(tmp_path / "file"), b"{}\n")
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(0)
    finally:
        os.dup2(kept, 0)
        os.close(kept)


def test_data_that_could_not_be_synced_is_told_with_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    path = tmp_path / "file"
    path.touch()
    monkeypatch.setattr(os, "fdatasync", failing)
    with pytest.raises(OSError, match="Input/output error") as caught:
        durable.sync_data(str(path))
    assert caught.value.filename == str(path)


class FailingSyncs:
    def decide(self, number: int, step: Step) -> Proceed | Fail:
        return Fail(errno.EIO) if isinstance(step, Fsync) else Proceed()


def test_a_directory_whose_name_could_not_be_synced_is_told(tmp_path: Path) -> None:
    with (
        Recorder(str(tmp_path), injector=FailingSyncs()),
        pytest.raises(OSError, match="Input/output error"),
    ):
        durable.make_directory_durably(str(tmp_path / "store"))


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        durable.make_directory_durably(str(tmp_path / "file" / "store"))


def test_without_range_locks_a_writer_keeps_everybody_out_until_it_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks_module, "_HAS_RANGES", False)
    path = tmp_path / ".lock"
    locks = DirectoryLocks(str(path))

    def is_free() -> bool:
        with open(path) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

    with locks.session("k", write=True, check=lambda: None):
        assert not is_free()
    assert is_free()
    locks.close()


@pytest.mark.parametrize("error", [None, errno.EIO])
def test_legacy_files_elsewhere_are_durable_before_they_are_imported(
    tmp_path: Path, error: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who saved them may have been killed before that, and the import leaves a mark."""
    (tmp_path / "legacy").mkdir()
    (tmp_path / "legacy" / "k.json").write_bytes(LEGACY)
    elsewhere = str(tmp_path / "legacy")
    done: list[Any] = []
    real = durable.sync_directory

    def sync_directory(directory: str) -> None:
        done.append(os.path.basename(directory))
        if error is not None and directory == elsewhere:
            raise OSError(error, os.strerror(error))
        real(directory)

    monkeypatch.setattr(durable, "sync_directory", sync_directory)
    with JSONLStore(tmp_path / "store") as store:
        done.clear()
        report = migrate_legacy(store, elsewhere)
        assert done[0] == "legacy"
        assert bool(report.failed) == (error is not None)
        assert bool(store.get_history("k")) == (error is None)
