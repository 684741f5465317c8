"""What is in the files: kept to the letter where it was understood, left alone where it was not."""

import errno
import json
import logging
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornwrite.reference import DamageKind, MessageRefused, SummaryRefused
from tornwrite.reference.manager import SessionManager, SessionUnreadable
from tornwrite.reference.manager.whole_file import encode_session, indented

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES, st.integers(0, 3))
def test_indenting_is_what_json_does(value: Any, level: int) -> None:
    text = json.dumps(value, separators=(",", ":"))
    want = json.dumps(value, indent=2).replace("\n", "\n" + "  " * level)
    assert indented(text, level) == want


@given(VALUES)
def test_any_message_is_written_as_json_would_indent_it(value: Any) -> None:
    with SessionManager(None) as manager:
        manager.add_full_message("k", {"v": value})
        refused = manager.failures.total
        kept = manager._sessions.get("k")
    if not refused and kept is not None:
        assert json.loads(encode_session(kept))["messages"] == [{"v": value}]


def test_messages_keep_what_they_were_to_the_letter(directory: Path) -> None:
    directory.mkdir()
    message = (
        '{"n": 123456789012345678901234567890, "f": 1.10, "e": 1e400,\n'
        '      "s": "\\ud800 \\u003c \\" {[,:]} ", "l": [ ], "o": { }, "d": 1, "d": 2}'
    )
    (directory / "k.json").write_text(
        f'{{"key": "k", "messages": [{message}], "summary": "\\ud800", "own": [1.10, {{}}]}}'
    )
    with SessionManager(directory) as manager:
        manager.add_message("k", "user", "new")
        manager.save("k")
    written = (directory / "k.json").read_text()
    want = (
        "    {\n"
        '      "n": 123456789012345678901234567890,\n'
        '      "f": 1.10,\n'
        '      "e": 1e400,\n'
        '      "s": "\\ud800 \\u003c \\" {[,:]} ",\n'
        '      "l": [],\n'
        '      "o": {},\n'
        '      "d": 1,\n'
        '      "d": 2\n'
        "    },\n"
    )
    assert want in written
    assert '"summary": "\\ud800"' in written
    assert '"own": [\n    1.10,\n    {}\n  ]' in written
    with SessionManager(directory) as manager:
        assert len(manager.get_history("k")) == 2


def test_files_of_the_original_are_read_and_written_as_they_were(golden: Path) -> None:
    directory = golden / "legacy"
    names = sorted(name for name in os.listdir(directory) if name.endswith(".json"))
    assert names
    before = {name: (directory / name).read_text() for name in names}
    with SessionManager(directory) as manager:
        assert manager.damage == ()
        for raw in before.values():
            found = json.loads(raw)
            assert manager.get_history(found["key"]) == found["messages"]
            assert manager.get_summary(found["key"]) == found.get("summary", "")
            manager.save(found["key"])
    for name, raw in before.items():
        written = (directory / name).read_text()
        messages = raw[raw.index('"messages"') : raw.rindex("]")]
        assert messages in written
        assert json.loads(written).keys() - {"data_check"} == json.loads(raw).keys()


BAD = {
    "empty": b"",
    "torn": b'{"key": "a:b", "messages": [{"role": "us',
    "zeros": bytes(40),
    "list": b"[]",
    "no messages": b'{"key": "a:b"}',
    "a message that is none": b'{"key": "a:b", "messages": [1]}',
    "not UTF-8": b'{"key": "a:b", "messages": [], "summary": "\xff"}',
    "a key without UTF-8 form": b'{"key": "\\ud800", "messages": []}',
}


@pytest.mark.parametrize("raw", BAD.values(), ids=BAD)
def test_a_file_that_is_not_understood_is_reported_and_never_overwritten(
    directory: Path, raw: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    directory.mkdir()
    (directory / "a_b.json").write_bytes(raw)
    with caplog.at_level(logging.WARNING), SessionManager(directory) as manager:
        (damage,) = manager.damage
        assert (damage.kind, damage.file, damage.line) == (DamageKind.FILE, "a_b.json", None)
        assert str(damage) in caplog.messages
        manager.add_message("a:b", "user", "new")
        manager.save("a:b")
        manager.save("a:b")
    assert (directory / "a_b.json").read_bytes() == raw
    with SessionManager(directory) as manager:
        assert manager.get_history("a:b") == [{"role": "user", "content": "new"}]


def unreadable(patched: pytest.MonkeyPatch, name: str) -> None:
    """From now on, nobody may read the files of that name."""
    real = os.open

    def refusing(path: Any, flags: int, *more: Any, **named: Any) -> int:
        if os.path.basename(os.fspath(path)) == name:
            raise PermissionError(13, "Permission denied", path)
        return real(path, flags, *more, **named)

    patched.setattr(os, "open", refusing)


def saved_sessions(directory: Path, *keys: str) -> None:
    with SessionManager(directory) as manager:
        for key in keys:
            manager.add_message(key, "user", f"of {key}")
            manager.save(key)


@pytest.mark.parametrize("copied", [False, True], ids=["alone", "with an older copy"])
def test_a_session_whose_file_cannot_be_read_is_refused_and_nothing_takes_its_place(
    directory: Path, monkeypatch: pytest.MonkeyPatch, copied: bool
) -> None:
    saved_sessions(directory, "a:b")
    if copied:
        shutil.copy(directory / "a_b.json", directory / "copy.json")
        with SessionManager(directory) as manager:
            manager.add_message("a:b", "user", "newer")
            manager.save("a:b")
    with SessionManager(directory) as manager:
        before = manager.get_history("a:b")
    files = sorted(os.listdir(directory))
    raw = (directory / "a_b.json").read_bytes()
    with monkeypatch.context() as patched:
        unreadable(patched, "a_b.json")
        with SessionManager(directory) as manager:
            assert [damage.file for damage in manager.damage] == ["a_b.json"]
            assert "Permission denied" in manager.damage[0].detail
            assert manager.get_history("a:b") == []
            manager.add_message("a:b", "user", "new")
            manager.set_history("a:b", [])
            manager.truncate_history("a:b", 0)
            manager.set_summary("a:b", "new")
            assert manager.get_summary("a:b") == ""
            assert len(manager.failures.of("a:b")) == 6
            for refused in (manager.save, manager.get_or_create):
                with pytest.raises(SessionUnreadable, match=r"a_b\.json.*Permission denied"):
                    refused("a:b")
            # It may be this key's as well.
            with pytest.raises(SessionUnreadable):
                manager.save("a_b")
            manager.add_message("other", "user", "0")
            manager.save("other")
    assert (directory / "a_b.json").read_bytes() == raw
    assert sorted(os.listdir(directory)) == sorted([*files, "other.json"])
    with SessionManager(directory) as manager:
        assert manager.get_history("a:b") == before
        assert len(manager.get_history("other")) == 1


def test_a_session_with_a_name_of_its_own_does_not_suffer_from_an_unreadable_one(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved_sessions(directory, "a:b", "a_b")
    with monkeypatch.context() as patched:
        unreadable(patched, "a_b.json")
        with SessionManager(directory) as manager:
            manager.add_message("a_b", "user", "new")
            manager.save("a_b")
            assert manager.get_history("a:b") == []
    with SessionManager(directory) as manager:
        assert len(manager.get_history("a_b")) == 2
        assert len(manager.get_history("a:b")) == 1


def test_what_is_saved_to_one_of_two_copies_is_shown_whatever_the_clock_says(
    directory: Path,
) -> None:
    directory.mkdir()
    session = {"key": "a.meta", "messages": [], "updated": "2030-01-01T00:00:00Z"}
    for name in ("a.meta.json", "a-copy.meta.json"):
        (directory / name).write_text(json.dumps(session))
    for number in range(3):
        with SessionManager(directory, clock=lambda: 1) as manager:
            assert len(manager.get_history("a.meta")) == number
            manager.add_message("a.meta", "user", "new")
            manager.save("a.meta")


def test_files_of_other_kinds_are_passed_by_and_a_directory_is_told(directory: Path) -> None:
    (directory / "d.json").mkdir(parents=True)
    for name in ("session-1.tmp", "k.json.migrated", "k.jsonl", "notes.txt", ".json.swp"):
        (directory / name).write_text("x")
    with SessionManager(directory) as manager:
        assert [damage.file for damage in manager.damage] == ["d.json"]
        manager.add_message("d", "user", "0")
        manager.save("d")
    with SessionManager(directory) as manager:
        assert len(manager.get_history("d")) == 1


def test_what_cannot_be_stored_is_refused_and_nothing_changes() -> None:
    with SessionManager(None) as manager:
        manager.add_message("k", "user", "0")
        manager.add_full_message("k", {"x": float("nan")})
        manager.add_full_message("k", {"x": (1,)})
        manager.set_history("k", [{"fine": 1}, {"x": object()}])
        manager.set_summary("k", "\ud800")
        manager.set_summary("k", 5)  # type: ignore[arg-type] # no text
        kinds = [type(failure.error) for failure in manager.failures.of("k")]
        assert kinds == [MessageRefused] * 3 + [SummaryRefused] * 2
        assert manager.get_history("k") == [{"role": "user", "content": "0"}]
        assert manager.get_summary("k") == ""


def test_a_directory_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError):
        SessionManager(tmp_path / "file" / "sessions")


def test_a_directory_to_read_only_can_be_read(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SessionManager(directory) as manager:
        manager.add_message("k", "user", "0")
        manager.save("k")
    real = os.open

    def read_only(path: Any, flags: int, *more: Any, **named: Any) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)
        return real(path, flags, *more, **named)

    monkeypatch.setattr(os, "open", read_only)
    with SessionManager(directory) as manager:
        assert len(manager.get_history("k")) == 1
        with pytest.raises(PermissionError):
            manager.save("k")
