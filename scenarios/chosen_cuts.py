"""What a kill could leave, with long writes cut at chosen bytes: those at which stores break."""

from collections.abc import Iterator, Sequence

from tornwrite.faults.epochs import Epoch
from tornwrite.faults.images import Image
from tornwrite.faults.interpreter import Interpreter
from tornwrite.faults.states import CrashState
from tornwrite.faults.steps import Write
from tornwrite.faults.trace import Trace


def kills(trace: Trace, wanted: Sequence[Epoch], every_byte: int) -> Iterator[CrashState]:
    """What a kill could leave in these epochs, a state for each pair of an epoch and an image.

    The write under way is cut at each byte where it has no more than `every_byte` to keep, else
    where `chosen_cuts` says.
    """
    interpreter = Interpreter(trace.base)
    seen: set[tuple[int, Image]] = set()
    steps = trace.steps
    last = max((epoch.last for epoch in wanted), default=-1)
    for point in range(last + 1):
        if point:
            interpreter.apply(point - 1, steps[point - 1])
        for epoch in wanted:
            if epoch.first <= point <= epoch.last:
                state = CrashState(epoch.number, point, interpreter.image())
                if (state.epoch, state.image) not in seen:
                    seen.add((state.epoch, state.image))
                    yield state
        under_way = [epoch for epoch in wanted if epoch.first <= point < epoch.last]
        step = steps[point] if under_way else None
        if not isinstance(step, Write):
            continue
        for cut, image in _cut_images(interpreter, step, every_byte):
            for epoch in under_way:
                if (epoch.number, image) not in seen:
                    seen.add((epoch.number, image))
                    yield CrashState(epoch.number, point, image, cut=cut)


def _cut_images(
    interpreter: Interpreter, step: Write, every_byte: int
) -> Iterator[tuple[int, Image]]:
    written = interpreter.opened(step.handle)
    tree = list(interpreter.tree())
    before = interpreter.node(written)
    assert isinstance(before, bytes)
    start = len(before) if step.offset is None else step.offset
    head = before[:start].ljust(start, b"\0")
    for cut in chosen_cuts(step.data, every_byte):
        content = head + step.data[:cut] + before[start + cut :]
        yield (
            cut,
            tuple(
                (path, content if inode == written else interpreter.node(inode))
                for path, inode in tree
            ),
        )


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
