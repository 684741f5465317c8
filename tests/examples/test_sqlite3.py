"""SQLite under strace: what its documentation promises holds, and what it does not is found."""

from dataclasses import replace

import pytest

from support.examples import CRASHES, example, found, of_kind, protected, told
from tornwrite.faults.profiles import BTRFS, EXT4, KILL
from tornwrite.faults.strace import probe_strace
from tornwrite.model.results import Finding
from tornwrite.model.verdict import Kind, Verdict
from tornwrite.scenarios.run import STRACE, run_scenario

needs_strace = pytest.mark.skipif(not probe_strace().usable, reason=probe_strace().reason)
UNDER_STRACE = replace(CRASHES, profiles=(KILL, EXT4, BTRFS), recorder=STRACE)
NOTES = "sqlite3/sqlite_notes.py"


def findings(name: str, scenario: str = "put") -> list[Finding]:
    return found(example(f"{NOTES}:{name}"), [scenario], UNDER_STRACE)


@needs_strace
@pytest.mark.parametrize("name", ["rollback_extra", "wal_full"])
def test_what_is_synced_at_each_commit_survives(name: str) -> None:
    assert findings(name) == []


@needs_strace
def test_without_a_sync_of_the_directory_the_last_commit_is_undone() -> None:
    lost = of_kind(findings("rollback_full"), Kind.LOST, "ext4")
    assert protected(lost) == "unlink notes.db-journal"
    assert lost.acknowledged[-1] == "put(title='a', text='xxx')"
    assert "kill" not in lost.profiles


@needs_strace
def test_a_log_that_is_not_synced_loses_the_last_commits() -> None:
    lost = of_kind(findings("wal_normal"), Kind.LOST, "ext4")
    assert protected(lost).endswith("of notes.db-wal")
    assert "kill" not in lost.profiles


@needs_strace
def test_and_is_consistent_which_is_all_that_the_other_subject_asks_for() -> None:
    declared = example(f"{NOTES}:wal_normal_declared")
    assert found(declared, ["delete-then-again"], UNDER_STRACE) == []
    assert declared.weakened


def test_without_strace_that_is_noticed_and_what_to_do_is_told() -> None:
    subject = example(f"{NOTES}:rollback_extra")
    outcome = run_scenario(subject, subject.scenario("put"), CRASHES, lambda at, done: None)
    assert {row.verdict for row in outcome.rows} == {Verdict.HARNESS_BROKEN}
    assert "use --recorder strace" in outcome.notes[0]


def test_the_readme_tells_of_each_kind() -> None:
    text = told("sqlite3")
    assert "**lost**" in text
    assert "**resurrected**" in text
