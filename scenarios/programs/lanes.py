"""Which faults a program can be put through, and which only what runs in the harness's own process.

A Python subject that is recorded under strace is recorded in-process as well. Where both recorders
saw the same steps nothing goes on behind the back of the one in-process: its lanes and its source
lines are used then, and all is as without strace.
"""

from dataclasses import replace

from tornwrite.faults.recorder import RecorderBlind, UnknownStep
from tornwrite.faults.trace import Stepped, Trace
from tornwrite.model.operation import canonical
from tornwrite.model.results import LeftOut
from tornwrite.scenarios.error_lane import NAME as ERRORS
from tornwrite.scenarios.fault_lanes import Effort
from tornwrite.scenarios.kills.lane import REAL_KILLS
from tornwrite.scenarios.kills.then_power import KILL_THEN_POWER
from tornwrite.scenarios.programs import errors
from tornwrite.scenarios.programs.driver import Opener
from tornwrite.scenarios.recording import HarnessBroken, NotMeasured, Recorded, record
from tornwrite.scenarios.recovery_crashes.lane import NAME as RECOVERY_CRASHES
from tornwrite.scenarios.subject import Scenario, Subject

UNDER_STRACE = frozenset({REAL_KILLS, RECOVERY_CRASHES, ERRORS})
"""The kinds of faults, by name, that a program can be put through."""

KILLS_CI = 12
"""So many real kills of a program a scenario, except at full effort."""

CUTS = "within a write, of a program"
"""What real kills of programs leave out."""


def recorded_by_both(subject: Subject, scenario: Scenario, root: str) -> tuple[Subject, Recorded]:
    """Record a scenario; the subject as its lanes are to take it, and the recording to judge.

    Raises as `record` does.
    """
    if subject.program is None or isinstance(subject.open, Opener):
        return subject, record(subject, scenario, root)
    inside = replace(subject, program=None)
    if scenario.lanes:
        # Turns are taken within one process: that is what the other recorder is for.
        return inside, record(inside, scenario, root)
    recorded = record(subject, scenario, root)
    try:
        own = record(inside, scenario, root)
    except (HarnessBroken, RecorderBlind, UnknownStep, NotMeasured):
        return subject, recorded
    if _seen(own) != _seen(recorded):
        return subject, recorded
    return inside, own


def _seen(recorded: Recorded) -> tuple[object, ...]:
    seen = recorded.seen
    observed = None if seen.observed is None else canonical(seen.observed)
    return _steps_and_ends(recorded.trace), observed, seen.error


def _steps_and_ends(trace: Trace) -> tuple[object, ...]:
    """The trace without lines of source, which strace does not see, and without results."""
    return tuple(
        (event.step, event.operation)
        if isinstance(event, Stepped)
        else (type(event), getattr(event, "number", None))
        for event in trace.events
    )


def is_left_out(subject: Subject, name: str) -> bool:
    """Whether faults of that kind are for subjects in this process only, and this one is not."""
    if subject.program is None or name in UNDER_STRACE:
        return False
    # Each of the many ways to go on is a process of its own: a Python interpreter takes too long.
    return name != KILL_THEN_POWER or not isinstance(subject.open, Opener)


def limits_of_lane(subject: Subject, name: str, effort: Effort) -> tuple[LeftOut, ...]:
    """What is not tried of such faults on a subject that is a program, for the report."""
    if subject.program is None or name != ERRORS:
        return ()
    return (LeftOut(name, errors.leaves_out(subject, effort)),)


def all_of(name: str) -> LeftOut:
    """That faults of that kind were left out, for the report."""
    return LeftOut(name, "all of it for what runs in a process of its own under strace", whole=True)
