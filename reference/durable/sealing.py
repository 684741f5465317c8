"""A checksum in each line, without which much damage reads as good: a flipped bit is often JSON.

A *sealed* line is an object whose last member is the CRC-32 of all that stands before that member,
as eight hexadecimal digits in lower case::

    {"role":"user","content":"hi","crc32":"a2b3f8d1"}

Neither finding the sum nor checking it takes parsing. A program that does not know the member
passes over it. Lines of other programs have none, and whether they are damaged nobody can know as
long as they parse.

CRC-32 finds every change within four bytes in a row, and any three bits in a line of up to 11 kB
(Koopman, "32-Bit Cyclic Redundancy Codes for Internet Applications", DSN 2002); of other damage it
misses one in four billion.
"""

import re
import struct
from collections.abc import Iterator, Sequence
from itertools import islice
from zlib import crc32

FIELD = "crc32"
_BEFORE = b',"crc32":"'
_AFTER = b'"}'
_DIGITS = 8
SEAL_BYTES = len(_BEFORE) + _DIGITS + len(_AFTER)
_END_BYTES = _DIGITS + len(_AFTER)
_EMPTY = b'{"crc32":"%08x"}' % crc32(b"{")
_SEAL = re.compile(rb'[,{]"crc32":"[0-9a-f]{8}"\}')
_DIGITS_AT_END = re.compile(rb'[0-9a-f]{8}"\}\n')
_LOOKED_AT_BYTES = SEAL_BYTES + len(b"  \r")  # with the space that another program leaves
_HEX = b"0123456789abcdef"
_BEGIN = re.compile(rb'\{"')
# So many places are tried where the line that ends in a seal may begin; others are nested objects.
_MOST_BEGINS = 64
# So many wrong bytes in its punctuation still make a seal; more of them, and it is other text.
_MOST_WRONG = 2


def seal(text: bytes) -> bytes:
    """The sealed line of an object, without a newline.

    Args:
        text: a JSON object in UTF-8, without space around it or inside an empty one.
    """
    before = text[:-1]
    return _EMPTY if before == b"{" else b'%b,"crc32":"%08x"}' % (before, crc32(before))


def unseal(line: bytes) -> bytes | None:
    """The object's text, if the line has a seal and that is right; else None."""
    if line[-SEAL_BYTES:-_END_BYTES] != _BEFORE:
        return b"{}" if line == _EMPTY else None
    before = line[:-SEAL_BYTES]
    return before + b"}" if line[-_END_BYTES:] == b'%08x"}' % crc32(before) else None


def unseal_all(lines: Sequence[bytes]) -> bytes | None:
    """The objects as one JSON array, if all lines have a seal that is right; else None."""
    if lines and lines[0][-SEAL_BYTES:-_END_BYTES] != _BEFORE:
        return None
    texts = [line[:-SEAL_BYTES] for line in lines]
    sums = struct.pack(f">{len(texts)}I", *map(crc32, texts))
    # All seals as one string: several times as fast as one by one.
    right = sums.hex(",", _DIGITS // 2).replace(",", '"},"crc32":"')
    found = b"".join([line[-SEAL_BYTES:] for line in lines])
    if found != b"".join((_BEFORE, right.encode(), _AFTER)):
        return None
    return b"[" + b"},".join(texts) + b"}]"


def none_sealed(lines: Sequence[bytes]) -> bool:
    """Whether no line has a seal, or had one until a byte was damaged; right if all are JSON."""
    ends = b"\n".join([line[-_LOOKED_AT_BYTES:] for line in lines]) + b"\n"
    return FIELD.encode() not in ends and _DIGITS_AT_END.search(ends) is None


def sum_of(text: bytes) -> str:
    """The digits of the seal of an object's text."""
    return f"{crc32(text[:-1]):08x}"


def has_seal(line: bytes) -> bool:
    """Whether a line ends in a seal, right or not, of which a byte or two may be damaged."""
    end = line[-SEAL_BYTES:]
    if FIELD.encode() in end or end[-_END_BYTES - 1 : -_END_BYTES] == b'"':
        punctuation = end[:-_END_BYTES] + end[-len(_AFTER) :]
        if sum(map(int.__ne__, punctuation, _BEFORE + _AFTER)) <= _MOST_WRONG:
            return True
    return _digits_are_right(line)


def mended(line: bytes) -> list[bytes]:
    """What can be saved of a damaged line.

    Two kinds of damage take nothing away: to the punctuation of a seal, and to a newline, which
    makes one line of two.

    Returns:
        Its pieces in their order: lines with a right seal, and what is between them. Empty if no
        seal in it is right.
    """
    if _digits_are_right(line):
        return [seal((line[:-SEAL_BYTES] or b"{") + b"}")]
    pieces = list(_pieces(line))
    return pieces if any(unseal(piece) is not None for piece in pieces) else []


def _pieces(line: bytes) -> Iterator[bytes]:
    begin = 0
    for found in _SEAL.finditer(line):
        end = found.end()
        for begun in islice(_BEGIN.finditer(line, begin, end), _MOST_BEGINS):
            start = begun.start()
            if unseal(line[start:end]) is not None:
                if start - begin > 1:
                    yield line[begin:start]
                yield line[start:end]
                begin = end
                break
    if len(line) - begin > 1:
        yield line[begin:]


def _digits_are_right(line: bytes) -> bool:
    digits = line[-_END_BYTES : -len(_AFTER)]
    if len(line) < SEAL_BYTES or digits.strip(_HEX):
        return False
    return digits == b"%08x" % crc32(line[:-SEAL_BYTES] or b"{")
