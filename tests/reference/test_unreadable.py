"""A file that cannot be read, or is none, is told and stays; no other session suffers from it."""

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tornwrite.reference import (
    ArchivingStore,
    JSONLStore,
    SessionManager,
    SessionNotFound,
    StoreError,
    TranscriptStore,
    migrate_legacy,
)

MESSAGE = {"role": "user", "content": "mine"}
OUTSIDE = b'{"role":"user","content":"outside"}\n'


@dataclass(frozen=True)
class Case:
    """A store, its files of the session `k`, and what it does with a session.

    kept: whether the file says on its own that there is a session.
    """

    open: Callable[[Path], Any]
    file: str
    write: Callable[[Any, str], object]
    read: Callable[[Any, str], list[Any]]
    others: Callable[[Any], list[str]]
    change: tuple[Callable[[Any], object], ...]


def listed(store: TranscriptStore) -> list[str]:
    return [info.id for info in store.list()]


JSONL_CHANGES = (
    lambda store: store.add_full_message("k", MESSAGE),
    lambda store: store.set_history("k", [MESSAGE]),
    lambda store: store.truncate_history("k", 0),
    lambda store: store.compact("k"),
    lambda store: store.set_summary("k", "s"),
)
JSONL = Case(
    JSONLStore,
    "k.jsonl",
    lambda store, key: store.set_history(key, [MESSAGE]),
    lambda store, key: store.get_history(key),
    lambda store: store.list_sessions(),
    JSONL_CHANGES[:-1],
)
METADATA = Case(JSONLStore, "k.meta.json", JSONL.write, JSONL.read, JSONL.others, JSONL_CHANGES)
ARCHIVE_CHANGES = (
    lambda store: store.save("k", MESSAGE),
    lambda store: store.archive("k"),
)
ACTIVE = Case(
    ArchivingStore,
    "k.jsonl",
    lambda store, key: store.save(key, MESSAGE),
    lambda store, key: store.load(key),
    lambda store: store.list(),
    ARCHIVE_CHANGES,
)
TRANSCRIPT = Case(
    TranscriptStore,
    "k.jsonl",
    lambda store, key: store.get_or_create(key).append(MESSAGE),
    lambda store, key: store.get_or_create(key).get_messages(),
    listed,
    (lambda store: store.get_or_create("k").append(MESSAGE),),
)
CASES = {"jsonl": JSONL, "metadata": METADATA, "active": ACTIVE, "transcript": TRANSCRIPT}


def folder(path: Path, outside: Path) -> None:
    path.mkdir()
    (path / "kept").write_bytes(b"")


def link_outside(path: Path, outside: Path) -> None:
    path.symlink_to(outside)


def dangling(path: Path, outside: Path) -> None:
    path.symlink_to(outside.with_name("nothing"))


def link_to_another(path: Path, outside: Path) -> None:
    path.symlink_to(path.with_name("other" + path.name.removeprefix("k")))


def link_to_itself(path: Path, outside: Path) -> None:
    path.symlink_to(path)


def pipe(path: Path, outside: Path) -> None:
    os.mkfifo(path)


STRANGE = (folder, link_outside, dangling, link_to_another, link_to_itself, pipe)


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "outside"
    path.write_bytes(OUTSIDE)
    yield path
    assert path.read_bytes() == OUTSIDE
    assert not path.with_name("nothing").exists()


@pytest.mark.parametrize("strange", STRANGE, ids=lambda strange: strange.__name__)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_is_no_file_is_neither_read_nor_replaced_nor_followed(
    tmp_path: Path, outside: Path, case: Case, strange: Callable[[Path, Path], None]
) -> None:
    directory = tmp_path / "store"
    with case.open(directory) as store:
        for key in ("k", "other"):
            case.write(store, key)
    path = directory / case.file
    path.unlink()
    strange(path, outside)
    look = os.lstat(path)
    with case.open(directory) as store:
        with pytest.raises(OSError, match=case.file):
            case.read(store, "k")
        for change in case.change:
            with pytest.raises(OSError, match=case.file):
                change(store)
        assert "other" in case.others(store)
        assert case.read(store, "other") == [MESSAGE]
        case.write(store, "third")
        assert case.read(store, "third") == [MESSAGE]
    after = os.lstat(path)
    assert (after.st_ino, after.st_mode) == (look.st_ino, look.st_mode)
    if strange is folder:
        assert os.listdir(path) == ["kept"]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_file_that_the_disk_cannot_read_is_no_empty_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: Case
) -> None:
    with case.open(tmp_path) as store:
        for key in ("k", "other"):
            case.write(store, key)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    bad = os.stat(tmp_path / case.file).st_ino
    pread = os.pread

    def fails(descriptor: int, size: int, offset: int) -> bytes:
        if os.fstat(descriptor).st_ino == bad:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return pread(descriptor, size, offset)

    with case.open(tmp_path) as store:
        monkeypatch.setattr(os, "pread", fails)
        with pytest.raises(OSError, match=case.file):
            case.read(store, "k")
        if case is not TRANSCRIPT:
            assert case.others(store) == ["k", "other"]
        else:
            assert case.others(store) == ["other"]
        assert case.read(store, "other") == [MESSAGE]
    after = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert before.items() <= after.items()


@pytest.mark.parametrize("strange", [folder, link_outside, dangling], ids=lambda one: one.__name__)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_where_nothing_can_be_locked_everything_is_read_and_nothing_written(
    tmp_path: Path, outside: Path, case: Case, strange: Callable[[Path, Path], None]
) -> None:
    directory = tmp_path / "store"
    with case.open(directory) as store:
        case.write(store, "k")
    (directory / ".lock").unlink()
    strange(directory / ".lock", outside)
    with case.open(directory) as store:
        assert case.read(store, "k") == [MESSAGE]
        assert case.others(store) == ["k"]
        with pytest.raises(PermissionError, match=r"\.lock"):
            case.write(store, "k")


@pytest.mark.parametrize("suffix", [".meta.json.tmp", ".jsonl.tmp", ".jsonl.whole.tmp"])
def test_a_link_in_the_place_of_a_temporary_file_is_not_written_through(
    tmp_path: Path, outside: Path, suffix: str
) -> None:
    directory = tmp_path / "store"
    for kind in (JSONLStore, ArchivingStore, TranscriptStore):
        with kind(directory / kind.__name__):
            (directory / kind.__name__ / f"k{suffix}").symlink_to(outside)
    with JSONLStore(directory / "JSONLStore") as store:
        attempt(lambda: store.set_history("k", [MESSAGE]))
    with ArchivingStore(directory / "ArchivingStore") as archive:
        for _ in range(2):
            attempt(lambda: archive.save("k", MESSAGE))
            attempt(lambda: archive.archive("k"))
    with TranscriptStore(directory / "TranscriptStore") as transcripts:
        attempt(lambda: transcripts.get_or_create("k"))


def attempt(call: Callable[[], object]) -> None:
    with contextlib.suppress(OSError, StoreError):
        call()


@pytest.mark.parametrize("strange", [folder, link_outside, dangling], ids=lambda one: one.__name__)
def test_what_is_no_file_is_told_by_a_session_manager_and_not_saved_over(
    tmp_path: Path, outside: Path, strange: Callable[[Path, Path], None]
) -> None:
    directory = tmp_path / "store"
    with SessionManager(directory) as manager:
        for key in ("k", "other"):
            manager.add_full_message(key, MESSAGE)
            manager.save(key)
    path = directory / "k.json"
    path.unlink()
    strange(path, outside)
    with SessionManager(directory) as manager:
        assert [damage.file for damage in manager.damage] == ["k.json"]
        assert manager.get_history("other") == [MESSAGE]
        manager.add_full_message("k", MESSAGE)
        manager.save("k")  # under its other name
        assert path.is_symlink() or path.is_dir()
    with JSONLStore(directory) as store:
        assert "other.json" in migrate_legacy(store).migrated
        assert store.get_history("other") == [MESSAGE]


@pytest.mark.parametrize("strange", [folder, link_outside, dangling], ids=lambda one: one.__name__)
def test_what_is_no_file_does_not_say_that_an_archived_session_is_gone(
    tmp_path: Path, outside: Path, strange: Callable[[Path, Path], None]
) -> None:
    directory = tmp_path / "store"
    with ArchivingStore(directory) as store:
        store.save("k", MESSAGE)
        strange(directory / "k.jsonl.gone", outside)
        assert store.load("k") == [MESSAGE]
        assert [damage.file for damage in store.inspect("k").damage] == ["k.jsonl.gone"]
        store.save("k", MESSAGE)
        store.archive("k")
        assert store.load("k") == [MESSAGE, MESSAGE]
        store.delete("k")
        with pytest.raises(SessionNotFound):
            store.load("k")
