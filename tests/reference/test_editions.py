"""Directories move between editions: what a published store wrote is read, and the other way round.

The JSONL store's directories are in `test_golden.py`.
"""

import shutil
from pathlib import Path

from tornwrite.reference import (
    ArchivingStore,
    JSONLStore,
    SessionManager,
    TranscriptStore,
    open_session_store,
    published,
)

ONE = {"role": "user", "content": "one <&> \u2028 \U0001f680"}
TWO = {"role": "assistant", "content": "", "tool_calls": [{"id": "c", "type": "function"}]}
THREE = {"role": "user", "content": "three"}
GOLDEN = Path(__file__).parents[1] / "golden" / "picoclaw"


def test_an_archive_moves_to_this_edition_and_back(tmp_path: Path) -> None:
    theirs = published.ArchivingStore(tmp_path)
    for name in ("kept", "put aside", ".hidden", "%41"):
        theirs.save(name, ONE)
        theirs.save(name, TWO)
    theirs.archive("put aside")
    with ArchivingStore(tmp_path) as ours:
        assert ours.list() == ["%41", ".hidden", "kept"]
        assert [ours.load(name) for name in ours.list()] == [[ONE, TWO]] * 3
        assert ours.load("put aside") == [ONE, TWO]
        ours.save("kept", THREE)
        ours.archive("kept")
        ours.save("new", ONE)
        ours.delete("%41")
    assert sorted(theirs.list()) == [".hidden", "new"]
    assert theirs.load("kept") == [ONE, TWO, THREE]
    assert theirs.load("put aside") == [ONE, TWO]
    assert not theirs.exists("%41")


def test_what_the_published_store_hid_is_shown_again(tmp_path: Path) -> None:
    theirs = published.ArchivingStore(tmp_path)
    theirs.save("a", ONE)
    theirs.archive("a")
    theirs.save("a", TWO)
    assert theirs.load("a") == [TWO]
    with ArchivingStore(tmp_path) as ours:
        assert ours.load("a") == [ONE, TWO]
        ours.archive("a")
    assert theirs.load("a") == [ONE, TWO]


def test_transcripts_move_to_this_edition_and_back(tmp_path: Path) -> None:
    theirs = published.TranscriptStore(tmp_path)
    theirs.get_or_create("a").append(ONE)
    theirs.get_or_create("a").append(TWO)
    theirs.get_or_create("empty")
    with TranscriptStore(tmp_path) as ours:
        assert [(one.id, one.message_count) for one in ours.list()] == [("a", 2), ("empty", 0)]
        transcript = ours.get_or_create("a")
        assert transcript.get_messages() == [ONE, TWO]
        assert transcript.created_at
        transcript.append(THREE)
        ours.get_or_create("new").append(ONE)
        ours.delete("empty")
    again = published.TranscriptStore(tmp_path)
    assert again.get_or_create("a").get_messages() == [ONE, TWO, THREE]
    assert {one.id: one.message_count for one in again.list()} == {"a": 3, "new": 1}


def test_saved_sessions_move_to_this_edition_and_back(tmp_path: Path) -> None:
    theirs = published.SessionManager(tmp_path)
    theirs.add_full_message("chat:1", ONE)
    theirs.add_full_message("chat:1", TWO)
    theirs.set_summary("chat:1", "what was said")
    theirs.save("chat:1")
    ours = SessionManager(str(tmp_path))
    assert ours.get_history("chat:1") == [ONE, TWO]
    assert ours.get_summary("chat:1") == "what was said"
    ours.add_full_message("chat:1", THREE)
    ours.add_full_message("chat_1", ONE)
    ours.save("chat:1")
    ours.save("chat_1")
    ours.close()
    again = published.SessionManager(tmp_path)
    assert again.get_history("chat:1") == [ONE, TWO, THREE]
    assert again.get_summary("chat:1") == "what was said"
    assert again.get_history("chat_1") == [ONE]


def test_both_editions_of_the_manager_read_files_of_the_original_alike(tmp_path: Path) -> None:
    shutil.copytree(GOLDEN / "legacy", tmp_path, dirs_exist_ok=True)
    theirs, ours = published.SessionManager(tmp_path), SessionManager(str(tmp_path))
    keys = ("discord:99", "telegram:123456", "telegram:777")
    assert any(theirs.get_history(key) for key in keys)
    for key in keys:
        assert ours.get_history(key) == theirs.get_history(key)
        assert ours.get_summary(key) == theirs.get_summary(key)


def test_a_directory_of_both_formats_starts_and_is_read_by_the_published_store(
    tmp_path: Path,
) -> None:
    shutil.copytree(GOLDEN / "legacy", tmp_path, dirs_exist_ok=True)
    theirs = published.JSONLStore(tmp_path)
    theirs.add_full_message("chat:1", ONE)
    store = open_session_store(str(tmp_path))
    assert store.get_history("chat:1") == [ONE]
    store.add_full_message("chat:1", TWO)
    store.truncate_history("chat:1", 1)
    store.save("chat:1")
    legacy = store.get_history("telegram:123456")
    assert legacy
    assert store.failures.total == 0
    store.close()
    assert theirs.get_history("chat:1") == [TWO]
    assert theirs.get_history("telegram:123456") == legacy
    with JSONLStore(tmp_path) as ours:
        assert ours.get_history("chat:1") == [TWO]
