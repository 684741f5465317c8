"""What a damage means for the judge: whose file it is, what is left, what nobody can notice.

Files are looked at as lines and as JSON, and not by the rules of any store: a message stands in a
line of its own, which may have a check as one more field, or its file is one JSON document.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from tornwrite.faults.damage import (
    Damage,
    Duplicated,
    Emptied,
    FlippedBit,
    ForeignFile,
    Overwritten,
    ReplacedByDirectory,
    ReplacedByLink,
    StaleBlock,
    Truncated,
    Unreadable,
    Vanished,
    apply,
    words,
)
from tornwrite.faults.images import Image
from tornwrite.model.damage import Harm, Held, Unnoticed
from tornwrite.model.operation import canonical
from tornwrite.scenarios.damage.recovery import OnDisk

CHECK = "crc32"
"""The field of a line that says whether the rest of it is as it was written."""


def owners(path: str, names: Iterable[str], changed: Iterable[str]) -> frozenset[str]:
    """Whose file it is: those who change when it is gone, and the one that it is named after."""
    file = _squashed(path.rpartition("/")[2])
    alike = [name for name in names if _squashed(name) and file.startswith(_squashed(name))]
    longest = max((len(_squashed(name)) for name in alike), default=0)
    return frozenset(changed) | {name for name in alike if len(_squashed(name)) == longest}


def _squashed(name: str) -> str:
    return re.sub(r"[^0-9a-z]", "", name.casefold())


def harm_of(
    image: Image,
    damage: Damage,
    whose: frozenset[str],
    shown: frozenset[bytes],
    unchecked: frozenset[bytes],
    passing: frozenset[str],
    without: Mapping[str, Held],
) -> Harm:
    """What the judge has to know.

    shown: the messages that the store shows without the damage. unchecked: lines that other
    programs wrote. passing: files that nobody reads, and that opening may take away. without: what
    the sessions hold when the file is gone.
    """
    if isinstance(damage, ForeignFile | Duplicated):
        file = damage.path if isinstance(damage, ForeignFile) else damage.copy
        return Harm(file, words(damage), frozenset(), adds=True)
    damaged = apply(image, damage)
    readable: frozenset[bytes | None] = frozenset()
    if not isinstance(damage, Unreadable):
        lines = lines_of(_without(damaged, passing)) & lines_of(image)
        readable = frozenset(map(message_in, lines)) & shown
    return Harm(
        damage.path,
        words(damage),
        whose,
        readable=frozenset(one for one in readable if one is not None),
        taken=_taken(image, damaged, damage.path),
        without=without,
        lines=_messages(_own(image, damage, whose)),
        closed=isinstance(damage, Unreadable | ReplacedByDirectory | ReplacedByLink),
        unnoticed=frozenset(_unnoticed(image, damage, unchecked)),
    )


def _taken(image: Image, damaged: Image, path: str) -> Mapping[bytes, int]:
    """How many whole lines of each message the file has no more.

    Lines are compared, not messages: one that damage changed in its check still holds the message.
    """
    return _messages((_lines(image, path) - _lines(damaged, path)).elements())


def _lines(image: Image, path: str) -> Counter[bytes]:
    node = dict(image).get(path)
    return Counter(node.split(b"\n") if isinstance(node, bytes) else ())


def _own(image: Image, damage: Damage, whose: frozenset[str]) -> Iterable[bytes]:
    """What the files of these sessions hold, and what the damaged one once held."""
    for path, node in image:
        if isinstance(node, bytes) and (path == damage.path or owners(path, whose, ())):
            yield node
    if isinstance(damage, StaleBlock):
        yield damage.older


def _messages(contents: Iterable[bytes]) -> Counter[bytes]:
    lines = (line for content in contents for line in content.split(b"\n") if line)
    found = (message_in(line) for line in lines)
    return Counter(message for message in found if message is not None)


def _without(image: Image, passing: frozenset[str]) -> Image:
    return tuple(item for item in image if item[0] not in passing)


def _unnoticed(image: Image, damage: Damage, unchecked: frozenset[bytes]) -> Iterable[Unnoticed]:
    content = dict(image)[damage.path]
    assert isinstance(content, bytes)
    match damage:
        case Vanished():
            yield Unnoticed.GONE
        case Emptied():
            yield Unnoticed.SHORTENED
        case Truncated(_, size):
            # Without its newline the last line is what an append leaves that was cut off there.
            if content[:size].endswith(b"\n") or content[size : size + 1] == b"\n":
                yield Unnoticed.SHORTENED
            elif _touched(content, size, size + 1) <= unchecked:
                yield Unnoticed.UNCHECKED
        case StaleBlock():
            yield Unnoticed.OLDER
        case FlippedBit(_, offset, _):
            if _touched(content, offset, offset + 1) <= unchecked:
                yield Unnoticed.UNCHECKED
        case Overwritten(_, offset, length):
            if _touched(content, offset, offset + length) <= unchecked:
                yield Unnoticed.UNCHECKED
        case _:
            pass


def _touched(content: bytes, begin: int, end: int) -> set[bytes]:
    """The lines of which some byte, or the end, is within."""
    touched: set[bytes] = set()
    at = 0
    for line in content.split(b"\n"):
        if line and at < end and begin <= at + len(line):
            touched.add(line)
        at += len(line) + 1
    return touched


def lines_of(image: Image) -> frozenset[bytes]:
    """All lines of all files, without their ends."""
    return frozenset(
        line for _, node in image if isinstance(node, bytes) for line in node.split(b"\n") if line
    )


def message_in(line: bytes) -> bytes | None:
    """The message that a line holds, as canonical bytes; None if it holds no object."""
    found = _object(line)
    if found is None:
        return None
    found.pop(CHECK, None)
    return canonical(found)


def ruined(
    image: Image,
    damage: Damage,
    live: frozenset[bytes],
    disk: Iterable[OnDisk],
    shown: Mapping[int, frozenset[bytes]],
    passing: frozenset[str] = frozenset(),
) -> tuple[str, ...]:
    """What could be read on the damaged disk and is nowhere any more.

    live: the messages that nobody has removed. shown: by the number of each moment of the disk,
    the messages shown then. passing: files that opening takes away, damage or not.
    """
    damaged = apply(image, damage)
    stay = [
        (line, message)
        for line in lines_of(_without(damaged, passing)) & lines_of(image)
        if (message := message_in(line)) in live
    ]
    whole = None if damage.path in passing else _whole_file(image, damaged, damage)
    for number, moment in enumerate(disk):
        files = [node for _, node in moment.image if isinstance(node, bytes)]
        gone = [
            line
            for line, message in stay
            if message not in shown[number] and not any(line in file for file in files)
        ]
        if gone:
            return (f"no file holds this line any more: {gone[0][:80]!r}",)
        if whole is not None and not any(whole in file for file in files):
            return (f"no file holds the {len(whole)} damaged bytes of {damage.path} any more",)
        if isinstance(damage, ForeignFile) and not damage.passing:
            lost = _foreign_lost(damage, moment.image, files)
            if lost:
                return (lost,)
    return ()


def _whole_file(image: Image, damaged: Image, damage: Damage) -> bytes | None:
    """The bytes of a damaged file that is one document, and cannot be read in part."""
    before, after = dict(image).get(damage.path), dict(damaged).get(damage.path)
    if not isinstance(before, bytes) or not isinstance(after, bytes) or before == after:
        return None
    lines = [line for line in before.split(b"\n") if line]
    if len(lines) < 2 or _object(before) is None or _object(after) is not None:
        return None
    return after if after.strip(b"\0") else None


def _foreign_lost(damage: ForeignFile, image: Image, files: list[bytes]) -> str:
    found = dict(image)
    if damage.path in found and found[damage.path] == damage.content:
        return ""
    if not isinstance(damage.content, bytes):
        return f"{damage.path} is no directory any more"
    pieces = [piece for piece in damage.content.split(b"\n") if len(piece) > 3]
    if all(any(piece in file for file in files) for piece in pieces):
        return ""
    return f"bytes of {damage.path}, which is no file of the store, are nowhere any more"


def _object(data: bytes) -> dict[str, Any] | None:
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def messages_of(contents: Mapping[str, Held]) -> frozenset[bytes]:
    """All messages of all sessions."""
    return frozenset(message for held in contents.values() for message in held.messages)
