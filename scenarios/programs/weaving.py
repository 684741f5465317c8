"""One trace of what a program did and what it was asked: steps, requests and answers in order."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from tornwrite.faults.steps import Handle, Step
from tornwrite.faults.strace_live import LiveRecording
from tornwrite.faults.trace import Acknowledged, Began, Event, Failed, Stepped


@dataclass(slots=True)
class Asked:
    """One request. began: an operation that begins with it; ended: how one ends with it.

    byte: which of all that the process says is the last of the answer; None where there is none.
    """

    began: Began | None = None
    ended: Acknowledged | Failed | None = None
    byte: int | None = None


def woven(
    events: list[Event],
    read: LiveRecording,
    requests: Sequence[Asked],
    owner: int | None,
    handles: int,
) -> int | None:
    """Put a life's steps and answers in order behind the events; whose steps come next."""
    done = 0
    for asked in requests:
        if asked.began is not None:
            owner = asked.began.number
            events.append(asked.began)
        if asked.byte is None:
            break
        until = max(read.done_at(asked.byte), done)
        events += [Stepped(_with(step, handles), (), owner) for step in read.steps[done:until]]
        done = until
        if asked.ended is not None:
            owner = None
            events.append(asked.ended)
    events += [Stepped(_with(step, handles), (), owner) for step in read.steps[done:]]
    return owner


def handle_of(step: Step) -> Handle:
    """The highest handle in a step."""
    return max((value for _, value in _handles(step)), default=0)


def _with(step: Step, handles: int) -> Step:
    """The step with its handles after those of the processes before."""
    if not handles:
        return step
    changes: dict[str, Any] = {name: value + handles for name, value in _handles(step)}
    return replace(step, **changes)


def _handles(step: Step) -> Iterator[tuple[str, Handle]]:
    for one in fields(step):
        value = getattr(step, one.name)
        if one.name in ("handle", "target", "source") and isinstance(value, int):
            yield one.name, value
