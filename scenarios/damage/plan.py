"""Which images of a scenario are damaged, and which of their files there.

A file is damaged once for each content that it has under a name, in the first scenario of the
subject in which it has it: what a store makes of a file depends on its bytes, and hardly on what
lies beside them.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tornwrite.faults.damage_choices import role
from tornwrite.faults.effects import Inode
from tornwrite.faults.epochs import epochs
from tornwrite.faults.images import Image
from tornwrite.faults.interpreter import Interpreter
from tornwrite.faults.steps import Link, Open, Rename, Write
from tornwrite.faults.trace import Trace
from tornwrite.scenarios.earlier import traces_of
from tornwrite.scenarios.subject import Scenario, Subject


@dataclass(frozen=True, slots=True)
class Moment:
    """An image of a run.

    where: in words. writing: a write was under way, and not settled. fresh: files that the
    operations in flight have made: they need not be anything yet. older: what the files of the
    image held before, while they were the same files.
    """

    where: str
    epoch: int
    point: int
    image: Image
    writing: bool = False
    fresh: frozenset[str] = frozenset()
    older: Mapping[str, tuple[bytes, ...]] = field(default_factory=dict, compare=False)


@dataclass(slots=True)
class Moments:
    """Those of one run. known: every name that there was."""

    final: Moment
    boundaries: list[Moment] = field(default_factory=list)
    writes: list[Moment] = field(default_factory=list)
    known: list[str] = field(default_factory=list)


def moments(trace: Trace) -> Moments:
    """The images of a run: at its end, at the boundaries of its epochs, at its writes."""
    interpreter = Interpreter(trace.base)
    images = [interpreter.image()]
    held: dict[Inode, tuple[bytes, ...]] = {}
    older = [_older(interpreter, held)]
    known = dict.fromkeys(path for path, _ in trace.base)
    for index, step in enumerate(trace.steps):
        interpreter.apply(index, step)
        images.append(interpreter.image())
        older.append(_older(interpreter, held))
        match step:
            case Open(path=path):
                known[path] = None
            case Rename(source, target):
                known.update({source: None, target: None})
            case Link(int(), target):
                known[target] = None
            case _:
                pass
    every = epochs(trace)
    last = every[-1]
    final = Moment("final", last.number, last.last, images[-1], older=older[-1])
    found = Moments(final, known=list(known))
    for epoch in every[:-1]:
        where = f"epoch {epoch.number}"
        at = epoch.last
        moment = Moment(where, epoch.number, at, images[at], older=older[at])
        if images[epoch.last] != images[-1]:
            found.boundaries.append(moment)
        for point in range(epoch.first, epoch.last):
            if isinstance(trace.steps[point], Write):
                where = f"write {epoch.number} {point}"
                before = {path for path, _ in images[epoch.first]}
                fresh = frozenset(path for path, _ in images[point] if path not in before)
                found.writes.append(Moment(where, epoch.number, point, images[point], True, fresh))
    return found


def _older(
    interpreter: Interpreter, held: dict[Inode, tuple[bytes, ...]]
) -> dict[str, tuple[bytes, ...]]:
    """What each file held before now. held: what each inode held so far; what it does is added."""
    before: dict[str, tuple[bytes, ...]] = {}
    for path, inode in interpreter.tree():
        node = interpreter.node(inode)
        if isinstance(node, bytes):
            known = held.get(inode, ())
            if node not in known:
                held[inode] = (*known, node)
            before[path] = tuple(one for one in known if one != node)
    return before


def choose_write(writes: Sequence[Moment], seed: str) -> list[Moment]:
    """One of them, where there are other files than the one that is written."""
    return [random.Random(seed).choice(writes)] if writes else []


class Plan:
    """What of each scenario of a subject no earlier scenario has."""

    def __init__(self, subject: Subject, *, with_boundaries: bool, by_kind: bool) -> None:
        """Runs each scenario once.

        with_boundaries: files that are there only before the end count too. by_kind: those whose
        names are of one kind count as one, whatever they hold.
        """
        self._with_boundaries = with_boundaries
        self._by_kind = by_kind
        self._first: dict[tuple[str, bytes], tuple[str, str]] = {}
        self._roles: dict[frozenset[str], str] = {}
        self._kinds: dict[str, tuple[str, str, str]] = {}
        self._lines: dict[bytes, tuple[str, str, str]] = {}
        for scenario, trace in traces_of(subject).items():
            self._add(scenario, moments(trace))

    def _add(self, scenario: str, found: Moments) -> None:
        self._roles.setdefault(_roles(found), scenario)
        for moment in self._moments(found):
            for path, content in _files(moment.image):
                self._first.setdefault(self._key(path, content), (scenario, moment.where))
            if moment is found.final:
                self._add_lines(scenario, moment)

    def _add_lines(self, scenario: str, moment: Moment) -> None:
        for path, content in _files(moment.image):
            here = (scenario, moment.where, path)
            if content:
                self._kinds.setdefault(role(path), here)
            for line in content.split(b"\n"):
                self._lines.setdefault(line, here)

    def known_lines(
        self, scenario: Scenario, moment: Moment, path: str, content: bytes
    ) -> frozenset[bytes] | None:
        """The lines of the file that another one has before it; None for the first of its kind."""
        here = (scenario.name, moment.where, path)
        if self._kinds.get(role(path), here) == here:
            return None
        lines = content.split(b"\n")
        return frozenset(line for line in lines if self._lines.get(line, here) != here)

    def _key(self, path: str, content: bytes) -> tuple[str, bytes]:
        return (role(path), b"") if self._by_kind else (path, content)

    def _moments(self, found: Moments) -> list[Moment]:
        # Files of the end are damaged most: they come first, whatever they were before.
        return [found.final, *(found.boundaries if self._with_boundaries else ())]

    def of(self, scenario: Scenario, found: Moments) -> Iterator[tuple[Moment, tuple[str, ...]]]:
        """The moments to damage, each with the files to damage then; there may be none."""
        for moment in self._moments(found):
            here = (scenario.name, moment.where)
            # What a plan does not know, of a scenario of somebody's own, is new.
            files = tuple(
                path
                for path, content in _files(moment.image)
                if self._first.get(self._key(path, content), here) == here
            )
            yield moment, files

    def is_first_of_its_kind(self, scenario: Scenario, found: Moments) -> bool:
        """Whether no earlier scenario makes files of just these kinds."""
        return self._roles.get(_roles(found), scenario.name) == scenario.name


def _roles(found: Moments) -> frozenset[str]:
    return frozenset(map(role, found.known))


def _files(image: Image) -> Iterator[tuple[str, bytes]]:
    return ((path, node) for path, node in image if isinstance(node, bytes))
