"""Running strace: what it needs, what it leaves behind, and what stops it."""

import os
import signal
import stat
import sys
import time
from pathlib import Path

import psutil
import pytest

from tornwrite.faults.images import read_image
from tornwrite.faults.scratch import VARIABLE
from tornwrite.faults.steps import Mkdir, Unlink
from tornwrite.faults.strace import (
    StraceOutputError,
    StraceTimeoutError,
    StraceUnusableError,
    probe_strace,
    run_strace,
)
from tornwrite.faults.trace import load, save

ABILITY = probe_strace()
needs_strace = pytest.mark.skipif(not ABILITY.usable, reason=ABILITY.reason)


def fake_strace(folder: Path, script: str) -> None:
    """A program named strace, the only one on the PATH."""
    program = folder / "strace"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (None, r"not on the PATH: install the package strace"),
        ("exit 1", r"does not give its version: reinstall strace"),
        ("echo strace -- version 5.10", r"5\.10 is too old: install 5\.19 or newer"),
        (
            'test "$1" = --version && echo strace -- version 6.1 && exit\n'
            "echo 'strace: PTRACE_TRACEME: Operation not permitted' >&2; exit 1",
            r"cannot trace here \(strace: PTRACE_TRACEME: Operation not permitted\): allow ptrace",
        ),
    ],
)
def test_reason_names_what_is_missing_and_what_to_do(
    script: str | None, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if script is not None:
        fake_strace(tmp_path, script)
    monkeypatch.setenv("PATH", str(tmp_path))
    ability = probe_strace()
    assert not ability.usable
    with pytest.raises(StraceUnusableError, match=reason):
        run_strace(["/bin/true"], tmp_path)


def test_strace_without_seccomp_is_used_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_strace(
        tmp_path,
        'test "$1" = --version && echo strace -- version 6.1 && exit\n'
        'for option; do test "$option" = --seccomp-bpf && exit 1; done; exit 0',
    )
    monkeypatch.setenv("PATH", str(tmp_path))
    ability = probe_strace()
    assert ability.usable
    assert not ability.seccomp_bpf
    assert ability.version == "6.1"


@needs_strace
def test_result_has_status_output_and_a_trace_that_can_be_saved(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "a").write_bytes(b"x")
    command = ["sh", "-c", 'echo out; echo "$WORD" >&2; mkdir d; rm a; exit 3']
    ran = run_strace(command, root, cwd=root, env={"PATH": os.environ["PATH"], "WORD": "err"})
    assert (ran.status, ran.output, ran.errors) == (3, b"out\n", b"err\n")
    assert ran.base == (("a", b"x"),)
    assert ran.steps == [Mkdir("d"), Unlink("a")]
    save(ran.trace, tmp_path / "trace")
    assert load(tmp_path / "trace").steps == ran.steps


@needs_strace
def test_program_that_kills_itself_is_recorded_up_to_then(tmp_path: Path) -> None:
    ran = run_strace(["sh", "-c", "mkdir d; kill -9 $$; mkdir e"], tmp_path, cwd=tmp_path)
    assert ran.status == -signal.SIGKILL
    assert ran.steps == [Mkdir("d")]


@needs_strace
def test_daemon_is_recorded_to_its_end(tmp_path: Path) -> None:
    command = ["sh", "-c", "(sleep 0.2; mkdir later) & mkdir now"]
    ran = run_strace(command, tmp_path, cwd=tmp_path)
    assert ran.steps == [Mkdir("now"), Mkdir("later")]


STUBBORN = (
    "import os, signal, subprocess, sys, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "if not os.fork():\n"
    "    os.setsid()\n"
    "    if os.fork(): os._exit(0)\n"
    "    time.sleep(1000)\n"
    "subprocess.Popen(['sleep', '1000'])\n"
    "time.sleep(1000)\n"
)


def running(mark: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("MARK") == mark:
                found.append(process)
        except psutil.Error:
            continue
    return [process for process in found if process.status() != psutil.STATUS_ZOMBIE]


@needs_strace
def test_timeout_kills_everything_and_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch, root = tmp_path / "scratch", tmp_path / "root"
    scratch.mkdir()
    root.mkdir()
    monkeypatch.setenv(VARIABLE, str(scratch))
    mark = f"timeout-{os.getpid()}-{time.monotonic_ns()}"
    program = STUBBORN.replace("import os", "import os; open('started', 'x')\nimport os", 1)
    began = time.monotonic()
    with pytest.raises(StraceTimeoutError, match=r"did not end within 1\.5 s"):
        run_strace(
            [sys.executable, "-I", "-S", "-c", program],
            root,
            cwd=root,
            env={**os.environ, "MARK": mark},
            timeout_s=1.5,
        )
    assert time.monotonic() - began < 6
    assert (root / "started").exists()
    assert running(mark) == []
    assert read_image(str(scratch)) == ()


@needs_strace
def test_death_of_strace_itself_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    mark = f"death-{os.getpid()}-{time.monotonic_ns()}"
    program = "import os, signal; os.kill(os.getppid(), signal.SIGKILL)\n" + "import time\n" * 2
    with pytest.raises(StraceOutputError):
        run_strace(
            [sys.executable, "-I", "-S", "-c", program + "time.sleep(1000)"],
            tmp_path,
            env={**os.environ, "MARK": mark},
        )
    deadline = time.monotonic() + 5
    while running(mark) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert running(mark) == []


@needs_strace
def test_missing_program_root_and_unfit_places_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(FileNotFoundError, match="no program /none"):
        run_strace(["/none"], tmp_path)
    with pytest.raises(FileNotFoundError, match="no program none"):
        run_strace(["none"], tmp_path)
    with pytest.raises(FileNotFoundError):
        run_strace(["true"], tmp_path / "none")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="is not a file, directory or link"):
        run_strace(["true"], tmp_path)
    os.unlink(tmp_path / "pipe")
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(ValueError, match=f"set {VARIABLE}"):
        run_strace(["true"], tmp_path)
