"""A write that a crash cut off is never a message, never touches a later one, and is kept aside."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tornwrite.reference import DamageKind, JSONLStore

FIRST = {"role": "user", "content": "first"}
CUT = {"role": "assistant", "content": "cut \u00e9 \U0001f680"}
LAST = {"role": "user", "content": "last"}
LINE = '{"role":"assistant","content":"cut \u00e9 \U0001f680"}'.encode()


@pytest.fixture
def cut(directory: Path, reopen: Callable[[], JSONLStore]) -> Callable[[bytes], JSONLStore]:
    """A store with one whole message and these bytes after it."""

    def make(tail: bytes) -> JSONLStore:
        with reopen() as store:
            store.add_full_message("k", FIRST)
        with (directory / "k.jsonl").open("ab") as file:
            file.write(tail)
        return reopen()

    return make


@pytest.mark.parametrize("size", range(1, len(LINE)))
def test_a_torn_tail_is_no_message_and_the_next_one_is_whole(
    cut: Callable[[bytes], JSONLStore], directory: Path, size: int
) -> None:
    store = cut(LINE[:size])
    assert store.get_history("k") == [FIRST]
    (damage,) = store.inspect("k").damage
    assert (damage.kind, damage.file, damage.line) == (DamageKind.TORN_TAIL, "k.jsonl", None)
    store.add_full_message("k", LAST)
    assert store.get_history("k") == [FIRST, LAST]
    assert not store.inspect("k").damage
    (kept,) = directory.glob("k.jsonl.damaged-*")
    assert kept.read_bytes() == LINE[:size]


def test_a_last_message_without_its_newline_counts_and_stays(
    cut: Callable[[bytes], JSONLStore], directory: Path
) -> None:
    store = cut(LINE)
    assert store.get_history("k") == [FIRST, CUT]
    assert not store.inspect("k").damage
    store.add_full_message("k", LAST)
    assert store.get_history("k") == [FIRST, CUT, LAST]
    assert not list(directory.glob("*.damaged-*"))


def test_zeros_where_a_write_did_not_arrive_are_cut_off_and_not_kept(
    cut: Callable[[bytes], JSONLStore], directory: Path
) -> None:
    store = cut(b"\0" * 700)
    assert store.get_history("k") == [FIRST]
    store.add_full_message("k", LAST)
    assert store.get_history("k") == [FIRST, LAST]
    assert not list(directory.glob("*.damaged-*"))


@pytest.mark.parametrize("change", ["set_history", "compact", "truncate_history", "set_summary"])
def test_every_write_leaves_a_torn_tail_harmless(
    cut: Callable[[bytes], JSONLStore], directory: Path, change: str
) -> None:
    store = cut(b'{"role"')
    arguments = {
        "set_history": ([FIRST, CUT],),
        "compact": (),
        "truncate_history": (1,),
        "set_summary": ("s",),
    }
    getattr(store, change)("k", *arguments[change])
    want = [FIRST, CUT] if change == "set_history" else [FIRST]
    assert store.get_history("k") == want
    store.add_full_message("k", LAST)
    assert store.get_history("k") == [*want, LAST]
    assert [path.read_bytes() for path in directory.glob("*.damaged-*")] == [b'{"role"']


def test_a_torn_tail_alone_is_an_empty_history(
    reopen: Callable[[], JSONLStore], directory: Path
) -> None:
    directory.mkdir()
    (directory / "k.jsonl").write_bytes(b'{"role":"us')
    store = reopen()
    assert store.get_history("k") == []
    assert not store.inspect("k").exists
    store.add_full_message("k", LAST)
    assert store.get_history("k") == [LAST]


def test_the_tail_is_kept_and_the_file_rewritten_before_anything_is_appended(
    store: JSONLStore, directory: Path, calls: Any
) -> None:
    store.add_full_message("k", FIRST)
    with (directory / "k.jsonl").open("ab") as file:
        file.write(b'{"torn')
    calls.take()
    store.add_full_message("k", LAST)
    new_file = ["create", "write", "fsync"]
    rewritten = [*new_file, "fsync", *new_file, "rename", "fsync", "rename"]
    assert calls.take() == [*new_file, *rewritten, "write", "fdatasync"]


def test_a_message_without_its_newline_that_was_truncated_does_not_swallow_the_next(
    store: JSONLStore, directory: Path, reopen: Callable[[], JSONLStore]
) -> None:
    store.set_history("k", [FIRST, LAST])
    path = directory / "k.jsonl"
    path.write_bytes(path.read_bytes()[:-1])
    store.truncate_history("k", 0)
    again = reopen()
    again.add_full_message("k", FIRST)
    assert again.get_history("k") == [FIRST]
    again.truncate_history("k", 5)
    assert (again.get_history("k"), again.inspect("k").damage) == ([FIRST], ())


def test_keeping_the_same_bytes_again_makes_no_second_copy(
    store: JSONLStore, directory: Path
) -> None:
    for number in range(2):
        store.add_message("k", "user", str(number))
        with (directory / "k.jsonl").open("ab") as file:
            file.write(b'{"torn')
    store.add_message("k", "user", "2")
    assert [message["content"] for message in store.get_history("k")] == ["0", "1", "2"]
    assert len(list(directory.glob("*.damaged-*"))) == 1


def test_kept_bytes_that_were_cut_off_themselves_are_written_again(
    cut: Callable[[bytes], JSONLStore], directory: Path
) -> None:
    store = cut(b'{"torn')
    store.add_full_message("k", LAST)
    (kept,) = directory.glob("*.damaged-*")
    kept.write_bytes(b'{"t')
    with (directory / "k.jsonl").open("ab") as file:
        file.write(b'{"torn')
    store.add_full_message("k", LAST)
    assert kept.read_bytes() == b'{"torn'
