"""Calls of several threads under way at once: what a barrier need not cover, and on which file."""

import sys
from pathlib import Path

import pytest

from tornwrite.faults.steps import (
    Close,
    FailedSync,
    Fsync,
    Mkdir,
    Open,
    Rename,
    Step,
    Store,
    SyncAll,
    Write,
)
from tornwrite.faults.strace import probe_strace, run_strace
from tornwrite.faults.strace_follow import Follower
from tornwrite.faults.strace_names import Names
from tornwrite.faults.strace_overlaps import path_after
from tornwrite.faults.strace_parse import parse

ABILITY = probe_strace()


def hexed(text: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in text.encode())


def steps_of(*lines: str) -> list[Step]:
    """What thread 8 and thread 7, which has /r/f open as 3, do with these lines.

    A path in angle brackets or quotes is written as strace writes it.
    """
    opened = '7 openat(-100<"/">, "/r/f", 0x42) = 3<"/r/f">'
    started = "7 clone(child_stack=0x7f, flags=0x10f00) = 8"
    ended = ["8 +++ exited with 0 +++", "7 +++ exited with 0 +++"]
    text = []
    for line in ("0 *** watching 1 ***", opened, started, *lines, *ended):
        parts = line.split('"')
        hexes = [f'"{hexed(part)}"' if at % 2 else part for at, part in enumerate(parts)]
        text.append("".join(hexes).replace('<"', "<").replace('">', ">").encode() + b"\n")
    steps = Follower(Names("/r"), "/").follow(parse(text))
    assert steps[0] == Open(1, "f", create=True)
    return steps[1:]


A, B = Write(1, 0, b"a"), Write(1, 1, b"b")
WRITES_A = '7 write(3<"/r/f">, "a", 1) = 1'
WRITES_B = '8 write(3<"/r/f">, "b", 1) = 1'


@pytest.mark.parametrize("name", ["fsync", "fdatasync"])
def test_what_ends_while_a_sync_is_under_way_is_told(name: str) -> None:
    data_only = name == "fdatasync"
    assert steps_of(
        WRITES_A,
        f'7 {name}(3<"/r/f"> <unfinished ...>',
        WRITES_B,
        '8 mkdir("/r/d", 0700) = 0',
        f"7 <... {name} resumed>) = 0",
    ) == [A, B, Mkdir("d"), Fsync(1, data_only, during=2)]


def test_a_write_that_ends_after_a_sync_stands_after_it() -> None:
    assert steps_of(
        WRITES_A,
        '7 fsync(3<"/r/f"> <unfinished ...>',
        '8 write(3<"/r/f">, "b", 1 <unfinished ...>',
        "7 <... fsync resumed>) = 0",
        "8 <... write resumed>) = 1",
    ) == [A, Fsync(1), B]


def test_a_write_that_began_before_a_sync_and_ended_in_it_need_not_be_covered() -> None:
    assert steps_of(
        '8 write(3<"/r/f">, "a", 1 <unfinished ...>',
        '7 fsync(3<"/r/f"> <unfinished ...>',
        "8 <... write resumed>) = 1",
        "7 <... fsync resumed>) = 0",
    ) == [A, Fsync(1, during=1)]


def test_calls_that_are_no_steps_count_for_nothing() -> None:
    assert steps_of(
        WRITES_A,
        '7 fsync(3<"/r/f"> <unfinished ...>',
        "8 read(0x9, 0x7f, 0x1) = 1",
        "7 <... fsync resumed>) = 0",
    ) == [A, Fsync(1)]


@pytest.mark.parametrize(
    ("began", "over", "barrier"),
    [
        ("7 sync( <unfinished ...>", "7 <... sync resumed>) = 0", SyncAll(during=1)),
        (
            '7 fsync(4<"/r/d"> <unfinished ...>',
            "7 <... fsync resumed>) = 0",
            Fsync("d", during=1),
        ),
        (
            '7 pwritev2(3<"/r/f">, [{iov_base="b", iov_len=1}], 1, 1, 0x2 <unfinished ...>',
            "7 <... pwritev2 resumed>) = 1",
            Write(1, 1, b"b", sync=True, during=1),
        ),
    ],
    ids=["sync", "a directory", "a synced write"],
)
def test_every_kind_of_barrier_tells_it(began: str, over: str, barrier: Step) -> None:
    assert steps_of(began, WRITES_A.replace("7", "8", 1), over) == [A, barrier]


def test_a_part_of_a_mapped_file_and_what_was_stored_meanwhile() -> None:
    """Found when msync had begun, a store came before it; found when it was over, meanwhile."""
    page = (b"x" + bytes(7)).hex()
    later = (b"xy" + bytes(6)).hex()
    assert steps_of(
        '7 ftruncate(3<"/r/f">, 8) = 0',
        '7 mmap(NULL, 8, 0x3, 0x1, 3<"/r/f">, 0) = 0x7000',
        f"0 *** stores 7 28672 8 0:{page} ***",
        "7 msync(0x7000, 0x8, 0x4 <unfinished ...>",
        f"0 *** stores 7 28672 8 0:{later} ***",
        "7 <... msync resumed>) = 0",
    )[1:] == [Store(1, 0, b"x"), Store(1, 1, b"y"), Fsync(1, True, 0, 8, during=1)]


def test_a_file_closed_while_it_is_synced_stays_open_until_then() -> None:
    """And its descriptor, given out anew meanwhile, is not what is synced."""
    assert steps_of(
        WRITES_A,
        '7 fsync(3<"/r/f"> <unfinished ...>',
        "8 close(0x3) = 0",
        '8 openat(-100<"/">, "/r/g", 0x41) = 3<"/r/g">',
        "7 <... fsync resumed>) = 0",
    ) == [A, Open(2, "g", create=True), Fsync(1, during=1), Close(1)]


def test_a_write_goes_to_the_file_that_its_descriptor_meant_when_it_began() -> None:
    assert steps_of(
        '7 write(3<"/r/f">, "a", 1 <unfinished ...>',
        "8 close(0x3) = 0",
        '8 openat(-100<"/">, "/r/g", 0x41) = 3<"/r/g">',
        "7 <... write resumed>) = 1",
    ) == [Open(2, "g", create=True), A, Close(1)]


def test_a_failed_call_lets_its_file_go_too() -> None:
    assert steps_of(
        '7 fsync(3<"/r/f"> <unfinished ...>',
        "8 close(0x3) = 0",
        "7 <... fsync resumed>) = -1 EIO (Input/output error)",
    ) == [FailedSync(1), Close(1)]


def test_a_directory_renamed_while_it_is_synced_is_the_same_directory() -> None:
    assert steps_of(
        '7 mkdir("/r/d", 0700) = 0',
        '7 fsync(4<"/r/d"> <unfinished ...>',
        '8 rename("/r/d", "/r/e") = 0',
        '8 mkdir("/r/d", 0700) = 0',
        "7 <... fsync resumed>) = 0",
    ) == [Mkdir("d"), Rename("d", "e"), Mkdir("d"), Fsync("e", during=2)]


def test_what_has_lost_its_name_meanwhile_is_not_taken_for_another() -> None:
    assert path_after("d/f", [Rename("d", "e"), Rename("e/f", "g")]) == "g"
    assert path_after("f", [Rename("g", "f")]) is None
    assert path_after("f", [Rename("g", "ff"), Rename("ff", "h")]) == "f"


PROGRAM = """
import os, sys, threading
f = os.open('f', os.O_RDWR | os.O_CREAT); os.write(f, b'first')
thread = threading.Thread(target=os.fsync, args=(f,)); thread.start()
while open(f'/proc/self/task/{thread.native_id}/stat').read().rpartition(')')[2].split()[0] != 't':
    pass
os.write(f, b'second')
thread.join(); os.fsync(f)
"""


@pytest.mark.skipif(not ABILITY.usable, reason=ABILITY.reason)
def test_a_real_thread_writes_while_another_syncs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """strace holds the fsync up for a while once it has begun."""
    from tornwrite.faults import strace

    before = strace.strace_options
    monkeypatch.setattr(
        strace,
        "strace_options",
        lambda *given: [*before(*given), "-e", "inject=fsync:delay_enter=200000"],
    )
    ran = run_strace([sys.executable, "-I", "-S", "-c", PROGRAM], tmp_path, cwd=tmp_path)
    assert ran.errors == b""
    assert ran.steps == [
        Open(1, "f", create=True),
        Write(1, 0, b"first"),
        Write(1, 5, b"second"),
        Fsync(1, during=1),
        Fsync(1),
    ]
