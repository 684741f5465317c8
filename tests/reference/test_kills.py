"""A process that is killed at any call leaves each session as before the operation or as after."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from support.killing import killed_at
from tornwrite.reference import JSONLStore, migrate_legacy

# Forking is what is tested here; the store's locks are made anew in the child.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")

LEGACY = b'{"key": "k", "messages": [{"n": "legacy"}], "summary": "from legacy"}'
KEYS = ("k", "new:key")

OPERATIONS: dict[str, Callable[[JSONLStore], object]] = {
    "add": lambda store: store.add_message("k", "user", "new"),
    "add first": lambda store: store.add_message("new:key", "user", "new"),
    "set_history": lambda store: store.set_history("k", [{"n": "new"}]),
    "set_history first": lambda store: store.set_history("new:key", [{"n": "new"}]),
    "truncate": lambda store: store.truncate_history("k", 1),
    "compact": lambda store: store.compact("k"),
    "set_summary": lambda store: store.set_summary("k", "new"),
    "migrate": migrate_legacy,
}


def fill(directory: Path, torn: bytes) -> None:
    with JSONLStore(directory) as store:
        for number in range(4):
            store.add_full_message("k", {"n": number})
        store.truncate_history("k", 3)
    (directory / "k.json").write_bytes(LEGACY)
    with (directory / "k.jsonl").open("ab") as file:
        file.write(torn)


def seen(directory: Path) -> object:
    with JSONLStore(directory) as store:
        return [(store.get_history(key), store.get_summary(key)) for key in KEYS]


@pytest.mark.parametrize("torn", [b"", b'{"torn', b'{"n": 4}'], ids=["whole", "torn", "no newline"])
@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_a_kill_at_any_call_leaves_before_or_after(
    tmp_path: Path, operation: Callable[[JSONLStore], object], torn: bytes
) -> None:
    fill(tmp_path / "plan", torn)
    before = seen(tmp_path / "plan")
    with JSONLStore(tmp_path / "plan") as store:
        operation(store)
    after = seen(tmp_path / "plan")
    call = 0
    while True:
        directory = tmp_path / str(call)
        fill(directory, torn)
        killed = killed_at(JSONLStore, directory, operation, call)
        left = seen(directory)
        assert left in ([before, after] if killed else [after])
        with JSONLStore(directory) as store:
            migrate_legacy(store)
            for key in KEYS:
                store.add_full_message(key, {"n": "probe"})
                assert store.get_history(key)[-1] == {"n": "probe"}
                store.truncate_history(key, 1_000)
                store.compact(key)
                state = store.inspect(key)
                assert (state.count, state.damage) == (state.lines, ())
        JSONLStore(directory).close()
        litter = [name for name in os.listdir(directory) if name.endswith(".tmp")]
        assert not litter
        assert not list(directory.glob("*.jsonl.0*"))
        if not killed:
            break
        call += 1
    assert call > 1
