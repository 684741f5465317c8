"""What every session store behind the interface does alike, whichever a program was given."""

import itertools
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tornwrite.reference import JSONLStore, KeyRefused, MessageRefused, StoreClosed, SummaryRefused
from tornwrite.reference.interface import JSONLBackend, SessionStore, open_session_store
from tornwrite.reference.manager import SessionManager

HINDRANCE = '{"key": "\\ud800", "messages": []}'
"""A legacy file that cannot be migrated: its key has no UTF-8 form."""


def open_manager(directory: Path) -> SessionStore:
    return SessionManager(directory, clock=itertools.count(1).__next__)


def open_memory(directory: Path) -> SessionStore:
    return SessionManager(None)


def open_backend(directory: Path) -> SessionStore:
    return JSONLBackend(JSONLStore(directory))


def open_started(directory: Path) -> SessionStore:
    store = open_session_store(directory)
    assert isinstance(store, JSONLBackend)
    return store


def open_fallback(directory: Path) -> SessionStore:
    directory.mkdir(exist_ok=True)
    (directory / "hindrance.json").write_text(HINDRANCE)
    store = open_session_store(directory)
    assert isinstance(store, SessionManager)
    return store


DURABLE: dict[str, Callable[[Path], SessionStore]] = {
    "manager": open_manager,
    "backend": open_backend,
    "started": open_started,
    "fallback": open_fallback,
}


@pytest.fixture(params=[*DURABLE, "memory"])
def store(request: pytest.FixtureRequest, directory: Path) -> Iterator[SessionStore]:
    opened = {**DURABLE, "memory": open_memory}[request.param](directory)
    yield opened
    opened.close()


def noted(store: SessionStore, key: Any) -> list[tuple[str, type[Exception]]]:
    return [(failure.operation, type(failure.error)) for failure in store.failures.of(key)]


def test_messages_come_back_in_order_and_as_they_were(store: SessionStore) -> None:
    call = {"id": "1", "function": {"name": "f", "arguments": "{}"}}
    store.add_message("a:b", "user", "é\u2028")
    store.add_full_message("a:b", {"role": "assistant", "content": "", "tool_calls": [call]})
    assert store.get_history("a:b") == [
        {"role": "user", "content": "é\u2028"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
    ]
    assert noted(store, "a:b") == []


def test_a_session_that_does_not_exist_is_empty(store: SessionStore) -> None:
    store.truncate_history("k", 1)
    store.set_history("k", [])
    store.save("k")
    assert store.get_history("k") == []
    assert store.get_summary("k") == ""
    assert noted(store, "k") == []


def test_a_session_begins_with_whatever_is_first_written(store: SessionStore) -> None:
    store.set_summary("a", "first")
    store.set_history("b", [{"n": 1}])
    assert (store.get_history("a"), store.get_summary("a")) == ([], "first")
    assert (store.get_history("b"), store.get_summary("b")) == ([{"n": 1}], "")


@pytest.mark.parametrize(("keep_last", "left"), [(5, 3), (3, 3), (2, 2), (1, 1), (0, 0), (-1, 0)])
def test_truncation_keeps_the_last_messages(store: SessionStore, keep_last: int, left: int) -> None:
    store.set_history("k", [{"n": number} for number in range(3)])
    store.set_summary("k", "three")
    store.truncate_history("k", keep_last)
    assert store.get_history("k") == [{"n": number} for number in range(3)][3 - left :]
    store.save("k")
    store.add_full_message("k", {"n": "new"})
    assert len(store.get_history("k")) == left + 1
    assert store.get_summary("k") == "three"


def test_a_history_is_replaced_and_its_summary_stays(store: SessionStore) -> None:
    store.add_message("k", "user", "0")
    store.set_summary("k", "s")
    store.set_history("k", ({"n": number} for number in range(2)))
    assert store.get_history("k") == [{"n": 0}, {"n": 1}]
    assert store.get_summary("k") == "s"
    store.set_history("k", [])
    store.set_summary("k", "")
    assert (store.get_history("k"), store.get_summary("k")) == ([], "")


def test_sessions_do_not_touch_each_other(store: SessionStore) -> None:
    for key in ("a:b", "a_b", "a/b"):
        store.add_message(key, "user", key)
    store.truncate_history("a_b", 0)
    assert [store.get_history(key) for key in ("a:b", "a_b", "a/b")] == [
        [{"role": "user", "content": "a:b"}],
        [],
        [{"role": "user", "content": "a/b"}],
    ]


def test_what_is_given_and_taken_is_the_callers_own(store: SessionStore) -> None:
    message = {"list": [1]}
    history = [message]
    store.set_history("k", history)
    store.add_full_message("k", message)
    message["list"].append(2)
    history.clear()
    store.get_history("k")[0]["list"].append(3)
    store.get_history("k").clear()
    assert store.get_history("k") == [{"list": [1]}, {"list": [1]}]


def test_what_cannot_be_stored_is_noted_and_logged_and_nothing_changes(
    store: SessionStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.add_message("k", "user", "0")
    with caplog.at_level(logging.WARNING):
        store.add_full_message("k", {"x": float("inf")})
        store.set_history("k", [{"x": 1}, {"x": {1, 2}}])
        store.set_summary("k", "\ud800")
        store.add_message("k", "user", "\udfff")
    assert noted(store, "k") == [
        ("add_full_message", MessageRefused),
        ("set_history", MessageRefused),
        ("set_summary", SummaryRefused),
        ("add_message", MessageRefused),
    ]
    assert len([text for text in caplog.messages if "'k' failed" in text]) == 4
    assert store.get_history("k") == [{"role": "user", "content": "0"}]
    assert store.get_summary("k") == ""


def test_a_refused_key_is_noted_and_save_raises_it(store: SessionStore) -> None:
    key = "\ud800"
    store.add_message(key, "user", "0")
    store.set_summary(key, "s")
    store.set_history(key, [{}])
    store.truncate_history(key, 0)
    assert store.get_history(key) == []
    assert store.get_summary(key) == ""
    operations = [operation for operation, error in noted(store, key) if error is KeyRefused]
    assert operations == [
        "add_message",
        "set_summary",
        "set_history",
        "truncate_history",
        "get_history",
        "get_summary",
    ]
    with pytest.raises(KeyRefused):
        store.save(key)


def test_after_close_writes_are_noted_reads_empty_and_save_raises(store: SessionStore) -> None:
    store.add_message("k", "user", "0")
    store.close()
    store.close()
    store.add_message("k", "user", "1")
    assert store.get_history("k") == []
    with pytest.raises(StoreClosed):
        store.save("k")
    assert noted(store, "k") == [("add_message", StoreClosed), ("get_history", StoreClosed)]


@pytest.mark.parametrize("name", DURABLE)
def test_what_was_saved_is_there_after_a_restart(directory: Path, name: str) -> None:
    store = DURABLE[name](directory)
    store.set_history("a:b", [{"n": number} for number in range(4)])
    store.set_summary("a:b", "four")
    store.truncate_history("a:b", 2)
    store.save("a:b")
    store.add_full_message("a:b", {"n": 4})
    store.save("a:b")
    store.close()
    for _ in range(2):
        store = DURABLE[name](directory)
        assert store.get_history("a:b") == [{"n": 2}, {"n": 3}, {"n": 4}]
        assert store.get_summary("a:b") == "four"
        store.close()
