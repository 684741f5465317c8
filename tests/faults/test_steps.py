"""Steps in words, renumbered, saved, and what became of them."""

import hashlib
import json
from pathlib import Path

import pytest

from tornwrite.faults.agreement import compare
from tornwrite.faults.explain import Reached, fates
from tornwrite.faults.images import Image
from tornwrite.faults.profiles import EXT4, POSIX, PowerLoss
from tornwrite.faults.states import CrashStates
from tornwrite.faults.steps import (
    Close,
    Exchange,
    Fsync,
    Link,
    Open,
    OpenUnnamed,
    Rename,
    Step,
    Store,
    SyncAll,
    Write,
    describe,
    renumbered,
)
from tornwrite.faults.trace import OLDEST, VERSION, Stepped, Trace, load, open_paths, save

WORDS = {
    "open a file without a name in d": OpenUnnamed(2, "d"),
    "open a file without a name in .": OpenUnnamed(2, ""),
    "store 3 B at 8 of a, mapped to memory": Store(1, 8, b"abc"),
    "msync a from 4096 to 8192": Fsync(1, True, 4096, 8192),
    "msync a from 4096 to the end": Fsync(1, True, 4096),
    "fdatasync a": Fsync(1, True),
    "fsync a, begun before the last step": Fsync(1, during=1),
    "msync a from 1 to 2, begun before the last 2 steps": Fsync(1, True, 1, 2, 2),
    "sync, begun before the last 2 steps": SyncAll(during=2),
    "write 1 B at 0 of a (O_SYNC)": Write(1, 0, b"x", sync=True),
    "write 1 B at 0 of a (O_SYNC, begun before the last 3 steps)": Write(1, 0, b"x", True, 3),
    "exchange a and b": Exchange("a", "b"),
    "link a -> b": Link(1, "b"),
    "link c -> b": Link("c", "b"),
    "close #7": Close(7),
}


@pytest.mark.parametrize("words", WORDS)
def test_a_step_is_told_in_one_line(words: str) -> None:
    assert describe(WORDS[words], {1: "a"}) == words


def test_a_file_without_a_name_goes_by_where_it_was_made() -> None:
    paths = open_paths([OpenUnnamed(1, "d"), OpenUnnamed(2, ""), Open(3, "f")])
    assert paths == {1: "d/(no name)", 2: "./(no name)", 3: "f"}


@pytest.mark.parametrize(
    "step",
    [OpenUnnamed(5, ""), Store(5, 0, b"x"), Link(5, "a"), Fsync(5, True, 1, 2)],
    ids=lambda step: type(step).__name__,
)
def test_a_step_with_a_handle_can_be_given_another(step: Step) -> None:
    again = renumbered(step, lambda handle: handle + 1)
    assert again != step
    assert renumbered(again, lambda handle: handle - 1) == step
    assert compare([step], [again]) == []


def test_names_are_not_renumbered() -> None:
    for step in (Link("a", "b"), Rename("a", "b"), Fsync("a"), Exchange("a", "b")):
        assert renumbered(step, lambda _: 9) == step


def test_recordings_that_differ_in_what_was_synced_disagree() -> None:
    (found,) = compare([Open(1, "a"), Fsync(1, True, 0, 8)], [Open(1, "a"), Fsync(1, True, 0, 9)])
    assert 'step 1: in-process has "msync a from 0 to 8"' in str(found)
    assert "different: end" in str(found)


@pytest.mark.parametrize("version", range(OLDEST, VERSION + 1))
def test_traces_of_older_versions_are_read(version: int, tmp_path: Path) -> None:
    """They have none of the newer steps, and their barriers no range."""
    header = {"format": "tornwrite-trace", "version": version, "base": []}
    opened = {"step": "Open", "handle": 1, "path": "f", "create": True, "truncate": False}
    synced = {"step": "Fsync", "target": 1, "data_only": True}
    lines = [header, {**opened, "sites": []}, {**synced, "sites": []}]
    body = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    footer = {"events": 2, "sha256": hashlib.sha256(body).hexdigest()}
    (tmp_path / "t").write_bytes(body + json.dumps(footer).encode() + b"\n")
    assert load(tmp_path / "t").steps == [Open(1, "f", create=True), Fsync(1, True)]


def test_the_new_steps_are_saved_and_loaded(tmp_path: Path) -> None:
    steps = [*WORDS.values()]
    save(Trace((), tuple(Stepped(step) for step in steps)), tmp_path / "t")
    assert load(tmp_path / "t").steps == steps


BASE: Image = (("a", b"0" * 8192), ("b", b"2"))
STEPS: list[Step] = [
    Open(1, "a"),
    Store(1, 0, b"x"),
    Store(1, 4096, b"y"),
    Fsync(1, True, 4096, 8192),
    Exchange("a", "b"),
]


@pytest.mark.parametrize("profile", [EXT4, POSIX], ids=lambda profile: profile.name)
def test_it_is_told_which_stores_and_exchanges_had_reached_the_disk(
    profile: PowerLoss,
) -> None:
    trace = Trace(BASE, tuple(Stepped(step) for step in STEPS))
    told: set[tuple[Reached, ...]] = set()
    for state in CrashStates(trace, profile):
        if state.point == len(STEPS):
            found = fates(trace, profile, state)
            told.add(tuple(fate.reached for fate in found))
            holder = "b" if found[4].reached is Reached.WHOLE else "a"
            content = dict(state.image)[holder]
            assert isinstance(content, bytes)
            assert (content[:1] == b"x") == (found[1].reached is Reached.WHOLE)
            assert content[4096:4097] == b"y"
    lost, kept = Reached.NOT, Reached.WHOLE
    assert {(here, where) for _, here, _, _, where in told} >= {(kept, kept), (lost, kept)}
    assert {synced for _, _, synced, _, _ in told} == {kept}


def test_a_long_run_can_begin_without_a_name(tmp_path: Path) -> None:
    trace = Trace((), (Stepped(OpenUnnamed(1, "")), Stepped(Write(1, 0, b"x"))))
    assert {state.image for state in CrashStates(trace, POSIX)} == {()}
