"""Baselines on disk: the known findings of a project, as JSON that people read, merge and edit.

A finding is a block with a line for each of its fields, sorted, so that a change of one is a change
of few lines. Written whole or not at all.
"""

import json
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from typing import Any

from tornwrite.faults.profile_order import known_profiles, no_weaker
from tornwrite.faults.profiles import PowerLoss, ProcessKill, Profile
from tornwrite.faults.project_file import kind as kind_of
from tornwrite.faults.project_file import nearest, shown
from tornwrite.model.baseline import EFFORTS, identity
from tornwrite.model.results import KnownFinding
from tornwrite.model.verdict import Kind
from tornwrite.reports.json_report import in_utf8, write_whole
from tornwrite.scenarios.subject import WrongUse

FORMAT = "tornwrite-baseline"
VERSION = 1

HEAD = ("format", "version", "findings")


def read_baseline(file: str) -> tuple[KnownFinding, ...]:
    """The known findings of a file.

    Raises WrongUse, with the line, when it cannot be read, is something else, or was damaged.
    """
    text = _text(file)
    try:
        content = json.loads(text, object_pairs_hook=_once)
    except _Twice as error:
        where = _line_of_second(text, error.key)
        raise WrongUse(
            f"{file}: line {where}: {error.key!r} is there twice in one block; keep one"
        ) from error
    except (json.JSONDecodeError, RecursionError) as error:
        where, what = (
            (error.lineno, error.msg)
            if isinstance(error, json.JSONDecodeError)
            else (1, "brackets within brackets, too many")
        )
        said = "it is empty" if not text.strip() else f"line {where}: this is no JSON: {what}"
        raise WrongUse(f"{file}: {said}; {_HELP}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise WrongUse(f"{file}: line 1: this is no baseline of tornwrite; {_HELP}")
    if content.get("version") != VERSION:
        raise WrongUse(
            f"{file}: it is of version {shown(content.get('version'))}, and this tornwrite reads "
            f"{VERSION}; use the one that wrote it, or write it anew"
        )
    for key in content:
        if key not in HEAD:
            raise WrongUse(f"{file}: there is no key {key!r}{nearest(key, HEAD)}")
    findings = content.get("findings")
    if not isinstance(findings, list):
        raise WrongUse(f"{file}: findings must be a list, not {kind_of(findings)}")
    lines = _lines(text)
    known = tuple(_finding(file, line, one) for line, one in zip(lines, findings, strict=True))
    _refuse_twice(file, lines, known)
    return known


_HELP = "mend it, or remove it and write it anew with --write-baseline"


class _Twice(Exception):
    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for key, value in pairs:
        if key in seen:
            raise _Twice(key)
        seen[key] = value
    return seen


def _line_of_second(text: str, key: str) -> int:
    """The line on which a block has the key again; the first for what is not in a block."""
    wanted = re.escape(json.dumps(key)) + r"\s*:"
    for block in re.finditer(r"[^{}]+", text):
        found = list(re.finditer(wanted, block[0]))
        if len(found) > 1:
            return text.count("\n", 0, block.start() + found[1].start()) + 1
    return 1


def _text(file: str) -> str:
    try:
        with open(file, "rb") as stream:
            data = stream.read()
    except FileNotFoundError as error:
        raise WrongUse(
            f"there is no {file}; `tornwrite gate --write-baseline {file}` writes what it finds "
            "there as known"
        ) from error
    except OSError as error:
        raise WrongUse(f"cannot read {file}: {error.strerror}; name another file") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise WrongUse(f"{file}: line {line}: this is no UTF-8; {_HELP}") from error


def _lines(text: str) -> list[int]:
    """The line on which each finding begins. text: JSON of ours."""
    decoder = json.JSONDecoder()
    lines: list[int] = []
    at = text.index("[", text.index('"findings"')) + 1
    while True:
        while text[at] in " \t\r\n,":
            at += 1
        if text[at] == "]":
            return lines
        lines.append(text.count("\n", 0, at) + 1)
        _, at = decoder.raw_decode(text, at)


def _text_value(value: object) -> str | None:
    return None if isinstance(value, str) else "must be text"


def _flag(value: object) -> str | None:
    return None if isinstance(value, bool) else "must be true or false"


def _number(value: object) -> str | None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return None if whole else "must be a whole number"


def _names(value: object) -> str | None:
    good = isinstance(value, list) and value and all(isinstance(one, str) for one in value)
    return None if good else "must be a list of names"


def _one_of(words: Sequence[str]) -> Callable[[object], str | None]:
    def check(value: object) -> str | None:
        return None if value in words else f"must be one of {', '.join(words)}"

    return check


_CHECKS: dict[str, Callable[[object], str | None]] = {
    "subject": _text_value,
    "kind": _one_of([kind.value for kind in Kind]),
    "promise": _text_value,
    "later": _flag,
    "operation": _text_value,
    "step": _text_value,
    "function": _text_value,
    "scenarios": _names,
    "profiles": _names,
    "effort": _one_of(EFFORTS),
    "seed": _number,
    "why": _text_value,
}
_FIELDS = tuple(field.name for field in fields(KnownFinding))
assert set(_CHECKS) == set(_FIELDS)


def _finding(file: str, line: int, entry: object) -> KnownFinding:
    where = f"{file}: line {line}: this finding"
    if not isinstance(entry, dict):
        raise WrongUse(f"{where} must be a block with its fields, not {kind_of(entry)}")
    for key in entry:
        if key not in _FIELDS:
            raise WrongUse(f"{where} has a key {key!r}, which there is not{nearest(key, _FIELDS)}")
    for name, check in _CHECKS.items():
        if name not in entry:
            raise WrongUse(f"{where} has no {name}; {_HELP}")
        wrong = check(entry[name])
        if wrong:
            raise WrongUse(f"{where}: {name} {wrong}, not {shown(entry[name])}")
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in entry.items()
    }
    return KnownFinding(**{**values, "kind": Kind(entry["kind"])})


def _refuse_twice(file: str, lines: Sequence[int], known: Sequence[KnownFinding]) -> None:
    seen: dict[tuple[object, ...], int] = {}
    for line, one in zip(lines, known, strict=True):
        key = identity(one)
        if key in seen:
            raise WrongUse(
                f"{file}: line {line}: this finding is that of line {seen[key]} again; join their "
                "scenarios and profiles in one of them, and remove the other"
            )
        seen[key] = line


def write_baseline(file: str, known: Iterable[KnownFinding]) -> None:
    """Write the findings to a file, whole or not at all; a link to one stays. Raises OSError."""
    write_whole(_rendered(known).encode(), os.path.realpath(file))


def _rendered(known: Iterable[KnownFinding]) -> str:
    blocks = [_block(one) for one in known]
    findings = "[\n" + ",\n".join(blocks) + "\n  ]" if blocks else "[]"
    return f'{{\n  "format": "{FORMAT}",\n  "version": {VERSION},\n  "findings": {findings}\n}}\n'


def _block(one: KnownFinding) -> str:
    lines = []
    for name in _FIELDS:
        value = getattr(one, name)
        plain = value.value if isinstance(value, Kind) else in_utf8(value)
        lines.append(f'      "{name}": {json.dumps(plain, ensure_ascii=False)}')
    return "    {\n" + ",\n".join(lines) + "\n    }"


def strengths(also: Sequence[PowerLoss] = ()) -> dict[str, frozenset[str]]:
    """For each built-in profile, and each of these, the names of those no weaker by their rules."""
    profiles = known_profiles(also)
    return {
        one.name: frozenset(other.name for other in profiles if _no_weaker(other, one))
        for one in profiles
    }


def _no_weaker(first: Profile, second: Profile) -> bool:
    match first, second:
        case ProcessKill(), _:
            return True  # everything done stays: no loss of power leaves more
        case PowerLoss(), PowerLoss():
            return first == second or no_weaker(first, second)
        case _:
            return False
