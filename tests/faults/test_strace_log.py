"""The pipe that strace writes to: nothing is lost in it, it ends with strace, it leaves nothing."""

import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tornwrite.faults.leaving_out import without_files
from tornwrite.faults.profiles import EXT4, POSIX
from tornwrite.faults.states import CrashStates
from tornwrite.faults.steps import Store, Unlink, Write
from tornwrite.faults.strace import probe_strace, run_strace, strace_options
from tornwrite.faults.strace_log import StraceLog, maps_stores
from tornwrite.faults.strace_parse import Call, Stored, Watching, parse

ABILITY = probe_strace()
pytestmark = pytest.mark.skipif(not ABILITY.usable, reason=ABILITY.reason)


def logged(folder: Path, code: str) -> StraceLog:
    """What strace writes of Python code that runs below `folder`, all of it taken."""
    root = folder / "root"
    root.mkdir()
    (folder / "log").mkdir()
    log = StraceLog(str(folder / "log"), str(root))
    assert ABILITY.path is not None
    options = strace_options(ABILITY.path, ABILITY.seccomp_bpf)
    program = [sys.executable, "-I", "-S", "-c", f"import os\n{code}"]
    with log:
        strace = subprocess.Popen([*options, *log.options, "--", *program], cwd=root)
        assert strace.wait(30) == 0
        log.finish()
    return log


def test_all_lines_arrive_and_the_long_ones_whole(tmp_path: Path) -> None:
    code = (
        "f = os.open('a', os.O_WRONLY | os.O_CREAT)\n"
        "for length in (1, 900, 1000, 1100, 5000, 300_000): os.write(f, b'x' * length)"
    )
    log = logged(tmp_path, code)
    with open(log.calls, "rb") as lines:
        events = list(parse(lines))
    assert isinstance(events[0], Watching)
    written = [event for event in events if isinstance(event, Call) and event.name == "write"]
    assert [event.result for event in written] == [1, 900, 1000, 1100, 5000, 300_000]
    assert [len(event.arguments[1]) for event in written] == [event.result for event in written]
    with open(log.calls, "rb") as lines:
        assert log.lines == len(lines.readlines()) - 1


def test_a_mapped_file_is_looked_at_ahead_of_each_call_and_only_while_mapped(
    tmp_path: Path,
) -> None:
    code = (
        "import mmap; f = os.open('a', os.O_RDWR | os.O_CREAT); os.ftruncate(f, 8192)\n"
        "m = mmap.mmap(f, 8192); m[0] = 65; os.mkdir('d'); m[5000] = 66; os.rmdir('d')\n"
        "m[1] = 67; m.close(); os.pwrite(f, b'later', 0)"
    )
    log = logged(tmp_path, code)
    with open(log.calls, "rb") as lines:
        looks = [event for event in parse(lines) if isinstance(event, Stored)]
    assert [look.size for look in looks] == [8192] * len(looks)
    changed = [[at for at, _ in look.pages or ()] for look in looks]
    assert changed == [[0, 4096], [4096], [0]]
    assert looks[-1].pages is not None
    assert looks[-1].pages[0][1][:3] == b"AC\0"


def test_a_log_without_strace_ends(tmp_path: Path) -> None:
    before = threading.active_count(), len(os.listdir("/proc/self/fd"))
    log = StraceLog(str(tmp_path), "/nowhere")
    log.finish()
    log.finish()
    assert log.lines == 0
    assert (threading.active_count(), len(os.listdir("/proc/self/fd"))) == before


def test_nothing_is_left_open_after_a_program_with_mapped_files(tmp_path: Path) -> None:
    before = threading.active_count(), len(os.listdir("/proc/self/fd"))
    logged(tmp_path, "import mmap; f = open('a', 'wb+'); f.truncate(9); mmap.mmap(f.fileno(), 9)")
    assert (threading.active_count(), len(os.listdir("/proc/self/fd"))) == before


def test_a_program_that_is_held_ends_when_strace_is_killed(tmp_path: Path) -> None:
    """It sleeps with a file mapped, so that strace's last line is left in the pipe."""
    root = tmp_path / "root"
    root.mkdir()
    log = StraceLog(str(tmp_path), str(root))
    assert ABILITY.path is not None
    options = strace_options(ABILITY.path, ABILITY.seccomp_bpf)
    code = (
        "import mmap, sys, time; f = open('a', 'wb+'); f.truncate(9)\n"
        "m = mmap.mmap(f.fileno(), 9); m[0] = 65; print('ready', flush=True); time.sleep(60)"
    )
    command = [*options, *log.options, "--", sys.executable, "-I", "-S", "-c", code]
    strace = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, start_new_session=True)
    assert strace.stdout is not None
    assert strace.stdout.readline() == b"ready\n"
    os.killpg(strace.pid, 9)
    strace.wait(10)
    strace.stdout.close()
    log.finish()
    with open(log.calls, "rb") as lines:
        said = lines.read()
    assert b"*** stores" in said


@pytest.mark.parametrize(
    ("protection", "flags", "expected"),
    [(3, 1, True), (2, 3, True), (1, 1, False), (3, 2, False), (3, 0x21, True), (3, 0x22, False)],
)
def test_which_mappings_store_to_their_file(protection: int, flags: int, expected: bool) -> None:
    assert maps_stores(protection, flags) is expected


def test_sqlite_in_wal_mode_is_recorded_whole(tmp_path: Path) -> None:
    """Its WAL index is memory shared through a file; who leaves it out can count the states."""
    code = (
        "import sqlite3; c = sqlite3.connect('db'); c.execute('pragma journal_mode=wal')\n"
        "c.execute('pragma synchronous=full'); c.execute('create table t(a)')\n"
        "c.execute('insert into t values (1)'); c.commit(); c.close()"
    )
    trace = run_strace([sys.executable, "-I", "-S", "-c", code], tmp_path, cwd=tmp_path).trace
    assert any(isinstance(step, Store) for step in trace.steps)
    assert Unlink("db-shm") in trace.steps
    assert sum(isinstance(step, Write) for step in trace.steps) > 10
    states = CrashStates(without_files(trace, ["*-shm"]), POSIX)
    assert len([state.image for state in states]) < 1000
    assert states.coverage.complete
    wal = [
        state.image
        for state in CrashStates(without_files(trace, ["*-shm"]), EXT4)
        if dict(state.image).get("db-wal")
    ]
    for number, image in enumerate(wal):
        folder = tmp_path / f"image{number}"
        folder.mkdir()
        for path, content in image:
            assert isinstance(content, bytes)
            (folder / path).write_bytes(content)
        with sqlite3.connect(folder / "db") as connection:
            assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
        connection.close()
