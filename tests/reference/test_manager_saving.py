"""What is saved is durable and whole; what is not saved stays in memory."""

import errno
import itertools
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tornwrite.reference import ChangeNotUndone, StoreClosed
from tornwrite.reference.manager import SessionManager

SYNC_NAMES = ["fsync"]
NEW_FILE = ["create", "write", "fsync", "rename", *SYNC_NAMES]
START_NS = 1_763_000_000_000_000_000


@pytest.fixture
def manager(directory: Path) -> Iterator[SessionManager]:
    readings = itertools.count(START_NS)
    with SessionManager(str(directory), clock=lambda: next(readings)) as opened:
        yield opened


def reopened(directory: Path, key: str = "a:b") -> tuple[list[Any], str]:
    with SessionManager(directory) as manager:
        return manager.get_history(key), manager.get_summary(key)


def test_a_session_is_saved_whole_in_the_format_of_the_original(
    manager: SessionManager, directory: Path
) -> None:
    manager.add_message("a:b", "user", "é\u2028<")
    manager.add_full_message("a:b", {"role": "tool", "x": [], "y": {"z": [1, {}]}})
    manager.set_summary("a:b", "so far")
    manager.save("a:b")
    written = (directory / "a_b.json").read_text()
    assert written == json.dumps(
        {
            "key": "a:b",
            "messages": [
                {"role": "user", "content": "é\u2028<"},
                {"role": "tool", "x": [], "y": {"z": [1, {}]}},
            ],
            "summary": "so far",
            "created": "2025-11-13T02:13:20.000000001Z",
            "updated": "2025-11-13T02:13:20.000000004Z",
            "data_check": json.loads(written)["data_check"],
        },
        indent=2,
        ensure_ascii=False,
    )
    assert sorted(os.listdir(directory)) == [".lock", "a_b.json"]


def test_a_session_without_a_summary_or_messages_says_so_as_the_original_does(
    manager: SessionManager, directory: Path
) -> None:
    manager.get_or_create("k")
    manager.save("k")
    written = json.loads((directory / "k.json").read_text())
    assert written.keys() == {"key", "messages", "created", "updated", "data_check"}
    assert written["messages"] == []


def test_a_save_syncs_the_file_before_its_name_and_the_name_after(
    manager: SessionManager, directory: Path, calls: Any
) -> None:
    calls.take()
    manager.add_message("a:b", "user", "0")
    assert calls.take() == []
    manager.save("a:b")
    assert calls.take() == NEW_FILE
    manager.save("a:b")
    assert calls.take() == NEW_FILE


def test_what_was_not_saved_is_gone_with_the_process(
    manager: SessionManager, directory: Path
) -> None:
    manager.add_message("a:b", "user", "0")
    manager.save("a:b")
    manager.add_message("a:b", "user", "1")
    manager.set_summary("a:b", "of both")
    manager.close()
    assert reopened(directory) == ([{"role": "user", "content": "0"}], "")


def test_saving_what_does_not_exist_writes_nothing(
    manager: SessionManager, directory: Path, calls: Any
) -> None:
    calls.take()
    manager.truncate_history("k", 0)
    manager.set_history("k", [])
    assert manager.get_history("k") == []
    manager.save("k")
    assert calls.take() == []


@pytest.mark.parametrize("call", ["create", "write", "fsync", "rename"])
def test_a_save_that_fails_changes_nothing_and_can_be_repeated(
    manager: SessionManager, directory: Path, calls: Any, call: str
) -> None:
    manager.add_message("a:b", "user", "0")
    manager.save("a:b")
    before = (directory / "a_b.json").read_bytes()
    manager.add_message("a:b", "user", "1")
    calls.fail(call, errno.ENOSPC)
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)) as raised:
        manager.save("a:b")
    assert not isinstance(raised.value, ChangeNotUndone)
    assert (directory / "a_b.json").read_bytes() == before
    assert sorted(os.listdir(directory)) == [".lock", "a_b.json"]
    assert [message["content"] for message in manager.get_history("a:b")] == ["0", "1"]
    manager.save("a:b")
    assert len(reopened(directory)[0]) == 2


def test_a_save_whose_name_could_not_be_synced_says_so_and_can_be_repeated(
    manager: SessionManager, directory: Path, calls: Any
) -> None:
    manager.add_message("a:b", "user", "0")
    syncs = itertools.count()

    def second_sync_fails(name: str) -> None:
        if name == "fsync" and next(syncs) == 1:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    calls.before = second_sync_fails
    with pytest.raises(ChangeNotUndone, match="save it again") as raised:
        manager.save("a:b")
    assert raised.value.errno == errno.EIO
    assert raised.value.filename == str(directory / "a_b.json")
    calls.take()
    manager.save("a:b")
    assert calls.take() == NEW_FILE


def test_a_slower_earlier_save_never_replaces_a_later_one(
    manager: SessionManager, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, go_on = threading.Event(), threading.Event()
    real = os.fsync
    syncs = itertools.count()

    def slow_at_first(descriptor: int) -> None:
        if not next(syncs):
            held.set()
            assert go_on.wait(10)
        real(descriptor)

    manager.add_message("a:b", "user", "0")
    monkeypatch.setattr(os, "fsync", slow_at_first)
    earlier = threading.Thread(target=manager.save, args=("a:b",))
    earlier.start()
    assert held.wait(10)
    manager.add_message("a:b", "user", "1")  # memory does not wait for the disk
    later = threading.Thread(target=manager.save, args=("a:b",))
    later.start()
    later.join(0.1)
    assert later.is_alive()
    go_on.set()
    earlier.join(10)
    later.join(10)
    assert [message["content"] for message in reopened(directory)[0]] == ["0", "1"]


def test_a_save_that_waited_writes_what_the_session_is_like_then(
    manager: SessionManager, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, go_on = threading.Event(), threading.Event()
    real = os.fsync
    syncs = itertools.count()

    def slow_at_first(descriptor: int) -> None:
        if not next(syncs):
            held.set()
            assert go_on.wait(10)
        real(descriptor)

    manager.add_message("a:b", "user", "0")
    monkeypatch.setattr(os, "fsync", slow_at_first)
    savers = [threading.Thread(target=manager.save, args=("a:b",)) for _ in range(3)]
    savers[0].start()
    assert held.wait(10)
    for saver in savers[1:]:
        saver.start()
    manager.add_message("a:b", "user", "1")
    go_on.set()
    for saver in savers:
        saver.join(10)
    assert len(reopened(directory)[0]) == 2


def test_what_a_killed_save_left_is_removed_when_the_directory_is_opened(
    manager: SessionManager, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager.add_message("a:b", "user", "0")
    manager.save("a:b")
    with monkeypatch.context() as patched:

        class Killed(BaseException):
            pass

        def killed(source: str, target: str) -> None:
            raise Killed

        patched.setattr(os, "rename", killed)
        patched.setattr(os, "unlink", lambda path: None)
        with pytest.raises(Killed):
            manager.save("a:b")
    assert any(name.endswith(".json.tmp") for name in os.listdir(directory))
    SessionManager(directory).close()
    assert sorted(os.listdir(directory)) == [".lock", "a_b.json"]


def test_a_file_keeps_its_permissions(manager: SessionManager, directory: Path) -> None:
    manager.add_message("a:b", "user", "0")
    manager.save("a:b")
    (directory / "a_b.json").chmod(0o600)
    manager.save("a:b")
    assert (directory / "a_b.json").stat().st_mode & 0o777 == 0o600


def test_a_closed_manager_saves_nothing_and_says_so(
    manager: SessionManager, directory: Path
) -> None:
    manager.add_message("a:b", "user", "0")
    manager.close()
    manager.close()
    for closed in (manager.save, manager.get_or_create):
        with pytest.raises(StoreClosed):
            closed("a:b")
    manager.add_message("a:b", "user", "1")
    assert manager.get_history("a:b") == []
    assert manager.get_summary("a:b") == ""
    assert [failure.operation for failure in manager.failures.recent] == [
        "add_message",
        "get_history",
        "get_summary",
    ]
    assert os.listdir(directory) == [".lock"]


def test_without_a_directory_sessions_are_in_memory_only() -> None:
    with SessionManager(None) as manager:
        manager.add_message("../k", "user", "0")
        manager.save("../k")
        assert manager.get_history("../k") == [{"role": "user", "content": "0"}]
        assert manager.damage == ()
    with pytest.raises(StoreClosed):
        manager.save("../k")


def test_what_is_asked_for_is_a_snapshot(manager: SessionManager) -> None:
    message = {"role": "user", "content": "0", "list": [1]}
    manager.add_full_message("k", message)
    shown = manager.get_or_create("k")
    message["list"].append(2)  # type: ignore[attr-defined] # a dict of different values
    manager.get_history("k")[0]["list"].append(3)
    manager.add_message("k", "user", "1")
    assert shown.messages == ({"role": "user", "content": "0", "list": [1]},)
    assert manager.get_history("k")[0]["list"] == [1]
    assert (shown.key, shown.summary) == ("k", "")
    assert shown.created <= shown.updated < manager.get_or_create("k").updated


def test_asking_for_a_session_begins_it(manager: SessionManager, directory: Path) -> None:
    first = manager.get_or_create("k")
    assert (first.messages, first.created) == ((), first.updated)
    assert manager.get_or_create("k") == first
    manager.save("k")
    assert (directory / "k.json").exists()
