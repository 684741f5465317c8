"""Programs recorded through their drivers: where answers lie among the steps, what is judged."""

import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

from support.programs_of_others import DRIVER, OPERATIONS, PUT, REOPENED, put, values
from tornwrite import KeyValue, program_subject
from tornwrite.cli import main
from tornwrite.faults.images import EMPTY
from tornwrite.faults.profiles import EXT4, KILL, POSIX
from tornwrite.faults.steps import Fsync, describe
from tornwrite.faults.strace_live import LiveRecording
from tornwrite.faults.trace import Acknowledged, Began, Event, Failed, Stepped, Trace, open_paths
from tornwrite.model.operation import Operation
from tornwrite.model.verdict import Kind, Verdict
from tornwrite.scenarios.fault_lanes import Effort
from tornwrite.scenarios.programs.weaving import Asked, woven
from tornwrite.scenarios.recording import NotMeasured, record
from tornwrite.scenarios.recovery import Bench, workplace
from tornwrite.scenarios.run import Outcome, Settings, run_scenario
from tornwrite.scenarios.subject import Lane, Scenario, Subject, WrongUse

SETTINGS = Settings((KILL, EXT4, POSIX), 2_000, 0, real_kills=False, every_cut=False)


def recorded(subject: Subject, scenario: Scenario) -> Trace:
    with workplace() as live:
        return record(subject, scenario, live).trace


def came_to(subject: Subject, scenario: Scenario, settings: Settings = SETTINGS) -> Outcome:
    named = replace(subject, name="support.programs_of_others:one")
    return run_scenario(named, scenario, settings, lambda at, done: None)


def told(trace: Trace) -> list[str]:
    paths = open_paths(trace.steps)
    lines: list[str] = []
    for event in trace.events:
        match event:
            case Began(number, name):
                lines.append(f"{number}: {name}")
            case Acknowledged(number):
                lines.append(f"{number} ok")
            case Failed(number, error):
                lines.append(f"{number} {error}")
            case Stepped(step, _, operation):
                lines.append(f"{operation}  {describe(step, paths)}")
            case _:
                lines.append("?")
    return lines


PUT_STEPS = [
    "1: put",
    "1  open a.tmp (create, truncate)",
    "1  write 5 B at 0 of a.tmp",
    "1  fsync a.tmp",
    "1  close a.tmp",
    "1  rename a.tmp -> a",
    "1  fsync .",
    "1 ok",
]


def test_an_acknowledgement_lies_where_the_answer_was_written() -> None:
    assert told(recorded(values(), PUT))[:10] == ["0: open", "0 ok", *PUT_STEPS]


def test_an_answer_may_come_in_parts() -> None:
    assert told(recorded(values("in-parts"), PUT))[:10] == ["0: open", "0 ok", *PUT_STEPS]


def test_what_is_done_after_the_answer_comes_after_the_acknowledgement() -> None:
    """And before the next operation, which begins where its request is read."""
    lines = told(recorded(values("answers-first"), PUT))
    late = [line.replace("1  ", "None  ", 1) for line in PUT_STEPS[1:-1]]
    assert lines[2:11] == ["1: put", "1 ok", *late, "2: put"]


SHELL = r"""
while IFS= read -r line; do
    case "$line" in
        *'"open"'*) directory=${line#*'"directory": "'}; directory=${directory%'"'*} ;;
        *'"observe"'*) echo '{"ok": {}}'; continue ;;
    esac
    echo '{"ok": null}'
    case "$line" in
        *'"put"'*) printf first | cat > "$directory/a" ;;
    esac
done
"""


def test_what_the_children_of_a_driver_read_is_no_request(tmp_path: Path) -> None:
    """A shell gives each of its children another standard input."""
    (tmp_path / "driver.sh").write_text(SHELL)
    subject = program_subject(["sh", str(tmp_path / "driver.sh")], KeyValue(), OPERATIONS)
    lines = told(recorded(subject, PUT))
    second = lines.index("2: put")
    assert lines[2:4] == ["1: put", "1 ok"]
    assert any("write 5 B at 0 of a" in line for line in lines[4:second])
    assert any("write 5 B at 0 of a" in line for line in lines[second:])


def test_where_not_all_reads_are_seen_an_operation_begins_where_the_last_was_answered() -> None:
    steps = tuple(Fsync("") for _ in range(3))
    read = LiveRecording(steps, ((5, 1), (10, 3)), heard=((4, 0), (8, 2)))
    asked = [
        Asked(
            Began(number, "put", {}),
            Acknowledged(number),
            byte=5 * number + 5,
            first=4 * number + 1,
        )
        for number in range(2)
    ]
    kinds: dict[bool, list[str]] = {}
    for hears_all in (True, False):
        events: list[Event] = []
        woven(events, read, asked, None, 0, hears_all=hears_all)
        kinds[hears_all] = [type(event).__name__[0] for event in events]
    assert "".join(kinds[True]) == "BSASBSA"
    assert "".join(kinds[False]) == "BSABSSA"


def test_one_that_is_killed_before_it_reads_a_request_has_not_begun_with_it() -> None:
    read = LiveRecording((Fsync(""),), ((5, 0),), heard=((4, 0),))
    asked = [Asked(Began(0, "put", {}), Acknowledged(0), 5, 1), Asked(Began(1, "put", {}), first=5)]
    events: list[Event] = []
    woven(events, read, asked, None, 0, hears_all=True)
    assert [type(event).__name__ for event in events] == ["Began", "Acknowledged", "Stepped"]


@pytest.mark.parametrize("words", [(), ("warm",)], ids=["anew", "kept"])
def test_a_driver_is_reopened(words: tuple[str, ...]) -> None:
    """The handles of a second process go on after those of the first."""
    trace = recorded(values(*words), REOPENED)
    assert [line for line in told(trace) if line[1:2] == ":"] == [
        "0: open",
        "1: put",
        "2: reopen",
        "3: put",
    ]
    handles = [step.handle for step in trace.steps if type(step).__name__ == "Open"]
    assert len(set(handles)) == len(handles) == 2


def test_keys_and_values_are_any_text() -> None:
    odd = 'ü "quoted" \\ \x00 \n 🙂'
    scenario = replace(PUT, operations=(put("a", odd),))
    with workplace() as live:
        assert record(values(), scenario, live).seen.observed == {"content": {"a": odd}}


def test_arguments_that_are_no_json_are_wrong_use() -> None:
    scenario = replace(PUT, operations=(Operation("put", {"key": "a", "value": float("nan")}),))
    with pytest.raises(WrongUse, match="not plain JSON"):
        recorded(values(), scenario)


def test_a_right_program_passes_whatever_is_tried() -> None:
    settings = replace(SETTINGS, real_kills=True, lanes=("crash in recovery",), effort=Effort.CI)
    outcome = came_to(values("warm"), PUT, settings)
    assert outcome.notes == ()
    assert {row.verdict for row in outcome.rows} == {Verdict.PASSED}
    assert all(row.complete for row in outcome.rows)
    tried = {row.profile: row.points for row in outcome.rows}
    assert tried["real kills"] == 7
    assert tried["crash in recovery"] > 3
    assert tried["kill, then power"] > 3


def test_a_program_that_does_not_sync_loses_what_it_acknowledged() -> None:
    outcome = came_to(values("warm", "no-sync"), PUT)
    kinds = {found.violation.kind for found in outcome.findings}
    assert Kind.LOST in kinds
    assert not any("kill" in found.profiles for found in outcome.findings)


def test_one_flaw_is_one_finding_however_often_it_shows() -> None:
    """Without lines of source, steps of one kind in one kind of operation count as one."""
    many = replace(PUT, operations=tuple(put(key, "x") for key in "abcd"))
    outcome = came_to(values("warm", "no-sync"), many, replace(SETTINGS, profiles=(EXT4,)))
    assert len(outcome.findings) <= 3


def test_real_kills_agree_with_the_steps_that_were_seen_and_are_judged() -> None:
    settings = replace(SETTINGS, profiles=(KILL,), real_kills=True)
    outcome = came_to(values("in-place"), replace(PUT, operations=PUT.operations[:2]), settings)
    kills = next(row for row in outcome.rows if row.profile == "real kills")
    assert kills.verdict is Verdict.VIOLATED
    assert outcome.notes == ()


@pytest.mark.parametrize("word", ["notes-closing", "notes-ending"])
def test_it_is_killed_while_it_closes_and_ends_too(word: str) -> None:
    settings = replace(SETTINGS, profiles=(KILL,), real_kills=True)
    outcome = came_to(values(word), replace(PUT, operations=PUT.operations[:1]), settings)
    kills = next(row for row in outcome.rows if row.profile == "real kills")
    assert (kills.points, kills.complete, kills.verdict) == (7, True, Verdict.PASSED)


def test_fewer_kills_than_there_are_places_are_told() -> None:
    settings = replace(SETTINGS, profiles=(KILL,), real_kills=True)
    many = replace(PUT, operations=tuple(put(key, "x") for key in "abcdef"))
    outcome = came_to(values("warm"), many, settings)
    kills = next(row for row in outcome.rows if row.profile == "real kills")
    assert (kills.points, kills.complete) == (12, False)
    assert kills.stopped == "12 of 19 kills chosen"
    assert kills.verdict is Verdict.PASSED


def test_what_works_only_in_this_process_is_left_out_by_name() -> None:
    settings = replace(SETTINGS, lanes=("full disk", "damage", "other systems", "interleavings"))
    left_out = came_to(values("warm"), PUT, settings).left_out
    for name in ("full disk", "damage", "other systems", "interleavings"):
        assert any(one.of == name and one.whole for one in left_out)


def test_several_at_once_are_not_measured() -> None:
    scenario = replace(PUT, lanes=(Lane((put("b", "x"),)),))
    with pytest.raises(NotMeasured, match="several at once"):
        recorded(values(), scenario)


def test_a_driver_that_is_kept_costs_little_beside_its_own_work() -> None:
    with workplace() as live:
        subject = values("warm")
        place = Bench(subject, live)
        image = (("a", b"first"),)
        for _ in range(3):
            place.recover(image, ("a",))
        used = psutil.Process().cpu_times()
        for _ in range(50):
            place.recover(image, ("a",))
        now = psutil.Process().cpu_times()
    spent = (now.user - used.user) + (now.system - used.system)
    assert spent / 50 < 0.003


def test_a_program_is_found_where_it_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(DRIVER.parent)
    subject = program_subject(["/usr/bin/env", "python3", "values.py"], KeyValue(), OPERATIONS)
    with workplace() as live:
        driver = subject.open(live)
        assert driver.observe(()) == {"content": {}}
        driver.close()


PROJECT = """
[tool.tornwrite]
seed = 1
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a driver, and a folder of it to be in."""
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "driver").symlink_to(DRIVER)
    (tmp_path / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep" / "er")
    return tmp_path


def test_in_a_project_it_is_found_from_the_file_of_the_project(project: Path) -> None:
    """Wherever in the project one is: in the recorded run, and on each image."""
    command = [sys.executable, "-I", "-S", "tools/driver", "warm"]
    subject = program_subject(command, KeyValue(), OPERATIONS)
    assert told(recorded(subject, PUT))[:10] == ["0: open", "0 ok", *PUT_STEPS]
    with workplace() as bench:
        driver = subject.open(bench)
        assert driver.observe(()) == {"content": {}}
        driver.close()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("./nothing", "there is no program ./nothing in {0}, where pyproject.toml has [tool.torn"),
        ("nothing", "there is no program nothing on the PATH; install it, or, if it is a file of "),
        ("nothing", "give its path: ./nothing, from {0}, where pyproject.toml has"),
    ],
)
def test_where_it_was_looked_for_is_told(name: str, said: str, project: Path) -> None:
    subject = program_subject([name], KeyValue(), OPERATIONS)
    with pytest.raises(WrongUse) as refused:
        recorded(subject, PUT)
    assert said.format(project) in str(refused.value)
    with pytest.raises(WrongUse) as refused, workplace() as bench:
        subject.open(bench)
    assert said.format(project) in str(refused.value)


def test_outside_of_a_project_it_is_looked_for_where_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WrongUse, match="the current directory"):
        recorded(program_subject(["./nothing"], KeyValue(), OPERATIONS), PUT)


def test_it_is_given_its_variables() -> None:
    subject = values(env={"PYTHONDONTWRITEBYTECODE": "1"})
    assert told(recorded(subject, PUT))[:2] == ["0: open", "0 ok"]


@pytest.mark.parametrize(
    ("command", "more", "said"),
    [
        ("./driver", {}, "command is a list"),
        ([], {}, "command is a list"),
        (["./driver"], {"timeout_s": 0}, "more than 0"),
    ],
)
def test_what_does_not_go_together_is_told(
    command: list[str], more: dict[str, float], said: str
) -> None:
    with pytest.raises(WrongUse, match=said):
        program_subject(command, KeyValue(), OPERATIONS, **more)


@pytest.mark.parametrize("name", ["open", "close", "observe", "reopen"])
def test_no_operation_is_called_as_the_protocol_is(name: str) -> None:
    with pytest.raises(WrongUse, match=f"cannot be called '{name}'"):
        program_subject(["./driver"], KeyValue(put=name), {name: {}})


def test_without_strace_nothing_is_measured_and_what_to_do_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", os.path.dirname(os.__file__))
    outcome = came_to(values(), PUT)
    assert {row.verdict for row in outcome.rows} == {Verdict.NOT_MEASURED}
    assert "strace is not on the PATH: install the package strace" in outcome.notes[0]


def test_a_program_leaves_no_scratch_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    with workplace() as live:
        record(values(), PUT, live)
        assert sorted(os.listdir(os.path.dirname(live))) == ["live"]


def test_the_time_limit_is_for_each_answer() -> None:
    started = time.monotonic()
    many = replace(PUT, operations=tuple(put(key, "x") for key in "abcdef" * 3), base=EMPTY)
    assert recorded(values(timeout_s=2.0), many).steps
    assert time.monotonic() - started < 30


def test_what_is_no_driver_at_all_is_told_once_and_as_the_drivers_fault(tmp_path: Path) -> None:
    """`cat` says again what it was asked, the directory too, which is another one each time."""
    (tmp_path / "echoing.py").write_text(ECHOING)
    told = CliRunner().invoke(main, ["gate", f"{tmp_path}/echoing.py:cat"], env={"COLUMNS": "1000"})
    assert told.exit_code == 3
    notes = [line for line in told.stdout.splitlines() if line.startswith("note: ")]
    (note,) = notes
    assert note.startswith("note: all 5 scenarios: the driver cat: the answer to open is neither")
    assert "correct the driver" in note
    assert "no verdict on it" in told.stdout
    assert "profile" not in told.stdout.replace(note, "")
    assert "tried" not in told.stdout


ECHOING = """
from hypothesis import strategies as st
from tornwrite import KeyValue, program_subject

K = st.sampled_from(["a", "b", "c"])
cat = program_subject(["cat"], KeyValue(), {"put": {"key": K, "value": K}, "delete": {"key": K}})
"""
