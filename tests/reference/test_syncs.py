"""Which calls each operation makes, in order: no sync too few, and none too many."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tornwrite.reference import JSONLStore, migrate_legacy

NEW_METADATA = ["create", "write", "fsync", "rename"]
NEW_GENERATION = ["create", "write", "fsync"]
SYNC_NAMES = ["fsync"]
APPEND = ["write", "fdatasync"]
REWRITE = [*NEW_GENERATION, *SYNC_NAMES, *NEW_METADATA, *SYNC_NAMES, "rename"]


def test_a_steady_append_is_one_write_and_one_data_sync(store: JSONLStore, calls: Any) -> None:
    store.add_message("k", "user", "0")
    for change in (
        lambda: None,
        lambda: store.truncate_history("k", 1),
        lambda: store.compact("k"),
        lambda: store.set_summary("k", "s"),
        lambda: store.set_history("k", []),
        lambda: store.set_history("k", [{"a": 1}]),
    ):
        change()
        for _ in range(3):
            calls.take()
            store.add_message("k", "user", "x" * 5000)
            assert calls.take() == APPEND


def test_a_first_message_needs_one_sync_of_the_directory(store: JSONLStore, calls: Any) -> None:
    store.add_message("k", "user", "0")
    assert calls.take() == [*NEW_METADATA, "create", *SYNC_NAMES, *APPEND]


def test_a_first_message_after_a_summary_makes_its_file_durable(
    store: JSONLStore, calls: Any
) -> None:
    store.set_summary("k", "s")
    assert calls.take() == [*NEW_METADATA, *SYNC_NAMES]
    store.add_message("k", "user", "0")
    assert calls.take() == ["create", *SYNC_NAMES, *APPEND]


def test_a_new_file_has_a_durable_name_before_metadata_that_skips_less_names_it(
    store: JSONLStore, calls: Any
) -> None:
    store.add_message("k", "user", "0")
    store.add_message("k", "user", "1")
    store.truncate_history("k", 1)
    calls.take()
    store.compact("k")
    assert calls.take() == REWRITE


def test_a_new_data_file_has_a_durable_name_before_the_metadata_counts_its_lines(
    store: JSONLStore, calls: Any
) -> None:
    for number in range(2):
        store.set_history("k", [{"a": number}])
        assert calls.take() == REWRITE


def test_an_empty_file_has_no_data_to_sync(store: JSONLStore, calls: Any) -> None:
    store.add_message("k", "user", "0")
    calls.take()
    store.set_history("k", [])
    assert calls.take() == ["create", *SYNC_NAMES, *NEW_METADATA, *SYNC_NAMES, "rename"]


def test_what_changes_nothing_writes_nothing(store: JSONLStore, calls: Any) -> None:
    store.set_history("k", [{"a": 1}, {"b": 2}])
    store.truncate_history("k", 1)
    calls.take()
    store.truncate_history("k", 1)
    store.truncate_history("k", 5)
    store.get_history("k")
    store.compact("missing")
    assert calls.take() == []
    store.compact("k")
    calls.take()
    store.compact("k")
    assert calls.take() == []


def test_a_stale_count_alone_is_set_right_without_a_sync_of_the_directory(
    store: JSONLStore, calls: Any
) -> None:
    store.add_message("k", "user", "0")
    calls.take()
    store.truncate_history("k", 5)
    assert calls.take() == NEW_METADATA


def test_a_last_line_that_is_to_be_skipped_is_synced_unless_this_store_did(
    store: JSONLStore, calls: Any, reopen: Callable[[], JSONLStore]
) -> None:
    store.add_message("k", "user", "0")
    calls.take()
    store.truncate_history("k", 0)
    assert calls.take() == [*NEW_METADATA, *SYNC_NAMES]
    store.add_message("k", "user", "1")
    again = reopen()
    calls.take()
    again.truncate_history("k", 0)
    assert calls.take() == ["fdatasync", *NEW_METADATA, *SYNC_NAMES]


def test_migration_syncs_all_renames_at_once_and_those_of_a_killed_one_when_it_is_repeated(
    store: JSONLStore, directory: Path, calls: Any
) -> None:
    for name in ("a", "b"):
        (directory / f"{name}.json").write_text(json.dumps({"key": name, "messages": [{}]}))
    migrate_legacy(store)
    imported = [*NEW_GENERATION, *SYNC_NAMES, *NEW_METADATA, *SYNC_NAMES, "rename"]
    assert calls.take() == [*imported, "rename", *imported, "rename", *SYNC_NAMES]
    migrate_legacy(store)
    assert calls.take() == SYNC_NAMES


def test_opening_makes_the_directory_durable_the_first_time_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: Any
) -> None:
    deep = tmp_path / "a" / "b"
    JSONLStore(deep).close()
    made = calls.take()
    assert made[:2] == ["mkdir", "mkdir"]
    assert made[-1] == "create"
    assert made[2:-1].count("fsync") == len(made) - 3 >= 2
    JSONLStore(deep).close()
    assert calls.take() == []


def test_what_another_process_left_unsynced_is_synced_before_it_is_relied_on(
    store: JSONLStore, calls: Any, reopen: Callable[[], JSONLStore]
) -> None:
    history = [{"a": 1}, {"b": 2}, {"c": 3}]
    store.set_history("k", history)
    store.truncate_history("k", 2)
    again = reopen()
    calls.take()
    again.truncate_history("k", 2)
    assert calls.take() == SYNC_NAMES
    again.truncate_history("k", 2)
    assert calls.take() == []


def test_a_removed_leftover_must_not_come_back_under_a_number_that_is_used_again(
    store: JSONLStore, directory: Path, calls: Any, reopen: Callable[[], JSONLStore]
) -> None:
    store.add_message("k", "user", "0")
    (directory / "k.jsonl.0000000001").write_bytes(b'{"never": "committed"}\n')
    calls.take()
    reopen()
    assert calls.take() == [*SYNC_NAMES, "unlink", *SYNC_NAMES]
    (directory / "k.meta.json.tmp").write_bytes(b"{")
    reopen()
    assert calls.take() == ["unlink"]
