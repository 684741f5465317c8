"""A trace: the steps of a run in order, with the operations' beginnings and ends among them.

It is plain data and can be saved: one JSON object a line, a header first and a footer with the
number of events and their checksum last, so that a file cut short is noticed.
"""

import base64
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

from tornwrite.faults.images import Image, Node, SymbolicLink
from tornwrite.faults.steps import STEP_TYPES, Handle, Open, OpenUnnamed, Step

FORMAT = "tornwrite-trace"
VERSION = 4
OLDEST = 1
"""Files of this version on can be read: newer ones only have more steps, or more in them."""


class TraceFileError(Exception):
    """A trace file cannot be used. The message says what is wrong with it and what to do."""


@dataclass(frozen=True, slots=True)
class Site:
    """A line of source: file, line number, function."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} in {self.function}"


@dataclass(frozen=True, slots=True)
class Stepped:
    """One step, the calls that led to it, innermost first, and the operation that made them.

    operation: its number; None where nobody knows: outside of any, or seen from outside.
    """

    step: Step
    sites: tuple[Site, ...] = ()
    operation: int | None = None


@dataclass(frozen=True, slots=True)
class Began:
    """An operation was called. `number` counts the operations of the trace from 0."""

    number: int
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The operation returned without error: its promise now binds."""

    number: int
    result: Any = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The operation raised. `error` is what it told its caller."""

    number: int
    error: str


@dataclass(frozen=True, slots=True)
class Restarted:
    """The process was killed here and a new one goes on: the page cache is as it was."""


Event: TypeAlias = Stepped | Began | Acknowledged | Failed | Restarted


@dataclass(frozen=True, slots=True)
class Trace:
    """What a run did to the file system.

    `base` is the durable content before the first event, `events` all that happened, in order.
    `unrecorded`: what the program did beside, a sentence each, that no crash state shows.
    """

    base: Image
    events: tuple[Event, ...]
    unrecorded: tuple[str, ...] = ()

    @property
    def steps(self) -> list[Step]:
        return [event.step for event in self.events if isinstance(event, Stepped)]


def open_paths(steps: Iterable[Step]) -> dict[Handle, str]:
    """The name under which each handle was opened; of a file without one, where it was made."""
    paths: dict[Handle, str] = {}
    for step in steps:
        match step:
            case Open(handle, path):
                paths[handle] = path
            case OpenUnnamed(handle, folder):
                paths[handle] = f"{folder or '.'}/(no name)"
            case _:
                pass
    return paths


def save(trace: Trace, file: str | os.PathLike[str]) -> None:
    """Write the trace so that a crash leaves the old file or the new one, never a part.

    Raises OSError as the file system gives it.
    """
    header: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "base": _encode_image(trace.base),
        **({"unrecorded": list(trace.unrecorded)} if trace.unrecorded else {}),
    }
    lines = [_line(header), *(_line(_encode_event(event)) for event in trace.events)]
    body = b"".join(line + b"\n" for line in lines)
    footer = {"events": len(trace.events), "sha256": hashlib.sha256(body).hexdigest()}
    target = os.fspath(file)
    unfinished = f"{target}.tmp"
    with open(unfinished, "wb") as out:
        out.write(body + _line(footer) + b"\n")
        out.flush()
        os.fsync(out.fileno())
    os.replace(unfinished, target)


def load(file: str | os.PathLike[str]) -> Trace:
    """The trace in a file written by `save`.

    Raises TraceFileError when the file is missing, not a trace, of another version, damaged or cut
    short.
    """
    name = os.fspath(file)
    try:
        with open(name, "rb") as source:
            data = source.read()
    except OSError as error:
        raise TraceFileError(f"cannot read the trace file {name}: {error.strerror}") from error
    try:
        return _decode(data)
    except TraceFileError as error:
        raise TraceFileError(f"{name}: {error}; record it again") from error.__cause__
    except (ValueError, KeyError, TypeError) as error:
        raise TraceFileError(f"{name}: not a trace file ({error}); record it again") from error


def _decode(data: bytes) -> Trace:
    if not data:
        raise TraceFileError("the trace file is empty")
    head, _, _ = data.partition(b"\n")
    try:
        header = json.loads(head)
    except ValueError as error:
        raise TraceFileError("this is not a trace file") from error
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise TraceFileError("this is not a trace file")
    if header.get("version") not in range(OLDEST, VERSION + 1):
        raise TraceFileError(
            f"trace version {header.get('version')} is none of {OLDEST} to {VERSION}, which this "
            "tornwrite reads"
        )
    if not data.endswith(b"\n"):
        raise TraceFileError("the trace file was cut short: its last line is not whole")
    cut = data.rfind(b"\n", 0, -1) + 1
    body, last = data[:cut], data[cut:]
    try:
        footer = json.loads(last)
    except ValueError as error:
        raise TraceFileError("the trace file was cut short: its last line is not whole") from error
    if not isinstance(footer, dict) or "sha256" not in footer:
        raise TraceFileError("the trace file was cut short: its closing line is missing")
    if hashlib.sha256(body).hexdigest() != footer["sha256"]:
        raise TraceFileError("the trace file is damaged: its checksum does not match")
    lines = body.split(b"\n")[1:-1]
    if footer.get("events") != len(lines):
        raise TraceFileError(
            f"the trace file is damaged: it has {len(lines)} events and says {footer.get('events')}"
        )
    events = tuple(_decode_event(line) for line in lines)
    return Trace(_decode_image(header["base"]), events, tuple(header.get("unrecorded", ())))


def _line(record: dict[str, Any]) -> bytes:
    # Not orjson: file names are any bytes, and it refuses those that are no UTF-8.
    return json.dumps(record, separators=(",", ":")).encode("ascii")


def _encode_bytes(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _encode_image(image: Image) -> list[dict[str, str]]:
    encoded = []
    for path, node in image:
        match node:
            case None:
                encoded.append({"directory": path})
            case SymbolicLink(text):
                encoded.append({"link": path, "text": text})
            case _:
                encoded.append({"file": path, "bytes": _encode_bytes(node)})
    return encoded


def _decode_image(entries: list[dict[str, str]]) -> Image:
    def decoded() -> Iterator[tuple[str, Node]]:
        for entry in entries:
            if "directory" in entry:
                yield entry["directory"], None
            elif "link" in entry:
                yield entry["link"], SymbolicLink(entry["text"])
            else:
                yield entry["file"], base64.b64decode(entry["bytes"])

    return tuple(decoded())


def _encode_event(event: Event) -> dict[str, Any]:
    match event:
        case Stepped(step, sites, operation):
            record: dict[str, Any] = {"step": type(step).__name__}
            for field in fields(step):
                value = getattr(step, field.name)
                record[field.name] = _encode_bytes(value) if isinstance(value, bytes) else value
            record["sites"] = [[site.file, site.line, site.function] for site in sites]
            if operation is not None:
                record["operation"] = operation
            return record
        case Began(number, name, arguments):
            return {"began": number, "name": name, "arguments": dict(arguments)}
        case Acknowledged(number, result):
            return {"acknowledged": number, "result": result}
        case Failed(number, error):
            return {"failed": number, "error": error}
        case Restarted():
            return {"restarted": True}


def _decode_event(line: bytes) -> Event:
    record = json.loads(line)
    if "step" in record:
        kind = STEP_TYPES[record.pop("step")]
        sites = tuple(Site(*site) for site in record.pop("sites"))
        operation = record.pop("operation", None)
        if "data" in record:
            record["data"] = base64.b64decode(record["data"])
        return Stepped(kind(**record), sites, operation)
    if "began" in record:
        return Began(record["began"], record["name"], record["arguments"])
    if "acknowledged" in record:
        return Acknowledged(record["acknowledged"], record["result"])
    if "failed" in record:
        return Failed(record["failed"], record["error"])
    if "restarted" in record:
        return Restarted()
    raise ValueError(f"an event of no known kind: {', '.join(record)}")
