"""The user's settings: `[tool.tornwrite]` in their pyproject.toml. This is where its keys are.

What the command line says goes before it, and what neither says is as it is without a file.
Profiles of the user's own are read where profiles are, in `faults.profile_files`.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from tornwrite.faults import profile_files
from tornwrite.faults.profile_order import known_profiles
from tornwrite.faults.project_file import (
    TABLE,
    ProjectFileError,
    ProjectTable,
    kind,
    nearest,
    project_table,
    shown,
)

EFFORTS = ("quick", "ci", "full")
RECORDERS = ("in-process", "strace")


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a user's file asks for. None: it does not say; the field is a key of the table.

    file: the absolute path of the pyproject.toml, "" when none has such a table. subjects: each
    `package.module:object`, or `path/to/file.py:object` from the current directory. profiles: names
    of those to judge under. budget: images judged for a scenario and profile at most. seed: for
    samples. effort: how much the fault lanes try. lanes: names of those to run. recorder: what
    records a subject. jobs: processes at once. baseline: the absolute path of the file of known
    findings.
    """

    file: str = ""
    subjects: tuple[str, ...] | None = None
    profiles: tuple[str, ...] | None = None
    budget: int | None = None
    seed: int | None = None
    effort: str | None = None
    lanes: tuple[str, ...] | None = None
    recorder: str | None = None
    jobs: int | None = None
    baseline: str | None = None


KEYS = tuple(field.name for field in fields(Configuration) if field.name != "file")


def configuration(start: str | None = None) -> Configuration:
    """What the pyproject.toml that counts says; an empty one where there is none.

    start: the directory to look in, then in those above it; None is the current one.
    Raises ProjectFileError, naming file and key, for an unknown key, a value of the wrong type, a
    profile that there is not or that is wrong, and when the file cannot be read.
    """
    found = project_table(start)
    if found is None:
        return Configuration()
    for key in found.table:
        if key not in KEYS:
            raise _error(found, f"there is no key {key!r}{nearest(key, KEYS)}")
    own = profile_files.user_profiles(os.path.dirname(found.file))
    known = tuple(profile.name for profile in known_profiles(own))
    values: dict[str, Any] = {
        key: _READERS[key](found, key, _value(found, key)) for key in KEYS if _has(found, key)
    }
    for name in values.get("profiles", ()):
        if name not in known:
            raise _error(found, f"profiles: there is no profile {name!r}{nearest(name, known)}")
    return Configuration(file=found.file, **values)


def _has(found: ProjectTable, key: str) -> bool:
    value = found.table.get(key)
    if key == profile_files.KEY and isinstance(value, dict):
        return profile_files.USE in value
    return key in found.table


def _value(found: ProjectTable, key: str) -> Any:
    """What stands there: of the table of profiles, the list of those to judge under."""
    value = found.table[key]
    own = key == profile_files.KEY and isinstance(value, dict)
    return value[profile_files.USE] if own else value


def _names(found: ProjectTable, key: str, value: object, example: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise _error(found, f"{key} must be a list of texts, like {example}, not {shown(value)}")
    for at, item in enumerate(value, start=1):
        if not isinstance(item, str):
            raise _error(found, f"{key}: number {at} must be text, not {shown(item)}")
        if value.index(item) != at - 1:
            raise _error(found, f"{key}: {item!r} is there twice; once is enough")
    return tuple(value)


def _subjects(found: ProjectTable, key: str, value: object) -> tuple[str, ...]:
    names = _names(found, key, value, '["my.module:store"]')
    for name in names:
        module, colon, attribute = name.partition(":")
        if not (module and colon and attribute) or name != name.strip():
            raise _error(
                found,
                f"{key}: a subject is named package.module:object, or "
                f"path/to/file.py:object, which {name!r} is not",
            )
    return tuple(_from_here(found, name) for name in names)


def _from_here(found: ProjectTable, name: str) -> str:
    """A subject named by the path of its source, as it is named in the current directory."""
    path, _, attribute = name.partition(":")
    if not path.endswith(".py"):
        return name
    return f"{os.path.relpath(os.path.join(os.path.dirname(found.file), path))}:{attribute}"


def _profiles(found: ProjectTable, key: str, value: object) -> tuple[str, ...]:
    names = _names(found, key, value, '["kill", "ext4"]')
    if not names:
        raise _error(found, f"{key} is empty; leave the key out for those judged under by default")
    return names


def _lanes(found: ProjectTable, key: str, value: object) -> tuple[str, ...]:
    return _names(found, key, value, '["errors", "full disk"], or [] for none')


def _number(least: int | None) -> Callable[[ProjectTable, str, object], int]:
    def read(found: ProjectTable, key: str, value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise _error(found, f"{key} must be a whole number, not {shown(value)}")
        if least is not None and value < least:
            raise _error(found, f"{key} must be {least} or more, not {value}")
        return value

    return read


def _one_of(words: tuple[str, ...]) -> Callable[[ProjectTable, str, object], str]:
    def read(found: ProjectTable, key: str, value: object) -> str:
        if not isinstance(value, str) or value not in words:
            allowed = ", ".join(f'"{word}"' for word in words)
            raise _error(found, f"{key} must be one of {allowed}, not {shown(value)}")
        return value

    return read


def _path(found: ProjectTable, key: str, value: object) -> str:
    """Relative to the file that says it, wherever it is read from."""
    if not isinstance(value, str):
        raise _error(found, f"{key} must be the path of a file, as text, not {kind(value)}")
    if not value or "\0" in value:
        raise _error(found, f"{key} must be the path of a file, which {value!r} is not")
    return os.path.join(os.path.dirname(found.file), value)


_READERS: dict[str, Callable[[ProjectTable, str, object], object]] = {
    "subjects": _subjects,
    "profiles": _profiles,
    "budget": _number(1),
    "seed": _number(None),
    "effort": _one_of(EFFORTS),
    "lanes": _lanes,
    "recorder": _one_of(RECORDERS),
    "jobs": _number(1),
    "baseline": _path,
}


def _error(found: ProjectTable, said: str) -> ProjectFileError:
    return ProjectFileError(f"{found.file}: [{'.'.join(TABLE)}]: {said}")
