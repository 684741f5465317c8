"""The published JSONL backend and start: what they do, and their flaws, each as published."""

import logging
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tornwrite.reference.published import (
    JSONLBackend,
    JSONLStore,
    SessionManager,
    StoreError,
    open_session_store,
)
from tornwrite.reference.published.go_lines import MAX_LINE_BYTES

Start = Callable[[], JSONLBackend | SessionManager]
At = Callable[..., AbstractContextManager[None]]


@pytest.fixture
def start(directory: Path, clock: Callable[[], int]) -> Start:
    return lambda: open_session_store(directory, clock=clock)


@pytest.fixture
def backend(store: JSONLStore) -> JSONLBackend:
    return JSONLBackend(store)


def contents(sessions: JSONLBackend | SessionManager, key: str) -> list[Any]:
    return [message["content"] for message in sessions.get_history(key)]


def fill(sessions: JSONLBackend | SessionManager, key: str, *said: str) -> None:
    for content in said:
        sessions.add_message(key, "user", content)


def legacy(directory: Path, name: str, *said: str) -> None:
    directory.mkdir(exist_ok=True)
    manager = SessionManager(directory)
    fill(manager, name, *said)
    manager.save(name)


def start_refused(start: Start, at: At, call: str, name: str) -> JSONLBackend | SessionManager:
    def refuse() -> None:
        raise OSError(28, "No space left on device")

    with at(call, name, refuse):
        return start()


# What they do


def test_everything_but_save_is_on_disk_when_it_returns(
    backend: JSONLBackend, store: JSONLStore
) -> None:
    fill(backend, "k", "0", "1", "2")
    backend.set_summary("k", "so far")
    backend.truncate_history("k", 2)
    assert [message["content"] for message in store.get_history("k")] == ["1", "2"]
    assert store.get_summary("k") == backend.get_summary("k") == "so far"
    backend.set_history("k", [{"role": "user", "content": "new"}])
    assert contents(backend, "k") == ["new"]


def test_save_compacts(backend: JSONLBackend, directory: Path) -> None:
    fill(backend, "k", "0", "1")
    backend.truncate_history("k", 1)
    assert (directory / "k.jsonl").read_bytes().count(b"\n") == 2
    backend.save("k")
    assert (directory / "k.jsonl").read_bytes().count(b"\n") == 1
    backend.close()


def test_save_hands_on_the_error(backend: JSONLBackend, directory: Path) -> None:
    fill(backend, "k", "0")
    (directory / "k.meta.json").write_bytes(b"{")
    with pytest.raises(StoreError, match="decode"):
        backend.save("k")


def test_a_message_of_the_wrong_kind_is_refused(backend: JSONLBackend) -> None:
    with pytest.raises(StoreError):
        backend.add_full_message("k", {"role": "user", "content": 1})
    with pytest.raises(StoreError):
        backend.set_history("k", [{"role": "user", "content": 1}])


def test_the_start_imports_legacy_sessions(directory: Path, start: Start) -> None:
    legacy(directory, "a:b", "0", "1")
    sessions = start()
    assert isinstance(sessions, JSONLBackend)
    assert contents(sessions, "a:b") == ["0", "1"]
    assert (directory / "a_b.json.migrated").exists()


def test_a_store_that_cannot_be_opened_leaves_the_manager(directory: Path, start: Start) -> None:
    directory.touch()
    assert isinstance(start(), SessionManager)


def test_a_migration_that_fails_leaves_the_manager(directory: Path, start: Start, at: At) -> None:
    legacy(directory, "k", "0")
    sessions = start_refused(start, at, "rename", "k.jsonl")
    assert isinstance(sessions, SessionManager)


# Their flaws


def test_a_write_that_fails_is_taken_as_done(
    backend: JSONLBackend, directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fill(backend, "k", "0")
    meta = directory / "k.meta.json"
    good = meta.read_bytes()
    meta.write_bytes(b"{")
    backend.set_summary("k", "lost")
    backend.truncate_history("k", 0)
    backend.set_history("k", [])
    assert len(caplog.records) == 3
    meta.write_bytes(good)
    assert contents(backend, "k") == ["0"]
    assert backend.get_summary("k") == ""


def test_a_message_refused_by_a_full_disk_is_taken_as_added(backend: JSONLBackend, at: At) -> None:
    def refuse() -> None:
        raise OSError(28, "No space left on device")

    with at("write", "k.jsonl", refuse):
        fill(backend, "k", "taken as added and lost")
    assert contents(backend, "k") == []


def test_an_unreadable_session_looks_like_an_empty_one(
    backend: JSONLBackend, caplog: pytest.LogCaptureFixture
) -> None:
    fill(backend, "k", "0", "x" * MAX_LINE_BYTES)
    assert contents(backend, "k") == []
    assert "token too long" in caplog.text


def test_a_summary_that_cannot_be_read_looks_like_none(
    backend: JSONLBackend, directory: Path
) -> None:
    backend.set_summary("k", "so far")
    (directory / "k.meta.json").write_bytes(b"{")
    assert backend.get_summary("k") == ""


def test_the_second_start_empties_every_session(start: Start, directory: Path) -> None:
    sessions = start()
    fill(sessions, "k", "0", "1")
    sessions.set_summary("k", "so far")
    sessions.close()
    again = start()
    assert contents(again, "k") == []
    assert again.get_summary("k") == ""
    assert sorted(os.listdir(directory)) == ["k.jsonl", "k.meta.json.migrated"]
    assert (directory / "k.jsonl").read_bytes() == b""


def test_a_fallback_hides_the_sessions_that_were_imported_before_it_failed(
    directory: Path, start: Start, at: At
) -> None:
    legacy(directory, "a", "imported and hidden")
    legacy(directory, "b", "not imported")
    sessions = start_refused(start, at, "rename", "b.meta.json")
    assert isinstance(sessions, SessionManager)
    assert contents(sessions, "b") == ["not imported"]
    assert contents(sessions, "a") == []


def test_a_fallback_hides_the_very_session_whose_import_failed(
    directory: Path, start: Start, at: At
) -> None:
    legacy(directory, "k", "hidden")
    sessions = start_refused(start, at, "rename", "k.jsonl")
    # Its metadata had been written, which the manager takes for the session.
    assert contents(sessions, "k") == []
    sessions.save("k")
    assert contents(start(), "k") == []


def test_a_fallback_hides_the_sessions_of_the_jsonl_store(
    directory: Path, store: JSONLStore, start: Start, at: At
) -> None:
    store.add_message("k", "user", "hidden")
    store.set_summary("k", "read from the metadata")
    sessions = start_refused(start, at, "rename", "k.jsonl")
    assert isinstance(sessions, SessionManager)
    assert contents(sessions, "k") == []


def test_what_a_fallback_saved_is_imported_over_the_session_of_the_jsonl_store(
    directory: Path, store: JSONLStore, start: Start, at: At
) -> None:
    store.add_message("k", "user", "lost")
    os.rename(directory / "k.meta.json", directory / "k.meta.kept")  # or the start empties it
    legacy(directory, "z", "0")
    sessions = start_refused(start, at, "rename", "z.jsonl")
    fill(sessions, "k", "said to the manager")
    sessions.save("k")
    assert contents(start(), "k") == ["said to the manager"]


def test_nothing_tells_the_caller_that_the_start_failed(
    directory: Path, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    directory.touch()
    caplog.set_level(logging.WARNING)
    sessions = start()
    fill(sessions, "k", "only in memory")
    assert contents(sessions, "k") == ["only in memory"]
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_restart_after_a_fallback_that_was_not_saved_loses_what_was_said(
    directory: Path, start: Start, at: At
) -> None:
    legacy(directory, "k", "0")
    sessions = start_refused(start, at, "rename", "k.meta.json")
    fill(sessions, "k", "taken as added and lost")
    sessions.close()
    assert contents(start(), "k") == ["0"]
