"""What lies in the directory of a store that keeps lines, told by names and contents alone.

It takes no store's word for it: the harness looks at the files itself.
"""

import re
from dataclasses import dataclass

import orjson

from tornwrite.scenarios.looking import regular_files

_KEPT = ".damaged-"
_LOCK = ".lock"


@dataclass(frozen=True, slots=True)
class LineFiles:
    """damaged: pieces of lines that are no objects. litter: files that no format knows."""

    damaged: tuple[str, ...]
    litter: tuple[str, ...]


def look_at_files(
    directory: str, data: str, *, passing: str = "", also: frozenset[str] = frozenset()
) -> LineFiles:
    """Read the files of a directory once.

    data: what the whole names of files of lines match. passing: what those of them match that no
    store needs for good. also: names of other files that belong there. Files of bytes that a store
    keeps aside are known by their names, wherever they come from.
    """
    damaged: list[str] = []
    litter: list[str] = []
    for name, content in regular_files(directory):
        if re.fullmatch(data, name, re.DOTALL) or _KEPT in name:
            damaged += (repr(piece) for piece in content.split(b"\n") if _is_damage(piece))
            if re.fullmatch(passing, name, re.DOTALL):
                litter.append(name)
        elif name != _LOCK and name not in also:
            litter.append(name)
    return LineFiles(tuple(damaged), tuple(litter))


def _is_damage(piece: bytes) -> bool:
    if not piece:
        return False
    try:
        return not isinstance(orjson.loads(piece), dict)
    except orjson.JSONDecodeError:
        return True
