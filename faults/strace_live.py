"""Recorder for a program that somebody talks to: its steps, and those done when it heard and spoke.

Whoever talks to it starts it by `tracing_command`, with a pipe for its standard output, and when it
has ended reads what it did by `read_recording`. When it spoke is seen in strace's own output, by
its calls on that pipe, and when it heard by its reads of descriptor 0: no clock is compared with
another.
"""

import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from tornwrite.faults.images import Image
from tornwrite.faults.recording_errors import UnknownStep
from tornwrite.faults.steps import Step
from tornwrite.faults.strace import probe_strace, strace_options
from tornwrite.faults.strace_descriptors import CLONES
from tornwrite.faults.strace_errors import StraceOutputError, StraceUnusableError
from tornwrite.faults.strace_follow import Follower
from tornwrite.faults.strace_log import PADDING
from tornwrite.faults.strace_names import Names
from tornwrite.faults.strace_parse import Argument, Call, Ended, Entered, Event, Superseded, parse

SPEAKS = {
    "write": 0, "writev": 0, "pwrite64": 0, "pwritev": 0, "pwritev2": 0,
    "sendfile": 0, "splice": 2, "copy_file_range": 2,
}  # fmt: skip
"""Calls by which bytes come into a pipe, and where each has its descriptor."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Right before a call: a place at which strace can kill the program, or have the call fail.

    done: how many steps were done by then. name, count: the count-th call of that name of its
    thread, from 1, as strace counts them where it injects something. thread: which thread that is,
    from 0, in the order of their first calls. said: how many bytes had been said by then.
    """

    done: int
    name: str
    count: int
    thread: int = 0
    said: int = 0


@dataclass(frozen=True, slots=True)
class Injected:
    """A call that strace had fail. here: it is about what is recorded."""

    moment: Moment
    here: bool


@dataclass(frozen=True, slots=True)
class LiveRecording:
    """What a program did below the root, and when it spoke.

    said: for each call by which it wrote to its standard output: how many bytes it had written
    after it, and how many steps it had done before. moments: before each call that made a step, and
    before each of those. heard: for each call by which it read from its standard input: how many
    bytes it had read after it, and how many steps it had done by then. unrecorded: what it did
    beside its steps, a sentence each. reads: each opening below the root only to read, with the
    path. injected: what strace had fail. speaks: the names of the calls by which it wrote to its
    standard output. made: each call that made steps, and how many were done after it.
    """

    steps: tuple[Step, ...]
    said: tuple[tuple[int, int], ...]
    moments: tuple[Moment, ...] = ()
    heard: tuple[tuple[int, int], ...] = ()
    unrecorded: tuple[str, ...] = ()
    reads: tuple[tuple[Moment, str], ...] = ()
    injected: tuple[Injected, ...] = ()
    speaks: frozenset[str] = frozenset()
    made: tuple[tuple[Moment, int], ...] = ()
    counts: Mapping[tuple[int, str], int] = field(default_factory=dict)
    """How many calls of each name each thread made."""

    def is_alone(self, moment: Moment) -> bool:
        """Whether strace can mean this call and no other: no thread made as many of that name."""
        return not any(
            name == moment.name and thread != moment.thread and number >= moment.count
            for (thread, name), number in self.counts.items()
        )

    def heard_at(self, byte: int) -> int | None:
        """How many steps were done when so many bytes had been read; None if that was not seen."""
        return next((done for until, done in self.heard if until >= byte), None)

    def done_at(self, byte: int) -> int:
        """How many steps were done when so many bytes had been written.

        The call that wrote the last of them counts from its beginning: whoever reads the bytes may
        have them before the call has returned.

        Raises StraceOutputError when so many were not seen to be written.
        """
        for until, done in self.said:
            if until >= byte:
                return done
        raise StraceOutputError(
            f"the program answered {byte} bytes, and only {self.bytes_said} of them were seen to "
            "be written: by a call that is not followed (vmsplice, tee, io_uring)?"
        )

    def check_all_seen(self, received: int) -> None:
        """Raise UnknownStep where not all the bytes received were seen to be written: then nobody
        knows what was done when the others were, nor which these are.
        """
        if self.bytes_said != received:
            raise UnknownStep(
                f"the answers were {received} bytes, and the program was seen to write "
                f"{self.bytes_said} of them: a process that it did not start wrote the others (or "
                "vmsplice, tee, io_uring did), and what was done by then cannot be told; let the "
                "driver write its answers itself"
            )

    @property
    def bytes_said(self) -> int:
        """How many bytes it was seen to write to its standard output."""
        return self.said[-1][0] if self.said else 0


def tracing_command(
    command: Sequence[str], calls: str, inject: Sequence[str] = ()
) -> tuple[str, ...]:
    """The command that runs `command` under strace.

    calls: the pipe of a `StraceLog`. inject: what strace changes,
    each as its option --inject has it: `fsync:error=EIO:when=3`.
    Raises StraceUnusableError when there is no usable strace here.
    """
    ability = probe_strace()
    if not ability.usable or ability.path is None:
        raise StraceUnusableError(ability.reason)
    # Where only some calls stop the program, strace 6.1 does not deliver the signals it injects.
    signals = any(":signal=" in one for one in inject)
    options = strace_options(ability.path, ability.seccomp_bpf and not signals)
    injected = [word for one in inject for word in ("-e", f"inject={one}")]
    return (*options, *injected, "-a", str(PADDING), "-o", calls, "--", *command)


def read_recording(
    calls: str, root: str, base: Image, folder: str, pipe: int, *, killed: bool = False
) -> LiveRecording:
    """What the program did, by what strace wrote to `calls`. It has ended.

    root: what is recorded; base: what was there before. folder: where the program was started.
    pipe: the inode of the pipe that was its standard output. killed: strace killed it, before the
    call in which each of its threads ends was done.
    Raises UnknownStep for what has no step, StraceOutputError when the output is not understood.
    """
    follower = Follower(Names(root, base), folder)
    listener = _Listener(pipe, follower)
    with open(calls, "rb") as lines:
        events = parse(lines)
        if killed:
            events = (e for e in events if not (isinstance(e, Call) and e.result is None))
        steps = follower.follow(events, listener.hear)
    listener.ended(len(steps))
    return LiveRecording(
        tuple(steps),
        tuple(listener.said),
        tuple(listener.moments),
        tuple(listener.input.heard),
        tuple(follower.unrecorded.said()),
        tuple(listener.reads),
        tuple(listener.injected),
        frozenset(listener.speaks),
        tuple(listener.made),
        dict(listener.counts),
    )


class _Input:
    """Notes what is read from descriptor 0, as long as that is what the program was started with.

    A process that has put something else there, as a shell does for what it starts, is not heard.
    Whoever asked knows how many bytes there were to be read, and so whether these are all of them.
    """

    def __init__(self) -> None:
        self.heard: list[tuple[int, int]] = []
        self._total = 0
        self._others: set[int] = set()

    def hear(self, call: Call, done: int) -> None:
        """A call is over, and so many steps were done by then."""
        if call.failed or call.result is None:
            return
        numbers = [_number(argument) for argument in call.arguments[:2]]
        match call.name:
            case "read" | "readv" if numbers[:1] == [0] and call.result > 0:
                if call.pid not in self._others:
                    self._total += call.result
                    self.heard.append((self._total, done))
            case "dup2" | "dup3" if numbers[1:2] == [0]:
                self._others.add(call.pid)
            case "close" | "close_range" if numbers[:1] == [0]:
                self._others.add(call.pid)
            case name if name in CLONES and call.pid in self._others:
                self._others.add(call.result)


def _number(argument: Argument) -> int | None:
    found = _NUMBER.match(argument) if isinstance(argument, str) else None
    return int(found[0], 0) if found else None


_NUMBER = re.compile(r"0x[0-9a-f]+|0(?!\d)|[1-9]\d*")


class _Listener:
    """Notes what is written to one pipe, and which calls made the steps."""

    def __init__(self, pipe: int, follower: Follower) -> None:
        self.said: list[tuple[int, int]] = []
        self.moments: list[Moment] = []
        self.input = _Input()
        self.reads: list[tuple[Moment, str]] = []
        self.injected: list[Injected] = []
        self.speaks: set[str] = set()
        self.made: list[tuple[Moment, int]] = []
        self.counts: Counter[tuple[int, str]] = Counter()
        self._follower = follower
        self._about = 0
        self._threads: dict[int, int] = {}
        text = f"pipe:[{pipe}]"
        self._pipe = "<" + "".join(f"\\x{byte:02x}" for byte in os.fsencode(text)) + ">"
        self._begun: dict[int, Moment] = {}
        self._last: Moment | None = None
        self._total = 0

    def hear(self, event: Event, done: int) -> None:
        """An event comes next, and so many steps are done."""
        self.ended(done)
        match event:
            case Entered(pid, name, _):
                self._begun[pid] = self._counted(pid, name, done)
            case Call(pid, name, arguments, result):
                self.input.hear(event, done)
                moment = self._begun.pop(pid, None) or self._counted(pid, name, done)
                self._last = replace(moment, done=done)
                if len(self._follower.reads) > len(self.reads):
                    self.reads.append((moment, self._follower.reads[-1]))
                if event.injected:
                    here = self._follower.injected_here > self._about
                    self._about = self._follower.injected_here
                    self.injected.append(Injected(moment, here))
                if name in SPEAKS and result and result > 0 and self._is_said(name, arguments):
                    self._total += result
                    self.speaks.add(name)
                    self.said.append((self._total, moment.done))
                    self.moments.append(moment)
            case Ended() | Superseded():
                self._last = None

    def ended(self, done: int) -> None:
        """What came last is over, and so many steps are done."""
        last, self._last = self._last, None
        if last is not None and done > last.done:
            self.moments.append(last)
            self.made.append((last, done))

    def _counted(self, pid: int, name: str, done: int) -> Moment:
        thread = self._threads.setdefault(pid, len(self._threads))
        self.counts[thread, name] += 1
        return Moment(done, name, self.counts[thread, name], thread, self._total)

    def _is_said(self, name: str, arguments: Sequence[Argument]) -> bool:
        at = SPEAKS[name]
        target = arguments[at] if at < len(arguments) else b""
        return isinstance(target, str) and self._pipe in target
