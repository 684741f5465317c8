"""The real-kill lane: the workload in its own process, SIGKILLed at every step, then recovered.

What a kill leaves is also what the disk model says it leaves, byte for byte, or the harness is
broken: each real kill checks the model.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tornwrite.faults.epochs import epochs
from tornwrite.faults.images import Image, difference, read_image
from tornwrite.faults.kills import KillPoint, kill_points, run_and_kill
from tornwrite.faults.profiles import KILL
from tornwrite.faults.recorder import Recorder
from tornwrite.faults.states import CrashState, kill_states
from tornwrite.faults.steps import describe
from tornwrite.faults.trace import Event, Stepped, Trace
from tornwrite.model.judge import Permitted, assess, judge
from tornwrite.scenarios.findings import Collected
from tornwrite.scenarios.permitted import permitted_by_epoch
from tornwrite.scenarios.promised import under
from tornwrite.scenarios.recording import HarnessBroken, drive, lay_down
from tornwrite.scenarios.recovery import Bench
from tornwrite.scenarios.subject import Scenario, Subject

REAL_KILLS = "real kills"
"""What this lane is called where profiles are named."""


@dataclass(slots=True)
class KillLane:
    """How many kills there were, how many images they left, and where the model was wrong.

    points: at how many places a kill could be, where not all were chosen. stopped: what kept some
    of the kills from being judged.
    """

    kills: int = 0
    points: int = 0
    stopped: str = ""
    images: set[Image] = field(default_factory=set)
    violations: int = 0
    disagreements: list[str] = field(default_factory=list)


def kill_everywhere(
    subject: Subject,
    scenario: Scenario,
    trace: Trace,
    permitted: Mapping[int, Permitted[Any]],
    root: str,
    collected: Collected,
    *,
    every_byte: bool = False,
    progress: Callable[[str, int], None] = lambda lane, kills: None,
) -> KillLane:
    """Run the scenario on `root` once for each kill point, kill it there, recover and judge.

    permitted: what may come back in each epoch of the trace. every_byte: cut each write at every
    byte, not only at chosen ones.
    Raises KillFailed when a run cannot be killed where it should be, HarnessBroken when the subject
    does not do the same each time.
    """
    lane = KillLane()
    names = subject.model.names(scenario.every_operation)
    predicted = {
        (state.point, state.cut): state.image for state in kill_states(trace, epochs(trace))
    }

    def workload(recorder: Recorder) -> None:
        drive(subject, scenario, root, recorder)

    for point in kill_points(trace.steps, every_byte=every_byte):
        lay_down(scenario.base, root)
        killed = run_and_kill(workload, root, point, expected=trace.events)
        image = read_image(root)
        state = _state(killed.events, point, image)
        expected = predicted[state.point, state.cut]
        if expected != image:
            _check_same(killed.events, trace, point)
            lane.disagreements.append(
                f"a kill {point} left something else than the disk model says: "
                + "; ".join(difference(expected, image, limit=2))
            )
        recovery = Bench(subject, root).recover_in_place(names)
        promised = permitted.get(state.epoch)
        if promised is None or not _same_calls(killed.events, trace.events):
            run = Trace(trace.base, killed.events)
            last = frozenset({state.epoch})
            promised = permitted_by_epoch(subject, scenario, run, last)[state.epoch]
        promised = under(promised, KILL)
        for violation in judge(subject.model, promised, assess(subject.model, recovery)):
            collected.add(violation, KILL, state)
            lane.violations += 1
        lane.kills += 1
        lane.images.add(image)
        progress(REAL_KILLS, lane.kills)
    return lane


def _check_same(run: Sequence[Event], trace: Trace, point: KillPoint) -> None:
    """Raise HarnessBroken when the run did not go as it was recorded until it was killed."""
    steps = [event.step for event in run if isinstance(event, Stepped)]
    for number, (one, other) in enumerate(zip(steps[: point.step], trace.steps, strict=False)):
        if one != other:
            raise HarnessBroken(
                f"the subject does not do the same each time: step {number} was "
                f"{describe(other)} at first and {describe(one)} later; give it names and contents "
                "without time, chance or the number of the process"
            )


def _same_calls(run: Sequence[Event], recorded: Sequence[Event]) -> bool:
    """Whether what was called and returned until the kill is what was recorded."""
    calls = [event for event in run if not isinstance(event, Stepped)]
    return calls == [event for event in recorded if not isinstance(event, Stepped)][: len(calls)]


def _state(events: tuple[Event, ...], point: KillPoint, image: Image) -> CrashState:
    steps = sum(isinstance(event, Stepped) for event in events)
    epoch = len(events) - steps
    if point.moment == "during":
        return CrashState(epoch, point.step, image, cut=point.keep)
    return CrashState(epoch, steps, image)
