"""os.replace without a sync: what is found, asked for much and for little."""

import pytest

from support.examples import example, found, of_kind, protected, told
from tornwrite.model.results import Finding
from tornwrite.model.verdict import Kind

FILE = "replace-without-sync/replace_without_sync.py"


@pytest.fixture(scope="module")
def findings() -> list[Finding]:
    return found(example(f"{FILE}:notes"), ["put", "delete"])


def test_no_kill_shows_anything(findings: list[Finding]) -> None:
    assert not any("kill" in one.profiles for one in findings)


def test_a_power_loss_leaves_an_empty_file(findings: list[Finding]) -> None:
    one = of_kind(findings, Kind.UNREADABLE, "ext4")
    assert protected(one) == "write 14 B at 0 of notes.json.new"
    assert one.files == (("notes.json", "0 B b''"),)


def test_a_power_loss_takes_what_was_acknowledged(findings: list[Finding]) -> None:
    one = of_kind(findings, Kind.LOST, "ext4")
    assert protected(one) == "rename notes.json.new -> notes.json"


def test_the_weaker_promise_is_broken_too_and_by_that_empty_file_alone() -> None:
    weaker = found(example(f"{FILE}:weaker"), ["put", "delete"])
    assert {one.violation.kind for one in weaker} == {Kind.UNREADABLE}


def test_the_weaker_promise_is_kept_once_the_file_is_synced() -> None:
    ordered = example(f"{FILE}:ordered")
    assert found(ordered, ["put", "delete", "reopened"]) == []
    assert ordered.weakened == (
        "a power loss may take what was acknowledged at any time, the latest first",
    )


def test_the_readme_tells_of_each_kind(findings: list[Finding]) -> None:
    text = told("replace-without-sync")
    assert {one.violation.kind.value for one in findings} == {"lost", "resurrected", "unreadable"}
    assert all(f"**{one.violation.kind.value}**" in text for one in findings)
