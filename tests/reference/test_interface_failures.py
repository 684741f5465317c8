"""Failures are swallowed but visible: logged, counted, kept within bounds, handed on."""

import errno
import logging
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from tornwrite.reference import JSONLStore, StoreClosed
from tornwrite.reference.interface import Failure, Failures, JSONLBackend
from tornwrite.reference.manager import SessionManager


def test_only_the_last_hundred_are_kept_and_all_are_counted() -> None:
    failures = Failures()
    for number in range(250):
        failures.note(str(number % 2), "add_message", OSError(number))
    assert failures.total == 250
    assert len(failures.recent) == 100
    assert failures.recent[0].error.args == (150,)
    assert failures.recent[-1].error.args == (249,)
    assert len(failures.of("1")) == 50
    assert failures.of("2") == ()


def test_each_failure_is_handed_on(tmp_path: Path) -> None:
    seen: list[Failure] = []
    for store in (
        SessionManager(None, on_failure=seen.append),
        JSONLBackend(JSONLStore(tmp_path), on_failure=seen.append),
    ):
        seen.clear()
        store.close()
        store.add_message("k", "user", "0")
        (failure,) = seen
        assert (failure.key, failure.operation) == ("k", "add_message")
        assert isinstance(failure.error, StoreClosed)
        assert store.failures.recent == (failure,)


def test_what_is_told_of_a_failure_may_fail_itself(caplog: pytest.LogCaptureFixture) -> None:
    def failing(failure: Failure) -> None:
        raise RuntimeError("of the program's own")

    manager = SessionManager(None, on_failure=failing)
    manager.close()
    with caplog.at_level(logging.ERROR):
        assert manager.get_history("k") == []
    assert manager.failures.total == 1
    assert "of the program's own" in caplog.text


def test_what_is_told_of_a_failure_may_use_the_store() -> None:
    def ask(failure: Failure) -> None:
        asked.append((manager.get_history("k"), manager.failures.of("k")))

    asked: list[Any] = []
    manager = SessionManager(None, on_failure=ask)
    manager.add_message("k", "user", "0")
    manager.set_summary("k", "\ud800")
    ((history, failures),) = asked
    assert (len(history), len(failures)) == (1, 1)


def test_mistakes_of_the_program_are_raised() -> None:
    manager = SessionManager(None)
    with pytest.raises(TypeError):
        manager.set_history("k", 5)  # type: ignore[arg-type] # no history at all
    assert manager.failures.total == 0


def test_the_backend_notes_what_the_disk_did_and_raises_it_from_save(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = JSONLBackend(JSONLStore(directory))
    backend.add_message("k", "user", "0")
    backend.add_message("k", "user", "1")
    backend.truncate_history("k", 1)

    def full(*arguments: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        backend.add_message("k", "user", "2")
        backend.set_summary("k", "s")
        with pytest.raises(OSError, match="No space") as raised:
            backend.save("k")
    assert raised.value.errno == errno.ENOSPC
    errors = [failure.error for failure in backend.failures.of("k")]
    assert [error.errno for error in errors if isinstance(error, OSError)] == [errno.ENOSPC] * 2
    assert backend.get_history("k") == [{"role": "user", "content": "1"}]
    backend.save("k")
    assert (directory / "k.jsonl").read_bytes().count(b"\n") == 1
    assert backend.store.directory == str(directory)
    backend.close()


def test_threads_may_note_failures_at_once() -> None:
    failures = Failures()

    def work() -> None:
        for number in range(200):
            failures.note("k", "add_message", OSError(number))

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failures.total == 1600
    assert len(failures.recent) == 100
