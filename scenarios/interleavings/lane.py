"""The lane of interleavings: a scenario of several lanes under every order of turns, up to a bound.

Orders are gone through by the number of switches that take the turn from a lane that could
go on (Musuvathi and Qadeer, PLDI 2007): without one, with one, with two. Most errors need no more.
What each run shows is judged, and what a kill or a power loss leaves of it at every moment. Where
there are more orders than are to be run, some are drawn by lot and the lane says so.
"""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tornwrite.faults.epochs import epochs
from tornwrite.faults.images import Image, digest
from tornwrite.faults.recording_errors import RecorderBlind, UnknownStep
from tornwrite.faults.schedules import Drawn, Given, Search, Switches, fewer, parse_switches
from tornwrite.faults.states import CrashState, states_at
from tornwrite.faults.trace import Began
from tornwrite.model.judge import judge
from tornwrite.model.linearise import TooManyOrders
from tornwrite.model.operation import Operation
from tornwrite.model.results import Finding
from tornwrite.scenarios.fault_lanes import Again, Effort, Fault, FaultLane, Job, LaneRun
from tornwrite.scenarios.findings import Collected, Evidence, Shown, finding
from tornwrite.scenarios.interleavings.runs import Interleaved, Judge, Sign, assessor_of, run_under
from tornwrite.scenarios.permitted import permitted_by_epoch
from tornwrite.scenarios.promised import under
from tornwrite.scenarios.recording import HarnessBroken
from tornwrite.scenarios.subject import Scenario, Subject, WrongUse

NAME = "interleavings"
NO_SWITCH = "no switch"
"""The words for the order without any switch."""

MOST_WRONG = 20
"""After how many runs that show something the lane stops: more would say the same."""

_MOST_TRIES = 60


@dataclass(frozen=True, slots=True)
class Extent:
    """How far the lane goes with a scenario.

    switches: the bound. events: how many all runs that go through orders may record together.
    drawn: how many orders are drawn by lot where not all with one switch fit into that.
    images: after how many the crashes of further runs in drawn orders are left out. every_byte:
    a kill cuts writes at every byte in scenarios gone through with so many switches; in others near
    their ends and in the middle.
    """

    switches: int
    events: int
    drawn: int
    images: int
    every_byte: int

    def runs(self, events: int) -> int:
        """How many runs that is of a scenario of so many events."""
        return max(self.events // events, 2)


EXTENTS = {
    Effort.QUICK: Extent(switches=1, events=1_500, drawn=2, images=0, every_byte=4),
    Effort.CI: Extent(switches=2, events=3_000, drawn=4, images=0, every_byte=4),
    Effort.FULL: Extent(switches=3, events=25_000, drawn=24, images=2_000, every_byte=3),
}

WANTED_SWITCHES = 1
"""Where not even all orders with so many switches are run, some are drawn by lot."""


class InterleavingLane:
    """The lane. It concerns scenarios in which several do something at once."""

    @property
    def name(self) -> str:
        return NAME

    def concerns(self, subject: Subject, scenario: Scenario) -> bool:
        """Whether at least two lanes do something at once.

        One of several scenarios is enough that differ only in what their seed draws.
        """
        same = (one for one in subject.scenarios if _but_for_its_seed(one, scenario))
        return len(scenario.lanes) > 1 and next(same, scenario) is scenario

    def leaves_out(self, effort: Effort) -> str:
        """What no run is made of."""
        extent = EXTENTS[effort]
        crashes = "" if extent.images else ", and the crashes of that"
        few = extent.every_byte <= extent.switches
        where = f" where not all with {_count(extent.every_byte)} are run" if few else ""
        return (
            f"orders with more than {_count(extent.switches)}, or where those take more than "
            f"{extent.events:,} events; all but a sample of those with {_count(WANTED_SWITCHES)} "
            f"where they take more{crashes}; kills within a write, but for three of each{where}"
        )

    def run(self, job: Job) -> LaneRun:
        """Run the scenario under every order of turns that the effort asks for, and judge it."""
        run = LaneRun()
        trial = _Trial(job, run)
        try:
            trial.go_through(EXTENTS[job.effort])
        except (HarnessBroken, RecorderBlind, UnknownStep) as error:
            run.broken.append(f"{NAME}: {error}")
        run.findings += trial.findings()
        return run

    def replay(self, job: Job, again: Again) -> tuple[Finding, ...]:
        """Run the scenario under that order of turns, with that crash if there was one.

        Raises WrongUse when the order or the crash is none of the scenario's (any more),
        HarnessBroken when the scenario cannot be run in turns.
        """
        given = Given(_switches(again.fault))
        run = run_under(job, given)
        if given.passed_over or given.not_reached:
            raise WrongUse(
                f"{job.scenario.name} does not come to the switches {again.fault}: the store or "
                "the scenario has changed since; run the gate"
            )
        live = again.profile is None
        shown = Judge(job).shown_live(run) if live else _crashed(job, run, again)
        return tuple(_finding(job, run, one) for one in shown)


INTERLEAVINGS: FaultLane = InterleavingLane()


class _Trial:
    """One scenario, run and judged again and again."""

    def __init__(self, job: Job, run: LaneRun) -> None:
        self._job = job
        self._run = run
        self._judge = Judge(job)
        self._at = kind_of_lanes(job.scenario)
        self._found: dict[Sign, tuple[Finding, set[Image]]] = {}
        self._right: list[Interleaved] = []
        self._wrong = 0

    def findings(self) -> list[Evidence]:
        return [Evidence(found, frozenset(images)) for found, images in self._found.values()]

    def go_through(self, extent: Extent) -> None:
        """Run and judge all orders that fit into the extent, then the crashes of those."""
        job = self._job
        search = Search(extent.switches, extent.runs(len(job.recorded.trace.events)), job.seed)
        for given in search:
            self._try(given)
            if given.passed_over or given.not_reached:
                raise HarnessBroken(
                    f"{job.scenario.name} did not do the same again ({words_of(given.switches)}): "
                    "what it does depends on more than the order of turns"
                )
            if self._is_enough():
                return
        self._judge.every_byte = search.complete >= extent.every_byte
        if search.complete >= WANTED_SWITCHES:
            self._crash(self._right)
            if self._judge.short:
                self._run.stopped.append(self._judge.short)
        else:
            self._draw(search, extent)

    def _draw(self, search: Search, extent: Extent) -> None:
        """Half of them with the fewest switches that were not gone through, half with many."""
        number, seed = search.complete + 1, self._job.seed
        few = search.sample(extent.drawn // 2)
        for switches in few:
            self._try(Given(switches), "sampled")
        for at in range(extent.drawn - len(few)):
            self._try(Drawn(seed + at), "sampled")
        # Those that were drawn first: they are the furthest from the one that was recorded.
        crashed = self._crash(self._right[::-1], extent.images)
        self._run.sampled.append(
            f"{sum(search.runs)} orders run, of at least {search.with_one_more:,} with "
            f"{_count(number)}, and {extent.drawn} drawn by lot; crashes in {crashed} of them"
        )
        if crashed and self._judge.short:
            self._run.sampled.append(self._judge.short)

    def _is_enough(self) -> bool:
        if self._wrong >= MOST_WRONG and not self._run.stopped:
            self._run.barred.append(f"{MOST_WRONG} orders showed something wrong")
            self._run.stopped += self._run.barred
        return self._wrong >= MOST_WRONG

    def _try(self, given: Given, what: str = "") -> None:
        if self._is_enough():
            return
        run = run_under(self._job, given)
        if not self._judge.is_new(run):
            return
        self._run.tried[Fault(NAME, self._at, what or _count(run.cost))] += 1
        self._job.progress(NAME, self._run.tried.total())
        if not self._note(run, self._judge.shown_live):
            self._right.append(run)

    def _crash(self, runs: Sequence[Interleaved], most_images: int | None = None) -> int:
        """Judge what crashes leave of the runs. Returns of how many, with so many images."""
        images = self._judge.images
        crashed = 0
        for run in runs:
            full = most_images is not None and len(images) >= most_images
            if full or self._is_enough():
                break
            self._note(run, self._judge.shown_by_crashes)
            self._job.progress(NAME, len(images))
            crashed += 1
        self._run.images |= images
        return crashed

    def _note(self, run: Interleaved, look: Callable[[Interleaved], list[Shown]]) -> bool:
        """Note what is shown by a look at the run. Returns whether anything is."""
        try:
            all_shown = look(run)
        except TooManyOrders as error:
            self._run.stopped.append(str(error))
            return True
        for shown in all_shown:
            sign = Sign.of(shown)
            if sign not in self._found:
                smallest, again = _smallest(self._job, run, shown)
                self._found[sign] = _finding(self._job, smallest, again), set()
            self._found[sign][1].update(shown.images)
        self._wrong += bool(all_shown)
        return bool(all_shown)


def _smallest(job: Job, run: Interleaved, shown: Shown) -> tuple[Interleaved, Shown]:
    """The same with as few switches as show it."""
    sign, best, left = Sign.of(shown), (run, shown), _MOST_TRIES

    def shows(switches: Switches) -> Switches | None:
        nonlocal best, left
        left -= 1
        if left < 0:
            return None
        other = run_under(job, Given(switches))
        try:
            judge_anew = Judge(job)
            found = (judge_anew.shown_by_crashes if sign.crashed else judge_anew.shown_live)(other)
        except TooManyOrders:
            return None
        same = next((one for one in found if Sign.of(one) == sign), None)
        if same is None or len(other.switches) >= len(best[0].switches):
            return None
        best = (other, same)
        return other.switches

    fewer(run.switches, shows)
    return best


def _crashed(job: Job, run: Interleaved, again: Again) -> list[Shown]:
    """What is wrong with what that one crash leaves of the run."""
    trace = run.recorded.trace
    assert again.profile is not None
    epoch, point = again.epoch or 0, again.point or 0
    for image in states_at(trace, again.profile, epoch, point, again.cut):
        if digest(image) == again.image:
            break
    else:
        raise WrongUse(
            f"no crash at point {point} of {job.scenario.name} in the order {again.fault} leaves "
            f"image {again.image} under {again.profile.name}: the store or the scenario has "
            "changed since; run the gate"
        )
    wanted = frozenset((epoch,))
    permitted = under(
        permitted_by_epoch(job.subject, job.scenario, trace, wanted)[epoch], again.profile
    )
    collected = Collected(trace)
    state = CrashState(epoch, point, image, again.cut)
    for violation in judge(job.subject.model, permitted, assessor_of(job)(image)):
        collected.add(violation, again.profile, state)
    return collected.all()


def _finding(job: Job, run: Interleaved, shown: Shown) -> Finding:
    """The finding, with the order of turns that it takes."""
    found = finding(job.subject.name, job.scenario.name, run.recorded.trace, shown)
    parts = ["tornwrite", "replay", job.subject.name, "--scenario", job.scenario.name]
    parts += ["--fault", f"{NAME}: {words_of(run.switches)}"]
    if shown.profile is not None:
        state = shown.state
        parts += ["--profile", found.profile, "--epoch", str(state.epoch)]
        parts += ["--point", str(state.point)]
        parts += ["--cut", str(state.cut)] if state.cut is not None else []
        parts += ["--image", found.image]
    else:
        found = replace(found, profile=NAME, profiles=(NAME,))
    if run.stuck:
        acknowledged, in_flight = _come_to(run)
        found = replace(found, acknowledged=acknowledged, in_flight=in_flight)
    told = f"{found.violation.recovered} ({_count(run.cost)}: {run.told})"
    return replace(
        found, violation=replace(found.violation, recovered=told), replay=shlex.join(parts)
    )


def _come_to(run: Interleaved) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The operations that had returned when the run got stuck, and those that had not."""
    last = epochs(run.recorded.trace)[-1]
    names = {
        event.number: str(Operation(event.name, event.arguments))
        for event in run.recorded.trace.events
        if isinstance(event, Began)
    }
    return tuple(names[at] for at in last.ended), tuple(names[at] for at in last.in_flight)


def kind_of_lanes(scenario: Scenario) -> str:
    """What takes turns: `threads`, `processes`, or both."""
    kinds = {"processes" if lane.process else "threads" for lane in scenario.lanes}
    return " and ".join(sorted(kinds, reverse=True))


def _but_for_its_seed(one: Scenario, other: Scenario) -> bool:
    return replace(one, name="", seed=0) == replace(other, name="", seed=0)


def words_of(switches: Switches) -> str:
    """The lane's words for an order of turns: `3>1 17>0`."""
    return " ".join(map(str, switches)) or NO_SWITCH


def _switches(words: str) -> Switches:
    try:
        return () if words == NO_SWITCH else parse_switches(words)
    except ValueError as error:
        raise WrongUse(f"{error}; take the words from a finding") from error


def _count(switches: int) -> str:
    return "1 switch" if switches == 1 else f"{switches} switches"
