"""Calls that fail under strace: which are steps, which were meant, and where the program spoke."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tornwrite.faults.images import EMPTY, read_image
from tornwrite.faults.steps import FailedSync, Fsync, Write, describe
from tornwrite.faults.strace import probe_strace
from tornwrite.faults.strace_live import LiveRecording, read_recording, tracing_command
from tornwrite.faults.strace_log import StraceLog
from tornwrite.faults.strace_parse import Call, parse

ABILITY = probe_strace()
pytestmark = pytest.mark.skipif(not ABILITY.usable, reason=ABILITY.reason)

OPEN = "f = os.open('a', os.O_WRONLY | os.O_CREAT)"


def recorded(folder: Path, code: str, *inject: str) -> LiveRecording:
    """What strace sees of Python code that runs below `folder`, with calls that fail."""
    root = folder / "root"
    root.mkdir()
    (folder / "log").mkdir()
    log = StraceLog(str(folder / "log"), str(root))
    program = [sys.executable, "-I", "-S", "-c", f"import os, threading\n{code}"]
    with log:
        strace = subprocess.Popen(
            tracing_command(program, log.pipe, inject), cwd=root, stdout=subprocess.PIPE
        )
        assert strace.stdout is not None
        pipe = os.fstat(strace.stdout.fileno()).st_ino
        strace.communicate(timeout=30)
        assert strace.returncode == 0
        log.finish()
    return read_recording(log.calls, str(root), EMPTY, str(root), pipe)


def tried(*calls: str) -> str:
    """Code that makes the calls and takes their errors."""
    return "\n".join(f"try: {call}\nexcept OSError: pass" for call in calls)


@pytest.mark.parametrize(("error", "lost"), [("EIO", True), ("ENOSPC", True), ("EROFS", False)])
def test_a_sync_that_could_not_write_is_a_step(tmp_path: Path, error: str, lost: bool) -> None:
    code = f"{OPEN}; os.write(f, b'x')\n{tried('os.fsync(f)', 'os.fdatasync(f)')}"
    steps = recorded(tmp_path, code, f"fsync:error={error}:when=1").steps
    assert [type(step) for step in steps[2:]] == [FailedSync, Fsync][not lost :]


def test_so_is_that_of_a_directory(tmp_path: Path) -> None:
    code = f"d = os.open('.', os.O_RDONLY)\n{tried('os.fsync(d)')}"
    (step,) = recorded(tmp_path, code, "fsync:error=EIO:when=1").steps
    assert describe(step) == "fsync ., which fails"


def test_a_write_that_fails_is_no_step(tmp_path: Path) -> None:
    code = "\n".join([OPEN, tried(*["os.write(f, b'x')"] * 3)])
    read = recorded(tmp_path, code, "write:error=ENOSPC:when=2")
    assert [type(step) for step in read.steps[1:]] == [Write, Write]
    (one,) = read.injected
    assert (one.here, one.moment.name, one.moment.count, one.moment.done) == (True, "write", 2, 2)
    assert read_image(str(tmp_path / "root")) == (("a", b"xx"),)


def test_what_is_not_about_the_recorded_files_is_told_apart(tmp_path: Path) -> None:
    calls = "os.write(1, b'said')", "os.write(f, b'x')", "os.rename('a', 'b')"
    code = "\n".join([OPEN, tried(*calls)])
    read = recorded(tmp_path, code, "write:error=EIO:when=1+", "rename:error=EROFS:when=1")
    assert [(one.moment.name, one.here) for one in read.injected] == [
        ("write", False),
        ("write", True),
        ("rename", True),
    ]


def test_an_error_that_nobody_injected_is_none(tmp_path: Path) -> None:
    read = recorded(tmp_path, tried("os.rename('no such', 'file')", "os.fsync(0)"))
    assert (read.injected, read.steps) == ((), ())


def test_openings_for_reading_are_told_with_the_bytes_that_were_said_before(
    tmp_path: Path,
) -> None:
    code = f"{OPEN}; os.open('a', os.O_RDONLY); os.write(1, b'said'); os.listdir('.')"
    read = recorded(tmp_path, code)
    assert [(path, moment.said) for moment, path in read.reads] == [("a", 0), ("", 4)]
    assert read.speaks == {"write"}


def test_a_call_that_another_thread_makes_as_often_is_not_alone(tmp_path: Path) -> None:
    code = (
        f"{OPEN}\n"
        "t = threading.Thread(target=lambda: os.fsync(f)); t.start(); t.join()\n"
        "os.fsync(f); os.fsync(f)"
    )
    read = recorded(tmp_path, code)
    syncs = [moment for moment, _ in read.made if moment.name == "fsync"]
    assert [(one.thread, one.count) for one in syncs] == [(1, 1), (0, 1), (0, 2)]
    assert [read.is_alone(one) for one in syncs] == [False, False, True]


def test_a_thread_that_is_gone_before_its_call_began_has_done_nothing() -> None:
    lines = [
        b"7 ???( <unfinished ...>\n",
        b"7 <... ??? resumed>) = ?\n",
        b"7 +++ exited with 0 +++\n",
    ]
    assert not any(isinstance(event, Call) for event in parse(lines))
