"""What reading operations answered in a run with an error in it.

An error that is passed over while something is read changes nothing on the disk, and the next look
shows all that is there; only the answer was wrong.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from tornwrite.faults.trace import Acknowledged, Began, Stepped, Trace
from tornwrite.model import promises
from tornwrite.model.judge import Model, Permitted
from tornwrite.model.linearise import Answers
from tornwrite.model.operation import Operation, canonical
from tornwrite.model.verdict import Kind, Violation


def epochs_of_answers(model: Model[Any], trace: Trace) -> dict[int, int]:
    """The operations that returned what may count, by number, and the epochs they returned in."""
    if not isinstance(model, Answers):
        return {}
    ended = {}
    epoch = 0
    for event in trace.events:
        if not isinstance(event, Stepped):
            epoch += 1
        if isinstance(event, Acknowledged) and event.result is not None:
            ended[event.number] = epoch
    return ended


def wrong_answers(
    model: Model[Any], trace: Trace, permitted: Mapping[int, Permitted[Any]], *, of_one_file: bool
) -> Iterator[tuple[int, Violation]]:
    """What is wrong with the answers, with the number of the operation that gave it.

    permitted: what may be there in the epochs of `epochs_of_answers`. of_one_file: whether the
    error is about one file: what lists all of them may leave that one in doubt, and go on.
    """
    if not isinstance(model, Answers):
        return
    epochs = epochs_of_answers(model, trace)
    began = {event.number: event for event in trace.events if isinstance(event, Began)}
    for event in trace.events:
        if not isinstance(event, Acknowledged) or event.number not in epochs:
            continue
        operation = Operation(began[event.number].name, began[event.number].arguments)
        names = model.names([operation])
        if of_one_file and not names:
            continue
        states = permitted[epochs[event.number]].states
        right = [model.answer(state, operation) for state in states]
        if None in right or canonical(event.result) in map(canonical, right):
            continue
        yield (
            event.number,
            Violation(
                Kind.LOST,
                promises.ERRORS,
                next(iter(names), "the store"),
                f"{operation} fails, or answers {right[0]!r}",
                f"it answered {event.result!r}",
            ),
        )
