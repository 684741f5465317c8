"""Who goes on: a seeded order of turns, a given one, and all that there are up to a bound.

An `Interleaving` asks its schedule wherever the turn may go to another worker. `Seeded` draws lots.
`Given` lets a worker go on as long as it can, but for the switches that it is told; it notes where
it had a choice, so `Search` can go through all interleavings: a stateless search with iterative
context bounding (Musuvathi and Qadeer, PLDI 2007). A switch away from a worker that could go on
counts as one; who follows on a worker that waits or has ended is free, and gone through as well.

What is left out changes nothing that anybody could see: to go on with a worker that would only find
its lock held and wait again, and to give way before a lock that no other worker can want.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeAlias

MOST_IN_A_ROW = 1_000
"""After how many points a worker that never waits has to let another one go on: it may be trying a
lock again and again that only the other one can release."""

_HOW_OFTEN = (0.15, 0.4, 0.8)


@dataclass(frozen=True, slots=True)
class Turn:
    """A point of a run at which the turn may go to another worker.

    current: the worker that came to it and has not ended or found that it must wait. ready: all
    that may go on, by their numbers. able: those of them that are not known to wait at once.
    alone: what `current` does next concerns nobody else.
    """

    current: int | None
    ready: tuple[int, ...]
    able: tuple[int, ...]
    alone: bool = False


class Schedule(Protocol):
    """Decides who goes on."""

    def next(self, turn: Turn) -> int:
        """One of those that are ready."""
        ...


class Seeded:
    """Drawn by lot. The same seed, the same order.

    seed: any number. Beside who goes on it decides how often turns change.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._often = self._random.choice(_HOW_OFTEN)

    def next(self, turn: Turn) -> int:
        if turn.current is not None and self._random.random() >= self._often:
            return turn.current
        return self._random.choice(turn.ready)


@dataclass(frozen=True, slots=True, order=True)
class Switch:
    """At the choice of that number, counted from 0, this worker goes on."""

    at: int
    to: int

    def __str__(self) -> str:
        return f"{self.at}>{self.to}"


Switches: TypeAlias = tuple[Switch, ...]


def parse_switches(words: str) -> Switches:
    """The switches written as `3>1 17>0`. Raises ValueError for anything else."""
    found = []
    for word in words.split():
        at, arrow, to = word.partition(">")
        if not (arrow and at.isdecimal() and to.isdecimal()):
            raise ValueError(f"{word!r} is no switch; one is written as 3>1")
        found.append(Switch(int(at), int(to)))
    if sorted({switch.at for switch in found}) != [switch.at for switch in found]:
        raise ValueError(f"{words!r}: switches come in order, one at a choice")
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Choice:
    """A choice that there was: who could have gone on, and who did.

    current: who had the turn and could have kept it.
    """

    current: int | None
    able: tuple[int, ...]
    taken: int

    @property
    def usual(self) -> int:
        """Who goes on where no switch is given."""
        return self.able[0] if self.current is None else self.current

    @property
    def pre_empts(self) -> bool:
        """Whether another one than the usual costs a switch."""
        return self.current is not None


class Given:
    """As told: the worker that has the turn keeps it, but for the switches. Usable once.

    switches: in order. One that names a worker which cannot go on then is passed over.

    choices: those that there were, in order. passed_over: the switches that could not be made.
    """

    def __init__(self, switches: Sequence[Switch] = ()) -> None:
        self.switches = tuple(switches)
        self.choices: list[Choice] = []
        self.passed_over: list[Switch] = []
        self._to = {switch.at: switch.to for switch in switches}
        self._last = -1
        self._in_a_row = 0

    @property
    def not_reached(self) -> list[Switch]:
        """Those that were given for choices to which the run did not come."""
        return [switch for switch in self.switches if switch.at >= len(self.choices)]

    @property
    def taken(self) -> Switches:
        """Where another one than the usual went on: this schedule in its shortest form."""
        return tuple(
            Switch(at, choice.taken)
            for at, choice in enumerate(self.choices)
            if choice.taken != choice.usual
        )

    @property
    def cost(self) -> int:
        """How many switches took the turn from a worker that could have kept it."""
        return sum(self.choices[switch.at].pre_empts for switch in self.taken)

    def next(self, turn: Turn) -> int:
        chosen = self._chosen(turn)
        self._in_a_row = self._in_a_row + 1 if chosen == self._last else 0
        self._last = chosen
        return chosen

    def _chosen(self, turn: Turn) -> int:
        able, current = turn.able, turn.current
        if not able:
            return turn.ready[0]  # who only waits again, so that it is found out who waits for whom
        if current not in able:
            current = None
        elif self._in_a_row >= MOST_IN_A_ROW and len(able) > 1:
            # The next in the round first: two by turns could keep out the one that they wait for.
            able = tuple(sorted((one for one in able if one != current), key=_round_from(current)))
            current = None
        elif turn.alone:
            return current
        if len(able) == 1:
            return able[0]
        choice = self._choice(Choice(current, able, able[0] if current is None else current))
        self.choices.append(choice)
        return choice.taken

    def _choice(self, usual: Choice) -> Choice:
        to = self._to.get(len(self.choices), usual.taken)
        if to in usual.able:
            return replace(usual, taken=to)
        self.passed_over.append(Switch(len(self.choices), to))
        return usual


class Drawn(Given):
    """As `Given`, with switches that are drawn by lot; `taken` tells which.

    seed: any number. Beside who goes on it decides how often turns change.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._random = random.Random(seed)
        self._often = self._random.choice(_HOW_OFTEN)

    def _choice(self, usual: Choice) -> Choice:
        if usual.current is not None and self._random.random() >= self._often:
            return usual
        return replace(usual, taken=self._random.choice(usual.able))


def _round_from(first: int) -> Callable[[int], tuple[bool, int]]:
    return lambda one: (one <= first, one)


@dataclass(slots=True)
class _Level:
    """The interleavings with so many switches that are known and have not been run.

    number: how many there are. kept: all of them, or, where they are too many to be run, a sample
    in which each is as likely.
    """

    number: int = 0
    kept: list[Switches] = field(default_factory=list)


class Search:
    """All interleavings of a program, those with the fewest switches first.

        search = Search(bound=2, most_runs=500)
        for given in search:
            run_the_program_under(given)

    The program has to do the same whenever it is run under the same schedule.

    bound: switches at most. most_runs: a number of switches of which there are more interleavings
    than are left of this is not begun. seed: for the sample that is kept of those.

    runs: how often the program was run, by the number of switches. complete: all interleavings with
    up to so many switches were run; -1 when not even those without were. with_one_more: how many
    interleavings there are, at least, with one switch more than that.
    """

    def __init__(self, bound: int, most_runs: int, seed: int = 0) -> None:
        self.runs: list[int] = []
        self.complete = -1
        self._bound = bound
        self._most = most_runs
        self._random = random.Random(seed)
        self._levels = [_Level(1, [()])]

    @property
    def with_one_more(self) -> int:
        number = self.complete + 1
        return self._levels[number].number + sum(self.runs[number:])

    def sample(self, number: int) -> list[Switches]:
        """So many of those with one switch more that were not run, drawn by lot."""
        kept = self._levels[self.complete + 1].kept
        return self._random.sample(kept, min(number, len(kept)))

    def __iter__(self) -> Iterator[Given]:
        for number in range(self._bound + 1):
            level = self._levels[number]
            self._levels.append(_Level())
            self.runs.append(0)
            while level.kept:
                if level.number > self._most - sum(self.runs):
                    return
                level.number -= 1
                given = Given(level.kept.pop())
                self.runs[number] += 1
                yield given
                self._branch(number, given)
            self.complete = number

    def _branch(self, number: int, given: Given) -> None:
        """Note what can be done otherwise after the last switch of the run."""
        first = given.switches[-1].at + 1 if given.switches else 0
        for at in range(first, len(given.choices)):
            choice = given.choices[at]
            for to in choice.able:
                if to != choice.taken:
                    switches = (*given.switches, Switch(at, to))
                    self._keep(self._levels[number + choice.pre_empts], switches)

    def _keep(self, level: _Level, switches: Switches) -> None:
        level.number += 1
        if len(level.kept) < self._most:
            level.kept.append(switches)
        elif (at := self._random.randrange(level.number)) < self._most:
            level.kept[at] = switches


def fewer(switches: Switches, shows: Callable[[Switches], Switches | None]) -> Switches:
    """As few of the switches as still show something.

    shows: runs the program under these and gives what was really taken, if that shows it; None if
    it does not. Later switches may come to other places without an earlier one, so what is left is
    only a smallest one in that none of it can be taken away.
    """
    part = max(len(switches) // 2, 1)
    while switches:
        for start in range(0, len(switches), part):
            found = shows(switches[:start] + switches[start + part :])
            if found is not None and len(found) < len(switches):
                switches = found
                break
        else:
            if part == 1:
                break
            part = max(part // 2, 1)
        part = min(part, max(len(switches), 1))
    return switches
