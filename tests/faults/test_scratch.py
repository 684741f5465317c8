"""Where work is done, and that it is left clean."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tornwrite.faults import scratch
from tornwrite.faults.scratch import NoSpace, Workspace, collect_garbage, scratch_root

HOLD = """
import sys, time
from tornwrite.faults.scratch import Workspace
with Workspace() as workspace:
    open(workspace.path + "/a", "w").close()
    print(workspace.path, flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(scratch.VARIABLE, str(tmp_path))
    return tmp_path


def holder() -> tuple["subprocess.Popen[str]", str]:
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", HOLD], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process.stdout:
        return process, process.stdout.readline().strip()


def test_the_variable_decides(tmp_path: Path) -> None:
    found = scratch_root()
    assert found.path == os.path.realpath(tmp_path)
    assert found.free_bytes > 0


def test_memory_comes_first_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(scratch.VARIABLE)
    with open("/proc/mounts") as mounts:
        memory = any(line.split()[1:3] == ["/dev/shm", "tmpfs"] for line in mounts)
    if not memory:
        pytest.skip("/dev/shm is no tmpfs here")
    found = scratch_root(1)
    assert (found.path, found.memory_backed) == ("/dev/shm", True)
    assert not scratch._probe("/proc").memory_backed


def test_the_temporary_directory_comes_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(scratch.VARIABLE)
    monkeypatch.setattr(scratch, "MEMORY", str(tmp_path / "no such"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert scratch_root().path == os.path.realpath(tmp_path)


def test_no_space_says_where_and_how_much_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(
        NoSpace, match=r"are needed .* has [\d.]+ MiB free; make room .*SCRATCH"
    ) as caught:
        scratch_root(1 << 60)
    assert str(tmp_path) in str(caught.value)
    with pytest.raises(NoSpace, match="make room"), Workspace(scratch_root(), 1 << 60):
        pass


def test_a_variable_that_names_no_directory_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(scratch.VARIABLE, str(tmp_path / "missing"))
    with pytest.raises(NotADirectoryError, match=r"TORNWRITE_SCRATCH names .*missing"):
        scratch_root()


def test_mount_points_with_spaces_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "mounts"
    table.write_text("/dev/a / ext4 rw 0 0\nx /with\\040space tmpfs rw 0 0\ny /with ext4 rw 0 0\n")
    original = open
    monkeypatch.setattr(
        "builtins.open",
        lambda name, *rest, **named: original(
            table if name == "/proc/mounts" else name, *rest, **named
        ),
    )
    assert scratch._file_system_type("/with space/a") == "tmpfs"
    assert scratch._file_system_type("/with/a") == "ext4"
    assert scratch._file_system_type("/without") == "ext4"


def test_a_workspace_goes_with_its_block_and_with_an_exception(tmp_path: Path) -> None:
    with Workspace() as workspace:
        Path(workspace.path, "a").touch()
        assert Path(workspace.path).parent == tmp_path
        assert Path(workspace.path).name.startswith(f"tornwrite-{os.getpid()}-")
    assert os.listdir(tmp_path) == []
    with pytest.raises(KeyError), Workspace():
        raise KeyError
    assert os.listdir(tmp_path) == []


def test_a_workspace_with_closed_directories_goes_as_well(tmp_path: Path) -> None:
    with Workspace() as workspace:
        inner = Path(workspace.path, "closed", "inner")
        inner.mkdir(parents=True)
        inner.chmod(0)
        inner.parent.chmod(0)
    assert os.listdir(tmp_path) == []


def test_a_forked_child_does_not_remove_it(tmp_path: Path) -> None:
    with Workspace() as workspace:
        pid = os.fork()
        if pid == 0:
            workspace.__exit__(None, None, None)
            os._exit(0)
        os.waitpid(pid, 0)
        pid = os.fork()
        if pid == 0:
            os.kill(os.getpid(), signal.SIGTERM)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGTERM
        assert os.path.isdir(workspace.path)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_that_end_the_process_leave_nothing(number: signal.Signals) -> None:
    process, path = holder()
    assert os.path.isdir(path)
    process.send_signal(number)
    assert process.wait(10) == -number
    assert not os.path.exists(path)


def test_the_handler_goes_with_the_last_workspace_and_spares_the_program_s_own() -> None:
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    with Workspace(), Workspace():
        assert signal.getsignal(signal.SIGTERM) != signal.SIG_DFL
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with Workspace():
            assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def test_workspaces_of_killed_processes_are_collected_and_others_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Elsewhere the tests beside this one leave workspaces of killed processes too.
    monkeypatch.setattr(scratch, "MEMORY", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    process, path = holder()
    (tmp_path / "tornwrite-notes").mkdir()
    (tmp_path / "tornwrite-1-2-3-of-another-container").mkdir()
    with Workspace() as own:
        assert collect_garbage(tmp_path) == []
        process.kill()
        process.wait()
        assert collect_garbage() == [path]
        assert os.path.isdir(own.path)
    assert sorted(os.listdir(tmp_path)) == [
        "tornwrite-1-2-3-of-another-container",
        "tornwrite-notes",
    ]


def test_a_process_id_used_again_does_not_keep_a_workspace(tmp_path: Path) -> None:
    with Workspace() as own:
        pid, started, rest = Path(own.path).name.removeprefix("tornwrite-").split("-", 2)
    older = tmp_path / f"tornwrite-{pid}-{int(started) - 1}-{rest}"
    older.mkdir()
    assert collect_garbage(tmp_path) == [str(older)]
