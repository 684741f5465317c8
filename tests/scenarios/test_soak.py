"""Soaks: random runs find what is wrong, remember it, end in time, and leave nothing behind."""

import glob
import logging
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from unittest import SkipTest

import pytest
from hypothesis import Phase, settings

from tornwrite.faults.recorder import Recorder
from tornwrite.faults.scratch import scratch_root
from tornwrite.model.hypothesis_profiles import CI, QUICK, SOAK
from tornwrite.model.machine import Violated
from tornwrite.model.operation import Operation
from tornwrite.model.results import SoakRound
from tornwrite.reference.transcripts.directory import TranscriptDirectory
from tornwrite.scenarios import soak as soak_module
from tornwrite.scenarios.fault_lanes import Effort
from tornwrite.scenarios.recording import HarnessBroken
from tornwrite.scenarios.soak import (
    LARGEST_START_BYTES,
    LENGTHS,
    STOPPED,
    Length,
    _TimeIsOver,
    _UntilThen,
    machine_of,
    run_round,
    soak,
    starts,
)
from tornwrite.scenarios.subject import WrongUse, load_subject
from tornwrite.scenarios.world import Worlds, replay
from tornwrite.scenarios.world.states import Tally

STORES = "tornwrite.scenarios.stores:"
KNOWN_BAD = "tornwrite.scenarios.known_bad:"
ALL = ("manager", "backend", "archive", "transcripts")

QUICKLY = Length(settings(QUICK, max_examples=10, stateful_step_count=6), 25)
ONLY_AGAIN = Length(settings(QUICKLY.settings, phases=[Phase.reuse]), QUICKLY.budget)
"""Nothing is generated: what fails can only come from the database."""


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Stores log each repair, and there are thousands."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(autouse=True)
def _nothing_is_left_behind() -> Iterator[None]:
    yield
    own = os.path.join(scratch_root().path, f"tornwrite-{os.getpid()}-*")
    assert glob.glob(own) == []
    assert not Recorder.active()


@pytest.fixture
def database(tmp_path: Path) -> str:
    return str(tmp_path / ".hypothesis" / "examples")


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> tuple[SoakRound, str]:
    """A round that failed, of the published archiving store, and its database."""
    place = str(tmp_path_factory.mktemp("failed") / "examples")
    logging.disable(logging.CRITICAL)
    found = run_round(load_subject(KNOWN_BAD + "archive"), 1, QUICKLY, place)
    logging.disable(logging.NOTSET)
    return found, place


def program(said: str) -> str:
    return said[said.index("from tornwrite.scenarios.world import replay") :]


# What is found


def test_a_published_store_fails_and_its_program_shows_it_again(
    failed: tuple[SoakRound, str],
) -> None:
    (said,) = failed[0].failures
    with pytest.raises(Violated) as again:
        exec(program(said), {})
    assert str(again.value) == said


def test_a_failure_is_made_small(failed: tuple[SoakRound, str]) -> None:
    """One operation is enough, or none where there is something on the disk to begin with."""
    (said,) = failed[0].failures
    assert "\n  2  " not in said


@pytest.mark.parametrize("name", ["reference", *ALL])
def test_a_reference_store_passes(name: str, database: str) -> None:
    found = run_round(load_subject(STORES + name), 3, QUICKLY, database)
    assert found.failures == ()
    assert found.examples >= QUICKLY.settings.max_examples
    assert found.operations > found.examples
    assert found.judged > found.recovered > 0


def test_crashes_become_real(database: str) -> None:
    found = run_round(load_subject(STORES + "archive"), 2, LENGTHS[Effort.QUICK], database)
    assert found.failures == ()
    assert found.crashes > 0


def test_runs_begin_with_what_scenarios_have_on_their_disks() -> None:
    subject = load_subject(STORES + "reference")
    begun = [scenario.name for scenario in starts(subject)]
    assert "migration" in begun
    assert "line-of-2-mb" not in begun
    begins = set()

    class Noting:
        profiles = ()
        limits = ()

        def open(self, start: str = "") -> None:
            begins.add(start)

        def apply(self, operation: Operation) -> None:
            pass

        def crash_choices(self, profile: str) -> int:
            return 0

        def crash(self, profile: str, index: int) -> None:
            pass

        def close(self) -> None:
            pass

    machine = machine_of(subject, Noting)
    run = settings(QUICK, max_examples=300, derandomize=True, database=None)
    machine.TestCase.settings = run
    machine.TestCase("runTest").runTest()
    assert begins == {"", *begun}


def test_a_start_with_much_on_its_disk_is_none() -> None:
    for name in ("reference", *ALL):
        for scenario in starts(load_subject(STORES + name)):
            held = [node for _, node in scenario.base if isinstance(node, bytes)]
            assert sum(map(len, held)) <= LARGEST_START_BYTES


def test_a_subject_without_an_alphabet_is_refused(database: str) -> None:
    bare = replace(load_subject(STORES + "archive"), alphabet=None)
    with pytest.raises(WrongUse, match="declares no alphabet"):
        run_round(bare, 1, QUICKLY, database)


# What a soak showed


def test_a_first_message_of_several_pages_is_there_whole_or_not_at_all() -> None:
    """A crash may leave its last page alone, newline and all."""
    large = {"role": "user", "content": "x" * 4096}
    replay(STORES + "archive", [{"save": {"session_id": "a", "message": large}}])


def test_to_delete_a_session_that_was_never_there_may_be_cut_off() -> None:
    """Nothing is to be seen before and after: only the damage goes, and it may."""
    first = {"delete": {"session_id": "a"}}
    replay(STORES + "archive", [first], scenario="repair-first-save")


# Again


def test_what_failed_is_tried_first_the_next_time(
    failed: tuple[SoakRound, str], tmp_path: Path
) -> None:
    first, database = failed
    subject = load_subject(KNOWN_BAD + "archive")
    assert run_round(subject, 2, ONLY_AGAIN, database).failures == first.failures
    with pytest.raises(SkipTest, match="no test cases"):
        run_round(subject, 2, ONLY_AGAIN, str(tmp_path))


def test_what_failed_in_one_store_is_not_tried_in_another(failed: tuple[SoakRound, str]) -> None:
    with pytest.raises(SkipTest, match="no test cases"):
        run_round(load_subject(STORES + "archive"), 1, ONLY_AGAIN, failed[1])


def test_the_same_seed_does_the_same(database: str) -> None:
    subject = load_subject(STORES + "archive")

    def counts(seed: int) -> tuple[int, ...]:
        found = run_round(subject, seed, QUICKLY, database)
        return found.examples, found.operations, found.judged, found.crashes

    assert counts(7) == counts(7)
    assert counts(7) != counts(8)


def test_a_store_that_does_not_always_do_the_same_is_no_verdict(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Whimsical:
        profiles = ()
        limits = ()
        calls = 0

        def open(self, start: str = "") -> None:
            pass

        def apply(self, operation: Operation) -> None:
            Whimsical.calls += 1
            if Whimsical.calls == 20:
                raise Violated("this once")

        def crash_choices(self, profile: str) -> int:
            return 0

        def crash(self, profile: str, index: int) -> None:
            pass

        def close(self) -> None:
            pass

    monkeypatch.setattr(Worlds, "__call__", lambda worlds: Whimsical())
    with pytest.raises(HarnessBroken, match="does not always do the same"):
        run_round(load_subject(STORES + "archive"), 1, QUICKLY, database)


# The time


def test_a_round_ends_when_its_time_is_over(database: str) -> None:
    started = time.monotonic()
    found = run_round(
        load_subject(STORES + "manager"), 1, LENGTHS[Effort.FULL], database, until=started + 1
    )
    assert 0 < found.examples < SOAK.max_examples
    assert found.failures == ()
    # A run that was never begun is nothing to be tried again.
    assert not glob.glob(database + "/*/*") or all(
        os.path.getsize(file) for file in glob.glob(database + "/*/*")
    )


def test_a_failure_is_made_small_although_the_time_is_over(database: str) -> None:
    subject = load_subject(KNOWN_BAD + "archive")
    found = run_round(subject, 1, QUICKLY, database, until=time.monotonic() + 0.05)
    while not found.failures:  # nothing was found in time
        found = run_round(subject, 1, QUICKLY, database, until=time.monotonic() + 1)
    with pytest.raises(Violated):
        exec(program(found.failures[0]), {})


def test_a_failure_that_takes_long_to_make_small_is_shown_as_small_as_it_is(
    database: str,
) -> None:
    subject = load_subject(KNOWN_BAD + "archive")
    found = None
    while found is None or not found.failures:
        found = run_round(
            subject,
            1,
            QUICKLY,
            database,
            until=time.monotonic() + 1,
            grace_s=-0.99,
        )
    (told,) = found.failures
    assert told.startswith(STOPPED)
    assert glob.glob(database + "/*/*"), "the next round begins with it"
    with pytest.raises(Violated):
        exec(program(told), {})


def test_how_long_it_may_take_is_said() -> None:
    class Broken:
        tally = Tally(worlds=3, operations=7, broken=1)

        def __call__(self) -> Any:
            return None

    said: list[str] = []
    limit = _UntilThen(
        cast(Any, Broken()), time.monotonic() - 10, 60.0, lambda at, done: said.append(at)
    )
    limit()
    assert said == [
        "the time is over, making a failure smaller, for 50 s more at most, 7 steps, 0 images, "
        "0 crashes"
    ]
    limit = _UntilThen(cast(Any, Broken()), time.monotonic() - 70, 60.0, lambda at, done: None)
    with pytest.raises(_TimeIsOver):
        limit()
    assert limit.is_over


def test_the_smallest_failure_is_the_shortest_run() -> None:
    tally = Tally()
    for said, length in (("long", 9), ("short", 2), ("other", 3), ("tiny", 2), ("later", 2)):
        tally.violated(said, length)
    assert tally.smallest == "tiny"


def test_a_soak_has_every_subject_and_ends_in_time(database: str) -> None:
    every = [STORES + "manager", STORES + "archive"]
    started = time.monotonic()
    rounds = list(soak(every, 1, Effort.QUICK, 4.0, 2, database=database))
    assert time.monotonic() - started < 30
    assert {one.subject for one in rounds} == set(every)
    assert all(one.failures == () for one in rounds)
    assert len({one.seed for one in rounds}) == len(rounds)


def test_a_subject_that_failed_has_no_other_turn(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = [STORES + "archive", STORES + "manager"]
    turns: list[list[str]] = []

    def shared(shares: list[soak_module._Share], *rest: object) -> Iterator[SoakRound]:
        turns.append([share.subject for share in shares])
        for share in shares:
            failures = ("failed",) if share.subject == every[0] else ()
            yield SoakRound(share.subject, share.seed, 1, 1, 1, 1, 0, 0.1, failures)
        time.sleep(0.2)

    monkeypatch.setattr(soak_module, "_all", shared)
    list(soak(every, 1, Effort.QUICK, 1.0, 1, database=database))
    assert turns[0] == every
    assert len(turns) > 1
    assert all(turn == every[1:] for turn in turns[1:])


def test_without_a_time_each_subject_has_one_round_of_that_seed(database: str) -> None:
    every = [STORES + "manager", STORES + "archive"]
    rounds = list(soak(every, 11, Effort.QUICK, None, 2, database=database))
    assert sorted((one.subject, one.seed) for one in rounds) == sorted((one, 11) for one in every)
    quick = LENGTHS[Effort.QUICK]
    alone = run_round(load_subject(every[1]), 11, quick, database + "-other")
    (same,) = [one for one in rounds if one.subject == every[1]]
    assert (same.examples, same.operations) == (alone.examples, alone.operations)


def test_a_soak_of_what_cannot_be_had_is_refused_before_anything_is_run(database: str) -> None:
    with pytest.raises(WrongUse, match="has no nonsense"):
        list(soak([STORES + "archive", STORES + "nonsense"], 1, Effort.QUICK, 60.0, 2))


def test_an_id_that_no_transcript_can_have_is_refused_where_nothing_would_come_of_it() -> None:
    """An hour's soak took the refusal that came later for a store that cannot be used any more."""
    message = {"role": "user", "content": "x"}
    replay(STORES + "transcripts", [{"append_held": {"id": "k" * 300, "message": message}}])


KILLED_WHILE_DELETING = [
    {"get_or_create": {"id": "a:1"}},
    {"delete": {"id": "a:1"}},
    {"crash": {"profile": "kill", "index": 1}},
]
"""After the file's name is gone, before that is synced."""


def test_that_there_is_nothing_to_append_to_promises_no_deletion() -> None:
    """A soak took a deletion that a kill had cut off, and the power then undid, for promised."""
    message = {"role": "user", "content": "x"}
    late = {"append_held": {"id": "a:1", "message": message}}
    replay(STORES + "transcripts", [*KILLED_WHILE_DELETING, late])


def test_a_deletion_that_finds_nothing_promises_that_it_stays_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    again = [*KILLED_WHILE_DELETING, {"delete": {"id": "a:1"}}]
    replay(STORES + "transcripts", again)

    def only_what_is_there(directory: TranscriptDirectory, shard: int, file: str) -> None:
        if os.path.exists(os.path.join(directory.path, file)):
            delete(directory, shard, file)

    delete = TranscriptDirectory.delete
    monkeypatch.setattr(TranscriptDirectory, "delete", only_what_is_there)
    with pytest.raises(Violated, match="what was removed is back"):
        replay(STORES + "transcripts", again)


# Settings that users can load by name


@pytest.mark.parametrize(("name", "profile"), [("quick", QUICK), ("ci", CI), ("soak", SOAK)])
def test_the_settings_have_names(name: str, profile: settings) -> None:
    assert settings.get_profile(f"tornwrite-{name}") is profile
    assert profile.deadline is None


def test_longer_settings_do_more() -> None:
    assert QUICK.max_examples < CI.max_examples < SOAK.max_examples
    assert [LENGTHS[effort].settings for effort in Effort] == [QUICK, CI, SOAK]


def test_the_database_is_where_hypothesis_has_it() -> None:
    assert os.path.join(".hypothesis", "examples") == soak_module.DATABASE


def test_a_run_is_about_few_keys() -> None:
    subject = load_subject(STORES + "archive")
    machine = machine_of(subject, Worlds(subject, budget=5))
    seen: list[set[str]] = []
    apply = machine.do

    class Counting(machine):  # type: ignore[misc, valid-type]
        def __init__(self) -> None:
            super().__init__()
            seen.append(set())

        def do(self, operation: Operation) -> None:
            seen[-1].add(operation.arguments.get("session_id", ""))
            apply(self, operation)

    Counting.TestCase.settings = settings(QUICK, max_examples=10, derandomize=True, database=None)
    Counting.TestCase("runTest").runTest()
    assert max(len(found - {""}) for found in seen) in (2, 3)
