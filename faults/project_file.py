"""The user's pyproject.toml: which one counts, and what it has below `[tool.tornwrite]`.

That of the nearest directory, from the current one upward, that has such a table at all; a
pyproject.toml without one is passed over, as by other tools that keep their settings there.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, TypeAlias

FILE = "pyproject.toml"
TABLE = ("tool", "tornwrite")

Table: TypeAlias = Mapping[str, Any]


class ProjectFileError(Exception):
    """What the user's pyproject.toml has for us is wrong. The message names the file and where."""


@dataclass(frozen=True, slots=True)
class ProjectTable:
    """`[tool.tornwrite]` as it stands in a file, unchecked. file: its absolute path."""

    file: str
    table: Table


def project_table(start: str | None = None) -> ProjectTable | None:
    """The table that counts; None where there is none.

    start: the directory to look in, then in those above it; None is the current one.
    Raises ProjectFileError when a file on the way cannot be read or is no TOML.
    """
    folder = os.path.realpath(start or os.getcwd())
    while True:
        file = os.path.join(folder, FILE)
        found = _table(file)
        if found is not None:
            return ProjectTable(file, found)
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above


def _table(file: str) -> Table | None:
    try:
        with open(file, encoding="utf-8-sig") as stream:
            found: Any = tomllib.loads(stream.read())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ProjectFileError(f"cannot read {file} for [{'.'.join(TABLE)}]: {reason}") from error
    for part in TABLE:
        if not isinstance(found, dict):
            return None  # somebody else's to complain about
        if part not in found:
            return None
        found = found[part]
    if not isinstance(found, dict):
        raise ProjectFileError(f"{file}: {'.'.join(TABLE)} must be a table, not {kind(found)}")
    return found


def nearest(name: str, known: tuple[str, ...]) -> str:
    """For the end of a sentence on a name that there is not: the one meant, or all there are."""
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; do you mean {near[0]}?" if near else f"; there are {', '.join(known)}"


def shown(value: object) -> str:
    """A value of a table for an error: as it is written there, long ones by their kind."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return f'"{value}"'
        case int() | float():
            return str(value)
        case _:
            return kind(value)


def kind(value: object) -> str:
    """What sort of value it is, for an error."""
    match value:
        case bool():
            return "true or false"
        case str():
            return "text"
        case int() | float():
            return "a number"
        case list():
            return "a list"
        case dict():
            return "a table"
        case _:
            return "a date or time"
