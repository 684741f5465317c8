"""Both editions of the transcript store under the harness, and how it drives them."""

from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from tornwrite.faults.profiles import DEFAULT, POSIX
from tornwrite.model.machine import CrashMachine, Violated, machine_for
from tornwrite.model.operation import REFUSED, Operation
from tornwrite.model.results import MutantKind
from tornwrite.model.strategies import contents, messages, transcript_arguments
from tornwrite.model.verdict import Kind, Verdict
from tornwrite.scenarios.mutants import try_mutants
from tornwrite.scenarios.run import Outcome, Settings, run_scenario
from tornwrite.scenarios.subject import Driver, load_subject
from tornwrite.scenarios.world import Worlds, replay

REFERENCE = "tornwrite.scenarios.stores:transcripts"
PUBLISHED = "tornwrite.scenarios.known_bad:transcripts"


# The reference passes


@pytest.mark.parametrize("scenario", [one.name for one in load_subject(REFERENCE).scenarios])
def test_the_reference_store_passes_the_weakest_power_loss(scenario: str) -> None:
    """Its states are those of all others and more; the gate has the kills too."""
    subject = load_subject(REFERENCE)
    wanted = Settings((POSIX,), budget=50_000, seed=0)
    outcome = run_scenario(subject, subject.scenario(scenario), wanted, lambda at, done: None)
    assert [(row.verdict, row.complete) for row in outcome.rows] == [(Verdict.PASSED, True)]


def test_what_makes_a_transcript_durable_is_needed_before_anything_is_appended() -> None:
    subject = load_subject(REFERENCE)
    tried = try_mutants(subject, subject.scenario("delete-held"), budget=50_000, seed=0)
    syncs = [one for one in tried if one.kind is MutantKind.SYNC]
    assert len(syncs) > 6
    assert [one.text for one in syncs if one.caught_by is None] == []


# The published store is caught


@cache
def published(scenario: str) -> Outcome:
    subject = load_subject(PUBLISHED)
    wanted = Settings(DEFAULT, budget=50_000, seed=0, real_kills=False)
    return run_scenario(subject, subject.scenario(scenario), wanted, lambda at, done: None)


@pytest.mark.parametrize(
    ("scenario", "kind", "promise", "strongest"),
    [
        ("create", Kind.UNREADABLE, "durable", "kill"),
        ("create", Kind.LOST, "durable", "ext4"),
        ("append", Kind.LOST, "torn tail", "kill"),
        ("append", Kind.LOST, "durable", "ext4"),
        ("titles", Kind.DRIFTED, "listed", "no crash"),
        ("long-line", Kind.LOST, "durable", "no crash"),
        ("delete", Kind.RESURRECTED, "atomic", "ext4"),
        ("delete-unopened", Kind.RESURRECTED, "atomic", "no crash"),
        ("repair-header", Kind.UNREADABLE, "durable", "no crash"),
        ("repair-empty-file", Kind.UNREADABLE, "durable", "no crash"),
        ("repair-torn-header", Kind.UNREADABLE, "durable", "no crash"),
        ("repair-line-end", Kind.LOST, "durable", "no crash"),
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
    max_examples=10,
    stateful_step_count=8,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)


def machine(subject: str) -> type[CrashMachine]:
    arguments = transcript_arguments(
        of_ids=st.sampled_from(("a", "a.jsonl")),
        of_messages=messages(texts=contents(large=False), extra_fields=False),
    )
    return machine_for(Worlds(subject, budget=60), arguments)


def test_the_reference_store_passes_whatever_is_done_to_it() -> None:
    run_state_machine_as_test(machine(REFERENCE), settings=RUN)


def test_the_machine_finds_what_is_wrong_with_the_published_store() -> None:
    with pytest.raises(Violated):
        run_state_machine_as_test(machine(PUBLISHED), settings=RUN)


def test_a_look_that_writes_does_not_make_up_for_what_a_kill_cut_off() -> None:
    """To look is to list, and that writes an index, after the end of the operation."""
    append = {"append": {"id": "a", "message": {"role": "user", "content": "x"}}}
    replay(REFERENCE, [append, {"crash": {"profile": "kill", "index": 0}}, append])


# How they are driven


def op(name: str, about: str = "a", content: str | None = None) -> Operation:
    if content is None:
        return Operation(name, {"id": about})
    message = {"role": "user", "content": content}
    return Operation(name, {"id": about, "message": message})


@pytest.fixture(params=[REFERENCE, PUBLISHED])
def driver(request: pytest.FixtureRequest, tmp_path: Path) -> Driver:
    return load_subject(request.param).open(str(tmp_path))


def test_all_that_a_reader_can_see_is_seen(driver: Driver) -> None:
    for operation in (op("append", content="hello"), op("append_held", content="you")):
        driver.apply(operation)
    assert driver.observe([])["transcripts"] == {
        "a": {
            "messages": [
                {"role": "user", "content": "hello"},
                {"role": "user", "content": "you"},
            ],
            "title": "hello",
            "dated": True,
            "listed": {"title": "hello", "count": 2},
        }
    }


def test_what_is_got_holds_what_it_should_or_fails(driver: Driver) -> None:
    holding = Operation("get_holding", {"id": "a", "count": 1})
    with pytest.raises(LookupError, match="holds 0 messages"):
        driver.apply(holding)
    driver.apply(op("append", content="hello"))
    driver.apply(holding)
    driver.apply(op("append_held", content="you"))
    assert driver.observe([])["transcripts"]["a"]["listed"]["count"] == 2


def test_what_is_read_is_answered(driver: Driver) -> None:
    for operation in (op("append", content="hello"), op("get_or_create", "b")):
        driver.apply(operation)
    listed = {"title": "hello", "count": 1}
    assert driver.apply(Operation("list")) == {
        "a": listed,
        "b": {"title": "New Session...", "count": 0},
    }
    assert driver.apply(op("listed")) == listed
    assert driver.apply(op("get_messages")) == {"messages": [{"role": "user", "content": "hello"}]}


def test_what_does_not_exist_is_answered_by_nothing(tmp_path: Path) -> None:
    driver = load_subject(REFERENCE).open(str(tmp_path))
    assert [driver.apply(op(name)) for name in ("listed", "get_messages")] == [{}, {}]


def test_a_look_makes_no_transcript(driver: Driver) -> None:
    assert driver.observe(["a"])["transcripts"] == {}
    driver.apply(op("get_or_create"))
    assert list(driver.observe(["a", "b"])["transcripts"]) == ["a"]


def test_that_there_is_nothing_to_append_to_is_an_answer(driver: Driver) -> None:
    for operation in (op("get_or_create"), op("delete"), op("append_held", content="late")):
        driver.apply(operation)
    assert driver.apply(op("append_held", "never held", "late")) == REFUSED
    assert driver.observe([])["transcripts"] == {}


def test_what_an_earlier_process_held_is_got_again(driver: Driver, tmp_path: Path) -> None:
    driver.apply(op("get_or_create"))
    other = load_subject(PUBLISHED).open(str(tmp_path))
    other.apply(op("append_held", content="hello"))
    assert other.observe([])["transcripts"]["a"]["title"] == "hello"


def test_what_is_only_in_memory_is_not_seen_as_written(tmp_path: Path) -> None:
    driver = load_subject(PUBLISHED).open(str(tmp_path))
    driver.apply(op("append", content="one"))
    file = tmp_path / "a.jsonl"
    whole = file.read_bytes()
    driver.apply(op("append", content="two"))
    file.write_bytes(whole)
    found = driver.observe([])["transcripts"]["a"]
    assert [len(found["messages"]), found["listed"]["count"]] == [1, 2]


def test_the_index_is_no_litter_and_what_is_unfinished_is(driver: Driver, tmp_path: Path) -> None:
    for name in (".index", "a.jsonl.tmp", "a.jsonl.damaged-0"):
        (tmp_path / name).write_bytes(b"x")
    assert driver.settled([])["litter"] == ["a.jsonl.tmp"]
    assert driver.observe([])["damaged"] == ["b'x'"]


def test_an_unknown_operation_is_named(driver: Driver) -> None:
    with pytest.raises(ValueError, match="'frobnicate'"):
        driver.apply(op("frobnicate"))
