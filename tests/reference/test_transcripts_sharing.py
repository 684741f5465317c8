"""Threads of a process, and several processes, use one directory of transcripts at once."""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tornwrite.reference import SessionNotFound
from tornwrite.reference.transcripts import Transcript, TranscriptStore

# Forking is what is tested here; the store's locks are made anew in the child.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")

EACH = 25


@pytest.fixture
def store(directory: Path) -> Iterator[TranscriptStore]:
    with TranscriptStore(directory) as opened:
        yield opened


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


def add(store: TranscriptStore, writer: int) -> None:
    shared, own = store.get_or_create("shared"), store.get_or_create(f"own {writer}")
    for number in range(EACH):
        shared.append({"writer": writer, "number": number})
        own.append({"number": number})
        if number % 8 == writer % 8:
            store.list()


def check(store: TranscriptStore, writers: int) -> None:
    messages = store.get_or_create("shared").get_messages()
    for writer in range(writers):
        own = [message["number"] for message in messages if message["writer"] == writer]
        assert own == list(range(EACH))
    counts = {info.id: info.message_count for info in store.list()}
    expected = {f"own {writer}": EACH for writer in range(writers)}
    assert counts == {**expected, "shared": writers * EACH}
    assert not store.inspect("shared").damage


def test_threads_share_a_store(store: TranscriptStore) -> None:
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda writer: add(store, writer), range(6)))
    check(store, 6)


def test_processes_share_a_directory(directory: Path, store: TranscriptStore) -> None:
    def work(writer: int) -> None:
        with TranscriptStore(directory) as own:
            add(own, writer)

    wait_for([in_child(lambda writer=writer: work(writer)) for writer in range(4)])
    check(store, 4)


def test_a_store_goes_on_working_in_forked_children(store: TranscriptStore) -> None:
    wait_for([in_child(lambda writer=writer: add(store, writer)) for writer in range(3)])
    add(store, 3)
    check(store, 4)


@pytest.mark.parametrize("attempt", range(5))
def test_processes_that_make_one_transcript_get_the_same(directory: Path, attempt: int) -> None:
    ready, go = os.pipe()

    def work(number: int) -> None:
        with TranscriptStore(directory) as own:
            os.read(ready, 1)
            transcript = own.get_or_create("a")
            transcript.append({"number": number, "created_at": transcript.created_at})

    children = [in_child(lambda number=number: work(number)) for number in range(4)]
    os.write(go, b"x" * 4)
    wait_for(children)
    os.close(ready)
    os.close(go)
    with TranscriptStore(directory) as store:
        transcript = store.get_or_create("a")
        messages = transcript.get_messages()
    assert sorted(message["number"] for message in messages) == [0, 1, 2, 3]
    assert {message["created_at"] for message in messages} == {transcript.created_at}


def test_making_deleting_and_appending_at_once_leaves_whole_transcripts(
    directory: Path,
) -> None:
    def work(number: int) -> None:
        with TranscriptStore(directory) as own:
            for turn in range(40):
                transcript = own.get_or_create("a")
                try:
                    transcript.append({"made": transcript.created_at, "number": number})
                    assert all(
                        message["made"] == transcript.created_at
                        for message in transcript.get_messages()
                    )
                except SessionNotFound:
                    pass
                if turn % 3 == number:
                    own.delete("a")
                assert all(info.id == "a" for info in own.list())

    wait_for([in_child(lambda number=number: work(number)) for number in range(3)])
    with TranscriptStore(directory) as store:
        assert not store.inspect("a").damage
        store.delete("a")
        assert store.list() == []
    assert sorted(path.name for path in directory.iterdir()) == [".index", ".lock"]


@pytest.mark.parametrize(
    "look",
    [
        lambda store, held: store.get("a"),
        lambda store, held: store.inspect("a"),
        lambda store, held: held.get_messages(),
    ],
    ids=["get", "inspect", "get_messages"],
)
def test_a_look_waits_for_what_is_under_way_and_may_fail_still(
    store: TranscriptStore,
    monkeypatch: pytest.MonkeyPatch,
    look: Callable[[TranscriptStore, Transcript], object],
) -> None:
    held = store.get_or_create("a")
    writing, release = threading.Event(), threading.Event()

    def wait(descriptor: int) -> None:
        writing.set()
        release.wait(30)

    monkeypatch.setattr(os, "fdatasync", wait)
    with ThreadPoolExecutor(2) as pool:
        appended = pool.submit(held.append, {"role": "user", "content": "x"})
        writing.wait(30)
        looked = pool.submit(look, store, held)
        with pytest.raises(TimeoutError):
            looked.result(timeout=0.2)
        release.set()
        appended.result()
        looked.result()


def test_a_list_goes_on_while_transcripts_come_and_go(store: TranscriptStore) -> None:
    kept = store.get_or_create("kept")
    kept.append({"role": "user", "content": "kept"})
    done = threading.Event()

    def churn() -> None:
        for number in range(60):
            transcript = store.get_or_create(f"t{number % 5}")
            for _ in range(3):
                transcript.append({"role": "user", "content": "x" * 500})
            store.delete(f"t{number % 5}")
        done.set()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(churn)
        while not done.is_set():
            listed = {info.id: info for info in store.list()}
            assert listed["kept"].message_count == 1
            if running.done():
                running.result()
        running.result()
    assert [info.id for info in store.list()] == ["kept"]
