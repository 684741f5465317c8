"""What the published JSONL store does when nothing goes wrong."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tornwrite.reference.published import JSONLStore, migrate_from_json
from tornwrite.reference.published.jsonl_store import _fnv_1a_32
from tornwrite.reference.published.metadata import ZERO_TIME, decode_meta


def contents(store: JSONLStore, key: str) -> list[object]:
    return [message["content"] for message in store.get_history(key)]


def test_a_session_never_written_is_empty(store: JSONLStore, directory: Path) -> None:
    assert store.get_history("k") == []
    assert store.get_summary("k") == ""
    assert list(directory.iterdir()) == []


@pytest.mark.parametrize(
    ("keep_last", "kept"), [(-1, []), (0, []), (2, ["2", "3"]), (4, ["0", "1", "2", "3"]), (9, 4)]
)
def test_truncation_keeps_the_last_lines(
    store: JSONLStore, keep_last: int, kept: list[str] | int
) -> None:
    store.set_history("k", [{"role": "user", "content": str(number)} for number in range(4)])
    store.truncate_history("k", keep_last)
    assert contents(store, "k") == (kept if isinstance(kept, list) else ["0", "1", "2", "3"])
    store.compact("k")
    store.add_message("k", "user", "more")
    assert contents(store, "k")[-1] == "more"


def test_a_second_store_on_the_directory_reads_the_same(
    store: JSONLStore, reopen: Callable[[], JSONLStore]
) -> None:
    store.add_full_message("k", {"role": "tool", "content": "é\n<", "tool_call_id": "c"})
    store.set_summary("k", "sum")
    store.close()
    again = reopen()
    assert again.get_history("k") == [{"role": "tool", "content": "é\n<", "tool_call_id": "c"}]
    assert again.get_summary("k") == "sum"


def test_truncation_does_not_set_the_time_of_creation_but_the_first_message_does(
    store: JSONLStore, directory: Path
) -> None:
    store.truncate_history("k", 1)
    meta = directory / "k.meta.json"
    assert decode_meta(meta.read_bytes()).created_at == ZERO_TIME
    store.add_message("k", "user", "0")
    assert decode_meta(meta.read_bytes()).created_at == decode_meta(meta.read_bytes()).updated_at


def test_corrupt_and_blank_lines_are_left_out_and_corrupt_ones_logged(
    store: JSONLStore, directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (directory / "k.jsonl").write_bytes(b'\n{"content":"0"}\r\n\r\ngarbage\nnull\n{"content":"1"}')
    assert contents(store, "k") == ["0", "", "1"]
    assert "skipping corrupt line 2 in k.jsonl" in caplog.text


def test_threads_of_one_store_do_not_lose_messages(store: JSONLStore) -> None:
    def add(name: int) -> None:
        for number in range(10):
            store.add_message("k", "user", f"{name}.{number}")

    threads = [threading.Thread(target=add, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, contents(store, "k"))) == sorted(
        f"{name}.{number}" for name in range(8) for number in range(10)
    )


def test_locks_are_chosen_by_fnv_1a() -> None:
    # Published test values: http://www.isthe.com/chongo/tech/comp/fnv/
    assert (_fnv_1a_32(""), _fnv_1a_32("a"), _fnv_1a_32("foobar")) == (
        0x811C9DC5,
        0xE40C292C,
        0xBF9CF968,
    )


def test_migration_of_a_missing_directory_does_nothing(store: JSONLStore, tmp_path: Path) -> None:
    assert migrate_from_json(tmp_path / "missing", store) == 0


def test_migration_skips_what_it_cannot_read_and_names_a_session_without_key_after_its_file(
    store: JSONLStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    legacy = tmp_path / "legacy"
    (legacy / "folder.json").mkdir(parents=True)
    (legacy / "a.json").write_text("{")
    (legacy / "b.json").write_text("[]")
    (legacy / "c.json").write_text('{"created":"yesterday"}')
    (legacy / "d.json").symlink_to("folder.json")
    (legacy / "e.json").write_text('{"messages":[{"content":"e"},null],"summary":"s"}')
    (legacy / "f.json.migrated").write_text('{"messages":[{"content":"f"}]}')
    assert migrate_from_json(legacy, store) == 1
    assert contents(store, "e") == ["e", ""]
    assert store.get_summary("e") == "s"
    assert store.get_history("f") == []
    for name in "abcd":
        assert f"skips {name}.json" in caplog.text
        assert (legacy / f"{name}.json").exists()
