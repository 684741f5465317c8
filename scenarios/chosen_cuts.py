"""What a kill could leave, with long writes cut at chosen bytes: those at which stores break."""

from collections.abc import Collection, Iterator, Sequence

from tornwrite.faults.epochs import Epoch
from tornwrite.faults.states import CrashState, CutAt, kill_states
from tornwrite.faults.steps import Write
from tornwrite.faults.trace import Stepped, Trace
from tornwrite.scenarios.once_each import once_each

INNERMOST = 4
EVERY_BYTE = 16
"""Where cuts are chosen, a write of up to so many bytes is cut at each of them."""

LONGEST = 4096
"""A longer write is cut at chosen bytes, unless all are wanted."""


def kills(trace: Trace, wanted: Sequence[Epoch], every_byte: int) -> Iterator[CrashState]:
    """What a kill could leave in these epochs, a state for each pair of an epoch and an image.

    The write under way is cut at each byte where it has no more than `every_byte` to keep, else
    where `chosen_cuts` says.
    """
    states = kill_states(trace, wanted, lambda _, step: chosen_cuts(step.data, every_byte))
    return once_each(states, lambda state: (state.epoch, state.image))


def first_of_each_line(trace: Trace) -> CutAt:
    """Cuts the first write of each source line at every byte of it, and later ones at chosen bytes.

    One of more than LONGEST bytes is cut at chosen bytes too.
    A line counts with its callers, INNERMOST of them: most writes are made by one line of a helper.
    """
    steps = [event for event in trace.events if isinstance(event, Stepped)]
    writes = [number for number, event in enumerate(steps) if isinstance(event.step, Write)]
    firsts = set(once_each(writes, lambda number: steps[number].sites[:INNERMOST]))

    def cut_at(number: int, step: Write) -> Collection[int]:
        if number in firsts and len(step.data) <= LONGEST:
            return range(1, len(step.data))
        return chosen_cuts(step.data, EVERY_BYTE)

    return cut_at


def chosen_cuts(data: bytes, every_byte: int) -> list[int]:
    """Where a write of this data is cut: how many of its bytes are done, in order.

    Everywhere if it is short. Else at its ends and its middle, before and after the first and last
    newline, inside the first and last character of several bytes, and at sectors and pages.
    """
    size = len(data)
    if size <= every_byte + 1:
        return list(range(1, size))
    places = {1, size // 2, size - 1, 512, 4096, size // 4096 * 4096}
    for newline in (data.find(b"\n"), data.rfind(b"\n", 0, size - 1)):
        if newline >= 0:
            places |= {newline, newline + 1}
    inside = [place for place, byte in enumerate(data) if byte & 0xC0 == 0x80]
    places.update(inside[:1] + inside[-1:])
    return sorted(place for place in places if 0 < place < size)
