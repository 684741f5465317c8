"""Both editions of the archiving store under the harness, and how it drives them."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from tornwrite.faults.profiles import DEFAULT, POSIX
from tornwrite.model.machine import CrashMachine, Violated, machine_for
from tornwrite.model.operation import Operation
from tornwrite.model.results import MutantKind
from tornwrite.model.strategies import archive_arguments, contents, messages
from tornwrite.model.verdict import Kind, Verdict
from tornwrite.reference.archive import ArchivingStore
from tornwrite.reference.durable.errors import SessionNotFound
from tornwrite.scenarios.archive_driver import ArchiveDriver
from tornwrite.scenarios.mutants import try_mutants
from tornwrite.scenarios.run import Outcome, Settings, run_scenario
from tornwrite.scenarios.subject import load_subject
from tornwrite.scenarios.world import Worlds

REFERENCE = "tornwrite.scenarios.stores:archive"
PUBLISHED = "tornwrite.scenarios.known_bad:archive"


# The reference passes


@pytest.mark.parametrize("scenario", [one.name for one in load_subject(REFERENCE).scenarios])
def test_the_reference_store_passes_the_weakest_power_loss(scenario: str) -> None:
    """Its states are those of all others and more; the gate has the kills too."""
    subject = load_subject(REFERENCE)
    wanted = Settings((POSIX,), budget=50_000, seed=0)
    outcome = run_scenario(subject, subject.scenario(scenario), wanted, lambda at, done: None)
    assert [(row.verdict, row.complete) for row in outcome.rows] == [(Verdict.PASSED, True)]


def test_what_makes_archiving_two_files_one_change_is_needed() -> None:
    subject = load_subject(REFERENCE)
    tried = try_mutants(subject, subject.scenario("archive-again"), budget=50_000, seed=0)
    syncs = [one for one in tried if one.kind is MutantKind.SYNC]
    assert len(syncs) > 10
    assert [one.text for one in syncs if one.caught_by is None] == []


def test_what_a_killed_process_had_saved_is_durable_before_it_is_archived() -> None:
    subject = load_subject(REFERENCE)
    tried = try_mutants(subject, subject.scenario("save"), budget=50_000, seed=0)
    syncs = [one for one in tried if any("sync_active" in site for site in one.sites[:2])]
    assert syncs
    assert any(one.caught_by for one in syncs)


# The published store is caught


@cache
def published(scenario: str) -> Outcome:
    subject = load_subject(PUBLISHED)
    wanted = Settings(DEFAULT, budget=50_000, seed=0, real_kills=False)
    return run_scenario(subject, subject.scenario(scenario), wanted, lambda at, done: None)


@pytest.mark.parametrize(
    ("scenario", "kind", "promise", "strongest"),
    [
        ("save", Kind.LOST, "durable", "ext4"),
        ("save", Kind.UNREADABLE, "damage", "kill"),
        ("save", Kind.TORN, "atomic", "kill"),
        ("archive", Kind.UNREADABLE, "durable", "no crash"),
        ("archive-save", Kind.LOST, "durable", "no crash"),
        ("archive-again", Kind.LOST, "durable", "no crash"),
        ("delete", Kind.RESURRECTED, "atomic", "ext4"),
        ("delete-both", Kind.LOST, "durable", "kill"),
        ("repair-torn-tail", Kind.UNREADABLE, "damage", "no crash"),
        ("repair-empty-file", Kind.LOST, "durable", "kill"),
    ],
)
def test_the_published_store_is_caught_at_what_it_does_wrong(
    scenario: str, kind: Kind, promise: str, strongest: str
) -> None:
    found = {
        (one.violation.kind, one.violation.promise.name, one.profile)
        for one in published(scenario).findings
    }
    assert (kind, promise, strongest) in found


# Any operations, any crashes

RUN = settings(
    max_examples=15,
    stateful_step_count=8,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)


def machine(subject: str) -> type[CrashMachine]:
    arguments = archive_arguments(
        of_ids=st.sampled_from(("a", "a.jsonl")),
        of_messages=messages(texts=contents(large=False), extra_fields=False),
    )
    return machine_for(Worlds(subject, budget=60), arguments)


def test_the_reference_store_passes_whatever_is_done_to_it() -> None:
    run_state_machine_as_test(machine(REFERENCE), settings=RUN)


def test_the_machine_finds_what_is_wrong_with_the_published_store() -> None:
    with pytest.raises(Violated):
        run_state_machine_as_test(machine(PUBLISHED), settings=RUN)


# How it is driven


def save(content: str, session_id: str = "a") -> Operation:
    message = {"role": "user", "content": content}
    return Operation("save", {"session_id": session_id, "message": message})


def archive(session_id: str = "a") -> Operation:
    return Operation("archive", {"session_id": session_id})


def driver(directory: Path, store: Any = None) -> ArchiveDriver:
    return ArchiveDriver(store or ArchivingStore(directory), str(directory), SessionNotFound)


def test_what_is_archived_is_seen_by_its_name_and_what_is_active_by_the_list(
    tmp_path: Path,
) -> None:
    driven = driver(tmp_path)
    for operation in (save("1"), archive(), save("2", "b")):
        driven.apply(operation)
    assert driven.observe(["a", "c"])["sessions"] == {
        "a": {"messages": [{"role": "user", "content": "1"}], "archived": True},
        "b": {"messages": [{"role": "user", "content": "2"}], "archived": False},
    }


def test_that_there_is_nothing_to_archive_is_an_answer(tmp_path: Path) -> None:
    driven = driver(tmp_path)
    driven.apply(archive())
    assert driven.observe(["a"])["sessions"] == {}


def test_that_there_is_nothing_to_archive_fails_where_there_must_be(tmp_path: Path) -> None:
    driven = driver(tmp_path)
    existing = Operation("archive_existing", {"session_id": "a"})
    with pytest.raises(SessionNotFound):
        driven.apply(existing)
    driven.apply(save("1"))
    driven.apply(existing)
    assert driven.observe(["a"])["sessions"]["a"]["archived"]


class Contrary(ArchivingStore):
    """Says of sessions what is not so."""

    exists_says = True

    def exists(self, session_id: str) -> bool:
        return self.exists_says


def test_that_a_session_which_exists_cannot_be_archived_is_a_failure(tmp_path: Path) -> None:
    driven = driver(tmp_path, Contrary(tmp_path))
    with pytest.raises(SessionNotFound):
        driven.apply(archive())


def test_a_store_that_contradicts_itself_is_not_read(tmp_path: Path) -> None:
    store = Contrary(tmp_path)
    driven = driver(tmp_path, store)
    assert "SessionNotFound" in driven.observe(["a"])["sessions"]["a"]["error"]
    driven.apply(save("1"))
    store.exists_says = False
    assert "exists() says there is none" in driven.observe(["a"])["sessions"]["a"]["error"]


def test_damaged_bytes_are_found_wherever_they_are_kept(tmp_path: Path) -> None:
    driven = driver(tmp_path)
    files = {
        "a.jsonl": b'{"role":"user"}\nx\n',
        "a.jsonl.archived": b'"y"',
        "b.jsonl.whole": b"z\n",
        "a.jsonl.damaged-0": b"{}\nw",
        "a.jsonl.tmp": b"lost",
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    assert sorted(driven.observe([])["damaged"]) == ["b'\"y\"'", "b'w'", "b'x'", "b'z'"]
    assert driven.settled([])["litter"] == ["a.jsonl.tmp", "b.jsonl.whole"]


def test_an_unknown_operation_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'frobnicate'"):
        driver(tmp_path).apply(Operation("frobnicate"))
