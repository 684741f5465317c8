"""The published JSONL store makes the original's system calls in the original's order."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tornwrite.reference.published import JSONLStore

READ_META = ["open k.meta.json RDONLY", "close k.meta.json"]
SYNC_DIRECTORY = ["open sessions RDONLY", "fsync sessions", "close sessions"]
WRITE_META = [
    "open .tmp-0 WRONLY|CREAT|EXCL",
    "write .tmp-0",
    "fsync .tmp-0",
    "fchmod .tmp-0",
    "close .tmp-0",
    "rename .tmp-0 k.meta.json",
    *SYNC_DIRECTORY,
]
READ_JSONL = ["open k.jsonl RDONLY", "close k.jsonl"]
REWRITE_JSONL = [
    *("rename .tmp-0 k.jsonl" if call.startswith("rename") else call for call in WRITE_META)
]
APPEND = [
    "open k.jsonl WRONLY|CREAT|APPEND",
    "write k.jsonl",
    "fsync k.jsonl",
    "close k.jsonl",
]


@pytest.fixture
def calls(store: JSONLStore, record_calls: Callable[[], list[str]]) -> list[str]:
    """Each call once the store is open and has a session."""
    store.add_message("k", "user", "zero")
    return record_calls()


def test_add_message_appends_syncs_then_writes_metadata(
    store: JSONLStore, calls: list[str]
) -> None:
    store.add_message("k", "user", "one")
    assert calls == APPEND + READ_META + WRITE_META


def test_set_history_writes_metadata_before_the_messages(
    store: JSONLStore, calls: list[str]
) -> None:
    store.set_history("k", [{"role": "user", "content": "new"}])
    assert calls == READ_META + WRITE_META + REWRITE_JSONL


def test_compact_writes_metadata_before_the_messages(store: JSONLStore, calls: list[str]) -> None:
    store.truncate_history("k", 0)
    assert calls == READ_META + READ_JSONL + WRITE_META
    calls.clear()
    store.compact("k")
    assert calls == READ_META + READ_JSONL + WRITE_META + REWRITE_JSONL


def test_compact_with_nothing_to_drop_only_reads_the_metadata(
    store: JSONLStore, calls: list[str]
) -> None:
    store.compact("k")
    assert calls == READ_META


def test_set_summary_only_touches_the_metadata(store: JSONLStore, calls: list[str]) -> None:
    store.set_summary("k", "so far")
    assert calls == READ_META + WRITE_META


def test_reading_writes_nothing(store: JSONLStore, calls: list[str]) -> None:
    store.get_history("k")
    store.get_summary("k")
    assert calls == READ_META + READ_JSONL + READ_META


def test_two_runs_give_the_same_bytes(tmp_path: Path) -> None:
    def run(directory: Path) -> dict[str, bytes]:
        store = JSONLStore(directory, clock=lambda: 7)
        store.add_message("k", "user", "one")
        store.truncate_history("k", 0)
        store.compact("k")
        return {path.name: path.read_bytes() for path in directory.iterdir()}

    assert run(tmp_path / "a") == run(tmp_path / "b")


@pytest.mark.parametrize("failing", ["write", "fsync", "fchmod", "close", "rename"])
def test_a_replacement_that_fails_removes_its_temporary_file(
    store: JSONLStore, directory: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    store.add_message("k", "user", "one")
    before = {path.name: path.read_bytes() for path in directory.iterdir()}
    real_close = os.close

    def refuse(target: Any, *rest: Any) -> None:
        # Reading closes files as well; only the temporary one, open for writing, is refused.
        if failing == "close" and "/.tmp-" not in os.readlink(f"/proc/self/fd/{target}"):
            return real_close(target)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, failing, refuse)
    with pytest.raises(OSError, match="No space"):
        store.set_summary("k", "so far")
    monkeypatch.undo()
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == before
