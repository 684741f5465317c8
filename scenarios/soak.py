"""Soaks: random workloads with real crashes between them, until something fails or time is over.

The work is done in rounds, each a run of the Hypothesis machine from a seed of its own. Examples
that failed are kept in Hypothesis' example database, and tried first by the next round.
"""

import contextlib
import logging
import random
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, cast

from hypothesis import Verbosity, seed, settings
from hypothesis import strategies as st
from hypothesis.database import DirectoryBasedExampleDatabase
from hypothesis.errors import Flaky
from hypothesis.stateful import run_state_machine_as_test
from hypothesis.strategies import SearchStrategy

from tornwrite.model.alphabets import Alphabet, Key, Part, Values
from tornwrite.model.hypothesis_profiles import CI, QUICK, SOAK
from tornwrite.model.machine import CrashMachine, Violated, World, key_of_run, machine_for
from tornwrite.model.operation import canonical
from tornwrite.model.results import SoakRound
from tornwrite.model.strategies import arguments_of, keys
from tornwrite.scenarios.exploring.sequences import alphabet_of
from tornwrite.scenarios.fault_lanes import Effort
from tornwrite.scenarios.programs.soaking import ProgramWorlds
from tornwrite.scenarios.recording import HarnessBroken
from tornwrite.scenarios.subject import Scenario, Subject, load_subject, module_of
from tornwrite.scenarios.workers import Progress, Task, each
from tornwrite.scenarios.world import Worlds
from tornwrite.scenarios.world.states import Tally

DATABASE = ".hypothesis/examples"
"""Where Hypothesis keeps examples that failed, below the current directory."""

LARGEST_START_BYTES = 32 * 1024
"""A scenario whose disk holds more to begin with is not begun with: each image is as large."""

MOST_KEYS = 3
"""What all the operations of one run are about at most."""

SLICE_S = 60.0
"""How long one process works on one subject before another one has its turn."""


GRACE_S = 60.0
"""How long a failure is made smaller at most when the time is over."""

STOPPED = "it was made smaller until the time was over; with more time less may show it"
"""What is said with a failure then."""


@dataclass(frozen=True, slots=True)
class Length:
    """How much one round does.

    settings: how many runs, of how many steps. budget: images judged after each step and profile.
    """

    settings: settings
    budget: int


LENGTHS = {
    Effort.QUICK: Length(QUICK, 60),
    Effort.CI: Length(CI, 100),
    Effort.FULL: Length(SOAK, 200),
}


def machine_of(
    subject: Subject, make_world: Callable[[], World] | None = None
) -> type[CrashMachine]:
    """The Hypothesis machine of a subject that declares an alphabet: its operations, any arguments.

    A run begins with nothing, or with what one of the subject's scenarios has on its disk.

    make_world: makes the world of each run; `Worlds(subject)` unless given.
    Raises WrongUse for a subject without an alphabet.
    """
    alphabet = alphabet_of(subject)
    begun = starts(subject)
    there = subject.model.names(
        [operation for scenario in begun for operation in scenario.every_operation]
    )
    return machine_for(
        make_world or Worlds(subject),
        arguments_of(_with_keys_of_run(alphabet), of_keys=key_of_run()),
        # Hypothesis finds what failed again by this name.
        name="".join(part.title() for part in re.split(r"\W", subject.name)),
        starts=("", *(scenario.name for scenario in begun)),
        # Few at a time: what happens to one session is what the next operation meets.
        keys=_keys_of_run(alphabet, there),
    )


def _keys_of_run(alphabet: Alphabet, there: Sequence[str]) -> SearchStrategy[Sequence[Any]]:
    own = _own_keys(alphabet)
    one = keys(also=there) if own is None else own.strategy
    return st.lists(one, min_size=1, max_size=MOST_KEYS, unique_by=canonical)


def _own_keys(alphabet: Alphabet) -> Values | None:
    """The first keys for which the alphabet has a strategy of its own."""
    every = (one for template in alphabet.operations for one in template.arguments.values())
    return next((e for e in every if isinstance(e, Values) and e.part is Part.KEY), None)


def _with_keys_of_run(alphabet: Alphabet) -> Alphabet:
    """Operations whose keys are drawn in the same way share those of the run."""
    own = _own_keys(alphabet)

    def of_run(argument: Any) -> Any:
        same = (
            own is not None
            and isinstance(argument, Values)
            and argument.part is Part.KEY
            and repr(argument.strategy) == repr(own.strategy)
        )
        return Key() if same else argument

    return Alphabet(
        tuple(
            replace(one, arguments={name: of_run(a) for name, a in one.arguments.items()})
            for one in alphabet.operations
        )
    )


def starts(subject: Subject) -> list[Scenario]:
    """The scenarios that a run may begin like: there is something on their disk, and not much."""
    return [
        scenario
        for scenario in subject.scenarios
        if scenario.base
        and subject.program is None  # each run of one begins with nothing
        and sum(len(node) for _, node in scenario.base if isinstance(node, bytes))
        <= LARGEST_START_BYTES
    ]


class _TimeIsOver(BaseException):
    """Ends a round: Hypothesis takes nothing for a failure that is no Exception.

    It may complain of a run that is not like another one, though.
    """


class _Database(DirectoryBasedExampleDatabase):
    """The directory, without the run that was never begun when the time was over."""

    def save(self, key: bytes, value: bytes) -> None:
        if value:
            super().save(key, value)


class _Worlds(Protocol):
    """Makes the worlds of one round, and counts what was done in them."""

    @property
    def tally(self) -> Tally: ...

    def __call__(self) -> World: ...


class _UntilThen:
    """Makes worlds until the time is over, and some more while there is a failure to make smaller.

    grace_s: for how long, in seconds.
    """

    def __init__(self, worlds: _Worlds, until: float, grace_s: float, progress: Progress) -> None:
        self._worlds = worlds
        self._until = until
        self._grace_s = grace_s
        self._progress = progress
        self.is_over = False

    def __call__(self) -> World:
        tally = self._worlds.tally
        left = self._until - time.monotonic()
        if left + (self._grace_s if tally.broken else 0) <= 0:
            self.is_over = True
            raise _TimeIsOver
        self._progress(self._told(tally, left), tally.worlds)
        return self._worlds()

    def _told(self, tally: Tally, left: float) -> str:
        what = "making a failure smaller, " if tally.broken else ""
        if left <= 0:
            what = f"the time is over, {what}for {left + self._grace_s:.0f} s more at most, "
        done = f"{tally.operations:,} steps, {tally.judged:,} images, {tally.crashes:,} crashes"
        return what + done


def run_round(
    subject: Subject,
    number: int,
    length: Length,
    database: str,
    *,
    until: float = float("inf"),
    grace_s: float = GRACE_S,
    progress: Progress = lambda at, done: None,
) -> SoakRound:
    """One round on one subject.

    number: the seed. database: the directory of the examples that failed. until: when to stop, as
    `time.monotonic` tells it; a failure is made smaller for `grace_s` seconds more at most.
    Raises WrongUse for a subject without an alphabet, HarnessBroken when a failure does not show
    itself again, and what a world raises beside Violated.
    """
    # What a store logs about each of thousands of broken images is no news to anybody here.
    logging.getLogger().addHandler(logging.NullHandler())
    started = time.monotonic()
    with contextlib.ExitStack() as stack:
        worlds: _Worlds = Worlds(subject.name, budget=length.budget)
        if subject.program is not None:
            worlds = stack.enter_context(ProgramWorlds(subject, length.budget))
        until_then = _UntilThen(worlds, until, grace_s, progress)
        failures = _failures(subject, number, length, database, until_then)
    tally = worlds.tally
    if until_then.is_over and tally.smallest:
        failures = (f"{STOPPED}\n\n{tally.smallest}",)
    return SoakRound(
        subject.name,
        number,
        tally.worlds,
        tally.operations,
        tally.judged,
        tally.recovered,
        tally.crashes,
        time.monotonic() - started,
        failures,
    )


def _failures(
    subject: Subject, number: int, length: Length, database: str, until_then: _UntilThen
) -> tuple[str, ...]:
    """What a round says of each promise that was not kept."""
    machine = machine_of(subject, until_then)
    run = settings(
        length.settings,
        database=_Database(database),
        verbosity=Verbosity.quiet,
    )
    try:
        run_state_machine_as_test(seed(number)(cast(Any, machine)), settings=run)
    except _TimeIsOver:
        pass
    except Violated as error:
        return (str(error),)
    except Flaky as error:
        if not until_then.is_over:
            raise HarnessBroken(
                f"{subject.name}, seed {number}: the store or the harness does not always do the "
                f"same: {error}"
            ) from error
    except ExceptionGroup as group:
        return tuple(str(error) for error in _violated(group))
    return ()


def _violated(group: ExceptionGroup[Exception]) -> Iterator[Violated]:
    """The violations in the group. Anything else in it is raised."""
    for error in group.exceptions:
        match error:
            case Violated():
                yield error
            case ExceptionGroup():
                yield from _violated(error)
            case _:
                raise error


# Many rounds


@dataclass(frozen=True, slots=True)
class _Share:
    """A subject's turn: rounds for so many seconds, or one if it is None."""

    subject: str
    seed: int
    effort: Effort
    database: str
    seconds: float | None


def soak(
    subjects: Sequence[str],
    number: int,
    effort: Effort,
    seconds: float | None,
    jobs: int,
    *,
    database: str = DATABASE,
    report: Callable[[str, str, int], None] = lambda subject, at, done: None,
) -> Iterator[SoakRound]:
    """The rounds as they are done; no subject has another one after a failure.

    subjects: each `package.module:object`. number: the seed; in a soak of one round, that of the
    round. seconds: how long it takes all together; None for one round of each. jobs: processes at a
    time. database: the directory of the examples that failed. report: told what is going on.
    Raises WrongUse for a subject that cannot be had or has no alphabet. However it is left, no
    process of it goes on.
    """
    for subject in subjects:
        machine_of(load_subject(subject))
    if seconds is None:
        shares = [_Share(subject, number, effort, database, None) for subject in subjects]
        yield from _all(shares, jobs, report)
        return
    source = random.Random(number)
    until = time.monotonic() + seconds
    alive = list(subjects)
    while alive and (left := until - time.monotonic()) > 0.1:
        turn = min(left / len(alive), SLICE_S)
        shares = [
            _Share(subject, source.getrandbits(32), effort, database, turn)
            # Not at the same time: what one finds, the next one has in the database.
            for _ in range(jobs)
            for subject in alive
        ]
        for one in _all(shares, jobs, report):
            if one.failures and one.subject in alive:
                alive.remove(one.subject)
            yield one


def _all(
    shares: Sequence[_Share], jobs: int, report: Callable[[str, str, int], None]
) -> Iterator[SoakRound]:
    modules = list(dict.fromkeys(module_of(share.subject) for share in shares))
    # The last task is the first to be begun.
    tasks = [Task(share.subject, share, 1) for share in reversed(shares)]
    for rounds in each(_work, tasks, jobs, preload=modules, report=report):
        yield from rounds


def _work(share: _Share, progress: Progress) -> list[SoakRound]:
    subject = load_subject(share.subject)
    length = LENGTHS[share.effort]
    if share.seconds is None:
        return [run_round(subject, share.seed, length, share.database, progress=progress)]
    source = random.Random(share.seed)
    until = time.monotonic() + share.seconds
    rounds: list[SoakRound] = []
    while time.monotonic() < until and not (rounds and rounds[-1].failures):
        number = source.getrandbits(32)
        rounds.append(
            run_round(subject, number, length, share.database, until=until, progress=progress)
        )
    return rounds
