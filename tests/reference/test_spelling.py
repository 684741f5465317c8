"""A directory that takes two spellings of a file's name for one, as an SD card does.

No such file system can be mounted everywhere, so pyfakefs stands in for one.
"""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tornwrite.reference import JSONLStore
from tornwrite.reference.archive import ArchivingStore
from tornwrite.reference.durable.errors import KeyRefused
from tornwrite.reference.durable.spelling import folded, is_case_blind, other_spelling
from tornwrite.reference.manager import SessionManager
from tornwrite.reference.transcripts import TranscriptStore
from tornwrite.scenarios.disks.fake_disk import FakeDisk, fake_disk

MESSAGE = {"role": "user", "content": "hello"}
OTHER = {"role": "user", "content": "something else"}


@pytest.fixture
def blind() -> Iterator[FakeDisk]:
    with fake_disk(case_sensitive=False) as disk:
        disk.lay_down(())
        yield disk


def test_sessions_of_the_jsonl_store_stay_two_and_are_found_again(blind: FakeDisk) -> None:
    with JSONLStore(blind.root) as store:
        store.add_full_message("Chat", MESSAGE)
        store.add_full_message("chat", OTHER)
        store.set_summary("chat", "small")
    with JSONLStore(blind.root) as store:
        assert store.list_sessions() == ["Chat", "chat"]
        assert (store.get_history("Chat"), store.get_summary("Chat")) == ([MESSAGE], "")
        assert (store.get_history("chat"), store.get_summary("chat")) == ([OTHER], "small")
    assert "Chat.jsonl" in os.listdir(blind.root)


def test_data_without_metadata_is_not_given_to_another_spelling(blind: FakeDisk) -> None:
    with JSONLStore(blind.root) as store:
        store.add_full_message("Chat", MESSAGE)
        os.unlink(f"{blind.root}/Chat.meta.json")
        store.add_full_message("chat", OTHER)
        assert store.get_history("chat") == [OTHER]
        assert store.get_history("Chat") == [MESSAGE]


def test_sessions_of_the_manager_stay_two(blind: FakeDisk) -> None:
    with SessionManager(blind.root) as manager:
        for key, message in (("Chat", MESSAGE), ("chat", OTHER)):
            manager.add_full_message(key, message)
            manager.save(key)
    with SessionManager(blind.root) as manager:
        assert manager.get_history("Chat") == [MESSAGE]
        assert manager.get_history("chat") == [OTHER]


def test_the_archive_refuses_an_id_whose_files_are_those_of_another(blind: FakeDisk) -> None:
    with ArchivingStore(blind.root) as store:
        store.save("Chat", MESSAGE)
        store.archive("Chat")
        before = blind.image()
        for refused in (
            lambda: store.save("chat", OTHER),
            lambda: store.load("chat"),
            lambda: store.exists("chat"),
            lambda: store.archive("chat"),
            lambda: store.delete("chat"),
        ):
            with pytest.raises(KeyRefused, match=r"Chat\.jsonl\.archived in /store is another's"):
                refused()
        assert blind.image() == before
        store.delete("Chat")
        store.save("chat", OTHER)
        assert store.list() == ["chat"]


def test_the_transcripts_refuse_an_id_whose_file_is_that_of_another(blind: FakeDisk) -> None:
    with TranscriptStore(blind.root) as store:
        first = store.get_or_create("Chat")
        first.append(MESSAGE)
        before = blind.image()
        for refused in (store.get_or_create, store.get, store.delete, store.inspect):
            with pytest.raises(KeyRefused, match="does not tell"):
                refused("chat")
        assert blind.image() == before
        store.delete("Chat")
        second = store.get_or_create("chat")
        second.append(OTHER)
        with pytest.raises(KeyRefused):
            first.append(MESSAGE)
        assert [info.id for info in store.list()] == ["chat"]


def test_two_spellings_wait_for_the_same_lock(tmp_path: Path) -> None:
    with JSONLStore(tmp_path) as store:
        with store._sessions.writing("Chat"):
            other = threading.Thread(target=store.get_history, args=("cHAT",), daemon=True)
            other.start()
            other.join(0.2)
            assert other.is_alive()
        other.join(10)
        assert not other.is_alive()


def test_where_case_counts_both_spellings_have_the_plain_name(tmp_path: Path) -> None:
    with JSONLStore(tmp_path) as store, ArchivingStore(tmp_path / "archive") as archive:
        for key in ("Chat", "chat"):
            store.add_full_message(key, MESSAGE)
            archive.save(key, MESSAGE)
    assert {"Chat.jsonl", "chat.jsonl"} < set(os.listdir(tmp_path))
    assert {"Chat.jsonl", "chat.jsonl"} < set(os.listdir(tmp_path / "archive"))


def test_a_directory_is_asked_whether_it_tells_case(blind: FakeDisk) -> None:
    blind.lay_down((("Name", b""), (".lock", b"")))
    assert is_case_blind(blind.root, ".lock")
    assert is_case_blind(blind.root, "missing")
    assert other_spelling(blind.root, ["nAME"]) == "Name"
    assert other_spelling(blind.root, ["Name", "none"]) is None


def test_a_directory_that_tells_case_is_not_taken_for_one_that_does_not(tmp_path: Path) -> None:
    assert not is_case_blind(str(tmp_path), ".lock")
    for name in ("12", "name", "NAME"):
        (tmp_path / name).write_bytes(b"")
    assert not is_case_blind(str(tmp_path), "name")
    assert not is_case_blind(str(tmp_path), ".lock")
    assert other_spelling(str(tmp_path), ["name", "NAME", "Name"]) is None


@pytest.mark.parametrize(
    "spellings",
    [("Chat", "CHAT", "chat"), ("Straße", "STRASSE"), ("é", "e\N{COMBINING ACUTE ACCENT}", "É")],
)
def test_spellings_that_a_file_system_may_take_for_one_fold_to_one(
    spellings: tuple[str, ...],
) -> None:
    assert len({folded(one) for one in spellings}) == 1
