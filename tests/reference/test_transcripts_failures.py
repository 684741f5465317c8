"""An operation that fails changes nothing a reader can see, or says what it could not undo."""

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tornwrite.reference import ChangeNotUndone, TooManySuspects
from tornwrite.reference.durable.directory import MOST_SUSPECTS
from tornwrite.reference.transcripts import TranscriptStore

NEW = {"role": "assistant", "content": "new"}

OPERATIONS: dict[str, Callable[[TranscriptStore], object]] = {
    "create": lambda store: store.get_or_create("other"),
    "create over a torn file": lambda store: store.get_or_create("torn"),
    "append": lambda store: store.get_or_create("a").append(NEW),
    "append to a torn file": lambda store: store.get_or_create("cut").append(NEW),
    "get one that exists": lambda store: store.get_or_create("foreign"),
    "delete": lambda store: store.delete("a"),
    "delete nothing": lambda store: store.delete("never"),
}


@pytest.fixture
def store(directory: Path) -> Iterator[TranscriptStore]:
    with TranscriptStore(directory, clock=lambda: 0) as opened:
        yield opened


def seen(store: TranscriptStore) -> object:
    """What readers see; a torn tail may have been kept aside by what failed after that."""
    states = [store.inspect(name) for name in ("a", "cut", "foreign", "other", "torn")]
    return store.list(), [(one.exists, one.messages, one.created_at) for one in states]


def fill(directory: Path) -> TranscriptStore:
    store = TranscriptStore(directory, clock=lambda: 0)
    transcript = store.get_or_create("a")
    for number in range(3):
        transcript.append({"role": "user", "content": str(number)})
    data = (directory / "a.jsonl").read_bytes()
    (directory / "foreign.jsonl").write_bytes(data)
    (directory / "cut.jsonl").write_bytes(data[:-5])
    (directory / "torn.jsonl").write_bytes(data[:30])
    store.list()
    return store


def attempt(
    store: TranscriptStore, operation: Callable[[TranscriptStore], object]
) -> OSError | None:
    try:
        operation(store)
    except OSError as error:
        return error
    return None


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO], ids=errno.errorcode.get)
@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_each_failing_call_leaves_what_was_and_the_next_attempt_works(
    tmp_path: Path, calls: Any, operation: Callable[[TranscriptStore], object], error: int
) -> None:
    with fill(tmp_path / "plan") as plan:
        calls.take()
        operation(plan)
        made = calls.take()
        after = seen(plan)
    assert made
    for number in range(len(made)):
        directory = tmp_path / f"{number}"
        with fill(directory) as store:
            before = seen(store)
            left = [number]

            def fail(name: str, left: list[int] = left) -> None:
                left[0] -= 1
                if left[0] == -1:
                    raise OSError(error, os.strerror(error))

            calls.before = fail
            told = attempt(store, operation)
            if isinstance(told, ChangeNotUndone):
                assert "the transcript is gone from sight" in str(told)
            elif told is None:
                # What fails without a word is the index: it still holds the deleted title.
                assert operation is OPERATIONS["delete"]
                assert number >= made.index("create")
            assert told is None or told.errno == error
            undone = told is not None and not isinstance(told, ChangeNotUndone)
            assert seen(store) == (before if undone else after)
            calls.before = lambda name: None
            with TranscriptStore(directory) as other:
                assert seen(other) == seen(store)
            operation(store)
            assert seen(store) == after
            for info in store.list():
                store.get_or_create(info.id).append(NEW)
                with TranscriptStore(directory) as other:
                    assert other.get_or_create(info.id).get_messages()[-1] == NEW
                    assert other.list() == store.list()
        assert not [name for name in os.listdir(directory) if name.endswith(".tmp")]


def test_an_absence_that_cannot_be_made_durable_is_an_error_that_changed_nothing(
    store: TranscriptStore, calls: Any
) -> None:
    calls.fail("fsync", errno.EIO)
    with pytest.raises(OSError, match="Input/output") as caught:
        store.delete("never")
    assert not isinstance(caught.value, ChangeNotUndone)


def test_part_of_a_message_is_taken_back(
    store: TranscriptStore, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    transcript = store.get_or_create("a")
    before = (directory / "a.jsonl").read_bytes()
    real = os.write
    full = [False]

    def short(descriptor: int, data: bytes) -> int:
        if full[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        full[0] = True
        return real(descriptor, data[:10])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", short)
        with pytest.raises(OSError, match="No space"):
            transcript.append(NEW)
    assert (directory / "a.jsonl").read_bytes() == before
    assert transcript.get_messages() == []
    assert [info.message_count for info in store.list()] == [0]
    transcript.append(NEW)
    assert transcript.get_messages() == [NEW]


def test_a_line_that_cannot_be_taken_back_is_told_and_shown_alike(
    store: TranscriptStore, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*arguments: Any) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    transcript = store.get_or_create("a")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", failing)
        patch.setattr(os, "ftruncate", failing)
        with pytest.raises(ChangeNotUndone, match="readers may see the line"):
            transcript.append(NEW)
    assert transcript.get_messages() == [NEW]
    with TranscriptStore(directory) as other:
        assert other.list() == store.list()
        assert [info.message_count for info in other.list()] == [1]
    transcript.append(NEW)
    assert transcript.get_messages() == [NEW, NEW]


def test_after_a_failed_sync_the_file_is_a_new_one(
    store: TranscriptStore, directory: Path, calls: Any
) -> None:
    transcript = store.get_or_create("a")
    transcript.append(NEW)
    before = (directory / "a.jsonl").stat().st_ino
    calls.fail("fdatasync", errno.EIO)
    with pytest.raises(OSError, match="Input/output"):
        transcript.append(NEW)
    assert (directory / "a.jsonl").stat().st_ino == before
    assert store.get_or_create("a").created_at == transcript.created_at
    assert (directory / "a.jsonl").stat().st_ino != before
    assert transcript.get_messages() == [NEW]


def test_what_works_again_is_no_longer_suspect(store: TranscriptStore, calls: Any) -> None:
    for operation in (store.get_or_create, store.delete):
        # The first sync of a creation is that of the header's file.
        left = [1 if operation == store.get_or_create else 0]

        def fail(name: str, left: list[int] = left) -> None:
            if name == "fsync":
                left[0] -= 1
                if left[0] == -1:
                    raise OSError(errno.EIO, os.strerror(errno.EIO))

        calls.before = fail
        with pytest.raises(OSError, match="Input/output"):
            operation("a")
        assert store._directory.suspects == {"a.jsonl"}
        operation("a")
        assert not store._directory.suspects


def test_a_creation_that_cannot_be_taken_back_is_told(
    store: TranscriptStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*arguments: Any) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    real = os.fsync

    def failing_for_directories(descriptor: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):
            failing()
        real(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", failing_for_directories)
        patch.setattr(os, "unlink", failing)
        with pytest.raises(ChangeNotUndone, match="there, empty, but may be gone"):
            store.get_or_create("a")
    assert [info.id for info in store.list()] == ["a"]
    store.get_or_create("a").append(NEW)
    assert store.get_or_create("a").get_messages() == [NEW]


def test_after_too_many_failed_syncs_nothing_is_written_and_everything_read(
    store: TranscriptStore,
) -> None:
    transcript = store.get_or_create("a")
    transcript.append(NEW)
    store._directory.suspects.update(map(str, range(MOST_SUSPECTS + 1)))
    for use in (
        lambda: store.get_or_create("a"),
        lambda: transcript.append(NEW),
        lambda: store.delete("a"),
    ):
        with pytest.raises(TooManySuspects):
            use()
    assert transcript.get_messages() == [NEW]
    assert [info.message_count for info in store.list()] == [1]


@pytest.fixture
def to_read(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TranscriptStore]:
    """A store in a directory with one transcript that this process may only read."""
    with TranscriptStore(directory) as store:
        store.get_or_create("a").append(NEW)
    before = {path: path.stat().st_mtime_ns for path in (directory, *directory.iterdir())}
    opening = os.open

    def refusing(path: Any, flags: int, *arguments: Any) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return opening(path, flags, *arguments)

    def refused(path: Any, *arguments: Any) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    monkeypatch.setattr(os, "open", refusing)
    for call in ("unlink", "rename", "mkdir"):
        monkeypatch.setattr(os, call, refused)
    with TranscriptStore(directory) as store:
        yield store
    monkeypatch.undo()
    found = {path: path.stat().st_mtime_ns for path in (directory, *directory.iterdir())}
    assert found == before


def test_a_directory_that_may_only_be_read_is_read(to_read: TranscriptStore) -> None:
    assert [(info.id, info.message_count) for info in to_read.list()] == [("a", 1)]
    transcript = to_read.get_or_create("a")
    assert transcript.get_messages() == [NEW]
    assert transcript.title() == "New Session..."
    assert to_read.inspect("a").created_at == transcript.created_at


def test_nothing_is_written_where_others_cannot_be_locked_out(to_read: TranscriptStore) -> None:
    transcript = to_read.get_or_create("a")
    for use in (
        lambda: to_read.get_or_create("b"),
        lambda: transcript.append(NEW),
        lambda: to_read.delete("a"),
    ):
        with pytest.raises(PermissionError):
            use()
    assert transcript.get_messages() == [NEW]


def test_a_list_that_runs_out_of_something_raises_and_hides_nothing(
    store: TranscriptStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.get_or_create("a")
    real = os.open

    def failing(path: Any, *arguments: Any) -> int:
        if str(path).endswith("a.jsonl"):
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return real(path, *arguments)

    monkeypatch.setattr(os, "open", failing)
    with pytest.raises(OSError, match="Too many open files"):
        store.list()
