"""Whatever bit of a session's files turns over, no message is shown that was never written."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tornwrite.reference import DamageKind, JSONLStore
from tornwrite.reference.durable.json_lines import encode_line
from tornwrite.reference.durable.lines import Lines, split_lines

GONE = [{"role": "user", "content": "gone"}, {"gone": [2, {"J": "*"}]}]
LIVE: list[dict[str, Any]] = [
    {"role": "user", "content": "JJ *J* \n{}"},
    {},
    {"n": 10, "nested": {"crc32": "00000000"}, "flag": True},
    {"file": "a", "crc32": "0123abcd"},
    {"role": "assistant", "content": "ünï\u2028"},
]
DATA = b"".join(map(encode_line, LIVE))


def is_part_of(found: Sequence[object], all_of: Sequence[object]) -> bool:
    """Whether these are those in their order, with some missing perhaps."""
    rest = iter(all_of)
    return all(any(one == other for other in rest) for one in found)


def flips(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The data with each of its bits turned over, and at which byte."""
    for at in range(len(data)):
        for bit in range(8):
            yield at, data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]


def overwritten(data: bytes, places: Iterable[int]) -> Iterator[tuple[int, bytes]]:
    """The data with the bytes at these places replaced, one at a time, by each other one."""
    for at in places:
        for other in range(256):
            if other != data[at]:
                yield at, data[:at] + bytes([other]) + data[at + 1 :]


def is_told(lines: Lines) -> bool:
    return bool(list(lines.damage("file")))


def test_a_line_with_any_one_byte_overwritten_is_the_message_or_told() -> None:
    end = DATA.rindex(b"\n")  # after it there may be any white space
    for at, damaged in overwritten(DATA, range(end)):
        lines = split_lines(damaged)
        found = lines.history()
        assert is_part_of(found, LIVE), (at, damaged[at], found)
        assert found == LIVE or is_told(lines), (at, damaged[at])
        # One line at most, or the two that a new line end makes of it.
        assert len(found) >= len(LIVE) - 1, (at, damaged[at])


def test_a_newline_that_became_something_else_takes_no_message_away() -> None:
    newlines = [at for at, byte in enumerate(DATA) if byte == ord("\n")]
    for at, damaged in overwritten(DATA, newlines):
        lines = split_lines(damaged)
        assert lines.history() == LIVE
        assert is_told(lines) or damaged.endswith((b"}\t", b"}\r", b"} ")), at


# Text would do in a string, and be told only where it leaves the line a seal.
@pytest.mark.parametrize("fill", [b"\0", b"\xff", b'"'], ids=repr)
def test_any_run_of_bytes_overwritten_is_told_and_hides_no_whole_line(fill: bytes) -> None:
    starts = [0, *(at + 1 for at, byte in enumerate(DATA) if byte == ord("\n"))]
    for at in range(0, len(DATA), 3):
        for size in (2, 5, 16, 30, 64, 120):
            end = min(len(DATA), at + size)
            lines = split_lines(DATA[:at] + fill * (end - at) + DATA[end:])
            found = lines.history()
            assert is_part_of(found, LIVE), (at, size)
            assert found == LIVE or is_told(lines), (at, size)
            places = zip(LIVE, starts, starts[1:], strict=False)
            whole = [one for one, first, last in places if last <= at or first >= end]
            assert is_part_of(whole, found), (at, size)


@pytest.fixture
def session(directory: Path, reopen: Callable[[], JSONLStore]) -> JSONLStore:
    """A session that has lines logically gone, a summary, and metadata."""
    with reopen() as store:
        store.set_summary("k:1", "what was said")
        for message in [*GONE, *LIVE]:
            store.add_full_message("k:1", message)
        store.truncate_history("k:1", len(LIVE))
    return reopen()


def test_a_flipped_bit_in_the_data_file_changes_no_message(
    session: JSONLStore, directory: Path
) -> None:
    path = directory / "k_1.jsonl"
    data = path.read_bytes()
    gone = data.index(encode_line(LIVE[0]))
    for at, damaged in flips(data):
        path.write_bytes(damaged)
        found = session.get_history("k:1")
        assert is_part_of(found, LIVE), at
        assert found == LIVE or session.inspect("k:1").damage, at
        if at < gone:
            assert found == LIVE, at  # whatever became of lines that nobody reads


def test_a_flipped_bit_in_the_metadata_is_told_and_not_obeyed(
    session: JSONLStore, directory: Path
) -> None:
    path = directory / "k_1.meta.json"
    raw = path.read_bytes()
    shown = (LIVE, "what was said")
    told = 0
    for at, damaged in flips(raw):
        path.write_bytes(damaged)
        found = session.get_history("k:1"), session.get_summary("k:1")
        if session.inspect("k:1").damage:
            told += 1
            assert found == ([*GONE, *LIVE], ""), at
        else:
            assert found == shown, at
            assert session.list_sessions() == ["k:1"]
    assert told > 4 * len(raw)


@pytest.mark.parametrize("operation", ["append", "truncate", "compact", "replace", "summary"])
def test_what_follows_damage_destroys_nothing_that_is_readable(
    tmp_path: Path, operation: str
) -> None:
    content = [*GONE, *LIVE]
    with JSONLStore(tmp_path / "whole") as store:
        store.set_history("k", content)
        store.truncate_history("k", len(LIVE))
    data = (tmp_path / "whole" / "k.jsonl").read_bytes()
    metadata = (tmp_path / "whole" / "k.meta.json").read_bytes()
    cuts = range(1, len(data), 7)
    for at in cuts:
        here = tmp_path / str(at)
        here.mkdir()
        (here / "k.meta.json").write_bytes(metadata)
        (here / "k.jsonl").write_bytes(data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :])
        with JSONLStore(here) as store:
            before = store.get_history("k")
            do(store, operation)
            after = store.get_history("k")
        expected = {
            "append": [*before, {"new": 1}],
            "truncate": before[-2:],
            "replace": [{"new": 1}],
        }.get(operation, before)
        assert after == expected, at


def do(store: JSONLStore, operation: str) -> None:
    match operation:
        case "append":
            store.add_full_message("k", {"new": 1})
        case "truncate":
            store.truncate_history("k", 2)
        case "compact":
            store.compact("k")
        case "replace":
            store.set_history("k", [{"new": 1}])
        case _:
            store.set_summary("k", "s")


@pytest.mark.parametrize("size", [16, 64, 512])
def test_a_zeroed_block_among_the_lines_that_are_gone_hides_nothing_and_is_no_loss_later(
    store: JSONLStore, directory: Path, size: int
) -> None:
    messages = [{"role": "user", "content": f"message {number} " * 4} for number in range(40)]
    store.set_history("k", messages)
    store.truncate_history("k", 10)
    path = directory / "k.jsonl"
    data = path.read_bytes()
    path.write_bytes(bytes(size).join((data[:700], data[700 + size :])))
    assert store.get_history("k") == messages[-10:]
    assert [one.kind for one in store.inspect("k").damage][:1] in ([DamageKind.SKIP], [])
    store.add_full_message("k", {"n": 1})
    store.truncate_history("k", 8)
    assert store.get_history("k") == [*messages[-7:], {"n": 1}]
    store.compact("k")
    assert store.get_history("k") == [*messages[-7:], {"n": 1}]
    assert not store.inspect("k").damage


def test_lines_that_are_missing_at_the_end_are_told(store: JSONLStore, directory: Path) -> None:
    store.set_history("k", LIVE)
    path = directory / "k.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    for left in range(len(lines)):
        path.write_bytes(b"".join(lines[:left]))
        assert store.get_history("k") == LIVE[:left]
        assert [one.kind for one in store.inspect("k").damage] == [DamageKind.MISSING]
    path.unlink()
    assert [one.kind for one in store.inspect("k").damage] == [DamageKind.MISSING]
    store.add_full_message("k", {"new": 1})
    assert store.get_history("k") == [{"new": 1}]


def test_metadata_that_is_missing_is_told(store: JSONLStore, directory: Path) -> None:
    store.set_history("k", LIVE)
    (directory / "k.meta.json").unlink()
    assert store.get_history("k") == LIVE
    assert [one.kind for one in store.inspect("k").damage] == [DamageKind.METADATA]


def test_a_checked_file_may_be_written_in_another_way(store: JSONLStore, directory: Path) -> None:
    messages = [*GONE, *LIVE[:3], *LIVE[4:]]  # without one that has a member like a seal's
    store.set_history("k", messages)
    store.set_summary("k", "<ü>")
    store.truncate_history("k", 2)
    for path in (directory / "k.meta.json", directory / "k.jsonl"):
        lines = path.read_bytes().split(b"\n") if path.suffix == ".jsonl" else [path.read_bytes()]
        again = [json.dumps(json.loads(line)).encode() if line else line for line in lines]
        path.write_bytes(b"\n".join(again))
    assert store.get_summary("k") == "<ü>"
    damage = store.inspect("k").damage
    # The bytes that the lines take have changed, so that where to begin is not known any more.
    assert {one.kind for one in damage} <= {DamageKind.SKIP}
    assert is_part_of(messages[-2:], store.get_history("k"))


def test_metadata_that_another_program_changed_is_not_checked(
    store: JSONLStore, directory: Path
) -> None:
    store.set_history("k", [*GONE, *LIVE])
    path = directory / "k.meta.json"
    metadata = json.loads(path.read_bytes())
    metadata |= {"skip": 2, "summary": "theirs", "updated_at": "2040-01-01T00:00:00Z"}
    path.write_text(json.dumps(metadata))
    assert (store.get_history("k"), store.get_summary("k")) == (LIVE, "theirs")
    assert not store.inspect("k").damage
    store.add_full_message("k", {"new": 1})
    store.set_summary("k", "ours")
    assert store.get_history("k") == [*LIVE, {"new": 1}]
    assert not store.inspect("k").damage


def test_damaged_metadata_gives_a_session_to_no_other_key(
    store: JSONLStore, directory: Path
) -> None:
    store.set_history("a:b", LIVE)
    path = directory / "a_b.meta.json"
    path.write_bytes(path.read_bytes().replace(b'"skip": 0', b'"skip": 4'))
    assert store.list_sessions() == ["a:b"]
    assert store.get_history("a_b") == []
    store.add_full_message("a_b", {"new": 1})
    assert store.get_history("a:b") == LIVE
    assert store.inspect("a:b").damage[0].kind is DamageKind.METADATA
    store.add_full_message("a:b", {"new": 2})
    assert store.get_history("a:b") == [*LIVE, {"new": 2}]
    assert store.get_history("a_b") == [{"new": 1}]


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_the_newline_before_the_first_shown_line_takes_nothing_away(
    store: JSONLStore, directory: Path, kept: int
) -> None:
    """What is gone and what is shown are parted by it, and by the byte that the metadata says."""
    store.set_history("k", [{"n": n} for n in range(4)])
    store.truncate_history("k", kept)
    path = directory / "k.jsonl"
    data = path.read_bytes()
    begin = len(b"".join(data.splitlines(keepends=True)[: 4 - kept]))
    path.write_bytes(data[: begin - 1] + b"\x08" + data[begin:])
    shown = [{"n": n} for n in range(4 - kept, 4)]
    assert store.get_history("k") == shown
    assert bool(store.inspect("k").damage) == bool(kept)
    store.truncate_history("k", 1_000_000)
    store.add_full_message("k", {"n": 4})
    for compacted in (store.compact, store.get_history):
        compacted("k")
        assert store.get_history("k") == [*shown, {"n": 4}]
    assert store.inspect("k").damage == ()
