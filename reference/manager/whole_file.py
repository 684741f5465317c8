"""The file of one session: an object with all of it, indented by two spaces.

Messages that were read from a file are written as they stood there, but for the space between
tokens: numbers, escapes and unknown fields stay to the letter.
"""

import json
import re

import orjson

from tornwrite.reference.jsonl.legacy import Holds
from tornwrite.reference.jsonl.legacy_check import FIELD, check_of
from tornwrite.reference.manager.session import KeptSession

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+')
_STEP = "  "


def encode_session(session: KeptSession) -> bytes:
    """The bytes of a session's file, with a checksum. It may lack the fields summary and holds."""
    fields = [("key", _text(session.key)), ("messages", _messages(session.lines))]
    if session.summary:
        fields.append(("summary", _text(session.summary)))
    fields += [("created", _text(session.created)), ("updated", _text(session.updated))]
    if session.holds is not None:
        fields.append(("holds", _holds(session.holds)))
    others = [session.key, session.summary, session.created, session.holds and session.holds.facts]
    check = check_of(session.updated, others, session.lines)
    fields.append((FIELD, indented(json.dumps(check), 1)))
    fields += [(name, indented(text, 1)) for name, text in session.unknown]
    inside = ",\n".join(f"{_STEP}{_text(name)}: {text}" for name, text in fields)
    return f"{{\n{inside}\n}}".encode()


def indented(text: str, level: int) -> str:
    """A valid JSON text, indented by two spaces; its tokens are untouched.

    Args:
        text: one value.
        level: how deep the line that it begins on is indented already.
    """
    parts: list[str] = []
    depth = level
    previous = ""
    for token in _TOKEN.findall(text):
        closing = token in ("]", "}")
        depth -= closing
        if (previous in ("[", "{", ",")) != closing or (closing and previous not in ("[", "{")):
            parts.append("\n" + _STEP * depth if previous else "")
        parts.append(": " if token == ":" else token)
        depth += token in ("[", "{")
        previous = token
    return "".join(parts)


def _messages(lines: list[bytes]) -> str:
    if not lines:
        return "[]"
    inside = ",\n".join(_STEP * 2 + _message(line) for line in lines)
    return f"[\n{inside}\n{_STEP}]"


def _message(line: bytes) -> str:
    try:
        value = orjson.loads(line)
        if orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE) == line:
            text = orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
            return text.replace("\n", "\n" + _STEP * 2)
    except ValueError:
        pass  # what orjson would not read, or would write differently
    return indented(line.decode(), 2)


def _holds(holds: Holds) -> str:
    fields = [("messages", str(holds.messages)), ("sha256", _text(holds.sha256))]
    if holds.summary is not None:
        fields.append(("summary", _text(holds.summary)))
    inside = ",\n".join(f"{_STEP * 2}{_text(name)}: {text}" for name, text in fields)
    return f"{{\n{inside}\n{_STEP}}}"


def _text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:  # an escaped lone surrogate in the file that it was read from
        return json.dumps(text)
    return json.dumps(text, ensure_ascii=False)
