"""A log in C, compiled here: the synced one passes, the other loses what it acknowledged."""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import strategies as st

from support.examples import CRASHES, EXAMPLES, example, found, of_kind, protected, told
from tornwrite import AppendLog, program_subject
from tornwrite.faults.strace import probe_strace
from tornwrite.model.verdict import Kind
from tornwrite.scenarios.fault_lanes import Effort
from tornwrite.scenarios.subject import Subject

pytestmark = [
    pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler (cc)"),
    pytest.mark.skipif(not probe_strace().usable, reason=probe_strace().reason),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The example with its program, compiled without a warning."""
    place = tmp_path_factory.mktemp("c") / "c-program"
    shutil.copytree(EXAMPLES / "c-program", place)
    command = ["cc", "-Wall", "-Wextra", "-Werror", "-o", "log", "log.c"]
    subprocess.run(command, cwd=place, check=True)
    yield place
    shutil.rmtree(place)


ERRORS = replace(CRASHES, lanes=("errors",), effort=Effort.CI)


def subject_of(folder: Path, name: str) -> Subject:
    return example(f"{folder}/log_in_c.py:{name}")


def test_the_synced_one_passes_kills_and_crashes_in_recovery_too(folder: Path) -> None:
    settings = replace(CRASHES, real_kills=True, lanes=("crash in recovery",), effort=Effort.CI)
    assert found(subject_of(folder, "synced"), ["append"], settings) == []


def test_the_synced_one_takes_back_what_fails(folder: Path) -> None:
    assert found(subject_of(folder, "synced"), ["append"], ERRORS) == []


def test_an_item_that_failed_would_be_read_otherwise(folder: Path, tmp_path: Path) -> None:
    source = (folder / "log.c").read_text(encoding="utf-8")
    careless = source.replace(
        "ftruncate(file, before) < 0 || lseek(file, before, SEEK_SET) < 0", "0"
    )
    assert careless != source
    (tmp_path / "log.c").write_text(careless, encoding="utf-8")
    subprocess.run(["cc", "-o", "log", "log.c"], cwd=tmp_path, check=True)
    synced = subject_of(folder, "synced")
    operations = {"append": {"item": st.text("abc")}}
    command = [str(tmp_path / "log")]
    program = program_subject(command, AppendLog(), operations, scenarios=synced.scenarios)
    settings = replace(ERRORS, effort=Effort.FULL)
    kinds = {one.violation.kind for one in found(program, ["append"], settings)}
    assert {Kind.PHANTOM, Kind.DUPLICATED} <= kinds


def test_it_goes_on_where_it_was_opened_again(folder: Path) -> None:
    assert found(subject_of(folder, "synced"), ["reopened", "mixed"]) == []


def test_the_other_one_loses_what_it_acknowledged(folder: Path) -> None:
    (lost,) = found(subject_of(folder, "unsynced"), ["append"])
    assert lost == of_kind([lost], Kind.LOST, "ext4")
    assert protected(lost) == "write 3 B at 0 of log"
    assert "kill" not in lost.profiles


def test_the_readme_tells_of_it() -> None:
    assert "**lost**" in told("c-program")
