"""One scenario under many schedules: each run recorded and judged, and nothing judged twice.

Runs under different schedules have most of what happens in common. A crash state is judged once for
all runs in which the same had happened by then: the same steps of the same operations in the same
order, and the same answers. When an operation began counts no further than that: what had returned
before. An operation that has begun and of which no step is done and nothing is told leaves nothing
that could be seen.
"""

from dataclasses import dataclass

from tornwrite.faults.images import EMPTY, Image
from tornwrite.faults.interleaving import Deadlock, Endless, Interleaving
from tornwrite.faults.profiles import KILL, POSIX
from tornwrite.faults.schedules import Given, Switches
from tornwrite.faults.states import CrashState, CrashStates
from tornwrite.faults.steps import Write
from tornwrite.faults.trace import Acknowledged, Began, Failed, Restarted, Stepped, Trace
from tornwrite.model import promises
from tornwrite.model.judge import judge
from tornwrite.model.operation import canonical
from tornwrite.model.verdict import Kind, Violation
from tornwrite.scenarios.fault_lanes import Job
from tornwrite.scenarios.findings import Collected, Shown
from tornwrite.scenarios.judging import Assessor, live_violations
from tornwrite.scenarios.permitted import permitted_by_epoch
from tornwrite.scenarios.promised import under
from tornwrite.scenarios.recording import Recorded, record

PROFILES = (KILL, POSIX)
"""What each run is crashed by. The states of all other built-in profiles that honour barriers are
among those of the second."""

_STEPS_AT_MOST = 20
_STEPS_BESIDE = 20_000


@dataclass(frozen=True, slots=True)
class Interleaved:
    """A run under a schedule.

    switches: those that were made. cost: how many of them took the turn from one who could go on.
    told: the switches in words. stuck: why the run came to no end; "" when it did.
    """

    recorded: Recorded
    switches: Switches
    cost: int
    told: str
    stuck: str


@dataclass(frozen=True, slots=True)
class Sign:
    """What makes two findings of a lane the same, in whatever run."""

    kind: Kind
    promise: str
    about: str
    probed: bool
    crashed: bool

    @staticmethod
    def of(shown: Shown) -> "Sign":
        violation = shown.violation
        return Sign(
            violation.kind,
            violation.promise.name,
            violation.about,
            bool(violation.after),
            shown.profile is not None,
        )


def run_under(job: Job, given: Given) -> Interleaved:
    """Run the job's scenario under the schedule.

    Raises HarnessBroken as `record` does, also when the lanes wait for what no schedule orders.
    """
    most = _STEPS_AT_MOST * len(job.recorded.trace.events) + _STEPS_BESIDE
    turns = Interleaving(given, most_steps=most)
    recorded = record(job.subject, job.scenario, job.live, turns)
    over = turns.broken_off
    return Interleaved(
        recorded,
        given.taken,
        given.cost,
        _told(given),
        str(over) if isinstance(over, Deadlock | Endless) else "",
    )


def _told(given: Given) -> str:
    switches = given.taken
    if not switches:
        return "each lane goes on until it waits or ends"
    return ", ".join(_switch_told(given, switch.at, switch.to) for switch in switches)


def _switch_told(given: Given, at: int, to: int) -> str:
    before = given.choices[at].current
    if before is None:
        return f"at choice {at} lane {to} goes on"
    return f"at choice {at} lane {before} gives way to lane {to}"


class _Happened:
    """A number for all that has happened, the same one for what cannot be told apart."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[int, object], int] = {}

    def and_then(self, before: int, event: object) -> int:
        return self._numbers.setdefault((before, event), len(self._numbers) + 1)

    def by_epoch(self, trace: Trace) -> list[list[int]]:
        """For each epoch of the trace, the number of each of its crash points."""
        run = _Run(self)
        epochs = [[run.now]]
        for event in trace.events:
            match event:
                case Stepped(step, _, operation):
                    run.step(step, operation)
                    epochs[-1].append(run.now)
                    continue
                case Began():
                    run.waiting[event.number] = event
                case Acknowledged(number, result):
                    run.returned(number, canonical(result))
                case Failed(number, error):
                    run.returned(number, error)
                case Restarted():
                    run.returned(-1, None)
            epochs.append([run.now])
        return epochs


class _Run:
    """Where a run has come to. Operations begin late here: with a step, or before one returns."""

    def __init__(self, happened: _Happened) -> None:
        self.now = 0
        self.waiting: dict[int, Began] = {}
        self._happened = happened
        self._numbers: dict[int, int] = {}

    def step(self, step: object, operation: int | None) -> None:
        if operation in self.waiting:
            self._begin(operation)
        own = None if operation is None else self._numbers.get(operation)
        self._then((step, own))

    def returned(self, number: int, what: object) -> None:
        by_content = sorted(
            (event.name, canonical(dict(event.arguments)), event.number)
            for event in self.waiting.values()
        )
        for _, _, operation in by_content:
            self._begin(operation)
        self._then((self._numbers.get(number), what))

    def _begin(self, operation: int) -> None:
        event = self.waiting.pop(operation)
        self._numbers[operation] = len(self._numbers)
        self._then((event.name, canonical(dict(event.arguments))))

    def _then(self, event: object) -> None:
        self.now = self._happened.and_then(self.now, event)


class Judge:
    """Judges runs of one scenario under many schedules.

    every_byte: cut writes by a kill at every byte, not only near their ends and in the middle.

    images: all that were judged. short: why the crash states of some run were not all judged.
    """

    def __init__(self, job: Job, *, every_byte: bool = True) -> None:
        self.every_byte = every_byte
        self.images: set[Image] = set()
        self.short = ""
        self._job = job
        self._happened = _Happened()
        self._ends: set[int] = set()
        self._judged: set[int] = set()

    def is_new(self, run: Interleaved) -> bool:
        """Whether no run was asked about in which the same had happened at the end."""
        end = self._happened.by_epoch(run.recorded.trace)[-1][-1]
        new = end not in self._ends
        self._ends.add(end)
        return new

    def shown_live(self, run: Interleaved) -> list[Shown]:
        """What is wrong with the run itself.

        Raises TooManyOrders where that cannot be told.
        """
        job, trace = self._job, run.recorded.trace
        collected = Collected(trace)
        if run.stuck:
            wrong = [_stuck(run)]
        else:
            last = len(self._happened.by_epoch(trace)) - 1
            permitted = permitted_by_epoch(job.subject, job.scenario, trace, frozenset((last,)))
            wrong = live_violations(job.subject, job.scenario, run.recorded, permitted[last])
        for violation in wrong:
            collected.add_without_crash(violation, CrashState(0, len(trace.steps), EMPTY))
        return collected.all()

    def shown_by_crashes(self, run: Interleaved) -> list[Shown]:
        """What is wrong with what a crash leaves of the run, at moments that were not judged yet.

        Raises TooManyOrders where that cannot be told.
        """
        job, trace = self._job, run.recorded.trace
        by_epoch = self._happened.by_epoch(trace)
        wanted = frozenset(
            number for number, points in enumerate(by_epoch) if not self._judged.issuperset(points)
        )
        permitted = permitted_by_epoch(job.subject, job.scenario, trace, wanted)
        assessor = assessor_of(job)
        collected = Collected(trace)
        for profile in PROFILES:
            states = CrashStates(
                trace, profile, budget=job.budget, seed=job.seed, epochs_wanted=wanted
            )
            for state in states:
                if not (self.every_byte or _is_chosen(trace, state)):
                    continue
                self.images.add(state.image)
                promised = under(permitted[state.epoch], profile)
                for violation in judge(job.subject.model, promised, assessor(state.image)):
                    collected.add(violation, profile, state)
            self.short = self.short or states.coverage.stopped
        self._judged.update(number for epoch in wanted for number in by_epoch[epoch])
        return collected.all()


def assessor_of(job: Job) -> Assessor:
    """The assessor for what the scenario is about."""
    return job.assessors.of(job.subject.model.names(job.scenario.every_operation))


def _is_chosen(trace: Trace, state: CrashState) -> bool:
    """Whether it is a kill between two steps, or one of the three that are taken within a write."""
    if state.cut is None:
        return True
    step = trace.steps[state.point]
    length = len(step.data) if isinstance(step, Write) else 0
    return state.cut in (1, length // 2, length - 1)


def _stuck(run: Interleaved) -> Violation:
    return Violation(
        Kind.STUCK,
        promises.SHARED,
        "the store",
        "whatever the order of turns, all that several do at once comes to an end",
        run.stuck,
    )
