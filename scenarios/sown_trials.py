"""Faults sown into a store's source, and whether the gate catches each of them.

Each fault is tried in a process of its own, into which the changed module is imported instead of
the real one. Scenarios that call the changed function come first, cheap checks before dear ones;
the first finding ends the trial.
"""

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import TYPE_CHECKING, Any

from tornwrite.model.results import SownRow
from tornwrite.scenarios.sowing import Sown, sow
from tornwrite.scenarios.subject import WrongUse
from tornwrite.scenarios.workers import Progress, Task, each

if TYPE_CHECKING:
    from tornwrite.scenarios.subject import Scenario, Subject

MOST_S = 60
"""How long one scenario may take with a fault sown, in seconds, before it is said to hang."""

MOST_LANES = 4
"""Scenarios with more threads than that are left out: smaller ones show the same."""


class _Hangs(BaseException):
    """No store catches it."""


def sown_faults(subject: "Subject") -> list[Sown]:
    """Every fault that can be sown into the subject's source, module by module."""
    return [
        one for name, file in _modules(subject.source) for one in sow(file.read_text("utf-8"), name)
    ]


def _modules(prefixes: Sequence[str]) -> Iterator[tuple[str, Path]]:
    for prefix in prefixes:
        spec, file = _found(prefix)
        yield prefix, file
        for folder in spec.submodule_search_locations or ():
            for file in sorted(Path(folder).glob("*.py")):
                if file.name != "__init__.py":
                    yield f"{prefix}.{file.stem}", file


def _found(module: str) -> tuple[importlib.machinery.ModuleSpec, Path]:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise WrongUse(f"there is no source of {module}, which the subject names as its own")
    return spec, Path(spec.origin)


def try_sown(
    subject_name: str,
    jobs: int,
    explained: dict[str, str],
    *,
    wanted: Callable[[Sown], bool] = lambda one: True,
    lanes: tuple[str, ...] | None = None,
    finished: Callable[[str], None] = lambda name: None,
) -> list[SownRow]:
    """Sow each fault into the subject's source and see whether the gate catches it.

    jobs: trials at a time. explained: why a fault cannot be caught, by its name. wanted: which of
    the faults to sow. lanes: the fault lanes that may catch them, beside crashes; None for all.
    finished: told each one that is done.
    Raises WrongUse when the subject is violated as it is, for then a catch would tell nothing; and
    what `tornwrite.scenarios.workers.each` raises.
    """
    from tornwrite.scenarios.lane_registry import FAULT_LANES
    from tornwrite.scenarios.subject import load_subject

    if lanes is None:
        lanes = tuple(lane.name for lane in FAULT_LANES)
    subject = load_subject(subject_name)
    _check_passes(subject, lanes, jobs)
    faults = [one for one in sown_faults(subject) if wanted(one)]
    called = _functions_called(subject)
    tasks = []
    for number, one in enumerate(faults):
        key = (one.module, one.function)
        first = tuple(name for name, functions in called.items() if key in functions)
        given = (number, subject_name, one.module, one.name, first, lanes)
        tasks.append(Task(one.name, given, len(first)))
    rows: dict[int, SownRow] = {}
    for number, caught, seconds in each(_try, tasks, jobs):
        one = faults[number]
        why = explained.get(one.name, "")
        rows[number] = SownRow(one.name, one.line, one.kind, one.after, caught, why, seconds)
        finished(one.name)
    return [rows[number] for number in sorted(rows)]


def _check_passes(subject: "Subject", lanes: tuple[str, ...], jobs: int) -> None:
    from tornwrite.scenarios.gate import run_gate

    names = [one.name for one in subject.scenarios if len(one.lanes) <= MOST_LANES]
    result = run_gate(subject.name, names, _settings(lanes)[-1], jobs)
    if result.findings or result.notes:
        first = result.notes[0] if result.notes else result.findings[0].replay
        raise WrongUse(
            f"{subject.name} does not pass as it is, so a fault sown into it would show nothing: "
            f"{first}"
        )


def _settings(lanes: tuple[str, ...]) -> tuple[Any, Any]:
    """How scenarios are run: cheaply first, then with all that the gate has but real kills."""
    from tornwrite.faults.profiles import KILL, POSIX
    from tornwrite.scenarios.run import Settings

    plain = Settings((POSIX,), 50_000, 0, real_kills=False, kill_then_power=False)
    whole = replace(plain, profiles=(KILL, POSIX), every_cut=False, kill_then_power=True)
    return plain, replace(whole, lanes=lanes)


def _functions_called(subject: "Subject") -> dict[str, set[tuple[str, str]]]:
    """For each scenario, the cheapest first, the functions of the source that its plain run calls.

    Those of the stores' own threads count too: turns are taken, one thread runs at a time.
    """
    from tornwrite.scenarios.recording import record
    from tornwrite.scenarios.recovery import workplace

    modules = {str(file): name for name, file in _modules(subject.source)}
    found: dict[str, set[tuple[str, str]]] = {}
    for scenario in sorted(subject.scenarios, key=lambda one: len(one.every_operation)):
        if len(scenario.lanes) > MOST_LANES:
            continue
        codes: set[CodeType] = set()
        with workplace() as (live, _), _noting_calls(codes):
            record(subject, scenario, live)
        found[scenario.name] = {
            (modules[code.co_filename], code.co_qualname.replace(".<locals>", ""))
            for code in codes
            if code.co_filename in modules
        }
    return found


@contextmanager
def _noting_calls(codes: set[CodeType]) -> Iterator[None]:
    import threading

    def note(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            codes.add(frame.f_code)

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


def _try(
    given: tuple[int, str, str, str, tuple[str, ...], tuple[str, ...]], progress: Progress
) -> tuple[int, str, float]:
    number, subject_name, module, name, first, lanes = given
    started = time.perf_counter()
    _put_in_place(module, name)
    return number, _caught_by(subject_name, first, lanes), time.perf_counter() - started


def _put_in_place(module: str, name: str) -> None:
    """Have the module with that fault imported instead of the real one, in this process."""
    spec, file = _found(module)
    fault = next(one for one in sow(file.read_text("utf-8"), module) if one.name == name)
    sys.meta_path.insert(0, _Changed(fault, spec))
    for loaded in list(sys.modules):
        if loaded.partition(".")[0] == "tornwrite" and loaded not in _STAYS:
            del sys.modules[loaded]


_STAYS = ("tornwrite", __name__)


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds one module, changed."""

    def __init__(self, fault: Sown, real: importlib.machinery.ModuleSpec) -> None:
        self._fault = fault
        self._real = real

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != self._fault.module:
            return None
        locations = self._real.submodule_search_locations
        spec = importlib.machinery.ModuleSpec(
            name, self, origin=self._real.origin, is_package=locations is not None
        )
        spec.submodule_search_locations = locations
        spec.has_location = True
        return spec

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self._fault.tree, str(self._real.origin), "exec"), module.__dict__)


def _caught_by(subject_name: str, first: tuple[str, ...], lanes: tuple[str, ...]) -> str:
    """What finds something, in a few words; nothing when nothing does.

    first: the scenarios that call the changed function. Where none does without a fault, others do
    with one.
    """
    from tornwrite.scenarios.subject import load_subject

    try:
        subject = load_subject(subject_name)
        scenarios = sorted(subject.scenarios, key=lambda one: len(one.every_operation))
    except Exception as error:
        return f"import: {type(error).__name__}"
    small = [one for one in scenarios if len(one.lanes) <= MOST_LANES]
    chosen = [one for one in small if one.name in first] or small
    broken = ""
    for settings in _settings(lanes):
        for scenario in chosen:
            said, is_broken = _of_scenario(subject, scenario, settings)
            if said and not is_broken:
                return said
            broken = broken or said
    return broken


def _of_scenario(subject: "Subject", scenario: "Scenario", settings: Any) -> tuple[str, bool]:
    """What the scenario says, and whether that is only that the harness broke."""
    from tornwrite.scenarios.run import run_scenario

    signal.signal(signal.SIGALRM, _too_long)
    signal.setitimer(signal.ITIMER_REAL, MOST_S)
    try:
        outcome = run_scenario(subject, scenario, settings, lambda at, done: None)
    except _Hangs:
        return f"{scenario.name}: hangs", False
    except Exception as error:
        return f"{scenario.name}: {type(error).__name__}: {error}", True
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    for found in outcome.findings:
        return f"{scenario.name}: {found.profile}: {found.violation.kind.value}", False
    return (f"{scenario.name}: {outcome.notes[0]}", True) if outcome.notes else ("", False)


def _too_long(number: int, frame: FrameType | None) -> None:
    raise _Hangs
