"""What the published transcript store does when nothing goes wrong, and by which calls."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tornwrite.reference.published import StoreError, TranscriptInfo, TranscriptStore

Reopen = Callable[[], TranscriptStore]
CREATED = "2025-11-13T02:13:20.000000000Z"


def user(content: str) -> dict[str, str]:
    return {"role": "user", "content": content}


def test_a_transcript_is_a_header_and_a_message_a_line(
    transcripts: TranscriptStore, directory: Path
) -> None:
    session = transcripts.get_or_create("a")
    session.append(user("<0>"))
    session.append({"role": "tool", "content": "é\n1", "tool_call_id": "c"})
    assert (directory / "a.jsonl").read_text() == (
        f'{{"type":"session","id":"a","created_at":"{CREATED}"}}\n'
        '{"role":"user","content":"\\u003c0\\u003e"}\n'
        '{"role":"tool","content":"é\\n1","tool_call_id":"c"}\n'
    )


def test_a_transcript_comes_back_from_its_file(
    transcripts: TranscriptStore, reopen_transcripts: Reopen
) -> None:
    session = transcripts.get_or_create("a")
    session.append(user("0"))
    transcripts.close()
    again = reopen_transcripts().get_or_create("a")
    assert (again.id, again.created_at) == (session.id, session.created_at) == ("a", CREATED)
    assert again.get_messages() == session.get_messages() == [user("0")]


def test_one_store_hands_out_one_object_for_an_id(transcripts: TranscriptStore) -> None:
    assert transcripts.get_or_create("a") is transcripts.get_or_create("a")


def test_messages_are_handed_out_in_a_list_of_the_callers_own(
    transcripts: TranscriptStore,
) -> None:
    session = transcripts.get_or_create("a")
    session.append(user("0"))
    session.get_messages().clear()
    assert session.get_messages() == [user("0")]


@pytest.mark.parametrize("opened", [True, False])
def test_the_list_tells_of_each_transcript_opened_or_not(
    transcripts: TranscriptStore, reopen_transcripts: Reopen, opened: bool
) -> None:
    transcripts.get_or_create("b").append(user("hello"))
    transcripts.get_or_create("a")
    store = transcripts if opened else reopen_transcripts()
    assert store.list() == [
        TranscriptInfo("a", "New Session...", CREATED.replace("0Z", "1Z"), 0),
        TranscriptInfo("b", "hello", CREATED, 1),
    ]


def test_the_title_is_what_a_user_said_first(transcripts: TranscriptStore) -> None:
    session = transcripts.get_or_create("a")
    for role, content in (("assistant", "no"), ("user", ""), ("user", "x" * 60), ("user", "no")):
        session.append({"role": role, "content": content})
    assert session.title() == "x" * 60


def test_a_long_title_is_cut(transcripts: TranscriptStore) -> None:
    session = transcripts.get_or_create("a")
    session.append(user("x" * 61))
    assert session.title() == "x" * 60 + "..."


def test_a_deleted_transcript_is_gone(transcripts: TranscriptStore, directory: Path) -> None:
    transcripts.get_or_create("a").append(user("0"))
    transcripts.delete("a")
    transcripts.delete("never there")
    assert os.listdir(directory) == []
    assert transcripts.list() == []
    assert transcripts.get_or_create("a").get_messages() == []


def test_blank_lines_and_directories_do_not_count(
    transcripts: TranscriptStore, directory: Path
) -> None:
    (directory / "d.jsonl").mkdir()
    (directory / "a.txt").touch()
    (directory / "a.jsonl").write_bytes(
        b'{"id":"a","created_at":"2025-01-02T03:04:05Z"}\r\n\n \xc2\xa0\n\xc2\xa0{"content":"0"}\v'
    )
    assert transcripts.list() == [TranscriptInfo("a", "New Session...", "2025-01-02T03:04:05Z", 1)]


def test_the_directory_is_made_and_a_file_in_its_place_refused(
    directory: Path, clock: Callable[[], int]
) -> None:
    TranscriptStore(directory / "deeper", clock=clock)
    assert (directory / "deeper").is_dir()
    (directory / "file").touch()
    with pytest.raises(StoreError, match="is a file, not a directory"):
        TranscriptStore(directory / "file", clock=clock)


def test_a_message_of_the_wrong_kind_is_refused_before_anything_changes(
    transcripts: TranscriptStore, directory: Path
) -> None:
    session = transcripts.get_or_create("a")
    before = (directory / "a.jsonl").read_bytes()
    with pytest.raises(StoreError):
        session.append({"role": "user", "content": 1})
    assert session.get_messages() == []
    assert (directory / "a.jsonl").read_bytes() == before


def test_no_operation_syncs_anything(
    transcripts: TranscriptStore, record_calls: Callable[[], list[str]]
) -> None:
    calls = record_calls()
    session = transcripts.get_or_create("a")
    assert calls == ["open a.jsonl WRONLY|CREAT|TRUNC", "write a.jsonl", "close a.jsonl"]
    calls.clear()
    session.append(user("0"))
    assert calls == ["open a.jsonl WRONLY|APPEND", "write a.jsonl", "close a.jsonl"]
    calls.clear()
    transcripts.list()
    assert calls == []
    transcripts.delete("a")
    assert calls == ["unlink a.jsonl"]


def test_listing_reads_each_transcript_that_was_not_opened(
    transcripts: TranscriptStore,
    reopen_transcripts: Reopen,
    record_calls: Callable[[], list[str]],
) -> None:
    transcripts.get_or_create("a")
    other = reopen_transcripts()
    calls = record_calls()
    other.list()
    other.list()
    assert calls == ["open a.jsonl RDONLY", "close a.jsonl"] * 2
