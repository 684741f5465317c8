"""Mutants: is every sync, rename and order of the subject needed, and would the gate notice?

A mutant is a recorded trace in which one protection is taken away: what a careless change of the
subject's source would do, at one place and one time. The subject does the same otherwise, so the
trace stays one that could have been recorded. The gate has to find each of them violated. One that
it does not is either not needed (then it only costs users time) or a hole in the scenarios.
"""

import contextlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from tornwrite.faults.effects import ROOT
from tornwrite.faults.interpreter import Interpreter
from tornwrite.faults.profiles import KILL, POSIX
from tornwrite.faults.states import CrashStates
from tornwrite.faults.steps import (
    Close,
    Fsync,
    Open,
    Rename,
    Step,
    Unlink,
    Write,
    describe,
    is_barrier,
)
from tornwrite.faults.trace import Restarted, Stepped, Trace, open_paths
from tornwrite.faults.trace_edits import edited
from tornwrite.model.judge import judge
from tornwrite.model.linearise import TooManyOrders
from tornwrite.model.results import Finding, MutantKind, Tried
from tornwrite.scenarios.findings import Collected, Shown, finding, own_sites
from tornwrite.scenarios.gate import scenario_tasks, wanted_scenarios
from tornwrite.scenarios.judging import Assessors, judge_trace
from tornwrite.scenarios.kills.then_power import (
    Continued,
    finding_of,
    go_on,
    kills,
    ways_on,
)
from tornwrite.scenarios.once_each import once_each
from tornwrite.scenarios.permitted import permitted_by_epoch
from tornwrite.scenarios.promised import under
from tornwrite.scenarios.recording import record
from tornwrite.scenarios.recovery import Bench, workplace
from tornwrite.scenarios.run import Settings
from tornwrite.scenarios.sown_survivors import why_not_shown
from tornwrite.scenarios.subject import Scenario, Subject, load_subject, module_of
from tornwrite.scenarios.workers import Progress, each

PROFILES = (POSIX, KILL)
"""The weakest power loss has the states of all others among its own; a kill has others."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One protection taken away: its kind, the step's number in the whole trace, and the trace."""

    kind: MutantKind
    step: int
    text: str
    sites: tuple[str, ...]
    trace: Trace


def mutants_of(
    trace: Trace, kinds: Collection[MutantKind] = tuple(MutantKind), first: int = 0
) -> Iterator[Mutant]:
    """Every mutant of the trace of these kinds, from step number `first` on."""
    paths = open_paths(trace.steps)
    positions = [at for at, event in enumerate(trace.events) if isinstance(event, Stepped)]
    interpreter = Interpreter(trace.base)
    handle = max([*paths, 0]) + 1
    for number, at in enumerate(positions):
        event = trace.events[at]
        assert isinstance(event, Stepped)
        step = event.step
        told = (
            number,
            describe(step, paths),
            tuple(str(site) for site in own_sites(event.sites)),
        )
        if number < first:
            pass
        elif is_barrier(step):
            if MutantKind.SYNC in kinds:
                yield Mutant(MutantKind.SYNC, *told, edited(trace, {at: ()}))
            late = _later(trace, at) if MutantKind.ORDER in kinds else None
            if late is not None:
                yield Mutant(MutantKind.ORDER, *told, late)
        elif isinstance(step, Write) and step.sync and MutantKind.SYNC in kinds:
            without = replace(event, step=replace(step, sync=False, during=0))
            yield Mutant(MutantKind.SYNC, *told, edited(trace, {at: (without,)}))
        elif isinstance(step, Rename) and MutantKind.RENAME in kinds:
            content = dict(interpreter.image()).get(step.source)
            if isinstance(content, bytes):
                copied = tuple(replace(event, step=one) for one in _copy(step, content, handle))
                yield Mutant(MutantKind.RENAME, *told, edited(trace, {at: copied}))
        interpreter.apply(number, step)


def _later(trace: Trace, at: int) -> Trace | None:
    """The trace with the barrier at the end of its operation; None if nothing lies between.

    The operation still ends only when all is durable, but the barrier orders nothing any more.
    """
    barrier = trace.events[at]
    assert isinstance(barrier, Stepped)
    end = next(
        (
            later
            for later in range(at + 1, len(trace.events))
            if not isinstance(trace.events[later], Stepped)
        ),
        len(trace.events),
    )
    between = [event.step for event in trace.events[at + 1 : end] if isinstance(event, Stepped)]
    if all(is_barrier(step) or isinstance(step, Close) for step in between):
        return None
    path = _path_at(trace, at, end, barrier.step)
    if path is None:
        return None
    moved = replace(barrier, step=Fsync(path, _data_only(barrier.step)))
    return edited(trace, {at: (), end: (moved, *trace.events[end : end + 1])})


def _data_only(step: Step) -> bool:
    return isinstance(step, Fsync) and step.data_only


def _path_at(trace: Trace, at: int, end: int, barrier: Step) -> str | None:
    """The name that what is synced by the barrier at `at` has at `end`, if it still has one."""
    if not isinstance(barrier, Fsync):
        return None
    interpreter = Interpreter(trace.base)
    inode = None
    number = 0
    for position, event in enumerate(trace.events[:end]):
        if position == at:
            target = barrier.target
            if isinstance(target, int):
                inode = interpreter.opened(target)
            else:
                inode = interpreter.look_up(target)
        if isinstance(event, Stepped):
            interpreter.apply(number, event.step)
            number += 1
    if inode == ROOT:
        return ""
    return next((path for path, other in interpreter.tree() if other == inode), None)


def _copy(step: Rename, content: bytes, handle: int) -> tuple[Step, ...]:
    """The rename done by hand: written over the target, synced, the source removed."""
    return (
        Open(handle, step.target, create=True, truncate=True),
        Write(handle, None, content),
        Fsync(handle),
        Close(handle),
        Unlink(step.source),
    )


def try_mutants(
    subject: Subject,
    scenario: Scenario,
    *,
    budget: int,
    seed: int,
) -> list[Tried]:
    """Judge every mutant of the scenario until something catches it.

    Some syncs are only for what a killed process left behind unsynced. They are tried in the runs
    that go on after a kill, once for each line of source. Where several lanes do the same over and
    over, each line is tried once, and none after kills: what one lane does alone, others show.
    """
    with workplace() as live:
        trial = _Trial(subject, scenario, live, budget, seed)
        mutants = _once_a_line(trial.mutants()) if scenario.lanes else trial.mutants()
        tried = [_tried(scenario, mutant, trial.caught(mutant)) for mutant in mutants]
        if scenario.lanes:
            return tried
        syncs = [one for one in tried if one.kind is MutantKind.SYNC]
        missed = {one.sites for one in syncs if one.caught_by is None}
        after_kill = trial.after_kills({one.sites for one in syncs} - missed)
    return [
        replace(one, caught_by=after_kill[one.sites].caught_by)
        if one.kind is MutantKind.SYNC and one.caught_by is None and one.sites in after_kill
        else one
        for one in tried
    ] + list(after_kill.values())


def _once_a_line(mutants: Iterable[Mutant]) -> Iterator[Mutant]:
    """The first mutant of each kind at each line of source."""
    return once_each(mutants, lambda mutant: (mutant.kind, mutant.sites))


def _first_after_kill(trace: Trace) -> int:
    """The number of the first step of the process that went on."""
    number = 0
    for event in trace.events:
        if isinstance(event, Restarted):
            return number
        number += isinstance(event, Stepped)
    return number


def _tried(scenario: Scenario, mutant: Mutant, caught_by: Finding | None) -> Tried:
    is_sync = mutant.kind in (MutantKind.SYNC, MutantKind.AFTER_KILL)
    why = why_not_shown(mutant.sites) if is_sync and caught_by is None else ""
    return Tried(scenario.name, mutant.kind, mutant.step, mutant.text, mutant.sites, caught_by, why)


class _Trial:
    """One recorded scenario, and what catches its mutants."""

    def __init__(
        self,
        subject: Subject,
        scenario: Scenario,
        live: str,
        budget: int,
        seed: int,
    ) -> None:
        self._subject = subject
        self._scenario = scenario
        self._live = live
        self._budget = budget
        self._seed = seed
        self._trace = record(subject, scenario, live).trace
        self._assessors = Assessors(subject, Bench(subject, live))

    def mutants(self) -> Iterator[Mutant]:
        return mutants_of(self._trace)

    def caught(self, mutant: Mutant) -> Finding | None:
        subject, scenario = self._subject, self._scenario
        permitted = permitted_by_epoch(subject, scenario, mutant.trace)
        for profile in PROFILES:
            collected = Collected(mutant.trace)
            # What cannot be told has not caught anything.
            with contextlib.suppress(TooManyOrders):
                judge_trace(
                    subject,
                    mutant.trace,
                    permitted,
                    (profile,),
                    self._assessors.of(subject.model.names(scenario.every_operation)),
                    collected,
                    budget=self._budget,
                    seed=self._seed,
                    enough=1,
                )
            for shown in collected.all():
                return finding(subject.name, scenario.name, mutant.trace, shown)
        return None

    def after_kills(self, needed: set[tuple[str, ...]]) -> dict[tuple[str, ...], Tried]:
        """For each source line of a sync after a kill, unless needed anyway: what catches it."""
        found: dict[tuple[str, ...], Tried] = {}
        for run in self._runs():
            first = _first_after_kill(run.trace)
            for mutant in mutants_of(run.trace, (MutantKind.SYNC,), first):
                known = found.get(mutant.sites)
                if mutant.sites in needed or (known is not None and known.caught_by is not None):
                    continue
                tried = _tried(self._scenario, mutant, self._caught_after_kill(run, mutant))
                found[mutant.sites] = replace(tried, kind=MutantKind.AFTER_KILL)
        return found

    def _runs(self) -> Iterator[Continued]:
        """Every run that goes on after a kill."""
        names = self._subject.model.names(self._scenario.every_operation)
        for killed in kills(self._subject, self._trace):
            observed = self._assessors.of(names)(killed.image).observed
            if observed is None:
                continue
            for number, operations in enumerate(ways_on(self._subject, killed, observed)):
                yield go_on(
                    self._subject,
                    self._scenario,
                    self._trace,
                    killed,
                    number,
                    operations,
                    self._live,
                )

    def _caught_after_kill(self, run: Continued, mutant: Mutant) -> Finding | None:
        subject = self._subject
        changed = replace(run, trace=mutant.trace)
        permitted = permitted_by_epoch(subject, self._scenario, mutant.trace, run.wanted)
        assessor = self._assessors.of(run.names)
        states = CrashStates(
            mutant.trace,
            POSIX,
            budget=self._budget,
            seed=self._seed,
            epochs_wanted=run.wanted,
        )
        for state in states:
            try:
                promised = under(permitted[state.epoch], POSIX)
                wrong = judge(subject.model, promised, assessor(state.image))
            except TooManyOrders:
                continue  # what cannot be told has not caught anything
            for violation in wrong:
                shown = Shown(violation, POSIX, state, [POSIX.name], {state.image})
                return finding_of(subject, self._scenario, changed, shown)
        return None


def try_scenarios(
    subject_name: str,
    scenario_names: Sequence[str],
    settings: Settings,
    jobs: int,
    *,
    finished: Callable[[str], None] = lambda scenario: None,
) -> list[Tried]:
    """Judge every mutant of the scenarios, all of the subject's when none is named.

    Raises what `tornwrite.scenarios.gate.run_gate` raises.
    """
    subject = load_subject(subject_name)
    wanted = wanted_scenarios(subject, scenario_names)
    found: dict[str, list[Tried]] = {}
    tasks = scenario_tasks(subject, wanted, settings)
    for tried in each(_try, tasks, jobs, preload=[module_of(subject_name)]):
        name, ones = tried
        found[name] = ones
        finished(name)
    return [one for scenario in wanted for one in found[scenario.name]]


def _try(given: tuple[str, str, Settings], progress: Progress) -> tuple[str, list[Tried]]:
    subject_name, scenario_name, settings = given
    subject = load_subject(subject_name)
    scenario = subject.scenario(scenario_name)
    return scenario_name, try_mutants(subject, scenario, budget=settings.budget, seed=settings.seed)
