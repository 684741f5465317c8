"""Threads of a process, and several processes, use one directory at once."""

import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tornwrite.reference import JSONLStore, StoreClosed
from tornwrite.reference.durable import locks as locks_module
from tornwrite.reference.durable.memory import ShardMemory

# Forking is what is tested here; the store's locks are made anew in the child.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")

EACH = 25


def in_child(work: Callable[[], None]) -> int:
    """Run in a forked process; gives its id."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        work()
        status = 0
    finally:
        os._exit(status)


def wait_for(children: list[int]) -> None:
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * len(children)


def add(store: JSONLStore, writer: int) -> None:
    for number in range(EACH):
        store.add_full_message("shared", {"writer": writer, "number": number})
        store.add_full_message(f"own:{writer}", {"number": number})


def check(store: JSONLStore, writers: int) -> None:
    history = store.get_history("shared")
    assert len(history) == writers * EACH
    for writer in range(writers):
        own = [message["number"] for message in history if message["writer"] == writer]
        assert own == list(range(EACH))
        assert len(store.get_history(f"own:{writer}")) == EACH
    assert not store.inspect("shared").damage


def test_threads_share_a_store(store: JSONLStore) -> None:
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda writer: add(store, writer), range(6)))
    check(store, 6)


def test_stores_of_one_process_share_a_directory(
    reopen: Callable[[], JSONLStore], store: JSONLStore
) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda writer: add(reopen(), writer), range(4)))
    check(store, 4)


def test_processes_share_a_directory(directory: Path, store: JSONLStore) -> None:
    def work(writer: int) -> None:
        with JSONLStore(directory) as own:
            add(own, writer)

    wait_for([in_child(lambda writer=writer: work(writer)) for writer in range(4)])
    check(store, 4)


def test_a_store_goes_on_working_in_forked_children(store: JSONLStore) -> None:
    wait_for([in_child(lambda writer=writer: add(store, writer)) for writer in range(3)])
    add(store, 3)
    check(store, 4)


def test_a_fork_while_another_thread_holds_a_lock_does_not_block_the_child(
    store: JSONLStore,
) -> None:
    store.add_message("k", "user", "0")
    holding, release = threading.Event(), threading.Event()

    def hold() -> None:
        with store._sessions.locks.session("other", write=True):
            holding.set()
            release.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    holding.wait(30)

    def work() -> None:
        signal.alarm(20)
        store.add_message("k", "user", "1")

    child = in_child(work)
    wait_for([child])
    release.set()
    thread.join()
    assert len(store.get_history("k")) == 2


def test_rewrites_and_readers_see_whole_histories_only(directory: Path, store: JSONLStore) -> None:
    store.set_history("k", [{"n": 0}] * 3)

    def work() -> None:
        with JSONLStore(directory) as own:
            for number in range(60):
                own.set_history("k", [{"n": number}] * 3)
                own.truncate_history("k", 2)
                own.compact("k")

    child = in_child(work)
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        history = store.get_history("k")
        assert len(history) in (2, 3)
        assert len({message["n"] for message in history}) == 1
    assert len(store.get_history("k")) == 2


def test_a_lock_dies_with_its_process(directory: Path, store: JSONLStore) -> None:
    reading, writing = os.pipe()

    def work() -> None:
        with JSONLStore(directory) as own, own._sessions.locks.all_sessions():
            os.write(writing, b"x")
            signal.pause()

    child = in_child(work)
    assert os.read(reading, 1) == b"x"
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(reading)
    os.close(writing)
    store.add_message("k", "user", "0")
    assert len(store.get_history("k")) == 1


def test_without_range_locks_the_whole_file_is_locked(
    monkeypatch: pytest.MonkeyPatch, directory: Path
) -> None:
    monkeypatch.setattr(locks_module, "_HAS_RANGES", False)
    with JSONLStore(directory) as store:

        def work(writer: int) -> None:
            with JSONLStore(directory) as own:
                add(own, writer)

        children = [in_child(lambda writer=writer: work(writer)) for writer in range(2)]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda writer: add(store, writer), (2, 3)))
        wait_for(children)
        check(store, 4)


def test_a_closed_store_says_so(store: JSONLStore) -> None:
    store.close()
    store.close()
    with pytest.raises(StoreClosed, match="open it anew"):
        store.get_history("k")
    with pytest.raises(StoreClosed):
        store.add_message("k", "user", "x")
    with pytest.raises(StoreClosed):
        store.list_sessions()


def test_memory_does_not_grow_with_the_sessions() -> None:
    memory: ShardMemory[int] = ShardMemory(64)
    for number in range(10_000):
        memory.remember(number % 64, f"k{number}", number)
    assert len(memory) == 64 * 16
    assert memory.get(9_999 % 64, "k9999") == 9_999
    assert memory.get(0, "k0") is None
    memory.forget(9_999 % 64, "k9999")
    assert memory.get(9_999 % 64, "k9999") is None
