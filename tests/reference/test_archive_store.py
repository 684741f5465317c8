"""The archiving store: a session is one history, whichever of it was put aside."""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tornwrite.reference import SessionNotFound, StoreClosed
from tornwrite.reference.archive import ArchivingStore
from tornwrite.reference.durable.json_lines import encode_line

ONE, TWO, THREE = ({"role": "user", "content": content} for content in ("one", "two", "three"))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.fixture
def store(directory: Path) -> Iterator[ArchivingStore]:
    with ArchivingStore(directory) as store:
        yield store


def files(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir() if path.name != ".lock")


def test_messages_come_back_in_their_order(store: ArchivingStore, directory: Path) -> None:
    message = {"role": "user", "content": "é \U0001f680 \u2028 \n", "tool": {"n": [1, None, 2.5]}}
    store.save("a", ONE)
    store.save("a", message)
    assert store.load("a") == [ONE, message]
    assert store.list() == ["a"]
    assert store.exists("a")
    assert files(directory) == ["a.jsonl"]


def test_an_archived_session_is_read_but_not_listed(store: ArchivingStore, directory: Path) -> None:
    store.save("a", ONE)
    store.save("b", TWO)
    store.archive("a")
    assert store.list() == ["b"]
    assert store.exists("a")
    assert store.load("a") == [ONE]
    assert files(directory) == ["a.jsonl.archived", "b.jsonl"]


def test_saving_to_an_archived_session_goes_on_with_it(
    store: ArchivingStore, directory: Path
) -> None:
    store.save("a", ONE)
    store.archive("a")
    archived = (directory / "a.jsonl.archived").read_bytes()
    store.save("a", TWO)
    assert store.load("a") == [ONE, TWO]
    assert store.list() == ["a"]
    assert (directory / "a.jsonl.archived").read_bytes() == archived


def test_archiving_again_puts_the_whole_history_aside(
    store: ArchivingStore, directory: Path
) -> None:
    for message in (ONE, TWO, THREE):
        store.save("a", message)
        store.archive("a")
    assert store.load("a") == [ONE, TWO, THREE]
    assert store.list() == []
    assert files(directory) == ["a.jsonl.archived"]


def test_archiving_what_is_archived_changes_nothing(store: ArchivingStore, directory: Path) -> None:
    store.save("a", ONE)
    store.archive("a")
    store.archive("a")
    assert store.load("a") == [ONE]
    assert files(directory) == ["a.jsonl.archived"]


def test_what_does_not_exist_is_not_found(store: ArchivingStore, directory: Path) -> None:
    with pytest.raises(SessionNotFound, match="no session 'a'"):
        store.load("a")
    with pytest.raises(SessionNotFound, match="no session 'a'"):
        store.archive("a")
    assert not store.exists("a")
    assert store.list() == []
    assert not store.inspect("a").exists
    assert files(directory) == []


@pytest.mark.parametrize("archived", [False, True, None], ids=["active", "archived", "both"])
def test_a_deleted_session_is_gone_and_can_be_begun_again(
    store: ArchivingStore, directory: Path, archived: bool | None
) -> None:
    store.save("a", ONE)
    if archived is not False:
        store.archive("a")
    if archived is None:
        store.save("a", TWO)
    store.delete("a")
    assert files(directory) == []
    assert not store.exists("a")
    store.delete("a")
    store.save("a", THREE)
    assert store.load("a") == [THREE]


def test_inspection_tells_where_a_session_is(store: ArchivingStore) -> None:
    store.save("a", ONE)
    assert (store.inspect("a").exists, store.inspect("a").active) == (True, True)
    store.archive("a")
    assert (store.inspect("a").exists, store.inspect("a").active) == (True, False)
    store.save("a", TWO)
    assert (store.inspect("a").active, store.inspect("a").messages) == (True, 2)
    assert store.inspect("a").damage == ()


def test_the_files_of_an_earlier_program_are_one_history(
    store: ArchivingStore, directory: Path
) -> None:
    (directory / "a.jsonl.archived").write_bytes(b'{"n":1}\n{"n":2}\n')
    (directory / "a.jsonl").write_bytes(b'{"n":3}\n')
    assert store.load("a") == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert store.list() == ["a"]
    store.archive("a")
    assert (directory / "a.jsonl.archived").read_bytes() == b'{"n":1}\n{"n":2}\n{"n":3}\n'
    assert files(directory) == ["a.jsonl.archived"]


def test_the_bytes_of_archived_lines_stay_as_they_are(
    store: ArchivingStore, directory: Path
) -> None:
    odd = b'{ "n" : 1e2, "s": "\\u00e9" }\r\n\n{"n":NaN}\n'
    (directory / "a.jsonl.archived").write_bytes(odd)
    store.save("a", {"n": 1})
    store.archive("a")
    assert (directory / "a.jsonl.archived").read_bytes() == odd + encode_line({"n": 1})


def test_other_files_are_left_alone_and_not_listed(store: ArchivingStore, directory: Path) -> None:
    for name in ("notes.txt", "a.jsonl.bak", "x.tmp", "a.jsonl.damaged-0123456789ab"):
        (directory / name).write_bytes(b'{"n":1}\n')
    (directory / "d.jsonl").mkdir()
    (directory / ("n" * 249 + ".jsonl")).write_bytes(b'{"n":1}\n')  # it could not be archived
    before = files(directory)
    with ArchivingStore(directory) as again:
        assert again.list() == []
    assert files(directory) == before


def test_leftovers_of_killed_writers_are_removed_when_the_store_is_opened(
    store: ArchivingStore, directory: Path
) -> None:
    for suffix in (".jsonl.tmp", ".jsonl.archived.tmp", ".jsonl.whole.tmp"):
        (directory / f"a{suffix}").write_bytes(b'{"n":1}\n')
    assert store.list() == []
    ArchivingStore(directory).close()
    assert files(directory) == []


def test_the_mode_of_a_merged_file_permits_no_more_than_its_parts(
    store: ArchivingStore, directory: Path
) -> None:
    store.save("a", ONE)
    store.archive("a")
    store.save("a", TWO)
    (directory / "a.jsonl").chmod(0o600)
    (directory / "a.jsonl.archived").chmod(0o640)
    store.archive("a")
    assert (directory / "a.jsonl.archived").stat().st_mode & 0o777 == 0o600


def test_the_storage_directory_is_told_and_made(tmp_path: Path) -> None:
    with ArchivingStore(tmp_path / "x" / "y") as store:
        assert store.storage_dir == str(tmp_path / "x" / "y")
        store.save("a", ONE)
    assert (tmp_path / "x" / "y" / "a.jsonl").exists()


def test_a_closed_store_says_so(store: ArchivingStore) -> None:
    store.close()
    store.close()
    for call in (
        lambda: store.save("a", ONE),
        lambda: store.load("a"),
        lambda: store.exists("a"),
        lambda: store.archive("a"),
        lambda: store.delete("a"),
        lambda: store.inspect("a"),
        store.list,
    ):
        with pytest.raises(StoreClosed, match="open it anew"):
            call()


def test_a_long_first_message_is_listed(store: ArchivingStore) -> None:
    store.save("a", {"content": "x" * 200_000})
    assert store.list() == ["a"]
    assert store.exists("a")


STEPS = ("save", "save elsewhere", "archive", "archive elsewhere", "delete")


def test_every_order_of_calls_by_two_stores_does_what_each_call_says(
    store: ArchivingStore, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for sync in ("fsync", "fdatasync"):  # nothing crashes here
        monkeypatch.setattr(os, sync, lambda descriptor: None)
    expected: dict[str, list[int]] = {}
    active = set()
    with ArchivingStore(directory) as other:
        for order, steps in enumerate(itertools.product(STEPS, repeat=4)):
            session = f"s{order}"
            for number, step in enumerate(steps):
                where = other if step.endswith("elsewhere") else store
                if step.startswith("save"):
                    where.save(session, {"n": number})
                    expected.setdefault(session, []).append(number)
                    active.add(session)
                elif step == "delete":
                    where.delete(session)
                    expected.pop(session, None)
                    active.discard(session)
                elif session in expected:
                    where.archive(session)
                    active.discard(session)
                else:
                    with pytest.raises(SessionNotFound):
                        where.archive(session)
                found = other.inspect(session)
                assert (found.exists, found.active) == (session in expected, session in active)
                if found.exists:
                    assert [one["n"] for one in store.load(session)] == expected[session]
        assert store.list() == sorted(active)
    assert not [name for name in files(directory) if not name.endswith((".jsonl", ".archived"))]
