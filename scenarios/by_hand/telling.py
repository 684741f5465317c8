"""A recording made by hand, and a crash state of it, in words for whoever wrote the test."""

from collections.abc import Iterable, Sequence

from tornwrite.faults.explain import Fate, Reached, fates
from tornwrite.faults.images import Image
from tornwrite.faults.profiles import Profile
from tornwrite.faults.states import CrashState
from tornwrite.faults.steps import describe
from tornwrite.faults.trace import Acknowledged, Began, Failed, Site, Stepped, Trace, open_paths
from tornwrite.scenarios.by_hand.moments import BODY, MARK, Moment
from tornwrite.scenarios.findings import content_told

FATES = {Reached.WHOLE: "✓", Reached.PART: "~", Reached.NOT: "✗", Reached.NONE: "·"}

LAST_STEPS = 12
MISSING_STEPS = 12
FILES_TOLD = 12
"""How many lines of each kind an explanation has at most."""

_RUNNERS = ("_pytest/", "pluggy/", "xdist/", "execnet/", "hypothesis/", "pytest_asyncio/")


def own_calls(sites: Sequence[Site]) -> list[Site]:
    """The calls within the user's code, innermost first: up to where a test runner called it."""
    found: list[Site] = []
    for site in sites:
        if site.file.startswith(_RUNNERS):
            break
        found.append(site)
    return found


def place_told(sites: Sequence[Site]) -> str:
    """Where in the source a step comes from: the innermost line, and the outermost that is known.

    Empty for a step seen from outside.
    """
    calls = own_calls(sites)
    if not calls:
        return ""
    first, last = calls[0], calls[-1]
    return str(first) if first == last else f"{first}, from {last}"


def trace_told(trace: Trace) -> list[str]:
    """A line for each step, numbered from 0, with its line of source; operations between them."""
    paths = open_paths(trace.steps)
    names: dict[int, str] = {}
    told: list[str] = []
    number = 0
    for event in trace.events:
        match event:
            case Stepped(step, sites):
                line = f"{number:>4}  {describe(step, paths)}"
                told.append(_aligned(line, place_told(sites)))
                number += 1
            case Began(operation, name, arguments):
                names[operation] = name
                if operation != BODY and arguments != MARK:
                    told.append(f"      {name} begins")
            case Acknowledged(operation):
                if operation != BODY:
                    told.append(f"      {names[operation]} is acknowledged")
            case Failed(operation, error):
                if operation != BODY:
                    told.append(f"      {names[operation]} fails: {error}")
            case _:
                pass
    return told


def crash_told(trace: Trace, profile: Profile, state: CrashState, moment: Moment) -> list[str]:
    """When it crashed, what was acknowledged, what of the steps reached the disk, what was left."""
    told = fates(trace, profile, state)
    return [
        f"a crash under {profile.name} ({profile.summary})",
        *_when(trace, state),
        *_promised(trace, moment),
        *_steps(trace, told),
        *_files(state.image),
    ]


def _when(trace: Trace, state: CrashState) -> list[str]:
    steps = [event for event in trace.events if isinstance(event, Stepped)]
    paths = open_paths(trace.steps)
    if state.cut is not None:
        event = steps[state.point]
        said = f"during step {state.point}, {describe(event.step, paths)}: {state.cut} B of it done"
    elif state.point:
        event = steps[state.point - 1]
        said = f"after step {state.point - 1} of {len(steps)}, {describe(event.step, paths)}"
    else:
        return [f"before the first of {len(steps)} steps"]
    place = place_told(event.sites)
    return [said, f"  at {place}"] if place else [said]


def _promised(trace: Trace, moment: Moment) -> list[str]:
    if not any(isinstance(event, Began) and event.number != BODY for event in trace.events):
        return ["all of the recording was over"] if moment.finished else []
    if moment.finished:
        under_way = "the recording was over"
    else:
        under_way = f"in flight: {', '.join(moment.in_flight) or 'no operation'}"
    return [f"acknowledged: {', '.join(moment.acknowledged) or 'nothing'}; {under_way}"]


def _steps(trace: Trace, told: Sequence[Fate]) -> list[str]:
    """The last steps, and of those before them what did not reach the disk."""
    if not told:
        return []
    missing = [fate for fate in told if fate.reached in (Reached.NOT, Reached.PART)]
    shown = {fate.step: fate for fate in [*missing[-MISSING_STEPS:], *told[-LAST_STEPS:]]}
    events = [event for event in trace.events if isinstance(event, Stepped)]
    paths = open_paths(trace.steps)
    lines = ["steps until then (✓ on disk, ~ in part, ✗ not on disk):"]
    before = -1
    for number in sorted(shown):
        if number != before + 1:
            lines.append("     …")
        before = number
        event, mark = events[number], FATES[shown[number].reached]
        calls = own_calls(event.sites)[:1]
        line = f"  {number:>4} {mark} {describe(event.step, paths)}"
        lines.append(_aligned(line, str(calls[0]) if calls else ""))
    if len(missing) > MISSING_STEPS:
        lines.append(f"  and {len(missing) - MISSING_STEPS} earlier ones not or not wholly on disk")
    return lines


def _files(image: Image) -> list[str]:
    if not image:
        return ["what the crash left: nothing"]
    width = min(max(len(path) for path, _ in image), 32)
    lines = [
        f"  {_printable(path):<{width}}  {content_told(node)}" for path, node in image[:FILES_TOLD]
    ]
    if len(image) > FILES_TOLD:
        lines.append(f"  and {len(image) - FILES_TOLD} more")
    return ["what the crash left:", *lines]


def _aligned(line: str, place: str) -> str:
    return f"{_printable(line):<52}  {_printable(place)}".rstrip()


def _printable(text: str) -> str:
    """File names may have bytes that are no UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode()


def joined(lines: Iterable[str]) -> str:
    """The lines as one text."""
    return "\n".join(_printable(line) for line in lines)
