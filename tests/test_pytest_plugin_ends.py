"""The pytest plugin across processes: under xdist, interrupted, killed; in each import mode."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tornwrite.faults.scratch import VARIABLE, Workspace
from tornwrite.faults.strace import probe_strace

PATIENCE_S = 300.0

TESTS = """
import json, os, time
from pathlib import Path
import pytest

def put(path, text):
    (path / "a").write_text(text)

@pytest.mark.parametrize("number", range(4))
def test_put(tornwrite, number):
    with tornwrite.record() as run:
        put(run.path, "hello")
    for crash in run.crash_states("kill"):
        assert number != 3 or crash.files() != {"a": b"hel"}

class Word(str):
    pass

def test_function(tornwrite):
    run = tornwrite.run(put, Word("hello"))
    assert {"a": b"hello"} in [crash.files() for crash in run.crash_states("kill")]

def test_slow(tornwrite):
    with tornwrite.record() as run:
        put(run.path, "hello")
    for crash in run.crash_states():
        Path("at").write_text(str(os.getpid()))
        time.sleep(20)
"""


@pytest.fixture
def scratch() -> Iterator[Path]:
    with Workspace() as workspace:
        yield Path(workspace.path)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The tests in a package, so that what they are called depends on the way of importing."""
    package = tmp_path / "project" / "tests" / "deep"
    package.mkdir(parents=True)
    (package / "test_it.py").write_text(TESTS)
    (tmp_path / "project" / "pytest.ini").write_text("[pytest]\n")
    return tmp_path / "project"


def started(project: Path, scratch: Path, *words: str) -> subprocess.Popen[str]:
    environment = {**os.environ, VARIABLE: str(scratch)}
    environment.pop("PYTEST_ADDOPTS", None)
    for name in [name for name in environment if name.startswith("PYTEST_XDIST")]:
        del environment[name]
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "pytest", "-p", "no:cacheprovider", *words],
        cwd=project,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def said_by(run: subprocess.Popen[str]) -> str:
    try:
        return run.communicate(timeout=PATIENCE_S)[0]
    finally:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
            run.communicate()


def at_a_crash_state(project: Path, run: subprocess.Popen[str]) -> int:
    """The process that has come to a crash state of the slow test."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and run.poll() is None:
        if (project / "at").exists() and (pid := (project / "at").read_text()):
            return int(pid)
        time.sleep(0.02)
    raise AssertionError(said_by(run))


def test_workers_tell_the_controller_what_they_looked_at(project: Path, scratch: Path) -> None:
    said = said_by(started(project, scratch, "-n", "2", "-k", "test_put"))
    lines = said.splitlines()
    assert "tornwrite: 4 tests, 29 crash states, 1 test failed" in lines, said
    assert "a crash under kill (the process dies, the kernel lives)" in lines
    (replay,) = (line for line in lines if line.startswith("replay: "))
    assert "'tests/deep/test_it.py::test_put[3]' --tornwrite-replay kill:1.1.3:" in replay
    assert os.listdir(scratch) == []


@pytest.mark.parametrize("mode", ["prepend", "append", "importlib"])
def test_each_way_of_importing_does(mode: str, project: Path, scratch: Path) -> None:
    words = ["-q", f"--import-mode={mode}", "--strict-markers", "-k", "function or put0"]
    said = said_by(started(project, scratch, *words))
    wanted = "1 passed" if probe_strace().usable else "1 skipped"
    assert wanted in said, said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_an_interrupted_session_leaves_nothing(
    number: signal.Signals, project: Path, scratch: Path
) -> None:
    run = started(project, scratch, "-k", "slow")
    at_a_crash_state(project, run)
    assert os.listdir(scratch) != []
    os.killpg(run.pid, number)
    said_by(run)
    assert run.returncode in (pytest.ExitCode.INTERRUPTED, -number)
    assert os.listdir(scratch) == []


def test_a_killed_worker_leaves_nothing(project: Path, scratch: Path) -> None:
    run = started(project, scratch, "-n", "1", "--max-worker-restart=0", "-k", "slow")
    worker = at_a_crash_state(project, run)
    assert worker != run.pid
    os.kill(worker, signal.SIGKILL)
    assert "crashed while running" in said_by(run)
    assert os.listdir(scratch) == []


def test_what_a_killed_session_leaves_the_next_one_removes(project: Path, scratch: Path) -> None:
    run = started(project, scratch, "-k", "slow")
    at_a_crash_state(project, run)
    run.kill()
    run.communicate()
    assert os.listdir(scratch) != []
    said = said_by(started(project, scratch, "-k", "test_put and 0"))
    assert "tornwrite: 1 test, 8 crash states, all looked at" in said, said
    assert os.listdir(scratch) == []
