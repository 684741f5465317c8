"""Damage: what can become of a file while nobody writes to it, as data, done to an image.

Bits rot, blocks of a card read back as something else, other programs and people leave files and
links about. Each damage is done to one file of an image, and its words name it in a replay. What
stops an image from telling all of it: its nodes are files, directories and links, so there are no
pipes, sockets or devices among the foreign files, and permissions are not damaged.
"""

import hashlib
import os
import random
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from tornwrite.faults.images import Image, Node, SymbolicLink
from tornwrite.faults.read_errors import ReadFails


class Fill(Enum):
    """What a damaged region reads as."""

    ZEROS = "zeros"
    ONES = "0xFF"
    GARBAGE = "garbage"


@dataclass(frozen=True, slots=True)
class FlippedBit:
    """One bit of one byte; bit 0 is the lowest."""

    path: str
    offset: int
    bit: int


@dataclass(frozen=True, slots=True)
class Overwritten:
    """A region of a file, in bytes. seed: of the garbage."""

    path: str
    offset: int
    length: int
    fill: Fill
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Truncated:
    """The file ends after so many bytes."""

    path: str
    size: int


@dataclass(frozen=True, slots=True)
class Emptied:
    """The name is there, and nothing in the file."""

    path: str


@dataclass(frozen=True, slots=True)
class Vanished:
    """The name is gone."""

    path: str


@dataclass(frozen=True, slots=True)
class StaleBlock:
    """A region reads as the file read there before: a write that the device lost long ago."""

    path: str
    offset: int
    older: bytes


@dataclass(frozen=True, slots=True)
class ReplacedByDirectory:
    """A directory has the file's name."""

    path: str


@dataclass(frozen=True, slots=True)
class ReplacedByLink:
    """A symbolic link has the file's name. target: its text, as the kernel would follow it."""

    path: str
    target: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The device cannot read the file (EIO); the image is as it was."""

    path: str
    fails: ReadFails


@dataclass(frozen=True, slots=True)
class ForeignFile:
    """Something that no store put there. None is a directory.

    passing: it has the name of a file that the program itself makes and takes away again.
    """

    path: str
    content: Node
    passing: bool = False


@dataclass(frozen=True, slots=True)
class Duplicated:
    """A copy of a file under a second name, which is free."""

    path: str
    copy: str


Damage: TypeAlias = (
    FlippedBit
    | Overwritten
    | Truncated
    | Emptied
    | Vanished
    | StaleBlock
    | ReplacedByDirectory
    | ReplacedByLink
    | Unreadable
    | ForeignFile
    | Duplicated
)


def apply(image: Image, damage: Damage) -> Image:
    """The image with the damage done to it.

    Raises ValueError when there is no such file, or the damage lies outside it.
    """
    nodes = dict(image)
    match damage:
        case ForeignFile(path, content):
            nodes[path] = content
        case Duplicated(path, copy):
            nodes[copy] = _content(nodes, path)
        case Vanished(path):
            _content(nodes, path)
            del nodes[path]
        case ReplacedByDirectory(path):
            _content(nodes, path)
            nodes[path] = None
        case ReplacedByLink(path, target):
            _content(nodes, path)
            nodes[path] = SymbolicLink(target)
        case Unreadable(path):
            _content(nodes, path)
        case Emptied(path):
            _content(nodes, path)
            nodes[path] = b""
        case Truncated(path, size):
            nodes[path] = _content(nodes, path, size)[:size]
        case FlippedBit(path, offset, bit):
            content = _content(nodes, path, offset + 1)
            flipped = content[offset] ^ (1 << bit)
            nodes[path] = content[:offset] + bytes((flipped,)) + content[offset + 1 :]
        case StaleBlock(path, offset, older):
            nodes[path] = _over(_content(nodes, path, offset + len(older)), offset, older)
        case Overwritten(path, offset, length):
            nodes[path] = _over(_content(nodes, path, offset + length), offset, _filling(damage))
    return tuple(sorted(nodes.items(), key=lambda item: item[0]))


def _content(nodes: dict[str, Node], path: str, least: int = 0) -> bytes:
    content = nodes.get(path)
    if not isinstance(content, bytes):
        raise ValueError(f"there is no file {path} to damage")
    if len(content) < least:
        raise ValueError(f"{path} has {len(content)} B, and the damage is at byte {least - 1}")
    return content


def _over(content: bytes, offset: int, other: bytes) -> bytes:
    return content[:offset] + other + content[offset + len(other) :]


def _filling(damage: Overwritten) -> bytes:
    match damage.fill:
        case Fill.ZEROS:
            return bytes(damage.length)
        case Fill.ONES:
            return b"\xff" * damage.length
        case Fill.GARBAGE:
            source = random.Random(f"{damage.seed} {damage.path} {damage.offset}")
            return source.randbytes(damage.length)


def kind(damage: Damage) -> str:
    """What happened, for a count of faults."""
    match damage:
        case FlippedBit():
            return "bit flipped"
        case Overwritten(fill=fill):
            return f"reads as {fill.value}"
        case Truncated():
            return "truncated"
        case Emptied():
            return "emptied"
        case Vanished():
            return "gone"
        case StaleBlock():
            return "older content"
        case ReplacedByDirectory():
            return "replaced by a directory"
        case ReplacedByLink():
            return "replaced by a link"
        case Unreadable(fails=fails):
            return f"EIO at {fails.value}"
        case ForeignFile():
            return "foreign file"
        case Duplicated():
            return "copied"


def words(damage: Damage) -> str:
    """The damage in words that tell it from any other of the same image."""
    match damage:
        case FlippedBit(path, offset, bit):
            return f"flip {printable(path)} {offset} {bit}"
        case Overwritten(path, offset, length, fill):
            return f"{fill.value} {printable(path)} {offset} {length}"
        case Truncated(path, size):
            return f"truncate {printable(path)} {size}"
        case Emptied(path):
            return f"empty {printable(path)}"
        case Vanished(path):
            return f"remove {printable(path)}"
        case StaleBlock(path, offset, older):
            told = hashlib.sha256(older).hexdigest()[:8]
            return f"stale {printable(path)} {offset} {len(older)} {told}"
        case ReplacedByDirectory(path):
            return f"directory {printable(path)}"
        case ReplacedByLink(path, target):
            return f"link {printable(path)} {printable(target)}"
        case Unreadable(path, fails):
            return f"unreadable {printable(path)} {fails.value}"
        case ForeignFile(path, content):
            what = "directory" if content is None else "file"
            return f"foreign {what} {printable(path)}"
        case Duplicated(path, copy):
            return f"copy {printable(path)} {printable(copy)}"


_MOST_PRINTED = 48


def printable(path: str) -> str:
    """The path with what no terminal shows escaped, its middle left out where it is very long."""
    shown = os.fsencode(path).decode("ascii", "backslashreplace")
    shown = "".join(
        one if one.isprintable() and one != " " else f"\\x{ord(one):02x}" for one in shown
    )
    if len(shown) <= _MOST_PRINTED:
        return shown
    half = _MOST_PRINTED // 2
    return f"{shown[:half]}…{shown[-half:]}"
