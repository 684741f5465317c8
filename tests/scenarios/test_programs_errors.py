"""Calls of programs that fail under strace: each mistake is caught, and a right program passes."""

import shlex
from collections.abc import Callable
from dataclasses import replace
from unittest import mock

import pytest

from support.programs_that_fail import LINES, buffered, lines
from tornwrite.faults.disk import Disk
from tornwrite.faults.profiles import KILL, by_name
from tornwrite.faults.steps import FailedSync
from tornwrite.faults.strace import probe_strace
from tornwrite.faults.trace import Failed, Restarted, Stepped
from tornwrite.model.results import Finding, Row
from tornwrite.model.verdict import Kind, Verdict
from tornwrite.scenarios.error_lane import ERRORS, errors_of
from tornwrite.scenarios.error_runs import ErrorRun
from tornwrite.scenarios.fault_lanes import Again, Effort, Job, run_lane
from tornwrite.scenarios.judging import Assessors
from tornwrite.scenarios.permitted import permitted_by_epoch
from tornwrite.scenarios.programs.error_calls import MOST, FailingCalls, chosen
from tornwrite.scenarios.programs.errors import ErrorsOfProgram
from tornwrite.scenarios.recording import record
from tornwrite.scenarios.recovery import Bench, workplace
from tornwrite.scenarios.replaying import replay_fault
from tornwrite.scenarios.run import Outcome, Settings, run_scenario
from tornwrite.scenarios.subject import Subject, WrongUse

pytestmark = pytest.mark.skipif(not probe_strace().usable, reason=probe_strace().reason)

SETTINGS = Settings(
    (KILL,), 2_000, 0, real_kills=False, every_cut=False, kill_then_power=False, lanes=("errors",)
)

# Step 1 writes the first line to a new file and step 2 syncs it; 7 and 8 put the second behind it.
WRITE, FULL, SYNC = "7 ENOSPC once", "7 ENOSPC stays", "8 EIO once"


def named(*words: str, timeout_s: float = 10.0) -> Subject:
    return replace(lines(*words, timeout_s=timeout_s), name="support.programs_that_fail:one")


def outcome(*words: str) -> Outcome:
    return run_scenario(named(*words), LINES, SETTINGS, lambda at, done: None)


def errors_row(came_to: Outcome) -> Row:
    (row,) = (row for row in came_to.rows if row.profile == "errors")
    return row


def job(subject: Subject, live: str, effort: Effort = Effort.FULL) -> Job:
    (scenario,) = subject.scenarios
    recorded = record(subject, scenario, live)
    permitted = permitted_by_epoch(subject, scenario, recorded.trace)
    assessors = Assessors(subject, Bench(subject, live))
    return Job(subject, scenario, recorded, permitted, assessors, live, 5_000, 0, effort)


def findings(fault: str, subject: Subject) -> list[Finding]:
    """What the lane says of that one error."""
    with (
        workplace() as live,
        mock.patch.object(ErrorsOfProgram, "chosen", lambda errors: [errors.parsed(fault)]),
    ):
        row, found, broken = run_lane(ERRORS, job(subject, live))
    assert (row.points, broken) == (1, [])
    return [one.found for one in found]


def run_with(fault: str, *words: str) -> ErrorRun:
    """The run of a driver of these words with that error in it."""
    with workplace() as live:
        errors = errors_of(job(named(*words), live))
        run = errors.run(errors.parsed(fault))
    assert run is not None
    return run


# What is caught, and what passes


@pytest.mark.parametrize("words", [(), ("aborts",)])
def test_a_program_that_reports_or_ends_itself_passes(words: tuple[str, ...]) -> None:
    came_to = outcome(*words)
    assert came_to.findings == ()
    assert came_to.notes == ()
    row = errors_row(came_to)
    assert (row.verdict, row.points, row.stopped) == (Verdict.PASSED, 8, "")
    assert {"EIO once", "EIO stays"} & {one.what for one in row.faults if one.at == "fdatasync"}
    (told,) = came_to.left_out
    assert (told.of, told.whole) == ("errors", False)
    assert told.said.startswith("under strace, all but 8 errors a scenario")


def test_a_swallowed_write_error_is_caught() -> None:
    (lost,) = findings(WRITE, named("swallows"))
    assert lost.violation.kind is Kind.LOST
    assert lost.violation.recovered.endswith(
        "(step 7, write 4 B at end of lines, failed with ENOSPC, once)"
    )


def test_an_ignored_sync_error_is_caught() -> None:
    (lost,) = findings(SYNC, named("ignores"))
    assert lost.violation.kind is Kind.LOST
    assert "fdatasync lines, failed with EIO" in lost.violation.recovered


def test_a_sync_that_is_tried_again_is_caught_after_a_power_loss() -> None:
    (lost,) = findings(SYNC, named("syncs-again"))
    assert lost.violation.kind is Kind.LOST
    assert lost.profile == "posix"
    assert any("which fails" in step.text for step in lost.steps)


def test_it_is_caught_by_the_rule_of_failed_syncs_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Disk, "_sync_failed", lambda disk, inode: None)
    assert findings(SYNC, named("syncs-again")) == []


def test_a_failed_line_that_shows_is_caught() -> None:
    (shown,) = findings(SYNC, named("shows"))
    assert shown.violation.kind is Kind.PHANTOM
    assert shown.profile == "errors"


def test_a_failed_line_of_which_the_program_says_that_it_is_in_doubt_may_show() -> None:
    assert findings(SYNC, named("shows", "in-doubt")) == []


def test_a_program_that_works_no_more_is_caught() -> None:
    (stuck,) = findings(SYNC, named("stuck"))
    assert stuck.violation.kind is Kind.STUCK
    assert "works, without a restart" in stuck.violation.promised


def test_a_program_that_answers_no_more_is_caught_and_ended() -> None:
    (stuck,) = findings(SYNC, named("falls-silent", timeout_s=1.0))
    assert stuck.violation.kind is Kind.STUCK
    assert stuck.violation.promised == "append(item='two') is answered, or the program ends"
    assert "did not answer append(item='two') within 1 s" in stuck.violation.recovered


# How a run goes on


def test_a_failed_sync_is_a_step_of_the_trace() -> None:
    run = run_with(SYNC, "syncs-again")
    steps = [event.step for event in run.trace.events if isinstance(event, Stepped)]
    assert isinstance(steps[8], FailedSync)
    assert run.told == []


def test_after_an_error_that_came_once_the_next_operation_comes() -> None:
    run = run_with(SYNC)
    (told,) = run.told
    assert (told.number, told.hit, str(told.operation)) == (2, True, "append(item='two')")
    assert [event.number for event in run.trace.events if isinstance(event, Failed)] == [2]
    assert run.looks[0].number == 2
    assert run.looks[0].seen is not None
    assert run.looks[0].seen.observed == {"content": ["one"]}


@pytest.mark.parametrize(
    ("fault", "words"),
    [("2 EIO stays", ()), ("7 ENOSPC stays", ()), ("7 ENOSPC stays", ("complains",))],
)
def test_an_error_that_stays_fails_twice_and_then_a_new_process_does_it(
    fault: str, words: tuple[str, ...]
) -> None:
    """The answers of this driver, and its complaints, are written by the call that fails last."""
    run = run_with(fault, *words)
    first = run.told[0].number
    assert [(told.number, told.hit, told.in_force) for told in run.told] == [
        (first, True, True),
        (first + 1, True, True),
    ]
    last = run.looks[-1].seen
    assert last is not None
    assert last.observed is not None
    assert last.observed["content"][:3] == ["one", "two", "three"]


def test_a_program_that_ends_itself_is_started_again_and_goes_on() -> None:
    run = run_with(SYNC, "aborts")
    assert run.told == []
    assert sum(isinstance(event, Restarted) for event in run.trace.events) == 1
    last = run.looks[-1].seen
    assert last is not None
    assert last.observed is not None
    assert "three" in last.observed["content"]


def test_what_a_process_kept_to_itself_may_be_gone_with_it() -> None:
    """Nobody asked it to close: its answers are written by the call that fails."""
    late = replace(buffered(), name="support.programs_that_fail:late")
    assert findings("1 ENOSPC stays", late) == []


def test_calls_on_nothing_recorded_are_left_alone() -> None:
    """Opening fails for all files of the process, and for none of the next one."""
    run = run_with("read 1 EMFILE stays")
    assert run.told
    assert all(told.in_force or told.hit for told in run.told)


# What is told of it


@pytest.mark.parametrize("words", ["swallows", "syncs-again"])
def test_a_finding_is_replayed_by_its_command(words: str) -> None:
    (found,) = findings(WRITE if words == "swallows" else SYNC, named(words))
    command = shlex.split(found.replay)
    given = dict(zip(command[3::2], command[4::2], strict=True))
    shown = replay_fault(named(words), LINES, given["--fault"], as_given(given))
    assert (found.violation, found.image) in [(one.violation, one.image) for one in shown]


def as_given(given: dict[str, str]) -> Callable[[str], Again]:
    """What the command line makes of these options."""
    if "--profile" not in given:
        return Again
    profile = by_name(given["--profile"])
    epoch, point = int(given["--epoch"]), int(given["--point"])
    return lambda words: Again(words, profile, epoch, point, image=given["--image"])


def test_an_error_that_strace_cannot_bring_about_is_refused() -> None:
    with workplace() as live:
        errors = errors_of(job(named(), live))
        for fault in ("99 EIO once", f"{WRITE} after 2 B", "4 ENAMETOOLONG stays", "0 EIO stays"):
            with pytest.raises(WrongUse):
                errors.parsed(fault)


def test_efforts_try_more_and_more() -> None:
    with workplace() as live:
        errors = errors_of(job(named(), live))
    assert isinstance(errors, ErrorsOfProgram)
    numbers = [len(chosen(errors.calls, effort, "", MOST[effort])) for effort in Effort]
    assert numbers == sorted(numbers)
    assert numbers[0] == 2
    assert numbers[2] > 40


# What does not come about


@pytest.mark.parametrize(
    ("further", "why"),
    [(99, "strace had no call fail"), (1, "strace had another fdatasync fail")],
)
def test_a_call_that_is_not_the_one_is_told_and_not_passed(further: int, why: str) -> None:
    with workplace() as live:
        given = job(named(), live)
        errors = errors_of(given)
        assert isinstance(errors, ErrorsOfProgram)
        trial = errors.parsed(SYNC)
        call = errors.calls.at(trial.place.spot)
        later = replace(call, moment=replace(call.moment, count=call.moment.count + further))
        with (
            mock.patch.object(FailingCalls, "at", return_value=later),
            mock.patch.object(ErrorsOfProgram, "chosen", return_value=[trial]),
        ):
            row, found, broken = run_lane(ERRORS, given)
    assert (row.verdict, row.points, found, broken) == (Verdict.NOT_MEASURED, 0, [], [])
    assert row.stopped.startswith(f"1 of 1 errors did not come about; the first: {SYNC}: {why}")


def test_where_answers_cannot_be_told_from_what_fails_that_is_left_out_by_name() -> None:
    with (
        workplace() as live,
        mock.patch.object(ErrorsOfProgram, "chosen", lambda errors: [errors.parsed(FULL)]),
    ):
        row, found, _ = run_lane(ERRORS, job(named("complains", "now-and-then"), live))
    assert (row.verdict, row.points, row.complete, found) == (Verdict.PASSED, 0, False, [])
    assert row.stopped.startswith(f"1 of 1 errors did not come about; the first: {FULL}: ")
