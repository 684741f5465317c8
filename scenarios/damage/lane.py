"""The lane of bit rot and foreign files: reported, never obeyed, never made worse.

The images of a run are damaged, one damage at a time, and the store is opened on each: it is asked
what it holds and what is wrong, written to, opened again. `tornwrite.model.damage` says what it
owes then. Beside the files at rest there is what a card does to its neighbours when the power fails
in a write: a whole erase block of other files, synced long ago, reads as something else.
"""

import random
import shlex
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tornwrite.faults.damage import (
    Damage,
    Fill,
    ForeignFile,
    Overwritten,
    Unreadable,
    Vanished,
    apply,
    kind,
    printable,
    words,
)
from tornwrite.faults.damage_choices import HUGE, Choice, foreign, role, to_file
from tornwrite.faults.images import Image, digest
from tornwrite.faults.profiles import KILL, SDCARD
from tornwrite.faults.read_errors import ReadFails
from tornwrite.faults.states import CrashState
from tornwrite.model import promises
from tornwrite.model.damage import Damageable, DamageJudged, Held, declared
from tornwrite.model.damage_judge import judge_damage
from tornwrite.model.results import Finding, StepLine
from tornwrite.model.verdict import Kind, Violation
from tornwrite.scenarios.damage.harm import harm_of, lines_of, messages_of, owners, ruined
from tornwrite.scenarios.damage.plan import Moment, Moments, Plan, choose_write, moments
from tornwrite.scenarios.damage.recovery import LINKS, DamageBench, Recovered
from tornwrite.scenarios.fault_lanes import Again, Effort, Fault, Job, LaneRun
from tornwrite.scenarios.findings import Evidence, Shown, content_told, finding
from tornwrite.scenarios.subject import Scenario, Subject, WrongUse

NAME = "damage"


@dataclass(frozen=True, slots=True)
class _Try:
    """One damage to try at one moment of a run."""

    moment: Moment
    damage: Damage

    @property
    def words(self) -> str:
        return f"{self.moment.where} {words(self.damage)}"

    @property
    def what(self) -> str:
        beside = " beside a write" if self.moment.writing else ""
        return kind(self.damage) + beside


class DamageLane:
    """Damage of files at rest, foreign files, and erase blocks lost beside a write."""

    name = NAME

    def concerns(self, subject: Subject, scenario: Scenario) -> bool:
        return isinstance(subject.model, Damageable)

    def unconcerned(self, subject: Subject) -> str:
        """Why a subject is left out, for who runs it; empty when it is not."""
        if isinstance(subject.model, Damageable):
            return ""
        return f"{type(subject.model).__name__} has no contents(): what damage does is not judged"

    def leaves_out(self, effort: Effort) -> str:
        match effort:
            case Effort.FULL:
                return "seven bits of a byte, two of three bytes of files alike, most above 2 KiB"
            case Effort.CI:
                return "most bits, sizes, blocks and writes; images that are not a run's last"
            case Effort.QUICK:
                return "the same, and all but the first file of each kind"

    def run(self, job: Job) -> LaneRun:
        """Damage what this scenario has and no earlier one, and its directory as a whole."""
        lane = LaneRun()
        work = _Work(job, moments(job.recorded.trace))
        for number, one in enumerate(_tries(job, work.found)):
            if number == job.budget:
                lane.stopped.append(f"budget of {job.budget} images reached")
                break
            judged = work.judged(one)
            excused = ", unnoticed as declared" if judged.excused else ""
            lane.tried[Fault(NAME, role(one.damage.path), one.what + excused)] += 1
            image = apply(one.moment.image, one.damage)
            lane.images.add(image)
            lane.findings += (
                Evidence(work.finding(one, image, violation), frozenset({image}))
                for violation in judged.violations
            )
            job.progress(NAME, number)
        lane.findings += work.false_alarms()
        return lane

    def replay(self, job: Job, again: Again) -> tuple[Finding, ...]:
        work = _Work(job, moments(job.recorded.trace))
        for effort in Effort:
            for one in _tries(replace(job, effort=effort), work.found, planned=False):
                if one.words == again.fault:
                    image = apply(one.moment.image, one.damage)
                    return tuple(
                        work.finding(one, image, violation)
                        for violation in work.judged(one).violations
                    )
        raise WrongUse(
            f"{job.scenario.name} leaves nothing to damage so: {again.fault!r}; the store or the "
            "scenario has changed since; run the gate"
        )


DAMAGE = DamageLane()


# What to try


_PLANS: dict[tuple[int, Effort], tuple[Subject, Plan]] = {}
_MOST_PLANS = 16


def _plan(subject: Subject, effort: Effort) -> Plan:
    """The subject's, worked out once in each process: its scenarios share it."""
    key = (id(subject), effort)
    known = _PLANS.get(key)
    if known is None or known[0] is not subject:
        if len(_PLANS) >= _MOST_PLANS:
            _PLANS.clear()
        known = _PLANS[key] = (
            subject,
            Plan(
                subject,
                with_boundaries=effort is Effort.FULL,
                by_kind=effort is Effort.QUICK,
            ),
        )
    return known[1]


def _choice(job: Job, *, final: bool) -> Choice:
    seed = f"{job.seed} {zlib.crc32(job.scenario.name.encode())}"
    return Choice(final and job.effort is Effort.FULL, seed)


def _tries(job: Job, found: Moments, *, planned: bool = True) -> Iterator[_Try]:
    """All that is tried. planned: only what no earlier scenario of the subject has."""
    first = True
    plan: Plan | None = None
    if planned:
        plan = _plan(job.subject, job.effort)
        chosen = list(plan.of(job.scenario, found))
        first = plan.is_first_of_its_kind(job.scenario, found)
    else:
        chosen = [
            (moment, tuple(path for path, node in moment.image if isinstance(node, bytes)))
            for moment in (found.final, *found.boundaries)
        ]
    for moment, files in chosen:
        choice = _choice(job, final=moment is found.final)
        for path in files:
            content = dict(moment.image)[path]
            assert isinstance(content, bytes)
            older = moment.older.get(path, ())
            known = None
            if plan is not None:
                known = plan.known_lines(job.scenario, moment, path, content)
            for damage in to_file(moment.image, path, LINKS, older, choice, known):
                yield _Try(moment, damage)
        if first and moment is found.final and not _is_huge(moment.image):
            for one in foreign(moment.image, found.known, choice):
                yield _Try(moment, one)
    every = job.effort is Effort.FULL or not planned
    seed = _choice(job, final=True).seed
    writes = choose_write(found.writes, seed) if first or job.effort is Effort.CI else []
    for moment in found.writes if every else writes:
        if _is_huge(moment.image):
            continue
        for erased in _erased(moment.image, seed):
            some = erased if every else random.Random(f"{seed} {moment.where}").sample(erased, 1)
            yield from (_Try(moment, damage) for damage in some)


def _is_huge(image: Image) -> bool:
    return sum(len(node) for _, node in image if isinstance(node, bytes)) > HUGE


def _erased(image: Image, seed: str) -> Iterator[list[Damage]]:
    """Of each file: an erase block reads as something else, or not at all."""
    for path, node in image:
        if isinstance(node, bytes) and node:
            length = min(len(node), SDCARD.erase_block)
            garbage = zlib.crc32(f"{seed} {path}".encode("utf-8", "surrogateescape"))
            yield [
                *(Overwritten(path, 0, length, fill, garbage) for fill in Fill),
                Unreadable(path, ReadFails.READ),
            ]


# What comes of it


@dataclass(slots=True)
class _Work:
    """The bench, and what is known of the images that are not damaged."""

    job: Job
    found: Moments
    _bench: DamageBench = field(init=False)
    _names: tuple[str, ...] = field(init=False)
    _unchecked: frozenset[bytes] = field(init=False)
    _sound: dict[Image, Recovered] = field(default_factory=dict)
    _gone: dict[tuple[Image, str], Mapping[str, Held]] = field(default_factory=dict)
    _plain: dict[Moment, Finding] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._bench = DamageBench(self.job.subject, self.job.live)
        model: Any = self.job.subject.model
        last = self.job.permitted[max(self.job.permitted)]
        states = (*last.states, *last.past)
        held = (name for state in states for name in model.contents(model.view(state)))
        named = model.names(self.job.scenario.every_operation)
        self._names = tuple(dict.fromkeys([*named, *held]))
        self._unchecked = lines_of(self.job.scenario.base)

    def judged(self, one: _Try) -> DamageJudged:
        model: Any = self.job.subject.model
        image, damage = one.moment.image, one.damage
        permitted = self.job.permitted[one.moment.epoch]
        sound = self._sound_run(image).run.observed or {}
        before = model.contents(sound)
        without: Mapping[str, Held] = {}
        whose = frozenset[str]()
        if not isinstance(damage, ForeignFile):
            without = self._without(image, damage.path)
            changed = (name for name in before if without.get(name, Held()) != before[name])
            whose = owners(damage.path, self._names, changed)
        shown_before = messages_of(before)
        passing = self._passing(image) | one.moment.fresh
        harm = harm_of(image, damage, whose, shown_before, self._unchecked, passing, without)
        recovered = self._bench.recover(image, damage, self._names, sound)
        run = replace(recovered.run, **self._news(image, recovered))
        shown = {
            number: messages_of(model.contents(moment.observed or {}))
            for number, moment in enumerate(recovered.disk)
        }
        run = replace(
            run,
            ruined=ruined(image, damage, shown_before, recovered.disk, shown, passing),
            touched=tuple(f"{path} is changed" for path in recovered.outside),
        )
        return judge_damage(model, permitted, harm, run, declared(self.job.subject.weakened))

    def _news(self, image: Image, recovered: Recovered) -> dict[str, Any]:
        """What was said that is not said of the undamaged image too."""
        before = self._sound_run(image).run
        old = frozenset(before.said)
        return {
            "told": {
                name: [text for text in texts if text not in before.told.get(name, ())]
                for name, texts in recovered.run.told.items()
            },
            "said": tuple(text for text in recovered.run.said if text not in old),
        }

    def _sound_run(self, image: Image) -> Recovered:
        if image not in self._sound:
            self._sound[image] = self._bench.recover(image, None, self._names)
        return self._sound[image]

    def _passing(self, image: Image) -> frozenset[str]:
        """The files that opening takes away anyway: what a killed writer had not finished."""
        disk = self._sound_run(image).disk
        left = {path for path, _ in disk[0].image} if disk else set()
        return frozenset(path for path, _ in image if path not in left)

    def _without(self, image: Image, path: str) -> Mapping[str, Held]:
        """What the sessions hold when the file is gone."""
        key = (image, path)
        if key not in self._gone:
            model: Any = self.job.subject.model
            gone = self._bench.recover(image, Vanished(path), self._names).run.observed
            self._gone[key] = model.contents(gone or {})
        return self._gone[key]

    def false_alarms(self) -> Iterator[Evidence]:
        """What is told to be wrong where nothing was when the run began, and no fault came."""
        final = self.found.final
        base = self.job.scenario.base
        if base and self._alarms(base):
            return
        for text in self._alarms(final.image):
            wanted = "nothing is told to be wrong: nothing was damaged"
            violation = Violation(Kind.UNCLEAR, promises.DAMAGE, "the store", wanted, text)
            shown = Shown(violation, KILL, CrashState(final.epoch, final.point, final.image))
            job = self.job
            plain = finding(job.subject.name, job.scenario.name, job.recorded.trace, shown)
            command = ["tornwrite", "gate", job.subject.name, "--scenario", job.scenario.name]
            again = shlex.join([*command, "--lane", NAME])
            told = replace(plain, profile=NAME, profiles=(NAME,), replay=again)
            yield Evidence(told, frozenset({final.image}))

    def _alarms(self, image: Image) -> list[str]:
        run = self._sound_run(image).run
        return [*run.said, *(one for texts in run.told.values() for one in texts)]

    def finding(self, one: _Try, image: Image, violation: Violation) -> Finding:
        """The finding of a violation. image: the damaged one."""
        job, moment = self.job, one.moment
        plain = self._plain.get(moment)
        if plain is None:
            shown = Shown(violation, KILL, CrashState(moment.epoch, moment.point, moment.image))
            plain = finding(job.subject.name, job.scenario.name, job.recorded.trace, shown)
            self._plain[moment] = plain
        about = f"{role(one.damage.path)}, {one.what}"
        step = StepLine(moment.point, one.words, "damage", (about,), "")
        fault = f"{NAME}: {one.words}"
        command = ["tornwrite", "replay", job.subject.name, "--scenario", job.scenario.name]
        return replace(
            plain,
            profile=NAME,
            profiles=(NAME,),
            violation=violation,
            images=1,
            image=digest(image),
            steps=(step,),
            protect=step.number,
            files=tuple((printable(path), content_told(node)) for path, node in image),
            replay=shlex.join([*command, "--fault", fault]),
        )
