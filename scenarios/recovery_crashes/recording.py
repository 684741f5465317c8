"""Recoveries, recorded: a subject opens what a crash left, shows it, and goes on.

Until it has shown something to a reader, all that was permitted after the crash may still come
back after another. From then on what it showed is what was there, and has to stay.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from tornwrite.faults.images import Image
from tornwrite.faults.recorder import Recorder
from tornwrite.faults.trace import Acknowledged, Began, Failed, Stepped, Trace
from tornwrite.model import promises
from tornwrite.model.history import History
from tornwrite.model.judge import Assessed, Permitted
from tornwrite.model.operation import Observation, Operation, canonical
from tornwrite.model.unsynced import history_of
from tornwrite.model.verdict import Kind, Violation
from tornwrite.scenarios.kills.then_power import Killed, ways_on
from tornwrite.scenarios.programs.recording import record_operations
from tornwrite.scenarios.promised import tell
from tornwrite.scenarios.recording import LOOK, OPEN, HarnessBroken, check_whole, drive, lay_down
from tornwrite.scenarios.subject import Driver, Scenario, Subject

_LOOK_NUMBER = 1

Promised: TypeAlias = Mapping[Hashable, Permitted[Any]]
"""What may come back, for each thing that may have been promised when the crash came."""


@dataclass(frozen=True, slots=True)
class Recovering:
    """One recovery of an image.

    trace: opening, looking, and the operations of the way in which it went on. names: what all
    operations were about. shown: what was seen.
    """

    trace: Trace
    names: tuple[str, ...]
    shown: Observation


def ways_to_go_on(
    subject: Subject, image: Image, in_flight: Sequence[Operation], found: Observation
) -> tuple[tuple[Operation, ...], ...]:
    """What may be done next: as the model says, the interrupted operations again, or its probes."""
    ways = ways_on(subject, Killed(0, (), image, tuple(in_flight)), found)
    if ways:
        return tuple(way for at, way in enumerate(ways) if way not in ways[:at])
    model = subject.model
    return model.probes(model.state_of(found), model.names(in_flight))[:1]


def record_recovery(
    subject: Subject,
    scenario: Scenario,
    image: Image,
    operations: tuple[Operation, ...],
    root: str,
) -> Recovering:
    """Open the image on `root`, look at it, do the operations.

    Raises HarnessBroken when the recording does not explain what is on the disk afterwards, or
    when nothing can be seen; NoSpace when the image does not fit.
    """
    names = subject.model.names((*scenario.every_operation, *operations))
    shown: list[Observation] = []
    looking = replace(subject, open=lambda at: _Looking(subject.open(at), names, shown))
    work = replace(scenario, operations=(LOOK, *operations), lanes=(), after=())
    lay_down(image, root)
    if subject.program is not None:
        opening = (OPEN, LOOK, *operations)
        recorded = record_operations(subject, subject.program, opening, names, root, base=image)
        if recorded.looked is None:
            raise HarnessBroken("a subject that could be recovered once cannot be a second time")
        return Recovering(recorded.trace, names, recorded.looked)
    with Recorder(root, base=image) as recorder:
        drive(looking, work, root, recorder)
    trace = recorder.trace()
    check_whole(trace, root)
    if not shown:
        raise HarnessBroken("a subject that could be recovered once cannot be a second time")
    return Recovering(trace, names, shown[0])


class _Looking:
    """A driver that knows the operation of looking, too."""

    def __init__(self, driver: Driver, names: tuple[str, ...], shown: list[Observation]) -> None:
        self._driver = driver
        self._names = names
        self._shown = shown
        self.close = driver.close
        self.observe = driver.observe
        self.settled = driver.settled

    def apply(self, operation: Operation) -> Any:
        if operation.name != LOOK.name:
            return self._driver.apply(operation)
        self._shown.append(self._driver.observe(self._names))
        return None


def promised_within(
    subject: Subject, recovering: Recovering, before: Promised
) -> dict[int, Promised]:
    """What may come back in each epoch of a recovery. before: what might when it began."""
    history = history_of(subject.model, _state_shown(subject, recovering.shown, before))
    promised: dict[int, Promised] = {}
    shown = False
    number = 0
    for event in recovering.trace.events:
        if isinstance(event, Stepped):
            continue
        promised[number] = _only(history) if shown else before
        number += 1
        if event == Acknowledged(_LOOK_NUMBER):
            shown = True
        elif shown:
            tell(history, event)
    promised[number] = _only(history) if shown else before
    return promised


def _only(history: History[Any]) -> Promised:
    permitted = history.permitted()
    return {permitted.views: permitted}


def _state_shown(subject: Subject, observed: Observation, before: Promised) -> Any:
    """The state that was shown, and what of the state it must have been no reader sees.

    That is what must be kept of damaged files, by the word that observations have for it.
    """
    model = subject.model
    view = canonical(model.normalised(observed))
    for permitted in reversed(list(before.values())):
        for state in permitted.states:
            kept = getattr(state, "must_keep", ())
            if kept and canonical(model.view(state)) == view:
                return model.state_of({**observed, "must_keep": sorted(kept)})
    return model.state_of(observed)


def still_promised(promised: Promised, assessed: Assessed) -> Promised:
    """Those of the promises that the recovery keeps; none where what follows is wrong anyhow."""
    if assessed.later:
        return {}
    return {key: one for key, one in promised.items() if one.permits(assessed.view)}


def failures(subject: Subject, trace: Trace) -> list[Violation]:
    """What could not be done although nothing more went wrong."""
    operations: dict[int, Operation] = {}
    found: list[Violation] = []
    for event in trace.events:
        if isinstance(event, Began):
            operations[event.number] = Operation(event.name, event.arguments)
        elif isinstance(event, Failed):
            operation = operations[event.number]
            found.append(
                Violation(
                    Kind.UNREADABLE,
                    promises.DURABLE,
                    next(iter(subject.model.names([operation])), "the store"),
                    f"{operation} works after a crash: the disk is in order",
                    event.error,
                )
            )
    return found
