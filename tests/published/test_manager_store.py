"""What the published session manager does when nothing goes wrong, and by which calls."""

import json
import os
import shutil
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tornwrite.reference.published import JSONLStore, SessionManager, StoreError, migrate_from_json

GOLDEN = Path(__file__).parents[1] / "golden" / "picoclaw"
LEGACY = sorted((GOLDEN / "legacy").glob("*.json"))

Reopen = Callable[[], SessionManager]
At = Callable[..., AbstractContextManager[None]]


def contents(manager: SessionManager, key: str) -> list[object]:
    return [message["content"] for message in manager.get_history(key)]


def fill(manager: SessionManager, key: str, count: int) -> None:
    for number in range(count):
        manager.add_message(key, "user", str(number))


def test_a_saved_session_is_read_by_the_next_manager(
    manager: SessionManager, reopen_manager: Reopen
) -> None:
    manager.add_full_message("a:b", {"role": "tool", "content": "é\n<", "tool_call_id": "c"})
    manager.set_summary("a:b", "so far")
    manager.save("a:b")
    manager.close()
    again = reopen_manager()
    assert again.get_history("a:b") == [{"role": "tool", "content": "é\n<", "tool_call_id": "c"}]
    assert again.get_summary("a:b") == "so far"
    assert again.get_or_create("a:b") == manager.get_or_create("a:b")


def test_a_session_never_written_is_empty_and_saving_it_does_nothing(
    manager: SessionManager, directory: Path
) -> None:
    assert manager.get_history("k") == []
    assert manager.get_summary("k") == ""
    manager.truncate_history("k", 1)
    manager.save("k")
    assert os.listdir(directory) == []


def test_a_session_is_made_when_asked_for_and_saved_without_messages(
    manager: SessionManager, directory: Path
) -> None:
    session = manager.get_or_create("k")
    assert (session.created, session.updated) == (
        "2025-11-13T02:13:20.000000000Z",
        "2025-11-13T02:13:20.000000001Z",
    )
    manager.save("k")
    assert (directory / "k.json").read_text() == (
        '{\n  "key": "k",\n  "messages": [],\n'
        '  "created": "2025-11-13T02:13:20.000000000Z",\n'
        '  "updated": "2025-11-13T02:13:20.000000001Z"\n}'
    )


@pytest.mark.parametrize(
    ("keep_last", "kept"),
    [(-1, []), (0, []), (1, ["3"]), (3, ["1", "2", "3"]), (4, ["0", "1", "2", "3"])],
)
def test_truncation_keeps_the_last_messages(
    manager: SessionManager, keep_last: int, kept: list[str]
) -> None:
    fill(manager, "k", 4)
    manager.truncate_history("k", keep_last)
    assert contents(manager, "k") == kept


def test_a_truncation_that_drops_nothing_does_not_count_as_a_change(
    manager: SessionManager,
) -> None:
    fill(manager, "k", 2)
    updated = manager.get_or_create("k").updated
    manager.truncate_history("k", 2)
    assert manager.get_or_create("k").updated == updated
    manager.truncate_history("k", 0)
    assert manager.get_or_create("k").updated != updated


def test_a_history_is_replaced_by_a_copy(manager: SessionManager) -> None:
    fill(manager, "k", 2)
    history = [{"role": "user", "content": "new"}]
    manager.set_history("k", history)
    history[0]["content"] = "changed by the caller"
    manager.get_history("k")[0]["content"] = "changed by another"
    assert contents(manager, "k") == ["new"]


@pytest.mark.parametrize("nowhere", [None, ""])
def test_without_a_directory_nothing_is_written(
    nowhere: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    manager = SessionManager(nowhere)
    fill(manager, "k", 1)
    manager.save("k")
    assert contents(manager, "k") == ["0"]
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("path", LEGACY, ids=lambda path: path.stem)
def test_golden_sessions_are_saved_again_byte_for_byte(golden: Path, path: Path) -> None:
    manager = SessionManager(golden / "legacy")
    manager.save(json.loads(path.read_bytes())["key"])
    assert (golden / "legacy" / path.name).read_bytes() == path.read_bytes()


def test_golden_sessions_read_as_the_original_read_them(golden: Path) -> None:
    want = json.loads((GOLDEN / "legacy.expected.json").read_bytes())
    manager = SessionManager(golden / "legacy")
    assert {
        key: {"summary": manager.get_summary(key), "messages": manager.get_history(key)}
        for key in want
    } == want


def test_what_is_saved_can_be_migrated(
    manager: SessionManager, directory: Path, tmp_path: Path
) -> None:
    fill(manager, "a:b", 2)
    manager.set_summary("a:b", "so far")
    manager.save("a:b")
    store = JSONLStore(tmp_path / "new")
    assert migrate_from_json(directory, store) == 1
    assert store.get_history("a:b") == manager.get_history("a:b")
    assert store.get_summary("a:b") == "so far"


def test_save_syncs_the_file_and_renames_it_and_leaves_the_directory_unsynced(
    manager: SessionManager, record_calls: Callable[[], list[str]]
) -> None:
    fill(manager, "k", 1)
    calls = record_calls()
    manager.save("k")
    assert calls == [
        "open session-0.tmp RDWR|CREAT|EXCL",
        "write session-0.tmp",
        "fchmod session-0.tmp",
        "fsync session-0.tmp",
        "close session-0.tmp",
        "rename session-0.tmp k.json",
    ]


def test_only_save_touches_the_disk(
    manager: SessionManager, record_calls: Callable[[], list[str]]
) -> None:
    calls = record_calls()
    fill(manager, "k", 2)
    manager.set_summary("k", "so far")
    manager.truncate_history("k", 1)
    manager.set_history("k", [])
    manager.get_history("k")
    manager.close()
    assert calls == []


def test_a_saved_file_may_be_read_by_all_once_it_is_written(
    manager: SessionManager, directory: Path, at: At
) -> None:
    def look() -> None:
        assert (directory / "session-0.tmp").stat().st_mode & 0o777 == 0o600

    fill(manager, "k", 1)
    with at("fchmod", "session-0.tmp", look):
        manager.save("k")
    assert (directory / "k.json").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("failing", ["write", "fchmod", "fsync", "close", "rename"])
def test_a_save_that_fails_changes_no_file(
    manager: SessionManager, directory: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    fill(manager, "k", 1)
    manager.save("k")
    before = (directory / "k.json").read_bytes()
    fill(manager, "k", 1)

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, failing, refuse)
        with pytest.raises(OSError, match="No space"):
            manager.save("k")
    assert os.listdir(directory) == ["k.json"]
    assert (directory / "k.json").read_bytes() == before


@pytest.mark.parametrize("key", ["", ".", "..", "a/b", "/a", "a\\b", "../a"])
def test_a_key_that_is_no_file_name_is_refused_by_save(
    manager: SessionManager, directory: Path, key: str
) -> None:
    fill(manager, key, 1)
    with pytest.raises(OSError, match="invalid argument"):
        manager.save(key)
    assert os.listdir(directory) == []


def test_threads_of_one_manager_do_not_lose_messages(manager: SessionManager) -> None:
    def add() -> None:
        fill(manager, "k", 50)

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(contents(manager, "k")) == 400


def test_a_message_of_the_wrong_kind_is_refused(manager: SessionManager) -> None:
    with pytest.raises(StoreError):
        manager.add_full_message("k", {"role": "user", "content": 1})
    assert manager.get_history("k") == []


def test_a_file_that_is_not_there_does_not_keep_others_from_being_loaded(
    manager: SessionManager, directory: Path, reopen_manager: Reopen
) -> None:
    (directory / "a.json").symlink_to("nowhere")
    fill(manager, "k", 1)
    manager.save("k")
    assert contents(reopen_manager(), "k") == ["0"]


def test_directories_and_other_files_are_no_sessions(
    directory: Path, reopen_manager: Reopen
) -> None:
    shutil.copytree(GOLDEN / "legacy", directory)
    (directory / "d.json").mkdir()
    (directory / "telegram_777.json").rename(directory / "telegram_777.json.migrated")
    assert sorted(reopen_manager()._sessions) == ["discord:99", "telegram:123456"]
