"""The lines that strace writes, as plain events: calls that began or ended, processes gone.

The output is that of `strace -f -y -xx -X raw`, all options being in `tornwrite.faults.strace`:
numbers raw, strings and paths in hexadecimal, so that no byte of a name or of data is taken for
syntax.
"""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from tornwrite.faults.strace_errors import StraceOutputError

Argument: TypeAlias = str | bytes
"""Bytes for a string, and for an array of buffers (joined); else the text as strace wrote it."""


@dataclass(frozen=True, slots=True)
class Entered:
    """A call began while others were under way. Its last arguments may be missing."""

    pid: int
    name: str
    arguments: tuple[Argument, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A call that is over. `result` is None when it never returned: the process ended in it."""

    pid: int
    name: str
    arguments: tuple[Argument, ...]
    result: int | None
    failed: bool = False
    returned: str | None = None
    """The path of the descriptor that it returned, where that has one."""
    error: str = ""
    """The name of the error that it failed with: `ENOSPC`."""
    injected: bool = False
    """Whether strace had it fail, and nothing was done."""

    def __str__(self) -> str:
        shown = ", ".join(str(argument)[:60] for argument in self.arguments)
        return f"{self.name}({shown}) of process {self.pid}"


@dataclass(frozen=True, slots=True)
class Ended:
    """A process or thread is gone."""

    pid: int


@dataclass(frozen=True, slots=True)
class Superseded:
    """Thread `by` called execve: it goes on as `pid`, the number of its process's first thread."""

    pid: int
    by: int


@dataclass(frozen=True, slots=True)
class Stored:
    """A mapped file was found to hold this, before the call of the next event.

    `pid` and `address` are those of the call that mapped it. `size` is the file's, in bytes; only
    pages that changed since the last look are there. None: it could not be looked at.
    """

    pid: int
    address: int
    size: int
    pages: tuple[tuple[int, bytes], ...] | None


@dataclass(frozen=True, slots=True)
class Watching:
    """Mapped files are looked at while they are mapped, from here on.

    `since_ns`: no file has been changed by the program yet, by the clock that gives files their
    times.
    """

    since_ns: int


Event: TypeAlias = Entered | Call | Ended | Superseded | Stored | Watching


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A descriptor argument. `path` is the file's at the call, None for a pipe or a socket."""

    number: int
    path: str | None
    deleted: bool


_LINE = re.compile(r"(\d+) +(.*)", re.DOTALL)
_BEGUN = re.compile(r"(\w+)\((.*)", re.DOTALL)
_UNFINISHED = re.compile(r"(.*?) ?<(?:unfinished|detached|pid changed to \d+) \.\.\.>", re.DOTALL)
_RESUMED = re.compile(r"<\.\.\. (\w+) resumed>(.*)", re.DOTALL)
_WHOLE = re.compile(r"(.*)\) += (.*)", re.DOTALL)
_RESULT = re.compile(
    r"(?:\?(?: <unavailable>)?|(?P<value>-?(?:0x[0-9a-f]+|\d+)))"
    r"(?:<(?P<path>[^<>]*)>(?:\(deleted\))?)?(?P<error> E[A-Z0-9]+)?(?: \(.*\))*"
)
_GONE = re.compile(r"\+\+\+ (?:exited with \d+|killed by \w+(?: \(core dumped\))?) \+\+\+")
_SUPERSEDED = re.compile(r"\+\+\+ superseded by execve in pid (\d+) \+\+\+")
_STORED = re.compile(
    r"\*\*\* (?:watching (\d+)|(?:unseen|stores) (\d+) (\d+)(?: (\d+) ([0-9a-f:,]*))?) \*\*\*"
)
_SIGNAL = re.compile(r"--- .* ---")
_UNTOLD = re.compile(r"(?:<\.\.\. )?\?+(?:\(| resumed>).*", re.DOTALL)
"""A thread was killed, by the end of its process say, at a call that it had not begun: strace finds
it gone when it asks which call that is."""
_SYNTAX = re.compile(r'"[^"]*"|<[^<>]*>|[\[\]{}(),]')
_STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_BUFFER = re.compile(r'iov_base=("[^"]*"(?:\.\.\.)?|[^,{}]*), iov_len=(\d+)')
_NUMBER = re.compile(r"-?(?:0x[0-9a-f]+|0|[1-9]\d*)")
_DESCRIPTOR = re.compile(r"(-?\d+)(?:<([^<>]*)>(\(deleted\))?)?")


def parse(lines: Iterable[bytes]) -> Iterator[Event]:
    """The events in strace's output, in the order in which the calls ended.

    Raises StraceOutputError, with the line, for one that is not understood, and when the output
    ends before the program does.
    """
    begun: dict[int, tuple[str, str]] = {}
    alive: set[int] = set()
    for raw in lines:
        line = raw.decode("ascii", "replace")
        matched = _LINE.fullmatch(line[:-1]) if line.endswith("\n") else None
        if matched is None:
            raise _bad(line)
        pid, body = int(matched[1]), matched[2]
        if looked := _STORED.fullmatch(body):
            yield _stored(looked)
            continue
        if _SIGNAL.fullmatch(body):
            continue
        alive.add(pid)
        if _UNTOLD.fullmatch(body):
            continue
        if _GONE.fullmatch(body):
            if pid in begun:
                name, text = begun.pop(pid)
                yield Call(pid, name, arguments_of(text, line), None)
            alive.discard(pid)
            yield Ended(pid)
        elif replaced := _SUPERSEDED.fullmatch(body):
            by = int(replaced[1])
            if by not in begun:
                raise _bad(line)
            begun[pid] = begun.pop(by)
            alive.discard(by)
            yield Superseded(pid, by)
        elif resumed := _RESUMED.fullmatch(body):
            name, text = begun.pop(pid, ("", ""))
            if name != resumed[1]:
                raise _bad(line)
            yield _call(pid, name, text + resumed[2], line)
        elif (called := _BEGUN.fullmatch(body)) and pid not in begun:
            name, text = called[1], called[2]
            if text.endswith(" ...>") and (unfinished := _UNFINISHED.fullmatch(text)):
                begun[pid] = name, unfinished[1]
                yield Entered(pid, name, arguments_of(unfinished[1], line))
            else:
                yield _call(pid, name, text, line)
        else:
            raise _bad(line)
    if alive:
        raise StraceOutputError(
            f"strace's output ends before process {min(alive)} does: strace was killed, or the "
            "disk is full; record again"
        )


def _call(pid: int, name: str, text: str, line: str) -> Call:
    whole = _WHOLE.fullmatch(text)
    result = _RESULT.fullmatch(whole[2]) if whole else None
    if whole is None or result is None:
        raise _bad(line)
    arguments = arguments_of(whole[1], line)
    value = int(result["value"], 0) if result["value"] else None
    failed = result["error"] is not None or (value is not None and value < 0)
    return Call(
        pid,
        name,
        arguments,
        value,
        failed,
        _path(result["path"]),
        (result["error"] or "").strip(),
        whole[2].endswith(" (INJECTED)"),
    )


def _stored(looked: re.Match[str]) -> Stored | Watching:
    if looked[1] is not None:
        return Watching(int(looked[1]))
    pid, address = int(looked[2]), int(looked[3])
    if looked[4] is None:
        return Stored(pid, address, 0, None)
    parts = [part.partition(":") for part in looked[5].split(",") if part]
    pages = tuple((int(at), bytes.fromhex(content)) for at, _, content in parts)
    return Stored(pid, address, int(looked[4]), pages)


def arguments_of(text: str, line: str) -> tuple[Argument, ...]:
    """The arguments in a call's text, which may stop after any of them."""
    parts: list[str] = []
    depth = start = 0
    for token in _SYNTAX.finditer(text):
        match token[0]:
            case "[" | "{" | "(":
                depth += 1
            case "]" | "}" | ")":
                depth -= 1
            case "," if depth == 0:
                parts.append(text[start : token.start()])
                start = token.end()
    if depth:
        raise _bad(line)
    last = text[start:]
    if last.strip() or parts:
        parts.append(last)
    return tuple(_argument(part.strip()) for part in parts)


def _argument(text: str) -> Argument:
    if string := _STRING.fullmatch(text):
        return _bytes(string[1])
    if text.startswith("[{iov_base="):
        buffers = [
            b"" if length == "0" else _argument(base) for base, length in _BUFFER.findall(text)
        ]
        if all(isinstance(buffer, bytes) for buffer in buffers):
            return b"".join(buffer for buffer in buffers if isinstance(buffer, bytes))
    return text


def descriptor(call: Call, index: int) -> Descriptor:
    """The call's argument `index`, which is a descriptor."""
    argument = call.arguments[index] if index < len(call.arguments) else b""
    matched = _DESCRIPTOR.fullmatch(argument) if isinstance(argument, str) else None
    if matched is None:
        raise misread(call)
    return Descriptor(int(matched[1]), _path(matched[2]), matched[3] is not None)


def number(call: Call, index: int) -> int:
    """The call's argument `index`, which is a number."""
    argument = call.arguments[index] if index < len(call.arguments) else b""
    if argument == "NULL":
        return 0
    if not isinstance(argument, str) or not _NUMBER.fullmatch(argument):
        raise misread(call)
    return int(argument, 0)


def string(call: Call, index: int) -> bytes:
    """The call's argument `index`, which is a string or an array of buffers."""
    argument = call.arguments[index] if index < len(call.arguments) else ""
    if not isinstance(argument, bytes):
        raise misread(call)
    return argument


def misread(call: Call) -> StraceOutputError:
    """The error for a call that succeeded with arguments that are not what they should be."""
    return StraceOutputError(
        f"strace's output is not understood: {call}; strings over the limit of 64 MiB are cut"
    )


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def _path(text: str | None) -> str | None:
    """The path of a descriptor. Those of pipes and sockets do not begin with a slash."""
    if text is None or not text.startswith("\\x2f"):
        return None
    return os.fsdecode(_bytes(text))


def _bad(line: str) -> StraceOutputError:
    return StraceOutputError(f"strace's output is not understood: {line[:300]!r}")
