"""A process that is killed at any call leaves each session as before the operation or as after."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from support.killing import killed_at
from tornwrite.reference import SessionNotFound
from tornwrite.reference.archive import ArchivingStore

# Forking is what is tested here; the store's locks are made anew in the child.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")

LINES = {number: b'{"n":%d}\n' % number for number in range(4)}
STARTS: dict[str, dict[str, bytes]] = {
    "nothing": {},
    "active": {"a.jsonl": LINES[1]},
    "archived": {"a.jsonl.archived": LINES[1]},
    "both": {"a.jsonl.archived": LINES[1], "a.jsonl": LINES[2] + b'{"torn'},
    "no newlines": {"a.jsonl.archived": LINES[1][:-1], "a.jsonl": LINES[2][:-1]},
    "deleted": {"a.jsonl.archived": LINES[1], "a.jsonl": LINES[2], "a.jsonl.gone": b""},
    "superseded": {
        "a.jsonl.archived": LINES[1],
        "a.jsonl": LINES[2],
        "a.jsonl.whole": LINES[1] + LINES[2],
    },
}


@pytest.fixture(autouse=True)
def nothing_is_synced(monkeypatch: pytest.MonkeyPatch) -> None:
    """No power is lost here, and the disks that tests run on are slow."""
    for sync in ("fsync", "fdatasync"):
        monkeypatch.setattr(os, sync, lambda descriptor: None)


def archive(store: ArchivingStore) -> None:
    try:
        store.archive("a")
    except SessionNotFound:
        assert not store.exists("a")


OPERATIONS: dict[str, Callable[[ArchivingStore], None]] = {
    "save": lambda store: store.save("a", {"n": "new"}),
    "archive": archive,
    "delete": lambda store: store.delete("a"),
}


def fill(directory: Path, start: str) -> None:
    ArchivingStore(directory).close()
    for name, data in STARTS[start].items():
        (directory / name).write_bytes(data)


def seen(directory: Path) -> object:
    with ArchivingStore(directory) as store:
        return (store.load("a"), store.list()) if store.exists("a") else None


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_a_kill_at_any_call_leaves_before_or_after_and_every_way_on_works(
    tmp_path: Path, operation: Callable[[ArchivingStore], None], start: str
) -> None:
    fill(tmp_path / "plan", start)
    before = seen(tmp_path / "plan")
    with ArchivingStore(tmp_path / "plan") as store:
        operation(store)
    after = seen(tmp_path / "plan")
    call = 0
    killed = True
    while killed:
        for way, go_on in OPERATIONS.items():
            directory = tmp_path / f"{call}-{way}"
            fill(directory, start)
            killed = killed_at(ArchivingStore, directory, operation, call)
            left = seen(directory)
            assert left in ([before, after] if killed else [after])
            with ArchivingStore(directory) as store:
                messages = store.load("a") if store.exists("a") else []
                go_on(store)
                expected = {"save": [*messages, {"n": "new"}], "archive": messages, "delete": []}
                found = store.load("a") if store.exists("a") else []
                assert found == expected[way]
                assert store.list() == (["a"] if way == "save" else [])
            litter = {".tmp", ".whole", ".gone"} & {path.suffix for path in directory.iterdir()}
            assert not litter
        call += 1
    assert call > 1
