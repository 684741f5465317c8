"""The published JSONL store reads and writes what the original program read and wrote."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tornwrite.reference.published import JSONLStore, migrate_from_json
from tornwrite.reference.published.messages import decode_line, encode_line
from tornwrite.reference.published.metadata import decode_meta, encode_meta

GOLDEN = Path(__file__).parents[1] / "golden" / "picoclaw"
JSONL_FILES = sorted((GOLDEN / "jsonl").glob("*.jsonl"))
META_FILES = sorted((GOLDEN / "jsonl").glob("*.meta.json"))


def expected(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((GOLDEN / f"{name}.expected.json").read_bytes())
    return content


def content(store: JSONLStore, keys: list[str]) -> dict[str, Any]:
    return {
        key: {"summary": store.get_summary(key), "messages": store.get_history(key)} for key in keys
    }


def nanoseconds(rfc_3339: str) -> int:
    seconds, fraction = rfc_3339.removesuffix("Z").split(".")
    whole = int(datetime.fromisoformat(seconds + "+00:00").timestamp())
    return whole * 10**9 + int(fraction.ljust(9, "0"))


def test_the_golden_samples_are_there() -> None:
    assert JSONL_FILES
    assert len(JSONL_FILES) == len(META_FILES) == len(expected("jsonl"))


def test_golden_sessions_read_as_the_original_read_them(golden: Path) -> None:
    want = expected("jsonl")
    assert content(JSONLStore(golden / "jsonl"), list(want)) == want


def test_golden_legacy_files_migrate_as_the_original_migrated_them(golden: Path) -> None:
    legacy = golden / "legacy"
    names = sorted(path.name for path in legacy.iterdir())
    store = JSONLStore(golden / "new")
    want = expected("legacy")
    assert migrate_from_json(legacy, store) == len(want)
    assert content(store, list(want)) == want
    assert sorted(path.name for path in legacy.iterdir()) == [f"{name}.migrated" for name in names]
    assert migrate_from_json(legacy, store) == 0
    assert content(store, list(want)) == want


@pytest.mark.parametrize("path", JSONL_FILES, ids=lambda path: path.stem)
def test_golden_lines_are_written_again_byte_for_byte(path: Path) -> None:
    for line in path.read_bytes().splitlines(keepends=True):
        assert encode_line(decode_line(line)) == line


@pytest.mark.parametrize("path", META_FILES, ids=lambda path: path.name)
def test_golden_metadata_is_written_again_byte_for_byte(path: Path) -> None:
    assert encode_meta(decode_meta(path.read_bytes())) == path.read_bytes()


def test_the_same_operations_at_the_same_times_give_the_golden_bytes(directory: Path) -> None:
    jsonl, meta = "telegram_123456.jsonl", "telegram_123456.meta.json"
    golden_meta = decode_meta((GOLDEN / "jsonl" / meta).read_bytes())
    now = nanoseconds(golden_meta.created_at)
    store = JSONLStore(directory, clock=lambda: now)
    for line in (GOLDEN / "jsonl" / jsonl).read_bytes().splitlines():
        message = decode_line(line)
        store.add_message(golden_meta.key, str(message["role"]), str(message["content"]))
    store.truncate_history(golden_meta.key, 5)
    now = nanoseconds(golden_meta.updated_at)
    store.set_summary(golden_meta.key, golden_meta.summary)
    for name in (jsonl, meta):
        assert (directory / name).read_bytes() == (GOLDEN / "jsonl" / name).read_bytes()


def test_compacting_a_golden_session_keeps_its_lines(golden: Path) -> None:
    path = golden / "jsonl" / "telegram_123456.jsonl"
    last_five = path.read_bytes().splitlines(keepends=True)[-5:]
    JSONLStore(golden / "jsonl").compact("telegram:123456")
    assert path.read_bytes() == b"".join(last_five)
