"""json.dump to a file: what is found, and that it is what the README says."""

from dataclasses import replace

import pytest

from support.examples import CRASHES, example, found, of_kind, protected, told
from tornwrite.model.results import Finding
from tornwrite.model.verdict import Kind


@pytest.fixture(scope="module")
def findings() -> list[Finding]:
    return found(example("json-dump/json_dump.py:notes"), ["put", "delete"])


def test_a_kill_leaves_a_file_that_cannot_be_read(findings: list[Finding]) -> None:
    one = of_kind(findings, Kind.UNREADABLE, "kill")
    assert "JSONDecodeError" in one.violation.recovered
    assert protected(one) == "open notes.json (create, truncate)"
    assert one.steps[one.protect or 0].sites[0].endswith("in Notes.save")


def test_a_power_loss_takes_what_was_acknowledged(findings: list[Finding]) -> None:
    one = of_kind(findings, Kind.LOST, "ext4")
    assert set(one.profiles) >= {"ext4", "xfs", "btrfs", "posix"}
    assert one.acknowledged[-1] == "put(key='a', value='first')"


def test_what_was_deleted_comes_back(findings: list[Finding]) -> None:
    assert of_kind(findings, Kind.RESURRECTED, "ext4").acknowledged[-1] == "delete(key='a')"


def test_a_full_disk_destroys_all_notes() -> None:
    full = replace(CRASHES, lanes=("full disk",))
    shown = found(example("json-dump/json_dump.py:notes"), ["put"], full)
    one = of_kind(shown, Kind.STUCK, "full disk")
    assert "JSONDecodeError" in one.violation.recovered


def test_the_readme_tells_of_each_kind(findings: list[Finding]) -> None:
    text = told("json-dump")
    assert {one.violation.kind.value for one in findings} == {"lost", "resurrected", "unreadable"}
    assert all(f"**{one.violation.kind.value}**" in text for one in findings)
