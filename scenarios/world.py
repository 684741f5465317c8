"""The world of a Hypothesis machine: a subject, its disk, and the crashes that become real.

    Machine = session_machine(Worlds("package.module:object"))

A crash of the machine ends what is recorded so far and begins anew on its image. How much of the
past goes on counting depends on the crash:

- The power failed: what the image holds is on the disk for good, all else is gone.
- The process was killed: the page cache goes on, and what had not been synced still is not. The
  trace goes on too, so a later power loss can still take what the dead process left unsynced.

The same holds for promises. A power loss leaves one state, the one seen. A kill leaves its
operation in doubt for good: nobody acknowledged it, so a later power loss may show either. Another
kill may not, since the page cache has decided.
"""

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeAlias, TypeVar

from tornwrite.faults.effects import Interpreter
from tornwrite.faults.epochs import Epoch, epochs
from tornwrite.faults.explain import NoSuchState, Reached, fates
from tornwrite.faults.images import EMPTY, Image, Node, materialise
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
from tornwrite.faults.steps import Close as CloseStep
from tornwrite.faults.steps import Fsync, Open, SetSize, Write, describe
from tornwrite.faults.trace import (
    Acknowledged,
    Began,
    Event,
    Failed,
    Restarted,
    Stepped,
    Trace,
    open_paths,
)
from tornwrite.model import promises
from tornwrite.model.judge import Assessed, History, Model, Permitted, assess, judge
from tornwrite.model.machine import Violated, literal
from tornwrite.model.operation import Observation, Operation, canonical, shortened
from tornwrite.model.verdict import Kind, Violation
from tornwrite.scenarios.recording import OPEN, REOPEN, HarnessBroken, check_whole, look, said
from tornwrite.scenarios.recovery import Bench
from tornwrite.scenarios.subject import Driver, Subject, WrongUse, load_subject

S = TypeVar("S")

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


@dataclass(frozen=True, slots=True)
class _Became:
    """The power failed, and this is what was left."""

    state: Any


class _Promised(Generic[S]):
    """What may come back, after a power loss and after a kill: the two part ways at a kill."""

    def __init__(self, model: Model[S], start: S) -> None:
        self._model = model
        self._start = start
        self._lost: History[S] = History(model, start)
        self._killed: History[S] = History(model, start)
        self._said: list[Event | _Became] = []
        """All that the history of power losses was told, to tell it again from an earlier point."""

    def tell(self, event: Event) -> None:
        self._said.append(event)
        _tell(self._lost, event)
        _tell(self._killed, event)

    def permitted(self) -> "_Permitted[S]":
        return _Permitted(self._lost.permitted(), self._killed.permitted())

    def power_lost(self, state: S) -> None:
        self._said.append(_Became(state))
        self._lost.became(state)
        self._killed.became(state)

    def process_killed(self, forgotten: int, state: S) -> None:
        """forgotten: how many of the last events the kill came before."""
        del self._said[len(self._said) - forgotten :]
        self._said.append(Restarted())
        self._lost = History(self._model, self._start)
        for event in self._said:
            _tell(self._lost, event)
        self._killed.became(state)


def _tell(history: History[S], event: Event | _Became) -> None:
    match event:
        case Began(number, name, arguments):
            history.began(number, Operation(name, arguments))
        case Acknowledged(number):
            history.acknowledged(number)
        case Failed(number):
            history.failed(number)
        case Restarted():
            history.killed()
        case _Became(state):
            history.became(state)
        case Stepped():
            pass


@dataclass(frozen=True, slots=True)
class _Permitted(Generic[S]):
    after_power_loss: Permitted[S]
    after_kill: Permitted[S]

    def under(self, profile: Profile) -> Permitted[S]:
        match profile:
            case ProcessKill():
                return self.after_kill
            case PowerLoss():
                return self.after_power_loss


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
        self._steps: list[tuple[str, Mapping[str, Any]]] = []
        self._told: list[str] = []
        self._kept: list[Operation] = []
        self._limits: list[str] = []
        self._all_limits: dict[str, None] = {}
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
        self._promised = _Promised(self._model, self._model.state_of(start))
        self._workspace = self._cleanup.enter_context(Workspace()).path
        bench = os.path.join(self._workspace, "bench")
        os.mkdir(bench)
        self._bench = Bench(self._subject, bench)
        self._start(base)
        self._live_on(base)

    def apply(self, operation: Operation) -> None:
        self._steps.append((operation.name, operation.arguments))
        self._told.append(literal_call(operation))
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
        seen = assessed.recovery.first.observed
        assert seen is not None, "it has been judged"
        was_kill = any(
            isinstance(one, ProcessKill) for one in self._worlds.profiles if one.name == profile
        )
        self._told.append(
            f"crash: {'the process is killed' if was_kill else 'the power fails'} "
            f"{self._moment(state)} ({profile}, state {index} of 0 to {len(states) - 1})"
        )
        self._steps.append(("crash", {"profile": profile, "index": index}))
        self._end_life()
        if was_kill:
            before = until(self._trace(), state)
            forgotten = _boundaries(self._events) - _boundaries(before)
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
        steps = Trace(EMPTY, tuple(self._events)).steps
        self._first_handle = 1 + max(
            (step.handle for step in steps if isinstance(step, Open)), default=0
        )
        numbers = [event.number for event in self._events if isinstance(event, Began)]
        self._first_number = len(numbers)
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
        new = [
            _renumbered(event, self._first_handle, self._first_number)
            for event in events[self._absorbed :]
        ]
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
        boundaries = _boundaries(self._events)
        permitted: dict[int, _Permitted[Any]] = {}
        for event in self._absorb():
            self._promised.tell(event)
            if not isinstance(event, Stepped):
                boundaries += 1
                permitted[boundaries] = self._promised.permitted()
        if refused is not None and (seen is None or not self._worlds.refuses(refused)):
            raise self._without_crash(_broke(operation, said(refused, self._root)))
        assert seen is not None
        self._check_live(seen.observed, seen.error, permitted[boundaries].after_kill)
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

    def _judge(self, profile: Profile, permitted: Mapping[int, _Permitted[Any]]) -> None:
        choices: dict[Image, CrashState] = {}
        for state, limit in self._states(profile, frozenset(permitted)):
            if limit:
                self._limits.append(limit)
                self._all_limits[limit] = None
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
        return Violated("\n".join([*_what(wrong), "without any crash", "", *self._run()]))

    def _after_crash(
        self,
        profile: Profile,
        state: CrashState,
        wrong: Violation,
        permitted: Mapping[int, _Permitted[Any]],
    ) -> Violated:
        profile, state, wrong = self._strongest(profile, state, wrong, permitted)
        strongest = ", the strongest profile that shows it" if profile in BUILT_IN else ""
        trace = self._trace()
        lines = [
            *_what(wrong),
            f"crash        {profile.name}{strongest}: {profile.summary}; {self._moment(state)}",
            "",
            "what is on the disk then:",
            *(f"  {path}: {_content(node)}" for path, node in state.image),
            "",
            "steps of the last operation, and earlier ones that are not on the disk:",
            *_told_steps(trace, profile, state),
            "",
            *self._run(),
        ]
        return Violated("\n".join(lines))

    def _strongest(
        self,
        profile: Profile,
        state: CrashState,
        wrong: Violation,
        permitted: Mapping[int, _Permitted[Any]],
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

    def _moment(self, state: CrashState) -> str:
        """When that is, in words."""
        epoch = epochs(self._trace())[state.epoch]
        name = self._steps[-1][0] if self._steps else OPEN.name
        name = "opening" if name in ("crash", OPEN.name) else name
        last = max(
            (event.number for event in self._events if isinstance(event, Began)), default=None
        )
        if last not in epoch.in_flight:
            return f"after {name} returned"
        if state.cut is not None:
            return f"during {name}, {state.cut} bytes into a write"
        return f"during {name}, after {state.point - epoch.first} of its steps"

    def _run(self) -> list[str]:
        numbered = [f"  {number}  {line}" for number, line in enumerate(self._told, 1)]
        return [
            "what was done, after opening:" if numbered else "nothing was done after opening",
            *numbered,
            *(f"not judged before that: {limit}" for limit in self._all_limits),
            "",
            "to run it again:",
            "",
            *self._snippet(),
        ]

    def _snippet(self) -> list[str]:
        worlds = self._worlds
        settings: dict[str, Any] = {}
        if worlds.scenario:
            settings["scenario"] = worlds.scenario
        if worlds.profiles != (KILL, POSIX):
            settings["profiles"] = self.profiles
        if worlds.budget != BUDGET:
            settings["budget"] = worlds.budget
        if worlds.every_byte != EVERY_BYTE:
            settings["every_byte"] = worlds.every_byte
        return [
            "from tornwrite.scenarios.world import replay",
            "",
            "replay(",
            f"    {worlds.label!r},",
            "    [",
            *(f"        {{{name!r}: {literal(arguments)}}}," for name, arguments in self._steps),
            "    ],",
            *(f"    {name}={value!r}," for name, value in settings.items()),
            ")",
        ]


def literal_call(operation: Operation) -> str:
    """The operation as a call in Python, long text shortened."""
    given = ", ".join(f"{key}={shortened(value)}" for key, value in operation.arguments.items())
    return f"{operation.name}({given})"


def _broke(operation: Operation, error: str) -> Violation:
    return Violation(
        Kind.UNREADABLE,
        promises.ERRORS,
        str(operation.arguments.get("key", "the store")),
        f"{operation} works, or is refused with a ValueError: nothing was wrong with the disk",
        error,
    )


def _what(wrong: Violation) -> list[str]:
    lines = [
        f"{wrong.kind.value}: {wrong.kind.meaning}",
        f"promise      {wrong.promise.name}: {wrong.promise.text}",
        f"promised     {wrong.promised}",
        f"came back    {wrong.recovered}",
    ]
    if wrong.about:
        lines.insert(2, f"about        {wrong.about!r}")
    if wrong.after:
        lines.append(f"after        {wrong.after}")
    return lines


def _content(node: Node) -> str:
    match node:
        case None:
            return "directory"
        case bytes():
            return f"{len(node)} B {shortened(node, 120)}"
        case _:
            return f"link to {node.text}"


def _told_steps(trace: Trace, profile: Profile, state: CrashState) -> Iterator[str]:
    began = [place for place, event in enumerate(trace.events) if isinstance(event, Began)]
    owned = sum(isinstance(event, Stepped) for event in trace.events[: began[-1]])
    try:
        told = fates(trace, profile, state)
    except NoSuchState as error:
        yield f"  (not told: {error})"
        return
    paths = open_paths(trace.steps)
    for fate in told:
        if fate.step >= owned or fate.reached in (Reached.NOT, Reached.PART):
            yield f"  {describe(trace.steps[fate.step], paths):<60} {fate.reached.value}".rstrip()


# Traces that go on after a kill


def _boundaries(events: Sequence[Event]) -> int:
    """How many of the events end an epoch."""
    return sum(not isinstance(event, Stepped) for event in events)


def until(trace: Trace, state: CrashState) -> list[Event]:
    """The events that had happened when a kill left this state; a write under way is cut."""
    kept: list[Event] = []
    steps = boundaries = 0
    for event in trace.events:
        if isinstance(event, Stepped):
            if steps == state.point:
                if state.cut is not None and isinstance(event.step, Write):
                    # The barrier of an O_SYNC write comes after its last byte.
                    cut = replace(event.step, data=event.step.data[: state.cut], sync=False)
                    kept.append(Stepped(cut, event.sites))
                return kept
            steps += 1
        elif boundaries == state.epoch:
            return kept
        else:
            boundaries += 1
        kept.append(event)
    return kept


def closings(events: Sequence[Event]) -> list[Event]:
    """The kernel closes what a dead process had open."""
    opened: dict[int, None] = {}
    for event in events:
        match event:
            case Stepped(Open(handle)):
                opened[handle] = None
            case Stepped(CloseStep(handle)):
                opened.pop(handle, None)
            case _:
                pass
    return [Stepped(CloseStep(handle)) for handle in opened]


def _renumbered(event: Event, first_handle: int, first_number: int) -> Event:
    """The event in a trace that had so many handles and operations before."""
    match event:
        case Stepped(step, sites):
            match step:
                case Open() | Write() | SetSize() | CloseStep():
                    return Stepped(replace(step, handle=step.handle + first_handle), sites)
                case Fsync(target) if isinstance(target, int):
                    return Stepped(replace(step, target=target + first_handle), sites)
                case _:
                    return event
        case Began() | Acknowledged() | Failed():
            return replace(event, number=event.number + first_number)
        case Restarted():
            return event


# Kills


def kills(trace: Trace, wanted: Sequence[Epoch], every_byte: int) -> Iterator[CrashState]:
    """What a kill could leave in these epochs, a state for each pair of an epoch and an image.

    The write under way is cut at each byte where it has no more than `every_byte` to keep, else
    where `chosen_cuts` says.
    """
    interpreter = Interpreter(trace.base)
    seen: set[tuple[int, Image]] = set()
    steps = trace.steps
    last = max((epoch.last for epoch in wanted), default=-1)
    for point in range(last + 1):
        if point:
            interpreter.apply(point - 1, steps[point - 1])
        for epoch in wanted:
            if epoch.first <= point <= epoch.last:
                state = CrashState(epoch.number, point, interpreter.image())
                if (state.epoch, state.image) not in seen:
                    seen.add((state.epoch, state.image))
                    yield state
        under_way = [epoch for epoch in wanted if epoch.first <= point < epoch.last]
        step = steps[point] if under_way else None
        if not isinstance(step, Write):
            continue
        for cut, image in _cut_images(interpreter, step, every_byte):
            for epoch in under_way:
                if (epoch.number, image) not in seen:
                    seen.add((epoch.number, image))
                    yield CrashState(epoch.number, point, image, cut=cut)


def _cut_images(
    interpreter: Interpreter, step: Write, every_byte: int
) -> Iterator[tuple[int, Image]]:
    written = interpreter.opened(step.handle)
    tree = list(interpreter.tree())
    before = interpreter.node(written)
    assert isinstance(before, bytes)
    start = len(before) if step.offset is None else step.offset
    head = before[:start].ljust(start, b"\0")
    for cut in chosen_cuts(step.data, every_byte):
        content = head + step.data[:cut] + before[start + cut :]
        yield (
            cut,
            tuple(
                (path, content if inode == written else interpreter.node(inode))
                for path, inode in tree
            ),
        )


def chosen_cuts(data: bytes, every_byte: int) -> list[int]:
    """Where a write of this data is cut: how many of its bytes are done, in order.

    Everywhere if it is short. Else at its ends and its middle, before and after the first and last
    newline, inside the first and last character of several bytes, and at sectors and pages.
    """
    size = len(data)
    if size <= every_byte + 1:
        return list(range(1, size))
    places = {1, size // 2, size - 1, 512, 4096, size // 4096 * 4096}
    for newline in (data.find(b"\n"), data.rfind(b"\n", 0, size - 1)):
        if newline >= 0:
            places |= {newline, newline + 1}
    inside = [place for place, byte in enumerate(data) if byte & 0xC0 == 0x80]
    places.update(inside[:1] + inside[-1:])
    return sorted(place for place in places if 0 < place < size)
