"""Threads of a process, several processes and an earlier program use one archive's directory."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tornwrite.reference import SessionNotFound
from tornwrite.reference.archive import ArchivingStore
from tornwrite.reference.published.archive import ArchivingStore as PublishedStore

# Forking is what is tested here; the store's locks are made anew in the child.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")

EACH = 30

Look = Callable[[ArchivingStore], object]


@pytest.fixture(autouse=True)
def nothing_is_synced(monkeypatch: pytest.MonkeyPatch) -> None:
    """No power is lost here, and the disks that tests run on are slow."""
    for sync in ("fsync", "fdatasync"):
        monkeypatch.setattr(os, sync, lambda descriptor: None)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.fixture
def store(directory: Path) -> Iterator[ArchivingStore]:
    with ArchivingStore(directory) as store:
        yield store


def in_child(work: Callable[[], None]) -> int:
    """Run in a forked process; gives its id."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        signal.alarm(60)
        work()
        status = 0
    finally:
        os._exit(status)


def wait_for(children: list[int]) -> None:
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * len(children)


def use(store: ArchivingStore, writer: int) -> None:
    for number in range(EACH):
        store.save("shared", {"writer": writer, "number": number})
        store.save(f"own{writer}", {"writer": writer, "number": number})
        if number % 3 == writer % 3:
            store.archive("shared")
            store.archive(f"own{writer}")
        assert f"own{writer}" in store.list() or number % 3 == writer % 3


def check(store: ArchivingStore, writers: int) -> None:
    messages = store.load("shared")
    assert len(messages) == writers * EACH
    for writer in range(writers):
        for found in (messages, store.load(f"own{writer}")):
            own = [message["number"] for message in found if message["writer"] == writer]
            assert own == list(range(EACH))
    assert not store.inspect("shared").damage


def test_threads_share_a_store(store: ArchivingStore) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda writer: use(store, writer), range(4)))
    check(store, 4)


def test_stores_of_one_process_share_a_directory(store: ArchivingStore, directory: Path) -> None:
    def work(writer: int) -> None:
        with ArchivingStore(directory) as own:
            use(own, writer)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, range(3)))
    check(store, 3)


def test_processes_and_forked_children_share_a_directory(
    store: ArchivingStore, directory: Path
) -> None:
    def work(writer: int) -> None:
        with ArchivingStore(directory) as own:
            use(own, writer)

    children = [in_child(lambda: work(0)), in_child(lambda: use(store, 1))]
    use(store, 2)
    wait_for(children)
    check(store, 3)


def test_a_fork_while_another_thread_writes_does_not_block_the_child(
    store: ArchivingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing, release = threading.Event(), threading.Event()
    real = os.fdatasync

    def wait(descriptor: int) -> None:
        writing.set()
        release.wait(30)
        real(descriptor)

    monkeypatch.setattr(os, "fdatasync", wait)
    thread = threading.Thread(target=store.save, args=("a", {"n": 1}))
    thread.start()
    writing.wait(30)
    monkeypatch.setattr(os, "fdatasync", real)
    child = in_child(lambda: store.save("a", {"n": 2}))
    release.set()
    thread.join()
    wait_for([child])
    assert store.load("a") == [{"n": 1}, {"n": 2}]


def test_readers_see_whole_histories_while_others_archive_and_delete(
    store: ArchivingStore, directory: Path
) -> None:
    def work() -> None:
        with ArchivingStore(directory) as own:
            for _ in range(100):
                own.save("a", {"n": 0})
                own.archive("a")
                own.save("a", {"n": 1})
                own.archive("a")
                own.save("a", {"n": 2})
                own.delete("a")

    child = in_child(work)
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        try:
            messages = store.load("a")
        except SessionNotFound:
            continue
        assert [message["n"] for message in messages] == list(range(len(messages)))
    assert not store.exists("a")


def test_a_list_tells_what_was_there_at_one_time(store: ArchivingStore, directory: Path) -> None:
    store.save("first", {"n": 0})

    def work() -> None:
        with ArchivingStore(directory) as own:
            for _ in range(100):
                own.save("second", {"n": 0})
                own.archive("first")
                own.save("first", {"n": 0})
                own.archive("second")

    child = in_child(work)
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        assert store.list(), "one of the two was active all the time"


@pytest.mark.parametrize(
    "look",
    [ArchivingStore.list, lambda store: store.exists("a") and ["a"]],
    ids=["list", "exists"],
)
def test_a_look_waits_for_what_is_under_way_and_may_fail_still(
    store: ArchivingStore, monkeypatch: pytest.MonkeyPatch, look: Look
) -> None:
    writing, release = threading.Event(), threading.Event()

    def wait(descriptor: int) -> None:
        writing.set()
        release.wait(30)

    monkeypatch.setattr(os, "fdatasync", wait)
    with ThreadPoolExecutor(2) as pool:
        saved = pool.submit(store.save, "a", {"n": 1})
        writing.wait(30)
        looked = pool.submit(look, store)
        with pytest.raises(TimeoutError):
            looked.result(timeout=0.2)
        release.set()
        saved.result()
        assert looked.result() == ["a"]


def test_an_earlier_program_and_this_one_go_on_with_each_other_s_files(
    store: ArchivingStore, directory: Path
) -> None:
    published = PublishedStore(str(directory))
    published.save("a", {"role": "user", "content": "1"})
    published.archive("a")
    store.save("a", {"role": "user", "content": "2"})
    published.save("a", {"role": "user", "content": "3"})
    assert [message["content"] for message in store.load("a")] == ["1", "2", "3"]
    store.archive("a")
    assert [message["content"] for message in published.load("a")] == ["1", "2", "3"]
    assert published.list() == []
    store.delete("a")
    assert not published.exists("a")


@pytest.mark.parametrize("locked", [True, False], ids=["lock file", "no lock file"])
def test_a_directory_that_cannot_be_written_to_can_be_read(
    store: ArchivingStore, directory: Path, locked: bool
) -> None:
    store.save("active", {"n": 1})
    (directory / "superseded.jsonl").write_bytes(b'{"n":2}\n')
    (directory / "superseded.jsonl.whole").write_bytes(b'{"n":1}\n{"n":2}\n')
    store.close()
    (directory / "gone.jsonl").write_bytes(b'{"n":2}\n')
    (directory / "gone.jsonl.gone").write_bytes(b"")
    if not locked:
        (directory / ".lock").unlink()
    for parent in directory.parents:
        if parent.stat().st_uid == os.getuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o055)
    directory.chmod(0o555)
    before = {path.name: path.read_bytes() for path in directory.iterdir()}

    def work() -> None:
        if os.getuid() == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
        with ArchivingStore(directory) as reader:
            assert reader.list() == ["active"]
            assert reader.load("superseded") == [{"n": 1}, {"n": 2}]
            for call in (reader.archive, reader.delete, lambda one: reader.save(one, {})):
                for one in ("active", "superseded", "gone", "missing"):
                    with pytest.raises(PermissionError):
                        call(one)
            assert reader.exists("active")
            assert not reader.exists("gone")

    wait_for([in_child(work)])
    directory.chmod(0o755)
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == before
