"""Recorder for any program: the steps that it does below a directory, seen from outside by strace.

The steps are those of the in-process recorder (`tornwrite.faults.steps`), so that the two can be
held against each other (`tornwrite.faults.agreement`). A call that there is no step for
is an error.

At the end the steps are checked: done in order on what was there at first, they must leave what is
there now. What strace cannot show (another program that writes there, a hard link from outside) is
found so, as long as it changes what a file holds in the end; a barrier missed would not be.

Under strace a program cannot gain rights, so set-uid programs run without them.
"""

import contextlib
import functools
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tornwrite.faults.images import Image, difference, read_image
from tornwrite.faults.interpreter import Interpreter, TraceImpossible
from tornwrite.faults.recording_errors import UnknownStep
from tornwrite.faults.scratch import VARIABLE, Workspace
from tornwrite.faults.steps import Step
from tornwrite.faults.strace_errors import (
    StraceError,
    StraceIncompleteError,
    StraceOutputError,
    StraceTimeoutError,
    StraceUnusableError,
)
from tornwrite.faults.strace_follow import BY_NUMBER_ONLY, TRACED, Follower
from tornwrite.faults.strace_log import StraceLog
from tornwrite.faults.strace_names import Names, is_in
from tornwrite.faults.strace_parse import parse
from tornwrite.faults.trace import Stepped, Trace

__all__ = [
    "StraceAbility",
    "StraceError",
    "StraceIncompleteError",
    "StraceOutputError",
    "StraceTimeoutError",
    "StraceUnusableError",
    "Straced",
    "UnknownStep",
    "probe_strace",
    "run_strace",
]

OLDEST = (5, 19)
"""The first version that says apart from the path that a file has been deleted."""

_LONGEST_STRING = 64 << 20
_KILL_PATIENCE_S = 5.0


@dataclass(frozen=True, slots=True)
class StraceAbility:
    """Whether programs can be recorded here. `reason` says why not, and what to do."""

    path: str | None
    version: str | None
    usable: bool
    reason: str = ""
    seccomp_bpf: bool = False
    """Whether only the calls of interest stop the program; without, all do, and it is slower."""


@dataclass(frozen=True, slots=True)
class Straced:
    """A program that ran to its end.

    `base` is what was below the root before. `status` is its exit status, or the negative number of
    the signal that killed it; `output` and `errors` are what it wrote to its standard output and
    standard error. `unrecorded` says what it did beside its steps.
    """

    base: Image
    steps: list[Step]
    status: int
    output: bytes
    errors: bytes
    unrecorded: tuple[str, ...] = ()

    @property
    def trace(self) -> Trace:
        """The steps as a trace, which can be saved; without operations or lines of source."""
        events = tuple(Stepped(step) for step in self.steps)
        return Trace(self.base, events, self.unrecorded)


def probe_strace() -> StraceAbility:
    """Whether there is an strace on the PATH that may trace. Tried once for each PATH."""
    return _probe(os.environ.get("PATH", os.defpath))


@functools.cache
def _probe(search: str) -> StraceAbility:
    path = shutil.which("strace", path=search)
    if path is None:
        return StraceAbility(
            None, None, False, "strace is not on the PATH: install the package strace"
        )
    said = _try([path, "--version"]).stdout
    found = re.search(r"version (\d+)\.(\d+)", said)
    if found is None:
        reason = f"{path} does not give its version: reinstall strace"
        return StraceAbility(path, None, False, reason)
    version = f"{found[1]}.{found[2]}"
    if (int(found[1]), int(found[2])) < OLDEST:
        reason = f"strace {version} is too old: install {OLDEST[0]}.{OLDEST[1]} or newer"
        return StraceAbility(path, version, False, reason)
    for seccomp_bpf in (True, False):
        command = [*strace_options(path, seccomp_bpf), "-o", "/dev/null", "--", "true"]
        tried = _try(command)
        if tried.returncode == 0:
            return StraceAbility(path, version, True, "", seccomp_bpf)
    said = tried.stderr.strip().partition("\n")[0]
    return StraceAbility(
        path,
        version,
        False,
        f"strace cannot trace here ({said or f'it ended with {tried.returncode}'}): allow ptrace "
        "(in a container, --cap-add=SYS_PTRACE; on the host, kernel.yama.ptrace_scope below 3)",
    )


def _try(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(command, 1, "", str(error))


def strace_options(path: str, seccomp_bpf: bool) -> list[str]:
    """The strace at that path, to write what this module reads.

    seccomp_bpf: whether only the calls of interest stop the program.
    """
    # -X raw and -xx leave nothing to interpret; "?" lets an architecture lack a call.
    return [
        path,
        "--follow-forks",
        *(["--seccomp-bpf"] if seccomp_bpf else []),
        "--decode-fds=path",
        "-xx",
        "-X",
        "raw",
        "-s",
        str(_LONGEST_STRING),
        "-e",
        "trace=" + ",".join(f"?{name}" for name in sorted(TRACED)),
        "-e",
        "raw=" + ",".join(f"?{name}" for name in sorted(BY_NUMBER_ONLY)),
    ]


def run_strace(
    command: Sequence[str],
    root: str | os.PathLike[str],
    *,
    cwd: str | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
    timeout_s: float = 60.0,
) -> Straced:
    """Run a program, and all that it starts, and record its steps below `root`, a directory.

    The program reads nothing from its standard input. `cwd` and `env` are as for subprocess.

    Raises StraceUnusableError when there is no usable strace, FileNotFoundError when there is no
    such program, StraceTimeoutError after `timeout_s` seconds, UnknownStep for what has no step,
    StraceOutputError when the output is not understood, StraceIncompleteError when the steps do not
    explain what is on the disk. No process is left behind.
    """
    ability = probe_strace()
    if not ability.usable or ability.path is None:
        raise StraceUnusableError(ability.reason)
    folder = os.path.abspath(os.fspath(cwd) if cwd is not None else os.getcwd())
    search = os.environ if env is None else env
    if not _is_program(command[0], folder, search.get("PATH", os.defpath)):
        raise FileNotFoundError(f"there is no program {command[0]}")
    base = read_image(os.fspath(root))
    names = Names(os.fspath(root), base)
    with Workspace() as workspace:
        scratch = workspace.path
        if is_in(os.path.realpath(scratch), names.root):
            raise ValueError(
                f"{scratch} is below the recorded root: set {VARIABLE} to another place"
            )
        options = strace_options(ability.path, ability.seccomp_bpf)
        with (
            StraceLog(scratch, names.root) as log,
            open(f"{scratch}/output", "w+b") as output,
            open(f"{scratch}/errors", "w+b") as errors,
        ):
            arguments = [*options, *log.options, "--", *command]
            descriptors = output.fileno(), errors.fileno()
            status = _run(arguments, folder, env, timeout_s, descriptors)
            output.seek(0)
            errors.seek(0)
            said, complained = output.read(), errors.read()
            log.finish()
            if not log.lines:
                raise StraceOutputError(
                    f"strace recorded nothing: {os.fsdecode(complained[-500:])}"
                )
            with open(log.calls, "rb") as lines:
                follower = Follower(names, folder)
                steps = follower.follow(parse(lines))
    check_explained(base, steps, names.root)
    return Straced(base, steps, status, said, complained, tuple(follower.unrecorded.said()))


def check_explained(base: Image, steps: Sequence[Step], root: str) -> None:
    """Hold what the steps leave against what is there now: StraceIncompleteError if they differ."""
    seen = Interpreter(base)
    try:
        for index, step in enumerate(steps):
            seen.apply(index, step)
    except TraceImpossible as error:
        raise StraceIncompleteError(f"the steps seen below {root} are not all: {error}") from error
    if found := difference(seen.image(), read_image(root)):
        raise StraceIncompleteError(
            f"what is on the disk below {root} does not follow from the steps seen: "
            f"{'; '.join(found)}; does another program write there?"
        )


def _is_program(name: str, folder: str, search: str) -> bool:
    path = os.path.join(folder, name) if "/" in name else name
    return shutil.which(path, path=search) is not None


def _run(
    arguments: list[str],
    folder: str,
    env: Mapping[str, str] | None,
    timeout_s: float,
    descriptors: tuple[int, int],
) -> int:
    strace = subprocess.Popen(
        arguments,
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=descriptors[0],
        stderr=descriptors[1],
        start_new_session=True,
    )
    try:
        status = strace.wait(timeout_s)
    except subprocess.TimeoutExpired:
        program = arguments[arguments.index("--") + 1]
        raise StraceTimeoutError(
            f"{program} did not end within {timeout_s:g} s: it and all that it started were killed"
        ) from None
    finally:
        if strace.returncode is None or strace.returncode < 0:
            _kill(strace)
    return status


def _kill(strace: subprocess.Popen[bytes]) -> None:
    """Kill all that strace traces, then strace. While it lives it traces what is forked meanwhile;
    once it is dead, what it traced is found by its session.
    """
    deadline = time.monotonic() + _KILL_PATIENCE_S
    while strace.poll() is None and time.monotonic() < deadline:
        for pid in _processes():
            if _tracer(pid) == strace.pid:
                _kill_one(pid)
        with contextlib.suppress(subprocess.TimeoutExpired):
            strace.wait(0.05)
    strace.kill()
    strace.wait()
    for pid in _processes():
        with contextlib.suppress(ProcessLookupError):
            if os.getsid(pid) == strace.pid:
                _kill_one(pid)


def _processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _tracer(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/status", "rb") as status:
            found = re.search(rb"^TracerPid:\t(\d+)$", status.read(), re.MULTILINE)
    except OSError:
        return 0
    return int(found[1]) if found else 0


def _kill_one(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
