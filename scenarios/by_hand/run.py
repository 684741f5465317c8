"""One recording made by hand: the lines in its `with` block, or a program seen from outside."""

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from tornwrite.faults.profiles import Profile
from tornwrite.faults.recorder import Recorder, RecorderBlind
from tornwrite.faults.trace import Trace
from tornwrite.scenarios.by_hand.choices import Choices
from tornwrite.scenarios.by_hand.looking import Crash, Look, Recorded
from tornwrite.scenarios.by_hand.moments import BODY, MARK
from tornwrite.scenarios.by_hand.telling import joined, trace_told
from tornwrite.scenarios.recording import USE_STRACE, HarnessBroken, NotMeasured, check_whole
from tornwrite.scenarios.subject import WrongUse

FROM_OUTSIDE = (
    "to record it all the same, put it into a function that runs in a process of its own, seen "
    "from outside: run = tornwrite.run(function), which needs strace"
)


class Run:
    """What was recorded, and all that a crash could have left of it.

    path: the directory below which the files are.
    """

    def __init__(
        self,
        path: Path,
        choices: Choices,
        new_directory: Callable[[str], str],
        above: Crash | None,
        number: int,
        *,
        own: bool = False,
    ) -> None:
        """own: whether the directory is the harness's, which is put aside while crashes are shown:
        a look at it by mistake, or by an absolute path that was kept, would show no crash.
        """
        self._path = path
        self._own = own
        self._choices = choices
        self._new_directory = new_directory
        self.above = above
        """The crash state that was looked at when the recording was made, if one was."""
        self._number = number
        self._where = _line_of_the_test()
        self._recorder: Recorder | None = None
        self._recorded: Recorded | None = None
        self._threads: frozenset[threading.Thread] = frozenset()
        self._broken = ""
        self._failed = False
        self.looks: list[Look] = []

    @property
    def path(self) -> Path:
        """The directory. Below it what is done is recorded."""
        return self._path

    # Recording

    def __enter__(self) -> "Run":
        __tracebackhide__ = True
        if self._recorder is not None:
            raise WrongUse("a recording is made once: call record() again for another one")
        self._threads = frozenset(threading.enumerate())
        self._recorder = Recorder(self._path)
        try:
            self._recorder.__enter__()
        except BaseException:
            self._failed = True
            raise
        self._recorder.began("the recording", {})
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        __tracebackhide__ = True
        recorder = self._recorder
        assert recorder is not None
        self._failed = True
        if error is None:
            recorder.acknowledged(BODY)
        else:
            recorder.failed(BODY, f"{type(error).__name__}: {error}")
        try:
            recorder.__exit__(kind, error, trace)
            recorded = recorder.trace()
            check_whole(recorded, os.path.realpath(self._path))
        except (RecorderBlind, HarnessBroken) as broken:
            said = str(broken).removesuffix(USE_STRACE).removesuffix("; ")
            self._broken = f"{said}; {self._still_running() or FROM_OUTSIDE}"
            if error is None:
                raise type(broken)(self._broken) from None
            error.add_note(FROM_OUTSIDE)
            return
        if error is None:
            self.take(recorded)
            if left := self._still_running():
                # What they write from here on would be missing, and nobody would know.
                self._failed = True
                raise NotMeasured(f"not measured: {left}")
            self._failed = False
        elif recorded.steps:
            self.take(recorded)

    def _still_running(self) -> str:
        """What to do about threads that were begun in the block and are still at work after it."""
        left = [one.name for one in threading.enumerate() if one not in self._threads]
        if not left:
            return ""
        return (
            f"threads begun in the recording still ran when it ended ({', '.join(left)}): let them "
            "come to their end inside its `with` block, or begin before it if it is not about them"
        )

    def take(self, trace: Trace) -> None:
        """Let this be the recording. Raises NotMeasured when there is no step in it."""
        __tracebackhide__ = True
        root = os.path.realpath(self._path)
        self._recorded = Recorded(trace, self._where, root, self.above, self._number)
        if not trace.steps:
            self._failed = True
            raise NotMeasured(
                f"nothing was written below {self._path} in the recording at {self._where}: there "
                "is no step at which a crash could show anything; let what is tested keep its "
                "files below run.path"
            )

    @contextlib.contextmanager
    def operation(self, name: str) -> Iterator[None]:
        """One operation on the store: in flight in this block, acknowledged when it ends well.

        Raises WrongUse when nothing is being recorded.
        """
        recorder = self._at_work()
        number = recorder.began(name, {})
        try:
            yield
        except BaseException as error:
            recorder.failed(number, f"{type(error).__name__}: {error}")
            raise
        recorder.acknowledged(number)

    def acknowledged(self, name: str) -> None:
        """Say that this is acknowledged now: from here on it must survive every crash.

        Raises WrongUse when nothing is being recorded.
        """
        recorder = self._at_work()
        recorder.acknowledged(recorder.began(name, MARK))

    def _at_work(self) -> Recorder:
        if self._recorder is None or self._recorded is not None or self._failed:
            raise WrongUse(
                "operations are named while they are recorded, inside `with tornwrite.record() as "
                "run:`"
            )
        return self._recorder

    # Looking

    def crash_states(
        self,
        *profiles: str | Profile,
        budget: int | None = None,
        seed: int | None = None,
        sample: bool | None = None,
        every_byte: bool | None = None,
    ) -> Look:
        """All that a crash could leave, each once: a loop over `Crash`es.

        The same files are looked at once for each set of operations that were acknowledged, and
        under the strongest profile that allows them.

        profiles: by name, or made by hand; those of the test's marker, of the command line, of
        pyproject.toml or else the usual ones when none is given. budget, seed, sample, every_byte:
        as in `Choices`, likewise.

        Raises WrongUse while the recording goes on and for a profile there is not; HarnessBroken
        when the recording cannot be trusted.
        """
        __tracebackhide__ = True
        if self._broken:
            raise HarnessBroken(self._broken)
        choices = self._choices.under(profiles)
        given = {"budget": budget, "seed": seed, "sample": sample, "every_byte": every_byte}
        changed = {name: value for name, value in given.items() if value is not None}
        chosen = replace(choices, **changed)  # type: ignore[arg-type]
        look = Look(self._whole(), chosen, self._new_directory, aside=self._own)
        self.looks.append(look)
        return look

    @property
    def steps(self) -> tuple[str, ...]:
        """What was recorded: a line for each step, and where operations begin and end."""
        return tuple(trace_told(self._whole().trace))

    def __str__(self) -> str:
        return joined(self.steps) if self._recorded is not None else repr(self)

    @property
    def current(self) -> Crash | None:
        """The crash state that is looked at, or at which the looking ended early."""
        return next((look.current for look in reversed(self.looks) if look.current), None)

    @property
    def found(self) -> bool:
        """Whether the crash state that was to be replayed is one of this recording's."""
        return any(look.replayed for look in self.looks)

    def problems(self) -> list[str]:
        """Why a test of this must not pass, a sentence each: what was not looked at."""
        if self._failed:
            return []
        if self._recorder is None and self._recorded is None:
            return [f"nothing was recorded at {self._where}: use `with tornwrite.record() as run:`"]
        if not self.looks:
            return [
                f"no crash state of the recording at {self._where} was looked at: go through them "
                "with `for crash in run.crash_states():`"
            ]
        found: list[str] = []
        for look in self.looks:
            if not look.choices.sample:
                found += [f"not measured: {said}; {_advice(look)}" for said in look.left_out()]
        return found

    def _whole(self) -> Recorded:
        if self._recorded is None:
            raise WrongUse(
                f"the recording at {self._where} is not over: its crash states are looked at after "
                "the `with` block"
            )
        return self._recorded


def _advice(look: Look) -> str:
    accept = "or say that this will do: sample=True, in crash_states() or in the test's marker"
    if not look.complete:
        return f"go through all of them, {accept}"
    if all("budget" in cover.stopped for _, cover in look.coverage if cover.stopped):
        raised = f"raise the budget (--tornwrite-budget, now {look.choices.budget:,}), "
    else:
        raised = ""
    return f"{raised}record less at once (smaller contents, fewer steps), {accept}"


def _line_of_the_test() -> str:
    """The line that made the recording: the first above this that is none of the harness's."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(__package__):
        frame = frame.f_back
    file = frame.f_code.co_filename
    relative = os.path.relpath(file)
    return f"{file if relative.startswith('..') else relative}:{frame.f_lineno}"
