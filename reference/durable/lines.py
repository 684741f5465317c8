"""The data file of a session: one message a line.

Lines split on the byte `\\n` only, for a message may hold any other line break. An empty line, or
one of a lone `\\r`, does not count. The last line may lack its newline: if it is a message it
counts, as it did for the original program; if not, it is a torn tail and no line at all.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tornwrite.reference.durable import files
from tornwrite.reference.durable.damage import Damage, DamageKind
from tornwrite.reference.durable.json_lines import Message, decode_line, decode_lines

_AT_ONCE = 1024  # lines


@dataclass(frozen=True, slots=True)
class Lines:
    """A data file's content.

    Attributes:
        lines: those that count, without their newlines.
        whole: the bytes up to the end of the last line that counts.
        terminated: whether `whole` is empty or ends in a newline.
        tail: the bytes after `whole`: a torn tail.
    """

    lines: tuple[bytes, ...] = ()
    whole: bytes = b""
    terminated: bool = True
    tail: bytes = b""

    def messages(self, skip: int = 0) -> Iterator[tuple[bytes, Message | None]]:
        """Each line after the first `skip`, with its message; None for a damaged line."""
        for start in range(skip, len(self.lines), _AT_ONCE):
            lines = self.lines[start : start + _AT_ONCE]
            yield from zip(lines, decode_lines(lines), strict=True)

    def damaged_lines(self) -> list[bytes]:
        return [line for line, message in self.messages() if message is None]

    def damage(self, file: str, skip: int = 0) -> Iterator[Damage]:
        """What is wrong after the first `skip` lines; `file` is the name to report."""
        for number, (line, message) in enumerate(self.messages(skip), skip + 1):
            if message is None:
                detail = f"not a message: {len(line)} bytes, {line[:40]!r}"
                yield Damage(DamageKind.LINE, file, number, detail)
        if self.tail:
            detail = f"a write was cut off: {len(self.tail)} bytes, {self.tail[:40]!r}"
            yield Damage(DamageKind.TORN_TAIL, file, None, detail)


def read_lines(path: str) -> Lines:
    """Read a data file; a missing one has no lines.

    Raises:
        OSError: the system refused.
    """
    try:
        return split_lines(files.read_file(path))
    except FileNotFoundError:
        return Lines()


def split_lines(data: bytes) -> Lines:
    """Find the lines in a data file's bytes."""
    *whole, last = data.split(b"\n")
    if b"" in whole or b"\r" in whole:
        whole = [line for line in whole if _counts(line)]
    lines = tuple(whole)
    if not _counts(last):
        end = len(data) - len(last)
        return Lines(lines, data[:end], True, last)
    if decode_line(last) is not None:
        return Lines((*lines, last), data, False)
    end = len(data) - len(last)
    return Lines(lines, data[:end], True, last)


def _counts(line: bytes) -> bool:
    return bool(line) and line != b"\r"
