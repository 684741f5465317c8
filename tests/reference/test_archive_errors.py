"""An operation of the archiving store that fails changes nothing a reader sees, or says what."""

import errno
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tornwrite.reference import ChangeNotUndone, SessionNotFound
from tornwrite.reference.archive import ArchivingStore

Work = Callable[[ArchivingStore], None]


def line(number: int) -> bytes:
    return b'{"n":%d}\n' % number


STARTS: dict[str, dict[str, bytes]] = {
    "nothing": {},
    "active": {"a.jsonl": line(1) + line(2)},
    "archived": {"a.jsonl.archived": line(1)},
    "both": {"a.jsonl.archived": line(1), "a.jsonl": line(2)},
    "torn": {"a.jsonl.archived": line(1) + b'{"n"', "a.jsonl": line(2) + b'{"torn'},
    "first save torn": {"a.jsonl.archived": line(1), "a.jsonl": b'{"torn'},
    "superseded": {"a.jsonl.archived": line(1), "a.jsonl": line(2), "a.jsonl.whole": line(3)},
    "half cleared": {"a.jsonl.archived": line(1), "a.jsonl.whole": line(3)},
    "deleted": {"a.jsonl.archived": line(1), "a.jsonl": line(2), "a.jsonl.gone": b""},
    "wrong whole": {"a.jsonl.archived": line(1), "a.jsonl": line(2), "a.jsonl.whole": b"\0"},
}


def archive_if_there(store: ArchivingStore) -> None:
    try:
        store.archive("a")
    except SessionNotFound:
        assert not store.exists("a")


OPERATIONS: dict[str, Work] = {
    "save": lambda store: store.save("a", {"n": 9}),
    "archive": archive_if_there,
    "delete": lambda store: store.delete("a"),
}


def opened(directory: Path, start: str) -> ArchivingStore:
    store = ArchivingStore(directory)
    for name, data in STARTS[start].items():
        (directory / name).write_bytes(data)
    return store


def seen(store: ArchivingStore) -> object:
    if not store.exists("a"):
        assert not store.inspect("a").exists
        return None
    return store.load("a"), store.list()


def failing_at(number: int, error: int) -> Callable[[str], None]:
    left = [number]

    def fail(name: str) -> None:
        left[0] -= 1
        if left[0] == -1:
            raise OSError(error, os.strerror(error))

    return fail


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_each_failing_call_leaves_what_was_and_the_next_attempt_works(
    tmp_path: Path, calls: Any, operation: Work, start: str
) -> None:
    with opened(tmp_path / "plan", start) as plan:
        calls.take()
        operation(plan)
        after = seen(plan)
    made = calls.take()
    for number in range(len(made)):
        with opened(tmp_path / f"{number}", start) as store:
            before = seen(store)
            calls.before = failing_at(number, errno.EIO)
            try:
                operation(store)
            except ChangeNotUndone:
                # That of the one file of a session that is deleted.
                assert made[number - 1 : number + 1] == ["unlink", "fsync"]
                assert seen(store) == after
            except OSError:
                assert seen(store) == before
            else:
                assert seen(store) == after
            calls.before = lambda name: None
            with ArchivingStore(tmp_path / f"{number}") as other:
                assert seen(other) == seen(store)
            if seen(store) != after:
                operation(store)
            assert seen(store) == after
            store.save("a", {"n": "later"})
            assert store.load("a")[-1] == {"n": "later"}
            store.archive("a")
            assert store.list() == []
            store.delete("a")
        left = [name for name in os.listdir(tmp_path / f"{number}") if ".damaged-" not in name]
        assert left == [".lock"]


@pytest.mark.parametrize("start", ["both", "active", "archived"])
@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_where_every_sync_fails_nothing_changes_until_they_work_again(
    tmp_path: Path, calls: Any, operation: Work, start: str
) -> None:
    with opened(tmp_path / "a", start) as store:
        before = seen(store)
        calls.before = failing_syncs
        with pytest.raises(OSError, match="Input/output"):
            operation(store)
        calls.before = lambda name: None
        if start == "both" or operation is not OPERATIONS["delete"]:
            assert seen(store) == before
        operation(store)
        store.save("a", {"n": "later"})
        assert store.load("a")[-1] == {"n": "later"}


@pytest.mark.parametrize("operation", ["archive", "delete"])
def test_that_nothing_is_there_is_not_said_where_it_cannot_be_made_durable(
    tmp_path: Path, calls: Any, operation: str
) -> None:
    """The process that deleted it may have been killed before its sync."""
    with opened(tmp_path / "a", "nothing") as store:
        calls.fail("fsync", errno.EIO)
        with pytest.raises(OSError, match="Input/output") as caught:
            OPERATIONS[operation](store)
        assert not isinstance(caught.value, ChangeNotUndone)


@pytest.mark.parametrize("start", ["superseded", "deleted"])
def test_what_a_killed_process_began_is_not_gone_on_with_where_it_cannot_be_made_durable(
    tmp_path: Path, calls: Any, start: str
) -> None:
    with opened(tmp_path / "a", start) as store:
        calls.fail("fsync", errno.EIO)
        with pytest.raises(OSError, match="Input/output"):
            store.save("a", {"n": 9})
        assert set(os.listdir(tmp_path / "a")) == {*STARTS[start], ".lock"}


@pytest.mark.parametrize(
    ("start", "syncs", "undone"), [("active", 0, "rename"), ("both", 1, "unlink")]
)
def test_what_is_taken_back_is_so_on_the_disk_for_others_who_suspect_nothing(
    tmp_path: Path, calls: Any, start: str, syncs: int, undone: str
) -> None:
    with opened(tmp_path / "a", start) as store:
        calls.take()
        left = [syncs]

        def before(name: str) -> None:
            if name == "fsync":
                left[0] -= 1
                if left[0] == -1:
                    raise OSError(errno.EIO, os.strerror(errno.EIO))

        calls.before = before
        with pytest.raises(OSError, match="Input/output"):
            store.archive("a")
        assert calls.take()[-2:] == [undone, "fsync"]


def failing_syncs(name: str) -> None:
    if name in ("fsync", "fdatasync"):
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_after_an_archiving_that_failed_the_names_are_synced_before_a_rewrite_uses_one(
    tmp_path: Path, calls: Any
) -> None:
    with opened(tmp_path / "a", "active") as store:
        store.save("a", {"n": 3})
        calls.fail("fsync", errno.EIO, times=2)
        with pytest.raises(OSError, match="Input/output"):
            store.archive("a")
        calls.before = lambda name: None
        calls.take()
        store.save("a", {"n": 4})
        rewrite = ["create", "write", "fsync", "rename", "fsync"]
        assert calls.take() == ["fsync", *rewrite, "write", "fdatasync"]


@pytest.mark.parametrize(
    ("start", "operation", "text"),
    [
        ("both", "archive", "visible but may be gone after a crash"),
        ("both", "delete", "visible but may be gone after a crash"),
        ("active", "archive", "archived but may be active again after a crash"),
        ("active", "delete", "gone but may be back after a crash; delete it again"),
    ],
)
def test_what_cannot_be_undone_is_said(
    tmp_path: Path, calls: Any, start: str, operation: str, text: str
) -> None:
    with opened(tmp_path / "a", start) as store:
        done = []

        def before(name: str) -> None:
            if {"rename", "unlink"} & set(done) or (operation, start) == ("delete", "both"):
                if name == "create":
                    return
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            done.append(name)

        calls.before = before
        with pytest.raises(ChangeNotUndone, match=text) as caught:
            OPERATIONS[operation](store)
        assert caught.value.errno == errno.EIO
        calls.before = lambda name: None
        visible = seen(store)
        OPERATIONS[operation](store)
        assert seen(store) == visible


def test_what_could_not_be_cleared_away_is_logged_and_cleared_by_the_next_writer(
    tmp_path: Path, calls: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(tmp_path / "a", "both") as store:

        def before(name: str) -> None:
            if name == "unlink":  # the first of three
                raise OSError(errno.EIO, os.strerror(errno.EIO))

        calls.before = before
        with caplog.at_level(logging.WARNING):
            store.delete("a")
        assert "could not clear" in caplog.text
        assert not store.exists("a")
        with pytest.raises(OSError, match="Input/output"):
            store.save("a", {"n": 5})
        assert not store.exists("a")
        calls.before = lambda name: None
        store.save("a", {"n": 5})
        assert store.load("a") == [{"n": 5}]


def test_a_session_whose_data_sync_failed_is_written_anew_before_it_is_archived(
    tmp_path: Path, calls: Any
) -> None:
    with opened(tmp_path / "a", "active") as store:
        inode = (tmp_path / "a" / "a.jsonl").stat().st_ino
        calls.fail("fdatasync", errno.EIO)
        with pytest.raises(OSError, match="Input/output"):
            store.archive("a")
        assert store.list() == ["a"]
        store.archive("a")
        assert (tmp_path / "a" / "a.jsonl.archived").stat().st_ino != inode
        assert store.load("a") == [{"n": 1}, {"n": 2}]


def test_a_session_is_suspect_until_it_was_written_anew(tmp_path: Path, calls: Any) -> None:
    with opened(tmp_path / "a", "active") as store:
        # That of the data; that of the names; that of the new file, after the names'.
        for sync, which in (("fdatasync", 0), ("fsync", 0), ("fsync", 1)):
            left = [which]

            def before(name: str, sync: str = sync, left: list[int] = left) -> None:
                left[0] -= name == sync
                if name == sync and left[0] == -1:
                    raise OSError(errno.EIO, os.strerror(errno.EIO))

            calls.before = before
            with pytest.raises(OSError, match="Input/output"):
                store.save("a", {"n": 3})
        calls.before = lambda name: None
        calls.take()
        store.save("a", {"n": 3})
        rewrite = ["create", "write", "fsync", "rename", "fsync"]
        assert calls.take() == ["fsync", *rewrite, "write", "fdatasync"]


def test_a_merge_that_failed_leaves_no_temporary_file(tmp_path: Path, calls: Any) -> None:
    with opened(tmp_path / "a", "both") as store:
        calls.fail("rename", errno.EIO)
        with pytest.raises(OSError, match="Input/output"):
            store.archive("a")
        assert sorted(os.listdir(tmp_path / "a")) == [".lock", "a.jsonl", "a.jsonl.archived"]


def test_a_session_that_is_gone_is_suspect_no_more(tmp_path: Path, calls: Any) -> None:
    with opened(tmp_path / "a", "active") as store:
        calls.fail("fdatasync", errno.EIO)
        with pytest.raises(OSError, match="Input/output"):
            store.save("a", {"n": 3})
        store.delete("a")
        calls.take()
        store.save("a", {"n": 4})
        assert calls.take() == ["create", "fsync", "write", "fdatasync"]


def test_a_list_that_runs_out_of_something_raises_and_hides_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path / "a", "active") as store:
        real = os.open

        def failing(path: Any, *arguments: Any, **named: Any) -> int:
            if str(path).endswith("a.jsonl"):
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
            return real(path, *arguments, **named)

        monkeypatch.setattr(os, "open", failing)
        with pytest.raises(OSError, match="Too many open files"):
            store.list()


def test_an_interrupted_archiving_is_taken_back(tmp_path: Path, calls: Any) -> None:
    with opened(tmp_path / "a", "both") as store:
        before = seen(store)

        def interrupt(name: str) -> None:
            if name == "rename":
                calls.before = interrupt_once

        def interrupt_once(name: str) -> None:
            calls.before = lambda name: None
            raise KeyboardInterrupt

        calls.before = interrupt
        with pytest.raises(KeyboardInterrupt):
            store.archive("a")
        assert seen(store) == before
        store.archive("a")
        assert store.list() == []


def test_a_file_that_cannot_be_read_is_an_error_and_nothing_is_put_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path / "a", "both") as store:
        real = os.open

        def refuse(path: Any, flags: int, *rest: Any, **named: Any) -> int:
            if str(path).endswith(".archived"):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            return real(path, flags, *rest, **named)

        with monkeypatch.context() as patch:
            patch.setattr(os, "open", refuse)
            for call in (store.load, store.archive, store.inspect):
                with pytest.raises(PermissionError):
                    call("a")
        assert seen(store) == ([{"n": 1}, {"n": 2}], ["a"])
