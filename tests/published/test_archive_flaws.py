"""The published archiving store's flaws are there. A test here that fails means one was repaired.

That nothing is ever synced is seen in the calls: test_archive_store.
"""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tornwrite.reference.published import ArchivingStore, StoreError

At = Callable[..., AbstractContextManager[None]]


def contents(store: ArchivingStore, session_id: str) -> list[Any]:
    return [message["content"] for message in store.load(session_id)]


def fill(store: ArchivingStore, session_id: str, *said: str) -> None:
    for content in said:
        store.save(session_id, {"role": "user", "content": content})


def test_saving_to_an_archived_session_hides_the_archive(archive: ArchivingStore) -> None:
    fill(archive, "a", "0", "1")
    archive.archive("a")
    fill(archive, "a", "2")
    assert contents(archive, "a") == ["2"]


def test_archiving_again_overwrites_the_archive(archive: ArchivingStore, directory: Path) -> None:
    fill(archive, "a", "0", "1")
    archive.archive("a")
    fill(archive, "a", "2")
    archive.archive("a")
    assert contents(archive, "a") == ["2"]
    assert os.listdir(directory) == ["a.jsonl.archived"]


def test_archiving_an_archived_session_says_there_is_none(archive: ArchivingStore) -> None:
    fill(archive, "a", "0")
    archive.archive("a")
    assert archive.exists("a")
    with pytest.raises(StoreError, match="not found"):
        archive.archive("a")


@pytest.mark.parametrize("garbage", [b'{"role":"us', b"garbage\n", b"\0" * 16, b"[]\n"])
def test_one_bad_line_makes_the_whole_session_unreadable(
    archive: ArchivingStore, directory: Path, garbage: bytes
) -> None:
    fill(archive, "a", "0", "1")
    with (directory / "a.jsonl").open("ab") as file:
        file.write(garbage)
    with pytest.raises(StoreError, match="failed to unmarshal"):
        archive.load("a")
    fill(archive, "a", "acknowledged")
    with pytest.raises(StoreError, match="failed to unmarshal"):
        archive.load("a")


def test_a_message_after_one_without_its_newline_makes_both_and_all_others_unreadable(
    archive: ArchivingStore, directory: Path
) -> None:
    fill(archive, "a", "0", "1")
    path = directory / "a.jsonl"
    path.write_bytes(path.read_bytes()[:-1])
    assert contents(archive, "a") == ["0", "1"]
    fill(archive, "a", "2")
    with pytest.raises(StoreError, match="failed to unmarshal"):
        archive.load("a")


def test_a_save_cut_by_a_full_disk_makes_the_session_unreadable(
    archive: ArchivingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(archive, "a", "0")
    real_write = os.write

    def fill_up(descriptor: int, data: memoryview) -> int:
        monkeypatch.undo()
        real_write(descriptor, data[:9])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", fill_up)
    with pytest.raises(OSError, match="No space"):
        fill(archive, "a", "refused")
    with pytest.raises(StoreError, match="failed to unmarshal"):
        archive.load("a")


def test_a_first_save_that_fails_leaves_an_empty_session(
    archive: ArchivingStore, refused: At
) -> None:
    with refused("write", "a.jsonl"):
        fill(archive, "a", "refused")
    assert archive.exists("a")
    assert archive.list() == ["a"]
    assert archive.load("a") == []


def test_a_save_killed_after_the_file_was_created_hides_the_archive(
    archive: ArchivingStore, directory: Path, killed_before: At
) -> None:
    fill(archive, "a", "0")
    archive.archive("a")
    with killed_before("write", "a.jsonl"):
        fill(archive, "a", "1")
    assert ArchivingStore(directory).load("a") == []


def test_a_delete_killed_halfway_brings_back_the_archived_messages(
    archive: ArchivingStore, directory: Path, killed_before: At
) -> None:
    fill(archive, "a", "0")
    archive.archive("a")
    fill(archive, "a", "1")
    with killed_before("unlink", "a.jsonl.archived"):
        archive.delete("a")
    assert contents(ArchivingStore(directory), "a") == ["0"]


def test_a_delete_that_fails_on_the_active_file_removes_the_archived_one(
    archive: ArchivingStore, directory: Path, refused: At
) -> None:
    fill(archive, "a", "0")
    archive.archive("a")
    fill(archive, "a", "1")
    with refused("unlink", "a.jsonl"):
        archive.delete("a")
    assert os.listdir(directory) == ["a.jsonl"]


def test_a_delete_tells_only_the_second_of_two_errors(
    archive: ArchivingStore, directory: Path
) -> None:
    for name in ("a.jsonl", "a.jsonl.archived"):
        (directory / name / "full").mkdir(parents=True)
    with pytest.raises(OSError, match="not empty") as raised:
        archive.delete("a")
    assert raised.value.filename == str(directory / "a.jsonl.archived")


def test_an_archive_that_cannot_be_read_is_said_not_to_be_there(
    archive: ArchivingStore, directory: Path
) -> None:
    (directory / "a.jsonl.archived").mkdir()
    assert archive.exists("a")
    with pytest.raises(StoreError, match="not found"):
        archive.load("a")


def test_an_active_file_that_cannot_be_read_hides_the_archive(
    archive: ArchivingStore, directory: Path
) -> None:
    fill(archive, "a", "0")
    archive.archive("a")
    (directory / "a.jsonl").mkdir()
    with pytest.raises(IsADirectoryError):
        archive.load("a")


def test_an_id_leads_out_of_the_directory(archive: ArchivingStore, directory: Path) -> None:
    fill(archive, "../b", "outside")
    fill(archive, "/c", "absolute")
    assert (directory.parent / "b.jsonl").exists()
    assert (directory / "c.jsonl").exists()
    archive.delete("../b")
    assert not (directory.parent / "b.jsonl").exists()


def test_two_ids_share_a_session(archive: ArchivingStore, directory: Path) -> None:
    fill(archive, "a", "for a")
    fill(archive, "b/../a", "for b/../a")
    assert contents(archive, "a") == ["for a", "for b/../a"]


def test_an_id_with_a_slash_needs_a_directory_and_is_never_listed(
    archive: ArchivingStore, directory: Path
) -> None:
    with pytest.raises(FileNotFoundError):
        fill(archive, "a/b", "refused")
    (directory / "a").mkdir()
    fill(archive, "a/b", "0")
    assert archive.exists("a/b")
    assert archive.list() == []


def test_directories_and_files_of_no_session_are_listed(
    archive: ArchivingStore, directory: Path
) -> None:
    (directory / "d.jsonl").mkdir()
    (directory / ".jsonl").touch()
    assert archive.list() == ["", "d"]
    assert archive.exists("d")
    archive.delete("d")  # Go's Remove takes empty directories too
    assert not (directory / "d.jsonl").exists()


def test_fields_the_format_does_not_know_are_lost(archive: ArchivingStore) -> None:
    archive.save("a", {"role": "user", "content": "0", "model_name": "m"})
    assert archive.load("a") == [{"role": "user", "content": "0"}]
