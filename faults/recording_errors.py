"""What can go wrong with a recording. Each of them makes the run *harness broken*, never a pass."""

from typing import ClassVar


class UnknownStep(Exception):
    """The subject did something to its files that no step stands for.

    Raised at the call, before anything is done. The message names it; change the subject, or keep
    that part of it outside the recorded root. A subject that catches it and goes on has its
    recording spoilt all the same: a recorder looks at `raised`.
    """

    raised: ClassVar[list[str]] = []
    """What was raised in this process since a recorder last started."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.raised.append(message)


class RecorderBlind(Exception):
    """Something changed files below the root, or may have, without the recorder seeing how.

    The trace would be a lie. The message names the call and the file, and what to do.
    """


class RecorderActive(Exception):
    """A second recorder was started in a process. Leave the first one's `with` block first."""
