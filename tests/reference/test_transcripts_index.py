"""A list reads little of what it knows, and is never wrong for what it remembers."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.transcript_lists import listed_whole
from tornwrite.reference.transcripts import TranscriptStore, index
from tornwrite.reference.transcripts.remembering import MOST_SYNCS

BIG = {"role": "user", "content": "x" * 5000}
SMALL = {"role": "assistant", "content": "y"}


class BytesRead:
    """How many bytes were read since the last look, and how many calls synced a file."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._bytes = 0
        self.syncs = 0
        pread, fdatasync = os.pread, os.fdatasync

        def counting(descriptor: int, size: int, offset: int) -> bytes:
            data = pread(descriptor, size, offset)
            self._bytes += len(data)
            return data

        def syncing(descriptor: int) -> None:
            self.syncs += 1
            fdatasync(descriptor)

        def refused(*arguments: Any) -> bytes:
            raise AssertionError("the store reads by pread only")

        monkeypatch.setattr(os, "pread", counting)
        monkeypatch.setattr(os, "read", refused)
        monkeypatch.setattr(os, "fdatasync", syncing)

    def take(self) -> int:
        taken, self._bytes = self._bytes, 0
        return taken


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> BytesRead:
    return BytesRead(monkeypatch)


@pytest.fixture
def store(directory: Path) -> Iterator[TranscriptStore]:
    with TranscriptStore(directory) as opened:
        yield opened


def fill(store: TranscriptStore, transcripts: int = 5, messages: int = 40) -> None:
    """Transcripts of big messages and a small one; each but its last two is another program's."""
    for number in range(transcripts):
        transcript = store.get_or_create(f"t{number}")
        with open(os.path.join(store.directory, f"t{number}.jsonl"), "ab") as file:
            file.write((json.dumps(BIG).encode() + b"\n") * (messages - 1))
        transcript.append(BIG)
        transcript.append(SMALL)


def test_quiet_transcripts_are_not_read_again(
    store: TranscriptStore, directory: Path, read: BytesRead
) -> None:
    fill(store)
    total = sum(path.stat().st_size for path in directory.glob("*.jsonl"))
    read.take()
    first = store.list()
    assert read.take() > total
    assert store.list() == first
    assert read.take() < total / 50
    with TranscriptStore(directory) as other:
        assert other.list() == first
        assert read.take() < total / 50
    assert [(info.message_count, len(info.title)) for info in first] == [(41, 63)] * 5


def test_of_a_transcript_that_grew_only_what_is_new_is_read(
    store: TranscriptStore, directory: Path, read: BytesRead
) -> None:
    fill(store)
    store.list()
    for count in range(42, 50):
        store.get_or_create("t3").append(SMALL)
        read.take()
        assert [info.message_count for info in store.list()] == [41, 41, 41, count, 41]
        assert read.take() < 10_000


def test_the_index_is_written_only_when_that_spares_more_than_it_costs(
    store: TranscriptStore, directory: Path
) -> None:
    fill(store)
    store.list()
    written = (directory / ".index").stat().st_ino, (directory / ".index").stat().st_mtime_ns
    store.get_or_create("t0").append(SMALL)
    store.get_or_create("t1").append(SMALL)
    store.list()
    assert written == (
        (directory / ".index").stat().st_ino,
        (directory / ".index").stat().st_mtime_ns,
    )
    store.get_or_create("t0").append(BIG)
    store.get_or_create("t0").append(SMALL)
    store.list()
    assert (directory / ".index").stat().st_mtime_ns != written[1]


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n\n", b'{"role":"us'])
def test_the_last_line_is_never_remembered(
    store: TranscriptStore, directory: Path, end: bytes
) -> None:
    fill(store, transcripts=1)
    path = directory / "t0.jsonl"
    whole = path.read_bytes()
    with path.open("ab") as file:
        file.write(end)
    store.list()
    (entry,) = index.read_index(str(directory)).entries.values()
    is_torn = end.startswith(b"{")
    assert entry.offset == len(whole) - (0 if is_torn else len(whole.splitlines()[-1]) + 1)


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: b"",
        lambda raw: b"\0" * len(raw),
        lambda raw: raw[:-1],
        lambda raw: raw[:100] + b"\0" * (len(raw) - 100),
        lambda raw: raw.replace(b'"t1.jsonl"', b'"t9.jsonl"'),
        lambda raw: raw.replace(b",40,", b",44,"),
        lambda raw: b"{}",
        lambda raw: b"\xff" * 10_000,
    ],
)
def test_a_damaged_index_costs_reading_and_nothing_else(
    store: TranscriptStore, directory: Path, damage: Callable[[bytes], bytes]
) -> None:
    fill(store)
    first = store.list()
    path = directory / ".index"
    raw = path.read_bytes()
    assert damage(raw) != raw
    path.write_bytes(damage(raw))
    assert store.list() == first
    path.unlink()
    assert store.list() == first
    assert path.exists()


@pytest.mark.parametrize(
    "body",
    [
        {"format": 2, "files": {}},
        {"format": 1},
        {"format": 1, "files": [1]},
        {"format": 1, "files": {"t0.jsonl": [1] * 11}},
        {"format": 1, "files": {"t0.jsonl": 7}},
        [],
    ],
)
def test_an_index_of_another_release_is_passed_by(
    store: TranscriptStore, directory: Path, body: Any
) -> None:
    fill(store)
    first = store.list()
    raw = json.dumps(body).encode()
    (directory / ".index").write_bytes(index._checksum(raw) + b"\n" + raw)
    assert store.list() == first


def lines_of(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def in_place(path: Path, data: bytes) -> None:
    with path.open("r+b") as file:
        file.truncate(0)
        file.write(data)


def replaced(path: Path, data: bytes) -> None:
    path.with_suffix(".new").write_bytes(data)
    path.with_suffix(".new").rename(path)


@pytest.mark.parametrize("write", [in_place, replaced])
@pytest.mark.parametrize(
    "change",
    [
        lambda lines: [*lines[:1], *lines[3:]],
        lambda lines: lines[:1],
        lambda lines: lines[:-2],
        lambda lines: [],
        lambda lines: [lines[0], lines[1].replace(b"x" * 5000, b"z" * 5000), *lines[2:]],
        lambda lines: [lines[0], *[lines[1]] * 60, lines[2]],
        lambda lines: [lines[0], b"damaged" + lines[1][7:], *lines[2:]],
        lambda lines: [*lines[:20], b"damaged" + lines[20][7:], *lines[21:]],
        lambda lines: lines[1:],
        lambda lines: [*lines, *lines[1:]],
        lambda lines: [*lines, b'{"role":"us'],
    ],
)
def test_a_file_that_others_changed_is_read_anew(
    store: TranscriptStore,
    directory: Path,
    write: Callable[[Path, bytes], None],
    change: Callable[[list[bytes]], list[bytes]],
) -> None:
    fill(store)
    store.list()
    path = directory / "t2.jsonl"
    write(path, b"".join(change(lines_of(path))))
    assert store.list() == listed_whole(directory)
    assert store.list() == listed_whole(directory)


def test_a_file_that_others_replaced_by_a_longer_one_is_read_anew(
    store: TranscriptStore, directory: Path
) -> None:
    fill(store)
    store.list()
    path = directory / "t2.jsonl"
    lines = lines_of(path)
    lines[20] = b"damaged" + lines[20][7:]
    replaced(path, b"".join([*lines, *lines[1:]]))
    assert store.list() == listed_whole(directory)


def test_a_file_that_others_wrote_anew_and_longer_is_read_anew(
    store: TranscriptStore, directory: Path
) -> None:
    fill(store)
    store.list()
    path = directory / "t2.jsonl"
    lines = lines_of(path)
    in_place(path, b"".join([lines[0], lines[-1], lines[-1], *lines[1:], *lines[1:]]))
    assert store.list() == listed_whole(directory)


def test_a_transcript_made_anew_with_the_same_inode_is_read_anew(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readings = iter(range(100))
    with TranscriptStore(directory, clock=lambda: next(readings)) as store:
        fill(store)
        store.list()
        kept = (directory / ".index").read_bytes()
        # The file system gives the next file of that name the same inode; here, by hand.
        data = (directory / "t2.jsonl").read_bytes()
        store.delete("t2")
        transcript = store.get_or_create("t2")
        for _ in range(50):
            transcript.append(BIG)
        assert (directory / "t2.jsonl").stat().st_size > len(data)
        body = json.loads(kept.partition(b"\n")[2])
        body["files"]["t2.jsonl"][0] = (directory / "t2.jsonl").stat().st_ino
        raw = json.dumps(body).encode()
        (directory / ".index").write_bytes(index._checksum(raw) + b"\n" + raw)
        assert store.list() == listed_whole(directory)
        assert store.list()[2].message_count == 50


def test_the_index_of_another_directory_harms_nothing(
    store: TranscriptStore, directory: Path, tmp_path: Path
) -> None:
    fill(store)
    store.list()
    with TranscriptStore(tmp_path / "other") as other:
        fill(other, messages=50)
        shutil.copy(directory / ".index", tmp_path / "other" / ".index")
        assert [info.message_count for info in other.list()] == [51] * 5


def test_what_is_remembered_was_made_durable_before(
    store: TranscriptStore, directory: Path, read: BytesRead
) -> None:
    fill(store, transcripts=3)
    read.syncs = 0
    store.list()
    assert read.syncs == 0  # this store's own appends synced them
    (directory / ".index").unlink()
    with TranscriptStore(directory) as other:
        other.list()
        assert read.syncs == 3  # who wrote them may have been killed before its sync
        other.list()
        assert read.syncs == 3


def test_what_cannot_be_made_durable_is_not_remembered(
    store: TranscriptStore, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store, transcripts=2)
    with TranscriptStore(directory) as other:
        path = directory / "t1.jsonl"

        def failing(descriptor: int) -> None:
            if os.fstat(descriptor).st_ino == path.stat().st_ino:
                raise OSError(5, "Input/output error")

        with monkeypatch.context() as patch:
            patch.setattr(os, "fdatasync", failing)
            first = other.list()
        assert list(index.read_index(str(directory)).entries) == ["t0.jsonl"]
        before = path.stat().st_ino
        # The page cache may not be what is on disk: the file is rewritten first.
        other.get_or_create("t1").append(SMALL)
        assert path.stat().st_ino != before
        assert [info.message_count for info in other.list()] == [
            first[0].message_count,
            first[1].message_count + 1,
        ]


def test_a_first_list_syncs_a_bounded_number_of_files(
    directory: Path, read: BytesRead, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory.mkdir()
    header = b'{"type":"session","id":"x","created_at":"2026-01-02T03:04:05Z"}\n'
    for number in range(MOST_SYNCS + 10):
        lines = b'{"role":"user","content":"x"}\n' * (2 + number)
        (directory / f"t{number}.jsonl").write_bytes(header + lines)
    with TranscriptStore(directory) as store:
        first = store.list()
        assert read.syncs == MOST_SYNCS
        known = index.read_index(str(directory)).entries
        assert "t9.jsonl" not in known
        assert "t10.jsonl" in known
        assert store.list() == first


@pytest.mark.parametrize("call", ["open", "write", "rename"])
def test_an_index_that_cannot_be_written_is_no_error(
    store: TranscriptStore, directory: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    fill(store, transcripts=2)
    expected = listed_whole(directory)
    real = getattr(os, call)

    def failing(*arguments: Any) -> Any:
        if call == "open" and not str(arguments[0]).endswith(".index.tmp"):
            return real(*arguments)
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, failing)
        assert store.list() == expected
    assert not (directory / ".index").exists()
    assert not (directory / ".index.tmp").exists()
    assert store.list() == expected
    assert (directory / ".index").exists()


def test_an_interruption_while_the_index_is_written_is_handed_on(
    store: TranscriptStore, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store, transcripts=2)

    def interrupted(*arguments: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store.list()
    assert not (directory / ".index.tmp").exists()


def test_others_may_not_read_the_titles_in_the_index(
    store: TranscriptStore, directory: Path
) -> None:
    fill(store)
    store.list()
    assert (directory / ".index").stat().st_mode & 0o777 == 0o600
