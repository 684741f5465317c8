"""The published JSONL store's flaws are there. A test here that fails means one was repaired."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tornwrite.reference.published import JSONLStore, StoreError, migrate_from_json
from tornwrite.reference.published.go_lines import MAX_LINE_BYTES

Reopen = Callable[[], JSONLStore]
At = Callable[..., AbstractContextManager[None]]


def contents(store: JSONLStore, key: str) -> list[Any]:
    return [message["content"] for message in store.get_history(key)]


def fill(store: JSONLStore, key: str, count: int) -> None:
    for number in range(count):
        store.add_message(key, "user", str(number))


def tear(path: Path) -> None:
    """Append the first half of a message: an append that the crash cut."""
    with path.open("ab") as file:
        file.write(b'{"role":"user","con')


def test_a_torn_tail_swallows_the_next_message(store: JSONLStore, directory: Path) -> None:
    fill(store, "k", 2)
    tear(directory / "k.jsonl")
    assert contents(store, "k") == ["0", "1"]
    store.add_message("k", "user", "acknowledged and lost")
    store.add_message("k", "user", "next")
    assert contents(store, "k") == ["0", "1", "next"]


def test_truncating_keeps_the_torn_tail_in_place_of_a_message(
    store: JSONLStore, directory: Path
) -> None:
    fill(store, "k", 3)
    tear(directory / "k.jsonl")
    store.truncate_history("k", 1)
    assert contents(store, "k") == []


def test_a_message_without_its_newline_is_read_and_then_lost_with_the_next(
    store: JSONLStore, directory: Path
) -> None:
    fill(store, "k", 2)
    path = directory / "k.jsonl"
    path.write_bytes(path.read_bytes()[:-1])
    assert contents(store, "k") == ["0", "1"]
    store.add_message("k", "user", "2")
    assert contents(store, "k") == ["0"]


def test_metadata_is_taken_for_a_legacy_session_and_the_session_emptied(
    store: JSONLStore, directory: Path
) -> None:
    fill(store, "telegram:1", 3)
    store.truncate_history("telegram:1", 2)
    store.set_summary("telegram:1", "so far")
    assert migrate_from_json(directory, store) == 1
    assert store.get_history("telegram:1") == []
    assert store.get_summary("telegram:1") == ""
    assert (directory / "telegram_1.jsonl").read_bytes() == b""
    assert sorted(path.name for path in directory.iterdir()) == [
        "telegram_1.jsonl",
        "telegram_1.meta.json.migrated",
    ]


def test_a_repeated_import_overwrites_newer_messages(
    store: JSONLStore, tmp_path: Path, reopen: Reopen
) -> None:
    legacy = tmp_path / "legacy"
    legacy.mkdir()
    source = legacy / "k.json"
    source.write_text('{"key":"k","messages":[{"role":"user","content":"old"}]}')
    migrate_from_json(legacy, store)
    store.add_message("k", "user", "new")
    (legacy / "k.json.migrated").rename(source)  # the rename was never synced: power fails
    migrate_from_json(legacy, reopen())
    assert contents(reopen(), "k") == ["old"]


def test_a_second_file_of_the_same_name_overwrites_the_backup(
    store: JSONLStore, tmp_path: Path
) -> None:
    legacy = tmp_path / "legacy"
    legacy.mkdir()
    for content in ("first", "second"):
        (legacy / "k.json").write_text(f'{{"messages":[{{"content":"{content}"}}]}}')
        migrate_from_json(legacy, store)
    assert "first" not in (legacy / "k.json.migrated").read_text()


def test_two_keys_share_one_session(store: JSONLStore) -> None:
    store.add_message("a:b", "user", "for a:b")
    store.add_message("a/b", "user", "for a/b")
    assert contents(store, "a:b") == contents(store, "a_b") == ["for a:b", "for a/b"]


def test_a_message_over_the_line_limit_is_accepted_and_makes_the_session_unreadable(
    store: JSONLStore,
) -> None:
    store.add_message("k", "user", "small")
    store.add_message("k", "user", "x" * MAX_LINE_BYTES)
    for operation in (
        lambda: store.get_history("k"),
        lambda: store.truncate_history("k", 1),
    ):
        with pytest.raises(StoreError, match="token too long"):
            operation()


def test_an_interrupted_set_history_brings_back_truncated_messages(
    store: JSONLStore, reopen: Reopen, killed_before: At
) -> None:
    fill(store, "k", 4)
    store.truncate_history("k", 1)
    with killed_before("rename", "k.jsonl"):
        store.set_history("k", [{"role": "user", "content": "new"}])
    assert contents(reopen(), "k") == ["0", "1", "2", "3"]


def test_an_interrupted_compact_brings_back_truncated_messages(
    store: JSONLStore, reopen: Reopen, killed_before: At
) -> None:
    fill(store, "k", 4)
    store.truncate_history("k", 1)
    with killed_before("rename", "k.jsonl"):
        store.compact("k")
    assert contents(reopen(), "k") == ["0", "1", "2", "3"]
    reopen().compact("k")  # "The next Compact corrects this", says the original: it does not
    assert contents(reopen(), "k") == ["0", "1", "2", "3"]


@pytest.mark.parametrize("garbage", [b"", b"{", b"\x00" * 64, b"[]", b'{"skip":1.0}'])
def test_garbage_metadata_makes_the_session_unreadable(
    store: JSONLStore, directory: Path, garbage: bytes
) -> None:
    fill(store, "k", 2)
    (directory / "k.meta.json").write_bytes(garbage)
    for read in (store.get_history, store.get_summary, store.compact):
        with pytest.raises(StoreError, match=r"decode .*k\.meta\.json"):
            read("k")


def test_an_append_that_fails_on_the_metadata_leaves_its_message(
    store: JSONLStore, directory: Path
) -> None:
    fill(store, "k", 1)
    meta = directory / "k.meta.json"
    good = meta.read_bytes()
    meta.write_bytes(b"{")
    for _ in range(2):
        with pytest.raises(StoreError):
            store.add_message("k", "user", "tried twice")
    meta.write_bytes(good)
    assert contents(store, "k") == ["0", "tried twice", "tried twice"]


def test_an_append_cut_by_a_full_disk_is_an_error_and_swallows_the_next_message(
    store: JSONLStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store, "k", 1)
    real_write = os.write

    def fill_up(descriptor: int, data: memoryview) -> int:
        monkeypatch.undo()
        real_write(descriptor, data[:9])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", fill_up)
    with pytest.raises(OSError, match="No space"):
        store.add_message("k", "user", "refused")
    store.add_message("k", "user", "acknowledged and lost")
    assert contents(store, "k") == ["0"]


def test_a_failed_sync_leaves_the_message_and_the_next_sync_is_trusted(
    store: JSONLStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        monkeypatch.undo()
        raise OSError(5, "Input/output error")

    fill(store, "k", 1)
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="Input/output"):
        store.add_message("k", "user", "not acknowledged")
    store.add_message("k", "user", "acknowledged after the failed sync")
    assert len(contents(store, "k")) == 3


def test_the_count_drifts_after_a_crash_between_append_and_metadata(
    store: JSONLStore, directory: Path, reopen: Reopen, killed_before: At
) -> None:
    fill(store, "k", 1)
    with killed_before("open", "k.meta.json"):
        store.add_message("k", "user", "1")
    reopen().add_message("k", "user", "2")
    assert contents(reopen(), "k") == ["0", "1", "2"]
    assert '"count": 2' in (directory / "k.meta.json").read_text()


def test_a_skip_beyond_the_end_hides_new_messages(store: JSONLStore, directory: Path) -> None:
    fill(store, "k", 1)
    meta = directory / "k.meta.json"
    meta.write_text(meta.read_text().replace('"skip": 0', '"skip": 3'))
    store.add_message("k", "user", "acknowledged and hidden")
    assert contents(store, "k") == []


def test_a_killed_replacement_leaves_its_temporary_file_for_good(
    store: JSONLStore, directory: Path, reopen: Reopen, killed_before: At
) -> None:
    with killed_before("rename", "k.meta.json"):
        store.set_summary("k", "one")
    reopen().set_summary("k", "two")
    assert sorted(path.name for path in directory.iterdir()) == [".tmp-0", "k.meta.json"]


def test_the_name_of_a_new_message_file_is_durable_only_by_the_sync_of_its_metadata(
    store: JSONLStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    real_fsync = os.fsync

    def record(descriptor: int) -> None:
        synced.append(os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}")))
        real_fsync(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    store.add_message("k", "user", "in a new file")
    assert synced == ["k.jsonl", ".tmp-0", "sessions"]


def test_a_rewrite_loses_fields_and_lines_it_does_not_know(
    store: JSONLStore, directory: Path
) -> None:
    fill(store, "k", 1)
    path, meta = directory / "k.jsonl", directory / "k.meta.json"
    with path.open("ab") as file:
        file.write(b'damaged\n{"role":"user","content":"1","model_name":"m"}\n')
    meta.write_text(meta.read_text().replace("{", '{\n  "aliases": ["a"],', 1))
    store.truncate_history("k", 2)
    store.compact("k")
    assert path.read_bytes() == b'{"role":"user","content":"1"}\n'
    assert "aliases" not in meta.read_text()


def test_two_stores_on_one_directory_lose_messages(
    store: JSONLStore, reopen: Reopen, at: At
) -> None:
    fill(store, "k", 2)
    store.truncate_history("k", 1)
    other = reopen()  # another process: it has locks of its own
    with at("rename", "k.jsonl", lambda: other.add_message("k", "user", "acknowledged and lost")):
        store.compact("k")
    assert contents(store, "k") == ["1"]


def test_a_name_too_long_for_its_metadata_is_appended_to_and_reported_failed(
    store: JSONLStore,
) -> None:
    key = "k" * (255 - len(".jsonl"))
    with pytest.raises(OSError, match="name too long"):
        store.add_message(key, "user", "stored all the same")
    with pytest.raises(OSError, match="name too long"):
        store.get_history(key)
