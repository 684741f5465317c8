"""Python subjects under both recorders: the same findings, and what only strace sees."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from support.examples import EXAMPLES
from tornwrite.faults.profiles import EXT4, KILL, POSIX
from tornwrite.faults.trace import Trace
from tornwrite.model.verdict import Verdict
from tornwrite.scenarios.findings import Collected
from tornwrite.scenarios.judging import Assessor, judge_trace
from tornwrite.scenarios.permitted import permitted_by_epoch
from tornwrite.scenarios.recording import HarnessBroken, record
from tornwrite.scenarios.recovery import Bench, workplace
from tornwrite.scenarios.run import STRACE, Settings, run_scenario
from tornwrite.scenarios.serving import Service, encoded, under_strace
from tornwrite.scenarios.subject import Scenario, Subject, WrongUse, load_subject

PYTHON_EXAMPLES = [
    f"{EXAMPLES}/json-dump/json_dump.py:notes",
    f"{EXAMPLES}/replace-without-sync/replace_without_sync.py:notes",
    f"{EXAMPLES}/atomic-write/atomic_write.py:notes",
    f"{EXAMPLES}/shelve-dumb/shelve_dumb.py:shelf",
    f"{EXAMPLES}/tinydb/tinydb_notes.py:notes",
    f"{EXAMPLES}/tinydb/tinydb_notes.py:atomic",
    "support.key_values:right",
    "support.key_values:wrong",
]


def findings(subject: Subject, scenario: Scenario, trace: Trace) -> dict[object, Sequence[str]]:
    """What is wrong with what crashes of that recording leave, and under which profiles."""
    collected = Collected(trace)
    with workplace() as live:
        names = subject.model.names(scenario.every_operation)
        judge_trace(
            subject,
            trace,
            permitted_by_epoch(subject, scenario, trace),
            (KILL, EXT4, POSIX),
            Assessor(subject, Bench(subject, live), names),
            collected,
            budget=1_000,
            seed=0,
        )
    return {
        (shown.violation, shown.state.point, shown.state.cut): shown.profiles
        for shown in collected.all()
    }


@pytest.mark.parametrize("name", PYTHON_EXAMPLES)
def test_both_recorders_give_the_same_findings(name: str) -> None:
    inside = load_subject(name)
    outside = under_strace(inside)
    scenario = inside.scenarios[0]
    with workplace() as live:
        one = record(inside, scenario, live).trace
        other = record(outside, scenario, live).trace
    assert findings(inside, scenario, other) == findings(inside, scenario, one)


def test_where_both_saw_the_same_the_lines_of_source_are_known() -> None:
    subject = load_subject("support.key_values:wrong")
    settings = Settings((KILL, EXT4), 1_000, 0, real_kills=False, recorder=STRACE)
    outcome = run_scenario(subject, subject.scenarios[0], settings, lambda at, done: None)
    assert outcome.left_out == ()
    assert any(
        "in WrongStore.put" in site for f in outcome.findings for s in f.steps for site in s.sites
    )
    assert all(found.replay.endswith("--recorder strace") for found in outcome.findings)


def test_what_another_process_writes_is_noticed_and_strace_recommended() -> None:
    subject = load_subject("support.key_values:secret")
    with workplace() as live, pytest.raises(HarnessBroken, match="use --recorder strace"):
        record(subject, subject.scenarios[0], live)


def test_what_another_process_writes_is_seen_by_strace() -> None:
    subject = load_subject("support.key_values:secret")
    settings = Settings(
        (KILL, EXT4), 1_000, 0, real_kills=False, recorder=STRACE, lanes=("full disk",)
    )
    outcome = run_scenario(subject, subject.scenarios[0], settings, lambda at, done: None)
    assert outcome.notes == ()
    assert {row.verdict for row in outcome.rows if row.profile == "ext4"} == {Verdict.VIOLATED}
    assert any(one.of == "full disk" and one.whole for one in outcome.left_out)


def test_a_served_subject_needs_a_name() -> None:
    subject = load_subject("support.key_values:right")
    with pytest.raises(WrongUse, match="by its name"):
        under_strace(replace(subject, name=""))


def test_what_a_served_subject_prints_is_no_answer(tmp_path: Path) -> None:
    (tmp_path / "chatty.py").write_text(
        "from support.key_values import KeyValueModel, PUT, RightStore\n"
        "from tornwrite.scenarios.subject import Subject\n"
        "class Chatty(RightStore):\n"
        "    def put(self, key, value):\n"
        "        print('putting', key)\n"
        "        super().put(key, value)\n"
        "subject = Subject('chatty', KeyValueModel(), Chatty, (PUT,))\n"
    )
    subject = under_strace(load_subject(f"{tmp_path}/chatty.py:subject"))
    with workplace() as live:
        assert record(subject, subject.scenarios[0], live).seen.observed == {
            "values": {"a": "second"}
        }


def test_a_subject_that_cannot_be_loaded_is_told_on_standard_error() -> None:
    run = subprocess.run(
        [sys.executable, "-P", "-m", "tornwrite.scenarios.serving", "no.such:thing"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert run.stdout == ""
    assert "cannot import no.such" in run.stderr


def test_a_service_answers_errors_without_its_directory(tmp_path: Path) -> None:
    service = Service(load_subject("support.key_values:right"))
    assert service.answer({"do": "open", "directory": str(tmp_path)}) == {"ok": {"reopens": True}}
    answer = service.answer({"do": "delete", "arguments": {"key": "gone"}})
    assert answer == {"error": "FileNotFoundError: [Errno 2] No such file or directory: 'gone'"}
    assert service.answer({"do": "close"}) == {"ok": None}
    assert "nothing is open" in service.answer({"do": "observe", "names": []})["error"]


def test_a_result_that_is_no_json_is_answered_in_words() -> None:
    assert encoded({"ok": {1, 2}}) == b'{"ok":"{1, 2}"}'


def test_the_gate_takes_the_recorder(tmp_path: Path) -> None:
    run = subprocess.run(
        [
            sys.executable, "-P", "-m", "tornwrite", "gate", "support.key_values:secret",
            "--recorder", "strace", "--effort", "quick", "--profile", "kill",
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )  # fmt: skip
    assert run.returncode == 1, run.stderr
    assert "--recorder strace" in run.stdout
