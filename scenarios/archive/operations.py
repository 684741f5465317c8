"""Short names for the operations of an archiving store, and for what one may have left."""

from tornwrite.faults.images import Image
from tornwrite.model.operation import Observation, Operation


def save(session_id: str, content: str, role: str = "user") -> Operation:
    """A message is saved."""
    message = {"role": role, "content": content}
    return Operation("save", {"session_id": session_id, "message": message})


def archive(session_id: str) -> Operation:
    return Operation("archive", {"session_id": session_id})


def delete(session_id: str) -> Operation:
    return Operation("delete", {"session_id": session_id})


def load(session_id: str) -> Operation:
    return Operation("load", {"session_id": session_id})


LIST = Operation("list")
REOPEN = Operation("reopen")


def line(content: str) -> bytes:
    """One line of a data file: a message of the user."""
    return b'{"role":"user","content":"%s"}\n' % content.encode()


def left(
    active: bytes | None = None, archived: bytes | None = None, whole: bytes | None = None
) -> Image:
    """The files of session `a` as they are on the disk before the run; None: there is no such.

    whole: of the file that takes the place of both, in the reference edition.
    """
    files = (("a.jsonl", active), ("a.jsonl.archived", archived), ("a.jsonl.whole", whole))
    return tuple((name, data) for name, data in files if data is not None)


def holding(*contents: str, archived: bool = False, damaged: bytes = b"") -> Observation:
    """What a reader sees of session `a`, and the damaged bytes that have to stay."""
    messages = [{"role": "user", "content": content} for content in contents]
    return {
        "sessions": {"a": {"messages": messages, "archived": archived}},
        "must_keep": [repr(damaged)] if damaged else [],
    }
