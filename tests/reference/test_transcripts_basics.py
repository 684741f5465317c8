"""Transcripts are made, appended to, shown, listed and deleted; a restart changes nothing."""

import itertools
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from tornwrite.reference import KeyRefused, MessageRefused, SessionNotFound, StoreClosed
from tornwrite.reference.durable.json_lines import plain_line
from tornwrite.reference.transcripts import (
    Transcript,
    TranscriptInfo,
    TranscriptState,
    TranscriptStore,
)

START_NS = 1_763_000_000_000_000_000
HELLO = {"role": "user", "content": "hello"}
REPLY = {"role": "assistant", "content": "hi \u00e9 \u2028 \U0001f680", "n": [1, None, {"x": 2.5}]}
ODD_IDS = [
    "",
    ".",
    "..",
    "../x",
    "/etc/passwd",
    "a/b",
    "a\\b",
    "%41",
    "A",
    "%",
    "a b",
    "x.jsonl",
    "x.jsonl.tmp",
    "x",
    ".index",
    ".lock",
    ".hidden",
    "line\nbreak",
    "nul\0",
    "agent:main:1",
    "\u4e2d\u6587 \U0001f680",
    "e\u0301",
    "\u00e9",
    "x" * 240,
]


@pytest.fixture
def store(directory: Path) -> Iterator[TranscriptStore]:
    readings = itertools.count(START_NS)
    with TranscriptStore(directory, clock=lambda: next(readings)) as opened:
        yield opened


def test_the_first_line_is_a_header_and_each_message_is_a_line(
    store: TranscriptStore, directory: Path
) -> None:
    transcript = store.get_or_create("a:1")
    transcript.append(HELLO)
    transcript.append(REPLY)
    header, *lines = (directory / "a:1.jsonl").read_bytes().split(b"\n")
    assert plain_line(header) == (
        b'{"type":"session","id":"a:1","created_at":"2025-11-13T02:13:20.000000000Z"}'
    )
    assert [orjson.loads(plain_line(line)) for line in lines[:-1]] == [HELLO, REPLY]
    assert lines[-1] == b""


def test_messages_come_back_as_they_were_given(store: TranscriptStore) -> None:
    transcript = store.get_or_create("a")
    assert transcript.get_messages() == []
    transcript.append(HELLO)
    transcript.append(REPLY)
    assert transcript.get_messages() == [HELLO, REPLY]


def test_the_same_transcript_is_got_again(store: TranscriptStore) -> None:
    first = store.get_or_create("a")
    first.append(HELLO)
    again = store.get_or_create("a")
    assert (again.id, again.created_at) == ("a", first.created_at)
    again.append(REPLY)
    assert first.get_messages() == [HELLO, REPLY]


def test_what_there_is_is_looked_at_without_making_it(
    store: TranscriptStore, directory: Path
) -> None:
    for left in (None, b"", b"\0" * 9):
        if left is not None:
            (directory / "a.jsonl").write_bytes(left)
        before = sorted(path.name for path in directory.iterdir())
        with pytest.raises(SessionNotFound, match="no transcript 'a'"):
            store.get("a")
        assert sorted(path.name for path in directory.iterdir()) == before
    made = store.get_or_create("a")
    found = store.get("a")
    assert (found.id, found.created_at) == ("a", made.created_at)


def test_handles_of_two_stores_show_the_same(store: TranscriptStore, directory: Path) -> None:
    transcript = store.get_or_create("a")
    with TranscriptStore(directory) as other:
        other.get_or_create("a").append(HELLO)
        assert transcript.get_messages() == [HELLO]
        transcript.append(REPLY)
        assert other.get_or_create("a").get_messages() == [HELLO, REPLY]


def test_what_is_listed_is_the_same_after_a_restart(
    store: TranscriptStore, directory: Path
) -> None:
    for number, name in enumerate(["b", "a", "../c"]):
        transcript = store.get_or_create(name)
        for _ in range(number):
            transcript.append(HELLO)
    listed = store.list()
    assert listed == [
        TranscriptInfo("../c", "hello", "2025-11-13T02:13:20.000000002Z", 2),
        TranscriptInfo("a", "hello", "2025-11-13T02:13:20.000000001Z", 1),
        TranscriptInfo("b", "New Session...", "2025-11-13T02:13:20.000000000Z", 0),
    ]
    with TranscriptStore(directory) as other:
        assert other.list() == listed
        assert other.get_or_create("a").created_at == listed[1].created_at


def test_what_was_listed_follows_every_append(store: TranscriptStore) -> None:
    transcript = store.get_or_create("a")
    for count in range(1, 20):
        transcript.append({"role": "assistant" if count < 10 else "user", "content": f"m{count}"})
        title = "New Session..." if count < 10 else "m10"
        assert [(info.title, info.message_count) for info in store.list()] == [(title, count)]
        assert transcript.title() == title


def test_a_deleted_transcript_is_gone_before_and_after_a_restart(
    store: TranscriptStore, directory: Path
) -> None:
    for name in ("kept", "gone"):
        store.get_or_create(name).append(HELLO)
    store.list()
    store.delete("gone")
    assert [info.id for info in store.list()] == ["kept"]
    assert not store.inspect("gone").exists
    with TranscriptStore(directory) as other:
        assert [info.id for info in other.list()] == ["kept"]
        assert other.get_or_create("gone").get_messages() == []


def test_a_transcript_is_deleted_by_a_process_that_never_opened_it(
    store: TranscriptStore, directory: Path
) -> None:
    store.get_or_create("a").append(HELLO)
    with TranscriptStore(directory) as other:
        other.delete("a")
    assert store.list() == []
    assert not list(directory.glob("a*"))


def test_deleting_what_does_not_exist_is_no_error(store: TranscriptStore) -> None:
    store.delete("never")
    store.get_or_create("a")
    store.delete("a")
    store.delete("a")
    assert store.list() == []


def test_a_deleted_title_does_not_stay_in_the_index(
    store: TranscriptStore, directory: Path
) -> None:
    for name in ("kept", "gone"):
        transcript = store.get_or_create(name)
        transcript.append({"role": "user", "content": f"title of {name}"})
        transcript.append(REPLY)
    store.list()
    assert b"title of gone" in (directory / ".index").read_bytes()
    store.delete("gone")
    assert b"title of gone" not in (directory / ".index").read_bytes()
    assert b"title of kept" in (directory / ".index").read_bytes()


def test_nothing_brings_a_deleted_transcript_back(store: TranscriptStore, directory: Path) -> None:
    transcript = store.get_or_create("a")
    transcript.append(HELLO)
    store.delete("a")
    for use in (lambda: transcript.append(REPLY), transcript.get_messages, transcript.title):
        with pytest.raises(SessionNotFound, match="no transcript 'a'"):
            use()
    assert not list(directory.glob("a*"))


def test_the_next_of_an_id_is_another_transcript(store: TranscriptStore) -> None:
    old = store.get_or_create("a")
    old.append(HELLO)
    store.delete("a")
    new = store.get_or_create("a")
    assert new.created_at > old.created_at
    for use in (lambda: old.append(REPLY), old.get_messages, old.title):
        with pytest.raises(SessionNotFound, match="was deleted; there is another"):
            use()
    new.append(REPLY)
    assert new.get_messages() == [REPLY]


@pytest.mark.parametrize(
    ("messages", "title"),
    [
        ([], "New Session..."),
        ([{"role": "assistant", "content": "a"}], "New Session..."),
        ([{"role": "user", "content": ""}, {"role": "user", "content": "b"}], "b"),
        ([{"role": "user", "content": ["part"]}, {"role": "user", "content": "c"}], "c"),
        ([{"role": "user"}, {"content": "x"}, {"role": "user", "content": None}], "New Session..."),
        ([{"role": "assistant", "content": "a"}, HELLO, {**HELLO, "content": "z"}], "hello"),
        ([{"role": "user", "content": "x" * 60}], "x" * 60),
        ([{"role": "user", "content": "x" * 61}], "x" * 60 + "..."),
        ([{"role": "user", "content": "\U0001f680" * 61}], "\U0001f680" * 60 + "..."),
        ([{"role": "user", "content": " \n"}], " \n"),
    ],
)
def test_the_title_is_what_the_user_says_first(
    store: TranscriptStore, messages: list[dict[str, Any]], title: str
) -> None:
    transcript = store.get_or_create("a")
    for message in messages:
        transcript.append(message)
    assert transcript.title() == title
    assert [info.title for info in store.list()] == [title]
    assert [info.title for info in store.list()] == [title]


def test_any_id_is_a_transcript_of_its_own_in_the_directory(
    store: TranscriptStore, directory: Path
) -> None:
    for name in ODD_IDS:
        store.get_or_create(name).append({"role": "user", "content": f"of {name}"[:60]})
    assert [info.id for info in store.list()] == sorted(ODD_IDS)
    with TranscriptStore(directory) as other:
        for info in other.list():
            (message,) = other.get_or_create(info.id).get_messages()
            assert message["content"] == f"of {info.id}"[:60] == info.title
            assert not other.inspect(info.id).damage
        names = {path.name for path in directory.parent.rglob("*")} - {directory.name}
        assert len(names - {".lock", ".index"}) == len(ODD_IDS)
        for name in ODD_IDS:
            other.delete(name)
        assert other.list() == []


@pytest.mark.parametrize("name", ["x" * 246, "\u00e9" * 123, "/" * 90, "\ud800", 7, None, b"a"])
def test_an_id_that_can_name_nothing_is_refused(
    store: TranscriptStore, directory: Path, name: Any
) -> None:
    before = sorted(directory.iterdir())
    for use in (store.get_or_create, store.delete, store.inspect):
        with pytest.raises(KeyRefused, match="transcript id"):
            use(name)
    assert sorted(directory.iterdir()) == before


@pytest.mark.parametrize(
    "message", [{"x": float("nan")}, {"x": "\ud800"}, {1: "x"}, {"x": 2**70}, ["x"], "x"]
)
def test_what_cannot_be_stored_exactly_is_refused(store: TranscriptStore, message: Any) -> None:
    transcript = store.get_or_create("a")
    with pytest.raises(MessageRefused):
        transcript.append(message)
    assert transcript.get_messages() == []


def test_a_message_that_looks_like_a_header_is_a_message(store: TranscriptStore) -> None:
    transcript = store.get_or_create("a")
    fake = {"type": "session", "id": "b", "created_at": "2020-01-01T00:00:00Z"}
    transcript.append(fake)
    assert [(info.created_at, info.message_count) for info in store.list()] == [
        (transcript.created_at, 1)
    ]
    transcript.append(HELLO)
    assert transcript.get_messages() == [fake, HELLO]
    assert [(info.id, info.message_count) for info in store.list()] == [("a", 2)]
    assert store.get_or_create("a").created_at == transcript.created_at != fake["created_at"]


@pytest.mark.parametrize("size", [200_000, 12_000_000])
def test_a_message_of_any_size_comes_back(
    store: TranscriptStore, directory: Path, size: int
) -> None:
    transcript = store.get_or_create("a")
    for letter in "xy":
        transcript.append({"role": "user", "content": letter * size})
    transcript.append(HELLO)
    with TranscriptStore(directory) as other:
        sizes = [len(message["content"]) for message in other.get_or_create("a").get_messages()]
        assert sizes == [size, size, len("hello")]
        (info,) = other.list()
        assert (info.title, info.message_count) == ("x" * 60 + "...", 3)
        assert other.list() == [info]


def test_files_that_are_no_transcripts_are_not_listed(
    store: TranscriptStore, directory: Path
) -> None:
    store.get_or_create("a")
    for name in ("b.json", "c.jsonl.migrated", "d.jsonl.damaged-0", "f"):
        (directory / name).write_bytes(b'{"role":"user","content":"x"}\n')
    (directory / "g.jsonl").mkdir()
    (directory / ("h" * 248 + ".jsonl")).write_bytes(b'{"role":"user","content":"x"}\n')
    assert [info.id for info in store.list()] == ["a"]


def test_what_other_programs_called_after_an_id_is_found_by_it(
    store: TranscriptStore, directory: Path
) -> None:
    """Ids that this store would not have to encode, and some that only look encoded."""
    names = (".e", "%zz", "%41", "back\\slash", "line\nbreak", "")
    for name in names:
        (directory / (name + ".jsonl")).write_bytes(b'{"role":"user","content":"x"}\n')
    assert [info.id for info in store.list()] == sorted(names)
    assert [len(store.get_or_create(name).get_messages()) for name in names] == [1] * len(names)


def test_what_killed_writers_left_is_removed_when_the_store_is_opened(directory: Path) -> None:
    with TranscriptStore(directory) as store:
        store.get_or_create("a")
    mine = [directory / name for name in ("a.jsonl.tmp", ".index.tmp", "%2E.jsonl.tmp")]
    other = directory / "notes.tmp"
    for path in (*mine, other):
        path.write_bytes(b"x")
    with TranscriptStore(directory) as store:
        assert [info.id for info in store.list()] == ["a"]
    assert not any(path.exists() for path in mine)
    assert other.exists()


def test_a_closed_store_refuses_everything(store: TranscriptStore) -> None:
    transcript = store.get_or_create("a")
    store.close()
    store.close()
    for use in (
        lambda: store.get_or_create("a"),
        store.list,
        lambda: store.delete("a"),
        lambda: store.inspect("a"),
        lambda: transcript.append(HELLO),
        transcript.get_messages,
        transcript.title,
    ):
        with pytest.raises(StoreClosed):
            use()


def test_a_store_tells_where_it_is_and_a_transcript_what_it_is(
    store: TranscriptStore, directory: Path
) -> None:
    assert store.directory == str(directory)
    transcript = store.get_or_create("a")
    assert isinstance(transcript, Transcript)
    assert repr(transcript) == "<Transcript 'a' of 2025-11-13T02:13:20.000000000Z>"
    transcript.append(HELLO)
    assert store.inspect("a") == TranscriptState(True, 1, transcript.created_at, ())
    assert store.inspect("b") == TranscriptState(False, 0, "", ())


def test_memory_does_not_grow_with_the_transcripts(
    store: TranscriptStore, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        for number in range(2000):
            store.get_or_create(f"t{number}")
    assert len(store._directory.lines._settled) <= 64 * 16
    assert not caplog.records
