"""Several managers on one directory: nobody overwrites what somebody else has saved."""

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from tornwrite.reference import JSONLStore, StoreError, migrate_legacy
from tornwrite.reference.manager import ChangedElsewhere, SessionManager


def contents(directory: Path, key: str) -> list[Any]:
    with SessionManager(directory) as manager:
        return [message["content"] for message in manager.get_history(key)]


def test_a_file_that_another_process_saved_is_not_overwritten(directory: Path) -> None:
    with SessionManager(directory) as manager:
        manager.add_message("k", "user", "0")
        manager.save("k")
    with SessionManager(directory) as one, SessionManager(directory) as other:
        one.add_message("k", "user", "1")
        one.save("k")
        other.add_message("k", "user", "lost otherwise")
        for _ in range(2):
            with pytest.raises(ChangedElsewhere, match="open the directory anew"):
                other.save("k")
        one.add_message("k", "user", "2")
        one.save("k")
    assert contents(directory, "k") == ["0", "1", "2"]
    assert issubclass(ChangedElsewhere, StoreError)


def test_a_session_that_another_process_began_is_not_overwritten(directory: Path) -> None:
    with SessionManager(directory) as one, SessionManager(directory) as other:
        one.add_message("a:b", "user", "1")
        one.save("a:b")
        other.add_message("a:b", "user", "2")
        with pytest.raises(ChangedElsewhere):
            other.save("a:b")
        other.add_message("a_b", "user", "of another key")
        other.save("a_b")
    assert contents(directory, "a:b") == ["1"]
    assert contents(directory, "a_b") == ["of another key"]


def test_a_change_is_seen_even_where_size_and_times_stay(directory: Path) -> None:
    with SessionManager(directory) as manager:
        manager.add_message("k", "user", "0")
        manager.save("k")
        path = directory / "k.json"
        before = path.stat()
        edited = path.read_bytes().replace(b'"0"', b'"1"')
        with path.open("r+b") as file:
            file.write(edited)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        with pytest.raises(ChangedElsewhere):
            manager.save("k")
        assert path.read_bytes() == edited


def test_a_session_that_was_migrated_meanwhile_does_not_come_back(directory: Path) -> None:
    with SessionManager(directory) as manager:
        manager.add_message("k", "user", "0")
        manager.save("k")
        with JSONLStore(directory) as store:
            migrate_legacy(store)
            manager.add_message("k", "user", "1")
            with pytest.raises(ChangedElsewhere, match="migrated or removed"):
                manager.save("k")
            assert not (directory / "k.json").exists()
            assert len(store.get_history("k")) == 1


def test_a_file_that_is_saved_while_it_is_migrated_waits_for_the_next_migration(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SessionManager(directory) as manager, JSONLStore(directory) as store:
        manager.add_message("k", "user", "0")
        manager.save("k")
        manager.add_message("k", "user", "1")
        sessions = store._sessions
        lock = sessions.session_to_write

        def saved_just_before(key: str) -> Any:
            monkeypatch.undo()
            manager.save("k")
            return lock(key)

        monkeypatch.setattr(sessions, "session_to_write", saved_just_before)
        ((name, reason),) = migrate_legacy(store).failed
        assert name == "k.json"
        assert "another process has changed it" in reason
        assert migrate_legacy(store).migrated == ("k.json",)
        assert len(store.get_history("k")) == 2


def test_threads_share_a_manager(directory: Path) -> None:
    each, threads = 20, 8
    with SessionManager(directory) as manager:

        def work(number: int) -> None:
            for turn in range(each):
                manager.add_message("shared", "user", f"{number} {turn}")
                manager.add_message(f"own:{number}", "user", str(turn))
                manager.save("shared")
                manager.save(f"own:{number}")

        workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert manager.failures.total == 0
    shared = contents(directory, "shared")
    assert len(shared) == len(set(shared)) == each * threads
    for number in range(threads):
        own = [content for content in shared if content.startswith(f"{number} ")]
        assert own == [f"{number} {turn}" for turn in range(each)]
        assert contents(directory, f"own:{number}") == [str(turn) for turn in range(each)]


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_processes_that_claim_names_at_once_never_share_one(directory: Path) -> None:
    directory.mkdir()
    keys = ["a:b", "a_b", "a/b", "a\\b"]
    children = []
    for key in keys:
        child = os.fork()
        if not child:
            status = 1
            try:
                with SessionManager(directory) as manager:
                    for turn in range(10):
                        manager.add_message(key, "user", f"{key} {turn}")
                        manager.save(key)
                    status = 0
            finally:
                os._exit(status)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * len(keys)
    for key in keys:
        assert contents(directory, key) == [f"{key} {turn}" for turn in range(10)]
    names = [name for name in os.listdir(directory) if name.endswith(".json")]
    assert sorted(json.loads((directory / name).read_text())["key"] for name in names) == sorted(
        keys
    )
