"""What an operation costs in calls, bytes and memory, whatever the store already holds."""

import os
import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tornwrite.reference import JSONLStore
from tornwrite.reference.durable.json_lines import decode_line
from tornwrite.reference.durable.lines import split_lines
from tornwrite.reference.jsonl.metadata import decode_metadata, encode_metadata, read_metadata

LOOKING = ("open", "stat", "fstat", "pread", "read", "scandir", "listdir")


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each call that looks at files was made, and how many bytes were read."""
    made: Counter[str] = Counter()

    def noted(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            found = real(*arguments, **named)
            made[name] += 1
            if isinstance(found, bytes):
                made["bytes"] += len(found)
            return found

        return call

    for name in LOOKING:
        monkeypatch.setattr(os, name, noted(name, getattr(os, name)))
    return made


def grow(store: JSONLStore) -> None:
    store.set_history("k", [{"role": "user", "content": "x" * 50}] * 3000)
    for number in range(50):
        store.add_message(f"other {number}", "user", "hello")


def test_a_steady_append_looks_at_little(store: JSONLStore, looks: Counter[str]) -> None:
    store.add_message("k", "user", "0")
    looks.clear()
    store.add_message("k", "user", "1")
    metadata_bytes = len((Path(store.directory) / "k.meta.json").read_bytes())
    # The metadata, and of the data file its size and last byte.
    assert looks == {"open": 2, "fstat": 1, "pread": 2, "bytes": metadata_bytes + 1}


def test_an_append_looks_at_no_more_of_a_long_session_among_many(
    store: JSONLStore, looks: Counter[str]
) -> None:
    def costs() -> Counter[str]:
        store.add_message("k", "user", "0")
        looks.clear()
        store.add_message("k", "user", "1")
        return looks.copy()

    for change in (lambda: None, lambda: store.truncate_history("k", 1)):
        store.set_history("k", [{}] * 10)
        change()
        few = costs()
        grow(store)
        change()
        many = costs()
        # Of count and skip a few more digits are read.
        assert many - Counter(bytes=10) <= few <= many


def test_memory_does_not_grow_with_the_sessions_written_and_read(
    store: JSONLStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for sync in ("fsync", "fdatasync"):
        monkeypatch.setattr(os, sync, lambda descriptor: None)  # they would take most of the time

    def touch(first: int, last: int) -> int:
        for number in range(first, last):
            store.add_message(f"chat:{number}", "user", "hello")
            store.get_history(f"chat:{number}")
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        before = touch(0, 2000)
        assert touch(2000, 4000) < before + 20_000  # bytes; a fact of each would take 200,000
    finally:
        tracemalloc.stop()


def test_metadata_that_changes_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "k.meta.json"
    for skip in (1, 2, 1, 3):
        path.write_bytes(encode_metadata(decode_metadata(b'{"skip": %d}' % skip)))
        os.utime(path, ns=(0, 0))
        assert read_metadata(str(path)).content.skip == skip


def test_lines_decoded_together_are_decoded_as_one_by_one() -> None:
    surrogate, huge = b'{"a": "\\ud800"}', b'{"a": 1%s}' % (b"0" * 30)
    odd = [b"{", surrogate, b"[1]", b'{"a": 1e999}', b"\xff", huge]
    numbers = (0, 1, 3500, 1023, 1024, 2500)  # one of them alone among 1024
    lines = [b'{"n": %d}' % number for number in range(4000)]
    for number, line in zip(numbers, odd, strict=True):
        lines[number] = line
    found = split_lines(b"\n".join(lines) + b"\n\r\n\n")
    for skip in (0, 1, 1024, 3999, 4000, 5000):
        assert list(found.messages(skip)) == [(line, decode_line(line)) for line in lines[skip:]]
