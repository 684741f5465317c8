"""Opening a directory: what unfinished writes left goes, everything else stays."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tornwrite.reference import ArchivingStore, JSONLStore, TranscriptStore

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")


def write(directory: Path, **files: str) -> None:
    directory.mkdir(exist_ok=True)
    for name, content in files.items():
        (directory / name).write_text(content)


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_what_an_unfinished_write_left_is_removed(
    directory: Path, reopen: Callable[[], JSONLStore]
) -> None:
    with reopen() as store:
        store.add_message("k", "user", "0")
    kept = names(directory)
    write(
        directory,
        **{
            "k.meta.json.tmp": "{",
            "k.jsonl.0000000001": '{"never": "committed"}\n',
            "new.jsonl.0000000001": '{"never": "committed"}\n',
            "new.meta.json.tmp": "",
        },
    )
    store = reopen()
    assert names(directory) == kept
    assert len(store.get_history("k")) == 1


@pytest.mark.parametrize("kind", [JSONLStore, ArchivingStore, TranscriptStore])
def test_a_store_whose_directory_cannot_be_listed_is_not_opened(
    directory: Path, kind: type[JSONLStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    kind(directory).close()

    def failing(path: str) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "scandir", failing)
    with pytest.raises(OSError, match="Input/output"):
        kind(directory)


def test_files_of_others_and_of_sessions_with_such_names_stay(
    directory: Path, reopen: Callable[[], JSONLStore]
) -> None:
    keys = ["k.meta.json.tmp", "k.jsonl.0000000001", "k.jsonl.1"]
    with reopen() as store:
        for key in keys:
            store.add_message(key, "user", "0")
    write(directory, **{"k.jsonl.1": "rotated", "k.json": "{}", "notes.tmp": ""})
    (directory / "folder.meta.json.tmp").mkdir()
    before = names(directory)
    store = reopen()
    assert names(directory) == before
    assert [len(store.get_history(key)) for key in keys] == [1, 1, 1]


def test_a_committed_rewrite_is_read_and_finished_by_the_next_write(
    directory: Path, reopen: Callable[[], JSONLStore]
) -> None:
    with reopen() as store:
        store.add_message("k", "user", "old")
        store.set_history("k", [{"new": 1}])
    # The last rename of the rewrite was lost: the plain name is still that of the old file.
    generation = directory / "k.jsonl.0000000001"
    (directory / "k.jsonl").rename(generation)
    (directory / "k.jsonl").write_text('{"role":"user","content":"old"}\n')
    store = reopen()
    assert store.get_history("k") == [{"new": 1}]
    assert generation.exists()
    store.add_full_message("k", {"new": 2})
    assert store.get_history("k") == [{"new": 1}, {"new": 2}]
    assert not generation.exists()
    assert (directory / "k.jsonl").read_bytes().count(b'"new":') == 2


def test_missing_directories_are_made(tmp_path: Path) -> None:
    with JSONLStore(tmp_path / "a" / "b" / "c") as store:
        store.add_message("k", "user", "0")
    assert (tmp_path / "a" / "b" / "c" / "k.jsonl").exists()


def test_a_relative_directory_stays_the_same_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with JSONLStore("sessions") as store:
        monkeypatch.chdir("/")
        store.add_message("k", "user", "0")
        assert store.directory == str(tmp_path / "sessions")
    assert (tmp_path / "sessions" / "k.jsonl").exists()


def as_nobody(work: Callable[[], None]) -> None:
    """Run without rights to write, where the tests run as root."""
    child = os.fork()
    if not child:
        status = 1
        try:
            if os.getuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            work()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0


@pytest.fixture
def closed_off(directory: Path, reopen: Callable[[], JSONLStore]) -> Path:
    """A directory with a session, a leftover and a lock file, that others can only read."""
    with reopen() as store:
        store.add_message("k", "user", "0")
    (directory / "k.meta.json.tmp").write_text("{")
    for parent in directory.parents:
        if parent.stat().st_uid == os.getuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o055)
    directory.chmod(0o555)
    return directory


@pytest.mark.parametrize("locked", [True, False], ids=["lock file", "no lock file"])
def test_a_directory_that_cannot_be_written_to_can_be_read(closed_off: Path, locked: bool) -> None:
    if not locked:
        closed_off.chmod(0o755)
        (closed_off / ".lock").unlink()
        closed_off.chmod(0o555)
    before = names(closed_off)

    def work() -> None:
        with JSONLStore(closed_off) as store:
            assert len(store.get_history("k")) == 1
            assert store.list_sessions() == ["k"]
            with pytest.raises(PermissionError):
                store.add_message("k", "user", "1")
            with pytest.raises(PermissionError):
                store.set_summary("k", "s")
            assert len(store.get_history("k")) == 1

    as_nobody(work)
    assert names(closed_off) == before


def test_without_the_lock_nothing_is_written(closed_off: Path) -> None:
    # The files may be written to, but another user holds the lock file.
    closed_off.chmod(0o777)
    for path in closed_off.iterdir():
        path.chmod(0o666)
    (closed_off / ".lock").chmod(0o644)

    def work() -> None:
        with JSONLStore(closed_off) as store:
            assert len(store.get_history("k")) == 1
            if os.stat(closed_off / ".lock").st_uid != os.getuid():
                with pytest.raises(PermissionError, match="without locking it"):
                    store.add_message("k", "user", "1")

    as_nobody(work)
