"""Each fix taken back is wrong again where the published store is right, and only there."""

import os
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tornwrite.reference.published import JSONLStore, SessionManager, migrate_from_json
from tornwrite.reference.published.errors import StoreError
from tornwrite.reference.published.go_lines import MAX_LINE_BYTES
from tornwrite.reference.published.history import (
    CountOnlyWhenZero,
    DataBeforeMetadata,
    OneMegabyteLines,
    RenameWithoutSync,
    Unlocked,
    migrate_by_appending,
)

At = Callable[..., AbstractContextManager[None]]
Migrate = Callable[[Path, JSONLStore], int]

EDITIONS = [RenameWithoutSync, DataBeforeMetadata, CountOnlyWhenZero, OneMegabyteLines, Unlocked]


def contents(store: JSONLStore, key: str) -> list[Any]:
    return [message["content"] for message in store.get_history(key)]


def fill(store: JSONLStore, key: str, count: int) -> None:
    for number in range(count):
        store.add_message(key, "user", str(number))


@pytest.mark.parametrize("edition", EDITIONS)
def test_undisturbed_an_edition_writes_what_the_published_store_writes(
    edition: type[JSONLStore], tmp_path: Path
) -> None:
    def run(kind: type[JSONLStore], directory: Path) -> dict[str, bytes]:
        store = kind(directory, clock=lambda: 7)
        fill(store, "k", 5)
        store.set_summary("k", "so far")
        store.truncate_history("k", 2)
        store.compact("k")
        store.set_history("j", [{"role": "user", "content": "new"}])
        assert contents(store, "k") == ["3", "4"]
        return {path.name: path.read_bytes() for path in directory.iterdir()}

    assert run(edition, tmp_path / "a") == run(JSONLStore, tmp_path / "b")


# Rename without sync


def test_metadata_is_renamed_without_a_sync(
    directory: Path, record_calls: Callable[[], list[str]]
) -> None:
    store = RenameWithoutSync(directory)
    calls = record_calls()
    store.set_summary("k", "so far")
    assert calls == [
        "open k.meta.json RDONLY",
        "open k.meta.json.tmp WRONLY|CREAT|TRUNC",
        "write k.meta.json.tmp",
        "close k.meta.json.tmp",
        "rename k.meta.json.tmp k.meta.json",
    ]


def test_of_a_set_history_nothing_is_synced_and_of_a_message_only_its_file(
    directory: Path, record_calls: Callable[[], list[str]]
) -> None:
    store = RenameWithoutSync(directory)
    calls = record_calls()
    store.set_history("k", [{"role": "user", "content": "new"}])
    assert calls[-4:] == [
        "open k.jsonl.tmp WRONLY|CREAT|TRUNC",
        "write k.jsonl.tmp",
        "close k.jsonl.tmp",
        "rename k.jsonl.tmp k.jsonl",
    ]
    store.add_message("k", "user", "more")
    assert [call for call in calls if "sync" in call] == ["fsync k.jsonl"]


def test_a_rename_that_fails_removes_the_temporary_file(directory: Path, refused: At) -> None:
    store = RenameWithoutSync(directory)
    with refused("rename", "k.meta.json"):
        store.set_summary("k", "so far")
    assert os.listdir(directory) == []


# Migration by appending


@pytest.mark.parametrize(
    ("migrate", "imported"),
    [(migrate_by_appending, ["0", "1", "2", "0", "1", "2"]), (migrate_from_json, ["0", "1", "2"])],
)
def test_a_migration_killed_before_its_rename_and_done_again_duplicates(
    tmp_path: Path, migrate: Migrate, imported: list[str], killed_before: At
) -> None:
    manager = SessionManager(tmp_path / "legacy")
    for number in range(3):
        manager.add_message("k", "user", str(number))
    manager.set_summary("k", "so far")
    manager.save("k")
    with killed_before("rename", "k.json"):
        migrate(tmp_path / "legacy", JSONLStore(tmp_path / "new"))
    store = JSONLStore(tmp_path / "new")
    assert migrate(tmp_path / "legacy", store) == 1
    assert contents(store, "k") == imported
    assert store.get_summary("k") == "so far"
    assert migrate(tmp_path / "legacy", store) == 0


def test_a_migration_killed_among_its_appends_duplicates_those(
    tmp_path: Path, killed_before: At
) -> None:
    manager = SessionManager(tmp_path / "legacy")
    for number in range(2):
        manager.add_message("k", "user", str(number))
    manager.save("k")
    store = JSONLStore(tmp_path / "new")
    with killed_before("open", "k.meta.json"):
        migrate_by_appending(tmp_path / "legacy", store)
    migrate_by_appending(tmp_path / "legacy", store)
    assert contents(store, "k") == ["0", "0", "1"]


# Data before metadata


@pytest.mark.parametrize(
    ("edition", "read"), [(DataBeforeMetadata, []), (JSONLStore, ["0", "1", "2", "3"])]
)
@pytest.mark.parametrize(
    "operation",
    [
        lambda store: store.compact("k"),
        lambda store: store.set_history("k", [{"role": "user", "content": "new"}]),
    ],
    ids=["compact", "set_history"],
)
def test_killed_between_the_two_files_the_history_is_empty(
    edition: type[JSONLStore],
    read: list[str],
    operation: Callable[[JSONLStore], None],
    directory: Path,
    killed_before: At,
) -> None:
    store = edition(directory)
    fill(store, "k", 4)
    store.truncate_history("k", 1)
    second = "k.meta.json" if edition is DataBeforeMetadata else "k.jsonl"

    with killed_before("rename", second):
        operation(store)
    again = edition(directory)
    assert contents(again, "k") == read
    again.add_message("k", "user", "acknowledged")
    assert contents(again, "k") == ([] if read == [] else [*read, "acknowledged"])


# Count only when zero


@pytest.mark.parametrize(
    ("edition", "kept"), [(CountOnlyWhenZero, ["1", "2"]), (JSONLStore, ["2"])]
)
def test_a_stale_count_makes_truncation_keep_the_wrong_messages(
    edition: type[JSONLStore], kept: list[str], directory: Path, killed_before: At
) -> None:
    store = edition(directory)
    fill(store, "k", 2)
    with killed_before("open", "k.meta.json"):
        store.add_message("k", "user", "2")
    again = edition(directory)
    again.truncate_history("k", 1)
    assert contents(again, "k") == kept


def test_a_count_of_zero_is_made_good(directory: Path, killed_before: At) -> None:
    store = CountOnlyWhenZero(directory)
    with killed_before("open", "k.meta.json"):
        store.add_message("k", "user", "0")
    store.truncate_history("k", 0)
    assert contents(store, "k") == []


# One megabyte lines


def test_a_message_over_one_megabyte_makes_its_session_unreadable(directory: Path) -> None:
    store = OneMegabyteLines(directory)
    store.add_message("k", "user", "x" * 1024 * 1024)
    for operation in (lambda: store.get_history("k"), lambda: store.truncate_history("k", 1)):
        with pytest.raises(StoreError, match="token too long"):
            operation()
    assert len(JSONLStore(directory).get_history("k")) == 1


def test_a_message_just_under_one_megabyte_is_read(directory: Path) -> None:
    store = OneMegabyteLines(directory)
    around = len('{"role":"user","content":""}')
    store.add_message("k", "user", "x" * (1024 * 1024 - 1 - around))
    assert len(store.get_history("k")) == 1
    assert store._max_line_bytes < MAX_LINE_BYTES


# Unlocked

Operation = Callable[[JSONLStore], None]


def add(store: JSONLStore) -> None:
    store.add_message("k", "user", "new")


def summarise(store: JSONLStore) -> None:
    store.set_summary("k", "so far")
    store.truncate_history("k", 2)


def compact(store: JSONLStore) -> None:
    store.compact("k")


def replace(store: JSONLStore) -> None:
    store.set_history("k", [{"role": "user", "content": "replaced"}])


RACES = [
    pytest.param(
        *(add, "k.meta.json", summarise, ["2", "3", "4", "5", "new"], ["5", "new"]),
        id="an append takes back a summary and a truncation",
    ),
    pytest.param(
        *(add, "k.meta.json", compact, ["4", "5", "new"], ["2", "3", "4", "5", "new"]),
        id="an append writes the skip again over a compacted file",
    ),
    pytest.param(
        *(compact, "k.jsonl", add, ["2", "3", "4", "5"], ["2", "3", "4", "5", "new"]),
        id="a compaction replaces a file that was appended to",
    ),
    pytest.param(
        *(replace, "k.jsonl", add, ["replaced"], ["replaced", "new"]),
        id="a replacement replaces a file that was appended to",
    ),
]


@pytest.mark.parametrize(("first", "renamed", "second", "left", "right"), RACES)
@pytest.mark.parametrize("edition", [Unlocked, JSONLStore])
def test_without_a_lock_one_operation_takes_back_another(
    edition: type[JSONLStore],
    first: Operation,
    renamed: str,
    second: Operation,
    left: list[str],
    right: list[str],
    directory: Path,
    at: At,
) -> None:
    store = edition(directory)
    fill(store, "k", 6)
    store.truncate_history("k", 4)
    other = threading.Thread(target=second, args=(store,))

    def let_the_other_go_on() -> None:
        other.start()
        other.join(10 if edition is Unlocked else 0.05)  # with the lock, it has to wait for us

    with at("rename", renamed, let_the_other_go_on):
        first(store)
    other.join()
    assert contents(store, "k") == (left if edition is Unlocked else right)
    if second is summarise:
        assert store.get_summary("k") == ("" if edition is Unlocked else "so far")


def test_without_a_lock_the_count_falls_behind(directory: Path, at: At) -> None:
    store = Unlocked(directory)
    fill(store, "k", 1)
    with at("rename", "k.meta.json", lambda: add(store)):
        add(store)
    assert len(store.get_history("k")) == 3
    assert '"count": 2' in (directory / "k.meta.json").read_text()
