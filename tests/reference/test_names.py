"""Any key is safe: none leaves the directory, no two share a session, old names are found."""

import itertools
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tornwrite.reference import JSONLStore, KeyRefused, open_session_store, published
from tornwrite.reference.jsonl.names import hashed_name, lossy_name

KEYS = [
    "plain",
    "a:b",
    "a/b",
    "a\\b",
    "a_b",
    "",
    ".",
    "..",
    "../up",
    "/etc/passwd",
    ".lock",
    "nul\0",
    "line\nbreak",
    "\x85",
    "e" * 200,
    "e" * 300,
    "é" * 112,
    "é" * 150,
    "🚀" * 80,
    "x.meta",
    "x.meta.json",
    "x.meta.json.tmp",
    "x.jsonl",
    "x.jsonl.0000000001",
    "x.jsonl.damaged-0123456789ab",
    "x",
    hashed_name("a/b"),
    hashed_name(hashed_name("a/b")),
]


def test_no_two_keys_share_a_session_and_none_leaves_the_directory(
    store: JSONLStore, directory: Path, reopen: Callable[[], JSONLStore]
) -> None:
    for key in KEYS:
        store.add_message(key, "user", key)
        store.set_summary(key, key)
        store.set_history(key, [{"key": key}])
    again = reopen()
    for key in KEYS:
        assert (again.get_history(key), again.get_summary(key)) == ([{"key": key}], key)
    assert again.list_sessions() == sorted(KEYS)
    assert all(path.is_file() for path in directory.iterdir())
    assert list(directory.parent.iterdir()) == [directory]


@pytest.mark.parametrize("pair", [*itertools.permutations(["a:b", "a/b", "a_b"], 2)], ids=repr)
def test_the_first_key_has_the_lossy_name_and_a_reader_of_the_other_sees_nothing(
    store: JSONLStore, directory: Path, pair: tuple[str, str]
) -> None:
    first, second = pair
    store.add_message(first, "user", "mine")
    assert (directory / "a_b.jsonl").exists()
    assert store.get_history(second) == []
    assert not store.inspect(second).exists
    store.truncate_history(second, 0)
    assert len(store.get_history(first)) == 1


@pytest.mark.parametrize("key", ["p:q", "nul", "tab\t", "e" * 230, hashed_name("z"), ""])
def test_sessions_with_the_lossy_name_are_found(
    directory: Path, reopen: Callable[[], JSONLStore], key: str
) -> None:
    original = published.JSONLStore(directory)
    original.add_message(key, "user", "old")
    original.set_summary(key, "s")
    store = reopen()
    assert [message["content"] for message in store.get_history(key)] == ["old"]
    store.add_message(key, "user", "new")
    assert [message["content"] for message in store.get_history(key)] == ["old", "new"]
    assert (directory / f"{lossy_name(key)}.jsonl").read_bytes().count(b"\n") == 2
    assert store.list_sessions() == [key]


def test_a_file_without_metadata_is_its_first_writers(
    directory: Path, reopen: Callable[[], JSONLStore]
) -> None:
    directory.mkdir()
    (directory / "a_b.jsonl").write_bytes(b'{"n":1}\n')
    store = reopen()
    assert store.list_sessions() == ["a_b"]
    assert [store.get_history(key) for key in ("a:b", "a_b")] == [[{"n": 1}]] * 2
    store.add_full_message("a:b", {"n": 2})
    assert store.list_sessions() == ["a:b"]
    assert [len(store.get_history(key)) for key in ("a:b", "a_b")] == [2, 0]


def test_copied_files_belong_to_their_new_name(
    store: JSONLStore, directory: Path, reopen: Callable[[], JSONLStore]
) -> None:
    store.add_full_message("old", {"n": 1})
    for suffix in (".jsonl", ".meta.json"):
        (directory / f"new{suffix}").write_bytes((directory / f"old{suffix}").read_bytes())
    assert store.get_history("new") == [{"n": 1}]
    store.add_full_message("new", {"n": 2})
    assert [len(store.get_history(key)) for key in ("old", "new")] == [1, 2]


def test_a_legacy_file_in_the_place_of_metadata_is_not_touched(
    directory: Path, reopen: Callable[[], JSONLStore]
) -> None:
    directory.mkdir()
    legacy = directory / "x.meta.json"
    legacy.write_text('{"key": "x.meta", "messages": [{"n": 1}]}')
    before = legacy.read_bytes()
    store = reopen()
    store.add_message("x", "user", "mine")
    store.set_history("x", [{"n": 2}])
    store.set_summary("x", "s")
    assert store.get_history("x") == [{"n": 2}]
    assert legacy.read_bytes() == before
    assert store.list_sessions() == ["x"]


@pytest.mark.parametrize("key", [None, 3, b"k", "\ud800", "a\udfffb"], ids=repr)
def test_a_key_that_is_not_text_is_refused_by_everything(
    store: JSONLStore, directory: Path, key: str
) -> None:
    for call in (
        lambda: store.add_message(key, "user", "x"),
        lambda: store.get_history(key),
        lambda: store.get_summary(key),
        lambda: store.set_summary(key, "x"),
        lambda: store.truncate_history(key, 0),
        lambda: store.set_history(key, []),
        lambda: store.compact(key),
        lambda: store.inspect(key),
    ):
        with pytest.raises(KeyRefused):
            call()
    assert [path.name for path in directory.iterdir()] == [".lock"]


def test_other_files_in_the_directory_are_no_sessions(store: JSONLStore, directory: Path) -> None:
    for name in ("notes.txt", "empty.jsonl", "a:b.jsonl", "legacy.json"):
        (directory / name).write_bytes(b"{}\n" if name == "a:b.jsonl" else b"")
    (directory / "folder.jsonl").mkdir()
    (directory / ("n" * 249 + ".jsonl")).write_bytes(b"{}\n")  # its metadata could have no name
    assert store.list_sessions() == []


@pytest.mark.parametrize("name", [b"caf\xe9.jsonl", b"\xff.meta.json", b"\xe9.json"])
def test_a_foreign_file_whose_name_is_not_utf_8_is_passed_by(
    store: JSONLStore, directory: Path, name: bytes
) -> None:
    store.add_message("k", "user", "0")
    with open(os.path.join(os.fsencode(directory), name), "wb") as file:
        file.write(b'{"content":"foreign"}\n')
    assert store.list_sessions() == ["k"]
    backend = open_session_store(directory)
    assert len(backend.get_history("k")) == 1
    backend.close()
