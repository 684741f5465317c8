"""What a trace by its nature cannot tell, in words: to be said wherever it is judged."""

from collections.abc import Iterator

from tornwrite.faults.steps import Store
from tornwrite.faults.trace import Trace, open_paths


def limits_of(trace: Trace) -> Iterator[str]:
    """A sentence for each thing that was recorded less closely than a call is, or not at all."""
    yield from trace.unrecorded
    paths = open_paths(trace.steps)
    stored = dict.fromkeys(paths[step.handle] for step in trace.steps if isinstance(step, Store))
    for path in stored:
        yield (
            f"stores to {path}, mapped to memory: those between two calls are taken together, and "
            "no version of a page in between is tried"
        )
