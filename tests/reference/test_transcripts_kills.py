"""A process that is killed at any call leaves each transcript as before the operation or after."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from support.killing import killed_at
from tornwrite.reference.transcripts import TranscriptStore

# Forking is what is tested here; the store's locks are made anew in the child.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")

NEW = {"role": "user", "content": "new"}
PROBE = {"role": "user", "content": "probe"}
HEADER = b'{"type":"session","id":"a","created_at":"2026-01-02T03:04:05Z"}\n'

OPERATIONS: dict[str, Callable[[TranscriptStore], object]] = {
    "get": lambda store: store.get_or_create("a"),
    "create": lambda store: store.get_or_create("new"),
    "create over zeros": lambda store: store.get_or_create("zeros"),
    "append": lambda store: store.get_or_create("a").append(NEW),
    "delete": lambda store: store.delete("a"),
    "list": lambda store: store.list(),
}
TAILS = [b"", b'{"role":"user","content":"0"}\n', b'{"torn', b'{"n": 4}']


def fill(directory: Path, tail: bytes) -> None:
    directory.mkdir()
    (directory / "a.jsonl").write_bytes(HEADER + tail)
    (directory / "zeros.jsonl").write_bytes(b"\0" * 70)


def seen(directory: Path) -> object:
    with TranscriptStore(directory) as store:
        listed = store.list()
        assert store.list() == listed
        found = {info.id: store.get_or_create(info.id).get_messages() for info in listed}
        return found, [(info.id, info.title, info.message_count) for info in listed]


@pytest.mark.parametrize("tail", TAILS, ids=["empty", "whole", "torn", "no newline"])
@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_a_kill_at_any_call_leaves_before_or_after(
    tmp_path: Path, operation: Callable[[TranscriptStore], object], tail: bytes
) -> None:
    fill(tmp_path / "plan", tail)
    before = seen(tmp_path / "plan")
    with TranscriptStore(tmp_path / "plan") as store:
        operation(store)
    after = seen(tmp_path / "plan")
    call = 0
    while True:
        directory = tmp_path / str(call)
        fill(directory, tail)
        held = TranscriptStore(directory)  # another process that was there all the time
        if operation is not OPERATIONS["list"]:
            held.list()
        killed = killed_at(TranscriptStore, directory, operation, call)
        with held:
            listed = held.list()
            left = seen(directory)
            assert left in ([before, after] if killed else [after])
            assert held.list() == listed
            for name in ("a", "new", "zeros"):
                transcript = held.get_or_create(name)
                transcript.append(PROBE)
                assert transcript.get_messages()[-1] == PROBE
                assert not held.inspect(name).damage
                held.delete(name)
            assert held.list() == []
        TranscriptStore(directory).close()
        found = [name for name in os.listdir(directory) if ".damaged-" not in name]
        assert sorted(found) in ([".index", ".lock"], [".lock"])
        if not killed:
            break
        call += 1
    assert call >= 1 or operation is OPERATIONS["list"]  # which may have nothing to write
