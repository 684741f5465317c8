"""What lies in the directory of a session store, told by names and contents alone.

It takes no store's word for it: the harness looks at the files itself.
"""

import hashlib
import re
from collections.abc import Iterator
from typing import Any

import orjson

from tornwrite.scenarios.looking import regular_files

_DATA = re.compile(r".*\.jsonl(\.\d+)?")
_MESSAGE = re.compile(rb'\{[^{}]*,"crc32":"[0-9a-f]{8}"\}')
"""Within a line of several: a message with its checksum."""


class SessionFiles:
    """The files of a directory, read once.

    pending: legacy files that wait. backups: those that were migrated, with the digest of their
    bytes. damaged: pieces that are no messages, wherever they are, also
    between messages on one line. unreadable: metadata files that
    do not parse. litter: files that no format knows.
    """

    def __init__(self, directory: str) -> None:
        self.pending: dict[str, Any] = {}
        self.backups: dict[str, str] = {}
        self.damaged: list[str] = []
        self.unreadable: list[str] = []
        self.litter: list[str] = []
        self._lines: dict[str, int] = {}
        self._metadata: dict[str, dict[str, Any]] = {}
        for name, data in regular_files(directory):
            if name != ".lock":
                self._sort(name, data)

    def _sort(self, name: str, data: bytes) -> None:
        if _DATA.fullmatch(name):
            lines = [line for line in data.split(b"\n") if line]
            self._lines[name] = len(lines)
            self._add_damaged(lines)
            if not name.endswith(".jsonl"):
                self.litter.append(name)
        elif ".meta.json.damaged-" in name:
            self.damaged.append(repr(data))
        elif ".damaged-" in name:
            self._add_damaged(data.split(b"\n"))
        elif ".json.migrated" in name:
            self.backups[name] = _digest(data)
        elif name.endswith(".meta.json"):
            metadata = _object(data)
            if metadata is None or not _is_metadata(metadata):
                self.unreadable.append(name)
                self._add_damaged([data])
            else:
                self._metadata[name] = metadata
                if metadata["skip"] > self._lines.get(
                    name.removesuffix(".meta.json") + ".jsonl", 0
                ):
                    self.damaged.append(repr(data))
        elif name.endswith(".json"):
            self._add_pending(name, data)
        else:
            self.litter.append(name)

    def _add_damaged(self, pieces: list[bytes]) -> None:
        for piece in pieces:
            if piece and _object(piece) is None:
                between = _MESSAGE.split(piece)
                parts = between if len(between) > 1 else []
                self.damaged += [repr(part) for part in (piece, *parts) if part]

    def _add_pending(self, name: str, data: bytes) -> None:
        session = _object(data)
        if session is not None and _is_session(session):
            self.pending[name] = {
                "key": session["key"],
                "messages": session["messages"],
                "summary": session.get("summary", ""),
                "digest": _digest(data),
            }

    def drift(self) -> Iterator[str]:
        """What the metadata says and the data files do not bear out."""
        for name, metadata in self._metadata.items():
            data = name.removesuffix(".meta.json") + ".jsonl"
            lines = self._lines.get(data, 0)
            if metadata["count"] != lines:
                yield f"{name} says count {metadata['count']}, {data} has {lines} lines"
            elif metadata["skip"] > lines:
                yield f"{name} says skip {metadata['skip']}, {data} has {lines} lines"


def _object(data: bytes) -> dict[str, Any] | None:
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def _is_metadata(found: dict[str, Any]) -> bool:
    return isinstance(found.get("skip"), int) and isinstance(found.get("count"), int)


def _is_session(found: dict[str, Any]) -> bool:
    messages = found.get("messages")
    whole = isinstance(messages, list) and all(isinstance(one, dict) for one in messages)
    return whole and isinstance(found.get("key"), str)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:12]
