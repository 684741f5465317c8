"""Serves a Python subject as a driver: `python -P -m tornwrite.scenarios.serving MODULE:NAME`.

So a subject runs in a process of its own, where strace sees what its C extensions and the programs
that it starts do. It says what `tornwrite.scenarios.programs.protocol` lists; what it observes is
the observation as the subject gives it. What the subject prints goes to standard error.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import IO, Any

import orjson

from tornwrite.model.operation import Operation
from tornwrite.scenarios.programs.protocol import Program
from tornwrite.scenarios.subject import Driver, Subject, WrongUse, load_subject


def served(subject: Subject) -> Program:
    """The driver that serves a subject, which has been loaded by its name.

    It finds the same modules as this process does. Raises WrongUse for a subject without a name.
    """
    if not subject.name:
        raise WrongUse(
            "a subject is served to strace by its name, package.module:object; this one has none"
        )
    # The folders of the subject's modules may have come on the path in this process only.
    path = os.pathsep.join(os.path.abspath(entry) for entry in sys.path if os.path.exists(entry))
    command = (sys.executable, "-P", "-m", "tornwrite.scenarios.serving", subject.name)
    here = os.getcwd()  # the name of a subject may be a path from here
    return Program(command, timeout_s=60.0, env={"PYTHONPATH": path}, folder=here)


def under_strace(subject: Subject) -> Subject:
    """The same subject, its workload run in a process of its own and recorded by strace.

    Raises WrongUse as `served` does.
    """
    return subject if subject.program is not None else replace(subject, program=served(subject))


class Service:
    """Answers requests about one subject, one after the other."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._driver: Driver | None = None
        self._root = ""

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """What to answer; an exception of the subject's is an error answered."""
        try:
            return {"ok": self._done(request)}
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            for root in (os.path.realpath(self._root), self._root):
                text = text.replace(root + os.sep, "") if self._root else text
            in_doubt = self._subject.not_undone(error)
            return {"error": text, "in_doubt": True} if in_doubt else {"error": text}

    def _done(self, request: dict[str, Any]) -> Any:
        match request["do"]:
            case "open":
                self._root = request["directory"]
                self._driver = self._subject.open(self._root)
                return {"reopens": True}
            case "observe":
                return self._opened().observe(tuple(request["names"]))
            case "close":
                driver, self._driver = self._opened(), None
                return driver.close()
            case name:
                return self._opened().apply(Operation(name, request.get("arguments", {})))

    def _opened(self) -> Driver:
        if self._driver is None:
            raise RuntimeError("nothing is open: ask it to open a directory first")
        return self._driver


def serve(answer: Callable[[dict[str, Any]], dict[str, Any]], asked: IO[bytes], said: int) -> None:
    """Answer each line of `asked` by a line to the descriptor `said`, until there are no more."""
    for line in asked:
        whole = memoryview(encoded(answer(orjson.loads(line))) + b"\n")
        while whole:
            whole = whole[os.write(said, whole) :]


def encoded(answer: dict[str, Any]) -> bytes:
    """An answer as JSON; a result that JSON cannot hold as Python writes it."""
    try:
        return orjson.dumps(answer)
    except TypeError:
        return orjson.dumps({key: repr(value) for key, value in answer.items()})


def main() -> None:
    """Serve the subject that the command line names, on standard input and output."""
    # What the subject prints is no answer.
    said = os.dup(1)
    os.dup2(2, 1)
    try:
        subject = load_subject(sys.argv[1])
    except WrongUse as error:
        sys.exit(str(error))
    serve(Service(subject).answer, sys.stdin.buffer, said)


if __name__ == "__main__":
    main()
