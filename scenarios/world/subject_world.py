"""One world: a subject, its disk, all that happened to both, and the crashes that become real.

A crash of the machine ends what is recorded so far and begins anew on its image. How much of the
past goes on counting depends on the crash:

- The power failed: what the image holds is on the disk for good, all else is gone.
- The process was killed: the page cache goes on, and what had not been synced still is not. The
  trace goes on too, so a later power loss can still take what the dead process left unsynced.

The same holds for promises (`tornwrite.scenarios.promised`).
"""

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tornwrite.faults.images import EMPTY, Image
from tornwrite.faults.profiles import DEFAULT, PowerLoss, ProcessKill, Profile
from tornwrite.faults.scratch import Workspace
from tornwrite.faults.states import CrashState
from tornwrite.faults.trace import Event, Restarted, Stepped, Trace
from tornwrite.model.judge import Assessed, Model, Permitted, assess, judge
from tornwrite.model.machine import Violated
from tornwrite.model.operation import Observation, Operation, canonical
from tornwrite.model.verdict import Violation
from tornwrite.scenarios.continuation import boundaries, closings, until
from tornwrite.scenarios.promised import PermittedAfter, Promised
from tornwrite.scenarios.recording import OPEN, HarnessBroken, check_whole, said
from tornwrite.scenarios.recovery import Bench
from tornwrite.scenarios.subject import WrongUse
from tornwrite.scenarios.world.failure import Account, after_crash, broke, without_crash
from tornwrite.scenarios.world.life import Life
from tornwrite.scenarios.world.states import states_within

if TYPE_CHECKING:
    from tornwrite.scenarios.world.worlds import Worlds


class SubjectWorld:
    """A `tornwrite.model.machine.World` on real files; made by `Worlds`.

    Raises beside Violated: HarnessBroken, RecorderBlind and UnknownStep when the recording is not
    to be trusted, NoSpace when there is no room for an image.
    """

    def __init__(self, worlds: "Worlds") -> None:
        self._worlds = worlds
        self._subject = worlds.loaded
        self._model: Model[Any] = self._subject.model
        self._cleanup = contextlib.ExitStack()
        self._account = Account()
        self._kept: list[Operation] = []
        self._limits: list[str] = []
        self._choices: dict[str, list[CrashState]] = {}
        self._start_name = worlds.scenario
        self._before: tuple[Operation, ...] = ()
        self._lives = 0
        self._life: Life | None = None
        self._base: Image = EMPTY
        self._events: list[Event] = []

    # What the machine asks for

    @property
    def profiles(self) -> tuple[str, ...]:
        return tuple(profile.name for profile in self._worlds.profiles)

    @property
    def limits(self) -> tuple[str, ...]:
        return tuple(self._limits)

    def open(self, start: str = "") -> None:
        with self._counted():
            self._open(start)

    def apply(self, operation: Operation) -> None:
        with self._counted():
            self._account.operation(operation)
            self._do(operation)

    def crash_choices(self, profile: str) -> int:
        return len(self._choices.get(profile, ()))

    def crash(self, profile: str, index: int) -> None:
        with self._counted():
            self._crash(profile, index)

    def close(self) -> None:
        try:
            self._end_life()
        finally:
            self._cleanup.close()

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self._worlds.tally.broken += 1
            if isinstance(error, Violated):
                self._worlds.tally.violated(str(error), len(self._account.steps))
            raise

    # How it does that

    def _open(self, start: str) -> None:
        self._worlds.tally.worlds += 1
        self._start_name = start or self._start_name
        base, seen = EMPTY, Observation()
        if self._start_name:
            scenario = self._subject.scenario(self._start_name)
            base, seen = scenario.base, scenario.start
            self._before = scenario.every_operation
        self._promised = Promised(self._model, self._model.state_of(seen))
        self._workspace = self._cleanup.enter_context(Workspace()).path
        bench = os.path.join(self._workspace, "bench")
        os.mkdir(bench)
        self._bench = Bench(self._subject, bench)
        self._start(base)
        self._live_on(base)

    def _crash(self, profile: str, index: int) -> None:
        states = self._choices.get(profile, [])
        if not states:
            known = ", ".join(name for name in self.profiles if self.crash_choices(name))
            raise WrongUse(f"no crash under {profile!r} is possible here; there is {known}")
        if not 0 <= index < len(states):
            raise WrongUse(
                f"{profile} has {len(states)} states here, so there is no state {index}; the "
                "subject or the disk model are not those that it was found with"
            )
        state = states[index]
        assessed = self._assess(state.image)
        seen = assessed.observed
        assert seen is not None, "it has been judged"
        was_kill = any(
            isinstance(one, ProcessKill) for one in self._worlds.profiles if one.name == profile
        )
        self._account.crash(
            profile,
            index,
            len(states) - 1,
            was_kill=was_kill,
            moment=self._account.moment(self._trace(), state),
        )
        self._worlds.tally.crashes += 1
        self._end_life()
        if was_kill:
            before = until(self._trace(), state)
            forgotten = boundaries(self._events) - boundaries(before)
            self._promised.process_killed(forgotten, self._model.state_of(seen))
            self._events = [*before, *closings(before), Restarted()]
        else:
            self._promised.power_lost(self._model.state_of(seen))
            self._start(state.image)
        self._live_on(state.image)

    # One life of the subject: from an image to a crash

    def _start(self, base: Image) -> None:
        """Nothing has happened yet, and the base is on the disk for good."""
        self._base = base
        self._events = []

    def _live_on(self, image: Image) -> None:
        """Open the subject on what is there now."""
        self._lives += 1
        root = os.path.join(self._workspace, f"life-{self._lives}")
        self._life = Life(self._subject, root, image, self._events)
        self._do(OPEN)

    def _end_life(self) -> None:
        life, self._life = self._life, None
        if life is not None:
            life.end()

    def _trace(self) -> Trace:
        return Trace(self._base, tuple(self._events))

    # One operation

    def _do(self, operation: Operation) -> None:
        life = self._life
        if life is None:
            raise HarnessBroken(f"{operation} has nothing to work on: call open() first")
        self._limits = []
        self._choices = {}
        self._worlds.tally.operations += 1
        number = life.recorder.began(operation.name, operation.arguments)
        refused: Exception | None = None
        try:
            result = life.call(operation)
        except HarnessBroken:
            raise
        except Exception as error:
            life.recorder.failed(number, said(error, life.root))
            refused = error
        else:
            life.recorder.acknowledged(number, result)
            self._kept.append(operation)
        seen = life.look(self._names())
        permitted = self._follow(life.absorb())
        if refused is not None and (seen is None or not self._worlds.refuses(refused)):
            raise self._without_crash(broke(operation, said(refused, life.root)))
        assert seen is not None
        self._check_live(seen.observed, seen.error, permitted[max(permitted)].after_kill)
        check_whole(self._trace(), life.root)
        for profile in self._worlds.profiles:
            self._judge(profile, permitted)

    def _follow(self, new: list[Event]) -> dict[int, PermittedAfter[Any]]:
        """The run has gone on with these events: what may come back in each epoch of theirs."""
        ended = boundaries(self._events)
        self._events += new
        permitted: dict[int, PermittedAfter[Any]] = {}
        for event in new:
            self._promised.tell(event)
            if not isinstance(event, Stepped):
                ended += 1
                permitted[ended] = self._promised.permitted()
        return permitted

    def _names(self) -> tuple[str, ...]:
        return self._model.names((*self._before, *self._kept))

    def _check_live(
        self, observed: Observation | None, error: str, permitted: Permitted[Any]
    ) -> None:
        if observed is None:
            told: Observation = {"error": error}
        elif canonical(self._model.normalised(observed)) in permitted.views:
            return
        else:
            told = observed
        wrong = self._model.explain(told, permitted.states, permitted.past, ())
        raise self._without_crash(wrong)

    def _judge(self, profile: Profile, permitted: Mapping[int, PermittedAfter[Any]]) -> None:
        choices: dict[Image, CrashState] = {}
        for state, limit in self._states(profile, frozenset(permitted)):
            if limit:
                self._limits.append(limit)
                self._account.limits[limit] = None
                continue
            assert state is not None
            choices.setdefault(state.image, state)
            self._worlds.tally.judged += 1
            wrong = judge(
                self._model, permitted[state.epoch].under(profile), self._assess(state.image)
            )
            if wrong:
                raise self._after_crash(profile, state, wrong[0], permitted)
        self._choices[profile.name] = list(choices.values())

    def _states(
        self, profile: Profile, wanted: frozenset[int]
    ) -> Iterator[tuple[CrashState | None, str]]:
        worlds = self._worlds
        return states_within(self._trace(), profile, wanted, worlds.budget, worlds.every_byte)

    def _assess(self, image: Image) -> Assessed:
        names = self._names()
        assessed = self._worlds.known.get(names, image)
        if assessed is None:
            self._worlds.tally.recovered += 1
            assessed = assess(self._model, self._bench.recover(image, names))
            self._worlds.known.put(names, image, assessed)
        return assessed

    # What is said about a violation

    def _without_crash(self, wrong: Violation) -> Violated:
        return without_crash(wrong, self._told())

    def _after_crash(
        self,
        profile: Profile,
        state: CrashState,
        wrong: Violation,
        permitted: Mapping[int, PermittedAfter[Any]],
    ) -> Violated:
        profile, state, wrong = self._strongest(profile, state, wrong, permitted)
        trace = self._trace()
        moment = self._account.moment(trace, state)
        return after_crash(wrong, profile, trace, state, moment, self._told())

    def _told(self) -> list[str]:
        return self._account.lines(self._worlds.label, self._worlds.unusual(self._start_name))

    def _strongest(
        self,
        profile: Profile,
        state: CrashState,
        wrong: Violation,
        permitted: Mapping[int, PermittedAfter[Any]],
    ) -> tuple[Profile, CrashState, Violation]:
        """The same promise broken under the strongest profile that breaks it here."""
        if profile not in DEFAULT or not isinstance(profile, PowerLoss):
            return profile, state, wrong
        for stronger in DEFAULT[: DEFAULT.index(profile)]:
            if stronger in self._worlds.profiles or not isinstance(stronger, PowerLoss):
                continue
            for other, _ in self._states(stronger, frozenset(permitted)):
                if other is not None:
                    found = judge(
                        self._model,
                        permitted[other.epoch].under(stronger),
                        self._assess(other.image),
                    )
                    if found:
                        return stronger, other, found[0]
        return profile, state, wrong
