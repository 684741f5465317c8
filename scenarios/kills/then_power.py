"""The lane of a kill and then a power loss: what a killed process had not synced is lost later.

A kill leaves all that was done in the page cache, synced or not, and another process goes on from
there. What it finds it may take for durable, and build acknowledged changes on it; then the power
fails. Neither a kill alone nor a power loss alone shows a store that is wrong about this: that has,
say, whoever makes a file sync the directory, and nobody else.

The scenario is killed after each step that has an effect and is inside an operation. A kill after
a barrier or a close would show nothing more: the same is visible, and no more is in doubt. From
each kill the model says how a new process may go on (`GoesOn`), or it does again what was cut off;
each way is recorded on what the kill left and joined to the trace. What a power loss could leave
from then on is judged under POSIX, whose states are those of all other profiles and more.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from tornwrite.faults.effects import Inode, NameEffect, PageEffect, SizeEffect
from tornwrite.faults.epochs import epochs
from tornwrite.faults.explain import Reached
from tornwrite.faults.images import EMPTY, Image, clear, materialise
from tornwrite.faults.interpreter import Interpreter
from tornwrite.faults.profiles import KILL, POSIX
from tornwrite.faults.recorder import Recorder
from tornwrite.faults.states import CrashState, CrashStates
from tornwrite.faults.trace import Acknowledged, Began, Event, Failed, Restarted, Stepped, Trace
from tornwrite.model import promises
from tornwrite.model.judge import continuations, judge
from tornwrite.model.operation import Observation, Operation
from tornwrite.model.results import Finding
from tornwrite.model.verdict import Kind, Violation
from tornwrite.scenarios.continuation import boundaries, closings, numbers_after, renumbered
from tornwrite.scenarios.findings import (
    Collected,
    Evidence,
    Shown,
    evidence,
    finding,
    replay_command,
)
from tornwrite.scenarios.judging import Assessor, Assessors
from tornwrite.scenarios.permitted import permitted_by_epoch
from tornwrite.scenarios.programs.recording import record_operations
from tornwrite.scenarios.promised import under
from tornwrite.scenarios.recording import (
    OPEN,
    REOPEN,
    HarnessBroken,
    check_space,
    check_whole,
    drive,
)
from tornwrite.scenarios.recovery import Bench
from tornwrite.scenarios.stages import of_two_processes
from tornwrite.scenarios.subject import Scenario, Subject, WrongUse

KILL_THEN_POWER = "kill, then power"
"""What this lane is called where profiles are named."""

_REAL = (NameEffect, PageEffect, SizeEffect)
_LOST = (Reached.NOT.value, Reached.PART.value)


@dataclass(frozen=True, slots=True)
class Killed:
    """A scenario that was killed after the step of that number.

    events: all until then. image: what the next process finds. in_flight: what had not returned.
    """

    after: int
    events: tuple[Event, ...]
    image: Image
    in_flight: tuple[Operation, ...]


@dataclass(frozen=True, slots=True)
class Continued:
    """A killed scenario and the process that went on from there, in one trace.

    number: of the continuation, among those from this kill. wanted: the epochs of the new process.
    names: what all operations were about. failed: what it could not do although no power was lost.
    """

    killed_after: int
    number: int
    trace: Trace
    wanted: frozenset[int]
    names: tuple[str, ...]
    failed: tuple[Violation, ...]


@dataclass(slots=True)
class PowerLane:
    """What came of the lane.

    runs: kills, times the ways to go on from each. possible: images that there are, at least.
    stopped: why not all were judged. barred: whether that is for what is wrong already and nothing
    else.
    """

    runs: int = 0
    images: set[Image] = field(default_factory=set)
    possible: int = 0
    findings: list[Evidence] = field(default_factory=list)
    stopped: str = ""
    barred: bool = False


def kill_then_power(
    subject: Subject,
    scenario: Scenario,
    trace: Trace,
    assessors: Assessors,
    root: str,
    *,
    budget: int,
    seed: int,
    progress: Callable[[str, int], None] = lambda lane, judged: None,
) -> PowerLane:
    """Kill, go on, lose the power: all of it for a recorded scenario.

    assessors: of the subject. root: a directory for the new processes, emptied again and again.
    budget: pairs of an epoch and an image judged at most.
    """
    lane = PowerLane()
    assessor = assessors.of(subject.model.names(scenario.every_operation))
    left = budget
    closed = failed = 0
    for killed in kills(subject, trace):
        found = assessor(killed.image).observed
        if found is None:
            closed += 1
            continue
        for number, operations in enumerate(ways_on(subject, killed, found)):
            lane.runs += 1
            if not left:
                continue
            run = go_on(subject, scenario, trace, killed, number, operations, root)
            failed += bool(run.failed)
            left -= _judge(subject, scenario, run, assessors.of(run.names), left, seed, lane)
            progress(KILL_THEN_POWER, len(lane.images))
    reasons = [
        f"after {_count(closed, 'kill')} the subject cannot be opened: see {KILL.name}"
        if closed
        else "",
        f"{_count(failed, 'run')} failed before the power did" if failed else "",
        f"budget of {budget} images reached" if not left else "",
    ]
    lane.stopped = "; ".join(reason for reason in reasons if reason)
    lane.barred = lane.stopped == reasons[0]
    lane.possible = max(lane.possible, len(lane.images) + bool(lane.stopped))
    return lane


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _judge(
    subject: Subject,
    scenario: Scenario,
    run: Continued,
    assessor: Assessor,
    budget: int,
    seed: int,
    lane: PowerLane,
) -> int:
    """Judge what the power may leave of the run. Returns how much of the budget that took."""
    collected = Collected(run.trace)
    judged = 0
    if run.failed:
        add_failed(run, collected)
    else:
        permitted = permitted_by_epoch(subject, scenario, run.trace, run.wanted)
        states = CrashStates(run.trace, POSIX, budget=budget, seed=seed, epochs_wanted=run.wanted)
        for state in states:
            judged += 1
            lane.images.add(state.image)
            promised = under(permitted[state.epoch], POSIX)
            for violation in judge(subject.model, promised, assessor(state.image)):
                collected.add(violation, POSIX, state)
        if states.coverage.stopped:
            judged = budget
            lane.possible = max(lane.possible, states.coverage.possible)
    lane.findings += (
        evidence(finding_of(subject, scenario, run, shown), shown) for shown in collected.all()
    )
    return judged


def ways_on(
    subject: Subject, killed: Killed, found: Observation
) -> tuple[tuple[Operation, ...], ...]:
    """How a new process may go on from what it found: as the model says, or by trying again."""
    model = subject.model
    about = model.names(killed.in_flight)
    again = tuple(one for one in killed.in_flight if one.name not in (OPEN.name, REOPEN))
    return (*continuations(model, model.state_of(found), about), *((again,) if again else ()))


def kills(subject: Subject, trace: Trace) -> Iterator[Killed]:
    """Every kill after a step that has an effect, before the end of its operation."""
    interpreter = Interpreter(trace.base)
    flying: dict[int, Operation] = {}
    number = 0
    for at, event in enumerate(trace.events):
        match event:
            case Began():
                flying[event.number] = Operation(event.name, event.arguments)
            case Acknowledged() | Failed():
                flying.pop(event.number)
            case Stepped(step):
                effects = interpreter.apply(number, step)
                if flying and any(isinstance(effect, _REAL) for effect in effects):
                    events = trace.events[: at + 1]
                    yield Killed(number, events, interpreter.image(), tuple(flying.values()))
                number += 1
            case Restarted():
                flying.clear()


def go_on(
    subject: Subject,
    scenario: Scenario,
    trace: Trace,
    killed: Killed,
    number: int,
    operations: tuple[Operation, ...],
    root: str,
) -> Continued:
    """Let a new process open what the kill left, on `root`, and do the operations.

    Raises HarnessBroken when the joined trace does not explain what is on the disk afterwards,
    NoSpace when what the kill left does not fit.
    """
    before = [*killed.events, *closings(killed.events), Restarted()]
    clear(root)
    try:
        _put(Trace(trace.base, tuple(before)), killed.image, root)
    except OSError as error:
        check_space(root, error)
        raise
    numbers = numbers_after(before)
    going_on = _going_on(subject, scenario, operations, killed.image, root)
    events = (*before, *(renumbered(event, numbers) for event in going_on))
    joined = Trace(trace.base, events)
    check_whole(joined, root)
    return Continued(
        killed.after,
        number,
        joined,
        frozenset(range(boundaries(before), boundaries(events) + 1)),
        subject.model.names((*scenario.every_operation, *operations)),
        tuple(_failed(subject, joined)),
    )


def _going_on(
    subject: Subject,
    scenario: Scenario,
    operations: tuple[Operation, ...],
    image: Image,
    root: str,
) -> Sequence[Event]:
    """What happens when a new process opens what is in `root`, the image, and does these."""
    if subject.program is not None:
        names = subject.model.names((*scenario.every_operation, *operations))
        every = (OPEN, *operations)
        run = record_operations(subject, subject.program, every, names, root, base=image)
        if run.seen.observed is None:
            raise HarnessBroken(
                f"a process that was to go on after a kill did not: {run.seen.error}"
            )
        return run.trace.events
    with Recorder(root, base=EMPTY) as recorder:
        drive(subject, replace(scenario, operations=operations, lanes=(), after=()), root, recorder)
    return recorder.trace().events


def _put(trace: Trace, image: Image, root: str) -> None:
    """The image, with the names of one file linked as the trace has them."""
    materialise(image, root)
    interpreter = Interpreter(trace.base)
    for index, step in enumerate(trace.steps):
        interpreter.apply(index, step)
    first: dict[Inode, str] = {}
    for path, inode in interpreter.tree():
        other = first.setdefault(inode, path)
        if other != path:
            os.unlink(os.path.join(root, path))
            os.link(os.path.join(root, other), os.path.join(root, path), follow_symlinks=False)


def _failed(subject: Subject, trace: Trace) -> Iterator[Violation]:
    operations: dict[int, Operation] = {}
    for event in trace.events:
        if isinstance(event, Began):
            operations[event.number] = Operation(event.name, event.arguments)
        elif isinstance(event, Failed):
            operation = operations[event.number]
            yield Violation(
                Kind.UNREADABLE,
                promises.DURABLE,
                next(iter(subject.model.names([operation])), "the store"),
                f"{operation} works after a process was killed: the disk is in order",
                event.error,
            )


def add_failed(run: Continued, collected: Collected) -> None:
    """What the new process could not do, as violations after a kill alone."""
    interpreter = Interpreter(run.trace.base)
    for index, step in enumerate(run.trace.steps):
        interpreter.apply(index, step)
    last = epochs(run.trace)[-1]
    for violation in run.failed:
        collected.add(violation, KILL, CrashState(last.number, last.last, interpreter.image()))


def finding_of(subject: Subject, scenario: Scenario, run: Continued, shown: Shown) -> Finding:
    """The finding, with the kill told, to be replayed by the way it came about."""
    found = finding(subject.name, scenario.name, run.trace, shown)
    command = replay_command(subject.name, scenario.name, found.profile, shown.state)
    way = f"--killed-after {run.killed_after} --continuation {run.number}"
    killed = len(epochs(run.trace)[min(run.wanted)].in_flight)
    return replace(
        found,
        in_flight=(
            *(
                f"{name} (killed after step {run.killed_after})"
                for name in found.in_flight[:killed]
            ),
            *found.in_flight[killed:],
        ),
        protect=_to_protect(run, found),
        replay=f"{command} {way}",
        stages=of_two_processes(run.trace, run.killed_after, shown.profile, shown.state),
    )


def _to_protect(run: Continued, found: Finding) -> int | None:
    """A lost step of an acknowledged operation; else one of the dead process, relied on since."""
    lost = [line.number for line in found.steps if line.fate in _LOST]
    if found.protect in lost:
        return found.protect
    return next((number for number in lost if number <= run.killed_after), found.protect)


def go_on_again(
    subject: Subject,
    scenario: Scenario,
    trace: Trace,
    after: int,
    number: int,
    bench: Bench,
    root: str,
) -> Continued:
    """That run once more: killed after that step, gone on in that way.

    Raises WrongUse when there is no such run (any more).
    """
    names = subject.model.names(scenario.every_operation)
    for killed in kills(subject, trace):
        if killed.after != after:
            continue
        found = bench.recover(killed.image, names).first.observed
        if found is None:
            break
        ways = ways_on(subject, killed, found)
        if number < len(ways):
            return go_on(subject, scenario, trace, killed, number, ways[number], root)
    raise WrongUse(
        f"no process goes on in way {number} after a kill after step {after} of {scenario.name}: "
        "the store, the model or the scenario has changed since; run the gate"
    )
