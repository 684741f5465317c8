"""What a device is an excuse for: losing what it said it had, and nothing that a store could tell.

On a card that loses synced data no store keeps all its promises. It can still do no harm: every
message that it shows was written, and what does not go together, or cannot be told to be whose, is
reported.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import orjson

from tornwrite.faults.images import Image
from tornwrite.faults.interpreter import Interpreter
from tornwrite.faults.profiles import PowerLoss, ProcessKill, Profile
from tornwrite.faults.states import CrashState
from tornwrite.faults.trace import Trace
from tornwrite.model.damage import Damageable, DamagedRun, Held
from tornwrite.model.judge import Permitted
from tornwrite.model.operation import canonical
from tornwrite.model.verdict import Kind, Violation
from tornwrite.scenarios.damage.recovery import DamageBench
from tornwrite.scenarios.findings import Collected, Shown
from tornwrite.scenarios.subject import Subject

GRAVE = (Kind.TORN, Kind.PHANTOM, Kind.LEAKED, Kind.UNREADABLE)
"""Damaged data given back as good, or nothing given back: excused only where it is reported."""


def honest(profile: Profile) -> bool:
    """Whether a store can keep all its promises under the profile."""
    match profile:
        case ProcessKill():
            return True
        case PowerLoss():
            return profile.tells_the_truth and profile.rename_atomic


class Excusing:
    """What is wrong under one profile, with what the device is to blame for apart.

    permitted: what may come back, by epoch. root: a directory for recoveries, emptied each time.
    """

    def __init__(
        self,
        subject: Subject,
        trace: Trace,
        permitted: Mapping[int, Permitted[Any]],
        names: tuple[str, ...],
        root: str,
    ) -> None:
        self._subject = subject
        self._trace = trace
        self._permitted = permitted
        self._names = names
        self._bench = DamageBench(subject, root)
        self._runs: dict[Image, DamagedRun] = {}
        self._before = messages_in(trace.base)

    def collected(self, profile: Profile) -> "ByExcuse":
        """An empty collection for that profile."""
        return ByExcuse(self, self._trace, honest(profile))

    def is_excused(self, violation: Violation, state: CrashState) -> bool:
        """Whether a device that loses what was synced is to blame, and not the store."""
        if violation.kind not in GRAVE:
            return True
        model = self._subject.model
        if not isinstance(model, Damageable):
            return False
        run = self._run(state.image)
        if run.observed is None:
            return False
        permitted = self._permitted[state.epoch]
        ever = [model.contents(model.view(one)) for one in (*permitted.states, *permitted.past)]
        written = {message for one in ever for held in one.values() for message in held.messages}
        written |= self._before
        shown = model.contents(run.observed)
        if any(message not in written for held in shown.values() for message in held.messages):
            return False
        if violation.kind is not Kind.UNREADABLE and all(
            self._is_its_own(name, held, ever) for name, held in shown.items()
        ):
            return True
        return self._is_reported(violation.about, run)

    def _run(self, image: Image) -> DamagedRun:
        run = self._runs.get(image)
        if run is None:
            run = self._runs[image] = self._bench.recover(image, None, self._names).run
        return run

    def _is_its_own(self, name: str, held: Held, ever: Sequence[Mapping[str, Held]]) -> bool:
        """Whether all of it once was the session's, though not all at once.

        Or it is a session that nobody made: another's files, by the name that is left of them.
        """
        known = [one[name] for one in ever if name in one]
        if held.is_nothing or not known:
            return True
        own = {message for one in known for message in one.messages} | self._before
        told = {key: value for key, value in held.beside.items() if value}
        return (
            not held.error
            and own.issuperset(held.messages)
            and all(any(one.beside.get(key) == told[key] for one in known) for key in told)
        )

    def _is_reported(self, about: str, run: DamagedRun) -> bool:
        """Whether the store says that something is wrong with the session, or with any if none.

        Not what it says of these files when nothing was lost.
        """
        if run.told.get(about):
            return True
        told = {*run.said, *(text for texts in run.told.values() for text in texts)}
        return about not in run.told and not told <= self._usual

    @cached_property
    def _usual(self) -> frozenset[str]:
        interpreter = Interpreter(self._trace.base)
        for number, step in enumerate(self._trace.steps):
            interpreter.apply(number, step)
        run = self._run(interpreter.image())
        return frozenset([*run.said, *(text for texts in run.told.values() for text in texts)])


def messages_in(image: Image) -> frozenset[bytes]:
    """Every message in the files, as canonical bytes: those lie there that were removed, too."""
    found: set[bytes] = set()
    for _, node in image:
        if isinstance(node, bytes):
            for piece in (node, *node.split(b"\n")):
                found |= _messages(piece)
    return frozenset(found)


def _messages(piece: bytes) -> set[bytes]:
    try:
        read = orjson.loads(piece)
    except orjson.JSONDecodeError:
        return set()
    if not isinstance(read, dict):
        return set()
    inside = read.get("messages")
    return {
        canonical({key: value for key, value in one.items() if key != "crc32"})
        for one in [read, *(inside if isinstance(inside, list) else [])]
        if isinstance(one, dict)
    }


class ByExcuse(Collected):
    """Violations gathered in two: what the store is to blame for, and what the device is."""

    def __init__(self, excusing: Excusing, trace: Trace, honest: bool) -> None:
        super().__init__(trace)
        self._excusing = excusing
        self._honest = honest
        self.excused = Collected(trace)

    def add(self, violation: Violation, profile: Profile, state: CrashState) -> None:
        """One more image that shows a violation."""
        if not self._honest and self._excusing.is_excused(violation, state):
            self.excused.add(violation, profile, state)
        else:
            super().add(violation, profile, state)

    def both(self) -> list[tuple[Shown, bool]]:
        """All, and whether each is excused; what is not comes first."""
        return [
            *((shown, False) for shown in self.all()),
            *((shown, True) for shown in self.excused.all()),
        ]
