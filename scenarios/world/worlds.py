"""The worlds of a Hypothesis machine, and how a run of it is done again.

Machine = session_machine(Worlds("package.module:object"))
"""

import errno
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from tornwrite.faults.profile_files import user_profiles
from tornwrite.faults.profile_order import known_profiles
from tornwrite.faults.profiles import KILL, POSIX, Profile
from tornwrite.model.operation import Operation
from tornwrite.scenarios.subject import Subject, WrongUse, load_subject
from tornwrite.scenarios.world.states import Known, Tally
from tornwrite.scenarios.world.subject_world import SubjectWorld

BUDGET = 200
"""Images judged after each step under each profile, at most."""

EVERY_BYTE = 16
"""Writes of up to so many bytes are cut at each of them, longer ones at chosen ones."""


def is_refusal(error: BaseException) -> bool:
    """Whether a subject says with this error that it cannot store what it was asked to.

    A ValueError, or a name that is too long. Not an error in decoding: that is damage.
    """
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError):
        return False
    if isinstance(error, OSError):
        return error.errno == errno.ENAMETOOLONG
    return isinstance(error, ValueError)


@dataclass(frozen=True)
class Worlds:
    """Makes the worlds of a machine, one for each run; hand it to `session_machine`.

    subject: `package.module:object`, or the object itself. scenario: the one whose content is on
    the disk at the start; nothing unless given. profiles: the kinds of crash, from the strongest to
    the weakest. budget: images judged after each step and profile at most. every_byte: how long a
    write may be to be cut at each byte by a kill. refuses: which errors mean that an operation was
    refused; after one the store must read as before, any other is a violation.

    What came of an image is remembered across worlds: shrinking visits the same ones again and
    again. What was done in all of them is counted in `tally`.
    """

    subject: str | Subject
    scenario: str = ""
    profiles: tuple[Profile, ...] = (KILL, POSIX)
    budget: int = BUDGET
    every_byte: int = EVERY_BYTE
    refuses: Callable[[BaseException], bool] = is_refusal
    known: Known = field(default_factory=Known, repr=False, compare=False)
    tally: Tally = field(default_factory=Tally, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.profiles:
            raise WrongUse("a world needs at least one profile, or nothing is ever judged")

    def __call__(self) -> SubjectWorld:
        return SubjectWorld(self)

    @property
    def loaded(self) -> Subject:
        return load_subject(self.subject) if isinstance(self.subject, str) else self.subject

    @property
    def label(self) -> str:
        """How the subject is named where it is to be run again."""
        return self.subject if isinstance(self.subject, str) else self.subject.name

    def unusual(self, start: str) -> dict[str, Any]:
        """The settings that are not the usual ones, as `replay` takes them.

        start: the scenario that the world began with.
        """
        settings: dict[str, Any] = {}
        if start:
            settings["scenario"] = start
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
    known = {profile.name: profile for profile in known_profiles(user_profiles())}
    if name not in known:
        raise WrongUse(f"there is no profile {name!r}, only {', '.join(known)}")
    return known[name]
