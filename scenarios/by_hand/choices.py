"""What is looked at in a loop over crash states, and how much of it there can be."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tornwrite.faults.images import Image
from tornwrite.faults.interpreter import Interpreter
from tornwrite.faults.profile_files import user_profiles
from tornwrite.faults.profile_order import known_profiles
from tornwrite.faults.profiles import DEFAULT, PowerLoss, Profile
from tornwrite.faults.steps import Fsync, Handle, Store, SyncAll, Write
from tornwrite.faults.trace import Trace
from tornwrite.scenarios.subject import WrongUse

BUDGET = 50_000
MOST_PENDING = 512 << 10
"""Bytes on their way of one file at once: with more, the contents that a power loss can leave of it
are too many and too large to be held (each is a copy of it, and there is one for each page)."""

MEMORY = 512 << 20
"""Bytes of images that a loop may hold under one profile: it has to know which it has seen."""

FEWEST = 100
"""A loop holds so many images at least."""

GLANCE = 1000
"""Where there are more crash states than can be gone through, and nobody said that a sample will
do, so many are looked at, and the test fails soon."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What is looked at.

    profiles: from the strongest to the weakest. budget: crash states of a recording and profile at
    most. seed: for the sample when there are more. sample: looking at only some of them will do.
    every_byte: a kill cuts each write at every byte; else only the first write of each source line,
    if it has at most 4,096 bytes, and the others at chosen bytes. replay: the `id` of the one crash
    state that is wanted. start: the directory from which the user's profiles are looked for.

    Raises WrongUse for a budget below 1.
    """

    profiles: tuple[Profile, ...] = DEFAULT
    budget: int = BUDGET
    seed: int = 0
    sample: bool = False
    every_byte: bool = False
    replay: str = ""
    start: str | None = None

    def __post_init__(self) -> None:
        if self.budget < 1:
            raise WrongUse(f"a budget is at least 1, not {self.budget}")
        if not self.profiles:
            raise WrongUse("no profile is chosen: name one, or none at all for the usual ones")

    def under(self, names: Sequence[str | Profile]) -> "Choices":
        """The same under these profiles, given or by name. Raises WrongUse for one there is not."""
        return replace(self, profiles=profiles_named(names, self.start)) if names else self


def profiles_named(names: Sequence[str | Profile], start: str | None = None) -> tuple[Profile, ...]:
    """The profiles, given or by name (several in one text are parted by commas), strongest first.

    start: where to look for a pyproject.toml with the user's own; None is the current directory.
    Raises WrongUse for a name that no profile has, ProfileFileError when the user's are wrong.
    """
    given = {one.name: one for one in names if not isinstance(one, str)}
    own = [one for one in given.values() if isinstance(one, PowerLoss)]
    # One made by hand goes before another of its name.
    known = {one.name: one for one in known_profiles((*user_profiles(start), *own))} | given
    wanted = set(given)
    for text in names:
        for name in text.split(",") if isinstance(text, str) else ():
            if name.strip() not in known:
                raise WrongUse(
                    f"there is no profile {name.strip()!r}; there are {', '.join(known)}"
                )
            wanted.add(name.strip())
    return tuple(profile for name, profile in known.items() if name in wanted)


def most_bytes(trace: Trace) -> int:
    """How many bytes of content an image of the trace has at most, about."""
    interpreter = Interpreter(trace.base)
    for number, step in enumerate(trace.steps):
        interpreter.apply(number, step)
    both_ends = max(_bytes_in(trace.base), _bytes_in(interpreter.image()))
    return both_ends + most_pending(trace)


def _bytes_in(image: Image) -> int:
    return sum(len(node) for _, node in image if isinstance(node, bytes))


def most_pending(trace: Trace) -> int:
    """How many bytes of one open file were on their way at once, at most."""
    pending: dict[Handle, int] = {}
    most = 0
    for step in trace.steps:
        match step:
            case Write(handle, _, data) | Store(handle, _, data):
                pending[handle] = pending.get(handle, 0) + len(data)
                most = max(most, pending[handle])
                if isinstance(step, Write) and step.sync:
                    pending[handle] = 0
            case Fsync(int() as handle, start=0, end=None):
                pending[handle] = 0
            case SyncAll():
                pending.clear()
            case _:
                pass
    return most
