"""Recordings made by hand of a program, or of a function in a process of its own, from outside."""

import os
import pickle
import sys
from collections.abc import Callable, Sequence

from tornwrite.faults.strace import Straced, run_strace
from tornwrite.faults.trace import Acknowledged, Began, Trace
from tornwrite.scenarios.by_hand.moments import BODY
from tornwrite.scenarios.subject import WrongUse

PATH = "{path}"
"""In an argument of a program: the directory."""

_LAST_WORDS = 2000


class ProgramFailed(Exception):
    """The program that was to be recorded did not end well. The message has its last words."""


def run_program(
    target: Callable[..., object] | Sequence[str],
    arguments: Sequence[object],
    path: str,
    *,
    timeout_s: float,
    named: bool,
    scratch: str,
) -> Trace:
    """Run it under strace; its steps, with the whole of it as one operation.

    named: the caller knows the directory, so that no argument has to say `{path}`. scratch: an
    empty directory of the harness's own. Raises as `Recordings.run` says.
    """
    __tracebackhide__ = True
    if callable(target):
        command = _command_of(target, arguments, path, scratch)
        what = f"{target.__module__}.{target.__qualname__}"
    else:
        if arguments or isinstance(target, str):
            raise WrongUse(
                "a program is given as one list with all its arguments: "
                'tornwrite.run(["./save", "{path}"])'
            )
        command, what = [part.replace(PATH, path) for part in target], target[0]
        if not named and command == list(target):
            raise WrongUse(
                f"no argument of {what} says {PATH}, where the directory goes that is recorded; or "
                "name one that it works in: directory=..."
            )
    straced = run_strace(command, path, timeout_s=timeout_s)
    if straced.status:
        raise ProgramFailed(_failure(what, straced))
    events = (Began(BODY, what, {}), *straced.trace.events, Acknowledged(BODY))
    return Trace(straced.base, events, straced.unrecorded)


def _failure(what: str, straced: Straced) -> str:
    status = straced.status
    ended = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
    words = (straced.errors or straced.output)[-_LAST_WORDS:].decode("utf-8", "backslashreplace")
    return f"{what} {ended}" + (f":\n{words.rstrip()}" if words.strip() else "")


def _command_of(
    function: Callable[..., object], arguments: Sequence[object], path: str, scratch: str
) -> list[str]:
    __tracebackhide__ = True
    name = getattr(function, "__qualname__", repr(function))
    module = getattr(function, "__module__", None)
    home = sys.modules.get(module) if isinstance(module, str) else None
    file = getattr(home, "__file__", None)
    if home is None or file is None or module == "__main__" or "." in name or "<" in name:
        raise WrongUse(
            f"{name} cannot be run in a process of its own: it has to be a function at the top of "
            "a module that can be imported"
        )
    try:
        packed = pickle.dumps(arguments)
    except Exception as error:
        raise WrongUse(
            f"{name} cannot be run in a process of its own: pickle does not take its arguments "
            f"({error})"
        ) from None
    handed = os.path.join(scratch, "call")
    with open(handed, "wb") as out:
        pickle.dump((sys.path, module, os.path.abspath(file), name, path, packed), out)
    return [sys.executable, "-P", "-m", "tornwrite.scenarios.by_hand.call", handed]
