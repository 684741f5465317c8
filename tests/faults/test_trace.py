"""Trace files: what was saved is what is loaded, and what is damaged is refused."""

import hashlib
import os
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tornwrite.faults.images import Image, SymbolicLink
from tornwrite.faults.steps import (
    Close,
    Exchange,
    Fsync,
    Link,
    Mkdir,
    Open,
    OpenUnnamed,
    Rename,
    Rmdir,
    SetSize,
    Step,
    Store,
    Symlink,
    SyncAll,
    Unlink,
    Write,
)
from tornwrite.faults.trace import (
    Acknowledged,
    Began,
    Event,
    Failed,
    Restarted,
    Site,
    Stepped,
    Trace,
    TraceFileError,
    load,
    open_paths,
    save,
)

names = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
numbers = st.integers(0, 2**40)
plain: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=5,
)
steps: st.SearchStrategy[Step] = st.one_of(
    st.builds(Open, numbers, names, st.booleans(), st.booleans()),
    st.builds(Write, numbers, st.none() | numbers, st.binary(max_size=20), st.booleans(), numbers),
    st.builds(SetSize, numbers, numbers),
    st.builds(Close, numbers),
    st.builds(Fsync, numbers | names, st.booleans()),
    st.builds(SyncAll, st.integers(0, 9)),
    st.builds(Rename, names, names),
    st.builds(Link, names, names),
    st.builds(Unlink, names),
    st.builds(Symlink, names, names),
    st.builds(Mkdir, names),
    st.builds(Rmdir, names),
    st.builds(OpenUnnamed, numbers, names),
    st.builds(Store, numbers, numbers, st.binary(max_size=20)),
    st.builds(Fsync, numbers, st.just(True), numbers, st.none() | numbers, st.integers(0, 9)),
    st.builds(Exchange, names, names),
    st.builds(Link, numbers, names),
)
sites = st.lists(st.builds(Site, names, numbers, names), max_size=2).map(tuple)
events: st.SearchStrategy[Event] = st.one_of(
    st.builds(Stepped, steps, sites),
    st.builds(Began, numbers, names, st.dictionaries(names, plain, max_size=3)),
    st.builds(Acknowledged, numbers, plain),
    st.builds(Failed, numbers, names),
    st.builds(Restarted),
)
nodes = st.binary(max_size=20) | st.none() | st.builds(SymbolicLink, names)
bases: st.SearchStrategy[Image] = st.dictionaries(names, nodes, max_size=4).map(
    lambda entries: tuple(sorted(entries.items()))
)
traces = st.builds(Trace, bases, st.lists(events, max_size=6).map(tuple))

SMALL = Trace(
    (("d", None), ("d/f", b"\x00\xffold"), ("link", SymbolicLink("d/f"))),
    (
        Began(0, "put", {"key": "é", "value": [1, None, "\n"]}),
        Stepped(Open(1, "d/g", create=True), (Site("store.py", 7, "put"),)),
        Stepped(Write(1, None, b"\n{}\n")),
        Acknowledged(0, {"done": True}),
        Restarted(),
        Began(1, "get", {}),
        Failed(1, "KeyError: 'x'"),
    ),
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "run.trace"


def refused(file: Path) -> str:
    with pytest.raises(TraceFileError) as error:
        load(file)
    message = str(error.value)
    assert str(file) in message, message
    assert "\n" not in message, message
    return message


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(trace=traces)
def test_what_was_saved_is_what_is_loaded(file: Path, trace: Trace) -> None:
    save(trace, file)
    assert load(file) == trace


def test_a_file_name_that_is_no_utf_8_survives(file: Path) -> None:
    strange = os.fsdecode(b"\xff")
    trace = Trace(((strange, b""),), (Stepped(Open(1, strange)),))
    save(trace, file)
    assert load(file) == trace


def test_saving_the_same_trace_gives_the_same_bytes(file: Path, tmp_path: Path) -> None:
    save(SMALL, file)
    save(load(file), tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == file.read_bytes()


def test_saving_leaves_nothing_else_behind_and_replaces_what_was_there(file: Path) -> None:
    file.write_text("older")
    save(SMALL, file)
    assert load(file) == SMALL
    assert os.listdir(file.parent) == [file.name]


def test_a_trace_that_cannot_be_saved_leaves_the_old_file(file: Path) -> None:
    save(SMALL, file)
    with pytest.raises(TypeError):
        save(Trace((), (Acknowledged(0, object()),)), file)
    assert load(file) == SMALL
    assert os.listdir(file.parent) == [file.name]


def test_a_file_cut_short_at_its_last_byte_is_refused(file: Path) -> None:
    save(SMALL, file)
    file.write_bytes(file.read_bytes()[:-1])
    assert "cut short" in refused(file)


def test_a_file_cut_short_at_any_byte_is_refused(file: Path) -> None:
    save(SMALL, file)
    whole = file.read_bytes()
    for length in range(len(whole) - 1):
        file.write_bytes(whole[:length])
        assert "record it again" in refused(file), length


def test_a_file_cut_between_two_lines_is_said_to_be_cut_short(file: Path) -> None:
    save(SMALL, file)
    lines = file.read_bytes().splitlines(keepends=True)
    for kept in range(1, len(lines)):
        file.write_bytes(b"".join(lines[:kept]))
        assert "cut short" in refused(file)


def test_a_line_that_was_taken_out_is_noticed(file: Path) -> None:
    save(SMALL, file)
    lines = file.read_bytes().splitlines(keepends=True)
    for gone in range(1, len(lines) - 1):
        file.write_bytes(b"".join(lines[:gone] + lines[gone + 1 :]))
        assert "damaged" in refused(file)


@pytest.mark.parametrize("flip", [1, 0x20, 0x80])
def test_a_flipped_bit_in_the_events_is_noticed(file: Path, flip: int) -> None:
    save(SMALL, file)
    whole = file.read_bytes()
    _flip_each(file, whole, flip, range(whole.index(b'{"events"')))


@pytest.mark.parametrize("flip", [1, 0x20, 0x80])
def test_a_flipped_bit_in_the_footer_is_noticed(file: Path, flip: int) -> None:
    save(SMALL, file)
    whole = file.read_bytes()
    _flip_each(file, whole, flip, range(whole.index(b'{"events"'), len(whole)))


def _flip_each(file: Path, whole: bytes, flip: int, positions: range) -> None:
    assert positions
    for position in positions:
        damaged = bytearray(whole)
        damaged[position] ^= flip
        file.write_bytes(damaged)
        refused(file)


def test_another_version_is_named(file: Path) -> None:
    save(SMALL, file)
    head, _, rest = file.read_bytes().partition(b"\n")
    header = orjson.loads(head)
    header["version"] = 999
    file.write_bytes(orjson.dumps(header) + b"\n" + rest)
    assert "version 999" in refused(file)


@pytest.mark.parametrize(
    "content",
    [
        b"{}\n",
        b"[]\n",
        b'"tornwrite-trace"\n',
        b"3\n",
        b'{"format": "tornwrite-gate"}\n',
        b"\xff\n",
    ],
)
def test_other_files_are_said_to_be_no_trace(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    assert "not a trace file" in refused(file)


def test_an_empty_file_is_said_to_be_empty(file: Path) -> None:
    file.write_bytes(b"")
    assert "empty" in refused(file)


def test_a_missing_file_is_said_to_be_missing(file: Path) -> None:
    assert "No such file" in refused(file)


def test_a_directory_is_said_to_be_one(file: Path) -> None:
    file.mkdir()
    assert "directory" in refused(file)


def _sealed(*lines: Any) -> bytes:
    """A file with a right checksum around these lines."""
    body = b"".join(orjson.dumps(line) + b"\n" for line in lines)
    footer = {"events": len(lines) - 1, "sha256": hashlib.sha256(body).hexdigest()}
    return body + orjson.dumps(footer) + b"\n"


HEADER = {"format": "tornwrite-trace", "version": 1, "base": []}


def test_the_hand_made_files_of_these_tests_are_right_otherwise(file: Path) -> None:
    file.write_bytes(_sealed(HEADER, {"restarted": True}))
    assert load(file) == Trace((), (Restarted(),))


@pytest.mark.parametrize(
    "record",
    [
        {"step": "Frobnicate", "sites": []},
        {"step": "Unlink", "sites": []},
        {"step": "Unlink", "path": "a", "sites": [], "more": 1},
        {"step": "Write", "handle": 1, "offset": 0, "data": 7, "sync": False, "sites": []},
        {"began": 1},
        7,
    ],
)
def test_an_event_that_nobody_knows_is_refused(file: Path, record: Any) -> None:
    file.write_bytes(_sealed(HEADER, record))
    refused(file)


def test_an_event_of_a_kind_that_nobody_knows_is_not_taken_for_another(file: Path) -> None:
    file.write_bytes(_sealed(HEADER, {"suspended": True}))
    refused(file)


@pytest.mark.parametrize("base", [None, [{}], [{"file": "a"}], [7], [{"link": "a"}]])
def test_a_base_that_is_no_image_is_refused(file: Path, base: Any) -> None:
    file.write_bytes(_sealed({**HEADER, "base": base}))
    refused(file)


def test_whose_step_it_was_is_kept(file: Path) -> None:
    steps = tuple(Stepped(Write(1, None, b"x"), (), owner) for owner in (0, 7, None))
    save(Trace((), steps), file)
    assert load(file).events == steps


def test_a_trace_from_when_that_was_not_told_can_be_read(file: Path) -> None:
    file.write_bytes(_sealed(HEADER, {"step": "Unlink", "path": "a", "sites": []}))
    (event,) = load(file).events
    assert isinstance(event, Stepped)
    assert event.operation is None


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_trace_from_when_barriers_were_alone_can_be_read(file: Path, version: int) -> None:
    header = {**HEADER, "version": version}
    sync = {"step": "Fsync", "target": 1, "data_only": False, "sites": []}
    write = {"step": "Write", "handle": 1, "offset": 0, "data": "eA==", "sync": True, "sites": []}
    file.write_bytes(_sealed(header, write, sync, {"step": "SyncAll", "sites": []}))
    assert load(file).steps == [Write(1, 0, b"x", sync=True), Fsync(1), SyncAll()]


def test_a_site_reads_as_people_write_it() -> None:
    assert str(Site("store.py", 7, "Store.put")) == "store.py:7 in Store.put"


def test_steps_are_those_of_the_events_in_order() -> None:
    assert SMALL.steps == [Open(1, "d/g", create=True), Write(1, None, b"\n{}\n")]


def test_open_paths_give_the_name_at_the_opening() -> None:
    found = open_paths([Open(1, "a"), Rename("a", "b"), Open(2, "b"), Unlink("b")])
    assert found == {1: "a", 2: "b"}
