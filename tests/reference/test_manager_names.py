"""Which file a session has: no two keys share one, no key leaves the directory."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tornwrite.reference import DamageKind, JSONLStore, KeyRefused, migrate_legacy
from tornwrite.reference.manager import SessionManager

MESSAGES = [{"role": "user", "content": "a"}]
LATER = "2026-01-02T00:00:00Z"


def legacy(directory: Path, name: str, key: str, *contents: str, **fields: Any) -> Path:
    directory.mkdir(exist_ok=True)
    messages = [{"role": "user", "content": content} for content in contents or ("a",)]
    content = {"key": key, "messages": messages, "updated": "2026-01-01T00:00:00Z", **fields}
    (directory / name).write_text(json.dumps(content))
    return directory / name


def sessions(directory: Path) -> list[str]:
    return sorted(name for name in os.listdir(directory) if name != ".lock")


def contents(manager: SessionManager, key: str) -> list[Any]:
    return [message["content"] for message in manager.get_history(key)]


ODD = [
    "",
    ".",
    "..",
    "../k",
    "/etc/passwd",
    "a/b",
    "a\\b",
    "a\nb",
    "a\0b",
    "k" * 300,
    "é" * 150,
    ".lock",
    "x.meta",
    "x.json",
    "\U0001f680",
    "a" * 40 + "~" + "0" * 32,
    "nul",
    "%41",
]


@pytest.mark.parametrize("key", ODD, ids=ascii)
def test_any_key_can_be_saved_read_and_migrated(directory: Path, key: str) -> None:
    with SessionManager(directory) as manager:
        manager.add_message(key, "user", "a")
        manager.save(key)
        manager.save(key)
        assert manager.failures.total == 0
    assert len(sessions(directory)) == 1
    assert os.listdir(directory.parent) == [directory.name]
    with SessionManager(directory) as manager:
        assert manager.get_history(key) == MESSAGES
        assert manager.damage == ()
        manager.add_message(key, "user", "b")
        manager.save(key)
    with JSONLStore(directory) as store:
        migrate_legacy(store)
        assert store.list_sessions() == [key]
        assert [message["content"] for message in store.get_history(key)] == ["a", "b"]


def test_keys_that_share_a_name_have_a_file_each(directory: Path) -> None:
    keys = ["a:b", "a_b", "a/b", "a\\b", "A_b"]
    with SessionManager(directory) as manager:
        for key in keys:
            manager.add_message(key, "user", key)
            manager.save(key)
    assert len(sessions(directory)) == len(keys)
    with SessionManager(directory) as manager:
        assert [contents(manager, key) for key in keys] == [[key] for key in keys]


@pytest.mark.parametrize("key", ["\ud800", 5, None], ids=ascii)
def test_a_key_that_is_no_text_is_refused_before_anything_is_written(
    directory: Path, key: Any
) -> None:
    with SessionManager(directory) as manager:
        manager.add_message(key, "user", "a")
        assert manager.get_history(key) == []
        (added, read) = manager.failures.recent
        assert isinstance(added.error, KeyRefused)
        assert isinstance(read.error, KeyRefused)
        for refusing in (manager.save, manager.get_or_create):
            with pytest.raises(KeyRefused):
                refusing(key)
    assert sessions(directory) == []


def test_the_key_inside_the_file_says_whose_it_is(directory: Path) -> None:
    legacy(directory, "a_b.json", "a_b", "theirs")
    with SessionManager(directory) as manager:
        manager.add_message("a:b", "user", "ours")
        manager.save("a:b")
        assert contents(manager, "a_b") == ["theirs"]
    assert len(sessions(directory)) == 2
    with SessionManager(directory) as manager:
        assert contents(manager, "a:b") == ["ours"]
        assert contents(manager, "a_b") == ["theirs"]


def test_a_name_is_free_again_when_its_owner_is_gone(directory: Path) -> None:
    path = legacy(directory, "a_b.json", "a_b")
    with SessionManager(directory) as manager:
        path.unlink()
        manager.add_message("a:b", "user", "ours")
        manager.save("a:b")
    assert sessions(directory) == ["a_b.json"]


def test_a_session_stays_in_the_file_it_was_found_in(directory: Path) -> None:
    legacy(directory, "moved here.json", "a:b", "a")
    with SessionManager(directory) as manager:
        manager.add_message("a:b", "user", "b")
        manager.save("a:b")
    assert sessions(directory) == ["moved here.json"]
    with SessionManager(directory) as manager:
        assert contents(manager, "a:b") == ["a", "b"]


def test_a_file_without_a_key_is_named_by_its_file(directory: Path) -> None:
    legacy(directory, "stem.json", "")
    with SessionManager(directory) as manager:
        assert manager.get_history("stem") == MESSAGES
        manager.save("stem")
    assert json.loads((directory / "stem.json").read_text())["key"] == "stem"


def test_of_two_files_of_a_key_the_one_with_its_own_name_is_used(directory: Path) -> None:
    copy = legacy(directory, "a copy.json", "a:b", "copied", updated=LATER)
    raw = copy.read_bytes()
    legacy(directory, "a_b.json", "a:b", "used")
    with SessionManager(directory) as manager:
        assert contents(manager, "a:b") == ["used"]
        ((damage,)) = manager.damage
        assert (damage.kind, damage.file) == (DamageKind.FILE, "a copy.json")
        assert "a_b.json is used" in damage.detail
        manager.save("a:b")
    assert copy.read_bytes() == raw


@pytest.mark.parametrize("newer", ["plain", "hashed"])
def test_of_two_names_of_its_own_the_file_that_was_updated_last_is_used(
    directory: Path, newer: str
) -> None:
    blocker = legacy(directory, "a_b.json", "a_b")
    with SessionManager(directory) as manager:
        manager.add_message("a:b", "user", "x")
        manager.save("a:b")
    blocker.unlink()
    (hashed,) = sessions(directory)
    updated = {newer: LATER}
    for kind, name in (("plain", "a_b.json"), ("hashed", hashed)):
        legacy(directory, name, "a:b", kind, updated=updated.get(kind, "2026-01-01T00:00:00Z"))
    with SessionManager(directory) as manager:
        assert contents(manager, "a:b") == [newer]
        assert len(manager.damage) == 1


def test_of_two_names_updated_at_one_time_the_plain_one_is_used(directory: Path) -> None:
    with SessionManager(directory) as manager:
        manager.add_message("a/b", "user", "x")
        manager.save("a/b")
    (hashed,) = sessions(directory)
    legacy(directory, hashed, "a/b", "own")
    legacy(directory, "0 copy.json", "a/b", "copied")
    with SessionManager(directory) as manager:
        assert contents(manager, "a/b") == ["own"]


def test_the_files_of_the_jsonl_store_are_no_sessions_and_stay(directory: Path) -> None:
    with JSONLStore(directory) as store:
        store.add_message("a:b", "user", "jsonl")
        store.set_summary("a:b", "jsonl")
        with SessionManager(directory) as manager:
            assert manager.damage == ()
            assert manager.get_history("a:b") == []
            before = {name: (directory / name).read_bytes() for name in sessions(directory)}
            for key in ("a:b", "a_b.meta", "a:b.meta"):
                manager.add_message(key, "user", "whole")
                manager.save(key)
            for name, raw in before.items():
                assert (directory / name).read_bytes() == raw
        assert store.get_history("a:b") == [{"role": "user", "content": "jsonl"}]
        store.add_message("a:b", "user", "more")
        assert store.get_summary("a:b") == "jsonl"


def test_a_session_may_have_a_name_that_looks_like_metadata(directory: Path) -> None:
    legacy(directory, "x.meta.json", "x.meta", "a")
    with SessionManager(directory) as manager:
        assert manager.damage == ()
        manager.add_message("x.meta", "user", "b")
        manager.save("x.meta")
    assert sessions(directory) == ["x.meta.json"]
    with JSONLStore(directory) as store:
        store.add_message("x", "user", "its own")
    with SessionManager(directory) as manager:
        assert contents(manager, "x.meta") == ["a", "b"]


def test_a_new_session_does_not_take_a_name_that_looks_like_metadata(directory: Path) -> None:
    with SessionManager(directory) as manager:
        manager.add_message("x.meta", "user", "a")
        manager.save("x.meta")
    (name,) = sessions(directory)
    assert not name.endswith(".meta.json")


def test_a_name_too_long_for_a_temporary_file_can_still_be_saved(directory: Path) -> None:
    key = "k" * 250
    legacy(directory, key + ".json", key)
    with SessionManager(directory) as manager:
        manager.add_message(key, "user", "b")
        manager.save(key)
    assert sessions(directory) == [key + ".json"]


def test_a_key_whose_every_name_is_taken_is_refused(directory: Path) -> None:
    with SessionManager(directory) as manager:
        manager.add_message("a:b", "user", "x")
        (directory / "a_b.json").mkdir()
        manager.save("a:b")
        (hashed,) = (name for name in sessions(directory) if name != "a_b.json")
        (directory / hashed).unlink()
        (directory / hashed).mkdir()
    with SessionManager(directory) as manager:
        manager.add_message("a:b", "user", "x")
        with pytest.raises(KeyRefused, match="no file name is left"):
            manager.save("a:b")
