"""Real kills of a program: strace ends it with SIGKILL before a call that it names.

Each kill checks the recorder and the disk model, too: what is left has to follow from the steps
that strace saw until then. A write is not cut: the kernel does what it was asked for or, to a
process that is dead, nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tornwrite.faults.images import Image, difference, read_image
from tornwrite.faults.interpreter import Interpreter
from tornwrite.faults.kills import changes_something
from tornwrite.faults.profiles import KILL
from tornwrite.faults.states import CrashState
from tornwrite.faults.strace_live import Moment
from tornwrite.faults.trace import Event, Stepped, Trace
from tornwrite.model.judge import assess, judge
from tornwrite.scenarios.findings import Collected
from tornwrite.scenarios.kills.lane import REAL_KILLS, KillLane
from tornwrite.scenarios.permitted import permitted_by_epoch
from tornwrite.scenarios.programs.protocol import Died, Program
from tornwrite.scenarios.programs.recording import ProgramRun, calls_beside, shown_by, told
from tornwrite.scenarios.promised import under
from tornwrite.scenarios.recording import HarnessBroken, lay_down, operations_of
from tornwrite.scenarios.recovery import Bench
from tornwrite.scenarios.subject import Scenario, Subject


@dataclass(frozen=True, slots=True)
class KillAt:
    """Where a run is killed: in which process of the driver, counted from 0, and at what moment."""

    life: int
    moment: Moment

    @property
    def inject(self) -> str:
        """As strace has it."""
        return f"{self.moment.name}:signal=KILL:when={self.moment.count}"


def kill_program(
    subject: Subject,
    program: Program,
    scenario: Scenario,
    root: str,
    collected: Collected,
    *,
    most: int | None = None,
    progress: Callable[[str, int], None] = lambda lane, kills: None,
) -> KillLane:
    """Run the scenario on `root` once for each kill, kill it there, recover and judge.

    A kill comes after each step that changes something. most: so many kills at most, spread over
    the run. Raises as `record_program` does.
    """
    lane = KillLane()
    names = subject.model.names(scenario.every_operation)
    with told(root), calls_beside(root) as folder:
        plain = _run(subject, program, scenario, root, folder)
        try:
            plain.whole((*operations_of(scenario), *scenario.after), names)
            recorded = plain.trace()
            if plain.broken:
                raise HarnessBroken(f"the driver does not do the same twice: {plain.broken}")
        finally:
            plain.end()
    every = list(_kill_points(plain))
    chosen = every if most is None or len(every) <= most else _spread(every, most)
    missed = 0
    for at in chosen:
        killed = _killed(subject, program, scenario, root, at)
        if killed is None:
            missed += 1
            continue
        state, run = killed
        lane.kills += 1
        lane.images.add(state.image)
        _check(run, state.image, at, lane)
        if not _same_way(run.events, recorded.events):
            missed += 1
            continue
        recovery = Bench(subject, root).recover_in_place(names)
        last = frozenset({state.epoch})
        promised = under(permitted_by_epoch(subject, scenario, run, last)[state.epoch], KILL)
        for violation in judge(subject.model, promised, assess(subject.model, recovery)):
            collected.add(violation, KILL, state)
            lane.violations += 1
        progress(REAL_KILLS, lane.kills)
    lane.points = len(every)
    if missed:
        lane.stopped = f"{missed} of {len(chosen)} runs were not killed where they should have been"
    return lane


def _run(
    subject: Subject,
    program: Program,
    scenario: Scenario,
    root: str,
    folder: str,
    at: KillAt | None = None,
) -> ProgramRun:
    lay_down(scenario.base, root)
    inject = {} if at is None else {at.life: (at.inject,)}
    return ProgramRun(program, root, scenario.base, folder, inject, shown=shown_by(subject, root))


def _killed(
    subject: Subject, program: Program, scenario: Scenario, root: str, at: KillAt
) -> tuple[CrashState, Trace] | None:
    """What a kill there leaves, and what happened until then; None if it did not come about."""
    names = subject.model.names(scenario.every_operation)
    with told(root), calls_beside(root) as folder:
        run = _run(subject, program, scenario, root, folder, at)
        try:
            run.whole((*operations_of(scenario), *scenario.after), names)
            died = isinstance(run.failure, Died) and run.failure.killed
            if not died and not run.killed_at_end:
                return None
        finally:
            run.end()
        trace = run.trace(killed=True)
    image = read_image(root)
    steps = len(trace.steps)
    return CrashState(len(trace.events) - steps, steps, image), trace


def _kill_points(plain: ProgramRun) -> Iterator[KillAt]:
    """One for each content that the run's files go through, the first moment at which it is."""
    for life, read in enumerate(plain.read):
        seen: set[int] = set()
        for moment in read.moments:
            done = moment.done
            if done in seen or (done and not changes_something(read.steps[done - 1])):
                continue
            seen.add(done)
            yield KillAt(life, moment)


def _spread(points: Sequence[KillAt], most: int) -> list[KillAt]:
    return [points[number * len(points) // most] for number in range(most)]


def _check(run: Trace, image: Image, at: KillAt, lane: KillLane) -> None:
    disk = Interpreter(run.base)
    for index, step in enumerate(run.steps):
        disk.apply(index, step)
    if found := difference(disk.image(), image, limit=2):
        lane.disagreements.append(
            f"a kill before {at.moment.name} number {at.moment.count} left something else than "
            f"follows from the steps seen: {'; '.join(found)}"
        )


def _same_way(run: Sequence[Event], recorded: Sequence[Event]) -> bool:
    """Whether the run went like the recorded one as far as it went, whatever bytes it wrote."""

    def kinds(events: Sequence[Event]) -> list[object]:
        return [type(e.step) if isinstance(e, Stepped) else type(e) for e in events]

    return kinds(run) == kinds(recorded)[: len(run)]
