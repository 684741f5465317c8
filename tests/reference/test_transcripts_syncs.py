"""What is acknowledged was synced before; what was is not synced again."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tornwrite.reference.transcripts import TranscriptStore

NEW = {"role": "assistant", "content": "new"}
CREATION = ["create", "write", "fsync", "rename", "fsync"]


@pytest.fixture
def store(directory: Path) -> Iterator[TranscriptStore]:
    with TranscriptStore(directory) as opened:
        yield opened


@pytest.fixture
def other(directory: Path, store: TranscriptStore) -> Iterator[TranscriptStore]:
    """Another process, to all effects."""
    with TranscriptStore(directory) as opened:
        yield opened


def test_a_transcript_is_made_beside_and_renamed(store: TranscriptStore, calls: Any) -> None:
    store.get_or_create("a")
    assert calls.take() == CREATION


def test_an_append_costs_one_write_and_one_data_sync(store: TranscriptStore, calls: Any) -> None:
    transcript = store.get_or_create("a")
    calls.take()
    for _ in range(3):
        transcript.append(NEW)
        assert calls.take() == ["write", "fdatasync"]


def test_what_this_store_made_durable_costs_nothing_to_get(
    store: TranscriptStore, calls: Any
) -> None:
    store.get_or_create("a").append(NEW)
    calls.take()
    store.get_or_create("a").get_messages()
    assert calls.take() == []


def test_what_another_process_made_may_not_be_durable_when_it_is_got(
    store: TranscriptStore, other: TranscriptStore, calls: Any
) -> None:
    store.get_or_create("a").append(NEW)
    calls.take()
    other.get_or_create("a")
    assert calls.take() == ["fdatasync", "fsync"]
    other.get_or_create("a")
    assert calls.take() == []
    store.get_or_create("a").append(NEW)
    assert calls.take() == ["write", "fdatasync"]
    other.get_or_create("a")
    assert calls.take() == ["fdatasync", "fsync"]


def test_a_look_syncs_nothing(store: TranscriptStore, other: TranscriptStore, calls: Any) -> None:
    store.get_or_create("a").append(NEW)
    calls.take()
    found = other.get("a")
    assert found.get_messages() == [NEW]
    assert calls.take() == []
    found.append(NEW)
    assert calls.take() == ["fsync", "write", "fdatasync"]


def test_the_name_is_synced_before_a_line_follows_what_another_process_wrote(
    store: TranscriptStore, other: TranscriptStore, calls: Any
) -> None:
    transcript = store.get_or_create("a")
    other.get_or_create("a").append(NEW)
    calls.take()
    transcript.append(NEW)
    assert calls.take() == ["fsync", "write", "fdatasync"]


def test_an_absence_is_synced_whoever_made_it(
    store: TranscriptStore, other: TranscriptStore, directory: Path, calls: Any
) -> None:
    store.get_or_create("a")
    calls.take()
    other.delete("a")
    assert calls.take() == ["unlink", "fsync"]
    store.delete("a")
    assert calls.take() == ["unlink", "fsync"]
    assert not (directory / "a.jsonl").exists()


def test_the_next_of_an_id_is_made_like_the_first(store: TranscriptStore, calls: Any) -> None:
    store.get_or_create("a")
    store.delete("a")
    calls.take()
    store.get_or_create("a").append(NEW)
    assert calls.take() == [*CREATION, "write", "fdatasync"]


def test_a_list_of_what_is_durable_syncs_nothing(store: TranscriptStore, calls: Any) -> None:
    transcript = store.get_or_create("a")
    transcript.append(NEW)
    transcript.append(NEW)
    calls.take()
    store.list()
    assert calls.take() == ["create", "write", "rename"]
    store.list()
    assert calls.take() == []


def test_what_is_kept_aside_is_durable_before_its_file_goes(
    store: TranscriptStore, directory: Path, calls: Any
) -> None:
    (directory / "a.jsonl").write_bytes(b'{"type":"sess')
    store.get_or_create("a")
    kept = ["create", "write", "fsync", "fsync"]
    assert calls.take() == [*kept, *(call for call in CREATION if call != "fchmod")]
    assert os.listdir(directory).count("a.jsonl") == 1
