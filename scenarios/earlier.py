"""What all scenarios of a subject do, for what is tried in the first of them that has it.

Each is recorded once in a process.
"""

from collections.abc import Iterator, Mapping

from tornwrite.faults.recorder import RecorderBlind, UnknownStep
from tornwrite.faults.trace import Trace
from tornwrite.model.linearise import TooManyOrders
from tornwrite.scenarios.recording import HarnessBroken, record
from tornwrite.scenarios.recovery import workplace
from tornwrite.scenarios.subject import Scenario, Subject

_RECORDED: dict[int, tuple[Subject, Mapping[str, Trace]]] = {}
_MOST_SUBJECTS = 16


def traces_of(subject: Subject) -> Mapping[str, Trace]:
    """The trace of each scenario by its name, in their order.

    One that cannot be recorded is missing: it has no verdict of its own either.
    """
    known = _RECORDED.get(id(subject))
    if known is None or known[0] is not subject:
        if len(_RECORDED) >= _MOST_SUBJECTS:
            _RECORDED.clear()
        known = _RECORDED[id(subject)] = (subject, dict(_recorded(subject)))
    return known[1]


def turn_of(subject: Subject, scenario: Scenario) -> int:
    """The place of a scenario among those of its subject, for what they try by turns.

    0 if it is none of them.
    """
    names = [one.name for one in subject.scenarios]
    return names.index(scenario.name) if scenario.name in names else 0


def _recorded(subject: Subject) -> Iterator[tuple[str, Trace]]:
    with workplace() as live:
        for scenario in subject.scenarios:
            try:
                yield scenario.name, record(subject, scenario, live).trace
            except (HarnessBroken, RecorderBlind, UnknownStep, TooManyOrders):
                continue
