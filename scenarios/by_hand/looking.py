"""The loop over what a crash could leave of a recording made by hand."""

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tornwrite.faults.images import Image, SymbolicLink, clear, digest
from tornwrite.faults.profile_files import user_profiles
from tornwrite.faults.profile_order import known_profiles
from tornwrite.faults.profiles import PowerLoss, Profile
from tornwrite.faults.state_names import WrongName, name_of, profile_named, state_named
from tornwrite.faults.states import Coverage, CrashState, CrashStates, at_every_byte
from tornwrite.faults.trace import Trace
from tornwrite.scenarios.by_hand.choices import (
    FEWEST,
    GLANCE,
    MEMORY,
    MOST_PENDING,
    Choices,
    most_bytes,
    most_pending,
)
from tornwrite.scenarios.by_hand.moments import Moment, moments
from tornwrite.scenarios.by_hand.telling import crash_told, joined
from tornwrite.scenarios.chosen_cuts import first_of_each_line
from tornwrite.scenarios.recording import NotMeasured, lay_down
from tornwrite.scenarios.subject import WrongUse


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recording, and what is known of it.

    where: the line of the test that made it. root: the real path that was recorded. above: the
    crash state within whose look it was made. number: which of the recordings made there.
    """

    trace: Trace
    where: str
    root: str
    above: "Crash | None" = None
    number: int = 1

    @property
    def depth(self) -> int:
        """In how many looks it was made."""
        return 0 if self.above is None else self.above.recorded.depth + 1


class Crash:
    """What a crash left, in a directory of its own that is there until the next one comes.

    profile: the name of the strongest of the chosen profiles under which it can come about.
    point: how many steps were done. acknowledged: the names of the operations that were by then.
    in_flight: that of the one under way, None if none was; of several, the one begun last.
    finished: whether the whole recording was over.
    """

    __slots__ = ("_directory", "_moment", "_profile", "_state", "recorded")

    def __init__(
        self, recorded: Recorded, profile: Profile, state: CrashState, moment: Moment, path: str
    ) -> None:
        self.recorded = recorded
        self._profile = profile
        self._state = state
        self._moment = moment
        self._directory: str | None = path

    @property
    def path(self) -> Path:
        """The directory. Raises WrongUse once the next crash state has come."""
        if self._directory is None:
            raise WrongUse(
                "the directory of this crash is gone: look at each crash state inside the loop "
                "over run.crash_states(), before the next one comes"
            )
        return Path(self._directory)

    @property
    def profile(self) -> str:
        return self._profile.name

    @property
    def point(self) -> int:
        return self._state.point

    @property
    def acknowledged(self) -> tuple[str, ...]:
        return self._moment.acknowledged

    @property
    def in_flight(self) -> str | None:
        return self._moment.in_flight[-1] if self._moment.in_flight else None

    @property
    def finished(self) -> bool:
        return self._moment.finished

    @property
    def id(self) -> str:
        """The name by which it is found again: `pytest --tornwrite-replay ID`."""
        above, number = self.recorded.above, self.recorded.number
        before = "" if above is None else f"{above.id}/"
        name = name_of(self.recorded.trace, self._profile, self._state)
        return before + name + ("" if number == 1 else f"#{number}")

    def files(self) -> dict[str, bytes]:
        """What the crash left in files, by their paths below `path`, whatever was done since."""
        return {path: node for path, node in self._state.image if isinstance(node, bytes)}

    def explain(self) -> str:
        """When it crashed, at which line, what reached the disk and what did not."""
        above = self.recorded.above
        lines = crash_told(self.recorded.trace, self._profile, self._state, self._moment)
        lines.append(f"crash state {self.id}")
        if above is not None:
            lines += ["", "that was in the look at:", above.explain()]
        return joined(lines)

    def __repr__(self) -> str:
        return f"<crash state {self.id}>"

    def lay_down(self) -> None:
        """Put what the crash left into its directory. Raises NoSpace when it does not fit."""
        assert self._directory is not None
        lay_down(_moved(self._state.image, self.recorded.root, self._directory), self._directory)

    def remove(self) -> None:
        """Empty and remove the directory, if it can be; else it goes with all others."""
        if self._directory is None:
            return
        path, self._directory = self._directory, None
        try:
            clear(path)
            os.rmdir(path)
        except OSError:
            pass


class Look:
    """One loop over the crash states of a recording: iterate once.

    seen: how many there were. current: the one that is being looked at, or at which the loop was
    left. complete: whether the loop came to its end. replayed: whether it was to show one state
    only, and did. coverage: what there was, for each profile that was gone through.
    """

    def __init__(
        self,
        recorded: Recorded,
        choices: Choices,
        new_directory: Callable[[str], str],
        *,
        aside: bool = False,
    ) -> None:
        """aside: the recorded directory has another name meanwhile, so that nobody looks at it."""
        self._aside = aside
        self.recorded = recorded
        self.choices = choices
        self.seen = 0
        self.current: Crash | None = None
        self.complete = False
        self.replayed = False
        self.coverage: list[tuple[Profile, Coverage]] = []
        self._new_directory = new_directory
        self._moments = moments(recorded.trace)

    def __iter__(self) -> Iterator[Crash]:
        __tracebackhide__ = True
        if self.seen or self.complete:
            raise WrongUse("these crash states were gone through: call crash_states() again")
        with self._put_aside():
            yield from self._each()
        self.complete = True

    @contextlib.contextmanager
    def _put_aside(self) -> Iterator[None]:
        root = self.recorded.root
        if not self._aside or not os.path.exists(root):
            yield
            return
        os.rename(root, f"{root}-aside")
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # all of it is gone, or something is there now
                os.rename(f"{root}-aside", root)

    def _each(self) -> Iterator[Crash]:
        __tracebackhide__ = True
        for profile, state in self._wanted():
            self._leave()
            path = self._new_directory("crash")
            crash = Crash(self.recorded, profile, state, self._moments[state.epoch], path)
            self.current = crash
            self.seen += 1
            crash.lay_down()
            yield crash
        self._leave()

    def _leave(self) -> None:
        if self.current is not None:
            self.current.remove()
            self.current = None

    def _wanted(self) -> Iterator[tuple[Profile, CrashState]]:
        __tracebackhide__ = True
        parts = self.choices.replay.split("/") if self.choices.replay else []
        if self.recorded.depth >= len(parts):
            yield from self._all()
            return
        name, _, number = parts[self.recorded.depth].partition("#")
        if (number or "1") != str(self.recorded.number):
            return
        known = known_profiles(user_profiles(self.choices.start))
        try:
            profile = profile_named(name, (*self.choices.profiles, *known))
            state = state_named(self.recorded.trace, profile, name)
        except WrongName as error:
            raise NotMeasured(
                f"cannot replay: {error}; run the test again without --tornwrite-replay"
            ) from None
        self.replayed = True
        yield profile, state

    def _all(self) -> Iterator[tuple[Profile, CrashState]]:
        """Each pair of an image and a moment once, under the strongest profile that has it."""
        seen: set[tuple[str, Moment]] = set()
        trace = self.recorded.trace
        fitting = max(FEWEST, MEMORY // max(1, most_bytes(trace)))
        pending = most_pending(trace)
        for profile in self.choices.profiles:
            if isinstance(profile, PowerLoss) and pending > MOST_PENDING:
                too_much = f"a file had {pending:,} B on their way at once"
                self.coverage.append((profile, Coverage(possible=1, stopped=too_much)))
                continue
            for state in self._under(profile, fitting):
                key = (digest(state.image), self._moments[state.epoch])
                if key not in seen:
                    seen.add(key)
                    yield profile, state

    def _under(self, profile: Profile, fitting: int) -> Iterator[CrashState]:
        """Those of one profile. fitting: how many images can be held."""
        trace, choices = self.recorded.trace, self.choices
        states = CrashStates(
            trace,
            profile,
            budget=min(choices.budget, fitting),
            seed=choices.seed,
            cut_at=at_every_byte if choices.every_byte else first_of_each_line(trace),
        )
        for number, state in enumerate(states):
            cover = states.coverage
            if number == GLANCE and cover.stopped and not choices.sample:
                # It was known before the first that they are too many: this cannot pass.
                cover.images, cover.possible = number, max(cover.possible, number + 1)
                break
            yield state
        cover = states.coverage
        if "budget" in cover.stopped and fitting < choices.budget:
            cover.stopped = f"as many as fit into {MEMORY >> 20} MiB"
        self.coverage.append((profile, cover))

    def left_out(self) -> list[str]:
        """What was not looked at, a sentence each; nothing when all was."""
        if self.choices.replay and not self.coverage:
            return []
        if not self.complete:
            return [
                f"the loop over the crash states of the recording at {self.recorded.where} was "
                f"left after {self.seen:,} of them"
            ]
        together: dict[tuple[int, int, str], list[str]] = {}
        for profile, cover in self.coverage:
            if cover.stopped:
                same = (cover.images, cover.possible, cover.stopped)
                together.setdefault(same, []).append(profile.name)
        return [
            f"{images:,} of at least {possible:,} crash states of the recording at "
            f"{self.recorded.where} under {', '.join(names)} ({stopped})"
            for (images, possible, stopped), names in together.items()
        ]

    @property
    def chosen_cuts(self) -> int:
        """How many cuts of long or repeated writes were not asked for."""
        return sum(cover.chosen for _, cover in self.coverage)


def _moved(image: Image, old: str, new: str) -> Image:
    """The image with links to what is below the recorded directory leading below the new one."""
    return tuple(
        (path, SymbolicLink(new + node.text[len(old) :]))
        if isinstance(node, SymbolicLink) and (node.text + "/").startswith(old + "/")
        else (path, node)
        for path, node in image
    )
