"""Does the disk model say of kills what the kernel does? All images of a scenario, on both sides.

Predicted is what the profile of kills allows for the recorded run: what is there after each step,
and each write cut at each byte. Left is what real SIGKILLs leave at the same places.
"""

from dataclasses import dataclass, field

from tornwrite.faults.epochs import epochs
from tornwrite.faults.forked_kills import kill_copies
from tornwrite.faults.images import Image, difference
from tornwrite.faults.kills import KillFailed, KillPoint
from tornwrite.faults.recorder import Recorder, RecorderBlind, UnknownStep
from tornwrite.faults.states import CrashState, kill_states
from tornwrite.faults.trace import Trace
from tornwrite.model.verdict import Verdict
from tornwrite.scenarios.recording import HarnessBroken, drive, lay_down, record
from tornwrite.scenarios.recovery import workplace
from tornwrite.scenarios.subject import Scenario, Subject, check_in_process

MOST_SAID = 5
"""How many differences are named."""


@dataclass(frozen=True, slots=True)
class KillAgreement:
    """One scenario: what kills should leave and what they left.

    kills: how many real ones there were. predicted, left: distinct images. equal: those in both.
    said: where they part, or why it could not be measured.
    """

    scenario: str
    verdict: Verdict
    kills: int = 0
    predicted: int = 0
    left: int = 0
    equal: int = 0
    said: tuple[str, ...] = ()


def kill_agreement(subject: Subject, scenario: Scenario) -> KillAgreement:
    """Kill the scenario before it, after each step and at each byte, and compare the images.

    Raises NoSpace when there is no room to work in.
    """
    check_in_process(subject, "agreement")
    with workplace() as live:
        try:
            trace = record(subject, scenario, live).trace
            return compare_with(trace, subject, scenario, live)
        except (HarnessBroken, RecorderBlind, UnknownStep, KillFailed) as error:
            return KillAgreement(scenario.name, Verdict.HARNESS_BROKEN, said=(str(error),))


def compare_with(trace: Trace, subject: Subject, scenario: Scenario, root: str) -> KillAgreement:
    """The same, for a recording of the scenario that is there already.

    root: a directory to run the scenario in, emptied first.
    Raises KillFailed, RecorderBlind, UnknownStep.
    """
    sides = _Sides(trace)

    def workload(recorder: Recorder) -> None:
        drive(subject, scenario, root, recorder)

    lay_down(scenario.base, root)
    done = kill_copies(workload, root, scenario.base, sides.left)
    if done.steps != trace.steps:
        sides.differ("the run in which copies were killed is not the one that was recorded")
    predicted = set(sides.predicted.values())
    for missed in predicted - sides.found:
        where = next(place for place, image in sides.predicted.items() if image == missed)
        sides.differ(f"no kill left what is predicted for {_said(*where)}")
    return KillAgreement(
        scenario.name,
        Verdict.HARNESS_BROKEN if sides.said else Verdict.PASSED,
        sides.kills,
        len(predicted),
        len(sides.found),
        len(predicted & sides.found),
        tuple(sides.said[:MOST_SAID]),
    )


@dataclass(slots=True)
class _Sides:
    """What is predicted for each place, and what kills left."""

    trace: Trace
    predicted: dict[tuple[int, int | None], Image] = field(init=False)
    found: set[Image] = field(default_factory=set)
    kills: int = 0
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.predicted = {
            _place(state): state.image for state in kill_states(self.trace, epochs(self.trace))
        }

    def left(self, point: KillPoint, image: Image) -> None:
        """One real kill: what it left is there once more, in the words of the prediction."""
        self.kills += 1
        place: tuple[int, int | None] = (point.step + (point.moment == "after"), None)
        if point.moment == "during":
            place = (point.step, point.keep)
        expected = self.predicted.get(place)
        if expected == image:
            self.found.add(expected)
            return
        self.found.add(image)
        if expected is None:
            self.differ(f"nothing is predicted for a kill {point}")
        else:
            differences = "; ".join(difference(expected, image, limit=2))
            self.differ(f"a kill {point} left something else than is predicted: {differences}")

    def differ(self, said: str) -> None:
        self.said.append(said)


def _place(state: CrashState) -> tuple[int, int | None]:
    return state.point, state.cut


def _said(point: int, cut: int | None) -> str:
    return f"point {point}" if cut is None else f"point {point}, {cut} bytes of the write done"
