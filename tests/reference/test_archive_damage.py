"""Damage in an archiving store's files: it is told, kept, and hides no message."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tornwrite.reference import DamageKind, SessionNotFound
from tornwrite.reference.archive import ArchivingStore
from tornwrite.reference.archive.session import Session
from tornwrite.reference.durable.json_lines import encode_line

TORN = b'{"role":"us'


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.fixture
def store(directory: Path) -> Iterator[ArchivingStore]:
    with ArchivingStore(directory) as store:
        yield store


def put(directory: Path, active: bytes | None = None, archived: bytes | None = None) -> None:
    for name, data in (("a.jsonl", active), ("a.jsonl.archived", archived)):
        if data is not None:
            (directory / name).write_bytes(data)


def numbers(store: ArchivingStore) -> list[int]:
    return [message["n"] for message in store.load("a")]


def kept(directory: Path) -> list[bytes]:
    return sorted(path.read_bytes() for path in directory.glob("*.damaged-*"))


def test_damaged_lines_hide_nothing_are_told_and_logged(
    store: ArchivingStore, directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(directory, b'{"n":3}\n[]\n{"n":4}\n' + TORN, b'{"n":1}\nno message\n{"n":2}\n')
    with caplog.at_level(logging.WARNING):
        assert numbers(store) == [1, 2, 3, 4]
    found = store.inspect("a")
    told = [(damage.kind, damage.file, damage.line) for damage in found.damage]
    assert told == [
        (DamageKind.LINE, "a.jsonl.archived", 2),
        (DamageKind.LINE, "a.jsonl", 2),
        (DamageKind.TORN_TAIL, "a.jsonl", None),
    ]
    assert caplog.messages == [str(damage) for damage in found.damage]
    assert found.messages == 4


@pytest.mark.parametrize(
    ("file", "data", "kind"),
    [
        ("a.jsonl.archived", b'{"n":0}\n[]\n', DamageKind.LINE),
        ("a.jsonl.archived", b'{"n":0}\n' + TORN, DamageKind.TORN_TAIL),
        ("a.jsonl.whole", b"", DamageKind.FILE),
    ],
)
def test_damage_of_any_kind_is_logged_when_it_is_all_there_is(
    store: ArchivingStore,
    directory: Path,
    caplog: pytest.LogCaptureFixture,
    file: str,
    data: bytes,
    kind: DamageKind,
) -> None:
    put(directory, active=b'{"n":1}\n')
    (directory / file).write_bytes(data)
    with caplog.at_level(logging.WARNING):
        store.load("a")
    (damage,) = store.inspect("a").damage
    assert (damage.kind, damage.file) == (kind, file)
    assert caplog.messages == [str(damage)]


def test_of_what_is_whole_no_line_is_read_twice(
    store: ArchivingStore, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = b'{"n":1}\n\r\n\n{"n":2}\n'
    put(directory, lines, lines)
    monkeypatch.setattr(Session, "damage", lambda self: pytest.fail("what is wrong is sought"))
    assert numbers(store) == [1, 2, 1, 2]


def test_damaged_lines_stay_where_they_are_when_the_files_are_merged(
    store: ArchivingStore, directory: Path
) -> None:
    put(directory, b'{"n":3}\n[]\n{"n":4}\n', b'{"n":1}\nno message\n{"n":2}\n')
    store.archive("a")
    merged = b'{"n":1}\nno message\n{"n":2}\n{"n":3}\n[]\n{"n":4}\n'
    assert (directory / "a.jsonl.archived").read_bytes() == merged
    assert kept(directory) == []


def test_torn_tails_of_both_files_are_kept_aside_when_they_are_merged(
    store: ArchivingStore, directory: Path
) -> None:
    put(directory, b'{"n":2}\n{"n":', b'{"n":1}\n' + TORN)
    store.archive("a")
    assert (directory / "a.jsonl.archived").read_bytes() == b'{"n":1}\n{"n":2}\n'
    assert kept(directory) == sorted([b'{"n":', TORN])


def test_last_lines_that_lack_their_newline_count_and_get_one(
    store: ArchivingStore, directory: Path
) -> None:
    put(directory, b'{"n":2}', b'{"n":1}')
    assert numbers(store) == [1, 2]
    store.archive("a")
    assert (directory / "a.jsonl.archived").read_bytes() == b'{"n":1}\n{"n":2}\n'


def test_a_torn_archive_is_gone_on_with(store: ArchivingStore, directory: Path) -> None:
    put(directory, archived=b'{"n":1}\n' + TORN)
    store.save("a", {"n": 2})
    assert numbers(store) == [1, 2]
    assert (directory / "a.jsonl.archived").read_bytes() == b'{"n":1}\n' + TORN


def test_a_torn_session_that_is_archived_keeps_its_tail(
    store: ArchivingStore, directory: Path
) -> None:
    put(directory, b'{"n":1}\n' + TORN)
    store.archive("a")
    assert numbers(store) == [1]
    assert (directory / "a.jsonl.archived").read_bytes() == b'{"n":1}\n' + TORN


@pytest.mark.parametrize("data", [b"", TORN, b"\0" * 40, b"\n\r\n"])
def test_a_file_without_a_line_is_a_first_save_that_never_happened(
    store: ArchivingStore, directory: Path, data: bytes
) -> None:
    put(directory, data)
    assert (store.list(), store.exists("a"), store.inspect("a").exists) == ([], False, False)
    for call in (store.load, store.archive):
        with pytest.raises(SessionNotFound):
            call("a")
    store.save("a", {"n": 1})
    assert (numbers(store), store.list()) == ([1], ["a"])


@pytest.mark.parametrize("data", [b"", TORN, b"\0" * 40])
def test_a_first_save_after_archiving_that_never_happened_leaves_it_archived(
    store: ArchivingStore, directory: Path, data: bytes
) -> None:
    put(directory, data, b'{"n":1}\n')
    assert (store.list(), store.exists("a"), store.inspect("a").active) == ([], True, False)
    store.archive("a")
    assert (store.list(), numbers(store)) == ([], [1])
    store.save("a", {"n": 2})
    assert (store.list(), numbers(store)) == (["a"], [1, 2])
    assert kept(directory) == ([TORN] if data == TORN else [])


def test_an_archived_file_without_a_line_is_no_session_and_in_nobodys_way(
    store: ArchivingStore, directory: Path
) -> None:
    put(directory, archived=TORN)
    assert not store.exists("a")
    store.save("a", {"n": 1})
    store.archive("a")
    assert (directory / "a.jsonl.archived").read_bytes() == encode_line({"n": 1})
    assert kept(directory) == [TORN]


@pytest.mark.parametrize("left", ["both", "archived", "neither"])
def test_a_superseding_file_is_the_session_until_a_writer_has_put_it_in_its_place(
    store: ArchivingStore, directory: Path, left: str
) -> None:
    (directory / "a.jsonl.whole").write_bytes(b'{"n":1}\n{"n":2}\n')
    if left == "both":
        put(directory, b'{"n":2}\n', b'{"n":1}\n')
    elif left == "archived":
        put(directory, archived=b'{"n":1}\n')
    assert (store.list(), store.exists("a"), numbers(store)) == ([], True, [1, 2])
    with ArchivingStore(directory) as again:
        assert numbers(again) == [1, 2]
    store.save("a", {"n": 3})
    assert (store.list(), numbers(store)) == (["a"], [1, 2, 3])
    assert (directory / "a.jsonl.archived").read_bytes() == b'{"n":1}\n{"n":2}\n'
    assert not (directory / "a.jsonl.whole").exists()


@pytest.mark.parametrize(
    ("archived", "active", "whole", "found"),
    [
        (b'{"n":1}\n', None, b'{"?":1}]{"n":2}\n', [1, 2]),
        (b'{"n":1}\n', None, b'?????1}\n{"n":2}\n{"n":3}\n', [1, 2, 3]),
        (bytes(8), b'{"n":2}\n', b'{"n":1}\n?????2}\n', [1, 2]),
        (None, b'{"n":2}\n', b"none\n", [2]),
        (b'{"n":1}\n', b"?????2}\n", b'{"?":\n', [1]),
        (b'{"n":1}\n', b'{"n":2}\n', b'{"n":1}\n{"n":2}\n{"n":3}\n', [1, 2, 3]),
        (None, b'{"n":2}\n', b'{"n":1}\n{"n', [1, 2]),
        (None, b'{"n":2}\n', b'{"n":1}\n[2, 3, 4]\n', [1, 2]),
        (None, b'{"n":2}\n{"n":3}\n', b'{"n":1}\n{"n":2}\n', [1, 2, 3]),
        (None, b'{"n":2}\n{"n":2}\n{"n":3}\n', b'{"n":1}\n{"n":2}\n{"n":2}\n', [1, 2, 2, 3]),
        (None, b'{"n":2}\n{"n":3}\n', b'{"n":1}\n?????2}\n{"n":3}\n', [1, 2, 3]),
        (b'{"n":1}\n', b'{"n":2}\n{"n":3}\n', b'{"n":1}\n{"n":2}\n', [1, 2, 3]),
    ],
    ids=[
        "joined",
        "archived",
        "active",
        "hidden",
        "both",
        "sound",
        "cut",
        "cut and damaged",
        "cut between",
        "cut between two alike",
        "in place",
        "cut, nothing gone",
    ],
)
def test_what_is_damaged_in_a_superseding_file_comes_from_the_files_that_it_supersedes(
    store: ArchivingStore,
    directory: Path,
    archived: bytes | None,
    active: bytes | None,
    whole: bytes,
    found: list[int],
) -> None:
    put(directory, active, archived)
    (directory / "a.jsonl.whole").write_bytes(whole)
    assert numbers(store) == found
    store.save("a", {"n": 9})
    assert numbers(store) == [*found, 9]
    assert kept(directory) == ([] if whole.count(b'n":') == len(found) else [whole])


@pytest.mark.parametrize(
    ("archived", "active", "whole", "found", "aside"),
    [
        (b'{"n":1}\n', b"?????2}\n", b'?????1}\n{"n":2}\n', [1, 2], ["active", "whole"]),
        (b"?????1}\n", b'{"n":2}\n', b'{"n":1}\n?????2}\n', [1, 2], ["archived", "whole"]),
        (None, b'{"n":2}\n{"n":3}\n', b'{"n":1}\n?\n{"n":3}\n', [1, 3], ["active"]),
    ],
    ids=["the end of both", "the beginning of both", "not read"],
)
def test_of_files_that_are_damaged_too_what_is_in_no_piece_is_kept_aside(
    store: ArchivingStore,
    directory: Path,
    archived: bytes | None,
    active: bytes,
    whole: bytes,
    found: list[int],
    aside: list[str],
) -> None:
    put(directory, active, archived)
    (directory / "a.jsonl.whole").write_bytes(whole)
    assert numbers(store) == found
    store.save("a", {"n": 9})
    assert numbers(store) == [*found, 9]
    held = {"active": active, "archived": archived, "whole": whole}
    assert kept(directory) == sorted(held[name] or b"" for name in aside)


@pytest.mark.parametrize("call", ["save", "archive", "delete"])
@pytest.mark.parametrize("left", ["both", "active", "archived", "neither"])
def test_a_file_that_says_gone_hides_the_others_until_they_are(
    store: ArchivingStore, directory: Path, left: str, call: str
) -> None:
    (directory / "a.jsonl.gone").write_bytes(b"")
    active = b'{"n":2}\n' if left in ("both", "active") else None
    put(directory, active, b'{"n":1}\n' if left in ("both", "archived") else None)
    assert (store.list(), store.exists("a"), store.inspect("a").exists) == ([], False, False)
    if call == "save":
        store.save("a", {"n": 3})
        assert numbers(store) == [3]
        store.delete("a")
    elif call == "archive":
        with pytest.raises(SessionNotFound):
            store.archive("a")
    else:
        store.delete("a")
    assert [path.name for path in directory.iterdir()] == [".lock"]


@pytest.mark.parametrize("data", [b"", b"\0" * 20, TORN])
def test_a_superseding_file_without_a_line_takes_no_place(
    store: ArchivingStore, directory: Path, data: bytes
) -> None:
    put(directory, b'{"n":2}\n', b'{"n":1}\n')
    (directory / "a.jsonl.whole").write_bytes(data)
    assert (store.list(), store.exists("a"), numbers(store)) == (["a"], True, [1, 2])
    assert [damage.kind for damage in store.inspect("a").damage] == [DamageKind.FILE]
    store.save("a", {"n": 3})
    assert numbers(store) == [1, 2, 3]
    assert not store.inspect("a").damage
    assert kept(directory) == ([TORN] if data == TORN else [])
    store.archive("a")
    assert numbers(store) == [1, 2, 3]
