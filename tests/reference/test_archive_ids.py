"""Any id names a session of its own, in the store's directory, or is refused."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tornwrite.reference import KeyRefused, MessageRefused, StoreError
from tornwrite.reference.archive import ArchivingStore

STRANGE = (
    "", " ", ".", "..", "../x", "/etc/x", "a/b", "a\\b", "a:b", "%", "%41", "A", "%2541", "a.jsonl",
    "a.jsonl.archived", "a.jsonl.whole", "a.jsonl.whole.tmp", "a.jsonl.tmp", "a.jsonl.gone", "a",
    ".lock", "x.tmp",
    "\0", "line\nbreak", "\x7f", "\x85", "é", "e\u0301", "\U0001f680", "\u2028", "-rf", "~", "*",
    "a.jsonl.damaged-0123456789ab", "n" * 236, "%" * 236, "a/b" * 40, "\U0001f680" * 59,
)  # fmt: skip


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "outer" / "archive"


@pytest.fixture
def store(directory: Path) -> Iterator[ArchivingStore]:
    with ArchivingStore(directory) as store:
        yield store


def test_strange_ids_each_name_a_session_of_their_own(
    store: ArchivingStore, directory: Path
) -> None:
    for one in STRANGE:
        store.save(one, {"id": one})
    assert store.list() == sorted(STRANGE)
    for one in STRANGE[::2]:
        store.archive(one)
        store.save(one, {"more": one})
        store.archive(one)
    with ArchivingStore(directory) as again:
        assert again.list() == sorted(STRANGE[1::2])
        for number, one in enumerate(STRANGE):
            more = [] if number % 2 else [{"more": one}]
            assert again.load(one) == [{"id": one}, *more]
            assert again.inspect(one).active == bool(number % 2)
    for one in STRANGE:
        store.delete(one)
        assert not store.exists(one)
    assert [path.name for path in directory.iterdir()] == [".lock"]
    assert [path.name for path in directory.parent.iterdir()] == ["archive"]


@pytest.mark.parametrize(
    "bad", ["n" * 237, "%" * 237, "/" * 79, "a\ud800", 7, None, b""], ids=lambda bad: repr(bad)[:9]
)
def test_what_cannot_name_a_session_is_refused_before_anything_is_written(
    store: ArchivingStore, directory: Path, bad: str
) -> None:
    for call in (store.load, store.exists, store.archive, store.delete, store.inspect):
        with pytest.raises(KeyRefused):
            call(bad)
    with pytest.raises(KeyRefused):
        store.save(bad, {})
    assert [path.name for path in directory.iterdir()] == [".lock"]


@pytest.mark.parametrize("bad", [{"n": float("nan")}, {1: 2}, {"s": "\ud800"}, {"n": 1 << 80}, []])
def test_what_could_not_be_read_back_is_refused_before_anything_is_written(
    store: ArchivingStore, directory: Path, bad: dict[str, object]
) -> None:
    with pytest.raises(MessageRefused) as caught:
        store.save("a", bad)
    assert isinstance(caught.value, StoreError)
    assert [path.name for path in directory.iterdir()] == [".lock"]
