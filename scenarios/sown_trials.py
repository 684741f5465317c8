"""Faults sown into a store's source, and whether the gate catches each of them.

Each fault is tried in a process of its own, into which the changed module is imported instead of
the real one. Only runs that come by the changed lines are tried, those that take least time first;
the first finding ends the trial.
"""

import itertools
import marshal
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from tornwrite.model.results import SownRow
from tornwrite.scenarios.gate import scenario_tasks
from tornwrite.scenarios.lane_registry import FAULT_LANES
from tornwrite.scenarios.run import Settings
from tornwrite.scenarios.sowing import Sown, sow
from tornwrite.scenarios.sown_modules import modules_of, put_in_place
from tornwrite.scenarios.sown_runs import CRASHES, Run, run_in_each_way, small_scenarios
from tornwrite.scenarios.subject import Subject, WrongUse, load_subject
from tornwrite.scenarios.workers import Progress, Task, each

if TYPE_CHECKING:
    from tornwrite.scenarios.sown_file import SownFile

FIRST = 4
"""Scenarios of a subject put through each fault lane with one fault before all the others are.

Those that come by most of the changed function."""

MORE = {CRASHES: 10, "damage": 4, "interleavings": 4}
"""So many times as many are put through these, which take little time or differ most."""

LONGEST_FIRST = ("damage", "interleavings")
"""The lanes in which some scenarios try much less than others."""

TIMES, MORE_S = 10, 5
"""A run hangs that computes for so many times as long as without the fault took, and so many
seconds more."""

WAITS_S = 60
"""So much longer it may wait for others, in seconds, before it hangs for that."""

MOST_BROKEN = 4
"""Runs that only break with a fault, before it counts as caught by that: the gate does not pass."""


@dataclass(frozen=True, slots=True)
class Came:
    """What came of a fault: what caught it, after how long, and how many runs come by its line."""

    caught: str
    seconds: float
    runs: int


class _Hangs(BaseException):
    """No store catches it."""


def sown_faults(subjects: Sequence[Subject]) -> list[Sown]:
    """Every fault that can be sown into the subjects' sources, module by module."""
    return [
        one
        for name, file in _modules(subjects).items()
        for one in sow(file.read_text("utf-8"), name)
    ]


def _modules(subjects: Sequence[Subject]) -> dict[str, Path]:
    return dict(found for subject in subjects for found in modules_of(subject.source))


@dataclass(frozen=True, slots=True)
class _Trial:
    """One fault and the runs that come by it.

    module, code: the changed module's name, and the module compiled. runs: subject, scenario, way,
    and how many seconds it may take, in the order in which they are tried.
    """

    number: int
    module: str
    code: bytes
    lanes: tuple[str, ...]
    runs: tuple[tuple[str, str, str, float], ...]


def try_sown(
    subject_names: Sequence[str],
    jobs: int,
    why_missed: Callable[[str], str],
    *,
    wanted: Callable[[Sown], bool] = lambda one: True,
    most: int | None = None,
    lanes: tuple[str, ...] | None = None,
    told: Callable[[SownRow], None] = lambda row: None,
    report: Callable[[str, str, int], None] = lambda task, at, done: None,
    kept: "SownFile | None" = None,
) -> list[SownRow]:
    """Sow each fault into the subjects' sources and see whether the gate catches it.

    subject_names: what several have in common is sown once, and any of them may catch it. jobs:
    trials at a time. why_missed: why a fault of that name cannot be caught, empty if nobody knows;
    with those, less is tried. wanted: which of the faults to sow. most: scenarios of each subject
    that are put through each lane with one fault; None for all, as long as none catches it. A limit
    can only let fewer faults be caught. lanes: the fault lanes that may catch them, beside
    crashes; None for all. told: each row as it comes. report: told how far the runs without faults
    are. kept: what an earlier run found is not tried again; what this one finds is added.
    Raises WrongUse when a subject is violated as it is, for then a catch would tell nothing; and
    what `tornwrite.scenarios.workers.each` raises.
    """
    if lanes is None:
        lanes = tuple(lane.name for lane in FAULT_LANES)
    subjects = [load_subject(name) for name in subject_names]
    runs = _runs_as_they_are(subjects, lanes, jobs, report, kept)
    faults = [one for one in sown_faults(subjects) if wanted(one)]
    rows: dict[int, SownRow] = {}

    def add(number: int, came: Came) -> None:
        one = faults[number]
        why = why_missed(one.name)
        rows[number] = SownRow(
            one.name, one.line, one.kind, one.after, came.caught, why, came.seconds, came.runs
        )
        told(rows[number])

    tasks = []
    come_by: dict[int, int] = {}
    files = _modules(subjects)
    for number, one in enumerate(faults):
        mine = 1 if why_missed(one.name) else most
        known = kept.known(one.name, mine) if kept is not None else None
        if known is not None:
            add(number, known)
            continue
        by = _that_come_by(one, runs)
        if not by:
            add(number, Came("", 0.0, 0))
            continue
        come_by[number] = len(by)
        trial = _trial(number, one, files[one.module], _in_turn(one, by, mine), lanes)
        # Least is expected of those of which it is known why: they come last.
        tasks.append(Task(one.name, trial, 0 if why_missed(one.name) else len(trial.runs)))
    for number, caught, seconds in each(_try, tasks, jobs):
        one = faults[number]
        came = Came(caught, seconds, come_by[number])
        if kept is not None:
            kept.add(one.name, 1 if why_missed(one.name) else most, came)
        add(number, came)
    return [rows[number] for number in sorted(rows)]


def _trial(
    number: int, one: Sown, file: Path, runs: Sequence[Run], lanes: tuple[str, ...]
) -> _Trial:
    code = marshal.dumps(compile(one.tree, str(file), "exec"))
    chosen = tuple(
        (run.subject, run.scenario, run.way, TIMES * run.seconds + MORE_S) for run in runs
    )
    return _Trial(number, one.module, code, lanes, chosen)


def _runs_as_they_are(
    subjects: Sequence[Subject],
    lanes: tuple[str, ...],
    jobs: int,
    report: Callable[[str, str, int], None],
    kept: "SownFile | None",
) -> list[Run]:
    found: list[Run] = []
    for subject in subjects:
        runs = kept.runs.get(subject.name) if kept is not None else None
        if runs is None:
            runs = list(_runs_of(subject, lanes, jobs, report))
            if kept is not None:
                kept.keep_runs(subject.name, runs)
        found += runs
    return sorted(found, key=lambda run: run.seconds)


def _runs_of(
    subject: Subject, lanes: tuple[str, ...], jobs: int, report: Callable[[str, str, int], None]
) -> Iterator[Run]:
    tasks = [
        Task(one.name, (subject.name, subject.source, one.name, lanes), one.weight)
        for one in scenario_tasks(subject, small_scenarios(subject), Settings((), 0, 0))
    ]
    for runs in each(run_in_each_way, tasks, jobs, report=report):
        for run in runs:
            if run.said:
                raise WrongUse(
                    f"{subject.name} does not pass as it is, so a fault sown into it would show "
                    f"nothing: {run.said}"
                )
        yield from runs


def _that_come_by(fault: Sown, runs: Sequence[Run]) -> list[Run]:
    lines = range(fault.line, fault.last_line + 1)
    return [run for run in runs if any(line in lines for line in run.lines.get(fault.module, ()))]


def _in_turn(fault: Sown, runs: Sequence[Run], most: int | None) -> list[Run]:
    """In the order in which they are tried: the likeliest to show the fault, then the others."""
    if most is not None:
        return _few_of_each_way(fault, runs, most)
    few = _few_of_each_way(fault, runs, FIRST)
    likely = {(run.subject, run.scenario, run.way) for run in few}
    others = [run for run in runs if (run.subject, run.scenario, run.way) not in likely]
    return few + sorted(others, key=lambda run: run.seconds)


def _few_of_each_way(fault: Sown, runs: Sequence[Run], most: int) -> list[Run]:
    """Those that come by most of the function, its handlers of errors for example.

    And then by turns the shortest and those that come by most of all the source, which do more
    before and after; or the longest where a scenario leaves out what earlier ones have tried.
    """
    first, last = fault.around

    def come_by(run: Run) -> int:
        return sum(first <= line <= last for line in run.lines[fault.module])

    def short(run: Run) -> tuple[int, float]:
        return -come_by(run), -run.seconds if run.way in LONGEST_FIRST else run.seconds

    def rich(run: Run) -> tuple[int, int]:
        return -come_by(run), -sum(map(len, run.lines.values()))

    of_each: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        of_each.setdefault((run.subject, run.way), []).append(run)
    found = []
    for (_, way), alike in of_each.items():
        other = short if way in LONGEST_FIRST else rich
        turns = zip(sorted(alike, key=short), sorted(alike, key=other), strict=True)
        by_turns = {run.scenario: run for run in itertools.chain.from_iterable(turns)}
        found += list(by_turns.values())[: most * MORE.get(way, 1)]
    return sorted(found, key=lambda run: run.seconds)


def _try(given: _Trial, progress: Progress) -> tuple[int, str, float]:
    started = time.perf_counter()
    put_in_place({given.module: given.code})
    return given.number, _caught_by(given), time.perf_counter() - started


def _caught_by(given: _Trial) -> str:
    """What finds something, in a few words; nothing when nothing does."""
    # As they are imported anew, with the changed module.
    from tornwrite.scenarios.sown_runs import ways
    from tornwrite.scenarios.subject import load_subject

    settings = ways(given.lanes)
    broken = []
    for name, scenario, way, seconds in given.runs:
        try:
            subject = load_subject(name)
        except Exception as error:
            return f"import: {type(error).__name__}"
        said, is_broken = _of_run(subject, scenario, way, settings[way], seconds)
        if said and not is_broken:
            return said
        broken += [said] if said else []
        if len(broken) == MOST_BROKEN:
            break
    return broken[0] if broken else ""


def _of_run(
    subject: Subject, name: str, way: str, settings: Settings, seconds: float
) -> tuple[str, bool]:
    """What the run says, and whether that is only that the harness broke."""
    from tornwrite.scenarios.run import run_scenario

    at = f"{subject.name.rpartition(':')[2]}, {name}"
    _set_limit(seconds)
    try:
        outcome = run_scenario(subject, subject.scenario(name), settings, lambda at, done: None)
    except _Hangs:
        _end_soon()
        return f"{at}, {way}: hangs", False
    except Exception as error:
        return f"{at}: {type(error).__name__}: {error}", True
    finally:
        _set_limit(0)
    for found in outcome.findings:
        return f"{at}, {way}: {found.violation.kind.value}", False
    return (f"{at}: {outcome.notes[0]}", True) if outcome.notes else ("", False)


def _set_limit(seconds: float) -> None:
    """Of this process, counted in what it computes: how busy the machine is is none of its faults.

    It may also do nothing for ever. 0: none.
    """
    for timer, sent, limit in (
        (signal.ITIMER_PROF, signal.SIGPROF, seconds),
        (signal.ITIMER_REAL, signal.SIGALRM, seconds + WAITS_S),
    ):
        signal.signal(sent, _too_long)
        signal.setitimer(timer, limit if seconds else 0)


def _too_long(number: int, frame: FrameType | None) -> None:
    raise _Hangs


def _end_soon() -> None:
    """What hangs may hold locks that the end of this process waits for."""
    end = threading.Timer(2, os._exit, (0,))
    end.daemon = True
    end.start()
