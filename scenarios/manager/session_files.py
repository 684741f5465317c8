"""Whole-file sessions as they lie on the disk before a run, and operations on them."""

from typing import Any

import orjson

from tornwrite.faults.images import Image
from tornwrite.model.operation import Operation

_THEN = "2026-01-01T00:00:00Z"


def session_file(key: str, *contents: str, summary: str = "", **fields: Any) -> bytes:
    """A session's file: a message of the user for each content. fields: of each message, too."""
    session = {
        "key": key,
        "messages": [{"role": "user", "content": content, **fields} for content in contents],
        **({"summary": summary} if summary else {}),
        "created": _THEN,
        "updated": _THEN,
    }
    return orjson.dumps(session, option=orjson.OPT_INDENT_2)


def held(base: Image, *files: str) -> dict[str, Any]:
    """The sessions in these files of the base, by key, as a reader sees them."""
    sessions = {}
    for file, data in base:
        if file in files and isinstance(data, bytes):
            session = orjson.loads(data)
            sessions[session["key"]] = {
                "messages": session["messages"],
                "summary": session.get("summary", ""),
            }
    return sessions


def save(key: str) -> Operation:
    return Operation("save", {"key": key})
