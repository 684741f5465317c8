"""A saved session with a damaged bit is not taken for what was saved, and nobody overwrites it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tornwrite.reference import (
    JSONLStore,
    SessionManager,
    migrate_legacy,
    open_session_store,
    published,
)

MESSAGES: list[dict[str, Any]] = [
    {"role": "user", "content": "ü <", "crc32": "01234567"},
    {"n": [1, 1.5, {}], "x": None},
]


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """The file of a session that was saved, beside that of another one."""
    with SessionManager(tmp_path) as manager:
        for key in ("a:b", "other"):
            for message in MESSAGES:
                manager.add_full_message(key, message)
            manager.set_summary(key, "so far")
            manager.save(key)
    return tmp_path / "a_b.json"


def test_a_flipped_bit_in_a_file_is_told_or_changes_nothing(saved: Path) -> None:
    raw = saved.read_bytes()
    for at in range(len(raw)):
        flipped = raw[:at] + bytes([raw[at] ^ (1 << at % 8)]) + raw[at + 1 :]
        saved.write_bytes(flipped)
        with SessionManager(saved.parent) as manager:
            if manager.damage:
                assert manager.get_history("a:b") == [], at
                manager.add_message("a:b", "user", "new")
                manager.save("a:b")
                assert saved.read_bytes() == flipped
                for other in saved.parent.glob("a_b~*.json"):
                    other.unlink()
            else:
                assert manager.get_history("a:b") == MESSAGES, at
                assert manager.get_summary("a:b") == "so far", at
            assert manager.get_history("other") == MESSAGES


def test_a_damaged_file_is_not_migrated_and_the_others_are(saved: Path) -> None:
    damaged = saved.read_bytes().replace(b"so far", b"so fat")
    saved.write_bytes(damaged)
    with JSONLStore(saved.parent) as store:
        report = migrate_legacy(store)
        assert report.migrated == ("other.json",)
        assert [name for name, _ in report.damaged] == ["a_b.json"]
        assert store.list_sessions() == ["other"]
        assert store.get_history("other") == MESSAGES
    assert saved.read_bytes() == damaged
    backend = open_session_store(saved.parent)
    assert backend.get_history("other") == MESSAGES
    assert ["a_b.json" in str(failure.error) for failure in backend.failures.recent] == [True]
    backend.close()


def test_a_file_that_another_program_wrote_in_another_way_is_the_same(saved: Path) -> None:
    found = json.loads(saved.read_bytes())
    saved.write_text(json.dumps(dict(sorted(found.items(), reverse=True))))
    with SessionManager(saved.parent) as manager:
        assert (manager.get_history("a:b"), manager.damage) == (MESSAGES, ())


def test_a_file_that_another_program_changed_is_not_checked(saved: Path) -> None:
    found = json.loads(saved.read_bytes())
    found |= {"summary": "theirs", "updated": "2040-01-01T00:00:00Z"}
    saved.write_text(json.dumps(found))
    with SessionManager(saved.parent) as manager:
        assert manager.get_summary("a:b") == "theirs"
    theirs = published.SessionManager(saved.parent)
    theirs.add_full_message("a:b", {"role": "user", "content": "more"})
    theirs.save("a:b")
    with SessionManager(saved.parent) as manager:
        assert len(manager.get_history("a:b")) == 3
        assert manager.damage == ()
