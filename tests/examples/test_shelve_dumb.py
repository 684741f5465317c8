"""A shelf on dbm.dumb: what is found, and that it is what the README says."""

import pytest

from support.examples import example, found, of_kind, protected, told
from tornwrite.model.results import Finding
from tornwrite.model.verdict import Kind


@pytest.fixture(scope="module")
def findings() -> list[Finding]:
    return found(example("shelve-dumb/shelve_dumb.py:shelf"), ["put"])


def test_a_kill_between_two_index_files_empties_the_shelf(findings: list[Finding]) -> None:
    one = of_kind(findings, Kind.LOST, "kill")
    assert protected(one) == "rename shelf.dir -> shelf.bak"
    assert [path for path, _ in one.files] == ["shelf.bak", "shelf.dat"]


def test_a_torn_line_of_the_index_keeps_it_shut(findings: list[Finding]) -> None:
    one = of_kind(findings, Kind.UNREADABLE, "kill")
    assert "opening fails: SyntaxError" in one.violation.recovered
    assert protected(one) == "write 13 B at end of shelf.dir"


def test_the_readme_tells_of_each_kind(findings: list[Finding]) -> None:
    text = told("shelve-dumb")
    assert {one.violation.kind.value for one in findings} <= {"lost", "resurrected", "unreadable"}
    assert all(f"**{one.violation.kind.value}**" in text for one in findings)
