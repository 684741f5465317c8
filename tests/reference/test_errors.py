"""An operation that fails changes nothing a reader can see, or says what it could not undo."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tornwrite.reference import ChangeNotUndone, JSONLStore, TooManySuspects
from tornwrite.reference.durable.directory import MOST_SUSPECTS
from tornwrite.reference.durable.json_lines import encode_line

OPERATIONS: dict[str, Callable[[JSONLStore], None]] = {
    "add": lambda store: store.add_message("k", "user", "new"),
    "add first": lambda store: store.add_message("other", "user", "new"),
    "set_history": lambda store: store.set_history("k", [{"new": 1}]),
    "set_history empty": lambda store: store.set_history("k", []),
    "set_history first": lambda store: store.set_history("other", [{"new": 1}]),
    "truncate": lambda store: store.truncate_history("k", 1),
    "truncate all": lambda store: store.truncate_history("k", 0),
    "compact": lambda store: store.compact("k"),
    "set_summary": lambda store: store.set_summary("k", "new"),
    "set_summary first": lambda store: store.set_summary("other", "new"),
}


def seen(store: JSONLStore) -> object:
    return {
        key: (store.get_history(key), store.get_summary(key), store.inspect(key).damage)
        for key in ("k", "other")
    }, store.list_sessions()


def fill(store: JSONLStore) -> None:
    for number in range(4):
        store.add_message("k", "user", str(number))
    store.set_summary("k", "old")
    store.truncate_history("k", 3)


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO], ids=errno.errorcode.get)
@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_each_failing_call_leaves_what_was_and_the_next_attempt_works(
    tmp_path: Path, calls: Any, operation: Callable[[JSONLStore], None], error: int
) -> None:
    with JSONLStore(tmp_path / "plan") as plan:
        fill(plan)
        calls.take()
        operation(plan)
        after = seen(plan)
    made = calls.take()
    assert made
    for number in range(len(made)):
        directory = tmp_path / f"{number}"
        store = JSONLStore(directory)
        fill(store)
        before = seen(store)
        left = [number]

        def fail(name: str, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == -1:
                raise OSError(error, os.strerror(error))

        calls.before = fail
        # The last rename of a rewrite comes when the change is durable already.
        if number == len(made) - 1 and made[-1] == "rename":
            operation(store)
            assert seen(store) == after
        else:
            with pytest.raises(OSError, match=os.strerror(error)) as caught:
                operation(store)
            assert not isinstance(caught.value, ChangeNotUndone)
            assert seen(store) == before
            with JSONLStore(directory) as other:
                assert seen(other) == before
            operation(store)
            assert seen(store) == after
        calls.before = lambda name: None
        store.add_message("k", "user", "later")
        assert store.get_history("k")[-1]["content"] == "later"
        store.close()
        with JSONLStore(directory) as again:
            assert again.get_history("k")[-1]["content"] == "later"
        assert not [name for name in os.listdir(directory) if name.endswith(".tmp")]


def test_part_of_a_message_is_taken_back(
    store: JSONLStore, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add_message("k", "user", "old")
    real = os.write
    full = [False]

    def short(descriptor: int, data: bytes) -> int:
        if full[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        full[0] = True
        return real(descriptor, data[:10])

    monkeypatch.setattr(os, "write", short)
    before = (directory / "k.jsonl").read_bytes()
    with pytest.raises(OSError, match="No space"):
        store.add_message("k", "user", "new")
    assert (directory / "k.jsonl").read_bytes() == before


def test_a_short_write_is_gone_on_with(store: JSONLStore, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:7]))
    store.add_message("k", "user", "some words")
    store.set_summary("k", "a summary")
    assert store.get_history("k") == [{"role": "user", "content": "some words"}]
    assert store.get_summary("k") == "a summary"


def test_after_a_failed_sync_the_data_file_is_a_new_one(
    store: JSONLStore, directory: Path, calls: Any
) -> None:
    store.add_message("k", "user", "0")
    inode = (directory / "k.jsonl").stat().st_ino
    calls.fail("fdatasync", errno.EIO)
    with pytest.raises(OSError, match="Input/output"):
        store.add_message("k", "user", "1")
    calls.take()
    store.add_message("k", "user", "2")
    assert calls.take()[-2:] == ["write", "fdatasync"]
    assert (directory / "k.jsonl").stat().st_ino != inode
    assert [message["content"] for message in store.get_history("k")] == ["0", "2"]
    store.add_message("k", "user", "3")
    assert calls.take() == ["write", "fdatasync"]


def test_other_sessions_are_not_made_suspect(store: JSONLStore, calls: Any) -> None:
    store.add_message("k", "user", "0")
    store.add_message("other", "user", "0")
    calls.fail("fdatasync", errno.EIO)
    with pytest.raises(OSError, match="Input/output"):
        store.add_message("k", "user", "1")
    calls.take()
    store.add_message("other", "user", "1")
    assert calls.take() == ["write", "fdatasync"]


def test_a_message_that_cannot_be_taken_back_is_said_to_be_visible(
    store: JSONLStore, calls: Any
) -> None:
    store.add_message("k", "user", "0")

    def before(name: str) -> None:
        if name in ("fdatasync", "ftruncate"):
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    calls.before = before
    with pytest.raises(ChangeNotUndone, match="readers may see the line") as caught:
        store.add_message("k", "user", "1")
    assert caught.value.errno == errno.EIO
    assert str(caught.value.filename).endswith("k.jsonl")
    calls.before = lambda name: None
    seen_now = store.get_history("k")
    store.add_message("k", "user", "2")
    assert store.get_history("k") == [*seen_now, {"role": "user", "content": "2"}]


@pytest.mark.parametrize("change", ["set_summary", "set_history", "truncate"])
def test_metadata_that_cannot_be_put_back_is_said_to_be_visible(
    store: JSONLStore, calls: Any, change: str
) -> None:
    fill(store)
    renamed = [False]

    def before(name: str) -> None:
        if renamed[0]:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        renamed[0] = name == "rename"

    calls.before = before
    with pytest.raises(ChangeNotUndone, match="visible but may be gone after a crash"):
        OPERATIONS[change](store)
    calls.before = lambda name: None
    visible = seen(store)
    store.compact("k")
    store.truncate_history("k", 100)
    assert seen(store) == visible


def test_an_interrupted_append_is_taken_back(store: JSONLStore, calls: Any) -> None:
    store.add_message("k", "user", "0")

    def interrupt(name: str) -> None:
        if name == "fdatasync":
            calls.before = lambda name: None
            raise KeyboardInterrupt

    calls.before = interrupt
    with pytest.raises(KeyboardInterrupt):
        store.add_message("k", "user", "1")
    store.add_message("k", "user", "2")
    assert [message["content"] for message in store.get_history("k")] == ["0", "2"]


def test_too_many_failed_syncs_stop_all_writing_until_the_store_is_reopened(
    store: JSONLStore, calls: Any, reopen: Callable[[], JSONLStore]
) -> None:
    store.add_message("fine", "user", "0")
    for number in range(MOST_SUSPECTS + 1):
        calls.fail("fdatasync", errno.EIO)
        with pytest.raises(OSError, match="Input/output"):
            store.add_message(f"k{number}", "user", "0")
    calls.before = lambda name: None
    with pytest.raises(TooManySuspects, match="open the store anew"):
        store.add_message("fine", "user", "1")
    assert len(store.get_history("fine")) == 1
    reopen().add_message("fine", "user", "1")


def test_a_rewrite_passes_by_a_generation_that_metadata_on_disk_may_name(
    store: JSONLStore, directory: Path, calls: Any
) -> None:
    fill(store)
    synced = [0]

    def before(name: str) -> None:
        synced[0] += name == "fsync"
        if synced[0] == 4:
            synced[0] += 1
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    calls.before = before
    with pytest.raises(OSError, match="Input/output"):
        store.set_history("k", [{"new": 1}])
    first = directory / "k.jsonl.0000000001"
    assert first.read_bytes() == encode_line({"new": 1})
    store.set_history("k", [{"newer": 1}])
    assert store.get_history("k") == [{"newer": 1}]
    assert not first.exists()
    assert store.inspect("k").generation >= 2


def test_permission_bits_survive_a_rewrite(store: JSONLStore, directory: Path) -> None:
    fill(store)
    (directory / "k.jsonl").chmod(0o600)
    (directory / "k.meta.json").chmod(0o606)
    store.compact("k")
    modes = [(directory / name).stat().st_mode & 0o777 for name in ("k.jsonl", "k.meta.json")]
    assert modes == [0o600, 0o606]
