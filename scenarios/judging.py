"""From a trace to violations: crash states, images, recoveries, judgement."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tornwrite.faults.images import Image
from tornwrite.faults.profiles import Profile
from tornwrite.faults.states import Coverage, CrashState, CrashStates, at_every_byte
from tornwrite.faults.trace import Began, Failed, Trace
from tornwrite.model import promises
from tornwrite.model.judge import Assessed, Permitted, assess, judge
from tornwrite.model.linearise import Answers, Linearisation
from tornwrite.model.operation import Observation, Operation, canonical
from tornwrite.model.verdict import Kind, Violation
from tornwrite.scenarios.chosen_cuts import first_of_each_line
from tornwrite.scenarios.findings import Collected
from tornwrite.scenarios.permitted import calls_of
from tornwrite.scenarios.promised import under
from tornwrite.scenarios.recording import Recorded
from tornwrite.scenarios.recovery import Bench
from tornwrite.scenarios.subject import Scenario, Subject


@dataclass(slots=True)
class ProfileRun:
    """A trace judged under one profile."""

    profile: Profile
    coverage: Coverage
    seconds: float
    violations: int = 0


class Assessor:
    """Recovers each distinct image once, whoever asks, and remembers what was seen."""

    def __init__(self, subject: Subject, bench: Bench, names: tuple[str, ...]) -> None:
        self._subject = subject
        self._bench = bench
        self._names = names
        self._known: dict[Image, Assessed] = {}
        self._by_one_kept: set[Image] = set()

    def __call__(self, image: Image) -> Assessed:
        assessed = self._known.get(image)
        if assessed is None:
            recovery = self._bench.recover(image, self._names)
            assessed = self._known[image] = assess(self._subject.model, recovery)
            if self._bench.may_mislead:
                self._by_one_kept.add(image)
        return assessed

    def confirmed(self, image: Image) -> Assessed:
        """The same by a process that has opened nothing before, if it was not so already.

        Raises HarnessBroken as `Bench.recover` does.
        """
        if image in self._by_one_kept:
            self._by_one_kept.discard(image)
            recovery = self._bench.recover_anew(image, self._names)
            self._known[image] = assess(self._subject.model, recovery)
        return self(image)


class Assessors:
    """An assessor for each set of names that workloads were about."""

    def __init__(self, subject: Subject, bench: Bench) -> None:
        self._subject = subject
        self._bench = bench
        self._known: dict[tuple[str, ...], Assessor] = {}

    def of(self, names: tuple[str, ...]) -> Assessor:
        """The assessor of those names, the same one each time."""
        known = self._known.get(names)
        if known is None:
            known = self._known[names] = Assessor(self._subject, self._bench, names)
        return known


def live_violations(
    subject: Subject, scenario: Scenario, recorded: Recorded, permitted: Permitted[Any]
) -> list[Violation]:
    """What is wrong although nothing went wrong: failed operations, a wrong content."""
    found: list[Violation] = []
    names = {
        event.number: Operation(event.name, event.arguments)
        for event in recorded.trace.events
        if isinstance(event, Began)
    }
    for event in recorded.trace.events:
        if isinstance(event, Failed):
            found.append(
                Violation(
                    Kind.UNREADABLE,
                    promises.DURABLE,
                    next(iter(subject.model.names([names[event.number]])), "the store"),
                    f"{names[event.number]} works: nothing was wrong with the disk",
                    event.error,
                )
            )
    observed = recorded.seen.observed
    if observed is None:
        found.append(
            subject.model.explain({"error": recorded.seen.error}, permitted.states, (), ())
        )
    elif not permitted.permits(canonical(subject.model.normalised(observed))):
        found.append(subject.model.explain(observed, permitted.states, permitted.past, ()))
    elif not _answers_fit(subject, scenario, recorded.trace, observed):
        found.append(
            Violation(
                Kind.REORDERED,
                promises.SHARED,
                "the store",
                "what the calls returned is explained by some order of them",
                "no order in which each took effect between its beginning and its end explains "
                "both what they returned and what is there at the end",
            )
        )
    return found


def _answers_fit(subject: Subject, scenario: Scenario, trace: Trace, observed: Observation) -> bool:
    model = subject.model
    if not isinstance(model, Answers):
        return True
    run = Linearisation(model, model.state_of(scenario.start), calls_of(trace.events))
    return run.explains(model.normalised(observed))


def judge_trace(
    subject: Subject,
    trace: Trace,
    permitted: Mapping[int, Permitted[Any]],
    profiles: Sequence[Profile],
    assessor: Assessor,
    collected: Collected,
    *,
    budget: int,
    seed: int,
    progress: Callable[[str, int], None] = lambda profile, judged: None,
    enough: int | None = None,
    every_cut: bool = True,
) -> list[ProfileRun]:
    """Judge every crash state of the trace under each profile, the strongest first.

    collected: where what is wrong goes. enough: stop after so many violations; None goes through
    all. every_cut: a kill cuts each write at every byte, not only the first of each source line.
    """
    cut_at = at_every_byte if every_cut else first_of_each_line(trace)
    runs: list[ProfileRun] = []
    for profile in profiles:
        started = time.perf_counter()
        states = CrashStates(trace, profile, budget=budget, seed=seed, cut_at=cut_at)
        run = ProfileRun(profile, states.coverage, 0.0)
        runs.append(run)
        for number, state in enumerate(states):
            run.violations += _judge_state(
                subject, state, permitted[state.epoch], profile, assessor, collected
            )
            if number % 64 == 0:
                progress(profile.name, number)
            if enough is not None and run.violations >= enough:
                break
        run.coverage = states.coverage
        run.seconds = time.perf_counter() - started
    return runs


def _judge_state(
    subject: Subject,
    state: CrashState,
    permitted: Permitted[Any],
    profile: Profile,
    assessor: Assessor,
    collected: Collected,
) -> int:
    promised = under(permitted, profile)
    violations = judge(subject.model, promised, assessor(state.image))
    if not all(collected.knows(violation, state) for violation in violations):
        violations = judge(subject.model, promised, assessor.confirmed(state.image))
    for violation in violations:
        collected.add(violation, profile, state)
    return len(violations)
