"""What a damaged superseding file held, pieced together from what it has and what the others have.

They are the files whose place it takes: the archived one is its beginning, the active one its end.
Of several answers that one counts of which most messages can be read, and then the one in which
least is wrong. Where more than one of the three is damaged, a line may be left that is not read;
it is kept aside.
"""

from tornwrite.reference.durable.lines import Lines, split_lines


def pieced_together(whole: bytes, archived: Lines, active: Lines) -> bytes:
    """The bytes that the superseding file should have; its own, if nothing better is known.

    Args:
        whole: the bytes of the superseding file.
        archived: what the archived file has; no lines, if it is gone.
        active: what the active file has; no lines, if it is gone.
    """
    rest = terminated(active)
    first = terminated(archived) if archived.lines else whole[: max(len(whole) - len(rest), 0)]
    others = first + (rest if active.lines else whole[len(first) :])
    if others.startswith(whole):
        return others
    found = [whole, others]
    if archived.lines:
        found.append(_patched(whole, others))
    elif active.lines:
        found.append(_gone_on_with(whole, rest))
    return max(found, key=_worth)


def missing(pieced: bytes, other: Lines) -> list[bytes]:
    """What has to be kept aside of another file: all of it, if some line of it is in no piece.

    Args:
        pieced: what takes the place of the others.
        other: what one of them has.
    """
    return [] if set(other.lines) <= set(split_lines(pieced).lines) else [other.whole]


def terminated(lines: Lines) -> bytes:
    """The lines' bytes, the last one with its newline."""
    return lines.whole if lines.terminated else lines.whole + b"\n"


def _patched(whole: bytes, others: bytes) -> bytes:
    """Line by line what can be read, if no line lacks its like."""
    own, theirs = _with_ends(whole), _with_ends(others)
    if len(own) != len(theirs):
        return whole
    return b"".join(max(pair, key=_worth) for pair in zip(own, theirs, strict=True))


def _gone_on_with(whole: bytes, rest: bytes) -> bytes:
    """A superseding file that was cut off somewhere, and the active file's lines behind it.

    What it has of these already is not there twice. If it has them elsewhere it was not cut off.
    """
    kept, lines = _with_ends(terminated(split_lines(whole))), _with_ends(rest)
    is_shared = (
        line == lines[0] and kept[number:] == lines[: len(kept) - number]
        for number, line in enumerate(kept)
    )
    head = kept[: next((number for number, found in enumerate(is_shared) if found), len(kept))]
    is_twice = not set(head).isdisjoint(lines)
    return whole if is_twice else b"".join(head + lines)


def _with_ends(data: bytes) -> list[bytes]:
    *lines, last = data.split(b"\n")
    return [*(line + b"\n" for line in lines), *([last] if last else ())]


def _worth(data: bytes) -> tuple[int, int]:
    """How many messages can be read, and then how little is wrong."""
    lines = split_lines(data)
    wrong = len(lines.damaged_lines()) + len(lines.mended) + bool(lines.tail)
    return len(lines.history(0)), -wrong
