"""Random workloads for programs: a run of the machine is one sequence of operations under strace.

A program cannot be stopped after each operation to look at its disk. So what the machine asks for
is collected, and done in one run when it is over; then every crash of that run is judged. No crash
becomes real in between: `tornwrite.scenarios.programs.kills` has those.
"""

import contextlib
from dataclasses import dataclass, field

from tornwrite.faults.profiles import KILL, POSIX
from tornwrite.model.machine import Violated
from tornwrite.model.operation import Operation
from tornwrite.model.results import NO_CRASH, Finding
from tornwrite.scenarios.exploring.explorer import Bounds, Explorer
from tornwrite.scenarios.recovery import workplace
from tornwrite.scenarios.subject import Subject
from tornwrite.scenarios.world.failure import told_of
from tornwrite.scenarios.world.states import Tally

_STEPS = 5
"""The images of a whole run are as many times more than those of one step."""


@dataclass
class ProgramWorlds:
    """Makes the worlds of a machine whose subject is a program, one for each run.

    A context manager: the program is kept warm from one run to the next. budget: images judged
    after each step and profile at most, about.
    """

    subject: Subject
    budget: int
    tally: Tally = field(default_factory=Tally)

    def __enter__(self) -> "ProgramWorlds":
        self._cleanup = contextlib.ExitStack()
        live = self._cleanup.enter_context(workplace())
        bounds = Bounds(0, (KILL, POSIX), self.budget * _STEPS, one=True)
        self._explorer = Explorer(self.subject, live, bounds)
        return self

    def __exit__(self, *error: object) -> None:
        self._cleanup.close()

    def __call__(self) -> "ProgramWorld":
        return ProgramWorld(self)

    def judge(self, operations: tuple[Operation, ...]) -> None:
        """Run the operations and judge every crash. Raises Violated at what is wrong."""
        self.tally.worlds += 1
        self.tally.operations += 1 + len(operations)
        explorer = self._explorer
        before = len(explorer.explored.findings)
        explorer.run(operations, whole=True)
        self.tally.judged = explorer.explored.judged
        self.tally.recovered = explorer.explored.recovered
        found = explorer.explored.findings[before:]
        if found:
            said = _told(found[0])
            self.tally.broken += 1
            self.tally.violated(said, len(operations))
            raise Violated(said)


class ProgramWorld:
    """A `tornwrite.model.machine.World` of a program: all is done and judged when it is closed."""

    profiles: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()

    def __init__(self, worlds: ProgramWorlds) -> None:
        self._worlds = worlds
        self._operations: list[Operation] = []

    def open(self, start: str = "") -> None:
        """Nothing yet. start: empty, there is nothing on the disk."""

    def apply(self, operation: Operation) -> None:
        """To be done with the others."""
        self._operations.append(operation)

    def crash_choices(self, profile: str) -> int:
        """None: nothing has been done."""
        return 0

    def crash(self, profile: str, index: int) -> None:
        """Never asked for, since there is no choice."""

    def close(self) -> None:
        """Do all of it, and judge it. Raises Violated."""
        if self._operations:
            self._worlds.judge(tuple(self._operations))


def _told(found: Finding) -> str:
    steps = (f"  {line.number:>3} {line.fate:<12} {line.text}" for line in found.steps)
    crash = [] if found.profile == NO_CRASH else [f"crash        {found.profile}"]
    return "\n".join(
        [
            *told_of(found.violation),
            *crash,
            f"what was done: {found.scenario}",
            "",
            *steps,
            "",
            "to run it again:",
            "",
            found.replay,
        ]
    )
