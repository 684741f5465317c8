"""The data file of a session: one message a line.

Lines split on the byte `\\n` only, for a message may hold any other line break. An empty line, or
one of a lone `\\r`, does not count. The last line may lack its newline: if it is a message it
counts, as it did for the original program; if not, it is a torn tail and no line at all.

Where damage joined two lines, or hit a line's seal and not its message, the lines are given as they
were before (`sealing.mended`), and the damage is told.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tornwrite.reference.durable import files, sealing
from tornwrite.reference.durable.damage import Damage, DamageKind
from tornwrite.reference.durable.json_lines import Message, decode_line, decode_lines

_AT_ONCE = 1024  # lines
_NEWLINE = ord("\n")


@dataclass(frozen=True, slots=True)
class Lines:
    """A data file's content.

    Attributes:
        lines: those that count, without their newlines.
        found: for each the message on it; None if it is damaged, or was not to be looked at.
        is_sound: whether none of those that were looked at is damaged, mended ones included.
        whole: the bytes up to the end of the last line that counts.
        terminated: whether `whole` is empty or ends in a newline.
        tail: the bytes after `whole`: a torn tail.
        mended: numbers, from 1, of lines that are not in the file as they are here.
        before: how many of the lines begin before the byte that was given; None if none was, or if
            no line can begin there.
    """

    lines: tuple[bytes, ...] = ()
    found: tuple[Message | None, ...] = ()
    is_sound: bool = True
    whole: bytes = b""
    terminated: bool = True
    tail: bytes = b""
    mended: tuple[int, ...] = ()
    before: int | None = None

    def messages(self, skip: int = 0) -> Iterator[tuple[bytes, Message | None]]:
        """Each line after the first `skip`, with its message; None for a damaged line."""
        return zip(self.lines[skip:], self.found[skip:], strict=True)

    def history(self, skip: int = 0) -> list[Message]:
        """The messages after the first `skip` lines; damaged lines are passed by."""
        return [message for message in self.found[skip:] if message is not None]

    def damaged_lines(self, skip: int = 0) -> list[bytes]:
        return [line for line, message in self.messages(skip) if message is None]

    def offset(self, number: int) -> int:
        """At which byte of the file the line after the first `number` begins; nothing is mended."""
        at = 0
        for line in self.whole.split(b"\n"):
            if _counts(line):
                if not number:
                    return at
                number -= 1
            at += len(line) + 1
        return len(self.whole)

    def damage(self, file: str, skip: int = 0) -> Iterator[Damage]:
        """What is wrong after the first `skip` lines; `file` is the name to report."""
        for number, (line, message) in enumerate(self.messages(skip), skip + 1):
            if message is None:
                said = "not what its checksum is of" if sealing.has_seal(line) else "not a message"
                detail = f"{said}: {len(line)} bytes, {line[:40]!r}"
                yield Damage(DamageKind.LINE, file, number, detail)
            elif number in self.mended:
                detail = "an end of it is damaged; the message is not"
                yield Damage(DamageKind.LINE, file, number, detail)
        if self.tail:
            detail = f"a write was cut off: {len(self.tail)} bytes, {self.tail[:40]!r}"
            yield Damage(DamageKind.TORN_TAIL, file, None, detail)


def read_lines(path: str, begin: int | None = None) -> Lines:
    """Read a data file; a missing one has no lines.

    Args:
        path: the file.
        begin: at which byte the first line begins that is to be looked at; see `split_lines`.

    Raises:
        OSError: the system refused.
    """
    try:
        return split_lines(files.read_file(path), begin)
    except FileNotFoundError:
        return Lines()


def split_lines(data: bytes, begin: int | None = None) -> Lines:
    """Find the lines in a data file's bytes.

    Args:
        data: the bytes.
        begin: at which byte the first line begins that is to be looked at; the messages before are
            not. Where no line can begin there, all are.
    """
    if begin is None or begin > len(data):
        return _split(data)
    rest = _split(data[begin:])
    is_cut = 0 < begin < len(data) and _NEWLINE not in data[begin - 1 : begin + 1]
    if is_cut and rest.found and rest.found[0] is None:
        return _split(data)
    head = [line for line in data[:begin].split(b"\n") if _counts(line)]
    # A message that begins where one was to begin is shown, though the newline before it is gone.
    mended = [1, *rest.mended] if is_cut and rest.found and 1 not in rest.mended else rest.mended
    whole = data[: begin + len(rest.whole)]
    return Lines(
        lines=(*head, *rest.lines),
        found=(*[None] * len(head), *rest.found),
        is_sound=rest.is_sound and not mended,
        whole=whole,
        terminated=not whole or whole[-1] == _NEWLINE,
        tail=rest.tail,
        mended=tuple(number + len(head) for number in mended),
        before=len(head),
    )


def holds_line(data: bytes) -> bool:
    """Whether a data file's bytes hold a line that counts."""
    *whole, last = data.split(b"\n")
    return any(map(_counts, whole)) or (_counts(last) and _is_line(last))


def _split(data: bytes) -> Lines:
    *whole, last = data.split(b"\n")
    if b"" in whole or b"\r" in whole:
        whole = [line for line in whole if _counts(line)]
    end = len(data)
    tail = b""
    if _counts(last) and _is_line(last):
        whole.append(last)
    else:
        end -= len(last)
        tail = last
    found: list[Message | None] = []
    for start in range(0, len(whole), _AT_ONCE):
        found += decode_lines(whole[start : start + _AT_ONCE])
    lines = Lines(tuple(whole), tuple(found), True, data[:end], end < len(data) or not last, tail)
    return lines if all(found) else _mended(lines)


def _mended(lines: Lines) -> Lines:
    """With what can be saved of damaged lines."""
    pieces: list[bytes] = []
    found: list[Message | None] = []
    numbers: list[int] = []
    for line, message in lines.messages():
        saved = sealing.mended(line) if message is None else []
        for piece in saved or [line]:
            pieces.append(piece)
            found.append(decode_line(piece) if saved else message)
            if saved and found[-1] is not None:
                numbers.append(len(pieces))
    is_sound = not any(message is None for message in found)
    return replace(
        lines,
        lines=tuple(pieces),
        found=tuple(found),
        is_sound=is_sound and not numbers,
        mended=tuple(numbers),
    )


def _is_line(last: bytes) -> bool:
    return decode_line(last) is not None or bool(sealing.mended(last))


def _counts(line: bytes) -> bool:
    return bool(line) and line != b"\r"
