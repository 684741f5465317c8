"""Small scenarios of two lanes, in which every order of turns can be gone through."""

from tornwrite.faults.images import EMPTY, Image
from tornwrite.model.operation import Observation, Operation
from tornwrite.model.promises import ATOMIC, DURABLE, SHARED
from tornwrite.scenarios.subject import Lane, Scenario


def pair(
    name: str,
    about: str,
    one: tuple[Operation, ...],
    other: tuple[Operation, ...],
    *,
    before: tuple[Operation, ...] = (),
    base: Image = EMPTY,
    start: Observation | None = None,
    processes: bool = False,
) -> Scenario:
    """Two lanes, threads unless they are `processes`, after what was done before, on `base`.

    start: what a reader sees of `base`.
    """
    return Scenario(
        name=name,
        about=about,
        promises=(DURABLE, ATOMIC, SHARED),
        operations=before,
        base=base,
        start=start or {},
        lanes=(Lane(one, processes), Lane(other, processes)),
    )
