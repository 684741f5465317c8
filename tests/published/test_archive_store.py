"""What the published archiving store does when nothing goes wrong, and by which calls."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tornwrite.reference.published import ArchivingStore, StoreError

GOLDEN = Path(__file__).parents[1] / "golden" / "picoclaw" / "jsonl"


def contents(store: ArchivingStore, session_id: str) -> list[object]:
    return [message["content"] for message in store.load(session_id)]


def say(store: ArchivingStore, session_id: str, content: str) -> None:
    store.save(session_id, {"role": "user", "content": content})


def test_messages_come_back_in_order_also_from_a_second_store(
    archive: ArchivingStore, directory: Path
) -> None:
    say(archive, "a", "0")
    archive.save("a", {"role": "tool", "content": "é\n<", "tool_call_id": "c"})
    archive.close()
    assert ArchivingStore(directory).load("a") == [
        {"role": "user", "content": "0"},
        {"role": "tool", "content": "é\n<", "tool_call_id": "c"},
    ]
    assert archive.storage_dir == str(directory)


def test_an_archived_session_is_read_and_exists_and_is_not_listed(
    archive: ArchivingStore, directory: Path
) -> None:
    say(archive, "b", "0")
    say(archive, "a", "1")
    assert archive.list() == ["a", "b"]
    archive.archive("b")
    assert archive.list() == ["a"]
    assert archive.exists("b")
    assert contents(archive, "b") == ["0"]
    assert sorted(os.listdir(directory)) == ["a.jsonl", "b.jsonl.archived"]


def test_a_deleted_session_is_gone_archived_or_not(
    archive: ArchivingStore, directory: Path
) -> None:
    for session_id in ("a", "b"):
        say(archive, session_id, "0")
    archive.archive("b")
    for session_id in ("a", "b", "never there"):
        archive.delete(session_id)
        assert not archive.exists(session_id)
        with pytest.raises(StoreError, match="not found"):
            archive.load(session_id)
    assert os.listdir(directory) == []


def test_a_session_that_is_not_there_is_not_archived(archive: ArchivingStore) -> None:
    with pytest.raises(StoreError, match='session "a" not found'):
        archive.archive("a")


@pytest.mark.parametrize(
    ("data", "read"),
    [
        (b"", []),
        (b"\n \t\r\n", []),
        (b'\n {"content":"0"}\r\n\n\xc2\xa0{"content":"1"}\xe2\x80\xa8', ["0", "1"]),
        (b"null", [""]),
    ],
)
def test_space_around_lines_does_not_count(
    archive: ArchivingStore, directory: Path, data: bytes, read: list[str]
) -> None:
    (directory / "a.jsonl").write_bytes(data)
    assert contents(archive, "a") == read


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.jsonl")), ids=lambda path: path.stem)
def test_messages_of_a_golden_session_are_written_byte_for_byte(
    archive: ArchivingStore, directory: Path, path: Path
) -> None:
    (directory / "old.jsonl").write_bytes(path.read_bytes())
    for message in archive.load("old"):
        archive.save("new", message)
    written = directory / "new.jsonl"
    assert (written.read_bytes() if written.exists() else b"") == path.read_bytes()


def test_no_operation_syncs_anything(
    archive: ArchivingStore, record_calls: Callable[[], list[str]]
) -> None:
    calls = record_calls()
    say(archive, "a", "0")
    assert calls == ["open a.jsonl WRONLY|CREAT|APPEND", "write a.jsonl", "close a.jsonl"]
    calls.clear()
    archive.load("a")
    assert calls == ["open a.jsonl RDONLY", "close a.jsonl"]
    calls.clear()
    archive.archive("a")
    archive.exists("a")
    archive.list()
    assert calls == ["rename a.jsonl a.jsonl.archived"]
    say(archive, "a", "1")
    calls.clear()
    archive.delete("a")
    assert calls == ["unlink a.jsonl", "unlink a.jsonl.archived"]


def test_a_message_of_the_wrong_kind_is_refused_before_anything_is_written(
    archive: ArchivingStore, directory: Path
) -> None:
    with pytest.raises(StoreError):
        archive.save("a", {"role": "user", "content": 1})
    assert os.listdir(directory) == []
