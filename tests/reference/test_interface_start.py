"""Starting: legacy files are migrated; if one cannot be, a manager stands in and says why."""

import errno
import itertools
import os
from pathlib import Path
from typing import Any

import pytest

from support.starting import HINDRANCE, contents, hinder, legacy, shown, start, unhinder
from tornwrite.reference import JSONLStore, KeyRefused, StoreError
from tornwrite.reference.interface import (
    Failure,
    JSONLBackend,
    MigrationFailed,
    open_session_store,
)
from tornwrite.reference.manager import SessionManager


def test_without_legacy_files_the_jsonl_store_is_behind_it(directory: Path) -> None:
    store = start(directory)
    assert isinstance(store, JSONLBackend)
    store.add_message("k", "user", "0")
    store.close()
    assert (directory / "k.jsonl").exists()
    assert shown(directory, "k") == [(["0"], "")]


def test_legacy_files_are_migrated_by_the_start(directory: Path) -> None:
    legacy(directory, "a:b", "0", summary="s")
    store = start(directory)
    assert isinstance(store, JSONLBackend)
    assert store.failures.total == 0
    assert (contents(store, "a:b"), store.get_summary("a:b")) == (["0"], "s")
    assert (directory / "a_b.json.migrated").exists()


def test_if_one_cannot_be_migrated_a_manager_stands_in_and_says_why(directory: Path) -> None:
    hinder(directory)
    legacy(directory, "z", "0")
    seen: list[Failure] = []
    store = open_session_store(directory, on_failure=seen.append)
    assert isinstance(store, SessionManager)
    (failure,) = store.failures.recent
    assert seen == [failure]
    assert (failure.key, failure.operation) == ("", "start")
    assert isinstance(failure.error, MigrationFailed)
    assert HINDRANCE in str(failure.error)
    assert contents(store, "z") == ["0"]
    assert (directory / "z.json.migrated").exists()


def test_litter_of_a_manager_that_was_killed_is_removed(directory: Path) -> None:
    directory.mkdir()
    name = "k~" + "0" * 32 + ".json.tmp"
    (directory / name).write_text("{")
    (directory / "other.json.tmp").write_text("{")
    start(directory).close()
    assert sorted(os.listdir(directory)) == [".lock", "other.json.tmp"]


def test_if_the_jsonl_store_cannot_be_opened_its_sessions_are_not_hidden(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = JSONLStore.__init__
    opened = itertools.count()

    def failing(self: JSONLStore, *arguments: Any, **named: Any) -> None:
        if not next(opened):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(self, *arguments, **named)

    monkeypatch.setattr(JSONLStore, "__init__", failing)
    legacy(directory, "k", "0")
    store = start(directory)
    assert isinstance(store, SessionManager)
    assert [failure.operation for failure in store.failures.recent] == ["start"]
    store.add_message("k", "user", "1")
    store.save("k")
    store.close()
    assert shown(directory, "k") == [(["0", "1"], "")]
    opened = itertools.count()
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        start(directory)
    assert shown(directory, "k") == [(["0", "1"], "")]


def test_a_directory_that_cannot_be_used_at_all_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError):
        open_session_store(tmp_path / "file" / "sessions")


def test_an_error_of_the_start_is_one_of_the_store() -> None:
    assert issubclass(MigrationFailed, StoreError)
    assert issubclass(KeyRefused, StoreError)


def test_damage_of_the_jsonl_store_is_told_and_kept_when_a_manager_stands_in(
    directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with JSONLStore(directory) as store:
        store.add_message("k", "user", "0")
    with (directory / "k.jsonl").open("ab") as file:
        file.write(b'no message\n{"content":"1"}\n{"torn')
    hinder(directory)
    standing_in = start(directory)
    assert contents(standing_in, "k") == ["0", "1"]
    assert [text.partition(":")[0] for text in caplog.messages if text.startswith("k.jsonl")] == [
        "k.jsonl, line 2",
        "k.jsonl",
    ]
    standing_in.add_message("k", "user", "2")
    standing_in.save("k")
    standing_in.close()
    unhinder(directory)
    assert shown(directory, "k") == [(["0", "1", "2"], "")]
    kept = [path.read_bytes() for path in directory.glob("k.jsonl.damaged-*")]
    assert sorted(kept) == [b"no message\n", b'{"torn']
