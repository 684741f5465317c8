"""Which runs of a subject come by which lines of its source, as it is.

A fault in a line makes no difference to a run that does not come by it, so it is sown only into
those that do. The same runs show that the subject passes as it is: else a catch would tell nothing.
"""

import ast
import builtins
import marshal
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tornwrite.faults.profiles import KILL, POSIX
from tornwrite.model.results import NO_CRASH
from tornwrite.scenarios.fault_lanes import Effort
from tornwrite.scenarios.lane_registry import FAULT_LANES
from tornwrite.scenarios.run import Outcome, Settings, run_scenario
from tornwrite.scenarios.sown_modules import modules_of, put_in_place
from tornwrite.scenarios.subject import Scenario, Subject
from tornwrite.scenarios.workers import Progress

CRASHES = "crashes"
"""The way that takes least time: power losses, and nothing else."""

MOST_THREADS = 4
"""Scenarios with more threads than that are left out: smaller ones show the same."""


@dataclass(frozen=True, slots=True)
class Run:
    """A scenario of a subject put through crashes or one fault lane, with nothing sown.

    way: which, as in `ways`. seconds: of computing that it took. lines: those of the source that it
    came by, by module. said: what is wrong with it; empty when it passes.
    """

    subject: str
    scenario: str
    way: str
    seconds: float
    lines: dict[str, list[int]]
    said: str = ""


def ways(lanes: Sequence[str]) -> dict[str, Settings]:
    """The ways in which a scenario is run, by name: crashes, then each of these fault lanes.

    All that the gate has but real kills, which show nothing that kills worked out do not; of the
    errors, every one.
    """
    plain = Settings((POSIX,), 50_000, 0, real_kills=False, kill_then_power=False)
    found = {
        CRASHES: plain,
        "kills": replace(plain, profiles=(KILL, POSIX), every_cut=False, kill_then_power=True),
    }
    for lane in FAULT_LANES:
        if lane.name in lanes:
            of_lane = replace(plain, profiles=(), lanes=(lane.name,))
            found[lane.name] = of_lane
            if lane.name == "errors":
                found["every error"] = replace(of_lane, effort=Effort.FULL)
    return found


def small_scenarios(subject: Subject) -> list[Scenario]:
    """Those that faults are sown into."""
    return [one for one in subject.scenarios if len(one.lanes) <= MOST_THREADS]


def run_in_each_way(
    given: tuple[str, tuple[str, ...], str, tuple[str, ...]], progress: Progress
) -> list[Run]:
    """The runs of a scenario, as it is. given: subject, its source, scenario, lanes.

    To be called in a process of its own: the source is put in place of itself, so that it tells.
    """
    subject_name, source, scenario_name, lanes = given
    seen = _tell_lines(source)
    from tornwrite.scenarios import sown_runs as anew  # and all that it imports
    from tornwrite.scenarios.subject import load_subject

    return anew.runs_of(load_subject(subject_name), scenario_name, lanes, seen, progress)


def runs_of(
    subject: Subject,
    scenario_name: str,
    lanes: Sequence[str],
    seen: dict[str, set[int]],
    progress: Progress,
) -> list[Run]:
    """The same, once the source tells its lines. seen: where to, by module."""
    scenario = subject.scenario(scenario_name)
    found = []
    for number, (way, settings) in enumerate(ways(lanes).items()):
        for lines in seen.values():
            lines.clear()
        started = time.process_time()
        outcome = run_scenario(subject, scenario, settings, lambda at, done: None)
        progress(way, number)
        if outcome.rows:  # else the lane has nothing to try there
            seconds = time.process_time() - started
            came_by = {module: sorted(lines) for module, lines in seen.items() if lines}
            found.append(Run(subject.name, scenario_name, way, seconds, came_by, _wrong(outcome)))
    return found


def _tell_lines(source: Sequence[str]) -> dict[str, set[int]]:
    """From now on, the lines of the functions in these modules that are executed, by module."""
    seen: dict[str, set[int]] = {}
    told = {}
    for module, file in modules_of(source):
        tree = _Telling().visit(ast.parse(file.read_text("utf-8")))
        code = compile(ast.fix_missing_locations(tree), str(file), "exec")
        seen[module] = set()
        told[module] = marshal.dumps(code)
    put_in_place(told)
    vars(builtins)[_NOTE] = {module: lines.add for module, lines in seen.items()}
    return seen


_NOTE = "_tornwrite_lines_come_by"


class _Telling(ast.NodeTransformer):
    """Has each statement in a function tell its line before it is executed."""

    def __init__(self) -> None:
        self._depth = 0

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self._depth += 1
        self.generic_visit(node)
        self._depth -= 1
        return node

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        if self._depth:
            for name, value in ast.iter_fields(node):
                if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                    told = (part for one in value for part in (_telling(one), one))
                    setattr(node, name, list(told))
        return node


def _telling(statement: ast.stmt) -> ast.stmt:
    note = ast.parse(f"{_NOTE}[__name__]({statement.lineno})").body[0]
    for node in ast.walk(note):
        ast.copy_location(node, statement)
    return note


def _wrong(outcome: Outcome) -> str:
    return next(iter(outcome.notes), "") or next(
        (found.replay or f"{outcome.scenario}, {NO_CRASH}" for found in outcome.findings), ""
    )
