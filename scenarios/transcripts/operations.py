"""Short names for the operations of a transcript store, and for what one may have left."""

from typing import Any

from tornwrite.faults.images import Image
from tornwrite.model.operation import Observation, Operation
from tornwrite.model.transcripts import Transcript, TranscriptModel, Transcripts


def get(name: str) -> Operation:
    return Operation("get_or_create", {"id": name})


def append(name: str, content: str, role: str = "user") -> Operation:
    return Operation("append", {"id": name, "message": {"role": role, "content": content}})


def append_held(name: str, content: str) -> Operation:
    """To the transcript as it was got last, without getting it anew."""
    return Operation("append_held", {"id": name, "message": message(content)})


def delete(name: str) -> Operation:
    return Operation("delete", {"id": name})


def listed(name: str) -> Operation:
    """What the list tells of one transcript."""
    return Operation("listed", {"id": name})


def get_messages(name: str) -> Operation:
    return Operation("get_messages", {"id": name})


LIST = Operation("list")
REOPEN = Operation("reopen")


def message(content: str) -> dict[str, Any]:
    return {"role": "user", "content": content}


HEADER = b'{"type":"session","id":"a","created_at":"2026-01-01T00:00:00.000000000Z"}\n'


def line(content: str) -> bytes:
    """One line of a file: a message of the user."""
    return b'{"role":"user","content":"%s"}\n' % content.encode()


def left(data: bytes) -> Image:
    """The file of transcript `a`, as it is on the disk before the run."""
    return (("a.jsonl", data),)


def holding(*contents: str, dated: bool = True, damaged: bytes = b"") -> Observation:
    """What a reader sees of transcript `a`, and the damaged bytes that have to stay."""
    found = Transcript(tuple(message(content) for content in contents), dated)
    return {
        **TranscriptModel().view(Transcripts({"a": found})),
        "must_keep": [repr(damaged)] if damaged else [],
    }
