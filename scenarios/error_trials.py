"""Which errors are tried in a scenario: where in its plain run, which, and for how long."""

import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias
from zlib import crc32

from tornwrite.faults.error_injection import Spot
from tornwrite.faults.errors import At, Lasts, Rule, rule_of, rules_at
from tornwrite.faults.injection import Fail, Proceed, ReadOpen
from tornwrite.faults.recorder import Recorder
from tornwrite.faults.recording import current
from tornwrite.faults.sites import Sites
from tornwrite.faults.steps import Fsync, Step, Write
from tornwrite.faults.trace import Site, Stepped, Trace
from tornwrite.scenarios.chosen_cuts import INNERMOST
from tornwrite.scenarios.earlier import traces_of, turn_of
from tornwrite.scenarios.fault_lanes import Effort
from tornwrite.scenarios.findings import own_sites
from tornwrite.scenarios.recording import drive, lay_down
from tornwrite.scenarios.subject import Scenario, Subject, WrongUse


@dataclass(frozen=True, slots=True)
class Place:
    """A step of the plain run, or an opening of a file for reading, and its source lines."""

    spot: Spot
    at: At
    sites: tuple[Site, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """One error at one place."""

    place: Place
    rule: Rule
    lasts: Lasts

    @property
    def words(self) -> str:
        """How a replay command names it: `12 ENOSPC once`."""
        spot = self.place.spot
        where = f"read {spot.number}" if spot.reads else f"{spot.number}"
        cut = f" after {spot.keep} B" if spot.keep else ""
        return f"{where} {self.rule.name} {self.lasts.value}{cut}"

    @property
    def what(self) -> str:
        """The error without its place, for the count."""
        cut = ", after a short write" if self.place.spot.keep else ""
        return f"{self.rule.name} {self.lasts.value}{cut}"

    @property
    def at(self) -> str:
        """The kind of step, for the count."""
        return kind_of(self.place.at)


def kind_of(at: At) -> str:
    """A step's kind in the words of the system: `write`, `fdatasync`, `open to read`."""
    match at:
        case ReadOpen():
            return "open to read"
        case Fsync(_, data_only):
            return "fdatasync" if data_only else "fsync"
        case _:
            name = type(at).__name__.lower()
            return "truncate" if name == "setsize" else name


class _Listener:
    """Lets everything happen and notes what was opened to be read, and from where."""

    def __init__(self) -> None:
        self.found: list[tuple[int, ReadOpen, tuple[Site, ...]]] = []
        self._sites = Sites(os.getcwd())

    def decide(self, number: int, step: Step) -> Proceed:
        return Proceed()

    def decide_read(self, number: int, opening: ReadOpen) -> Proceed | Fail:
        if current.thread.operation is not None:
            self.found.append((number, opening, self._sites.above(sys._getframe(1))))
        return Proceed()


def places(subject: Subject, scenario: Scenario, trace: Trace, root: str) -> list[Place]:
    """Every step of the plain run, and every opening for reading in it.

    root: a directory to run the scenario in once more. The looks of the harness are left out.
    """
    found = [
        Place(Spot(number), event.step, own_sites(event.sites))
        for number, event in enumerate(e for e in trace.events if isinstance(e, Stepped))
        if event.operation is not None
    ]
    listener = _Listener()
    lay_down(scenario.base, root)
    with Recorder(root, base=scenario.base, injector=listener, with_sites=False) as recorder:
        drive(subject, scenario, root, recorder)
    return found + [
        Place(Spot(number, reads=True), opening, own_sites(sites))
        for number, opening, sites in listener.found
    ]


def all_trials(found: Sequence[Place]) -> Iterator[Trial]:
    """Every error that each place can give, once and staying, short writes among them."""
    for place in found:
        for rule in rules_at(place.at):
            for lasts in rule.lasts:
                yield Trial(place, rule, lasts)
        if isinstance(place.at, Write) and len(place.at.data) > 1:
            spot = Spot(place.spot.number, keep=len(place.at.data) // 2)
            full = rule_of(place.at, "ENOSPC")
            assert full is not None
            for lasts in full.lasts:
                yield Trial(Place(spot, place.at, place.sites), full, lasts)


Line: TypeAlias = tuple[tuple[Site, ...], str]
"""A source line with its callers, INNERMOST of them, and the kind of step that it takes."""


def line_of(place: Place) -> Line:
    """The line of a place."""
    return place.sites[:INNERMOST], kind_of(place.at)


def lines_before(subject: Subject, scenario: Scenario) -> frozenset[Line]:
    """The lines by which the scenarios of the subject before this one take their steps.

    Those with threads do not count: no errors are tried in them.
    """
    before = subject.scenarios[: turn_of(subject, scenario)]
    traces = traces_of(subject) if before else {}
    return frozenset(
        (own_sites(event.sites)[:INNERMOST], kind_of(event.step))
        for one in before
        if one.name in traces and not one.lanes
        for event in traces[one.name].events
        if isinstance(event, Stepped) and event.operation is not None
    )


def chosen(
    found: Sequence[Place],
    effort: Effort,
    seed: str,
    *,
    known: frozenset[Line] = frozenset(),
    turn: int = 0,
) -> list[Trial]:
    """The trials of an effort. seed: what the choice among equals follows from.

    known, turn: at FULL, at lines that are known every second error of two turns on end is tried.
    """
    everything = list(all_trials(found))
    if effort is Effort.FULL:
        return list(_less_often(everything, seed, known, turn))
    groups: dict[tuple[object, ...], list[Trial]] = {}
    for trial in everything:
        groups.setdefault((trial.place.sites, trial.at, bool(trial.place.spot.keep)), []).append(
            trial
        )
    picked = [_one_of(group, seed) for group in groups.values()]
    most = MOST[effort]
    return sorted(picked, key=lambda trial: (not _comes_first(trial), _chance(trial, seed)))[:most]


def _less_often(
    trials: Sequence[Trial], seed: str, known: frozenset[Line], turn: int
) -> Iterator[Trial]:
    """Every error where a source line comes up first; one error each time that it does again.

    Of what a known one can give, those errors whose turn it is.
    """
    first: dict[Line, int] = {}
    again: dict[tuple[object, ...], list[Trial]] = {}
    for trial in trials:
        spot = trial.place.spot
        line = line_of(trial.place)
        if first.setdefault(line, spot.number) == spot.number:
            if line not in known or _has_its_turn(trial, turn):
                yield trial
        else:
            again.setdefault((spot, trial.lasts), []).append(trial)
    for group in again.values():
        yield min(group, key=lambda trial: _chance(trial, f"{seed} {trial.words}"))


def _has_its_turn(trial: Trial, turn: int) -> bool:
    names = [rule.name for rule in rules_at(trial.place.at)]
    return (names.index(trial.rule.name) + turn) % 2 == 0


MOST = {Effort.QUICK: 2, Effort.CI: 8}
"""How many places of a scenario are tried at most."""


def _one_of(group: Sequence[Trial], seed: str) -> Trial:
    for name in ("EIO",) if isinstance(group[0].place.at, Fsync) else ():
        syncs = [trial for trial in group if trial.rule.name == name]
        group = syncs or group
    return min(group, key=lambda trial: _chance(trial, seed))


def _comes_first(trial: Trial) -> bool:
    return isinstance(trial.place.at, Fsync | Write)


def _chance(trial: Trial, seed: str) -> int:
    # Without the folders: the same errors are tried wherever the store is installed.
    lines = (replace(site, file=os.path.basename(site.file)) for site in trial.place.sites)
    sites = ";".join(map(str, lines))
    return crc32(f"{seed} {sites} {trial.at} {trial.what}".encode())


_WORDS = re.compile(
    r"(?P<reads>read )?(?P<number>\d+) (?P<name>E[A-Z0-9]+) (?P<lasts>once|stays)"
    r"( after (?P<keep>\d+) B)?"
)


def parse_trial(words: str, found: Sequence[Place]) -> Trial:
    """The trial of those words. Raises WrongUse when there is no such trial (any more)."""
    match = _WORDS.fullmatch(words)
    if match is None:
        raise WrongUse(f"{words!r} is no error; one is '12 ENOSPC once', for example")
    reads, number = bool(match["reads"]), int(match["number"])
    keep = int(match["keep"] or 0)
    for place in found:
        if (place.spot.reads, place.spot.number) == (reads, number):
            rule = rule_of(place.at, match["name"])
            if rule is not None:
                spot = Spot(number, reads, keep)
                return Trial(Place(spot, place.at, place.sites), rule, Lasts(match["lasts"]))
    raise WrongUse(
        f"no step gives the error {words!r}: the store or the scenario has changed since; run the "
        "gate"
    )
