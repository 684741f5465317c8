"""Crashes in recovery, and in the recovery after that: what no crash of a plain run shows."""

import logging
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from support.late_repairs import add
from tornwrite.cli import main
from tornwrite.faults.profiles import DEFAULT, by_name
from tornwrite.faults.scratch import VARIABLE
from tornwrite.model.history import History
from tornwrite.model.operation import canonical
from tornwrite.model.results import Finding
from tornwrite.model.verdict import Verdict
from tornwrite.scenarios.fault_lanes import Again, Effort, Job, LaneRun
from tornwrite.scenarios.judging import Assessors
from tornwrite.scenarios.permitted import permitted_by_epoch
from tornwrite.scenarios.recording import record
from tornwrite.scenarios.recovery import Bench, workplace
from tornwrite.scenarios.recovery_crashes.lane import RECOVERY_CRASHES, RecoveryCrashes
from tornwrite.scenarios.recovery_crashes.recording import promised_within, record_recovery
from tornwrite.scenarios.run import Settings, run_scenario
from tornwrite.scenarios.subject import WrongUse, load_subject

EFFORTS = list(Effort)


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A place of its own to work in, which is empty again afterwards."""
    place = tmp_path / "scratch"
    place.mkdir()
    monkeypatch.setenv(VARIABLE, str(place))
    logging.disable(logging.CRITICAL)
    yield place
    logging.disable(logging.NOTSET)
    assert os.listdir(place) == []


@contextmanager
def job(
    name: str, scenario: str = "one", effort: Effort = Effort.CI, budget: int = 50_000
) -> Iterator[Job]:
    subject = load_subject(name if ":" in name else f"support.late_repairs:{name}")
    chosen = subject.scenario(scenario)
    with workplace() as live:
        recorded = record(subject, chosen, live)
        yield Job(
            subject=subject,
            scenario=chosen,
            recorded=recorded,
            permitted=permitted_by_epoch(subject, chosen, recorded.trace),
            assessors=Assessors(subject, Bench(subject, live)),
            live=live,
            budget=budget,
            seed=0,
            effort=effort,
        )


def run(name: str, effort: Effort = Effort.CI, depth: int = 2, scenario: str = "one") -> LaneRun:
    with job(name, scenario, effort) as given:
        return RecoveryCrashes(depth).run(given)


def again_of(found: Finding) -> Again:
    """What the replay command of a finding asks for."""
    words = shlex.split(found.replay)
    options = dict(zip(words[3::2], words[4::2], strict=True))
    return Again(
        fault=options["--fault"].partition(": ")[2],
        profile=by_name(options["--profile"]),
        epoch=int(options["--epoch"]),
        point=int(options["--point"]),
        cut=int(options["--cut"]) if "--cut" in options else None,
        image=options["--image"],
    )


@pytest.mark.parametrize("name", ["right", "again", "moved", "marked"])
def test_no_plain_crash_shows_what_is_wrong_with_these_repairs(name: str) -> None:
    subject = load_subject(f"support.late_repairs:{name}")
    settings = Settings(DEFAULT, budget=50_000, seed=0, real_kills=False)
    outcome = run_scenario(subject, subject.scenario("one"), settings, lambda lane, done: None)
    profiles = {profile.name for profile in DEFAULT}
    plain = [row.verdict for row in outcome.rows if row.profile in profiles]
    assert plain == [Verdict.PASSED] * len(DEFAULT)


@pytest.mark.parametrize("effort", EFFORTS)
@pytest.mark.parametrize("name", ["again", "moved"])
def test_a_repair_that_may_not_be_broken_off_is_caught(name: str, effort: Effort) -> None:
    found = run(name, effort, depth=1)
    assert found.findings
    assert not found.stopped


@pytest.mark.parametrize("effort", [Effort.CI, Effort.FULL])
def test_a_repair_that_may_be_broken_off_once_is_caught_by_a_second_crash(effort: Effort) -> None:
    assert run("marked", effort, depth=1).findings == []
    found = run("marked", effort, depth=2).findings
    assert found
    assert found[0].found.violation.recovered == "{'lines': ['one', 'one']}"
    assert found[0].found.replay.count("way ") == 2


@pytest.mark.parametrize("effort", EFFORTS)
def test_a_repair_that_may_be_broken_off_anywhere_passes(effort: Effort) -> None:
    found = run("right", effort, depth=3)
    assert found.findings == []
    assert not found.stopped
    assert not found.broken
    assert len(found.images) > 3


def test_tries_are_counted_by_step_crash_and_depth() -> None:
    tried = run("marked", Effort.FULL).tried
    assert {one.lane for one in tried} == {RECOVERY_CRASHES.name}
    assert {"rename", "unlink", "write"} <= {one.at for one in tried}
    assert {one.what for one in tried} >= {"power at depth 1", "power at depth 2"}
    assert "kill at depth 1" in {one.what for one in tried}


def test_an_unbroken_line_of_crashes_is_told() -> None:
    (one, *_) = run("marked").findings
    flying = one.found.in_flight
    assert any("the power failed at point" in said or "killed at point" in said for said in flying)
    assert flying[-1] == "open()"
    assert one.found.profile == RECOVERY_CRASHES.name
    assert [stage.who for stage in one.found.stages] == ["first process", "recovery", "recovery 2"]
    assert all("the power failed" in s.ended or "killed" in s.ended for s in one.found.stages)
    assert [stage.last is None for stage in one.found.stages] == [True, True, False]
    assert one.found.stages[0].did == ("open()", "add(line='one')")
    assert not any("recovery_recording" in site for step in one.found.steps for site in step.sites)
    assert one.found.files


@pytest.mark.parametrize("name", ["again", "moved", "marked"])
def test_a_finding_is_found_again_by_its_words(name: str) -> None:
    with job(name) as given:
        (one, *_) = RECOVERY_CRASHES.run(given).findings
    with job(name) as given:
        (same, *_) = RECOVERY_CRASHES.replay(given, again_of(one.found))
    assert same.violation == one.found.violation
    assert same.replay == one.found.replay
    assert same.steps == one.found.steps


def test_the_replay_command_shows_a_finding_again() -> None:
    with job("marked") as given:
        (one, *_) = RECOVERY_CRASHES.run(given).findings
    words = shlex.split(one.found.replay)
    again = CliRunner().invoke(main, words[1:], env={"COLUMNS": "300"})
    assert again.exit_code == 1, again.output
    assert one.found.violation.recovered in again.output


def test_a_way_that_there_is_not_is_refused() -> None:
    with job("again") as given:
        (one, *_) = RECOVERY_CRASHES.run(given).findings
    asked = again_of(one.found)
    with job("moved") as given, pytest.raises(WrongUse):
        RECOVERY_CRASHES.replay(given, asked)
    with job("again") as given, pytest.raises(WrongUse):
        RECOVERY_CRASHES.replay(given, Again("nonsense", asked.profile, 0, 0))


def test_what_was_shown_has_to_stay() -> None:
    """Until a recovery has shown something all that was permitted is; then what it showed alone."""
    with job("right") as given:
        model = given.subject.model
        doubtful = History(model, ())
        doubtful.began(0, add("one"))
        before = {"doubtful": doubtful.permitted()}
        image = (("waiting", b"0 one"),)
        recovering = record_recovery(
            given.subject, given.scenario, image, (add("probe"),), given.live
        )
        promised = promised_within(given.subject, recovering, before)
    views = [
        [permitted.views for permitted in promised[number].values()] for number in sorted(promised)
    ]
    nothing, one, both = (canonical({"lines": lines}) for lines in ([], ["one"], ["one", "probe"]))
    # Before opening, opening, opened, looking; having looked, adding, having added.
    assert views[:4] == [[{nothing, one}]] * 4
    assert views[4:] == [[{one}], [{one, both}], [{both}]]


def test_a_budget_that_is_used_up_is_said() -> None:
    with job("right", budget=3) as given:
        found = RECOVERY_CRASHES.run(given)
    assert any("budget" in said for said in found.stopped)


def test_what_is_drawn_by_lot_is_said() -> None:
    with job("support.key_values:long_and_wrong", "long", budget=100) as given:
        found = RECOVERY_CRASHES.run(given)
    assert found.sampled


def test_what_an_effort_leaves_out_is_said() -> None:
    assert all(RECOVERY_CRASHES.leaves_out(effort) for effort in EFFORTS)


@pytest.mark.parametrize(
    ("name", "scenario"),
    [
        ("reference", "append"),
        ("reference", "migration"),
        ("reference", "repair-zero-tail"),
        ("archive", "both-files"),
        ("transcripts", "create"),
        ("backend", "first-start"),
    ],
)
def test_the_reference_stores_pass(name: str, scenario: str) -> None:
    found = run(f"tornwrite.scenarios.stores:{name}", scenario=scenario)
    assert [one.found.replay for one in found.findings] == []
    assert found.stopped == found.broken == []
    assert found.images
