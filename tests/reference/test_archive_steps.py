"""Which calls the archiving store makes, in order: no sync too few, and none too many."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tornwrite.reference import SessionNotFound
from tornwrite.reference.archive import ArchivingStore

SYNC_NAMES = ["fsync"]
APPEND = ["write", "fdatasync"]
FIRST = ["create", *SYNC_NAMES, *APPEND]
SUPERSEDE = ["create", "write", "fsync", "rename", *SYNC_NAMES]
PUT_IN_PLACE = ["unlink", *SYNC_NAMES, "rename"]
SAY_GONE = ["create", *SYNC_NAMES]
REMOVE = ["unlink", "unlink", "unlink", *SYNC_NAMES, "unlink"]


@pytest.fixture
def archive(tmp_path: Path, calls: Any) -> Iterator[ArchivingStore]:
    with ArchivingStore(tmp_path / "archive") as store:
        calls.take()
        yield store


def test_saving_to_an_active_session_is_one_write_and_one_data_sync(
    archive: ArchivingStore, calls: Any
) -> None:
    archive.save("a", {"n": 0})
    assert calls.take() == FIRST
    for _ in range(3):
        archive.save("a", {"n": 1})
        assert calls.take() == APPEND


def test_going_on_with_a_session_that_this_store_archived_is_beginning_a_file(
    archive: ArchivingStore, calls: Any
) -> None:
    for number in range(3):
        archive.save("a", {"n": number})
        archive.archive("a")
        calls.take()
        archive.save("a", {"n": number})
        assert calls.take() == FIRST
        archive.save("a", {"n": number})
        assert calls.take() == APPEND


def test_a_new_active_file_waits_until_one_that_another_store_archived_has_its_name(
    archive: ArchivingStore, calls: Any, tmp_path: Path
) -> None:
    archive.save("a", {"n": 0})
    archive.archive("a")
    with ArchivingStore(tmp_path / "archive") as other:
        calls.take()
        other.save("a", {"n": 1})
        assert calls.take() == [*SYNC_NAMES, *FIRST]
        other.save("a", {"n": 2})
        assert calls.take() == APPEND


def test_archiving_is_a_rename_of_what_is_durable(
    archive: ArchivingStore, calls: Any, tmp_path: Path
) -> None:
    for one in "ab":
        archive.save(one, {"n": 0})
    calls.take()
    archive.archive("a")
    assert calls.take() == ["rename", *SYNC_NAMES]
    with ArchivingStore(tmp_path / "archive") as other:
        other.archive("b")
    assert calls.take() == ["fdatasync", "rename", *SYNC_NAMES]


def test_archiving_what_is_archived_makes_sure_of_it_once(
    archive: ArchivingStore, calls: Any, tmp_path: Path
) -> None:
    archive.save("a", {"n": 0})
    archive.archive("a")
    calls.take()
    archive.archive("a")
    assert calls.take() == []
    with ArchivingStore(tmp_path / "archive") as other:
        other.archive("a")
        assert calls.take() == SYNC_NAMES
        other.archive("a")
        assert calls.take() == []


def test_two_files_become_one_by_a_file_that_supersedes_them(
    archive: ArchivingStore, calls: Any
) -> None:
    archive.save("a", {"n": 0})
    archive.archive("a")
    archive.save("a", {"n": 1})
    calls.take()
    archive.archive("a")
    assert calls.take() == [*SUPERSEDE, *PUT_IN_PLACE]


def test_deleting_one_file_is_one_unlink(archive: ArchivingStore, calls: Any) -> None:
    archive.save("a", {"n": 0})
    calls.take()
    archive.delete("a")
    assert calls.take() == ["unlink", *SYNC_NAMES]
    archive.save("a", {"n": 0})
    archive.archive("a")
    calls.take()
    archive.delete("a")
    assert calls.take() == ["unlink", *SYNC_NAMES]


def test_deleting_two_files_is_one_file_that_says_so(archive: ArchivingStore, calls: Any) -> None:
    archive.save("a", {"n": 0})
    archive.archive("a")
    archive.save("a", {"n": 1})
    calls.take()
    archive.delete("a")
    assert calls.take() == [*SAY_GONE, *REMOVE]


def test_what_is_not_there_is_said_to_be_gone_only_durably(
    archive: ArchivingStore, calls: Any
) -> None:
    archive.delete("a")
    assert calls.take() == SYNC_NAMES
    with pytest.raises(SessionNotFound):
        archive.archive("a")
    assert calls.take() == SYNC_NAMES


@pytest.mark.parametrize("call", ["save", "archive"])
def test_what_a_killed_process_superseded_is_synced_before_the_rest_is_cleared_away(
    archive: ArchivingStore, calls: Any, tmp_path: Path, call: str
) -> None:
    for name, lines in (("a.jsonl", 1), ("a.jsonl.archived", 1), ("a.jsonl.whole", 2)):
        (tmp_path / "archive" / name).write_bytes(b'{"n":1}\n' * lines)
    calls.take()
    if call == "save":
        archive.save("a", {"n": 2})
        assert calls.take() == [*SYNC_NAMES, *PUT_IN_PLACE, *FIRST]
    else:
        archive.archive("a")
        assert calls.take() == [*SYNC_NAMES, *PUT_IN_PLACE]


def test_what_a_killed_process_said_to_be_gone_is_so_durably_before_any_of_it_goes(
    archive: ArchivingStore, calls: Any, tmp_path: Path
) -> None:
    for name in ("a.jsonl", "a.jsonl.archived", "a.jsonl.gone"):
        (tmp_path / "archive" / name).write_bytes(b"")
    calls.take()
    archive.delete("a")
    assert calls.take() == [*SYNC_NAMES, *REMOVE, *SYNC_NAMES]


def test_reading_changes_nothing(archive: ArchivingStore, calls: Any, tmp_path: Path) -> None:
    for name in ("a.jsonl", "a.jsonl.archived", "b.jsonl.whole", "c.jsonl"):
        (tmp_path / "archive" / name).write_bytes(b'{"n":1}\n{"torn')
    calls.take()
    for one in "abc":
        archive.load(one)
        archive.exists(one)
        archive.inspect(one)
    assert archive.list() == ["a", "c"]
    assert calls.take() == []
