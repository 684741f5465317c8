"""The legacy session file: one JSON object with a key, all messages and a summary."""

from dataclasses import dataclass

from tornwrite.reference.durable import raw_json
from tornwrite.reference.durable.json_lines import Message, decode_plain_line
from tornwrite.reference.durable.times import normal_time
from tornwrite.reference.jsonl.legacy_check import FIELD, is_right
from tornwrite.reference.jsonl.names import hashed_name

LEGACY_SUFFIX = ".json"
_KNOWN = frozenset({"key", "messages", "summary", "created", "updated"})


@dataclass(frozen=True, slots=True)
class Holds:
    """What of the JSONL session of its key a legacy file has taken over.

    Attributes:
        messages: how many of its first messages; what the file has of them is in the file's own.
        sha256: hexadecimal, of their lines with newlines, byte for byte.
        summary: the summary it had then; None if the file does not say.
    """

    messages: int
    sha256: str
    summary: str | None = None

    @property
    def facts(self) -> list[object]:
        """What it says, for a checksum."""
        return [self.messages, self.sha256, self.summary]


@dataclass(frozen=True, slots=True)
class LegacySession:
    """A legacy file's content.

    Attributes:
        key: the session's key; empty if the file has none.
        lines: its messages as lines with their newlines. Only the space between tokens is gone:
            numbers, escapes and unknown fields are as they were.
        messages: the same, decoded.
        summary: empty if there is none.
        created, updated: as the metadata holds times; None if missing or not RFC 3339.
        holds: written by a session manager that stood in for the JSONL store.
        unknown: the other fields, name and JSON text.
    """

    key: str
    lines: tuple[bytes, ...]
    messages: tuple[Message, ...]
    summary: str
    created: str | None
    updated: str | None
    holds: Holds | None = None
    unknown: tuple[tuple[str, str], ...] = ()


class NotLegacy(ValueError):
    """The bytes are not those of a legacy session; the text says why."""


class DamagedLegacy(NotLegacy):
    """The bytes were those of a legacy session, and are not as they were written."""


def decode_legacy(raw: bytes) -> LegacySession:
    """Understand the bytes of a legacy file.

    Raises:
        NotLegacy: it is not one, or a message could not be read back from a line.
        DamagedLegacy: it says its checksum, and that is another one.
    """
    try:
        parts = {part.name: part for part in raw_json.object_parts(raw)}
    except ValueError as error:
        raise NotLegacy(f"not a JSON object: {error}") from error
    values = {name: part.value for name, part in parts.items()}
    key, messages = values.get("key"), values.get("messages")
    summary = values.get("summary", "")
    if not isinstance(key, str) or not isinstance(messages, list):
        raise NotLegacy('no string "key" and list "messages" in it')
    if {"skip", "count"} & values.keys():
        raise NotLegacy("it is a session's metadata")
    if not isinstance(summary, str):
        raise NotLegacy('"summary" is not a string')
    holds = _holds(values.get("holds"))
    known = {*_KNOWN, FIELD} if holds is None else {*_KNOWN, FIELD, "holds"}
    texts = [part.text for part in raw_json.array_parts(parts["messages"].text.encode())]
    lines = [raw_json.minified(text) for text in texts]
    decoded = [decode_plain_line(line) for line in lines]
    objects = tuple(message for message in decoded if message is not None)
    if len(objects) != len(decoded):
        raise NotLegacy(f"element {decoded.index(None)} of its messages is not an object")
    updated = values.get("updated")
    others = [key, summary, values.get("created"), holds and holds.facts]
    if not is_right(values.get(FIELD), updated, others, lines):
        raise DamagedLegacy("damaged: what it says is not what its checksum is of")
    return LegacySession(
        key=key,
        lines=tuple(line + b"\n" for line in lines),
        messages=objects,
        summary=summary,
        created=normal_time(values.get("created")),
        updated=normal_time(updated),
        holds=holds,
        unknown=tuple((part.name, part.text) for part in parts.values() if part.name not in known),
    )


def session_key(file_name: str, legacy: LegacySession) -> str:
    """The key of the session in a legacy file: the one it says, or what the file is called.

    A session manager writes the empty key to a file whose name says so by its hash.
    """
    stem = file_name.removesuffix(LEGACY_SUFFIX)
    return legacy.key or ("" if stem == hashed_name("") else stem)


def _holds(value: object) -> Holds | None:
    match value:
        case {"messages": int(count), "sha256": str(digest), **others} if count >= 0:
            summary = others.get("summary")
            return Holds(count, digest, summary if isinstance(summary, str) else None)
        case _:
            return None
