"""Stores under the rules of other file systems: names that are one there, what nobody may do."""

import errno
import logging
import os
import shlex
from collections.abc import Iterator
from dataclasses import replace

import pytest

from support.key_values import PUT, RightStore, right
from tornwrite.model.verdict import Kind, Verdict
from tornwrite.scenarios import stores
from tornwrite.scenarios.disks.fake_disk import fake_disk
from tornwrite.scenarios.disks.fake_systems import (
    ALIKE,
    CASEFOLD,
    ECRYPTFS,
    LINUX,
    NOT_RUN,
    RULES,
    VFAT,
    Rules,
    try_names,
    try_read_only,
)
from tornwrite.scenarios.disks.other_systems import OTHER_SYSTEMS
from tornwrite.scenarios.fault_lanes import Again, Effort, Job, run_lane
from tornwrite.scenarios.judging import Assessors
from tornwrite.scenarios.permitted import permitted_by_epoch
from tornwrite.scenarios.recording import record
from tornwrite.scenarios.recovery import Bench, workplace
from tornwrite.scenarios.subject import Driver, Subject, WrongUse, load_subject

STORES = {
    "reference": stores.reference,
    "archive": stores.archive,
    "transcripts": stores.transcripts,
    "manager": stores.manager,
    "backend": stores.backend,
}


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """What a store says of names that it cannot take is no news here."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("rules", RULES, ids=lambda rules: rules.name)
@pytest.mark.parametrize("store", STORES)
def test_no_two_names_share_a_session_and_none_leaves_the_directory(
    store: str, rules: Rules
) -> None:
    for names in ALIKE if rules in (LINUX, VFAT) else (*ALIKE[:2], *ALIKE[-2:]):
        tried = try_names(STORES[store], rules, names)
        assert tried.is_right, (names, tried)
        for told in tried.refused.values():
            assert told.startswith(("OSError: [Errno", "KeyRefused: ")), told


@pytest.mark.parametrize("opens", [0, 1], ids=["at first", "again"])
def test_a_store_that_cannot_be_opened_under_such_names_is_told(opens: int) -> None:
    opened: list[str] = []

    def fails(directory: str) -> Driver:
        if len(opened) == opens:
            raise OSError(errno.ENAMETOOLONG, "too long")
        opened.append(directory)
        return stores.reference.open(directory)

    (wrong,) = try_names(replace(stores.reference, open=fails), VFAT, ("a",)).wrong
    assert wrong.kind is Kind.UNREADABLE
    assert "too long" in wrong.recovered


@pytest.mark.parametrize("store", ["reference", "manager", "backend"])
def test_a_store_that_notes_keys_in_its_files_takes_them_all_whatever_the_case(store: str) -> None:
    assert try_names(STORES[store], CASEFOLD, ("Chat", "chat", "CHAT")).refused == {}


@pytest.mark.parametrize("store", ["archive", "transcripts"])
def test_a_store_whose_files_are_named_after_ids_refuses_the_second_spelling(store: str) -> None:
    refused = try_names(STORES[store], CASEFOLD, ("Chat", "chat")).refused
    assert refused
    for operation, told in refused.items():
        assert "'chat'" in operation
        assert told.startswith("KeyRefused: Chat.jsonl"), told
    assert try_names(STORES[store], LINUX, ("Chat", "chat")).refused == {}


def test_what_no_name_may_have_is_refused_by_the_system_and_changes_nothing() -> None:
    tried = try_names(STORES["archive"], VFAT, ("what?", "plain"))
    assert set(tried.refused.values()) == {
        "OSError: [Errno 22] Invalid argument: '/store/what?.jsonl'"
    }
    assert tried.is_right
    long = try_names(STORES["transcripts"], ECRYPTFS, ("L" * 200, "short"))
    assert all("File name too long" in told for told in long.refused.values())


@pytest.mark.parametrize("store", STORES)
def test_who_may_only_read_sees_everything_and_changes_nothing(store: str) -> None:
    subject = STORES[store]
    for scenario in [one for one in subject.scenarios if not one.lanes][:4]:
        tried = try_read_only(subject, scenario)
        assert tried.is_right, (scenario.name, tried)
        for told in tried.refused.values():
            assert told.startswith("PermissionError: [Errno 13]"), told


def test_a_store_that_trusts_names_to_be_two_is_caught() -> None:
    tried = try_names(right, CASEFOLD, ("Key", "key"))
    assert [one.kind.value for one in tried.wrong]
    assert not tried.is_right
    assert try_names(right, LINUX, ("Key", "key")).is_right


def test_a_store_whose_names_lead_out_is_caught() -> None:
    tried = try_names(right, LINUX, ("../outside",))
    assert "/outside" in tried.outside


class Marking(RightStore):
    """Cannot be opened without writing."""

    def __init__(self, root: str) -> None:
        with open(os.path.join(root, "mark"), "w") as file:
            file.write("opened")
        super().__init__(root)


def test_a_store_that_cannot_be_opened_to_be_read_is_caught() -> None:
    wrong = try_read_only(replace(right, open=Marking), PUT).wrong
    assert "PermissionError" in wrong[0].recovered


class Regretting(RightStore):
    """Writes, and then says that it could not."""

    def put(self, key: str, value: str) -> None:
        super().put(key, value)
        raise OSError(errno.EINVAL, "no")


def test_a_store_that_changes_what_it_refuses_is_caught() -> None:
    tried = try_names(replace(right, open=Regretting), LINUX, ("a",))
    assert "changed the files: a" in tried.changed[0]


def test_a_user_who_may_only_read_is_refused_and_no_longer_afterwards() -> None:
    with fake_disk() as disk:
        disk.lay_down((("a", b"1"),))
        with disk.read_only():
            for change in (os.unlink, os.mkdir, lambda path: os.open(path, os.O_WRONLY)):
                with pytest.raises(PermissionError):
                    change(f"{disk.root}/{'b' if change is os.mkdir else 'a'}")
        os.unlink(f"{disk.root}/a")


def job(subject: Subject, effort: Effort, live: str) -> Job:
    scenario = subject.scenarios[0]
    recorded = record(subject, scenario, live)
    permitted = permitted_by_epoch(subject, scenario, recorded.trace)
    assessors = Assessors(subject, Bench(subject, live))
    return Job(subject, scenario, recorded, permitted, assessors, live, 50, 0, effort)


@pytest.mark.parametrize("effort", [Effort.QUICK, Effort.CI])
def test_the_lane_finds_what_the_names_show_and_its_command_finds_it_again(effort: Effort) -> None:
    subject = load_subject("support.key_values:right")
    with workplace() as live:
        here = job(subject, effort, live)
        row, found, _ = run_lane(OTHER_SYSTEMS, here)
        assert row.verdict is Verdict.VIOLATED
        assert row.points == sum(one.number for one in row.faults)
        for one in found:
            assert "--fault 'other systems: vfat, names " in one.found.replay
            words = shlex.split(one.found.replay)[-1].removeprefix("other systems: ")
            kinds = {each.violation.kind for each in OTHER_SYSTEMS.replay(here, Again(words))}
            assert one.found.violation.kind in kinds
        with pytest.raises(WrongUse, match="'martian' is none of the rules"):
            OTHER_SYSTEMS.replay(here, Again("martian"))


def test_the_lane_passes_a_store_of_this_project_once() -> None:
    subject = load_subject("tornwrite.scenarios.stores:archive")
    concerned = [one for one in subject.scenarios if OTHER_SYSTEMS.concerns(subject, one)]
    assert concerned == [subject.scenarios[0]]
    with workplace() as live:
        row, found, broken = run_lane(OTHER_SYSTEMS, job(subject, Effort.CI, live))
    assert (row.verdict, found, broken) == (Verdict.PASSED, [], [])
    assert "macOS" in OTHER_SYSTEMS.leaves_out(Effort.FULL)
    assert "rules but those of vfat" in OTHER_SYSTEMS.leaves_out(Effort.CI)


def test_what_is_not_run_is_said_by_name() -> None:
    assert {"Windows", "macOS"} < set(NOT_RUN)
