"""Whatever bit of an archive's or a transcript's files turns over: told, and nothing made up."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tornwrite.reference import ArchivingStore, DamageKind, SessionNotFound, TranscriptStore
from tornwrite.reference.durable.json_lines import encode_line
from tornwrite.reference.transcripts import Transcript

MESSAGES: list[dict[str, Any]] = [
    {"role": "user", "content": "Just * one"},
    {"n": 1, "crc32": "00000000"},
    {},
    {"role": "assistant", "content": "ü"},
]


def flips(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The data with a bit of each byte turned over, in turns, and at which byte."""
    for at in range(len(data)):
        for bit in (at % 8, (at + 3) % 8):
            yield at, data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]


def is_part_of(found: list[Any], all_of: list[Any]) -> bool:
    rest = iter(all_of)
    return all(any(one == other for other in rest) for one in found)


def loaded(store: ArchivingStore) -> list[Any]:
    try:
        return store.load("k")
    except SessionNotFound:
        return []


@pytest.mark.parametrize("archived", [0, 2, 4])
def test_a_flipped_bit_in_an_archive_is_told_and_changes_no_message(
    tmp_path: Path, archived: int
) -> None:
    with ArchivingStore(tmp_path) as store:
        for number, message in enumerate(MESSAGES, 1):
            store.save("k", message)
            if number == archived:
                store.archive("k")
        for path in sorted(tmp_path.glob("k.*")):
            data = path.read_bytes()
            for at, damaged in flips(data):
                path.write_bytes(damaged)
                found = loaded(store)
                assert is_part_of(found, MESSAGES), at
                # After the last line any white space may stand.
                is_told = bool(store.inspect("k").damage) or at == len(data) - 1
                assert found == MESSAGES or store.inspect("k").damage, at
                assert is_told or damaged[at : at + 1] in b"abcdefABCDEF", at
            path.write_bytes(data)


@pytest.mark.parametrize("left", ["both", "archived"])
def test_a_damaged_superseding_file_takes_nothing_away_that_the_others_hold(
    tmp_path: Path, left: str
) -> None:
    first = b"".join(map(encode_line, MESSAGES[:2]))
    rest = b"".join(map(encode_line, MESSAGES[2:]))
    whole = first + rest
    cuts = [whole[: len(encode_line(MESSAGES[0]))], b"", bytes(len(whole))]
    if left == "both":
        cuts.append(first)  # of a file cut between two lines only others can tell
    for number, damaged in enumerate([*(one for _, one in flips(whole)), *cuts]):
        here = tmp_path / str(number)
        here.mkdir()
        (here / "k.jsonl.archived").write_bytes(first)
        (here / "k.jsonl.whole").write_bytes(damaged)
        if left == "both":
            (here / "k.jsonl").write_bytes(rest)
        with ArchivingStore(here) as store:
            want = MESSAGES if left == "both" else MESSAGES[:2]
            assert is_part_of(want, store.load("k")), damaged
            assert store.load("k") == MESSAGES or store.inspect("k").damage, damaged
            before = store.load("k")
            assert store.exists("k"), damaged
            store.save("k", {"new": 1})
            assert store.load("k") == [*before, {"new": 1}], damaged
            assert not (here / "k.jsonl.whole").exists()
        shutil.rmtree(here)


def test_an_emptied_archive_is_told(tmp_path: Path) -> None:
    with ArchivingStore(tmp_path) as store:
        store.save("k", MESSAGES[0])
        store.archive("k")
        (tmp_path / "k.jsonl.archived").write_bytes(b"")
        assert [one.kind for one in store.inspect("k").damage] == [DamageKind.FILE]


@pytest.fixture
def transcript(tmp_path: Path) -> Iterator[Transcript]:
    with TranscriptStore(tmp_path) as store:
        transcript = store.get_or_create("k")
        for message in MESSAGES:
            transcript.append(message)
        yield transcript


def test_a_flipped_bit_in_a_transcript_is_told_and_changes_no_message(
    tmp_path: Path, transcript: Transcript
) -> None:
    path = tmp_path / "k.jsonl"
    data = path.read_bytes()
    with TranscriptStore(tmp_path) as store:
        for at, damaged in flips(data):
            path.write_bytes(damaged)
            (tmp_path / ".index").unlink(missing_ok=True)
            found = transcript.get_messages()
            state = store.inspect("k")
            assert is_part_of(found, MESSAGES), at
            assert found == MESSAGES or state.damage, at
            assert state.created_at in (transcript.created_at, ""), at
            assert state.created_at or state.damage, at
            (info,) = store.list()
            assert (info.message_count, info.created_at) == (len(found), state.created_at), at
            assert info.title in ("Just * one", "New Session...")


def test_an_emptied_transcript_is_told(tmp_path: Path, transcript: Transcript) -> None:
    (tmp_path / "k.jsonl").write_bytes(b"")
    with TranscriptStore(tmp_path) as store:
        assert [one.kind for one in store.inspect("k").damage] == [DamageKind.FILE]
        with pytest.raises(SessionNotFound):
            store.get("k")


def test_a_damaged_index_is_never_obeyed(tmp_path: Path, transcript: Transcript) -> None:
    with TranscriptStore(tmp_path) as store:
        for number in range(20):  # else it is not worth remembering
            transcript.append({"role": "user", "content": "long " * 100, "n": number})
        listed = store.list()
    path = tmp_path / ".index"
    data = path.read_bytes()
    for at, damaged in flips(data):
        path.write_bytes(damaged)
        with TranscriptStore(tmp_path) as store:
            assert store.list() == listed, at
