"""What each process did on the way to a finding, where several had their part in it."""

from tornwrite.faults.profiles import KILL, Profile
from tornwrite.faults.states import CrashState
from tornwrite.faults.trace import Acknowledged, Began, Failed, Restarted, Stepped, Trace
from tornwrite.model.operation import Operation
from tornwrite.model.results import Stage

FIRST, NEXT = "first process", "next process"


def of_two_processes(
    trace: Trace, killed_after: int, profile: Profile | None, state: CrashState
) -> tuple[Stage, ...]:
    """A process that was killed and the one that went on, in one trace, up to that state of it.

    killed_after: the last step before the kill. profile: under which the state comes about.
    """
    done = _Done()
    found: list[Stage] = []
    steps = boundary = 0
    for event in trace.events:
        if isinstance(event, Stepped):
            steps += 1
            continue
        if boundary == state.epoch:
            break
        boundary += 1
        if isinstance(event, Restarted):
            ended = f"killed after step {killed_after}"
            found.append(done.stage(FIRST, ended, KILL.name, steps - 1))
            done = _Done()
        else:
            done.tell(event)
    first_of_next = found[-1].last if found else None
    ended = _ended(profile, state, len(trace.steps), first_of_next)
    name = profile.name if profile is not None else ""
    return (*found, done.stage(NEXT if found else FIRST, ended, name, state.point))


def of_one_process(
    who: str, trace: Trace, profile: Profile, state: CrashState, *, shown: bool
) -> Stage:
    """A process up to the crash that ended it. shown: whether a finding shows its steps."""
    done = _Done()
    boundary = 0
    for event in trace.events:
        if isinstance(event, Stepped):
            continue
        if boundary == state.epoch:
            break
        boundary += 1
        done.tell(event)
    ended = _ended(profile, state, len(trace.steps), None)
    return done.stage(who, ended, profile.name, state.point if shown else None)


def recovery(number: int) -> str:
    """What the recovery of that number is called, from 1."""
    return "recovery" if number == 1 else f"recovery {number}"


class _Done:
    """What one process has done so far."""

    def __init__(self) -> None:
        self._did: list[str] = []
        self._flying: dict[int, str] = {}

    def tell(self, event: Began | Acknowledged | Failed | Restarted) -> None:
        match event:
            case Began(number, name, arguments):
                self._flying[number] = str(Operation(name, arguments))
            case Acknowledged(number):
                self._did.append(self._flying.pop(number))
            case Failed(number):
                self._did.append(f"{self._flying.pop(number)} with an error")
            case Restarted():
                self._flying.clear()

    def stage(self, who: str, ended: str, profile: str, last: int | None) -> Stage:
        return Stage(who, tuple(self._did), tuple(self._flying.values()), ended, profile, last)


def _ended(profile: Profile | None, state: CrashState, steps: int, before: int | None) -> str:
    """How it ended. steps: how many there are in all. before: the last that was not its own."""
    if profile is None or (profile == KILL and state.point == steps):
        return "came to its end"
    what = "killed" if profile == KILL else "the power failed"
    if state.cut is not None:
        unit = "byte" if state.cut == 1 else "bytes"
        return f"{what} during step {state.point}, {state.cut} {unit} written"
    if state.point - 1 <= (-1 if before is None else before):
        return f"{what} before its first step"
    return f"{what} after step {state.point - 1}"
