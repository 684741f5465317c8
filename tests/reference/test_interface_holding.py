"""What a manager saves while it stands in is migrated later: no message lost, none twice."""

import errno
import hashlib
import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.starting import contents, full, hinder, legacy, shown, start, unhinder
from tornwrite.faults.scratch import Workspace
from tornwrite.reference import JSONLStore
from tornwrite.reference.interface import JSONLBackend, SessionStore
from tornwrite.reference.manager import ChangedElsewhere, SessionManager


def test_what_stands_in_shows_what_either_holds_as_one(directory: Path) -> None:
    with JSONLStore(directory) as jsonl:
        for key in ("both", "jsonl"):
            jsonl.set_history(key, [{"content": "gone"}, {"content": "2"}])
            jsonl.truncate_history(key, 1)
            jsonl.set_summary(key, f"of {key}")
    hinder(directory)
    store = start(directory)
    # Saved by one that stood in before; now a file of the original program.
    legacy(directory, "both", "1")
    legacy(directory, "file", "1", summary="of file")
    store.close()
    with pytest.MonkeyPatch.context() as patched:
        full(patched)
        store = start(directory)
    assert isinstance(store, SessionManager)
    assert (contents(store, "both"), store.get_summary("both")) == (["1", "2"], "of both")
    assert (contents(store, "jsonl"), store.get_summary("jsonl")) == (["2"], "of jsonl")
    assert (contents(store, "file"), store.get_summary("file")) == (["1"], "of file")
    for key in ("both", "jsonl", "file"):
        store.add_message(key, "user", "3")
        store.save(key)
    store.close()
    unhinder(directory)
    assert shown(directory, "both", "jsonl", "file") == [
        (["1", "2", "3"], "of both"),
        (["2", "3"], "of jsonl"),
        (["1", "3"], "of file"),
    ]


def test_a_file_says_what_it_holds_of_the_jsonl_session(directory: Path) -> None:
    with JSONLStore(directory) as jsonl:
        jsonl.set_history("k", [{"content": "1"}, {"content": "2"}])
        jsonl.set_summary("k", "s")
    hinder(directory)
    store = start(directory)
    store.truncate_history("k", 0)
    store.save("k")
    lines = b'{"content":"1"}\n{"content":"2"}\n'
    assert json.loads((directory / "k.json").read_text())["holds"] == {
        "messages": 2,
        "sha256": hashlib.sha256(lines).hexdigest(),
        "summary": "s",
    }
    store.close()
    unhinder(directory)
    assert shown(directory, "k") == [([], "s")]


def test_a_summary_may_be_cleared_while_a_manager_stands_in(directory: Path) -> None:
    with JSONLStore(directory) as jsonl:
        jsonl.add_message("k", "user", "0")
        jsonl.set_summary("k", "old")
    hinder(directory)
    store = start(directory)
    store.set_summary("k", "")
    store.save("k")
    store.close()
    unhinder(directory)
    assert shown(directory, "k") == [(["0"], "")]


def test_what_another_process_appends_meanwhile_comes_after_it(directory: Path) -> None:
    with JSONLStore(directory) as jsonl:
        jsonl.add_message("k", "user", "0")
        hinder(directory)
        store = start(directory)
        store.add_message("k", "user", "1")
        store.truncate_history("k", 1)
        store.set_summary("k", "of the first")
        store.save("k")
        jsonl.add_message("k", "user", "2")
    store.close()
    unhinder(directory)
    assert shown(directory, "k") == [(["1", "2"], "of the first")]


def test_if_another_process_rewrites_the_session_meanwhile_nothing_is_lost(
    directory: Path,
) -> None:
    with JSONLStore(directory) as jsonl:
        jsonl.set_history("k", [{"content": "0"}, {"content": "1"}])
        hinder(directory)
        store = start(directory)
        store.add_message("k", "user", "2")
        store.save("k")
        jsonl.set_history("k", [{"content": "3"}])
        jsonl.set_summary("k", "theirs")
    store.close()
    unhinder(directory)
    ((found, summary),) = shown(directory, "k")
    assert found == ["0", "1", "2", "3"]
    assert summary == "theirs"


def test_a_process_that_was_overtaken_by_a_migration_saves_nothing(directory: Path) -> None:
    hinder(directory)
    legacy(directory, "a", "0")
    store = start(directory)
    store.add_message("a", "user", "1")
    store.save("a")
    unhinder(directory)
    assert shown(directory, "a") == [(["0", "1"], "")]
    store.add_message("a", "user", "2")
    with pytest.raises(ChangedElsewhere):
        store.save("a")
    store.close()
    assert shown(directory, "a") == [(["0", "1"], "")]


def test_a_file_that_is_written_again_byte_for_byte_is_not_taken_for_the_one_before(
    directory: Path,
) -> None:
    for _ in range(3):
        with JSONLStore(directory) as jsonl:
            jsonl.set_history("k", [{"content": "0"}])
        hinder(directory)
        store = start(directory)
        store.truncate_history("k", 0)
        store.save("k")
        store.close()
        unhinder(directory)
        assert shown(directory, "k") == [([], "")]


def test_the_empty_key_is_migrated_as_what_it_is(directory: Path) -> None:
    hinder(directory)
    store = start(directory)
    store.add_message("", "user", "0")
    store.save("")
    store.close()
    unhinder(directory)
    assert shown(directory, "") == [(["0"], "")]


def two_files(directory: Path, *, updated: str = "") -> Path:
    """The plain file could not be read for a time, and the session was saved under another name.

    updated: when the plain one was, if it says so.
    """
    plain = legacy(directory, "a:b", "old")
    raw = plain.read_bytes().replace(b'"key"', b'"updated": "%s", "key"' % updated.encode())
    plain.write_bytes(b"")
    with SessionManager(directory) as manager:
        manager.add_message("a:b", "user", "new")
        manager.save("a:b")
    plain.write_bytes(raw)
    return plain


def test_of_two_files_of_a_key_both_are_migrated_once(directory: Path) -> None:
    two_files(directory)
    assert shown(directory, "a:b") == [(["old", "new"], "")]


@pytest.mark.parametrize(
    ("updated", "used", "left"), [("", "new", "old"), ("9999-01-01T00:00:00Z", "old", "new")]
)
def test_of_two_files_of_a_key_the_one_that_holds_messages_counts_first(
    directory: Path, updated: str, used: str, left: str
) -> None:
    with JSONLStore(directory) as jsonl:
        jsonl.set_history("a:b", [{"content": "jsonl"}])
    two_files(directory, updated=updated)
    with pytest.MonkeyPatch.context() as patched:
        full(patched)
        store = start(directory)
    assert contents(store, "a:b") == [used, "jsonl"]
    store.truncate_history("a:b", 1)
    store.save("a:b")
    store.close()
    assert shown(directory, "a:b") == [([left, "jsonl"], "")]


def refuse(source: str, target: str) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_of_two_files_of_a_key_one_that_was_imported_already_counts_for_nothing(
    directory: Path,
) -> None:
    plain = two_files(directory, updated="9999-01-01T00:00:00Z")
    raw = plain.read_bytes()
    (hashed,) = (name for name in os.listdir(directory) if "~" in name)
    pending = (directory / hashed).read_bytes()
    (directory / hashed).unlink()
    assert shown(directory, "a:b") == [(["old"], "")]
    plain.write_bytes(raw)
    (directory / hashed).write_bytes(pending)
    with pytest.MonkeyPatch.context() as patched:
        full(patched)
        patched.setattr(os, "rename", refuse)
        store = start(directory)
    assert contents(store, "a:b") == ["new", "old"]
    store.close()


def test_a_manager_that_does_not_stand_in_leaves_it_said_what_is_held(directory: Path) -> None:
    with JSONLStore(directory) as jsonl:
        jsonl.set_history("k", [{"content": "0"}, {"content": "1"}])
    hinder(directory)
    store = start(directory)
    store.truncate_history("k", 1)
    store.save("k")
    store.close()
    with SessionManager(directory) as manager:
        manager.add_message("k", "user", "2")
        manager.save("k")
    unhinder(directory)
    assert shown(directory, "k") == [(["1", "2"], "")]


# Any number of times


KEYS = ("a:b", "a_b", "k")


@st.composite
def lives(draw: st.DrawFn) -> tuple[bool, list[tuple[Any, ...]]]:
    """One life of a program: whether its start is hindered, and what it does."""
    key = st.sampled_from(KEYS)
    what = st.one_of(
        st.tuples(st.just("add"), key),
        st.tuples(st.just("truncate"), key, st.integers(0, 2)),
        st.tuples(st.just("replace"), key, st.integers(0, 3)),
        st.tuples(st.just("summary"), key, st.sampled_from(["", "one", "two"])),
        st.tuples(st.just("save"), key),
    )
    return draw(st.booleans()), draw(st.lists(what, max_size=8))


def live(store: SessionStore, step: tuple[Any, ...], numbers: Iterator[int]) -> None:
    match step:
        case ("add", key):
            store.add_message(key, "user", f"m{next(numbers)}")
        case ("truncate", key, keep_last):
            store.truncate_history(key, keep_last)
        case ("replace", key, count):
            store.set_history(key, [{"content": f"r{next(numbers)}"} for _ in range(count)])
        case ("summary", key, summary):
            store.set_summary(key, summary)
        case ("save", key):
            store.save(key)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(lives(), min_size=1, max_size=6))
def test_it_may_fall_back_and_migrate_any_number_of_times(
    told: list[tuple[bool, list[tuple[Any, ...]]]],
) -> None:
    with Workspace() as workspace:
        directory = Path(workspace.path)
        numbers, same_numbers = itertools.count(), itertools.count()
        saved: dict[str, tuple[list[Any], str]] = {key: ([], "") for key in KEYS}
        for hindered, done in told:
            (hinder if hindered else unhinder)(directory)
            store = start(directory)
            assert isinstance(store, SessionManager if hindered else JSONLBackend)
            memory = SessionManager(None)
            for key in KEYS:
                assert (contents(store, key), store.get_summary(key)) == saved[key]
                memory.set_history(key, [{"content": one} for one in saved[key][0]])
                memory.set_summary(key, saved[key][1])
            for step in done:
                live(store, step, numbers)
                live(memory, step, same_numbers)
                if not hindered or step[0] == "save":
                    key = step[1]
                    saved[key] = (contents(memory, key), memory.get_summary(key))
            assert store.failures.total == (1 if hindered else 0)
            store.close()
        for hindered in (True, False, True):
            (hinder if hindered else unhinder)(directory)
            assert shown(directory, *KEYS) == [saved[key] for key in KEYS]
