"""Recordings made by hand: a few lines that use a store, then every crash that could cut them off.

    with Recordings() as tornwrite:
        with tornwrite.record() as run:
            save(run.path / "notes.json", ["milk"])
        for crash in run.crash_states():
            assert load(crash.path / "notes.json") in ([], ["milk"])

No subject and no model: the lines in the loop say what must hold. This is what the fixture of the
pytest plugin gives; a script or another test runner uses it as it is here.
"""

import contextlib
import functools
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from tornwrite.faults.scratch import Workspace, collect_garbage
from tornwrite.scenarios.by_hand.choices import Choices
from tornwrite.scenarios.by_hand.looking import Crash
from tornwrite.scenarios.by_hand.programs import ProgramFailed, run_program
from tornwrite.scenarios.by_hand.run import Run
from tornwrite.scenarios.recording import HarnessBroken, NotMeasured
from tornwrite.scenarios.subject import WrongUse

__all__ = [
    "Choices",
    "Crash",
    "HarnessBroken",
    "NotMeasured",
    "ProgramFailed",
    "Recordings",
    "Run",
    "WrongUse",
]


class Recordings:
    """Makes recordings, and sees to it that each is looked at and nothing is left behind.

    choices: profiles, budget and seed for all loops that do not say otherwise.

    Leaving the `with` block raises NotMeasured when a recording was not looked at, or not at all of
    its crash states though nobody said that a sample will do. An exception on its way gets a note
    instead that tells at which crash state it was raised. All directories are removed.
    """

    def __init__(self, choices: Choices | None = None) -> None:
        self.choices = choices or Choices()
        self.runs: list[Run] = []
        self._cleanup = contextlib.ExitStack()
        self._place = ""
        self._directories = 0

    def __enter__(self) -> "Recordings":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        __tracebackhide__ = True
        with contextlib.closing(self):
            if error is None:
                self.check()
            elif isinstance(error, Exception) and self.current is not None:
                error.add_note(self.current.explain())

    def close(self) -> None:
        """Remove all directories. Raises OSError if one cannot be removed."""
        self._place = ""
        self._cleanup.close()

    @property
    def current(self) -> Crash | None:
        """The crash state that is being looked at, or at which the looking ended early."""
        return next((run.current for run in reversed(self.runs) if run.current), None)

    def record(self, directory: str | os.PathLike[str] | None = None) -> Run:
        """What is done in the `with` block of this is recorded, below its `path`.

        directory: where to record: what is in it counts as on the disk for certain. None is a new
            empty directory, in memory where there is some.

        An exception in the block ends the recording and passes on. Leaving the block raises
        NotMeasured when nothing was written, RecorderBlind, UnknownStep or HarnessBroken when
        something was done to the files that this recorder cannot follow: those messages say what.
        """
        run = self._run(directory)
        self.runs.append(run)
        return run

    def run(
        self,
        target: Callable[..., object] | Sequence[str],
        *arguments: object,
        directory: str | os.PathLike[str] | None = None,
        timeout_s: float = 60.0,
    ) -> Run:
        """Run a program, or a function in a process of its own, and record it from outside.

        For what the recorder of this process cannot see: C extensions that write (sqlite3, lmdb),
        programs in any language. It needs strace.

        target: the program and its arguments, in which `{path}` stands for the directory; or a
            function that can be imported, called with the directory (a pathlib.Path) and
            `arguments`, which have to be things that pickle takes.
        directory: as for `record`. timeout_s: seconds after which all of it is killed.

        What was acknowledged inside cannot be seen from outside: `crash.acknowledged` is empty, and
        `crash.finished` says whether the program had ended.

        Raises WrongUse for a target that cannot be run, StraceUnusableError where strace cannot be
        used, ProgramFailed when the program does not end well, other StraceErrors and UnknownStep
        as `tornwrite.faults.strace.run_strace` does, NotMeasured when nothing was written.
        """
        __tracebackhide__ = True
        run = self._run(directory)
        trace = run_program(
            target,
            arguments,
            os.fspath(run.path),
            timeout_s=timeout_s,
            named=directory is not None,
            scratch=self._new_directory("program"),
        )
        run.take(trace)
        self.runs.append(run)
        return run

    def check(self) -> None:
        """Raise NotMeasured unless all crash states of all recordings were looked at."""
        __tracebackhide__ = True
        problems = [problem for run in self.runs for problem in run.problems()]
        replay = self.choices.replay
        if replay and self.runs and not any(run.found for run in self.runs):
            problems.append(
                f"there is no crash state {replay} here: the test has no such recording (any more)"
            )
        if problems:
            raise NotMeasured("\n".join(problems))

    def looked(self) -> dict[str, Any]:
        """What was looked at, as plain data: how many crash `states`, what was `left_out` (a
        sentence each), how many `chosen_cuts` were made instead of all, whether it was a `replay`.
        """
        looks = [look for run in self.runs for look in run.looks]
        return {
            "states": sum(look.seen for look in looks),
            "left_out": [said for look in looks for said in look.left_out()],
            "chosen_cuts": sum(look.chosen_cuts for look in looks),
            "replay": bool(self.choices.replay),
        }

    def _run(self, directory: str | os.PathLike[str] | None) -> Run:
        if directory is None:
            path = self._new_directory("recorded")
        else:
            path = os.path.abspath(os.fspath(directory))
            if not os.path.isdir(path):
                raise WrongUse(f"cannot record in {path}: it is no directory; make it first")
        above = self.current
        number = 1 + sum(run.above is above for run in self.runs)
        own = directory is None
        return Run(Path(path), self.choices, self._new_directory, above, number, own=own)

    def _new_directory(self, kind: str) -> str:
        """A new empty directory in the workspace, which is made when first needed."""
        if not self._place:
            _collect_garbage()
            self._place = self._cleanup.enter_context(Workspace()).path
        self._directories += 1
        path = os.path.join(self._place, f"{kind}-{self._directories}")
        os.mkdir(path)
        return path


@functools.cache
def _collect_garbage() -> None:
    """Once in a process: what killed ones left is removed, where it can be."""
    with contextlib.suppress(OSError):
        collect_garbage()
