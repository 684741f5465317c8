"""The known flaws, one by one: does the gate still find them, and how little does it take?"""

import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from tornwrite.faults.profiles import KILL, KNOWN, POSIX, Profile
from tornwrite.model.operation import canonical
from tornwrite.model.results import NO_CRASH, Finding, FlawRow
from tornwrite.scenarios.flaws.flaw import Flaw
from tornwrite.scenarios.run import Outcome, Settings, run_scenario
from tornwrite.scenarios.subject import Lane, Scenario, Subject, load_subject
from tornwrite.scenarios.workers import Progress, Task, each


def try_flaws(
    flaws: Sequence[Flaw],
    settings: Settings,
    jobs: int,
    *,
    finished: Callable[[str], None] = lambda flaw: None,
) -> list[FlawRow]:
    """Run what has to show each of the flaws, `jobs` at a time. In their order.

    Raises WrongUse for a subject or scenario that there is not, NoSpace when images have no room.
    """
    tasks = [
        Task(
            flaw.name,
            (flaw, settings),
            sum(
                len(canonical(one.arguments)) + 200
                for one in load_subject(flaw.subject).scenario(flaw.scenario).every_operation
            ),
        )
        for flaw in flaws
    ]
    modules = sorted({flaw.subject.partition(":")[0] for flaw in flaws})
    rows: dict[str, FlawRow] = {}
    for row in each(_try, tasks, jobs, preload=modules):
        rows[row.name] = row
        finished(row.name)
    return [rows[flaw.name] for flaw in flaws]


def _try(given: tuple[Flaw, Settings], progress: Progress) -> FlawRow:
    return try_flaw(*given, progress)


def try_flaw(flaw: Flaw, settings: Settings, progress: Progress) -> FlawRow:
    """Run one flaw's scenario, find it, and take away from the run what it can do without."""
    subject = load_subject(flaw.subject)
    scenario = subject.scenario(flaw.scenario)
    # Real kills add nothing here: they leave what the model says, or the gate says otherwise.
    settings = replace(settings, real_kills=False)
    outcome = run_scenario(subject, scenario, replace(settings, kill_then_power=False), progress)
    caught = _shown(flaw, outcome)
    if caught is None and settings.kill_then_power:
        # Last, for it judges under the weakest profile: what one crash shows is told by a stronger.
        outcome = run_scenario(subject, scenario, settings, progress)
        caught = _shown(flaw, outcome)
    row = FlawRow(
        name=flaw.name,
        subject=flaw.subject,
        stated=flaw.stated,
        what=flaw.what,
        caught=None,
        judged=sum(row.judged for row in outcome.rows),
        smallest=(),
        crash="",
        why="",
    )
    if caught is None:
        return replace(row, why="; ".join(outcome.notes) or _others(outcome))
    if flaw.without:
        other = load_subject(flaw.without)
        elsewhere = run_scenario(other, other.scenario(scenario.name), settings, progress)
        if _shown(flaw, elsewhere) is not None:
            return replace(row, why=f"{flaw.without}, which has no such flaw, shows it too")
    smallest, last = _smallest(flaw, subject, scenario, caught, settings, progress)
    return replace(row, caught=caught, smallest=tuple(_told(smallest)), crash=_crash(last))


def _shown(flaw: Flaw, outcome: Outcome) -> Finding | None:
    """The finding that shows the flaw under the strongest profile."""
    ranks = {NO_CRASH: -1} | {profile.name: rank for rank, profile in enumerate(KNOWN)}
    found = [one for one in outcome.findings if flaw.shown_by(one)]
    return min(found, key=lambda one: (ranks.get(one.profile, 99), _after_kill(one)), default=None)


def _after_kill(found: Finding) -> bool:
    return "--killed-after" in shlex.split(found.replay)


def _smallest(
    flaw: Flaw,
    subject: Subject,
    scenario: Scenario,
    found: Finding,
    settings: Settings,
    progress: Progress,
) -> tuple[Scenario, Finding]:
    """The scenario without the operations that it takes none of to show the flaw."""
    needed = replace(
        settings,
        profiles=_profiles(found),
        # What one crash shows, no other kind of crash is needed for.
        every_cut=found.cut is not None,
        kill_then_power=_after_kill(found),
    )
    names = set(subject.model.names(scenario.every_operation))
    smaller = True
    while smaller:
        smaller = False
        for candidate in _without_one(scenario):
            # A store that cannot list its sessions is asked for those that the run is about.
            if found.violation.about in names - set(subject.model.names(candidate.every_operation)):
                continue
            again = _shown(flaw, run_scenario(subject, candidate, needed, progress))
            if again is not None and again.profile == found.profile:
                scenario, found, smaller = candidate, again, True
                break
    return scenario, found


def _profiles(found: Finding) -> tuple[Profile, ...]:
    if _after_kill(found):
        return (KILL, POSIX)
    return tuple(profile for profile in KNOWN if profile.name == found.profile)


def _without_one(scenario: Scenario) -> Iterator[Scenario]:
    """The scenario with one operation less, the last ones first."""
    if scenario.after:
        yield replace(scenario, after=scenario.after[:-1])
    operations = scenario.operations
    for at in reversed(range(len(operations))):
        yield replace(scenario, operations=(*operations[:at], *operations[at + 1 :]))
    for number in reversed(range(len(scenario.lanes))):
        lane = scenario.lanes[number]
        for at in reversed(range(len(lane.operations))):
            less = Lane((*lane.operations[:at], *lane.operations[at + 1 :]), lane.process)
            lanes = (*scenario.lanes[:number], less, *scenario.lanes[number + 1 :])
            yield replace(scenario, lanes=lanes)


def _told(scenario: Scenario) -> Iterator[str]:
    if scenario.base:
        yield "on the disk before: " + ", ".join(path for path, _ in scenario.base)
    yield from map(str, scenario.operations)
    for number, lane in enumerate(scenario.lanes, start=1):
        who = "process" if lane.process else "thread"
        for operation in lane.operations:
            yield f"{who} {number}: {operation}"
    yield from (f"then {operation}" for operation in scenario.after)


def _crash(found: Finding) -> str:
    """Where the crash is, in a few words."""
    if found.profile == NO_CRASH:
        return NO_CRASH
    where = f"after {found.point} steps"
    if found.cut is not None:
        where = f"during step {found.point}, {found.cut} B written"
    kind = "the process is killed" if found.profile == KILL.name else "the power fails"
    if _after_kill(found):
        kind = "the process is killed, another goes on, the power fails"
    return f"{kind} {where}"


def _others(outcome: Outcome) -> str:
    told = [f"{one.violation.kind.value} ({one.violation.recovered})" for one in outcome.findings]
    return "found instead: " + ("; ".join(told) or "nothing")
