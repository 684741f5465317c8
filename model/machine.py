"""The Hypothesis machine: operations, crashes, and operations after crashes, in any order.

Every operation is a rule. After each, the world judges all crash states that the operation made
possible; a crash rule makes one of them the new reality, and the run goes on from there.

    Machine = session_machine(Worlds("package.module:object"))   # tornwrite.scenarios.world
    TestStore = Machine.TestCase

Another kind of store, with a model of its own, names its operations:

    Machine = machine_for(Worlds("mine:subject"), {"put": {"key": keys(), "value": contents()}})

has them made from its alphabet (`tornwrite.scenarios.soak.machine_of`), or subclasses
`CrashMachine` and writes its rules, which call `self.do(Operation(...))`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Protocol, TypeAlias

from hypothesis import currently_in_test_context, event
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from hypothesis.strategies import SearchStrategy

from tornwrite.model.operation import Operation
from tornwrite.model.strategies import session_arguments

REOPEN = Operation("reopen")


class Violated(AssertionError):
    """A promise was not kept. The message tells which, how, and how to see it again."""


class World(Protocol):
    """A subject, the disk it lives on, and all the disks that a crash could have left it with.

    Whatever is done, every crash state that it makes possible is judged before the call returns;
    all calls but `close` raise Violated at the first promise that was not kept.
    """

    @property
    def profiles(self) -> Sequence[str]:
        """The kinds of crash that there are, by name."""
        ...

    @property
    def limits(self) -> Sequence[str]:
        """What of the last step was possible and not judged, a sentence each."""
        ...

    def open(self, start: str = "") -> None:
        """Open the subject for the first time; before anything else.

        start: what is on its disk then, by a name that the world knows.
        """
        ...

    def apply(self, operation: Operation) -> None:
        """Do the operation; `reopen` closes the subject and opens it again."""
        ...

    def crash_choices(self, profile: str) -> int:
        """How many different disks a crash in the last step could leave."""
        ...

    def crash(self, profile: str, index: int) -> None:
        """One of them becomes the disk, and the subject is opened there."""
        ...

    def close(self) -> None:
        """Leave nothing behind. Also for a world that was never opened, or whose opening failed."""
        ...


MakeWorld: TypeAlias = Callable[[], World]
Arguments: TypeAlias = Mapping[str, SearchStrategy[Any]] | SearchStrategy[Mapping[str, Any]]
"""A strategy for each argument of an operation, or one for all of them together."""


def _crashes(machine: "CrashMachine") -> SearchStrategy[tuple[str, int]]:
    """The crashes that are possible now: a profile, and one of its states."""
    world = machine.world
    possible = [name for name in world.profiles if world.crash_choices(name)]

    def states(profile: str) -> SearchStrategy[tuple[str, int]]:
        last = world.crash_choices(profile) - 1
        return st.tuples(st.just(profile), st.integers(0, last))

    return st.sampled_from(possible).flatmap(states)


class CrashMachine(RuleBasedStateMachine):
    """What all machines share: opening, reopening, crashing. Subclasses add their operations.

    make_world: makes the world of one run; called once for each.
    """

    make_world: ClassVar[MakeWorld]
    keys: Sequence[str] = ()
    """What the operations of this run are about, where a run chooses that at its beginning."""

    def __init__(self) -> None:
        super().__init__()
        self.world = type(self).make_world()

    def do(self, operation: Operation) -> None:
        """Do the operation and have its crash states judged."""
        self.world.apply(operation)
        self._tell_limits()

    @initialize()
    def open(self) -> None:
        self.world.open()
        self._tell_limits()

    @rule()
    def reopen(self) -> None:
        self.do(REOPEN)

    @precondition(lambda self: any(map(self.world.crash_choices, self.world.profiles)))
    @rule(at=st.runner().flatmap(_crashes))
    def crash(self, at: tuple[str, int]) -> None:
        profile, index = at
        self.world.crash(profile, index)
        _tell(f"crash: {profile}")
        self._tell_limits()

    def teardown(self) -> None:
        self.world.close()

    def _tell_limits(self) -> None:
        for limit in self.world.limits:
            _tell(f"not judged: {limit}")


def _tell(text: str) -> None:
    """Into Hypothesis' statistics; a printed failure that is run again has none."""
    if currently_in_test_context():
        event(text)


def machine_for(
    make_world: MakeWorld,
    operations: Mapping[str, Arguments],
    *,
    name: str = "Machine",
    starts: Sequence[str] = (),
    keys: SearchStrategy[Sequence[str]] | None = None,
) -> type[CrashMachine]:
    """The machine of a store with these operations.

    operations: the arguments of each, by name. name: that of the class, which Hypothesis prints and
    by which it finds failures again. starts: what a run may begin with, the simplest first; as the
    world has it unless given. keys: what the operations of one run are about, for `key_of_run`.
    Raises ValueError for an operation whose name the machine needs itself.
    """
    members: dict[str, Any] = {"make_world": staticmethod(make_world)}
    for operation, arguments in operations.items():
        if hasattr(CrashMachine, operation) or operation == "world":
            raise ValueError(
                f"an operation cannot be called {operation!r}: the machine has a member of that "
                "name; subclass CrashMachine and name the rule otherwise"
            )
        members[operation] = _rule(operation, arguments)
    if starts or keys is not None:
        members["open"] = _opening(starts, st.just(()) if keys is None else keys)
    return type(name, (CrashMachine,), members)


def _opening(starts: Sequence[str], keys: SearchStrategy[Sequence[str]]) -> Any:
    def opening(machine: CrashMachine, start: str, keys: Sequence[str]) -> None:
        machine.keys = keys
        machine.world.open(start)
        machine._tell_limits()

    opening.__name__ = opening.__qualname__ = "open"
    decorate: Any = initialize(start=st.sampled_from(starts or ("",)), keys=keys)
    return decorate(opening)


def key_of_run() -> SearchStrategy[str]:
    """One of the keys that the run chose at its beginning: see `machine_for`."""
    return st.runner().flatmap(lambda machine: st.sampled_from(machine.keys))


def session_machine(
    make_world: MakeWorld,
    *,
    keys: SearchStrategy[str] | None = None,
    messages: SearchStrategy[dict[str, Any]] | None = None,
    migrate: bool = False,
) -> type[CrashMachine]:
    """The machine of a session store, a rule for each of its operations.

    keys, messages: those of `tornwrite.model.strategies` unless given. migrate: also migrate, for
    a world that begins with legacy files.
    """
    operations: dict[str, Arguments] = dict(session_arguments(of_keys=keys, of_messages=messages))
    if migrate:
        operations["migrate"] = {}
    return machine_for(make_world, operations, name="SessionMachine")


_TAKEN = frozenset({"target", "targets"})
"""Arguments that Hypothesis keeps for itself; they can only be drawn together."""


def _rule(name: str, arguments: Arguments) -> Any:
    if isinstance(arguments, Mapping) and not _TAKEN & arguments.keys():
        order = tuple(arguments)

        def each(machine: CrashMachine, /, **values: Any) -> None:
            # In the order in which they were named; Hypothesis has another.
            machine.do(Operation(name, {key: plain(values[key]) for key in order}))

        each.__name__ = each.__qualname__ = name
        given: dict[str, Any] = {key: one.map(_printable) for key, one in arguments.items()}
        decorate: Any = rule(**given)
        return decorate(each)

    def together(machine: CrashMachine, arguments: Mapping[str, Any]) -> None:
        machine.do(Operation(name, plain(arguments)))

    together.__name__ = together.__qualname__ = name
    if isinstance(arguments, Mapping):
        arguments = st.fixed_dictionaries(dict(arguments))
    return rule(arguments=arguments.map(_printable))(together)


# How arguments print. A page of text in a falsifying example hides everything else in it, so text
# that repeats itself prints as such. Only the printed arguments have the type: what is asked of a
# subject is plain.

_LONG = 80


class _Repeated(str):
    """Text that Hypothesis prints as its repetition."""

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(literal(self))


def _printable(value: Any) -> Any:
    match value:
        case str() if len(value) > _LONG:
            return _Repeated(value)
        case dict():
            return {key: _printable(item) for key, item in value.items()}
        case list():
            return [_printable(item) for item in value]
        case _:
            return value


def plain(value: Any) -> Any:
    """The same data in the types that JSON has."""
    match value:
        case _Repeated():
            return str.__str__(value)
        case Mapping():
            return {key: plain(item) for key, item in value.items()}
        case list():
            return [plain(item) for item in value]
        case _:
            return value


def literal(value: Any) -> str:
    """The value as a Python expression, short where it is text that repeats itself."""
    match value:
        case str() if len(value) > _LONG:
            # The shortest unit that the text is a repetition of.
            unit = value[: (value + value).find(value, 1)]
            if len(unit) == len(value):
                return repr(str.__str__(value))
            return f"{unit!r} * {len(value) // len(unit)}"
        case Mapping():
            return "{" + ", ".join(f"{key!r}: {literal(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(literal, value)) + "]"
        case _:
            return repr(value)
