"""Every workload up to a length: what needs three operations is found with three, not before."""

import glob
import os
import shlex
import signal
import time
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from tornwrite.cli import main
from tornwrite.faults.epochs import epochs
from tornwrite.faults.profiles import EXT4, KILL, POSIX
from tornwrite.faults.scratch import scratch_root
from tornwrite.faults.trace import Stepped
from tornwrite.model.alphabets import count, sequences
from tornwrite.model.operation import Operation
from tornwrite.model.results import Exploration
from tornwrite.model.verdict import Verdict
from tornwrite.scenarios.exploring import explorer as explorer_module
from tornwrite.scenarios.exploring.bounded import explore
from tornwrite.scenarios.exploring.explorer import Bounds, Explorer, explore_one, replay_command
from tornwrite.scenarios.exploring.sequences import as_json, as_scenario, from_json, spelled
from tornwrite.scenarios.recording import HarnessBroken, record
from tornwrite.scenarios.recovery import workplace
from tornwrite.scenarios.replaying import Place
from tornwrite.scenarios.subject import WrongUse, load_subject
from tornwrite.scenarios.world.states import states_within

RIGHT = "support.third_time:right"
THIRD_TIME = "support.third_time:third_time"
STORES = "tornwrite.scenarios.stores:"
KNOWN_BAD = "tornwrite.scenarios.known_bad:"
NAMES = ("manager", "backend", "archive", "transcripts")

BOTH = (KILL, POSIX)


@pytest.fixture(autouse=True)
def _nothing_is_left_behind() -> Iterator[None]:
    yield
    own = os.path.join(scratch_root().path, f"tornwrite-{os.getpid()}-*")
    assert glob.glob(own) == []


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    handler = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, handler)


def explored(subject: str, bound: int, **bounds: object) -> Exploration:
    (found,) = explore([subject], Bounds(bound, BOTH, **bounds), jobs=2)  # type: ignore[arg-type]
    return found


# What is found


def test_a_bug_that_needs_three_operations_is_not_found_with_two() -> None:
    found = explored(THIRD_TIME, 2)
    assert (found.verdict, found.findings, found.complete) == (Verdict.PASSED, (), True)


def test_a_bug_that_needs_three_operations_is_found_with_three() -> None:
    found = explored(THIRD_TIME, 3)
    assert found.verdict is Verdict.VIOLATED
    for one in found.findings:
        # What a crash loses is only lost after the third change of a process.
        assert one.scenario.count(";") == 2
        assert "reopen" not in one.scenario
        assert one.scenario.split("; ")[-1].startswith("put")


def test_a_right_store_passes_with_three() -> None:
    found = explored(RIGHT, 3)
    alphabet = load_subject(RIGHT).alphabet
    assert alphabet is not None
    assert (found.verdict, found.complete, found.findings) == (Verdict.PASSED, True, ())
    assert found.run == found.possible == count(alphabet, 3).distinct
    assert found.renamed > found.possible
    assert found.judged > found.recovered > 0


def test_the_reference_stores_pass_with_two() -> None:
    every = [STORES + name for name in ("reference", *NAMES)]
    found = explore(every, Bounds(2, BOTH), jobs=2)
    assert [one.subject for one in found] == every
    for one in found:
        assert (one.verdict, one.complete, one.findings) == (Verdict.PASSED, True, ())
        assert one.run == one.possible


@pytest.mark.parametrize("name", ["jsonl", "archive", "transcripts"])
def test_a_published_store_is_caught_with_one_operation(name: str) -> None:
    assert explored(KNOWN_BAD + name, 1).verdict is Verdict.VIOLATED


def test_a_published_store_that_keeps_what_is_saved_is_caught_with_two() -> None:
    assert explored(KNOWN_BAD + "manager", 1).verdict is Verdict.PASSED
    assert explored(KNOWN_BAD + "manager", 2).verdict is Verdict.VIOLATED


def test_what_is_wrong_without_a_crash_is_found_and_told_once() -> None:
    found = explored("support.third_time:without_crash", 2)
    (shown,) = [one for one in found.findings if one.profile == "no crash"]
    assert len(shown.also_in) > 0
    # No crash state is named: the sequence alone shows it.
    *_, only, sequence = shlex.split(shown.replay)
    assert only == "--only"
    assert spelled(from_json(sequence)) == shown.scenario


# What is judged


def images(explorer: Explorer) -> int:
    return explorer.explored.judged


def test_no_crash_is_judged_twice() -> None:
    """What two operations leave is judged once, whatever comes after them."""
    put = [Operation("put", {"key": "k0", "value": f"c{number}"}) for number in range(3)]
    bounds = Bounds(3, BOTH)
    subject = load_subject(RIGHT)
    with workplace() as live:
        explorer = Explorer(subject, live, bounds)
        counts = []
        for length in (1, 2, 3):
            explorer.run(tuple(put[:length]))
            counts.append(images(explorer))
        again = Explorer(subject, live, bounds)
        again.run(tuple(put), whole=True)
    # The closing of the subject is judged after each, and nothing else is judged twice.
    ends = 2 * len(BOTH)
    assert images(again) <= counts[2] <= images(again) + ends


def test_every_crash_of_a_sequence_is_judged() -> None:
    operations = tuple(Operation("put", {"key": "k0", "value": f"c{n}"}) for n in range(2))
    subject = load_subject(RIGHT)
    with workplace() as live:
        trace = record(subject, as_scenario(operations), live).trace
        every = sum(
            1
            for profile in BOTH
            for state, _ in states_within(
                trace, profile, frozenset(range(len(epochs(trace)))), 10_000, 1_000
            )
            if state is not None
        )
        whole = Explorer(subject, live, Bounds(2, BOTH, every_byte=1_000))
        whole.run(operations, whole=True)
        assert images(whole) == every


def test_a_crash_during_the_last_operation_is_judged() -> None:
    found = explored(KNOWN_BAD + "archive", 1)
    assert {bool(one.in_flight) for one in found.findings} == {True, False}


def test_a_finding_before_the_last_operation_is_that_of_a_shorter_sequence() -> None:
    """Judging the whole of three operations shows nothing that two did not show."""
    found = explored(KNOWN_BAD + "archive", 2)
    shorter = {one.scenario.count(";") for one in found.findings}
    assert shorter == {0, 1}


def test_a_subject_that_does_not_do_the_same_each_time_is_said_to() -> None:
    with pytest.raises(HarnessBroken, match="does not do the same each time"):
        explored("support.third_time:whimsical", 2)


def test_the_check_that_runs_begin_alike_looks_at_every_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A run whose first operation left one step out is not taken for the same."""
    first = Operation("put", {"key": "k0", "value": "c0"})
    record = explorer_module.record
    calls = []

    def without_a_step(*given: object) -> object:
        recorded = record(*given)  # type: ignore[arg-type]
        calls.append(recorded)
        if len(calls) == 2:
            steps = [at for at, e in enumerate(recorded.trace.events) if isinstance(e, Stepped)]
            kept = [e for at, e in enumerate(recorded.trace.events) if at != steps[-2]]
            object.__setattr__(recorded.trace, "events", tuple(kept))
        return recorded

    monkeypatch.setattr(explorer_module, "record", without_a_step)
    with workplace() as live:
        explorer = Explorer(load_subject(RIGHT), live, Bounds(2, BOTH))
        explorer.run((first,))
        with pytest.raises(HarnessBroken):
            explorer.run((first,))


def test_the_time_may_be_over() -> None:
    found = explored(RIGHT, 2, until=time.time() - 1)
    assert (found.verdict, found.run, found.complete) == (Verdict.NOT_MEASURED, 0, False)
    assert found.stopped == "the time was over"


def test_a_budget_that_cut_something_short_is_told() -> None:
    found = explored(RIGHT, 1, budget=1)
    assert found.verdict is Verdict.NOT_MEASURED
    assert "budget" in found.stopped


def test_long_writes_are_said_to_be_cut_at_chosen_bytes() -> None:
    (note,) = explored(STORES + "archive", 1).notes
    assert note == "a kill cuts writes of more than 16 bytes at chosen bytes, not at each"
    assert explored(RIGHT, 1).notes == ()


# Sequences as text


def test_a_sequence_is_spelled_in_short() -> None:
    message = {"role": "user", "content": "c0"}
    operations = (
        Operation("save", {"id": "k0", "message": message}),
        Operation("replace", {"id": "k0", "history": [message, message]}),
        Operation("reopen"),
    )
    assert spelled(operations) == "save(k0, c0); replace(k0, [c0, c0]); reopen()"


def test_a_sequence_is_read_back_from_json() -> None:
    alphabet = load_subject(STORES + "reference").alphabet
    assert alphabet is not None
    for operations in sequences(alphabet, 2):
        assert from_json(as_json(operations)) == operations


@pytest.mark.parametrize("text", ["", "{}x", "{}", "[]", "3", "[3]", '[{"put": 3}]', "[{}]"])
def test_what_is_no_sequence_is_refused(text: str) -> None:
    with pytest.raises(WrongUse, match="no sequence of operations"):
        from_json(text)


# Again


def test_every_finding_is_shown_again_by_its_command() -> None:
    found = explored(KNOWN_BAD + "archive", 2)
    assert len(found.findings) > 3
    for one in found.findings:
        program, *arguments = shlex.split(one.replay)
        assert program == "tornwrite"
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 1, result.output
        assert f"{one.violation.kind.value}: " in result.output


def test_a_state_that_is_gone_is_said_to_be() -> None:
    operations = from_json('[{"put": {"key": "k0", "value": "c0"}}]')
    with pytest.raises(WrongUse, match="leaves image 0123"):
        explore_one(load_subject(RIGHT), operations, Bounds(1, (KILL,)), Place(3, 1, None, "0123"))


def test_one_sequence_is_judged_throughout() -> None:
    operations = from_json('[{"save": {"session_id": "a", "message": {"n": 1}}}, {"reopen": {}}]')
    subject = load_subject(KNOWN_BAD + "archive")
    found = explore_one(subject, operations, Bounds(2, (EXT4, POSIX)))
    assert found.findings
    assert replay_command(subject, operations) == shlex.join(
        ["tornwrite", "explore", subject.name, "--only", as_json(operations)]
    )
