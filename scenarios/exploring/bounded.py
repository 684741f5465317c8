"""Every workload up to a length: all sequences of a subject's operations, each at every crash.

Sequences of one length are run after those that are shorter, for these are what they begin with.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from tornwrite.model.alphabets import Alphabet, count, sequences
from tornwrite.model.results import NO_CRASH, Exploration, Finding
from tornwrite.model.verdict import Verdict
from tornwrite.scenarios.exploring.explorer import Bounds, Explored, Explorer
from tornwrite.scenarios.exploring.sequences import alphabet_of
from tornwrite.scenarios.findings import merged
from tornwrite.scenarios.recovery import workplace
from tornwrite.scenarios.subject import Subject, load_subject, module_of
from tornwrite.scenarios.workers import Progress, Task, each
from tornwrite.scenarios.world.states import AT_EACH_BYTE

CHUNK = 48
"""Sequences that one process runs: those that begin alike share most of their images."""


@dataclass(frozen=True, slots=True)
class _Chunk:
    """The sequences of one length from the so-many-th on."""

    subject: str
    length: int
    first: int
    bounds: Bounds


def explore(
    subject_names: Sequence[str],
    bounds: Bounds,
    jobs: int,
    *,
    report: Callable[[str, str, int], None] = lambda subject, at, done: None,
) -> list[Exploration]:
    """Run every sequence of each subject's alphabet and say what came of them.

    subject_names: each `package.module:object`. jobs: processes at a time. report: told what is
    going on. Raises WrongUse for a subject that cannot be had or declares no alphabet,
    HarnessBroken for one that does not do the same each time. However it is left, no process of it
    goes on.
    """
    subjects = {name: load_subject(name) for name in subject_names}
    chunks = [
        _Chunk(name, length, first, bounds)
        for name, subject in subjects.items()
        for length in range(1, bounds.longest + 1)
        for first in range(0, _number(alphabet_of(subject), length), CHUNK)
    ]
    found = {name: Explored() for name in subjects}
    seconds = dict.fromkeys(subjects, 0.0)
    # The heaviest is the first to be begun, and short sequences are to come before long ones.
    tasks = [Task(one.subject, one, bounds.longest - one.length) for one in reversed(chunks)]
    modules = list(dict.fromkeys(module_of(name) for name in subjects))
    for name, explored, took in each(_work, tasks, jobs, preload=modules, report=report):
        found[name].add(explored)
        seconds[name] += took
    return [
        _result(subjects[name], bounds, explored, seconds[name]) for name, explored in found.items()
    ]


def _number(alphabet: Alphabet, length: int) -> int:
    return count(alphabet, length).distinct - count(alphabet, length - 1).distinct


def _work(chunk: _Chunk, progress: Progress) -> tuple[str, Explored, float]:
    started = time.perf_counter()
    subject = load_subject(chunk.subject)
    every = sequences(alphabet_of(subject), chunk.length)
    with workplace() as live:
        explorer = Explorer(subject, live, chunk.bounds)
        for at, operations in enumerate(islice(every, chunk.first, chunk.first + CHUNK)):
            if time.time() >= chunk.bounds.until:
                explorer.explored.stopped = "the time was over"
                break
            progress(f"{chunk.length} operations, sequence", chunk.first + at)
            explorer.run(operations)
    explored = explorer.explored
    explored.findings = merged_by_cause(explored.findings)
    return chunk.subject, explored, time.perf_counter() - started


def merged_by_cause(findings: Sequence[Finding]) -> list[Finding]:
    """One finding for what has one cause, at the shortest sequence that shows it."""
    ordered = sorted(findings, key=lambda one: (one.scenario.count(";"), one.scenario))
    crashes = merged(one for one in ordered if one.profile != NO_CRASH)
    without: dict[tuple[str, str], Finding] = {}
    for one in ordered:
        if one.profile == NO_CRASH:
            key = (one.violation.kind.name, one.violation.promise.name)
            first = without.setdefault(key, one)
            if one is not first:
                also = dict.fromkeys((*first.also_in, one.scenario, *one.also_in))
                without[key] = replace(first, also_in=tuple(also))
    return [*without.values(), *crashes]


def _result(subject: Subject, bounds: Bounds, explored: Explored, seconds: float) -> Exploration:
    counted = count(alphabet_of(subject), bounds.longest)
    findings = tuple(merged_by_cause(explored.findings))
    stopped = [explored.stopped] if explored.stopped else []
    notes = []
    for limit, number in explored.limits.items():
        if limit.endswith(AT_EACH_BYTE):
            notes.append(
                f"a kill cuts writes of more than {bounds.every_byte} bytes at chosen bytes, not "
                "at each"
            )
        else:
            stopped.append(f"{limit} in {number:,} sequences")
    verdict = Verdict.NOT_MEASURED if stopped else Verdict.PASSED
    return Exploration(
        subject=subject.name,
        bound=bounds.longest,
        profiles=tuple(profile.name for profile in bounds.profiles),
        possible=counted.distinct,
        renamed=counted.renamed,
        run=explored.run,
        judged=explored.judged,
        recovered=explored.recovered,
        findings=findings,
        verdict=Verdict.VIOLATED if findings else verdict,
        complete=not stopped,
        stopped="; ".join(stopped),
        notes=tuple(notes),
        seconds=seconds,
    )
