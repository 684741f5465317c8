"""The published session manager's flaws are there. A test here that fails means one was repaired.

That the rename is never synced is seen in the calls: test_manager_store.
"""

import os
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tornwrite.reference.published import JSONLStore, SessionManager

Reopen = Callable[[], SessionManager]
At = Callable[..., AbstractContextManager[None]]


def contents(manager: SessionManager, key: str) -> list[Any]:
    return [message["content"] for message in manager.get_history(key)]


def fill(manager: SessionManager, key: str, *said: str) -> None:
    for content in said:
        manager.add_message(key, "user", content)


def test_what_was_not_saved_is_gone_without_a_word(
    manager: SessionManager, reopen_manager: Reopen
) -> None:
    fill(manager, "k", "0")
    manager.close()
    assert contents(reopen_manager(), "k") == []


def test_a_summary_or_a_history_for_a_new_session_is_dropped_without_a_word(
    manager: SessionManager,
) -> None:
    manager.set_summary("k", "dropped")
    manager.set_history("k", [{"role": "user", "content": "dropped"}])
    fill(manager, "k", "0")
    assert contents(manager, "k") == ["0"]
    assert manager.get_summary("k") == ""


def test_a_slower_earlier_save_takes_back_a_later_one(
    manager: SessionManager, reopen_manager: Reopen, at: At
) -> None:
    def save_more() -> None:
        fill(manager, "k", "saved and lost")
        manager.save("k")

    def let_another_thread_save() -> None:
        other = threading.Thread(target=save_more, daemon=True)
        other.start()
        other.join(10)
        assert not other.is_alive(), "the second save waits for the first"

    fill(manager, "k", "0")
    with at("rename", "k.json", let_another_thread_save):
        manager.save("k")
    assert contents(reopen_manager(), "k") == ["0"]


def test_of_two_managers_on_one_directory_the_last_to_save_takes_back_the_other(
    manager: SessionManager, reopen_manager: Reopen
) -> None:
    other = reopen_manager()
    fill(manager, "k", "saved and lost")
    manager.save("k")
    fill(other, "k", "1")
    other.save("k")
    assert contents(reopen_manager(), "k") == ["1"]


def test_two_keys_share_a_file_and_the_later_save_replaces_the_other_session(
    manager: SessionManager, reopen_manager: Reopen
) -> None:
    fill(manager, "a:b", "for a:b")
    fill(manager, "a_b", "for a_b")
    manager.save("a:b")
    manager.save("a_b")
    again = reopen_manager()
    assert contents(again, "a:b") == []
    assert contents(again, "a_b") == ["for a_b"]


@pytest.mark.parametrize("garbage", [b"", b"{", b"\0" * 16, b"[]", b'{"created":"yesterday"}'])
def test_a_damaged_file_is_passed_over_without_a_word_and_overwritten_by_the_next_save(
    directory: Path, reopen_manager: Reopen, garbage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    directory.mkdir()
    (directory / "k.json").write_bytes(garbage)
    manager = reopen_manager()
    assert contents(manager, "k") == []
    assert caplog.records == []
    fill(manager, "k", "0")
    manager.save("k")
    assert contents(reopen_manager(), "k") == ["0"]


def test_a_file_that_cannot_be_read_is_passed_over_and_replaced(
    manager: SessionManager, reopen_manager: Reopen, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(manager, "k", "saved and lost")
    manager.save("k")

    def fail(*_: object) -> bytes:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "read", fail)
        again = reopen_manager()
    fill(again, "k", "1")
    again.save("k")
    assert contents(reopen_manager(), "k") == ["1"]


def test_metadata_of_the_jsonl_store_is_taken_for_a_session_and_hides_the_true_one(
    manager: SessionManager, directory: Path, reopen_manager: Reopen
) -> None:
    fill(manager, "a:b", "saved and hidden")
    manager.save("a:b")
    JSONLStore(directory).set_summary("a:b", "of the other store")
    again = reopen_manager()
    assert contents(again, "a:b") == []
    assert again.get_summary("a:b") == "of the other store"
    again.save("a:b")
    assert "saved and hidden" not in (directory / "a_b.json").read_text()


def test_saving_replaces_the_metadata_of_a_session_of_the_jsonl_store(
    manager: SessionManager, directory: Path
) -> None:
    store = JSONLStore(directory)
    store.add_message("k", "user", "0")
    store.set_summary("k", "lost")
    fill(manager, "k.meta", "another session")
    manager.save("k.meta")
    assert store.get_summary("k") == ""


def test_a_file_whose_name_is_not_its_keys_outlives_every_save(
    manager: SessionManager, directory: Path, reopen_manager: Reopen
) -> None:
    fill(manager, "k", "old")
    manager.save("k")
    (directory / "k.json").rename(directory / "renamed.json")
    again = reopen_manager()
    fill(again, "k", "saved and hidden")
    again.save("k")
    assert contents(reopen_manager(), "k") == ["old"]


def test_any_object_is_taken_for_a_session(directory: Path, reopen_manager: Reopen) -> None:
    directory.mkdir()
    (directory / "config.json").write_text('{"messages": null, "theme": "dark"}')
    assert list(reopen_manager()._sessions) == [""]


def test_a_killed_save_leaves_its_temporary_file_for_good(
    manager: SessionManager, directory: Path, reopen_manager: Reopen, killed_before: At
) -> None:
    fill(manager, "k", "0")
    with killed_before("rename", "k.json"):
        manager.save("k")
    again = reopen_manager()
    fill(again, "k", "1")
    again.save("k")
    assert sorted(os.listdir(directory)) == ["k.json", "session-0.tmp"]


def test_a_directory_that_cannot_be_made_is_only_noticed_by_save(
    directory: Path, reopen_manager: Reopen
) -> None:
    directory.touch()
    manager = reopen_manager()
    fill(manager, "k", "0")
    with pytest.raises(NotADirectoryError):
        manager.save("k")


def test_a_key_too_long_for_a_file_is_accepted_and_can_never_be_saved(
    manager: SessionManager, directory: Path
) -> None:
    key = "k" * 255
    fill(manager, key, "0")
    with pytest.raises(OSError, match="name too long"):
        manager.save(key)
    assert os.listdir(directory) == []


def test_a_session_that_was_handed_out_can_be_changed_past_the_lock(
    manager: SessionManager, reopen_manager: Reopen
) -> None:
    session = manager.get_or_create("k")
    session.messages.append({"role": "user", "content": "behind its back"})
    assert contents(manager, "k") == ["behind its back"]


def test_saving_loses_fields_it_does_not_know(directory: Path, reopen_manager: Reopen) -> None:
    directory.mkdir()
    file = directory / "k.json"
    file.write_text('{"key":"k","scope":{},"messages":[{"role":"user","model_name":"m"}]}')
    reopen_manager().save("k")
    assert "scope" not in file.read_text()
    assert "model_name" not in file.read_text()


def test_every_session_of_the_directory_is_in_memory(
    manager: SessionManager, reopen_manager: Reopen
) -> None:
    for number in range(100):
        fill(manager, str(number), "0")
        manager.save(str(number))
    assert len(reopen_manager()._sessions) == 100
