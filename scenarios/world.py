"""The world of a Hypothesis machine: a subject, its disk, and the crashes that become real.

    Machine = session_machine(Worlds("package.module:object"))

A crash of the machine ends what is recorded so far and begins anew on its image. How much of the
past goes on counting depends on the crash:

- The power failed: what the image holds is on the disk for good, all else is gone.
- The process was killed: the page cache goes on, and what had not been synced still is not. The
  trace goes on too, so a later power loss can still take what the dead process left unsynced.

The same holds for promises (`tornwrite.scenarios.promised`).
"""

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from tornwrite.faults.epochs import epochs
from tornwrite.faults.images import EMPTY, Image, materialise
from tornwrite.faults.profiles import (
    BUILT_IN,
    KILL,
    POSIX,
    PowerLoss,
    ProcessKill,
    Profile,
    by_name,
)
from tornwrite.faults.recorder import Recorder
from tornwrite.faults.scratch import Workspace
from tornwrite.faults.states import CrashState, CrashStates
from tornwrite.faults.steps import Write
from tornwrite.faults.trace import Event, Restarted, Stepped, Trace
from tornwrite.model.judge import Assessed, Model, Permitted, assess, judge
from tornwrite.model.machine import Violated
from tornwrite.model.operation import Observation, Operation, canonical
from tornwrite.model.verdict import Violation
from tornwrite.scenarios.chosen_cuts import kills
from tornwrite.scenarios.continuation import (
    boundaries,
    closings,
    numbers_after,
    renumbered,
    until,
)
from tornwrite.scenarios.promised import PermittedAfter, Promised
from tornwrite.scenarios.recording import OPEN, REOPEN, HarnessBroken, check_whole, look, said
from tornwrite.scenarios.recovery import Bench
from tornwrite.scenarios.subject import Driver, Subject, WrongUse, load_subject
from tornwrite.scenarios.world_failure import Account, after_crash, broke, without_crash

BUDGET = 200
"""Images judged after each step under each profile, at most."""

EVERY_BYTE = 16
"""Writes of up to so many bytes are cut at each of them, longer ones at chosen ones."""

_MOST_KNOWN_BYTES = 64 * 1024 * 1024
_OVERHEAD_BYTES = 8 * 1024
"""What the looks at one image take, about."""


def is_refusal(error: BaseException) -> bool:
    """Whether a subject says with this error that it cannot store what it was asked to.

    A ValueError, or a name that is too long. Not an error in decoding: that is damage.
    """
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError):
        return False
    if isinstance(error, OSError):
        return error.errno == errno.ENAMETOOLONG
    return isinstance(error, ValueError)


class Known:
    """What came of images, by what was asked about them; forgets all when it grows too large."""

    def __init__(self) -> None:
        self._assessed: dict[tuple[tuple[str, ...], Image], Assessed] = {}
        self._size_bytes = 0

    def get(self, names: tuple[str, ...], image: Image) -> Assessed | None:
        return self._assessed.get((names, image))

    def put(self, names: tuple[str, ...], image: Image, assessed: Assessed) -> None:
        # Twice: what was read from the image is kept with it.
        contents = sum(len(node) for _, node in image if isinstance(node, bytes))
        self._size_bytes += 2 * contents + _OVERHEAD_BYTES
        if self._size_bytes > _MOST_KNOWN_BYTES:
            self._assessed.clear()
            self._size_bytes = 0
        self._assessed[names, image] = assessed


@dataclass(frozen=True)
class Worlds:
    """Makes the worlds of a machine, one for each run; hand it to `session_machine`.

    subject: `package.module:object`, or the object itself. scenario: the one whose content is on
    the disk at the start; nothing unless given. profiles: the kinds of crash, from the strongest to
    the weakest. budget: images judged after each step and profile at most. every_byte: how long a
    write may be to be cut at each byte by a kill. refuses: which errors mean that an operation was
    refused; after one the store must read as before, any other is a violation.

    What came of an image is remembered across worlds: shrinking visits the same ones again and
    again.
    """

    subject: str | Subject
    scenario: str = ""
    profiles: tuple[Profile, ...] = (KILL, POSIX)
    budget: int = BUDGET
    every_byte: int = EVERY_BYTE
    refuses: Callable[[BaseException], bool] = is_refusal
    known: Known = field(default_factory=Known, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.profiles:
            raise WrongUse("a world needs at least one profile, or nothing is ever judged")

    def __call__(self) -> "SubjectWorld":
        return SubjectWorld(self)

    @property
    def loaded(self) -> Subject:
        return load_subject(self.subject) if isinstance(self.subject, str) else self.subject

    @property
    def label(self) -> str:
        """How the subject is named where it is to be run again."""
        return self.subject if isinstance(self.subject, str) else self.subject.name

    @property
    def unusual(self) -> dict[str, Any]:
        """The settings that are not the usual ones, as `replay` takes them."""
        settings: dict[str, Any] = {}
        if self.scenario:
            settings["scenario"] = self.scenario
        if self.profiles != (KILL, POSIX):
            settings["profiles"] = tuple(profile.name for profile in self.profiles)
        if self.budget != BUDGET:
            settings["budget"] = self.budget
        if self.every_byte != EVERY_BYTE:
            settings["every_byte"] = self.every_byte
        return settings


Step: TypeAlias = Mapping[str, Mapping[str, Any]]
"""An operation and its arguments, or `{"crash": {"profile": NAME, "index": NUMBER}}`."""


def replay(subject: str | Subject, steps: Sequence[Step], **settings: Any) -> None:
    """Do these steps, judging as the machine did. Raises Violated where a promise is not kept.

    settings: those of `Worlds`; profiles by name. Raises WrongUse for steps that cannot be done.
    """
    if "profiles" in settings:
        settings["profiles"] = tuple(
            _profile(profile) if isinstance(profile, str) else profile
            for profile in settings["profiles"]
        )
    world = Worlds(subject, **settings)()
    try:
        world.open()
        for step in steps:
            ((name, arguments),) = step.items()
            if name == "crash":
                world.crash(arguments["profile"], arguments["index"])
            else:
                world.apply(Operation(name, arguments))
    finally:
        world.close()


def _profile(name: str) -> Profile:
    try:
        return by_name(name)
    except KeyError:
        known = ", ".join(profile.name for profile in BUILT_IN)
        raise WrongUse(f"there is no profile {name!r}, only {known}") from None


class SubjectWorld:
    """A `tornwrite.model.machine.World` on real files; made by `Worlds`.

    Raises beside Violated: HarnessBroken, RecorderBlind and UnknownStep when the recording is not
    to be trusted, NoSpace when there is no room for an image.
    """

    def __init__(self, worlds: Worlds) -> None:
        self._worlds = worlds
        self._subject = worlds.loaded
        self._model: Model[Any] = self._subject.model
        self._cleanup = contextlib.ExitStack()
        self._account = Account()
        self._kept: list[Operation] = []
        self._limits: list[str] = []
        self._choices: dict[str, list[CrashState]] = {}
        self._lives = 0
        self._driver: Driver | None = None
        self._base: Image = EMPTY
        self._events: list[Event] = []

    # What the machine asks for

    @property
    def profiles(self) -> tuple[str, ...]:
        return tuple(profile.name for profile in self._worlds.profiles)

    @property
    def limits(self) -> tuple[str, ...]:
        return tuple(self._limits)

    def open(self) -> None:
        base, start = EMPTY, Observation()
        if self._worlds.scenario:
            scenario = self._subject.scenario(self._worlds.scenario)
            base, start = scenario.base, scenario.start
        self._promised = Promised(self._model, self._model.state_of(start))
        self._workspace = self._cleanup.enter_context(Workspace()).path
        bench = os.path.join(self._workspace, "bench")
        os.mkdir(bench)
        self._bench = Bench(self._subject, bench)
        self._start(base)
        self._live_on(base)

    def apply(self, operation: Operation) -> None:
        self._account.operation(operation)
        self._do(operation)

    def crash_choices(self, profile: str) -> int:
        return len(self._choices.get(profile, ()))

    def crash(self, profile: str, index: int) -> None:
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

    def close(self) -> None:
        try:
            self._end_life()
        finally:
            self._cleanup.close()

    # One life of the subject: from an image to a crash

    def _start(self, base: Image) -> None:
        """Nothing has happened yet, and the base is on the disk for good."""
        self._base = base
        self._events = []

    def _live_on(self, image: Image) -> None:
        """Open the subject on what is there now, in a directory that no dead process can reach."""
        self._lives += 1
        self._root = os.path.join(self._workspace, f"life-{self._lives}")
        os.mkdir(self._root)
        materialise(image, self._root)
        self._recorder = Recorder(self._root, base=EMPTY)
        self._life = contextlib.ExitStack()
        self._life.enter_context(self._recorder)
        self._absorbed = 0
        self._before = numbers_after(self._events)
        self._do(OPEN)

    def _end_life(self) -> None:
        """The process is gone: what its objects still do is neither recorded nor of this world."""
        if self._lives == 0:
            return
        driver, self._driver = self._driver, None
        self._life.close()
        if driver is not None:
            with contextlib.suppress(Exception):
                driver.close()
        shutil.rmtree(self._root, ignore_errors=True)

    def _absorb(self) -> list[Event]:
        """What was recorded since the last time, in the numbers of the whole trace."""
        events = self._recorder.events
        new = [renumbered(event, self._before) for event in events[self._absorbed :]]
        self._absorbed = len(events)
        self._events += new
        return new

    def _trace(self) -> Trace:
        return Trace(self._base, tuple(self._events))

    # One operation

    def _do(self, operation: Operation) -> None:
        self._limits = []
        self._choices = {}
        number = self._recorder.began(operation.name, operation.arguments)
        refused: Exception | None = None
        try:
            result = self._call(operation)
        except HarnessBroken:
            raise
        except Exception as error:
            self._recorder.failed(number, said(error, self._root))
            refused = error
        else:
            self._recorder.acknowledged(number, result)
            self._kept.append(operation)
        seen = None
        if self._driver is not None:
            seen = look(self._driver, self._model.names(self._kept), self._root)
        ended = boundaries(self._events)
        permitted: dict[int, PermittedAfter[Any]] = {}
        for event in self._absorb():
            self._promised.tell(event)
            if not isinstance(event, Stepped):
                ended += 1
                permitted[ended] = self._promised.permitted()
        if refused is not None and (seen is None or not self._worlds.refuses(refused)):
            raise self._without_crash(broke(operation, said(refused, self._root)))
        assert seen is not None
        self._check_live(seen.observed, seen.error, permitted[ended].after_kill)
        check_whole(self._trace(), self._root)
        for profile in self._worlds.profiles:
            self._judge(profile, permitted)

    def _call(self, operation: Operation) -> Any:
        if operation.name in (OPEN.name, REOPEN):
            if self._driver is not None:
                driver, self._driver = self._driver, None
                driver.close()
            self._driver = self._subject.open(self._root)
            return None
        if self._driver is None:
            raise HarnessBroken(f"{operation} has nothing to work on: call open() first")
        return self._driver.apply(operation)

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
            wrong = judge(
                self._model, permitted[state.epoch].under(profile), self._assess(state.image)
            )
            if wrong:
                raise self._after_crash(profile, state, wrong[0], permitted)
        self._choices[profile.name] = list(choices.values())

    def _states(
        self, profile: Profile, wanted: frozenset[int]
    ) -> Iterator[tuple[CrashState | None, str]]:
        """The new crash states; last, where it is so, why these are not all."""
        trace = self._trace()
        if isinstance(profile, ProcessKill):
            inside = [epoch for epoch in epochs(trace) if epoch.number in wanted]
            every = self._worlds.every_byte
            for count, state in enumerate(kills(trace, inside, every)):
                if count == self._worlds.budget:
                    yield None, f"{profile.name}: budget of {count} images reached"
                    return
                yield state, ""
            first = inside[0].first if inside else 0
            if any(isinstance(s, Write) and len(s.data) > every + 1 for s in trace.steps[first:]):
                yield None, f"{profile.name}: writes of more than {every} bytes cut at each byte"
            return
        states = CrashStates(trace, profile, budget=self._worlds.budget, epochs_wanted=wanted)
        for state in states:
            yield state, ""
        if states.coverage.stopped:
            yield None, f"{profile.name}: {states.coverage.stopped}"

    def _assess(self, image: Image) -> Assessed:
        names = self._model.names(self._kept)
        assessed = self._worlds.known.get(names, image)
        if assessed is None:
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
        return self._account.lines(self._worlds.label, self._worlds.unusual)

    def _strongest(
        self,
        profile: Profile,
        state: CrashState,
        wrong: Violation,
        permitted: Mapping[int, PermittedAfter[Any]],
    ) -> tuple[Profile, CrashState, Violation]:
        """The same promise broken under the strongest profile that breaks it here."""
        if profile not in BUILT_IN or not isinstance(profile, PowerLoss):
            return profile, state, wrong
        for stronger in BUILT_IN[: BUILT_IN.index(profile)]:
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
