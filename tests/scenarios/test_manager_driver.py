"""The session manager as a subject: what the harness sees of it, and finds wrong with it."""

import logging
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from tornwrite.faults.profiles import DEFAULT
from tornwrite.model.machine import CrashMachine, Violated, machine_for
from tornwrite.model.manager import Managed, ManagerModel
from tornwrite.model.operation import Operation
from tornwrite.model.strategies import contents, keys, operations, session_arguments
from tornwrite.model.strategies import messages as any_messages
from tornwrite.model.verdict import Kind, Verdict
from tornwrite.reference.durable.errors import KeyRefused
from tornwrite.reference.manager import SessionManager
from tornwrite.scenarios.manager_driver import ManagerDriver, call, litter, read_session
from tornwrite.scenarios.run import Outcome, Settings, run_scenario
from tornwrite.scenarios.session_driver import counting_clock
from tornwrite.scenarios.subject import load_subject
from tornwrite.scenarios.world import Worlds

REFERENCE = load_subject("tornwrite.scenarios.stores:manager")
PUBLISHED = load_subject("tornwrite.scenarios.known_bad:manager")
SETTINGS = Settings(DEFAULT, budget=50_000, seed=0, real_kills=False)
NAMES = [scenario.name for scenario in REFERENCE.scenarios]

RUN = settings(
    max_examples=40,
    stateful_step_count=10,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Stores log what they cannot read, and there are thousands."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def open_manager(directory: str) -> SessionManager:
    return SessionManager(directory, clock=counting_clock())


def op(name: str, **arguments: Any) -> Operation:
    return Operation(name, arguments)


ADD = op("add_message", key="k", role="user", content="hello")
SAVE = op("save", key="k")
HELLO = [{"role": "user", "content": "hello"}]


# The driver


def test_a_look_is_never_at_the_memory(tmp_path: Path) -> None:
    driver = ManagerDriver(open_manager, str(tmp_path))
    driver.apply(ADD)
    assert driver.observe(("k",))["sessions"]["k"]["messages"] == []
    driver.apply(SAVE)
    assert driver.observe(("k",))["sessions"]["k"]["messages"] == HELLO
    driver.close()


def test_the_first_look_is_at_the_manager_that_recovered(tmp_path: Path) -> None:
    opened: list[SessionManager] = []

    def noted(directory: str) -> SessionManager:
        opened.append(open_manager(directory))
        return opened[-1]

    driver = ManagerDriver(noted, str(tmp_path))
    driver.observe(("k",))
    assert len(opened) == 1
    driver.apply(ADD)
    driver.observe(("k",))
    assert len(opened) == 2
    driver.close()


def test_a_look_leaves_the_memory_alone(tmp_path: Path) -> None:
    driver = ManagerDriver(open_manager, str(tmp_path))
    driver.apply(ADD)
    driver.observe(("k",))
    driver.apply(SAVE)
    assert driver.observe(("k",))["sessions"]["k"]["messages"] == HELLO
    driver.close()


def test_what_the_store_noted_is_raised(tmp_path: Path) -> None:
    """An operation that returned and did nothing is not acknowledged."""
    manager = open_manager(str(tmp_path))
    with pytest.raises(KeyRefused):
        call(manager, op("add_message", key="\ud800", role="user", content="x"))
    assert "KeyRefused" in read_session(manager, "\ud800", str(tmp_path))["error"]
    call(manager, ADD)
    manager.close()


def test_what_was_noted_before_is_not_raised_again(tmp_path: Path) -> None:
    manager = open_manager(str(tmp_path))
    manager.add_message("\ud800", "user", "x")
    call(manager, ADD)
    assert read_session(manager, "k", str(tmp_path))["messages"] == HELLO
    manager.close()


def test_an_unknown_operation_is_refused(tmp_path: Path) -> None:
    driver = ManagerDriver(open_manager, str(tmp_path))
    with pytest.raises(ValueError, match="'compact'"):
        driver.apply(op("compact", key="k"))
    driver.close()


def test_files_of_no_format_are_litter(tmp_path: Path) -> None:
    known = ("a.json", "a.jsonl", "a.meta.json", "a.json.migrated.1", "a.damaged-0af1", ".lock")
    for name in (*known, "session-0.tmp", "b.json.tmp"):
        (tmp_path / name).touch()
    assert litter(str(tmp_path)) == ["b.json.tmp", "session-0.tmp"]


# The memory: what a crash cannot show, the model and the manager are held together on alone

WRITTEN = {
    name: arguments
    for name, arguments in session_arguments(
        of_keys=keys(), of_messages=any_messages(texts=contents(large=False))
    ).items()
    if name != "compact"
}
ANY = st.lists(
    operations({**WRITTEN, "save": {"key": keys()}, "get_or_create": {"key": keys()}}), max_size=12
)


@settings(RUN, max_examples=80)
@given(done=ANY)
def test_what_is_in_memory_reads_as_the_model_says(
    done: list[Operation], tmp_path_factory: pytest.TempPathFactory
) -> None:
    manager = open_manager(str(tmp_path_factory.mktemp("sessions")))
    model, state = ManagerModel(), Managed()
    for operation in done:
        call(manager, operation)
        state = model.step(state, operation)
        key = operation.arguments["key"]
        held = state.memory.get(key)
        shown = read_session(manager, key, "")
        assert shown["messages"] == ([] if held is None else list(held.messages))
        assert shown["summary"] == ("" if held is None else held.summary)
    manager.close()


# The editions


@cache
def published(scenario: str) -> Outcome:
    return run_scenario(PUBLISHED, PUBLISHED.scenario(scenario), SETTINGS, lambda at, done: None)


@pytest.mark.parametrize(
    ("scenario", "kind", "promise", "strongest"),
    [
        ("save", Kind.LOST, "durable", "ext4"),
        ("save", Kind.LITTER, "tidy", "kill"),
        ("beginnings", Kind.LOST, "durable", "no crash"),
        ("several", Kind.LOST, "durable", "no crash"),
        ("unreadable", Kind.LOST, "damage", "kill"),
        ("unreadable", Kind.UNREADABLE, "damage", "kill"),
        ("beside-jsonl", Kind.LOST, "durable", "no crash"),
        ("copied", Kind.LOST, "durable", "no crash"),
        ("later-release", Kind.TORN, "atomic", "no crash"),
    ],
)
def test_the_published_manager_is_caught_at_what_it_does_wrong(
    scenario: str, kind: Kind, promise: str, strongest: str
) -> None:
    found = {
        (one.violation.kind, one.violation.promise.name, one.profile)
        for one in published(scenario).findings
    }
    assert (kind, promise, strongest) in found


@pytest.mark.parametrize("scenario", NAMES)
def test_the_reference_manager_passes_every_power_loss_completely(scenario: str) -> None:
    """With every image; the gate has the kills too."""
    without_kill = Settings(tuple(one for one in DEFAULT if one.name != "kill"), 50_000, 0)
    outcome = run_scenario(
        REFERENCE, REFERENCE.scenario(scenario), without_kill, lambda at, done: None
    )
    rows = [(row.verdict, row.complete) for row in outcome.rows]
    assert rows == [(Verdict.PASSED, True)] * len(without_kill.profiles)
    assert outcome.findings == outcome.notes == ()


def machine(subject: str, scenario: str = "") -> type[CrashMachine]:
    of_keys = keys(strange=False)
    few = any_messages(texts=contents(large=False), extra_fields=False)
    arguments = session_arguments(of_keys=of_keys, of_messages=few)
    del arguments["compact"]
    saved = {"key": of_keys}
    return machine_for(
        Worlds(subject, scenario=scenario, budget=60),
        {**arguments, "save": saved, "get_or_create": saved},
    )


@pytest.mark.parametrize("scenario", ["", "copied", "unreadable"])
def test_the_reference_manager_passes_any_run(scenario: str) -> None:
    """From nothing, and beside files that are no sessions of its own."""
    any_run = machine("tornwrite.scenarios.stores:manager", scenario)
    run_state_machine_as_test(any_run, settings=RUN)


def test_the_published_manager_does_not() -> None:
    any_run = machine("tornwrite.scenarios.known_bad:manager")
    with pytest.raises(Violated):
        run_state_machine_as_test(any_run, settings=RUN)
