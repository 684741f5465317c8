"""One trace of what a program did and what it was asked: steps, requests and answers in order."""

from collections.abc import Sequence
from dataclasses import dataclass

from tornwrite.faults.steps import Step, renumbered
from tornwrite.faults.strace_live import LiveRecording
from tornwrite.faults.trace import Acknowledged, Began, Event, Failed, Stepped


@dataclass(slots=True)
class Asked:
    """One request. began: an operation that begins with it; ended: how one ends with it.

    first: which of all bytes that the process was sent is the first of the request. byte: which of
    all that it says is the last of the answer; None where there is none.
    """

    began: Began | None = None
    ended: Acknowledged | Failed | None = None
    byte: int | None = None
    first: int = 0


def woven(
    events: list[Event],
    read: LiveRecording,
    requests: Sequence[Asked],
    owner: int | None,
    handles: int,
    *,
    hears_all: bool,
) -> int | None:
    """Put a life's steps, requests and answers in order behind the events; whose steps come next.

    An operation begins where its request was read, so that what a driver still does after an answer
    is not taken for work on the next request. hears_all: whether every byte that it was sent was
    seen to be read; else an operation begins where the one before was answered.
    """
    done = 0

    def step_on(until: int) -> None:
        nonlocal done
        events.extend(Stepped(_with(step, handles), (), owner) for step in read.steps[done:until])
        done = max(done, until)

    for asked in requests:
        heard = read.heard_at(asked.first) if hears_all else done
        answered = None if asked.byte is None else read.done_at(asked.byte)
        if heard is None and answered is None:
            break  # it was killed before it read this
        if asked.began is not None:
            begins = done if heard is None else heard
            step_on(begins if answered is None else min(begins, answered))
            owner = asked.began.number
            events.append(asked.began)
        if answered is None:
            break
        step_on(answered)
        if asked.ended is not None:
            owner = None
            events.append(asked.ended)
    step_on(len(read.steps))
    return owner


def _with(step: Step, handles: int) -> Step:
    """The step with its handles after those of the processes before."""
    return renumbered(step, lambda handle: handle + handles) if handles else step
