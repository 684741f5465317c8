"""What is said to a driver and what it answers: one JSON object a line, one answer a request.

    {"do": "open", "directory": "/abs/path"}             {"ok": null} or {"ok": {"reopens": true}}
    {"do": "put", "arguments": {"key": "a"}}             {"ok": RESULT} or {"error": "TEXT"}
    {"do": "observe", "names": ["a"]}                    {"ok": CONTENT}
    {"do": "close"}                                      {"ok": null}

The newline that ends an answer is the acknowledgement.
"""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import orjson

from tornwrite.faults.project_file import FILE, TABLE, project_table
from tornwrite.model.operation import Operation, shortened
from tornwrite.scenarios.subject import WrongUse

MOST_BYTES = 16 << 20
"""How long an answer may be."""

RESERVED = frozenset({"open", "observe", "close", "reopen"})
"""Requests of the protocol's own: no operation can have such a name."""


class Misbehaved(Exception):
    """A driver that died, hung, or did not keep to the protocol; it has been ended.

    The message says what it was asked, what it did instead, and its last words on standard error.
    """


class Died(Misbehaved):
    """It ended instead of answering. killed: by SIGKILL, with all that it had started."""

    killed: bool = False


class Hung(Misbehaved):
    """It did not answer, or did not end when it was closed, within its time limit."""


class Nonsense(Misbehaved):
    """It said what is no answer, or when nothing was asked: the driver has to be corrected."""


class OperationFailed(Exception):
    """The driver answered with an error: the operation failed. The message is the driver's."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else "the driver gave no reason"


@dataclass(frozen=True, slots=True)
class Ok:
    """The operation is done: its promise binds."""

    result: Any = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The operation failed, and why. in_doubt: its change may be there all the same."""

    error: str
    in_doubt: bool = False


Answer: TypeAlias = Ok | Refused


@dataclass(frozen=True, slots=True)
class Request:
    """One line to a driver. about: what it asks, for people."""

    body: Mapping[str, Any]
    about: str

    def line(self) -> bytes:
        """As it is sent, newline and all. Raises WrongUse for arguments that are no JSON."""
        try:
            try:
                text = json.dumps(self.body, ensure_ascii=False, allow_nan=False)
                return text.encode("utf-8") + b"\n"
            except UnicodeEncodeError:  # half of a surrogate pair, which only an escape can hold
                return json.dumps(self.body, allow_nan=False).encode("ascii") + b"\n"
        except (TypeError, ValueError) as error:
            raise WrongUse(
                f"{self.about} cannot be asked of a program, since it is not plain JSON: {error}"
            ) from error


def opening(directory: str) -> Request:
    """Open the store in that directory."""
    return Request({"do": "open", "directory": directory}, "open")


def doing(operation: Operation) -> Request:
    """Do an operation."""
    body = {"do": operation.name, "arguments": dict(operation.arguments)}
    return Request(body, str(operation))


def observing(names: Sequence[str]) -> Request:
    """Show what there is. names: what the operations so far were about."""
    return Request({"do": "observe", "names": list(names)}, "observe")


CLOSING = Request({"do": "close"}, "close")
"""Close what is open."""


def answer_in(line: bytes, asked: Request) -> Answer:
    """The answer in a line. Raises Nonsense for a line that is none."""
    try:
        said = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise Nonsense(
            f"the answer to {asked.about} is no JSON ({error}): {_shown(line)}"
        ) from error
    match said:
        case {"ok": result, **more} if not more:
            return Ok(result)
        case {"error": str(text), **more} if not more:
            return Refused(text)
        case {"error": str(text), "in_doubt": bool(in_doubt), **more} if not more:
            return Refused(text, in_doubt)
        case _:
            raise Nonsense(
                f'the answer to {asked.about} is neither {{"ok": RESULT}} nor {{"error": "TEXT"}}: '
                f"{_shown(line)}"
            )


def reopens(answer: Answer) -> bool:
    """Whether a driver that answered an opening so may be asked to open another directory."""
    match answer:
        case Ok({"reopens": bool(it_does)}):
            return it_does
        case _:
            return False


def _shown(line: bytes) -> str:
    return shortened(line.decode("utf-8", "replace"), 160)


@dataclass(frozen=True, slots=True)
class Program:
    """A driver: how it is started, and what it is given.

    command: the program and its arguments. timeout_s: how long it may take for one answer, in
    seconds. env: variables set for it beside those that the harness has. folder: where it is
    started, and what a relative path in the command is relative to; by default that of the
    pyproject.toml that counts, the current directory where there is none.
    """

    command: tuple[str, ...]
    timeout_s: float = 10.0
    env: Mapping[str, str] = field(default_factory=dict)
    folder: str = ""

    def started_in(self) -> tuple[str, str]:
        """The directory that it is started in, and which that is, for people."""
        if self.folder:
            return self.folder, "where it is to be started"
        project = project_table()
        if project is None:
            return os.getcwd(), "the current directory"
        return os.path.dirname(project.file), f"where {FILE} has [{'.'.join(TABLE)}]"


def folder_of(program: Program) -> str:
    """Where it is started. Raises WrongUse when it is not there."""
    folder, which = program.started_in()
    name = program.command[0]
    if shutil.which(os.path.join(folder, name) if "/" in name else name) is not None:
        return folder
    if "/" not in name:
        raise WrongUse(
            f"cannot start {named(program)}: there is no program {name} on the PATH; install it, "
            f"or, if it is a file of yours, give its path: ./{name}, from {folder}, {which}"
        )
    raise WrongUse(
        f"cannot start {named(program)}: there is no program {name} in {folder}, {which}; give "
        "its path from there, or its whole path: os.path.join(os.path.dirname(__file__), …)"
    )


def named(program: Program) -> str:
    return f"the driver {' '.join(program.command)[:200]}"
