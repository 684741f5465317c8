"""One program under both recorders: they must see the same steps."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tornwrite.faults.agreement import compare
from tornwrite.faults.recorder import Recorder
from tornwrite.faults.strace import probe_strace, run_strace

ABILITY = probe_strace()
pytestmark = pytest.mark.skipif(not ABILITY.usable, reason=ABILITY.reason)

PROGRAM = r"""
import fcntl, os, pathlib, tempfile

def program(root):
    path = pathlib.Path(root)
    (path / "a").write_text("hello")
    with open(path / "big", "wb") as file:
        for number in range(40):
            file.write(b"%d" % number * 1000)
        file.flush()
        os.fsync(file.fileno())
    with open(path / "log", "a") as file:
        print("line", file=file)
    with open(path / "a", "r+b") as file:
        file.seek(2)
        file.write(b"XX")
        file.truncate()
    folder = os.open(root, os.O_RDONLY)
    os.fsync(folder)
    os.mkdir("sub", dir_fd=folder)
    os.symlink("../a", "sub/link", dir_fd=folder)
    os.close(folder)
    os.link(path / "a", path / "hard")
    (path / "sub" / "link").write_text("through a link")
    first = os.open(path / "b", os.O_RDWR | os.O_CREAT | os.O_DSYNC)
    os.write(first, b"1")
    os.writev(first, [b"2", b"3"])
    os.pwrite(first, b"4", 9)
    second = os.dup(first)
    os.close(first)
    os.fdatasync(second)
    os.ftruncate(second, 3)
    third = fcntl.fcntl(second, fcntl.F_DUPFD_CLOEXEC, 20)
    os.dup2(third, second)
    os.close(third)
    os.close(second)
    os.truncate(path / "b", 2)
    (path / "c").touch()
    (path / "c").unlink()
    (path / "c").unlink(missing_ok=True)
    (path / "sub").mkdir(exist_ok=True)
    os.close(os.open(path / "a", os.O_RDONLY | os.O_CREAT))
    again = os.open(path / "a", os.O_RDONLY)
    os.fsync(again)
    os.close(again)
    os.sync()
    os.rename(path / "b", path / "log")
    with tempfile.NamedTemporaryFile(dir=root, delete=False) as file:
        file.write(b"x")
        os.replace(file.name, path / "log")
"""


def test_both_recorders_see_the_same_steps(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    names = "import tempfile; tempfile._get_candidate_names = lambda: iter(['fixed'])\n"
    traced = run_strace([sys.executable, "-c", f"{PROGRAM}\n{names}program({str(there)!r})"], there)
    namespace: dict[str, Callable[[str], None]] = {}
    exec(PROGRAM, namespace)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tempfile._get_candidate_names", lambda: iter(["fixed"]))
        with Recorder(here) as recorder:
            namespace["program"](str(here))
    assert [str(found) for found in compare(recorder.trace().steps, traced.trace.steps)] == []
    assert len(traced.trace.steps) > 40
