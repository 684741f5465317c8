"""The published transcript store's flaws are there. A test here that fails means one was repaired.

That nothing is ever synced is seen in the calls: test_transcripts_store.
"""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tornwrite.reference.published import StoreError, Transcript, TranscriptStore
from tornwrite.reference.published.metadata import ZERO_TIME

Reopen = Callable[[], TranscriptStore]
At = Callable[..., AbstractContextManager[None]]


def contents(session: Transcript) -> list[Any]:
    return [message["content"] for message in session.get_messages()]


def say(session: Transcript, *said: str) -> None:
    for content in said:
        session.append({"role": "user", "content": content})


def test_a_message_that_could_not_be_written_is_shown_until_the_restart(
    transcripts: TranscriptStore, reopen_transcripts: Reopen, refused: At
) -> None:
    session = transcripts.get_or_create("a")
    with refused("open", "a.jsonl"):
        say(session, "refused")
    assert contents(session) == ["refused"]
    assert contents(reopen_transcripts().get_or_create("a")) == []


def test_a_message_over_the_line_limit_hides_itself_and_all_that_follow(
    transcripts: TranscriptStore, reopen_transcripts: Reopen
) -> None:
    session = transcripts.get_or_create("a")
    say(session, "0", "x" * 64 * 1024, "2", "3")
    assert len(contents(session)) == 4
    again = reopen_transcripts()
    assert contents(again.get_or_create("a")) == ["0"]
    say(again.get_or_create("a"), "acknowledged and hidden")
    assert contents(reopen_transcripts().get_or_create("a")) == ["0"]
    assert [info.message_count for info in reopen_transcripts().list()] == [1]


def test_a_read_that_fails_looks_like_the_end_of_the_transcript(
    transcripts: TranscriptStore, reopen_transcripts: Reopen, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = transcripts.get_or_create("a")
    say(session, "0", "1" * 40_000, "2" * 40_000)
    real_read, reads = os.read, iter(range(9))

    def fail(descriptor: int, count: int) -> bytes:
        if next(reads) == 1:
            raise OSError(5, "Input/output error")
        return real_read(descriptor, count)

    monkeypatch.setattr(os, "read", fail)
    assert [len(said) for said in contents(reopen_transcripts().get_or_create("a"))] == [1, 40_000]


def test_a_torn_tail_swallows_the_next_message(
    transcripts: TranscriptStore, directory: Path, reopen_transcripts: Reopen
) -> None:
    say(transcripts.get_or_create("a"), "0")
    with (directory / "a.jsonl").open("ab") as file:
        file.write(b'{"role":"user","con')
    say(reopen_transcripts().get_or_create("a"), "acknowledged and lost", "2")
    assert contents(reopen_transcripts().get_or_create("a")) == ["0", "2"]


def test_damaged_lines_are_left_out_without_a_word(
    transcripts: TranscriptStore, directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (directory / "a.jsonl").write_bytes(b'{}\ngarbage\n{"content":"1"}\n\0\0\0\n')
    assert contents(transcripts.get_or_create("a")) == ["1"]
    assert caplog.records == []


@pytest.mark.parametrize("torn", [b"", b'{"type":"sess', b"\0" * 16])
def test_a_creation_that_was_cut_can_neither_be_opened_nor_seen_nor_deleted(
    transcripts: TranscriptStore, directory: Path, torn: bytes
) -> None:
    (directory / "a.jsonl").write_bytes(torn)
    with pytest.raises(StoreError, match="session"):
        transcripts.get_or_create("a")
    assert transcripts.list() == []
    transcripts.delete("a")
    assert (directory / "a.jsonl").read_bytes() == torn


def test_a_creation_that_failed_is_an_empty_file_from_then_on(
    transcripts: TranscriptStore, refused: At
) -> None:
    with refused("write", "a.jsonl"):
        transcripts.get_or_create("a")
    with pytest.raises(StoreError, match="empty session file"):
        transcripts.get_or_create("a")


def test_two_processes_that_create_an_id_truncate_each_others_messages(
    transcripts: TranscriptStore, reopen_transcripts: Reopen, at: At
) -> None:
    other = reopen_transcripts()
    with at("open", "a.jsonl", lambda: say(other.get_or_create("a"), "acknowledged and lost")):
        transcripts.get_or_create("a")
    assert contents(reopen_transcripts().get_or_create("a")) == []


def test_what_another_process_writes_is_never_seen_once_the_transcript_was_opened(
    transcripts: TranscriptStore, reopen_transcripts: Reopen
) -> None:
    session = transcripts.get_or_create("a")
    say(reopen_transcripts().get_or_create("a"), "1")
    assert contents(transcripts.get_or_create("a")) == contents(session) == []
    assert [info.message_count for info in transcripts.list()] == [0]


def test_a_transcript_that_another_process_deleted_is_there_but_cannot_be_used_or_deleted(
    transcripts: TranscriptStore, reopen_transcripts: Reopen
) -> None:
    say(transcripts.get_or_create("a"), "0")
    other = reopen_transcripts()
    other.get_or_create("a")
    other.delete("a")
    assert contents(transcripts.get_or_create("a")) == ["0"]
    with pytest.raises(FileNotFoundError):
        say(transcripts.get_or_create("a"), "1")
    with pytest.raises(FileNotFoundError):
        transcripts.delete("a")
    assert contents(transcripts.get_or_create("a")) == ["0", "1"]


def test_a_listed_transcript_that_was_not_opened_is_not_deleted(
    transcripts: TranscriptStore, reopen_transcripts: Reopen
) -> None:
    say(transcripts.get_or_create("a"), "0")
    again = reopen_transcripts()
    assert [info.id for info in again.list()] == ["a"]
    again.delete("a")
    assert contents(reopen_transcripts().get_or_create("a")) == ["0"]


def test_a_handle_from_before_a_delete_writes_into_the_transcript_that_came_after(
    transcripts: TranscriptStore, reopen_transcripts: Reopen
) -> None:
    old = transcripts.get_or_create("a")
    say(old, "old")
    transcripts.delete("a")
    new = transcripts.get_or_create("a")
    say(old, "after the delete")
    assert contents(old) == ["old", "after the delete"]
    assert contents(new) == []
    assert contents(reopen_transcripts().get_or_create("a")) == ["after the delete"]


def test_a_transcript_whose_header_is_lost_takes_its_first_message_for_one(
    transcripts: TranscriptStore, directory: Path
) -> None:
    (directory / "a.jsonl").write_bytes(b'{"role":"user","content":"0"}\n{"content":"1"}\n')
    session = transcripts.get_or_create("a")
    assert contents(session) == ["1"]
    assert (session.id, session.created_at) == ("", ZERO_TIME)


def test_the_list_goes_by_the_name_of_the_file_and_the_transcript_by_its_header(
    transcripts: TranscriptStore, directory: Path
) -> None:
    transcripts.get_or_create("a")
    (directory / "a.jsonl").rename(directory / "b.jsonl")
    transcripts = TranscriptStore(directory)
    assert [info.id for info in transcripts.list()] == ["b"]
    assert transcripts.get_or_create("b").id == "a"


def test_a_damaged_header_hides_all_messages(transcripts: TranscriptStore, directory: Path) -> None:
    (directory / "a.jsonl").write_bytes(b'\n{"role":"user","content":"0"}\n')
    assert transcripts.list() == []
    with pytest.raises(StoreError, match="bad session header"):
        transcripts.get_or_create("a")


def test_every_transcript_opened_stays_in_memory(transcripts: TranscriptStore) -> None:
    for number in range(100):
        say(transcripts.get_or_create(str(number)), "0")
    assert len(transcripts._cache) == 100


def test_a_title_is_cut_within_a_character(transcripts: TranscriptStore) -> None:
    session = transcripts.get_or_create("a")
    say(session, "ab" + "中" * 59)
    assert session.title() == "ab" + "中" * 19 + "\ufffd..."  # 59 bytes, and one byte of three
    wide = transcripts.get_or_create("b")
    say(wide, "中" * 60)
    assert wide.title() == "中" * 60


def test_an_id_leads_out_of_the_directory(transcripts: TranscriptStore, directory: Path) -> None:
    transcripts.get_or_create("../b")
    assert (directory.parent / "b.jsonl").exists()
    assert transcripts.list() == []


def test_two_ids_share_a_transcript(
    transcripts: TranscriptStore, reopen_transcripts: Reopen
) -> None:
    say(transcripts.get_or_create("a"), "for a")
    say(transcripts.get_or_create("b/../a"), "for b/../a")
    again = reopen_transcripts().get_or_create("b/../a")
    assert again.id == "a"
    assert contents(again) == ["for a", "for b/../a"]
