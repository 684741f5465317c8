"""Holds a workload on a disk that was full against what was promised.

What failed changed nothing that a reader can see, in the store that is open and in a new process;
what was acknowledged is there, in both; an error says that there is no room, and where; and once
there is room again the same store does what it could not do before.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tornwrite.faults.trace import Event, Stepped
from tornwrite.model import promises
from tornwrite.model.judge import LooksBeside, Model, Permitted, identity_of, judge
from tornwrite.model.operation import Operation, canonical
from tornwrite.model.unsynced import left_to_a_kill
from tornwrite.model.verdict import Kind, Violation
from tornwrite.scenarios.continuation import boundaries
from tornwrite.scenarios.disks.filling import Attempt, Filled, Look
from tornwrite.scenarios.judging import Assessor
from tornwrite.scenarios.recording import OPEN, REOPEN
from tornwrite.scenarios.subject import Scenario, Subject


@dataclass(frozen=True, slots=True)
class Wrong:
    """A violation, when it was seen, and whether only a new process shows it."""

    violation: Violation
    look: Look
    killed: bool = False


def wrongs(
    subject: Subject, scenario: Scenario, filled: Filled, assessor: Assessor
) -> Iterator[Wrong]:
    """Everything that was wrong, in order."""
    model = subject.model
    state = model.state_of(scenario.start)
    past = [state]
    older: tuple[Any, ...] = ()
    for attempt in filled.attempts:
        states = [state]
        if attempt.failure is None:
            older = left_to_a_kill(model, older, state, attempt.operation)
            state = model.step(state, attempt.operation)
            past.append(state)
            states = [state]
        else:
            states += model.between(state, attempt.operation)
        if attempt.look is None:
            continue
        for violation in _told(subject, attempt):
            yield Wrong(violation, attempt.look)
        permitted = _permitted(model, states, past)
        yield from _live(model, permitted, attempt.look)
        killed = _permitted(model, [*states, *older], past) if older else permitted
        for violation in judge(model, killed, assessor(attempt.look.image)):
            yield Wrong(violation, attempt.look, killed=True)
        state = _shown(model, states, attempt)


def _told(subject: Subject, attempt: Attempt) -> Iterator[Violation]:
    """What is wrong with the error, or with there being one."""
    failure = attempt.failure
    about = next(iter(subject.model.names([attempt.operation])), "the store")
    if failure is None:
        return
    if attempt.free:
        yield Violation(
            Kind.STUCK,
            promises.ERRORS,
            about,
            f"{attempt.operation} works, without a restart: there is room on the disk again",
            failure.text,
        )
    elif attempt.refused and not (failure.carries and (failure.named or subject.file_objects)):
        yield Violation(
            Kind.UNCLEAR,
            promises.ERRORS,
            about,
            "an error that says that there is no room (ENOSPC, EDQUOT), and names a file",
            failure.text,
        )


def _permitted(model: Model[Any], states: list[Any], past: list[Any]) -> Permitted[Any]:
    views = frozenset(canonical(model.view(state)) for state in states)
    return Permitted(tuple(states), tuple(past), views)


def _live(model: Model[Any], permitted: Permitted[Any], look: Look) -> Iterator[Wrong]:
    if look.seen is None:
        return
    observed = look.seen.observed
    if observed is None:
        told = {"error": look.seen.error}
        yield Wrong(model.explain(told, permitted.states, permitted.past, ()), look)
    elif not permitted.permits(canonical(model.normalised(observed))):
        yield Wrong(model.explain(observed, permitted.states, permitted.past, ()), look)
    elif isinstance(model, LooksBeside):
        for violation in model.beside(permitted.states, observed):
            yield Wrong(violation, look)


def _shown(model: Model[Any], states: list[Any], attempt: Attempt) -> Any:
    """The state that was seen, of those that were permitted.

    How a store comes up on a full disk, a reader need not see, and the model cannot know: it may
    have fallen back to another way of working. Then that is taken from what it showed, and what the
    scenario says of files for the usual way is not asked of it.
    """
    seen = None if attempt.look is None else attempt.look.seen
    observed = None if seen is None else seen.observed
    if observed is None:
        return states[0]
    view = canonical(model.normalised(observed))
    shown = next((one for one in states if canonical(model.view(one)) == view), None)
    if shown is None:
        return states[0]
    if attempt.failure is None and attempt.operation.name in (OPEN.name, REOPEN):
        came_up = model.state_of(observed)
        identity = identity_of(model)
        return shown if identity(came_up) == identity(shown) else came_up
    return shown


def place_of(events: tuple[Event, ...]) -> tuple[int, int]:
    """The epoch and the number of steps at the end of these events."""
    return boundaries(events), sum(isinstance(event, Stepped) for event in events)


def first_refused(filled: Filled) -> Operation | None:
    """The operation that met the full disk first."""
    return next((one.operation for one in filled.attempts if one.refused), None)
