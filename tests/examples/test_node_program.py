"""Notes in Node: the synced ones pass, the others do not."""

import shutil
from dataclasses import replace

import pytest

from support.examples import CRASHES, example, found, of_kind, protected, told
from tornwrite.faults.strace import probe_strace
from tornwrite.model.verdict import Kind
from tornwrite.scenarios.fault_lanes import Effort

pytestmark = [
    pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node (node)"),
    pytest.mark.skipif(not probe_strace().usable, reason=probe_strace().reason),
]

NOTES = "node-program/notes_in_node.py"


def test_the_synced_ones_pass() -> None:
    assert found(example(f"{NOTES}:synced"), ["put"]) == []


def test_without_a_sync_a_file_is_empty_and_what_was_put_is_gone() -> None:
    findings = found(example(f"{NOTES}:unsynced"), ["put"])
    assert protected(of_kind(findings, Kind.UNREADABLE, "ext4")) == (
        "write 11 B at 0 of notes.json.new"
    )
    assert protected(of_kind(findings, Kind.LOST, "ext4")) == "rename notes.json.new -> notes.json"
    assert not any("kill" in one.profiles for one in findings)


def test_what_was_deleted_is_back() -> None:
    findings = found(example(f"{NOTES}:unsynced"), ["delete"])
    assert of_kind(findings, Kind.RESURRECTED, "ext4")


def test_the_readme_tells_of_each_kind() -> None:
    text = told("node-program")
    assert all(f"**{kind}**" in text for kind in ("unreadable", "lost", "resurrected"))


def test_what_could_not_be_saved_is_not_shown() -> None:
    settings = replace(CRASHES, lanes=("errors",), effort=Effort.QUICK)
    assert found(example(f"{NOTES}:synced"), ["put"], settings) == []
