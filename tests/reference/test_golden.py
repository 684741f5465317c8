"""The reference store goes on with directories of the original program, and the other way round."""

import json
from pathlib import Path
from typing import Any

import pytest

from tornwrite.reference import JSONLStore, migrate_legacy, published
from tornwrite.reference.jsonl.metadata import Metadata, decode_metadata, encode_metadata

GOLDEN = Path(__file__).parents[1] / "golden" / "picoclaw"
META_FILES = sorted((GOLDEN / "jsonl").glob("*.meta.json"))


def expected(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((GOLDEN / f"{name}.expected.json").read_bytes())
    return content


def content(store: JSONLStore | published.JSONLStore, keys: list[str]) -> dict[str, Any]:
    return {
        key: {"summary": store.get_summary(key), "messages": store.get_history(key)} for key in keys
    }


def test_golden_sessions_read_as_the_original_read_them(golden: Path) -> None:
    want = expected("jsonl")
    with JSONLStore(golden / "jsonl") as store:
        assert content(store, list(want)) == want
        assert store.list_sessions() == sorted(want)
        assert not any(store.inspect(key).damage for key in want)


def test_reading_changes_nothing(golden: Path) -> None:
    before = {path: path.read_bytes() for path in (golden / "jsonl").iterdir()}
    with JSONLStore(golden / "jsonl") as store:
        content(store, store.list_sessions())
    after = {path: path.read_bytes() for path in (golden / "jsonl").iterdir()}
    assert after.pop(golden / "jsonl" / ".lock") == b""
    assert after == before


@pytest.mark.parametrize("path", META_FILES, ids=lambda path: path.name)
def test_golden_metadata_is_written_as_it_was_but_for_escapes(path: Path) -> None:
    decoded = decode_metadata(path.read_bytes())
    assert isinstance(decoded, Metadata)
    text = path.read_text()
    for escape in ("<", ">", "&"):
        text = text.replace(f"\\u{ord(escape):04x}", escape)
    assert encode_metadata(decoded).decode() == text


def test_golden_sessions_can_be_written_to_and_read_by_the_original_again(golden: Path) -> None:
    want = expected("jsonl")
    with JSONLStore(golden / "jsonl") as store:
        for number, key in enumerate(want):
            store.add_message(key, "user", "one more <&>\u2028")
            want[key]["messages"].append({"role": "user", "content": "one more <&>\u2028"})
            if number % 2:
                store.truncate_history(key, 2)
                store.compact(key)
                del want[key]["messages"][:-2]
            store.set_summary(key, f"summary of {key}")
            want[key]["summary"] = f"summary of {key}"
        assert content(store, list(want)) == want
    assert content(published.JSONLStore(golden / "jsonl"), list(want)) == want


def test_what_the_original_writes_after_this_store_is_read_by_it(golden: Path) -> None:
    directory = golden / "jsonl"
    with JSONLStore(directory) as store:
        store.set_history("cli", [{"role": "user", "content": "a"}])
    original = published.JSONLStore(directory)
    original.add_message("cli", "assistant", "b")
    original.truncate_history("cli", 1)
    with JSONLStore(directory) as store:
        assert store.get_history("cli") == [{"role": "assistant", "content": "b"}]
        store.compact("cli")
        assert store.get_history("cli") == [{"role": "assistant", "content": "b"}]
        assert not store.inspect("cli").damage


def test_compacting_a_golden_session_keeps_its_bytes(golden: Path) -> None:
    path = golden / "jsonl" / "telegram_123456.jsonl"
    last_five = path.read_bytes().splitlines(keepends=True)[-5:]
    with JSONLStore(golden / "jsonl") as store:
        store.compact("telegram:123456")
    assert path.read_bytes().splitlines(keepends=True) == last_five


def test_golden_legacy_files_migrate_as_the_original_migrated_them(golden: Path) -> None:
    legacy = golden / "legacy"
    originals = {path.name: path.read_bytes() for path in legacy.iterdir()}
    want = expected("legacy")
    with JSONLStore(legacy) as store:
        assert migrate_legacy(store).migrated == tuple(sorted(originals))
        assert content(store, list(want)) == want
    assert {f"{name}.migrated": raw for name, raw in originals.items()} == {
        path.name: path.read_bytes() for path in legacy.glob("*.migrated")
    }
