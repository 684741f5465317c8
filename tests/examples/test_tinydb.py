"""TinyDB with its JSONStorage: what is found, and that it is what the README says."""

import pytest

from support.examples import example, found, of_kind, protected, told
from tornwrite.model.results import Finding
from tornwrite.model.verdict import Kind


@pytest.fixture(scope="module")
def findings() -> list[Finding]:
    return found(example("tinydb/tinydb_notes.py:notes"), ["put", "delete"])


def test_a_kill_in_the_write_shows_a_value_that_nobody_wrote(findings: list[Finding]) -> None:
    one = of_kind(findings, Kind.TORN, "kill")
    assert one.violation.recovered.startswith("'tecond'")
    assert protected(one) == "write 88 B at 0 of notes.json"
    assert one.steps[-1].sites[0].endswith("in JSONStorage.write")


def test_a_kill_in_the_write_leaves_what_is_no_json(findings: list[Finding]) -> None:
    assert "JSONDecodeError" in of_kind(findings, Kind.UNREADABLE, "kill").violation.recovered


def test_the_end_of_a_longer_content_is_cut_off_after_the_sync(findings: list[Finding]) -> None:
    one = of_kind(findings, Kind.UNREADABLE, "ext4")
    assert "Extra data" in one.violation.recovered
    assert protected(one) == "truncate notes.json to 52 B"


def test_the_name_of_the_file_is_never_synced(findings: list[Finding]) -> None:
    one = of_kind(findings, Kind.LOST, "posix")
    assert protected(one) == "open notes.json (create)"
    assert one.profiles == ("posix",)


def test_another_storage_passes() -> None:
    assert found(example("tinydb/tinydb_notes.py:atomic"), ["put", "delete", "reopened"]) == []


def test_the_readme_tells_of_each_kind(findings: list[Finding]) -> None:
    text = told("tinydb")
    assert {one.violation.kind.value for one in findings} == {"lost", "torn", "unreadable"}
    assert all(f"**{one.violation.kind.value}**" in text for one in findings)
