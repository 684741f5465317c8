"""The lane of crashes in recovery, and in the recovery after that, to a depth.

From each image that a crash left, a recovery is recorded: opening, looking, and the first thing
done, with which stores repair what they find. What another crash leaves of that is judged, and is
where the next recovery begins. What a power loss left is on the disk for good, so both kinds of
crash may follow. After a kill only another kill does: what the power takes then is the business of
`tornwrite.scenarios.kills.then_power`.
"""

import itertools
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tornwrite.faults.epochs import epochs
from tornwrite.faults.images import Image
from tornwrite.faults.profiles import KILL
from tornwrite.faults.states import CrashState
from tornwrite.faults.steps import describe
from tornwrite.faults.trace import Stepped, Trace
from tornwrite.model.judge import Permitted, judge
from tornwrite.model.operation import canonical
from tornwrite.model.results import Finding
from tornwrite.scenarios.fault_lanes import Again, Effort, Fault, FaultLane, Job, LaneRun
from tornwrite.scenarios.findings import Collected, evidence, own_sites
from tornwrite.scenarios.promised import under
from tornwrite.scenarios.recovery_crashes.chains import (
    Crashed,
    Link,
    chain_of,
    finding_of,
    operations_of,
)
from tornwrite.scenarios.recovery_crashes.images import Crashes, Kinds, at_the_end
from tornwrite.scenarios.recovery_crashes.recording import (
    Recovering,
    failures,
    promised_within,
    record_recovery,
    still_promised,
    ways_to_go_on,
)
from tornwrite.scenarios.subject import Scenario, Subject

NAME = "crash in recovery"
"""What this lane is called where profiles are named."""


MOST_BYTES = 64 * 1024
"""What a scenario may write, in bytes, for its recoveries to be broken off."""


def bytes_written(scenario: Scenario) -> int:
    """How many bytes a scenario hands to its subject and finds on the disk, about."""
    given = sum(len(canonical(operation.arguments)) for operation in scenario.every_operation)
    return given + sum(len(node) for _, node in scenario.base if isinstance(node, bytes))


@dataclass(frozen=True, slots=True)
class RecoveryCrashes:
    """Crashes in recoveries. depth: how many recoveries in a row are broken off."""

    depth: int = 2
    name: str = NAME

    def concerns(self, subject: Subject, scenario: Scenario) -> bool:
        """All but those with very long messages: a recovery that rewrites so many pages at once
        has more crash states than can be gone through."""
        return bytes_written(scenario) <= MOST_BYTES

    def leaves_out(self, effort: Effort) -> str:
        """What is not tried at this effort."""
        cuts = (
            f"scenarios that write more than {MOST_BYTES:,} bytes; kills within long writes at all "
            "but chosen bytes"
        )
        if effort is Effort.FULL:
            return (
                f"{cuts}; of recoveries that do the same, line by line of source, all but the "
                "first; of the ways to go on from an image, all but one; in second recoveries, of "
                "images of one kind all but the first"
            )
        deeper = "; crashes in second recoveries" if effort is Effort.QUICK else ""
        return (
            f"{cuts}, within writes of a recovery after a power loss altogether; crashes in "
            "recovery after several had worked at once; of images of one kind, and of recoveries "
            f"that take no new step after another, all but the first{deeper}"
        )

    def run(self, job: Job) -> LaneRun:
        """Crash, recover, crash again: all of it for a recorded scenario."""
        search = _Search(job)
        if search.all or not job.scenario.lanes:
            level = search.first()
            for _ in range(1 if job.effort is Effort.QUICK else self.depth):
                level = search.next(level)
        return search.finished()

    def replay(self, job: Job, again: Again) -> tuple[Finding, ...]:
        """What is wrong when the crashes of that chain happen again.

        Raises WrongUse when they cannot (any more).
        """
        crashed, recovering, crash, way = chain_of(job, again, NAME)
        collected = Collected(recovering.trace)
        promised = promised_within(job.subject, recovering, crashed.promised)
        assessor = job.assessors.of(recovering.names)
        for permitted in promised[crash.state.epoch].values():
            promise = under(permitted, crash.profile)
            for violation in judge(job.subject.model, promise, assessor(crash.state.image)):
                collected.add(violation, crash.profile, crash.state)
        for violation in failures(job.subject, recovering.trace):
            collected.add(violation, crash.profile, crash.state)
        return tuple(
            finding_of(job, NAME, crashed.chain, recovering, shown, way)
            for shown in collected.all()
        )


@dataclass(slots=True)
class _Search:
    """A search through the crashes of one scenario, depth by depth."""

    job: Job
    run: LaneRun = field(default_factory=LaneRun)
    judged: set[tuple[Image, Hashable]] = field(default_factory=set)
    recovered: set[tuple[Image, Hashable, bool]] = field(default_factory=set)
    steps_seen: set[object] = field(default_factory=set)
    kinds: Kinds = field(default_factory=Kinds)
    closed: bool = False

    @property
    def all(self) -> bool:
        return self.job.effort is Effort.FULL

    def finished(self) -> LaneRun:
        if self.closed:
            self.run.barred.append(
                "what some crashes of the plain run left does not come back as promised, which is "
                "told under the profiles; no recovery from that was crashed"
            )
            self.run.stopped += self.run.barred
        return self.run

    def first(self) -> list[Crashed]:
        """What the crashes of the plain run leave, where it can be recovered."""
        job = self.job
        trace = job.recorded.trace
        crashes = self._crashes(trace)
        assessor = job.assessors.of(job.subject.model.names(job.scenario.every_operation))
        wanted, operations = epochs(trace), operations_of(trace)
        found = _Level()
        for crash in crashes if self.all else Kinds().new_of(crashes):
            state = crash.state
            permitted = under(job.permitted[state.epoch], crash.profile)
            promised = {promise_key(permitted, state.epoch): permitted}
            if not still_promised(promised, assessor(state.image)):
                self.closed = True
                continue
            flying = tuple(operations[number] for number in wanted[state.epoch].in_flight)
            chain = (Link(trace, crash, 0),)
            found.add(Crashed(promised, dict.fromkeys(promised, chain), flying))
        self._note(crashes)
        return found.all()

    def next(self, level: Iterable[Crashed]) -> list[Crashed]:
        """What crashes in the recoveries of these images leave, where it is as promised."""
        found = _Level()
        for number, crashed in enumerate(level):
            new = {
                key: permitted
                for key, permitted in crashed.promised.items()
                if (crashed.image, key, True) not in self.recovered
                and (crashed.image, key, crashed.durable) not in self.recovered
            }
            if new and not self._spent():
                crashed.promised = new
                self.recovered.update((crashed.image, key, crashed.durable) for key in new)
                for way, recovering in self._recover(crashed, number):
                    for one in self._judge(crashed, way, recovering):
                        found.add(one)
        return found.all()

    def _recover(self, crashed: Crashed, number: int) -> Iterator[tuple[int, Recovering]]:
        """A recovery of the image if it does what none did before; the ways to go on take turns."""
        job = self.job
        names = job.subject.model.names(job.scenario.every_operation)
        observed = job.assessors.of(names)(crashed.image).observed
        if observed is None:
            return
        ways = ways_to_go_on(job.subject, crashed.image, crashed.in_flight, observed)
        way = number % max(len(ways), 1)
        going_on = ways[way] if ways else ()
        recovering = record_recovery(job.subject, job.scenario, crashed.image, going_on, job.live)
        lines = [
            (type(event.step), own_sites(event.sites))
            for event in recovering.trace.events
            if isinstance(event, Stepped)
        ]
        done: set[object] = {(tuple(lines), crashed.durable, _is_bound(crashed))}
        if not self.all:
            inner = [(kind, sites[:1]) for kind, sites in lines]
            done = set(itertools.pairwise(inner))
        if not done <= self.steps_seen:
            self.steps_seen |= done
            yield way, recovering

    def _judge(self, crashed: Crashed, way: int, recovering: Recovering) -> Iterator[Crashed]:
        """Judge what crashes in the recovery leave; those that are as promised are gone on from."""
        job, run, trace = self.job, self.run, recovering.trace
        promised = promised_within(job.subject, recovering, crashed.promised)
        assessor = job.assessors.of(recovering.names)
        first, *_ = crashed.chains
        collected: dict[Hashable, Collected] = {first: Collected(trace)}
        # What a kill leaves between two steps a power loss may leave, too.
        crashes = self._crashes(trace, power_too=crashed.durable, kills_too=self.all)
        for violation in failures(job.subject, trace):
            collected[first].add(violation, KILL, at_the_end(trace))
        every = self.all and len(crashed.chain) == 1
        for crash in crashes if every else self.kinds.new_of(crashes):
            image = crash.state.image
            kept = Crashed({}, {}, crashed.in_flight)
            for key, promise in promised[crash.state.epoch].items():
                permitted = under(promise, crash.profile)
                if (image, key) in self.judged or self._spent():
                    continue
                self.judged.add((image, key))
                run.images.add(image)
                cause = key if key in crashed.chains else first
                chain = crashed.chains[cause]
                what = f"{crash.word} at depth {len(chain)}"
                run.tried[Fault(NAME, _at(trace, crash.state), what)] += 1
                wrong = judge(job.subject.model, permitted, assessor(image))
                for violation in wrong:
                    ours = collected.setdefault(cause, Collected(trace))
                    ours.add(violation, crash.profile, crash.state)
                if not wrong:
                    kept.promised[key] = permitted
                    kept.chains[key] = (*chain, Link(trace, crash, way))
            if kept.promised:
                yield kept
        self._note(crashes)
        self.job.progress(NAME, len(self.judged))
        run.findings += (
            evidence(finding_of(job, NAME, crashed.chains[cause], recovering, shown, way), shown)
            for cause, ours in collected.items()
            for shown in ours.all()
        )

    def _crashes(self, trace: Trace, *, power_too: bool = True, kills_too: bool = True) -> Crashes:
        budget, seed = self.job.budget, self.job.seed
        return Crashes(trace, budget, seed, power_too, kills_too, every_byte=False)

    def _note(self, crashes: Crashes) -> None:
        if crashes.stopped:  # and then the images of this one trace were drawn by lot
            self.run.sampled.append(crashes.stopped)

    def _spent(self) -> bool:
        if len(self.judged) < self.job.budget:
            return False
        self.run.stopped.append(f"budget of {self.job.budget} images reached")
        return True


class _Level:
    """Images at one depth, each once: what may come back adds up."""

    def __init__(self) -> None:
        self._found: dict[tuple[Image, str, bool], Crashed] = {}

    def add(self, new: Crashed) -> None:
        # What was in flight says how the recovery may go on.
        flying = str(new.in_flight)
        known = self._found.get((new.image, flying, True))
        if known is None:
            known = self._found.setdefault((new.image, flying, new.durable), new)
        if known is not new:
            known.promised = {**known.promised, **new.promised}
            for key, chain in new.chains.items():
                known.chains.setdefault(key, chain)

    def all(self) -> list[Crashed]:
        """First those where only one state may come back: there the most can be wrong."""
        return sorted(self._found.values(), key=_is_bound, reverse=True)


def _is_bound(crashed: Crashed) -> bool:
    """Whether only one state may come back, by one of the promises."""
    return any(len(permitted.states) == 1 for permitted in crashed.promised.values())


def promise_key(permitted: Permitted[Any], epoch: int) -> Hashable:
    """What is the same for two promises only if the same may come back."""
    return permitted.views, epoch if permitted.also is not None else 0


def _at(trace: Trace, state: CrashState) -> str:
    at = state.point if state.cut is not None else state.point - 1
    return describe(trace.steps[at]).split()[0] if at >= 0 else "start"


RECOVERY_CRASHES: FaultLane = RecoveryCrashes()
