"""A driver that runs: asked and answering, held to its time limit, and ended with all it started.

However it misbehaves, it is ended then and there: the process, its group, and what left that, found
among the children of this process (`tornwrite.faults.offspring`). While drivers run, no other
thread may start processes: they could not be told from what a driver left behind.
"""

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence

import psutil

from tornwrite.faults.offspring import children, end_all
from tornwrite.scenarios.programs.adoption import ADOPTION, lives, shown
from tornwrite.scenarios.programs.protocol import (
    CLOSING,
    MOST_BYTES,
    Answer,
    Died,
    Hung,
    Misbehaved,
    Nonsense,
    Program,
    Request,
    answer_in,
    folder_of,
    named,
)
from tornwrite.scenarios.recording import NotMeasured
from tornwrite.scenarios.subject import WrongUse

_LAST_WORDS = 2000
_MOST_READ = 1 << 18
_GRACE_S = 1.0
"""How long what a driver started may go on after it, before that counts as left behind."""
_PAUSE_S = 0.002
_QUIET_MS = 100


class LeftBehind(NotMeasured):
    """A driver ended and left processes that went on; they were ended, and nobody can say what they
    would have done. Have the driver wait for what it starts."""


class Running:
    """One process of a driver. It is ended when this is closed, killed or misbehaves.

    arguments: the command as it is run, by the program's own if not given: under strace, say.
    Raises WrongUse when it cannot be started.
    """

    def __init__(self, program: Program, arguments: Sequence[str] | None = None) -> None:
        self._program = program
        self._received = bytearray()
        self._errors = bytearray()
        self._ended = ""
        self.bytes_said = 0
        """How long all its answers so far were together, newlines and all."""
        self.patience_s = program.timeout_s
        """How long it may take for an answer, in seconds."""
        self.killed = False
        """Whether SIGKILL ended it when it was closed."""
        self.slowest_s = 0.0
        """How long it took for one at most."""
        self._traced = arguments is not None
        self._main: int | None = None
        folder = folder_of(program)
        mark = ADOPTION.begin()
        self._before = children()
        try:
            self._process = subprocess.Popen(
                arguments or program.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                cwd=folder,
                env={**os.environ, **program.env, **mark},
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            ADOPTION.end()
            raise WrongUse(f"cannot start {named(program)}: {error}") from error
        self._in, self._out, self._err = (
            stream.fileno()
            for stream in (self._process.stdin, self._process.stdout, self._process.stderr)
            if stream is not None
        )
        for descriptor in (self._in, self._out, self._err):
            os.set_blocking(descriptor, False)
        self._death = os.pidfd_open(self._process.pid)
        _alive[self._process.pid] = self

    @property
    def output(self) -> int:
        """The inode of the pipe that is its standard output."""
        return os.fstat(self._out).st_ino

    @property
    def pid(self) -> int:
        """The process that was started: strace, under strace."""
        return self._process.pid

    @property
    def over(self) -> bool:
        """Whether it has ended or has been ended."""
        return bool(self._ended)

    def check_quiet(self) -> None:
        """Raise Nonsense when it goes on answering though it was asked nothing more."""
        if self._ended:
            return
        poll = select.poll()
        poll.register(self._out, select.POLLIN)
        poll.poll(_QUIET_MS)
        if self._take() or self._received:
            error = Nonsense(f"it answers more than it is asked: {_shown(self._received)}")
            self._end_badly(error)
            raise error

    def ask(self, request: Request) -> Answer:
        """Ask, and wait for the answer, for `timeout_s` of the program at most.

        Raises Misbehaved when there is none; the driver has been ended then.
        """
        if self._ended:
            raise Died(f"{request.about} cannot be asked: {self._ended}")
        with self._ended_on_error():
            line = self._exchange(request)
            answer = answer_in(line, request)
        if self._traced and self._main is None:
            self._look_for_main()
        return answer

    @contextlib.contextmanager
    def _ended_on_error(self) -> Iterator[None]:
        """Nothing of the driver is left when it misbehaves in here, or this is interrupted."""
        try:
            yield
        except Misbehaved as error:
            self._end_badly(error)
            raise
        except BaseException:
            self.kill("it was interrupted")
            raise

    def close(self) -> Answer:
        """Ask it to close, and let it end.

        Raises Misbehaved when it does not answer or does not end in time, LeftBehind when it ends
        and what it started goes on. Nothing of it is left then.
        """
        answer = self.ask(CLOSING)
        self.leave()
        return answer

    def leave(self) -> None:
        """Let it end: there is nothing more to ask. Raises as `close` does."""
        if self._ended:
            return
        with self._ended_on_error():
            self._wait_for_end()
        left = self._left_behind()
        self.killed = self._process.returncode == -signal.SIGKILL
        self.kill("it was closed")
        if left:
            raise LeftBehind(
                f"{named(self._program)} left processes running when it ended: {', '.join(left)}; "
                "they were ended: a driver has to wait for what it starts"
            )

    def kill(self, why: str = "it was killed") -> None:
        """End it, and all that it started, at once. why: told to whoever asks it for more."""
        if self._ended and self._process.returncode is not None:
            return
        self._ended = self._ended or why
        try:
            # Not reaped yet, so nobody else can have its number, which is its group's as well.
            if self._process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
            _alive.pop(self._process.pid, None)
            end_all(self._orphans)
        finally:
            for descriptor in (self._death, self._main):
                if descriptor is not None:
                    os.close(descriptor)
            self._main = None
            for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
                if stream is not None:
                    stream.close()
            ADOPTION.end()

    def _end_badly(self, error: Misbehaved) -> None:
        self._drain_errors()
        self.kill(str(error))
        words = bytes(self._errors).decode("utf-8", "replace").strip()
        said = f"; its last words on standard error: {words}" if words else ""
        error.args = (f"{named(self._program)}: {error}{said}",)

    def _exchange(self, request: Request) -> bytes:
        if self._take() or self._received:
            raise Nonsense(
                f"it said something before it was asked ({request.about} came next): "
                f"{_shown(self._received)}"
            )
        started = time.monotonic()
        deadline = started + self.patience_s
        unsent = memoryview(request.line())
        poll = select.poll()
        for descriptor in (self._out, self._err, self._main or self._death, self._in):
            poll.register(descriptor, select.POLLOUT if descriptor == self._in else select.POLLIN)
        while True:
            ready = poll.poll(max(deadline - time.monotonic(), 0) * 1000)
            if not ready:
                raise self._hung(request)
            for descriptor, _ in ready:
                if descriptor == self._in:
                    unsent = self._send(unsent)
                    if not unsent:
                        poll.unregister(self._in)
                elif descriptor == self._err and not self._drain_errors():
                    poll.unregister(self._err)
            if any(descriptor == self._out for descriptor, _ in ready) and not self._take():
                poll.unregister(self._out)  # closed: only its end is worth waiting for
            if (line := self._line(request)) is not None:
                self.slowest_s = max(self.slowest_s, time.monotonic() - started)
                return line
            if any(descriptor in (self._death, self._main) for descriptor, _ in ready):
                while self._take():
                    pass
                if (line := self._line(request)) is not None:
                    return line
                raise self._died(request)
            if time.monotonic() > deadline:
                raise self._hung(request)

    def _send(self, unsent: memoryview) -> memoryview:
        try:
            return unsent[os.write(self._in, unsent) :]
        except BlockingIOError:
            return unsent
        except BrokenPipeError:  # it reads no more: it may answer all the same, or be about to end
            return unsent[len(unsent) :]

    def _take(self) -> int:
        """Take what there is of its output; how much that was, 0 for none or the end."""
        try:
            part = os.read(self._out, _MOST_READ)
        except BlockingIOError:
            return 0
        self._received += part
        return len(part)

    def _drain_errors(self) -> int:
        try:
            part = os.read(self._err, _MOST_READ)
        except (BlockingIOError, ValueError):
            return 0
        self._errors += part
        del self._errors[:-_LAST_WORDS]
        return len(part)

    def _line(self, request: Request) -> bytes | None:
        """The answer, if it is whole."""
        end = self._received.find(b"\n")
        if end < 0 and len(self._received) <= MOST_BYTES:
            return None
        if end < 0 or end > MOST_BYTES:
            raise Nonsense(
                f"it answered {request.about} with more than {MOST_BYTES >> 20} MiB in one line: "
                f"{_shown(self._received)}"
            )
        line = bytes(self._received[:end])
        self.bytes_said += len(line) + 1
        del self._received[: end + 1]
        if self._received:
            raise Nonsense(
                f"it gave more than one answer to {request.about}: after {_shown(line)} came "
                f"{_shown(self._received)}"
            )
        return line

    def _hung(self, request: Request) -> Hung:
        said = f", only {len(self._received):,} bytes without an end" if self._received else ""
        return Hung(f"it did not answer {request.about} within {self.patience_s:g} s{said}")

    def _died(self, request: Request) -> Died:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE_S)
        error = Died(f"it {self._how_it_ended()} instead of answering {request.about}")
        error.killed = self._process.returncode == -signal.SIGKILL and not self._orphans()
        return error

    def _how_it_ended(self) -> str:
        code = self._process.returncode
        if code is None:
            return "ended"
        if code < 0:
            return f"was killed by {signal.Signals(-code).name}"
        return f"ended with exit status {code}"

    def _wait_for_end(self) -> None:
        """Close its input and wait until it ends, its output and errors drained meanwhile."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        deadline = time.monotonic() + self.patience_s
        death = self._main or self._death
        poll = select.poll()
        for descriptor in (self._out, self._err, death):
            poll.register(descriptor, select.POLLIN)
        while True:
            left = deadline - time.monotonic()
            ready = [descriptor for descriptor, _ in poll.poll(max(left, 0) * 1000)]
            if not ready or left < 0:
                raise Hung(
                    f"it did not end within {self.patience_s:g} s after it was closed "
                    "and its standard input ended"
                )
            if self._err in ready and not self._drain_errors():
                poll.unregister(self._err)
            if self._out in ready and not self._take():
                poll.unregister(self._out)
            if self._received:
                raise Nonsense(f"it went on talking after close: {_shown(self._received)}")
            if death in ready:
                return

    def _left_behind(self) -> list[str]:
        """What goes on although the driver has ended, by name; under strace, strace does so too."""
        deadline = time.monotonic() + _GRACE_S
        while True:
            left = [pid for pid in self._orphans() if lives(pid)]
            if not left and self._process.poll() is not None:
                return []
            if self._traced and self._process.poll() is None:
                with contextlib.suppress(psutil.Error):
                    traced = psutil.Process(self._process.pid).children(recursive=True)
                    left += [one.pid for one in traced]
            if time.monotonic() > deadline:
                return [shown(pid) for pid in left]
            time.sleep(_PAUSE_S)

    def _orphans(self) -> frozenset[int]:
        return children() - self._before - _alive.keys()

    def _look_for_main(self) -> None:
        """Under strace the driver is a child; strace goes on for as long as any process of it."""
        with contextlib.suppress(psutil.Error, OSError):
            first = min(psutil.Process(self._process.pid).children(), key=lambda one: one.pid)
            self._main = os.pidfd_open(first.pid)


_alive: dict[int, Running] = {}
"""Those of this process, by process id."""


@contextlib.contextmanager
def ending_programs() -> Iterator[None]:
    """Whatever driver runs when the block is left, and was started in it, is ended."""
    before = set(_alive)
    try:
        yield
    finally:
        for pid in set(_alive) - before:
            _alive[pid].kill()
        ADOPTION.over()


def _shown(data: bytes | bytearray) -> str:
    text = bytes(data[:160]).decode("utf-8", "replace")
    return repr(text) + ("…" if len(data) > 160 else "")
