"""Starting over damaged files: what can be read is shown once, and what cannot is told."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from support.starting import contents, hinder, legacy, shown, start, unhinder
from tornwrite.reference import JSONLStore
from tornwrite.reference.interface import JSONLBackend, SessionStore
from tornwrite.reference.manager import SessionManager, SessionUnreadable

KEY = "chat:1"
METADATA = "chat_1.meta.json"
DATA = "chat_1.jsonl"


@pytest.fixture
def session(directory: Path) -> Path:
    """A session of which one message is logically gone, beside another one."""
    with JSONLStore(directory) as store:
        store.set_history(KEY, [{"content": "gone"}, {"content": "1"}, {"content": "2"}])
        store.truncate_history(KEY, 2)
        store.set_summary(KEY, "s")
        store.add_message("other", "user", "0")
    return directory


def garbage(path: Path) -> None:
    path.write_bytes(b"\xe8" * len(path.read_bytes()))


def told(store: SessionStore) -> str:
    return "\n".join(str(one.error) for one in store.failures.recent if one.operation == "start")


def unreadable(patched: pytest.MonkeyPatch, name: str) -> None:
    real = os.open

    def failing(path: Any, *more: Any, **named: Any) -> int:
        if os.path.basename(os.fspath(path)) == name:
            raise OSError(errno.EIO, os.strerror(errno.EIO), path)
        return real(path, *more, **named)

    patched.setattr(os, "open", failing)


@pytest.mark.parametrize("key", [KEY, "k" * 240], ids=["a plain name", "a hashed name"])
def test_a_fallback_shows_a_session_whose_metadata_is_damaged_by_its_key(
    directory: Path, key: str
) -> None:
    with JSONLStore(directory) as jsonl:
        jsonl.add_message(key, "user", "1")
    (metadata,) = directory.glob("*.meta.json")
    garbage(metadata)
    hinder(directory)
    store = start(directory)
    assert isinstance(store, SessionManager)
    assert contents(store, key) == ["1"]
    assert metadata.name in told(store)
    store.add_message(key, "user", "2")
    store.save(key)
    store.close()
    assert shown(directory, key) == [(["1", "2"], "")]
    unhinder(directory)
    assert shown(directory, key) == [(["1", "2"], "")]


def test_a_session_of_no_known_key_belongs_to_the_first_that_is_written_to(session: Path) -> None:
    garbage(session / METADATA)
    hinder(session)
    store = start(session)
    assert contents(store, "chat/1") == contents(store, KEY) == ["gone", "1", "2"]
    store.set_history(KEY, [{"content": "new"}])
    assert (contents(store, KEY), contents(store, "chat/1")) == (["new"], [])
    store.save("chat/1")
    store.save(KEY)
    store.close()
    unhinder(session)
    assert shown(session, KEY) == [(["new"], "")]


def test_a_legacy_file_and_a_session_of_no_known_key_are_one(session: Path) -> None:
    garbage(session / METADATA)
    hinder(session)
    store = start(session)
    legacy(session, KEY, "0")
    store.close()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("tornwrite.reference.interface.start.migrate_legacy", failing)
        assert shown(session, KEY) == [(["0", "gone", "1", "2"], "")]
    unhinder(session)
    assert shown(session, KEY) == [(["0", "gone", "1", "2"], "")]


def failing(*_: Any) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.parametrize("name", [METADATA, DATA])
@pytest.mark.parametrize("hindered", [False, True], ids=["", "hindered"])
def test_one_file_that_cannot_be_read_keeps_nobody_from_starting(
    session: Path, name: str, hindered: bool
) -> None:
    before = shown(session, KEY, "other")
    if hindered:
        hinder(session)
    with pytest.MonkeyPatch.context() as patched:
        unreadable(patched, name)
        store = start(session)
        assert isinstance(store, SessionManager if hindered else JSONLBackend)
        assert contents(store, "other") == ["0"]
        assert contents(store, KEY) == []
        assert name in str(store.failures.of(KEY)[0].error)
        store.add_message(KEY, "user", "new")
        with pytest.raises((SessionUnreadable, OSError), match="Input/output error"):
            store.save(KEY)
        if isinstance(store, SessionManager):
            assert name in told(store)
            assert name in [one.file for one in store.damage]
        store.close()
    unhinder(session)
    assert shown(session, KEY, "other") == before


def test_a_directory_in_the_place_of_metadata_is_told(session: Path) -> None:
    with JSONLStore(session) as store:
        store.set_summary("chat:2", "of no message")
    (session / "chat_2.meta.json").unlink()
    (session / "chat_2.meta.json").mkdir()
    store = start(session)
    assert isinstance(store, JSONLBackend)
    assert "chat_2.meta.json: a directory" in told(store)
    assert contents(store, "other") == ["0"]
    store.close()


def test_what_is_wrong_with_a_session_that_a_file_is_imported_into_is_told(session: Path) -> None:
    data = (session / DATA).read_bytes()
    (session / DATA).write_bytes(bytes(len(data) - 5) + data[-5:])
    legacy(session, KEY, "0")
    store = start(session)
    assert isinstance(store, JSONLBackend)
    assert contents(store, KEY) == ["0"]
    assert DATA in told(store)
    store.close()


@pytest.mark.parametrize("hindered", [False, True], ids=["migrated", "shown by a fallback"])
def test_what_a_file_holds_is_found_where_the_metadata_that_said_what_is_gone_is_lost(
    session: Path, hindered: bool
) -> None:
    hinder(session)
    store = start(session)
    store.add_message(KEY, "user", "3")
    store.save(KEY)
    store.close()
    garbage(session / METADATA)
    if not hindered:
        unhinder(session)
    with pytest.MonkeyPatch.context() as patched:
        if hindered:
            patched.setattr("tornwrite.reference.interface.start.migrate_legacy", failing)
        assert shown(session, KEY) == [(["gone", "1", "2", "3"], "s")]
    assert shown(session, KEY) == [(["gone", "1", "2", "3"], "s")]
