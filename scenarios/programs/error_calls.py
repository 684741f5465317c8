"""Which errors are tried on a program: at which calls of its plain run, which, and for how long.

Strace makes a call fail by its name and its count in its thread. So an error that stays is one of
every further call of that name in that process: a disk that takes no data any more, or on which no
sync works. Which errors a call can give is said in `tornwrite.faults.errors`.
"""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from zlib import crc32

from tornwrite.faults.error_injection import Spot
from tornwrite.faults.errors import At, Lasts, Rule, path_of, rules_at
from tornwrite.faults.injection import ReadOpen
from tornwrite.faults.steps import Fsync, Open, OpenUnnamed, Write
from tornwrite.faults.strace_failed import INJECTABLE
from tornwrite.faults.strace_live import Moment
from tornwrite.faults.trace import Began, Trace, open_paths
from tornwrite.scenarios.error_trials import Place, Trial, kind_of
from tornwrite.scenarios.fault_lanes import Effort
from tornwrite.scenarios.programs.failing_run import FailingRun

MOST = {Effort.QUICK: 2, Effort.CI: 8, Effort.FULL: 150}
"""How many errors of a scenario are tried at most: each is a run of the program under strace."""

MOST_IN_PYTHON = {Effort.QUICK: 1, Effort.CI: 4, Effort.FULL: 40}
"""The same for a subject in Python: each is a start of its interpreter."""


@dataclass(frozen=True, slots=True)
class FailingCall:
    """A call of the plain run that can be made to fail.

    place: which step or opening it is. life: in which process of the driver, from 0. moment: which
    call of that. operation: the number of the operation that makes it. line: what it has in common
    with calls that come from the same line of source, as a rule. speaks: the driver answers by
    calls of that name too.
    """

    place: Place
    life: int
    moment: Moment
    operation: int
    line: tuple[object, ...]
    speaks: bool

    def inject(self, rule: Rule, lasts: Lasts, every: int = 1) -> str:
        """What strace is to change.

        every: how many calls of that name further the next one comes that is to fail, 0 for none.
        """
        further = f"+{every}" if lasts is Lasts.STAYS and every else ""
        return f"{self.moment.name}:error={rule.name}:when={self.moment.count}{further}"


@dataclass(frozen=True, slots=True)
class FailingCalls:
    """The calls that can be made to fail. untold: how many strace cannot tell from others."""

    found: tuple[FailingCall, ...]
    untold: int = 0

    def at(self, spot: Spot) -> FailingCall:
        """The call of that spot, which there is."""
        return next(one for one in self.found if one.place.spot == spot)


def failing_calls(run: FailingRun, trace: Trace) -> FailingCalls:
    """The calls of a plain run in its operations. trace: the run's, which has ended."""
    opened = open_paths(trace.steps)
    names = {e.number: e.name for e in trace.events if isinstance(e, Began)}
    seen: Counter[tuple[object, ...]] = Counter()
    found: list[FailingCall] = []
    untold = 0
    for life, moment, spot, at in _calls(run, trace):
        operation = run.operation_at(life, moment)
        if operation is None or not rules_at(at):
            continue
        read = run.read[life]
        if not read.is_alone(moment):
            untold += 1
            continue
        kind = (kind_of(at), names[operation], os.path.splitext(path_of(at, opened))[1])
        seen[operation, kind] += 1
        line = (*kind, seen[operation, kind])
        speaks = moment.name in read.speaks
        found.append(FailingCall(Place(spot, at, ()), life, moment, operation, line, speaks))
    return FailingCalls(tuple(found), untold)


def _calls(run: FailingRun, trace: Trace) -> Iterator[tuple[int, Moment, Spot, At]]:
    """Each call that made a step, and each opening for reading, in the order of the run."""
    steps = trace.steps
    first = reads = 0
    for life, read in enumerate(run.read):
        calls: list[tuple[Moment, At, Spot]] = []
        for moment, _ in read.made:
            # truncate opens the file, cuts it and closes it.
            step = first + moment.done + (moment.name == "truncate")
            calls.append((moment, steps[step], Spot(step)))
        for moment, path in read.reads:
            calls.append((moment, ReadOpen(path), Spot(reads, reads=True)))
            reads += 1
        for moment, at, spot in sorted(calls, key=lambda one: (one[0].said, one[0].done)):
            if moment.name in INJECTABLE:
                yield life, moment, spot, at
        first += len(read.steps)


def chosen(calls: FailingCalls, effort: Effort, seed: str, most: int) -> list[Trial]:
    """The trials of an effort. seed: what the choice among equals follows from."""
    groups: dict[tuple[object, ...], list[Trial]] = {}
    for call in calls.found:
        groups.setdefault(call.line, []).extend(trials_at(call))
    if effort is not Effort.FULL:
        picked = [_one_of(group, seed) for group in groups.values()]
    else:
        picked = [trial for group in groups.values() for trial in _all_once(group, seed)]
    return _in_turn(picked, seed)[:most]


def _in_turn(trials: Sequence[Trial], seed: str) -> list[Trial]:
    """One of each kind of call after the other, syncs and writes first; then another of each."""
    before: Counter[str] = Counter()
    turns: list[tuple[int, int, int, Trial]] = []
    for trial in sorted(trials, key=lambda one: _chance(one, seed)):
        turns.append((before[trial.at], _rank(trial), len(turns), trial))
        before[trial.at] += 1
    return [trial for *_, trial in sorted(turns, key=lambda turn: turn[:3])]


def trials_at(call: FailingCall) -> Iterator[Trial]:
    """Every error that the call can give, once and staying."""
    at = call.place.at
    for rule in rules_at(at):
        for lasts in rule.lasts:
            if lasts is Lasts.ONCE or _can_stay(rule, at):
                yield Trial(call.place, rule, lasts)


def _can_stay(rule: Rule, at: At) -> bool:
    """Whether what causes it hits all further calls of that name, whatever they are about."""
    if isinstance(at, Open | OpenUnnamed | ReadOpen):
        return rule.name == "EMFILE"
    return rule.name != "ENAMETOOLONG"


def _all_once(group: Sequence[Trial], seed: str) -> Iterator[Trial]:
    """Every error where such a call comes up first, one error wherever it does again."""
    first = group[0].place.spot
    yield from (trial for trial in group if trial.place.spot == first)
    others: dict[Spot, list[Trial]] = {}
    for trial in group:
        if trial.place.spot != first:
            others.setdefault(trial.place.spot, []).append(trial)
    for same in others.values():
        yield min(same, key=lambda trial: _chance(trial, seed))


def _one_of(group: Sequence[Trial], seed: str) -> Trial:
    if isinstance(group[0].place.at, Fsync):
        group = [trial for trial in group if trial.rule.name == "EIO"]
    return min(group, key=lambda trial: _chance(trial, seed))


def _rank(trial: Trial) -> int:
    at = trial.place.at
    return 0 if isinstance(at, Fsync) else 1 if isinstance(at, Write) else 2


def _chance(trial: Trial, seed: str) -> int:
    return crc32(f"{seed} {trial.place.at} {trial.words}".encode())
