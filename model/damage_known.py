"""What was written to each session until the disk was damaged: the judge of damage needs both.

What a session may hold, as if nothing had happened to its files, and all that it ever held.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from tornwrite.model.damage import Damageable, Harm, Held
from tornwrite.model.judge import Model, Permitted
from tornwrite.model.operation import canonical

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the sessions, by name.

    options: what each may hold. written: how often each message may have been written to it.
    beside: all that it ever told beside its messages, name and value.
    """

    options: Mapping[str, Sequence[Held]]
    written: Mapping[str, Counter[bytes]]
    beside: Mapping[str, frozenset[bytes]]

    def ever(self, names: Iterable[str]) -> set[bytes]:
        return {message for name in names for message in self.written.get(name, ())}


def known_of(model: Model[S], permitted: Permitted[S], harm: Harm) -> Known:
    """What a history and the files it left let expect of the sessions. model: a `Damageable` one.

    What is there no more counts as often as it was written, if as many lines of it are left.
    """
    assert isinstance(model, Damageable)
    now = [model.contents(model.view(state)) for state in permitted.states]
    past = [model.contents(model.view(state)) for state in permitted.past]
    ever = [*now, *past]
    names = dict.fromkeys(name for one in ever for name in one)
    written: dict[str, Counter[bytes]] = {name: Counter() for name in names}
    beside: dict[str, set[bytes]] = {name: set() for name in names}
    for one in ever:
        for name, held in one.items():
            written[name] |= Counter(held.messages)
            every = (*held.beside.items(), *held.implied.items())
            beside[name] |= {canonical([key, value]) for key, value in every}
    for name in harm.owners & written.keys():
        others = {one for other in names if other != name for one in written[other]}
        written[name] |= _brought(name, past, now) & Counter(harm.lines)
        written[name] |= Counter(harm.lines.keys() - others)
    return Known(
        {name: [one.get(name, Held()) for one in now] for name in names},
        written,
        {name: frozenset(values) for name, values in beside.items()},
    )


def _brought(
    name: str, past: Iterable[Mapping[str, Held]], now: Iterable[Mapping[str, Held]]
) -> Counter[bytes]:
    """How often each message came to be in a session, whatever of it was removed meanwhile."""
    brought: Counter[bytes] = Counter()
    there: Counter[bytes] = Counter()
    for one in past:
        before, there = there, Counter(one.get(name, Held()).messages)
        brought += there - before
    last: Counter[bytes] = Counter()
    for one in now:
        last |= Counter(one.get(name, Held()).messages) - there
    return brought + last
