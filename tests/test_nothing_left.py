"""Nothing is left behind: no process, no directory, no mount, no descriptor, however a run ends."""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tornwrite.faults.profiles import DEFAULT
from tornwrite.faults.scratch import VARIABLE, collect_garbage
from tornwrite.model.verdict import Verdict
from tornwrite.scenarios.gate import run_gate
from tornwrite.scenarios.run import Settings

GATE = ["gate", "tornwrite.scenarios.stores:archive", "--jobs", "2"]
SCENARIOS = [
    word for name in ("both-files", "archive-again", "several") for word in ("--scenario", name)
]
KILLS = ["gate", "support.key_values:long_and_wrong", "--profile", "kill", "--kill-every-byte"]
PATIENCE_S = 30.0


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place of its own to work in, by whose name all processes of a run are known."""
    place = tmp_path / "scratch"
    place.mkdir()
    monkeypatch.setenv(VARIABLE, str(place))
    return place


def started(words: list[str], scratch: Path) -> subprocess.Popen[bytes]:
    """The command, at the head of a process group of its own, as a shell starts one."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "tornwrite", *words],
        env={**os.environ, VARIABLE: str(scratch), "PYTHONPATH": str(Path(__file__).parent)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def processes_of(scratch: Path) -> list[psutil.Process]:
    """All that live with this place in their environment, this very process aside."""
    found = []
    for process in psutil.process_iter():
        try:
            ours = process.environ().get(VARIABLE) == str(scratch)
            if ours and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            pass
    return found


def wait_until_at_work(run: subprocess.Popen[bytes], scratch: Path, after_s: float) -> None:
    """So long after its first workspace is there, or until the run is over."""
    deadline = time.monotonic() + PATIENCE_S
    while not os.listdir(scratch) and run.poll() is None:
        assert time.monotonic() < deadline, "the run never began"
        time.sleep(0.01)
    time.sleep(after_s)


def wait_until_gone(scratch: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while left := processes_of(scratch):
        assert time.monotonic() < deadline, [(one.pid, one.cmdline()) for one in left]
        time.sleep(0.05)


def assert_nothing_is_left(scratch: Path) -> None:
    wait_until_gone(scratch)
    assert os.listdir(scratch) == []
    assert str(scratch) not in Path("/proc/mounts").read_text()


INTERRUPTS_THE_SERVER = """
import os, signal, sys
from tornwrite.scenarios.stores import archive
if "forkserver" in " ".join(sys.orig_argv):
    os.kill(os.getpid(), signal.SIGINT)
"""


def test_ctrl_c_while_modules_are_imported_is_for_the_program_alone(
    scratch: Path, tmp_path: Path
) -> None:
    """It reaches the whole process group, and a traceback of each would be shown."""
    (tmp_path / "interrupting.py").write_text(INTERRUPTS_THE_SERVER)
    command = ["gate", "interrupting:archive", "--scenario", "save", "--effort", "quick"]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "tornwrite", *command],
        env={**os.environ, VARIABLE: str(scratch), "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stdout + done.stderr


@pytest.fixture
def run(scratch: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Runs of a test; what a failed one leaves is ended."""
    runs: list[subprocess.Popen[bytes]] = []
    yield runs
    for one in [*runs]:
        if one.poll() is None:
            one.kill()
        one.wait()
    for process in processes_of(scratch):
        process.kill()


@pytest.mark.parametrize("after_s", [0.0, 0.6])
@pytest.mark.parametrize("words", [GATE + SCENARIOS, KILLS], ids=["gate", "kills"])
@pytest.mark.parametrize("how", ["Ctrl-C", "SIGINT", "SIGTERM"])
def test_an_interrupted_run_leaves_nothing(
    how: str,
    words: list[str],
    after_s: float,
    scratch: Path,
    run: list[subprocess.Popen[bytes]],
) -> None:
    one = started(words, scratch)
    run.append(one)
    wait_until_at_work(one, scratch, after_s)
    if one.poll() is None:
        match how:
            case "Ctrl-C":
                os.killpg(one.pid, signal.SIGINT)  # a terminal tells the whole group
            case "SIGINT":
                one.send_signal(signal.SIGINT)
            case _:
                one.terminate()
    one.wait(PATIENCE_S)
    assert_nothing_is_left(scratch)


@pytest.mark.parametrize("after_s", [0.0, 0.5])
@pytest.mark.parametrize("words", [GATE + SCENARIOS, KILLS], ids=["gate", "kills"])
def test_what_a_killed_run_leaves_the_next_one_clears(
    words: list[str], after_s: float, scratch: Path, run: list[subprocess.Popen[bytes]]
) -> None:
    one = started(words, scratch)
    run.append(one)
    wait_until_at_work(one, scratch, after_s)
    one.kill()
    one.wait(PATIENCE_S)
    wait_until_gone(scratch)
    two = started(["gate", "support.key_values:right", "--scenario", "put"], scratch)
    run.append(two)
    two.wait(PATIENCE_S)
    assert_nothing_is_left(scratch)


def test_a_worker_does_not_outlive_its_run_by_what_it_waits_for(
    scratch: Path, run: list[subprocess.Popen[bytes]]
) -> None:
    """A minute's sleep in the subject is not slept out when the run is killed."""
    one = started(["gate", "support.sleeping:sleeping"], scratch)
    run.append(one)
    wait_until_at_work(one, scratch, 0.3)
    assert processes_of(scratch)
    one.kill()
    one.wait(PATIENCE_S)
    assert_nothing_is_left(scratch)


def test_a_killed_worker_leaves_nothing_once_the_run_is_over(
    scratch: Path, run: list[subprocess.Popen[bytes]]
) -> None:
    one = started(KILLS, scratch)
    run.append(one)
    wait_until_at_work(one, scratch, 0.2)
    (workspace, *_) = os.listdir(scratch)
    os.kill(int(workspace.split("-")[1]), signal.SIGKILL)
    one.wait(PATIENCE_S)
    assert_nothing_is_left(scratch)


def test_a_gate_leaves_no_descriptor_open(scratch: Path) -> None:
    settings = Settings(DEFAULT, budget=1_000, seed=0)

    def gate() -> None:
        logging.disable(logging.CRITICAL)
        result = run_gate("support.key_values:right", ("put",), settings, 1)
        logging.disable(logging.NOTSET)
        assert result.verdict is Verdict.PASSED

    gate()  # the server that starts workers stays, with its pipes
    process = psutil.Process()
    before, children = process.num_fds(), set(process.children(recursive=True))
    gate()
    assert process.num_fds() <= before
    assert set(process.children(recursive=True)) <= children
    assert os.listdir(scratch) == []
    assert collect_garbage(scratch) == []
