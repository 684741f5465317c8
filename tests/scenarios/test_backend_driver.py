"""What stands behind the session interface, as a subject: started, fallen back, judged."""

import glob
import logging
import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tornwrite.faults.images import materialise
from tornwrite.faults.profiles import DEFAULT
from tornwrite.faults.scratch import scratch_root
from tornwrite.model.machine import CrashMachine, Violated, machine_for
from tornwrite.model.operation import Operation
from tornwrite.model.strategies import contents, keys, session_arguments
from tornwrite.model.strategies import messages as any_messages
from tornwrite.model.verdict import Kind, Verdict
from tornwrite.reference.interface import JSONLBackend, open_session_store
from tornwrite.reference.manager import SessionManager
from tornwrite.reference.published import SessionManager as PublishedManager
from tornwrite.reference.published import open_session_store as published_start
from tornwrite.scenarios.backend_driver import BackendDriver
from tornwrite.scenarios.manager_driver import SessionStore
from tornwrite.scenarios.run import Outcome, Settings, run_scenario
from tornwrite.scenarios.session_driver import counting_clock
from tornwrite.scenarios.subject import load_subject
from tornwrite.scenarios.world import Worlds

REFERENCE = load_subject("tornwrite.scenarios.stores:backend")
PUBLISHED = load_subject("tornwrite.scenarios.known_bad:backend")
POWER_LOSSES = tuple(one for one in DEFAULT if one.name != "kill")
SETTINGS = Settings(POWER_LOSSES, budget=50_000, seed=0)
NAMES = [scenario.name for scenario in REFERENCE.scenarios]
FALLING_BACK = [name for name in NAMES if "fall-back" in name]

RUN = settings(
    max_examples=20,
    stateful_step_count=8,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Stores log why they fall back, and there are thousands."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def op(name: str, **arguments: Any) -> Operation:
    return Operation(name, arguments)


ADD = op("add_message", key="chat:1", role="user", content="new")
SAVE = op("save", key="chat:1")


def start(directory: str) -> SessionStore:
    return open_session_store(directory, clock=counting_clock())


def driver_on(directory: Path, scenario: str = "fall-back-then-migrate") -> BackendDriver:
    materialise(REFERENCE.scenario(scenario).base, str(directory))
    return BackendDriver(start, lambda store: isinstance(store, SessionManager), str(directory))


def shown(driver: BackendDriver) -> list[str]:
    session = driver.observe(("chat:1",))["sessions"]["chat:1"]
    return [message["content"] for message in session["messages"]]


# The driver


def test_a_look_shows_what_a_start_would_not_what_is_in_memory(tmp_path: Path) -> None:
    driver = driver_on(tmp_path)
    driver.apply(ADD)
    assert shown(driver) == ["hello", "hi"]
    driver.apply(SAVE)
    assert shown(driver) == ["hello", "hi", "new"]
    driver.close()


def test_a_look_changes_no_file_and_leaves_none_behind(tmp_path: Path) -> None:
    driver = driver_on(tmp_path)
    driver.apply(ADD)
    driver.apply(SAVE)
    before = {entry.name: entry.read_bytes() for entry in tmp_path.iterdir()}
    shown(driver)
    assert {entry.name: entry.read_bytes() for entry in tmp_path.iterdir()} == before
    assert glob.glob(os.path.join(scratch_root().path, f"tornwrite-{os.getpid()}-*")) == []
    driver.close()


def test_an_operator_can_take_a_file_away_and_put_it_back(tmp_path: Path) -> None:
    driver = driver_on(tmp_path)
    assert driver.observe(())["hindered"] == ["?"]
    for _ in range(2):  # the second time is no error: the first may have been cut off
        driver.apply(op("take_away", file="bad.json"))
    assert driver.observe(())["hindered"] == []
    driver.apply(op("put_back", file="bad.json"))
    assert driver.observe(())["hindered"] == ["?"]
    driver.close()


# What scenarios rest on: that each edition's start does fall back where it is to


@pytest.mark.parametrize("name", FALLING_BACK)
@pytest.mark.parametrize(
    ("subject", "begin", "manager"),
    [
        (REFERENCE, open_session_store, SessionManager),
        (PUBLISHED, published_start, PublishedManager),
    ],
    ids=["reference", "published"],
)
def test_the_start_falls_back(
    name: str, subject: Any, begin: Callable[[str], SessionStore], manager: type, tmp_path: Path
) -> None:
    scenario = subject.scenario(name)
    materialise(scenario.base, str(tmp_path))
    hindered = bool(scenario.start.get("hindered"))
    assert hindered == (name not in ("migrate-then-fall-back", "fall-back-emptied"))
    store = begin(str(tmp_path))
    assert isinstance(store, manager) == hindered
    store.close()


def test_the_reference_edition_takes_what_hinders_the_published_one(tmp_path: Path) -> None:
    materialise(PUBLISHED.scenario("fall-back-then-migrate").base, str(tmp_path))
    store = open_session_store(str(tmp_path))
    assert isinstance(store, JSONLBackend)
    store.close()


# The editions


@cache
def published(scenario: str) -> Outcome:
    return run_scenario(PUBLISHED, PUBLISHED.scenario(scenario), SETTINGS, lambda at, done: None)


@pytest.mark.parametrize(
    ("scenario", "kind", "promise", "strongest"),
    [
        ("restarted", Kind.LOST, "durable", "no crash"),
        ("several", Kind.LEAKED, "keys", "no crash"),
        ("first-start", Kind.LOST, "durable", "no crash"),
        ("fall-back-half-migrated", Kind.LOST, "durable", "no crash"),
        ("fall-back-both", Kind.LOST, "durable", "no crash"),
        ("fall-back-then-migrate", Kind.LOST, "durable", "ext4"),
        ("migrate-then-fall-back", Kind.LOST, "durable", "no crash"),
    ],
)
def test_the_published_start_is_caught_at_what_it_does_wrong(
    scenario: str, kind: Kind, promise: str, strongest: str
) -> None:
    found = {
        (one.violation.kind, one.violation.promise.name, one.profile)
        for one in published(scenario).findings
    }
    assert (kind, promise, strongest) in found


@pytest.mark.parametrize("scenario", NAMES)
def test_the_reference_passes_every_power_loss_completely(scenario: str) -> None:
    """With every image; the gate has the kills too."""
    outcome = run_scenario(REFERENCE, REFERENCE.scenario(scenario), SETTINGS, lambda at, done: None)
    rows = [(row.verdict, row.complete) for row in outcome.rows]
    assert rows == [(Verdict.PASSED, True)] * len(POWER_LOSSES)
    assert outcome.findings == outcome.notes == ()


def machine(subject: str, scenario: str) -> type[CrashMachine]:
    of_keys = keys(strange=False)
    few = any_messages(texts=contents(large=False), extra_fields=False)
    arguments = session_arguments(of_keys=of_keys, of_messages=few)
    del arguments["compact"]
    worlds = Worlds(subject, scenario=scenario, budget=40)
    return machine_for(worlds, {**arguments, "save": {"key": of_keys}})


@pytest.mark.parametrize("scenario", ["first-start", "fall-back-both", "fall-back-half-migrated"])
def test_the_reference_passes_any_run(scenario: str) -> None:
    any_run = machine("tornwrite.scenarios.stores:backend", scenario)
    run_state_machine_as_test(any_run, settings=RUN)


def test_the_published_one_does_not() -> None:
    any_run = machine("tornwrite.scenarios.known_bad:backend", "")
    with pytest.raises(Violated):
        run_state_machine_as_test(any_run, settings=RUN)
