"""Which damages there are to try on an image: all within stated units, or some of each kind.

All: of each file one bit of every byte (which one changes with the offset, so that eight bytes in a
row have theirs flipped in all eight places), every size, each sector and, in a small file, each
aligned 16 and 64 bytes as zeros, 0xFF and garbage, each sector that once read differently, and all
that can happen to its name. Of a file that is not the first of its kind: every third byte of its
new lines, cuts near their ends and in their middle, no 16 bytes. A file is large above
LARGE bytes: then the bytes and sizes around its ends, its line ends and the sector boundaries are
taken for all, and the rest is left out. One above HUGE bytes is only flipped and cut here and
there: to read it takes too long.

Some: the same kinds, each once or a few times, at places that depend on the seed.
"""

import random
import re
import zlib
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass

from tornwrite.faults.damage import (
    Damage,
    Duplicated,
    Emptied,
    Fill,
    FlippedBit,
    ForeignFile,
    Overwritten,
    ReplacedByDirectory,
    ReplacedByLink,
    StaleBlock,
    Truncated,
    Unreadable,
    Vanished,
)
from tornwrite.faults.images import Image, Node
from tornwrite.faults.read_errors import ReadFails

SECTOR = 512
LARGE = 2048
HUGE = 65536
_NEAR = 24
_UNITS = (16, 64)


@dataclass(frozen=True, slots=True)
class Links:
    """Where links may lead. outside, dangling: texts of links out of the directory, the second to
    what is not there."""

    outside: str
    dangling: str


@dataclass(frozen=True, slots=True)
class Choice:
    """How much is tried.

    every: all within the units. Otherwise, of each file: flips, cuts: so many; names: so many of
    the kinds of things that can happen to its name.
    seed: anything; the same one gives the same choice.
    """

    every: bool
    seed: str
    flips: int = 4
    cuts: int = 2
    names: int = 4


def to_file(
    image: Image,
    path: str,
    links: Links,
    older: Sequence[bytes],
    choice: Choice,
    known: Container[bytes] | None = None,
) -> Iterator[Damage]:
    """What can become of one file of the image.

    older: what the file held before, at any time. known: lines that were damaged in other files;
    None for the first file of its kind.
    """
    content = dict(image)[path]
    assert isinstance(content, bytes)
    source = random.Random(f"{choice.seed} {path}")
    others = [name for name, node in image if isinstance(node, bytes) and name != path]
    if len(content) <= HUGE:
        kinds = _to_name(path, content, others, links, source)
        if not choice.every:
            kinds = source.sample(kinds, min(choice.names, len(kinds)))
        for kind in kinds:
            yield from kind if choice.every else (source.choice(kind),)
    if not content:
        return
    if choice.every and len(content) <= HUGE:
        places = _places(content)
        sizes = places
        if known is not None:
            new = [span for span in _lines(content) if content[span[0] : span[1]] not in known]
            cuts = {at for span in new for at in _cuts_of(*span)}
            sizes = [at for at in places if at in cuts]
            # Each of the eight bits has its turn: three and eight have no divisor in common.
            inside = {at for begin, end in new for at in range(begin, end + 1) if at % 3 == 0}
            places = [at for at in places if at in inside]
        yield from (FlippedBit(path, offset, offset % 8) for offset in places)
        yield from (Truncated(path, size) for size in sizes if size)
    else:
        yield from _some_flips(path, content, source, choice.flips)
        yield from _some_cuts(path, content, source, choice.cuts)
    if len(content) > HUGE:
        return
    yield from _regions(path, content, source, choice, first=known is None)
    yield from _stale(path, content, older, source, choice.every)


def _places(content: bytes) -> list[int]:
    """Every offset; of a large file those where something begins or ends."""
    size = len(content)
    if size <= LARGE:
        return list(range(size))
    ends = [at for at, byte in enumerate(content) if byte == 0x0A]
    marks = [0, size, *ends[:4], *ends[-4:], *range(SECTOR, size, SECTOR)[:8]]
    near = {at for mark in marks for at in range(mark - _NEAR, mark + _NEAR)}
    return sorted(at for at in near if 0 <= at < size)


def _lines(content: bytes) -> Iterator[tuple[int, int]]:
    """Where the lines begin and end; the end is where the newline stands, if there is one."""
    at = 0
    for line in content.split(b"\n"):
        yield at, at + len(line)
        at += len(line) + 1


def _cuts_of(begin: int, end: int) -> tuple[int, ...]:
    return begin, begin + 1, (begin + end) // 2, end - 1, end


def _some_flips(path: str, content: bytes, source: random.Random, count: int) -> Iterator[Damage]:
    """One in each of so many equal stretches, in different places of the byte."""
    first = source.randrange(8)
    for number in range(min(count, len(content))):
        begin = len(content) * number // count
        end = max(len(content) * (number + 1) // count, begin + 1)
        yield FlippedBit(path, source.randrange(begin, end), (first + number) % 8)


def _some_cuts(path: str, content: bytes, source: random.Random, count: int) -> Iterator[Damage]:
    """Behind a line, before its end, and anywhere."""
    inner = [at + 1 for at, byte in enumerate(content[:-1]) if byte == 0x0A]
    sizes = [*([source.choice(inner)] if inner else []), len(content) - 1]
    sizes += [source.randrange(1, len(content)) for _ in range(count) if len(content) > 1]
    for size in dict.fromkeys(sizes[:count]):
        if size:
            yield Truncated(path, size)


def _regions(
    path: str, content: bytes, source: random.Random, choice: Choice, *, first: bool
) -> Iterator[Damage]:
    size = len(content)
    regions = [(0, size)]
    if choice.every:
        units = (*(_UNITS if first else _UNITS[1:]), SECTOR) if size <= LARGE else (SECTOR,)
        regions += [
            (at, min(unit, size - at))
            for unit in units
            for at in list(range(0, size, unit))[: LARGE // min(units)]
        ]
    else:
        unit = source.choice((*_UNITS, SECTOR))
        at = source.randrange(0, size, unit)
        regions.append((at, min(unit, size - at)))
    for offset, length in dict.fromkeys(regions):
        all_fills = choice.every or length == size
        for fill in Fill if all_fills else (source.choice(list(Fill)),):
            seed = zlib.crc32(f"{choice.seed} {offset} {length}".encode())
            yield Overwritten(path, offset, length, fill, seed)


def _stale(
    path: str, content: bytes, older: Sequence[bytes], source: random.Random, every: bool
) -> Iterator[Damage]:
    """Each sector as it was at a time when it read differently."""
    found: dict[tuple[int, bytes], None] = {}
    for before in older:
        for offset in range(0, min(len(content), len(before)), SECTOR):
            end = min(offset + SECTOR, len(content))
            block = before[offset:end].ljust(end - offset, b"\0")
            if block != content[offset:end]:
                found[offset, block] = None
    blocks = list(found)
    if not every:
        blocks = source.sample(blocks, min(1, len(blocks)))
    for offset, block in blocks:
        yield StaleBlock(path, offset, block)


def _to_name(
    path: str, content: bytes, others: Sequence[str], links: Links, source: random.Random
) -> list[list[Damage]]:
    """All that can happen to it, those of one kind together."""
    folder, slash, name = path.rpartition("/")
    targets = [name, links.outside, links.dangling]
    alike = [other for other in others if role(other) == role(path)]
    if alike:
        target = source.choice(alike)
        same = target.rpartition("/")[0] == folder
        targets.append(target.rpartition("/")[2] if same else target)
    kinds: list[list[Damage]] = [
        [Vanished(path)],
        [ReplacedByDirectory(path)],
        [ReplacedByLink(path, target) for target in targets],
    ]
    if content:
        kinds += [[Emptied(path)], [Unreadable(path, fails) for fails in ReadFails]]
    stem, dot, suffix = name.partition(".")
    if stem:
        kinds.append([Duplicated(path, f"{folder}{slash}{stem}-copy{dot}{suffix}")])
    return kinds


def foreign(image: Image, known: Iterable[str], choice: Choice) -> Iterator[ForeignFile]:
    """Files and directories that do not belong there.

    known: the names of all files that the program made or found in its run, those that it took away
    again among them: others are given names like them.
    """
    taken = {path for path, _ in image}
    for path, content, passing in _foreign(image, known, choice):
        if path not in taken:
            taken.add(path)
            yield ForeignFile(path, content, passing)


_TEXT = b"Remember the milk.\n"
_JSON = b'{"name":"something else","version":3}\n'


def _foreign(
    image: Image, known: Iterable[str], choice: Choice
) -> Iterator[tuple[str, Node, bool]]:
    source = random.Random(f"{choice.seed} foreign")
    files = [(path, node) for path, node in image if isinstance(node, bytes)]
    for path, content in files:
        folder, slash, name = path.rpartition("/")
        yield f"{path}~", content[: len(content) // 2], False
        yield f"{folder}{slash}.{name}.swp", source.randbytes(64), False
    yield ".DS_Store", source.randbytes(64), False
    yield "notes.txt", _TEXT, False
    yield "lost+found", None, False
    yield "n" * 255, _TEXT, False
    yield "caf\udce9.txt", _TEXT, False
    yield "tab\there\nand a line", _TEXT, False
    yield "package.json", _JSON, False
    yield "n" * 249 + ".jsonl", source.randbytes(64), False
    yield "caf\udce9.jsonl", source.randbytes(64), False
    there = {path for path, _ in image}
    for path in dict.fromkeys([*(path for path, _ in files), *known]):
        like = _like(path)
        if like is not None:
            passing = path not in there
            yield like, source.randbytes(64), passing
            yield like.replace("foreign", "another", 1), _JSON, passing
            yield like.replace("foreign", "folder", 1), None, passing


def _like(path: str) -> str | None:
    """A name like this one for something else."""
    folder, slash, name = path.rpartition("/")
    stem, dot, suffix = name.partition(".")
    if not stem:
        return None
    return f"{folder}{slash}foreign{dot}{suffix}"


def role(path: str) -> str:
    """What a file is for, as far as its name tells: `*.jsonl`, `.lock`.

    Numbers and digests do not count.
    """
    name = path.rpartition("/")[2]
    stem, dot, suffix = name.partition(".")
    return f"{'*' if stem else ''}{dot}{_NUMBER.sub('#', suffix)}"


_NUMBER = re.compile(r"(?<![^.-])([0-9]+|[0-9a-f]{8,})(?![^.])")
