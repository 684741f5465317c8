"""tornwrite init: files that run as they are, and are never written over others."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tornwrite.init_command import WAYS, files_of


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A command in that folder, with this Python."""
    return subprocess.run(
        [sys.executable, "-P", "-m", *words],
        capture_output=True,
        text=True,
        timeout=240,
        cwd=folder,
        env={**os.environ, "COLUMNS": "200", "PYTEST_ADDOPTS": ""},
    )


def tornwrite(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return run(folder, "tornwrite", *words)


def test_each_way_writes_its_files_and_says_how_to_run_them(tmp_path: Path) -> None:
    for way, (names, command) in WAYS.items():
        done = tornwrite(tmp_path, "init", way, "--into", way)
        assert done.returncode == 0, done.stderr
        assert sorted(os.listdir(tmp_path / way)) == sorted(names)
        assert done.stdout.splitlines()[-1] == f"run it with: cd {way} && {command}"


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "notes_driver.py").write_text("mine")
    done = tornwrite(tmp_path, "init", "program")
    assert done.returncode == 2
    assert "notes_driver.py is there already" in done.stderr
    assert os.listdir(tmp_path) == ["notes_driver.py"]
    assert (tmp_path / "notes_driver.py").read_text() == "mine"


def test_a_directory_that_cannot_be_is_wrong_use(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = tornwrite(tmp_path, "init", "test", "--into", "file/below")
    assert done.returncode == 2
    assert "cannot write to file/below" in done.stderr


def test_the_test_passes_and_fails_without_its_sync(tmp_path: Path) -> None:
    assert tornwrite(tmp_path, "init", "test").returncode == 0
    done = run(tmp_path, "pytest", "-q", "-p", "no:cacheprovider", "test_notes.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
    _without_sync(tmp_path / "test_notes.py")
    done = run(tmp_path, "pytest", "-q", "-p", "no:cacheprovider", "test_notes.py")
    assert "2 failed" in done.stdout


def test_the_subject_passes_and_does_not_without_its_sync(tmp_path: Path) -> None:
    assert tornwrite(tmp_path, "init", "subject").returncode == 0
    gate = ("gate", "notes_subject.py:notes", "--scenario", "delete", "--jobs", "1")
    done = tornwrite(tmp_path, *gate)
    assert done.returncode == 0, done.stdout + done.stderr
    _without_sync(tmp_path / "notes_subject.py")
    assert tornwrite(tmp_path, *gate, "--effort", "quick").returncode == 1


@pytest.mark.skipif(shutil.which("strace") is None, reason="programs are recorded with strace")
def test_the_program_passes(tmp_path: Path) -> None:
    assert tornwrite(tmp_path, "init", "program").returncode == 0
    gate = ("gate", "notes_program.py:notes", "--scenario", "put", "--jobs", "1")
    done = tornwrite(tmp_path, *gate, "--effort", "quick")
    assert done.returncode == 0, done.stdout + done.stderr
    _without_sync(tmp_path / "notes_driver.py")
    assert tornwrite(tmp_path, *gate, "--effort", "quick").returncode == 1


def _without_sync(file: Path) -> None:
    lines = file.read_text().splitlines(keepends=True)
    left = [line for line in lines if "take this line out" not in line]
    assert len(left) == len(lines) - 1
    file.write_text("".join(left))


def test_all_that_is_named_ships() -> None:
    for names, _ in WAYS.values():
        assert all(files_of(names).values())
