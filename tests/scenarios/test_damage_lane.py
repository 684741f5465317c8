"""The damage lane: each store that lacks a protection is caught by it, and the right one passes."""

import os
import shlex
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from support import checked_values as toys
from support import key_values
from tornwrite.faults.scratch import VARIABLE
from tornwrite.model.results import Finding
from tornwrite.model.verdict import Kind
from tornwrite.scenarios.damage.lane import DAMAGE
from tornwrite.scenarios.fault_lanes import Again, Effort, Job, LaneRun
from tornwrite.scenarios.judging import Assessors
from tornwrite.scenarios.known_bad import archive, jsonl, manager
from tornwrite.scenarios.permitted import permitted_by_epoch
from tornwrite.scenarios.recording import record
from tornwrite.scenarios.recovery import Bench, workplace
from tornwrite.scenarios.subject import Scenario, Subject, WrongUse


def job_of(subject: Subject, scenario: Scenario, live: str, effort: Effort) -> Job:
    recorded = record(subject, scenario, live)
    return Job(
        subject=subject,
        scenario=scenario,
        recorded=recorded,
        permitted=permitted_by_epoch(subject, scenario, recorded.trace),
        assessors=Assessors(subject, Bench(subject, live)),
        live=live,
        budget=100_000,
        seed=0,
        effort=effort,
    )


def run(subject: Subject, name: str = "several", effort: Effort = Effort.CI) -> LaneRun:
    with workplace() as live:
        return DAMAGE.run(job_of(subject, subject.scenario(name), live, effort))


@cache
def ran(
    store: type[toys.CheckedStore], name: str = "several", effort: Effort = Effort.CI
) -> LaneRun:
    return run(toys.subject(store), name, effort)


def findings(lane: LaneRun, kind: Kind) -> list[Finding]:
    return [one.found for one in lane.findings if one.found.violation.kind is kind]


def words_of(found: Finding) -> str:
    command = shlex.split(found.replay)
    return command[command.index("--fault") + 1]


def kinds_of(lane: LaneRun) -> set[Kind]:
    return {one.found.violation.kind for one in lane.findings}


@pytest.mark.parametrize("effort", Effort)
@pytest.mark.parametrize("name", ["several", "deleted"])
def test_a_store_that_checks_and_reports_passes(name: str, effort: Effort) -> None:
    lane = ran(toys.CheckedStore, name, effort)
    assert [one.found.violation for one in lane.findings] == []
    assert lane.tried.total() > 20 or name == "deleted"


def test_a_store_without_checks_is_caught_by_a_flipped_bit() -> None:
    lane = ran(toys.UncheckedStore, effort=Effort.FULL)
    found = findings(lane, Kind.PHANTOM)
    assert any(" flip " in words_of(one) for one in found)


def test_a_store_that_trusts_a_length_is_caught() -> None:
    lane = ran(toys.TrustingStore, effort=Effort.FULL)
    shortened = [one for one in findings(lane, Kind.PHANTOM) if " flip " in words_of(one)]
    assert any("secon" in one.violation.recovered for one in shortened)


def test_a_store_that_keeps_silent_about_damage_is_caught() -> None:
    found = findings(ran(toys.SilentStore), Kind.LOST)
    assert any(" truncate " in words_of(one) for one in found)
    assert all("is reported" in one.violation.promised for one in found)


def test_a_store_that_deletes_what_it_cannot_read_is_caught() -> None:
    found = findings(ran(toys.TidyingStore), Kind.LOST)
    assert any("damaged bytes of" in one.violation.recovered for one in found)


def test_a_store_that_deletes_what_is_not_its_own_is_caught() -> None:
    found = findings(ran(toys.SweepingStore), Kind.LOST)
    assert any("foreign file" in words_of(one) for one in found)


def test_a_store_that_follows_a_link_out_is_caught() -> None:
    found = findings(ran(toys.FollowingStore, effort=Effort.FULL), Kind.LEAKED)
    assert {"target is changed", "missing is changed"} <= {
        one.violation.recovered for one in found if "../outside/" in words_of(one)
    }


def test_a_store_that_follows_a_link_to_another_key_is_caught() -> None:
    found = findings(ran(toys.FollowingStore, effort=Effort.FULL), Kind.LEAKED)
    assert any(one.violation.about in ("a", "b", "c") for one in found)


def test_a_store_that_forgets_to_close_a_file_is_caught() -> None:
    found = findings(ran(toys.LeakingStore), Kind.LITTER)
    assert any("value" in one.violation.recovered for one in found)


def test_a_store_that_does_not_open_on_a_foreign_file_is_caught() -> None:
    found = findings(ran(toys.FussyStore), Kind.UNREADABLE)
    assert any("foreign file" in words_of(one) for one in found)


def test_a_store_in_which_damage_spreads_is_caught() -> None:
    found = findings(ran(toys.EntangledStore), Kind.LEAKED)
    assert any(" flip " in words_of(one) for one in found)


def test_a_store_that_cannot_say_why_it_refuses_is_caught() -> None:
    found = findings(ran(toys.StubbornStore), Kind.STUCK)
    assert found
    assert "KeyError" in found[0].violation.recovered


def test_what_is_not_declared_is_a_finding_and_what_is_is_counted() -> None:
    undeclared = run(toys.subject(toys.CheckedStore, weakened=()), effort=Effort.FULL)
    assert any(
        words_of(one) == "damage: final remove a.value" for one in findings(undeclared, Kind.LOST)
    )
    declared = ran(toys.CheckedStore, effort=Effort.FULL)
    counted = {fault.what for fault in declared.tried}
    assert "gone, unnoticed as declared" in counted
    assert not any("flipped, unnoticed" in what for what in counted)


def test_a_card_that_loses_an_erase_block_beside_a_write_is_tried() -> None:
    lane = ran(toys.CheckedStore, effort=Effort.FULL)
    beside = {fault.what for fault in lane.tried if "beside a write" in fault.what}
    assert beside == {
        "reads as zeros beside a write",
        "reads as 0xFF beside a write",
        "reads as garbage beside a write",
        "EIO at read beside a write",
    }


def test_the_whole_contains_every_kind_of_damage() -> None:
    lane = ran(toys.CheckedStore, effort=Effort.FULL)
    tried = {fault.what.partition(",")[0] for fault in lane.tried}
    assert {
        "bit flipped", "reads as zeros", "reads as 0xFF", "reads as garbage", "truncated",
        "emptied", "gone", "replaced by a directory", "replaced by a link",
        "EIO at open", "EIO at read", "foreign file", "copied",
    } <= tried  # fmt: skip


def test_only_what_is_written_in_place_can_read_as_it_once_did() -> None:
    renamed, in_place = (
        {fault.what.partition(",")[0] for fault in ran(store).tried}
        for store in (toys.CheckedStore, toys.FollowingStore)
    )
    assert "older content" in in_place - renamed


@pytest.mark.parametrize(
    ("subject", "scenario"),
    [(jsonl, "append"), (archive, "save"), (manager, "save")],
    ids=["jsonl", "archive", "manager"],
)
def test_a_published_store_is_caught_by_a_flipped_bit(subject: Subject, scenario: str) -> None:
    found = findings(run(subject, scenario), Kind.PHANTOM)
    assert any(" flip " in words_of(one) for one in found)


# Replaying, and the frame


def test_a_finding_is_found_again_by_its_words() -> None:
    subject = toys.subject(toys.UncheckedStore)
    with workplace() as live:
        job = job_of(subject, toys.SEVERAL, live, Effort.CI)
        found = [one.found for one in DAMAGE.run(job).findings]
        assert found
        for one in found[:5]:
            words = words_of(one).removeprefix("damage: ")
            again = DAMAGE.replay(job, Again(words))
            assert one.violation in [other.violation for other in again]


def test_words_of_no_damage_are_refused() -> None:
    subject = toys.subject(toys.CheckedStore)
    with workplace() as live:
        job = job_of(subject, toys.SEVERAL, live, Effort.CI)
        with pytest.raises(WrongUse, match="run the gate"):
            DAMAGE.replay(job, Again("final flip nothing 1 1"))


def test_a_file_is_damaged_in_the_first_scenario_that_has_it() -> None:
    subject = toys.subject(toys.CheckedStore)
    lane = run(subject, "deleted")  # only b.value is left, and it is in the other one as well
    assert not any(fault.what == "bit flipped" for fault in lane.tried)


def test_two_runs_try_the_same() -> None:
    first, second = (run(toys.subject(toys.UncheckedStore)) for _ in range(2))
    assert first.tried == second.tried
    assert first.images == second.images
    assert [one.found for one in first.findings] == [one.found for one in second.findings]


def test_a_model_that_does_not_say_what_is_held_is_left_out_aloud() -> None:
    assert not DAMAGE.concerns(key_values.right, key_values.PUT)
    assert "contents()" in DAMAGE.unconcerned(key_values.right)
    assert DAMAGE.concerns(toys.subject(toys.CheckedStore), toys.SEVERAL)
    assert DAMAGE.unconcerned(toys.subject(toys.CheckedStore)) == ""


def test_less_effort_says_what_it_leaves_out() -> None:
    said = [DAMAGE.leaves_out(effort) for effort in Effort]
    assert all(said)
    assert len(set(said)) == len(said)


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    return tmp_path


def test_a_run_leaves_nothing_behind(scratch: Path) -> None:
    before = set(os.listdir("/proc/self/fd"))
    run(toys.subject(toys.FussyStore))
    assert os.listdir(scratch) == []
    assert len(os.listdir("/proc/self/fd")) <= len(before)


def test_the_budget_is_kept_and_told() -> None:
    subject = toys.subject(toys.CheckedStore)
    with workplace() as live:
        job = job_of(subject, toys.SEVERAL, live, Effort.CI)
        lane = DAMAGE.run(replace(job, budget=3))
    assert lane.tried.total() == 3
    assert lane.stopped == ["budget of 3 images reached"]
