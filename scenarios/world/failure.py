"""What is said about a violation in a world: what went wrong, how, and how to run it again."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tornwrite.faults.epochs import epochs
from tornwrite.faults.explain import NoSuchState, Reached, fates
from tornwrite.faults.images import Node
from tornwrite.faults.profiles import DEFAULT, Profile
from tornwrite.faults.states import CrashState
from tornwrite.faults.steps import describe
from tornwrite.faults.trace import Began, Stepped, Trace, open_paths
from tornwrite.model import promises
from tornwrite.model.machine import Violated, literal
from tornwrite.model.operation import Operation, shortened
from tornwrite.model.verdict import Kind, Violation
from tornwrite.scenarios.recording import OPEN


@dataclass(slots=True)
class Account:
    """What was done in a world, as it is told and as it is done again.

    steps: operations and crashes, by name and arguments. told: a line for each. limits: why not all
    was judged, each once.
    """

    steps: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    limits: dict[str, None] = field(default_factory=dict)

    def operation(self, operation: Operation) -> None:
        self.steps.append((operation.name, operation.arguments))
        self.told.append(literal_call(operation))

    def crash(self, profile: str, index: int, last: int, *, was_kill: bool, moment: str) -> None:
        """The state of that index, of those from 0 to `last`, has become real."""
        self.steps.append(("crash", {"profile": profile, "index": index}))
        self.told.append(
            f"crash: {'the process is killed' if was_kill else 'the power fails'} "
            f"{moment} ({profile}, state {index} of 0 to {last})"
        )

    def moment(self, trace: Trace, state: CrashState) -> str:
        """When that crash is, in words."""
        epoch = epochs(trace)[state.epoch]
        name = self.steps[-1][0] if self.steps else OPEN.name
        name = "opening" if name in ("crash", OPEN.name) else name
        last = max(
            (event.number for event in trace.events if isinstance(event, Began)), default=None
        )
        if last not in epoch.in_flight:
            return f"after {name} returned"
        if state.cut is not None:
            return f"during {name}, {state.cut} bytes into a write"
        return f"during {name}, after {state.point - epoch.first} of its steps"

    def lines(self, label: str, settings: Mapping[str, Any]) -> list[str]:
        """What was done, and a program that does it again.

        label: of the subject. settings: of the world, those that are not the usual ones.
        """
        numbered = [f"  {number}  {line}" for number, line in enumerate(self.told, 1)]
        return [
            "what was done, after opening:" if numbered else "nothing was done after opening",
            *numbered,
            *(f"not judged before that: {limit}" for limit in self.limits),
            "",
            "to run it again:",
            "",
            "from tornwrite.scenarios.world import replay",
            "",
            "replay(",
            f"    {label!r},",
            "    [",
            *(f"        {{{name!r}: {literal(arguments)}}}," for name, arguments in self.steps),
            "    ],",
            *(f"    {name}={value!r}," for name, value in settings.items()),
            ")",
        ]


def without_crash(wrong: Violation, run: Sequence[str]) -> Violated:
    """run: the lines of the account."""
    return Violated("\n".join([*told_of(wrong), "without any crash", "", *run]))


def after_crash(
    wrong: Violation,
    profile: Profile,
    trace: Trace,
    state: CrashState,
    moment: str,
    run: Sequence[str],
) -> Violated:
    """profile: the strongest that shows it. moment: when that is. run: the lines of the account."""
    strongest = ", the strongest profile that shows it" if profile in DEFAULT else ""
    lines = [
        *told_of(wrong),
        f"crash        {profile.name}{strongest}: {profile.summary}; {moment}",
        "",
        "what is on the disk then:",
        *(f"  {path}: {_content(node)}" for path, node in state.image),
        "",
        "steps of the last operation, and earlier ones that are not on the disk:",
        *_told_steps(trace, profile, state),
        "",
        *run,
    ]
    return Violated("\n".join(lines))


def literal_call(operation: Operation) -> str:
    """The operation as a call in Python, long text shortened."""
    given = ", ".join(f"{key}={shortened(value)}" for key, value in operation.arguments.items())
    return f"{operation.name}({given})"


def broke(operation: Operation, error: str) -> Violation:
    """The violation by an operation that raised although nothing had gone wrong."""
    return Violation(
        Kind.UNREADABLE,
        promises.ERRORS,
        str(operation.arguments.get("key", "the store")),
        f"{operation} works, or is refused with a ValueError: nothing was wrong with the disk",
        error,
    )


def told_of(wrong: Violation) -> list[str]:
    """What went wrong, in lines: of which kind, what was promised, what came back."""
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
