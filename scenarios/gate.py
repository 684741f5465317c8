"""The gate: every scenario of a subject under every profile, and one verdict on it all."""

import time
from collections.abc import Callable, Iterator, Sequence

from tornwrite.faults.profiles import KILL
from tornwrite.model.operation import canonical
from tornwrite.model.results import GateResult, LeftOut, of_rows
from tornwrite.scenarios.findings import merged
from tornwrite.scenarios.kills.lane import REAL_KILLS
from tornwrite.scenarios.kills.then_power import KILL_THEN_POWER
from tornwrite.scenarios.lane_registry import lanes_named
from tornwrite.scenarios.programs.lanes import is_left_out, limits_of_lane
from tornwrite.scenarios.rows import CHOSEN_CUTS
from tornwrite.scenarios.run import Outcome, Settings, run_scenario
from tornwrite.scenarios.run_file import RunFile, source_digest
from tornwrite.scenarios.subject import Scenario, Subject, WrongUse, load_subject, module_of
from tornwrite.scenarios.workers import Progress, Task, each


def run_gate(
    subject_name: str,
    scenario_names: Sequence[str],
    settings: Settings,
    jobs: int,
    *,
    report: Callable[[str, str, int], None] = lambda scenario, profile, judged: None,
    finished: Callable[[str], None] = lambda scenario: None,
    kept: RunFile | None = None,
) -> GateResult:
    """Run the scenarios, `jobs` at a time, and say what came of them.

    scenario_names: all of the subject's when empty. report: told a scenario, a profile and how many
    images were judged there so far. finished: told each scenario that is done. kept: what an
    earlier run of the same finished is not run again; what this one finishes is added.
    Raises WrongUse for a subject or scenario that there is not, NoSpace when images have no room.
    When it is left by an exception, KeyboardInterrupt included, no process of it goes on.
    """
    started = time.perf_counter()
    subject = load_subject(subject_name)
    wanted = wanted_scenarios(subject, scenario_names)
    outcomes: dict[str, Outcome] = {}
    source = source_digest(subject) if kept is not None else ""
    for scenario in wanted:
        known = kept.outcome(subject_name, scenario.name, source) if kept is not None else None
        if known is not None:
            outcomes[scenario.name] = known
            finished(scenario.name)
    left = [scenario for scenario in wanted if scenario.name not in outcomes]
    tasks = scenario_tasks(subject, left, settings)
    for outcome in each(_run, tasks, jobs, preload=[module_of(subject_name)], report=report):
        if kept is not None:
            kept.add(subject_name, source, outcome)
        outcomes[outcome.scenario] = outcome
        finished(outcome.scenario)
    ordered = [outcomes[scenario.name] for scenario in wanted]
    rows = tuple(row for outcome in ordered for row in outcome.rows)
    notes = tuple(_notes(ordered))
    return GateResult(
        subject=subject_name,
        weakened=subject.weakened,
        seed=settings.seed,
        budget=settings.budget,
        verdict=of_rows([row.verdict for row in rows], notes),
        rows=rows,
        findings=tuple(merged(found for outcome in ordered for found in outcome.findings)),
        notes=notes,
        seconds=time.perf_counter() - started,
        effort=settings.effort.value,
        left_out=(*_left_out(subject, settings), *_left_out_of(ordered)),
    )


def _notes(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """What the scenarios say, each thing once, with those that say it."""
    said: dict[str, dict[str, None]] = {}
    for outcome in outcomes:
        for note in outcome.notes:
            said.setdefault(note.removeprefix(f"{outcome.scenario}: "), {})[outcome.scenario] = None
    for note, scenarios in said.items():
        every = len(scenarios) == len(outcomes) > 1
        yield f"{f'all {len(scenarios)} scenarios' if every else ', '.join(scenarios)}: {note}"


def _left_out(subject: Subject, settings: Settings) -> tuple[LeftOut, ...]:
    said = [] if settings.real_kills else [LeftOut(REAL_KILLS, "all of them", whole=True)]
    said += [] if settings.every_cut else [LeftOut(KILL.name, CHOSEN_CUTS)]
    said += [] if settings.kill_then_power else [LeftOut(KILL_THEN_POWER, "all of it", whole=True)]
    for lane in lanes_named(settings.lanes):
        # What is left out altogether is said by the scenarios.
        elsewhere = is_left_out(subject, lane.name) or limits_of_lane(
            subject, lane.name, settings.effort
        )
        left_out = "" if elsewhere else lane.leaves_out(settings.effort)
        said += [LeftOut(lane.name, left_out)] if left_out else []
    return tuple(said)


def _left_out_of(outcomes: Sequence[Outcome]) -> Iterator[LeftOut]:
    """What was left out for want of a way to try it on the subject."""
    yield from dict.fromkeys(said for outcome in outcomes for said in outcome.left_out)


def wanted_scenarios(subject: Subject, names: Sequence[str]) -> list[Scenario]:
    """The scenarios of those names, all when none is named. Raises WrongUse if there is none."""
    wanted = [subject.scenario(name) for name in dict.fromkeys(names)] or list(subject.scenarios)
    if not wanted:
        raise WrongUse(f"{subject.name} has no scenarios; there is nothing to judge")
    return wanted


def scenario_tasks(
    subject: Subject, scenarios: Sequence[Scenario], settings: Settings
) -> list[Task[tuple[str, str, Settings]]]:
    """A task for each scenario; what it takes goes with the bytes that are written."""
    return [
        Task(
            scenario.name,
            (subject.name, scenario.name, settings),
            sum(len(canonical(op.arguments)) + 200 for op in scenario.every_operation),
        )
        for scenario in scenarios
    ]


def _run(given: tuple[str, str, Settings], progress: Progress) -> Outcome:
    subject_name, scenario_name, settings = given
    subject = load_subject(subject_name)
    return run_scenario(subject, subject.scenario(scenario_name), settings, progress)
