"""Drivers that hang, die, flood, talk nonsense, leave daemons or answer too early.

Each gets a clear verdict within its time limit, and nothing of it is left running.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import replace

import psutil
import pytest

from support.programs_of_others import PUT, values
from tornwrite.faults.profiles import KILL, POSIX
from tornwrite.model.verdict import Kind, Verdict
from tornwrite.scenarios.run import Outcome, Settings, run_scenario
from tornwrite.scenarios.subject import Scenario, Subject, WrongUse

LIMIT_S = 0.7
ONCE = replace(PUT, operations=PUT.operations[:1])
SETTINGS = Settings(
    (KILL, POSIX), 2_000, 0, real_kills=False, kill_then_power=False, every_cut=False
)


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """No process, no descriptor."""
    before = {one.pid for one in psutil.Process().children(recursive=True)}
    descriptors = len(os.listdir("/proc/self/fd"))
    yield
    left = [one for one in psutil.Process().children(recursive=True) if one.pid not in before]
    assert not left
    assert len(os.listdir("/proc/self/fd")) <= descriptors


def came_to(subject: Subject, settings: Settings = SETTINGS, scenario: Scenario = PUT) -> Outcome:
    named = replace(subject, name="support.programs_of_others:one")
    return run_scenario(named, scenario, settings, lambda at, done: None)


def verdict_of(outcome: Outcome) -> Verdict:
    (verdict,) = {row.verdict for row in outcome.rows}
    return verdict


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("hangs", f"did not answer put(key='a', value='first') within {LIMIT_S:g} s"),
        ("hangs-deaf", "did not answer put(key='a', value='first') within"),
        ("silent-output", "did not answer put(key='a', value='first') within"),
        ("stays", "did not end within"),
    ],
)
def test_one_that_hangs_is_wrong_without_a_crash(word: str, said: str) -> None:
    started = time.monotonic()
    outcome = came_to(values(word, timeout_s=LIMIT_S))
    assert time.monotonic() - started < LIMIT_S + 5
    assert verdict_of(outcome) is Verdict.VIOLATED
    (found,) = outcome.findings
    assert found.profile == "no crash"
    assert said in found.violation.recovered


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("dies", "ended with exit status 3 instead of answering put(key='a', value='first')"),
        ("crashes", "was killed by SIGABRT instead of answering put"),
        ("dies-closing", "closing fails: "),
    ],
)
def test_one_that_dies_is_wrong_without_a_crash(word: str, said: str) -> None:
    outcome = came_to(values(word))
    (found,) = outcome.findings
    assert found.profile == "no crash"
    assert said in found.violation.recovered


def test_its_last_words_are_told() -> None:
    (found,) = came_to(values("dies")).findings
    assert "its last words on standard error: no luck today" in found.violation.recovered


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("chatters", ""),  # what comes too much is noticed with the answer, or before the next
        ("twice", "more than one answer to put"),
        ("nonsense", "is no JSON"),
        ("neither", 'is neither {"ok": RESULT} nor {"error": "TEXT"}: \'{"okay": null}\''),
        ("early", ""),  # likewise
    ],
)
def test_one_that_does_not_keep_to_the_protocol_breaks_the_harness(word: str, said: str) -> None:
    outcome = came_to(values(word))
    assert verdict_of(outcome) is Verdict.HARNESS_BROKEN
    assert said in outcome.notes[0]
    assert "that is not the protocol of drivers" in outcome.notes[0]


def test_one_that_floods_its_output_is_cut_off() -> None:
    outcome = came_to(values("floods", timeout_s=20))
    assert "with more than 16 MiB in one line" in outcome.notes[0]


def test_one_that_floods_its_output_slowly_is_told_so() -> None:
    (found,) = came_to(values("floods", timeout_s=LIMIT_S)).findings
    assert "bytes without an end" in found.violation.recovered


def test_one_that_complains_a_lot_is_read_to_the_end() -> None:
    assert verdict_of(came_to(values("warm", "complains"))) is Verdict.PASSED


@pytest.mark.parametrize("word", ["daemon", "double-fork"])
def test_one_that_leaves_a_daemon_is_not_measured_and_the_daemon_ended(word: str) -> None:
    outcome = came_to(values(word))
    assert verdict_of(outcome) is Verdict.NOT_MEASURED
    assert "left processes running when it ended" in outcome.notes[0]


def test_what_the_recorder_does_not_model_is_not_measured_and_the_step_named() -> None:
    outcome = came_to(values("roundabout"))
    assert verdict_of(outcome) is Verdict.NOT_MEASURED
    assert "does what the recorder does not model: truncate through /proc" in outcome.notes[0]


def test_one_that_answers_before_it_wrote_loses_what_it_acknowledged() -> None:
    """One mistake, one finding, which shows the steps that came too late and whose they are."""
    settings = replace(SETTINGS, real_kills=True)
    outcome = came_to(values("warm", "answers-first"), settings)
    (found,) = outcome.findings
    assert found.violation.kind is Kind.LOST
    assert found.profile == "kill"
    late = [step for step in found.steps if step.fate == "not done yet"]
    assert [step.text for step in late][-2:] == ["rename a.tmp -> a", "fsync ."]
    assert {step.operation for step in late} == {"put(key='a', value='first')"}
    assert found.protect == late[0].number
    real = next(row for row in outcome.rows if row.profile == "real kills")
    assert real.verdict is Verdict.VIOLATED
    assert not real.stopped


def test_an_operation_that_is_refused_with_nothing_wrong_is_told() -> None:
    (found,) = came_to(values("refuses")).findings
    assert found.violation.recovered == "not today"


def test_one_that_dies_on_an_image_cannot_be_opened_there() -> None:
    outcome = came_to(values("warm", "dies-on-tmp"))
    assert {found.violation.kind for found in outcome.findings} == {Kind.UNREADABLE}
    assert "was killed by SIGABRT instead of answering open" in (
        outcome.findings[0].violation.recovered
    )


def test_one_that_hangs_on_an_image_cannot_be_opened_there() -> None:
    only_power = replace(SETTINGS, profiles=(POSIX,))
    outcome = came_to(values("hangs-on-tmp", timeout_s=LIMIT_S), only_power, ONCE)
    assert {found.violation.kind for found in outcome.findings} == {Kind.UNREADABLE}
    assert "did not answer open within" in outcome.findings[0].violation.recovered


def test_one_that_misbehaves_only_when_it_is_kept_is_asked_anew() -> None:
    """It dies each time that it opens a sixth directory: that says nothing of the image."""
    assert verdict_of(came_to(values("warm", "tires"))) is Verdict.PASSED


def test_one_that_keeps_something_of_the_directory_before_is_noticed() -> None:
    outcome = came_to(values("warm", "keeps-old"))
    assert verdict_of(outcome) is Verdict.HARNESS_BROKEN
    assert "keeps something of the directory before" in outcome.notes[0]


def test_one_that_cannot_be_started_is_wrong_use() -> None:
    subject = values()
    assert subject.program is not None
    nowhere = replace(subject, program=replace(subject.program, command=("./no-such-driver",)))
    with pytest.raises(WrongUse, match=r"cannot start .*no-such-driver"):
        came_to(nowhere)
