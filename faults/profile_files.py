"""Profiles that a user wrote: `[tool.tornwrite.profiles.NAME]` in a pyproject.toml.

The keys of such a table are the rules of `PowerLoss` by their names. What `tornwrite profiles`
prints as words is written as words here, yes and no as true and false. `like` names a profile to
begin from, built-in or another of the user's, so that only what differs is written. Without it
every rule that a profile must have is there. `summary` is what the list of profiles says of it.
"""

from collections.abc import Mapping
from dataclasses import MISSING, fields, replace
from enum import Enum
from typing import Any

from tornwrite.faults.profiles import (
    KNOWN,
    FsyncCommits,
    PowerLoss,
    ProcessKill,
    SizeAfterData,
    by_name,
)
from tornwrite.faults.project_file import TABLE as ABOVE
from tornwrite.faults.project_file import (
    ProjectFileError,
    Table,
    kind,
    nearest,
    project_table,
    shown,
)

KEY = "profiles"
TABLE = (*ABOVE, KEY)

USE = "use"
"""Beside the profiles: the list of those that runs are judged under."""


class ProfileFileError(ProjectFileError):
    """A profile that a user wrote is none. The message names the file, the table and the key."""


def user_profiles(start: str | None = None) -> tuple[PowerLoss, ...]:
    """The user's profiles, in the order of the pyproject.toml that counts.

    start: the directory to look in, then in those above it; None is the current one.
    Raises ProfileFileError when one of them is wrong, ProjectFileError when the file cannot be
    read.
    """
    found = project_table(start)
    if found is None:
        return ()
    tables = found.table.get(KEY, {})
    if isinstance(tables, list):
        return ()  # just the names of those to judge under
    if not isinstance(tables, dict):
        raise ProfileFileError(
            f"{found.file}: {'.'.join(TABLE)} must be a table of profiles by name, or a list of "
            f"names, not {kind(tables)}"
        )
    if isinstance(tables.get(USE), dict):
        raise ProfileFileError(
            f"{found.file}: [{'.'.join((*TABLE, USE))}]: {USE} is the list of the profiles to "
            "judge under; call your profile something else"
        )
    return _Reading(found.file, {name: tables[name] for name in tables if name != USE}).all()


_RULES = {field.name: field for field in fields(PowerLoss) if field.name not in ("name", "summary")}
_KEYS = ("like", "summary", *_RULES)


class _Reading:
    """The profiles of one file, each made once."""

    def __init__(self, file: str, tables: Table) -> None:
        self._file = file
        self._tables = tables
        self._made: dict[str, PowerLoss] = {}

    def all(self) -> tuple[PowerLoss, ...]:
        return tuple(self._profile(name, ()) for name in self._tables)

    def _profile(self, name: str, asking: tuple[str, ...]) -> PowerLoss:
        """asking: the profiles that are like this one, for want of which it is made now."""
        if name in self._made:
            return self._made[name]
        table = self._tables[name]
        if any(profile.name == name for profile in KNOWN):
            raise self._error(name, "that is the name of a built-in profile; choose another")
        if not name or "," in name or name != name.strip():
            raise self._error(name, "a name must not be empty, have commas or blanks around it")
        if not isinstance(table, dict):
            raise self._error(name, "a profile must be a table of rules")
        for key in table:
            if key not in _KEYS:
                raise self._error(name, f"there is no rule {key!r}{nearest(key, _KEYS)}")
        given = {key: self._value(name, key, table[key]) for key in _RULES if key in table}
        summary = table.get("summary", "")
        if not isinstance(summary, str):
            raise self._error(name, f"summary must be text, not {kind(summary)}")
        try:
            made = self._made[name] = self._build(name, table, given, summary, asking)
        except ValueError as error:
            raise self._error(name, str(error).removeprefix(f"profile {name}: ")) from error
        return made

    def _build(
        self,
        name: str,
        table: Table,
        given: Mapping[str, Any],
        summary: str,
        asking: tuple[str, ...],
    ) -> PowerLoss:
        if "like" in table:
            base = self._like(name, table["like"], (*asking, name))
            about = summary or f"like {base.name}, with other rules"
            return replace(base, name=name, summary=about, **given)
        needed = [key for key, field in _RULES.items() if field.default is MISSING]
        missing = [key for key in needed if key not in given]
        if missing:
            raise self._error(
                name,
                f"{missing[0]} is missing; give every rule ({', '.join(needed)}), or name a "
                'profile to begin from: like = "ext4"',
            )
        return PowerLoss(name=name, summary=summary or f"from {self._file}", **given)

    def _like(self, name: str, other: object, asking: tuple[str, ...]) -> PowerLoss:
        known = [profile.name for profile in KNOWN if isinstance(profile, PowerLoss)]
        if not isinstance(other, str):
            raise self._error(name, f"like must be the name of a profile, not {kind(other)}")
        if other in asking:
            circle = " is like ".join((*asking[asking.index(other) :], other))
            raise self._error(name, f"like goes round in a circle: {circle}")
        if other in self._tables:
            return self._profile(other, asking)
        if other not in known:
            mine = [one for one in self._tables if one != name]
            raise self._error(
                name,
                f"like: there is no power loss {other!r} to begin from; there are "
                f"{', '.join([*known, *mine])}",
            )
        built_in = by_name(other)
        assert not isinstance(built_in, ProcessKill)
        return built_in

    def _value(self, name: str, key: str, value: object) -> object:
        """The value as the rule has it: words become the enumeration's."""
        wanted = _RULES[key].type
        if wanted is bool:
            if not isinstance(value, bool):
                raise self._error(name, f"{key} must be true or false, not {shown(value)}")
            return value
        if wanted is int:
            if not isinstance(value, int) or isinstance(value, bool):
                raise self._error(name, f"{key} must be a whole number, not {shown(value)}")
            return value
        words: type[Enum] = SizeAfterData if key == "size_after_data" else FsyncCommits
        for word in words:
            if word.value == value and isinstance(value, str):
                return word
        allowed = ", ".join(f'"{word.value}"' for word in words)
        raise self._error(name, f"{key} must be one of {allowed}, not {shown(value)}")

    def _error(self, name: str, said: str) -> ProfileFileError:
        return ProfileFileError(f"{self._file}: [{'.'.join((*TABLE, name))}]: {said}")
