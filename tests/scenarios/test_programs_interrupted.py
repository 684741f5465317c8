"""Whatever ends a run, its drivers end with it, those that hang and hear nothing too."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from support.marked import MARK, running, wait_for
from tornwrite.faults.scratch import VARIABLE

SUBJECT = """
from support.programs_of_others import values
deaf = values("hangs-deaf", timeout_s=600)
on_an_image = values("warm", "hangs-on-tmp", timeout_s=600)
"""


@pytest.fixture(autouse=True)
def marked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    (tmp_path / "scratch").mkdir()
    monkeypatch.setenv(MARK, str(tmp_path))
    monkeypatch.setenv(VARIABLE, str(tmp_path / "scratch"))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    yield
    for process in running():
        process.kill()


def drivers() -> list[int]:
    found = []
    for one in running():
        with contextlib.suppress(psutil.Error):  # it has ended meanwhile
            if "values.py" in " ".join(one.cmdline()):
                found.append(one.pid)
    return found


@pytest.mark.parametrize("name", ["deaf", "on_an_image"])
@pytest.mark.parametrize("how", ["run", "worker", "SIGTERM", "Ctrl-C"])
def test_no_driver_outlives_its_run(how: str, name: str, tmp_path: Path) -> None:
    (tmp_path / "hanging.py").write_text(SUBJECT)
    command = [sys.executable, "-P", "-m", "tornwrite", "gate", f"hanging:{name}"]
    command += ["--scenario", "put-twice", "--effort", "quick", "--profile", "posix"]
    run = subprocess.Popen(
        command,
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        assert wait_for(drivers, 30)
        match how:
            case "run":
                run.kill()
            case "worker":
                (workspace, *_) = os.listdir(tmp_path / "scratch")
                os.kill(int(workspace.split("-")[1]), signal.SIGKILL)
            case "SIGTERM":
                run.terminate()
            case _:
                os.killpg(run.pid, signal.SIGINT)
        run.wait(30)
        assert wait_for(lambda: not running(), 15), running()
    finally:
        run.kill()
        run.wait()
