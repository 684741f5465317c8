"""Damage in a transcript's file hides no message; a creation that a crash cut off never was."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tornwrite.reference import Damage, DamageKind, SessionNotFound
from tornwrite.reference.durable.json_lines import encode_line
from tornwrite.reference.transcripts import TranscriptInfo, TranscriptState, TranscriptStore
from tornwrite.reference.transcripts.contents import Contents

HEADER = b'{"type":"session","id":"a","created_at":"2026-01-02T03:04:05.600000000Z"}\n'
CREATED = "2026-01-02T03:04:05.600000000Z"
FIRST = {"role": "user", "content": "first"}
LAST = {"role": "assistant", "content": "last \u00e9"}
FIRST_LINE = b'{"role":"user","content":"first"}\n'
LAST_LINE = '{"role":"assistant","content":"last \u00e9"}\n'.encode()


@pytest.fixture
def opened(directory: Path) -> Callable[[bytes], TranscriptStore]:
    """A store whose transcript `a` has these bytes in its file."""

    def make(data: bytes) -> TranscriptStore:
        directory.mkdir(exist_ok=True)
        (directory / "a.jsonl").write_bytes(data)
        return TranscriptStore(directory)

    return make


def kept_aside(directory: Path) -> list[bytes]:
    return sorted(path.read_bytes() for path in directory.glob("*.damaged-*"))


NEVER_CREATED = [
    b"",
    b"\n",
    b"\0" * len(HEADER),
    b"\0" * 5000,
    b"\0" * 512 + HEADER[:-1][5:],
    HEADER[:20] + b"\0" * 20,
    b"not a header\n",
    b"[]\n",
    b'not a header\n{"role":"us',
    *(HEADER[:size] for size in range(1, len(HEADER) - 1)),
]


@pytest.mark.parametrize("left", NEVER_CREATED)
def test_a_creation_that_was_cut_off_never_was(
    opened: Callable[[bytes], TranscriptStore], directory: Path, left: bytes
) -> None:
    with opened(left) as store:
        assert store.list() == []
        assert not store.inspect("a").exists
        transcript = store.get_or_create("a")
        assert transcript.created_at
        assert transcript.get_messages() == []
        transcript.append(FIRST)
    with TranscriptStore(directory) as store:
        assert store.list() == [TranscriptInfo("a", "first", transcript.created_at, 1)]
        assert not store.inspect("a").damage
    kept = kept_aside(directory)
    assert kept == ([left] if left.strip(b"\0") else [])


@pytest.mark.parametrize("left", NEVER_CREATED)
def test_what_never_was_can_be_deleted(
    opened: Callable[[bytes], TranscriptStore], directory: Path, left: bytes
) -> None:
    with opened(left) as store:
        store.delete("a")
    assert not (directory / "a.jsonl").exists()


def test_a_handle_does_not_append_to_what_a_crash_left_of_its_file(
    opened: Callable[[bytes], TranscriptStore], directory: Path
) -> None:
    with opened(HEADER) as store:
        transcript = store.get_or_create("a")
        (directory / "a.jsonl").write_bytes(b"\0" * 40)
        with pytest.raises(SessionNotFound):
            transcript.append(FIRST)
    assert (directory / "a.jsonl").read_bytes() == b"\0" * 40


@pytest.mark.parametrize("ended", [True, False])
def test_a_header_that_is_whole_counts_with_or_without_its_newline(
    opened: Callable[[bytes], TranscriptStore], directory: Path, ended: bool
) -> None:
    with opened(HEADER if ended else HEADER[:-1]) as store:
        assert store.list() == [TranscriptInfo("a", "New Session...", CREATED, 0)]
        assert store.inspect("a") == TranscriptState(True, 0, CREATED, ())
        transcript = store.get_or_create("a")
        assert transcript.created_at == CREATED
        transcript.append(FIRST)
        transcript.append(LAST)
        assert transcript.get_messages() == [FIRST, LAST]
    assert (directory / "a.jsonl").read_bytes() == HEADER + encode_line(FIRST) + encode_line(LAST)
    assert kept_aside(directory) == []


@pytest.mark.parametrize("first", [b'{"type":"sess', b"\0" * 80, b'{"type":"session"}x', b"[1]"])
def test_messages_after_a_damaged_header_are_readable(
    opened: Callable[[bytes], TranscriptStore],
    directory: Path,
    caplog: pytest.LogCaptureFixture,
    first: bytes,
) -> None:
    with opened(first + b"\n" + FIRST_LINE) as store:
        assert store.list() == [TranscriptInfo("a", "first", "", 1)]
        transcript = store.get_or_create("a")
        assert (transcript.id, transcript.created_at) == ("a", "")
        assert transcript.get_messages() == [FIRST]
        assert "a.jsonl, line 1: the header is damaged" in caplog.text
        transcript.append(LAST)
        assert transcript.get_messages() == [FIRST, LAST]
        assert transcript.title() == "first"
        state = store.inspect("a")
        assert (state.exists, state.messages, state.created_at) == (True, 2, "")
        (damage,) = state.damage
        assert (damage.kind, damage.file, damage.line) == (DamageKind.HEADER, "a.jsonl", 1)
        assert store.list() == [TranscriptInfo("a", "first", "", 2)]
    assert (directory / "a.jsonl").read_bytes() == first + b"\n" + FIRST_LINE + encode_line(LAST)


def test_a_first_line_that_is_a_message_counts(
    opened: Callable[[bytes], TranscriptStore],
) -> None:
    with opened(FIRST_LINE + LAST_LINE) as store:
        assert store.get_or_create("a").get_messages() == [FIRST, LAST]
        assert store.list() == store.list() == [TranscriptInfo("a", "first", "", 2)]
        detail = "the header is missing: the file begins with a message"
        assert store.inspect("a").damage == (Damage(DamageKind.HEADER, "a.jsonl", 1, detail),)


def test_a_header_is_looked_for_in_the_first_line_only(
    opened: Callable[[bytes], TranscriptStore],
) -> None:
    with opened(b"damaged\n" + HEADER + FIRST_LINE) as store:
        assert store.list() == store.list() == [TranscriptInfo("a", "first", "", 2)]
        assert len(store.get_or_create("a").get_messages()) == 2
    with opened(b"\n\r\n" + HEADER + FIRST_LINE) as store:
        assert store.list() == store.list() == [TranscriptInfo("a", "first", CREATED, 1)]
        assert store.get_or_create("a").get_messages() == [FIRST]


@pytest.mark.parametrize(
    ("header", "created", "detail"),
    [
        (HEADER.replace(b'"a"', b'"b"'), CREATED, "the header is that of transcript 'b'"),
        (
            b'{"type":"session","id":"a","created_at":"yesterday"}\n',
            "",
            "the header does not say when the transcript was created",
        ),
        (
            b'{"type":"session","id":"a"}\n',
            "",
            "the header does not say when the transcript was created",
        ),
    ],
)
def test_a_header_that_is_wrong_is_told_and_harms_nothing(
    opened: Callable[[bytes], TranscriptStore], header: bytes, created: str, detail: str
) -> None:
    with opened(header + FIRST_LINE) as store:
        transcript = store.get_or_create("a")
        assert transcript.created_at == created
        transcript.append(LAST)
        assert transcript.get_messages() == [FIRST, LAST]
        assert store.list() == [TranscriptInfo("a", "first", created, 2)]
        (damage,) = store.inspect("a").damage
        assert damage == Damage(DamageKind.HEADER, "a.jsonl", 1, detail)


def test_times_of_other_programs_are_shown_in_one_form(
    opened: Callable[[bytes], TranscriptStore],
) -> None:
    with opened(HEADER.replace(b"05.600000000Z", b"05.6+01:00")) as store:
        assert store.get_or_create("a").created_at == "2026-01-02T02:04:05.600000000Z"
        assert [info.created_at for info in store.list()] == ["2026-01-02T02:04:05.600000000Z"]
        assert not store.inspect("a").damage


@pytest.mark.parametrize("size", range(1, len(LAST_LINE) - 1))
def test_a_torn_tail_is_no_message_and_the_next_one_is_whole(
    opened: Callable[[bytes], TranscriptStore], directory: Path, size: int
) -> None:
    with opened(HEADER + FIRST_LINE + LAST_LINE[:size]) as store:
        transcript = store.get_or_create("a")
        assert transcript.get_messages() == [FIRST]
        assert [info.message_count for info in store.list()] == [1]
        assert [damage.kind for damage in store.inspect("a").damage] == [DamageKind.TORN_TAIL]
        transcript.append(LAST)
        assert transcript.get_messages() == [FIRST, LAST]
        assert [info.message_count for info in store.list()] == [2]
        assert not store.inspect("a").damage
    assert kept_aside(directory) == [LAST_LINE[:size]]


def test_a_last_message_without_its_newline_counts_and_stays(
    opened: Callable[[bytes], TranscriptStore], directory: Path
) -> None:
    with opened(HEADER + LAST_LINE[:-1]) as store:
        assert [info.message_count for info in store.list()] == [1]
        store.get_or_create("a").append(FIRST)
        assert store.get_or_create("a").get_messages() == [LAST, FIRST]
        assert [info.message_count for info in store.list()] == [2]
    assert kept_aside(directory) == []


def test_of_a_creation_that_was_cut_off_the_bytes_are_told(
    opened: Callable[[bytes], TranscriptStore],
) -> None:
    state = opened(HEADER[:20]).inspect("a")
    assert not state.exists
    assert [damage.kind for damage in state.damage] == [DamageKind.TORN_TAIL]


def test_of_what_is_whole_no_line_is_read_twice(
    opened: Callable[[bytes], TranscriptStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(HEADER + FIRST_LINE + b"\n\r\n" + LAST_LINE)
    monkeypatch.setattr(Contents, "_damage", lambda self: pytest.fail("what is wrong is sought"))
    assert store.get("a").get_messages() == [FIRST, LAST]
    assert store.inspect("a").damage == ()


@pytest.mark.parametrize("bad", [b"garbage", b"\0" * 300, b'{"role":"user"', b"\xff\xfe", b"17"])
def test_a_damaged_line_hides_no_other(
    opened: Callable[[bytes], TranscriptStore],
    directory: Path,
    caplog: pytest.LogCaptureFixture,
    bad: bytes,
) -> None:
    data = HEADER + FIRST_LINE + bad + b"\n" + LAST_LINE
    with opened(data) as store:
        transcript = store.get_or_create("a")
        assert transcript.get_messages() == [FIRST, LAST]
        assert "a.jsonl, line 3: not a message" in caplog.text
        (damage,) = store.inspect("a").damage
        assert (damage.kind, damage.line) == (DamageKind.LINE, 3)
        assert store.list() == store.list() == [TranscriptInfo("a", "first", CREATED, 2)]
        transcript.append(FIRST)
        assert transcript.get_messages() == [FIRST, LAST, FIRST]
        assert [info.message_count for info in store.list()] == [3]
    assert (directory / "a.jsonl").read_bytes() == data + encode_line(FIRST)


def test_lone_surrogates_of_other_programs_are_read_and_listed(
    opened: Callable[[bytes], TranscriptStore],
) -> None:
    with opened(HEADER + b'{"role":"user","content":"\\ud800"}\n' + LAST_LINE) as store:
        assert store.list() == store.list() == [TranscriptInfo("a", "\ud800", CREATED, 2)]
        assert store.get_or_create("a").title() == "\ud800"


def test_a_transcript_is_still_held_when_its_header_is_damaged(
    opened: Callable[[bytes], TranscriptStore], directory: Path
) -> None:
    with opened(HEADER + FIRST_LINE) as store:
        transcript = store.get_or_create("a")
        data = (directory / "a.jsonl").read_bytes()
        (directory / "a.jsonl").write_bytes(b"\0" * 20 + data[20:])
        transcript.append(LAST)
        assert transcript.get_messages() == [FIRST, LAST]


def test_a_file_that_may_not_be_read_hides_no_other(
    opened: Callable[[bytes], TranscriptStore],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    real = os.open

    def refusing(path: str, *arguments: int) -> int:
        if str(path).endswith("b.jsonl"):
            raise PermissionError(13, "Permission denied", path)
        return real(path, *arguments)

    with opened(HEADER + FIRST_LINE) as store:
        store.get_or_create("b")
        monkeypatch.setattr(os, "open", refusing)
        assert [info.id for info in store.list()] == ["a"]
    assert "b.jsonl" in caplog.text
