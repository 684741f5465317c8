"""Damage is reported and kept aside; it hides and destroys nothing that can be read."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from tornwrite.reference import Damage, DamageKind, JSONLStore
from tornwrite.reference.durable.json_lines import encode_line

GOOD = b'{"n":1}\n[1]\n{"n":2}\nnot json\n\n{"n":3}\n{"n":NaN}\n'
MESSAGES = [{"n": 1}, {"n": 2}, {"n": 3}]


@pytest.fixture
def damaged(directory: Path, reopen: Callable[[], JSONLStore]) -> JSONLStore:
    """A session of three messages, three damaged lines and an empty one."""
    with reopen() as store:
        store.set_summary("k", "s")
    (directory / "k.jsonl").write_bytes(GOOD)
    return reopen()


def kept(directory: Path) -> set[bytes]:
    return {path.read_bytes() for path in directory.glob("*.damaged-*")}


def places(damage: tuple[Damage, ...]) -> list[tuple[DamageKind, int | None]]:
    return [(one.kind, one.line) for one in damage]


def test_damaged_lines_are_reported_with_their_numbers(
    damaged: JSONLStore, caplog: pytest.LogCaptureFixture
) -> None:
    state = damaged.inspect("k")
    assert (state.lines, state.messages) == (6, 3)
    assert places(state.damage) == [(DamageKind.LINE, number) for number in (2, 4, 6)]
    with caplog.at_level(logging.WARNING):
        assert damaged.get_history("k") == MESSAGES
    assert ["k.jsonl, line 2" in caplog.text, "k.jsonl, line 4" in caplog.text] == [True, True]


def test_appending_leaves_damaged_lines_alone(damaged: JSONLStore, directory: Path) -> None:
    damaged.add_full_message("k", {"n": 4})
    assert (directory / "k.jsonl").read_bytes() == GOOD + encode_line({"n": 4})
    assert not kept(directory)


@pytest.mark.parametrize("keep", [0, 1, 2, 3, 4])
def test_truncation_counts_messages_not_lines(damaged: JSONLStore, keep: int) -> None:
    damaged.truncate_history("k", keep)
    assert damaged.get_history("k") == (MESSAGES[-keep:] if keep else [])
    assert damaged.inspect("k").count == 6


def test_compaction_keeps_damaged_lines_aside(damaged: JSONLStore, directory: Path) -> None:
    damaged.compact("k")
    assert (directory / "k.jsonl").read_bytes() == b'{"n":1}\n{"n":2}\n{"n":3}\n'
    assert kept(directory) == {b'[1]\nnot json\n{"n":NaN}\n'}
    assert not damaged.inspect("k").damage
    assert damaged.get_summary("k") == "s"


def test_replacing_the_history_keeps_damaged_lines_aside(
    damaged: JSONLStore, directory: Path
) -> None:
    damaged.set_history("k", [{"new": 1}])
    assert damaged.get_history("k") == [{"new": 1}]
    assert kept(directory) == {b'[1]\nnot json\n{"n":NaN}\n'}


def test_an_escaped_lone_surrogate_is_a_message_and_survives_compaction(
    store: JSONLStore, directory: Path
) -> None:
    store.add_full_message("k", {"n": 0})
    line = b'{"text":"\\ud83d alone"}\n'
    with (directory / "k.jsonl").open("ab") as file:
        file.write(line)
    assert store.get_history("k") == [{"n": 0}, {"text": "\ud83d alone"}]
    store.truncate_history("k", 1)
    store.compact("k")
    assert (directory / "k.jsonl").read_bytes() == line


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b'{"key": "k", "skip": "two"}',
        b'{"key": "k", "skip": -1}',
        b'{"key": "k", "skip": true}',
        b'{"key": "k", "summary": 3}',
        b'{"key": "k", "migrated_from": [1]}',
        b'{"key": "k", "data_generation": 1.5}',
        b'{"key": "k", "summary": "\xff"}',
        b"\0" * 300,
        b"[" * 100_000,
    ],
    ids=lambda raw: repr(raw[:30]),
)
def test_damaged_metadata_hides_no_message_and_is_kept_aside(
    damaged: JSONLStore, directory: Path, raw: bytes
) -> None:
    (directory / "k.meta.json").write_bytes(raw)
    assert damaged.get_history("k") == MESSAGES
    assert damaged.get_summary("k") == ""
    assert damaged.inspect("k").damage[0].kind is DamageKind.METADATA
    assert damaged.list_sessions() == ["k"]
    damaged.add_full_message("k", {"n": 4})
    assert damaged.get_history("k") == [*MESSAGES, {"n": 4}]
    assert DamageKind.METADATA not in {damage.kind for damage in damaged.inspect("k").damage}
    files = list(directory.glob("k.meta.json.damaged-*"))
    assert [path.read_bytes() for path in files] == ([raw] if raw.strip(b"\0") else [])


def test_a_skip_beyond_the_end_shows_everything_now_and_later(
    store: JSONLStore, directory: Path
) -> None:
    for number in range(4):
        store.add_full_message("k", {"n": number})
    store.truncate_history("k", 1)
    path = directory / "k.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:2]))
    assert store.get_history("k") == [{"n": 0}, {"n": 1}]
    assert places(store.inspect("k").damage) == [
        (DamageKind.SKIP, None),
        (DamageKind.MISSING, None),
    ]
    # The lines would soon reach the number, and be hidden.
    for number in (5, 6):
        store.add_full_message("k", {"n": number})
    assert store.get_history("k") == [{"n": number} for number in (0, 1, 5, 6)]
    state = store.inspect("k")
    assert (state.skip, state.damage) == (0, ())
    assert any(b'"skip": 3' in raw for raw in kept(directory))


def test_a_generation_that_damaged_metadata_may_have_named_is_kept(
    store: JSONLStore, directory: Path, reopen: Callable[[], JSONLStore]
) -> None:
    store.add_full_message("k", {"n": 1})
    generation = directory / "k.jsonl.0000000003"
    generation.write_bytes(b'{"n":2}\n')
    (directory / "k.meta.json").write_bytes(b"{")
    again = reopen()
    assert generation.exists()
    again.set_history("k", [{"n": 3}])
    assert again.get_history("k") == [{"n": 3}]
    reopen()
    assert not generation.exists()
    assert b'{"n":2}\n' in kept(directory)


def test_count_and_skip_follow_the_lines_on_disk(store: JSONLStore, directory: Path) -> None:
    store.add_full_message("k", {"n": 0})
    with (directory / "k.jsonl").open("ab") as file:
        file.write(b'{"n":1}\n{"n":2}\n')
    store.truncate_history("k", 10)
    assert store.inspect("k").count == 3
    store.truncate_history("k", 1)
    assert (store.inspect("k").count, store.inspect("k").skip) == (3, 2)
