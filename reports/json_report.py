"""A run of the gate as JSON: everything that the console shows, and more of it."""

import os
from collections.abc import Sequence
from dataclasses import asdict
from enum import Enum
from typing import Any

import orjson

from tornwrite.model.results import GateResult

FORMAT = "tornwrite-gate"
FORMAT_ALL = "tornwrite-gates"
VERSION = 1


def as_plain(result: GateResult) -> dict[str, Any]:
    """The result as JSON can hold it: fields by their names, enumerations by their words."""
    return {"format": FORMAT, "version": VERSION, **plain_fields(result)}


def plain_fields(record: Any) -> dict[str, Any]:
    """The fields of a dataclass and of those in it, by name, as JSON can hold them."""
    cleaned: dict[str, Any] = in_utf8(asdict(record, dict_factory=_plain_values))
    return cleaned


def as_plain_all(results: Sequence[GateResult]) -> dict[str, Any]:
    """One result as it is; several as a list named `runs`."""
    if len(results) == 1:
        return as_plain(results[0])
    return {"format": FORMAT_ALL, "version": VERSION, "runs": [as_plain(one) for one in results]}


def write(results: Sequence[GateResult], file: str | os.PathLike[str]) -> None:
    """Write the results to a file, whole or not at all. Raises OSError."""
    write_plain(as_plain_all(results), file)


def write_plain(plain: dict[str, Any], file: str | os.PathLike[str]) -> None:
    """Write what JSON can hold to a file, whole or not at all. Raises OSError."""
    write_whole(orjson.dumps(plain, option=orjson.OPT_INDENT_2) + b"\n", file)


def write_whole(data: bytes, file: str | os.PathLike[str]) -> None:
    """Write the bytes to a file, whole or not at all. Raises OSError."""
    target = os.fspath(file)
    unfinished = f"{target}.tmp"
    try:
        with open(unfinished, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        os.replace(unfinished, target)
    except BaseException:
        if os.path.exists(unfinished):
            os.unlink(unfinished)
        raise


def _plain_values(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: value.value if isinstance(value, Enum) else value for name, value in pairs}


def in_utf8(value: Any) -> Any:
    """The same with every text in UTF-8: what has no such form, as in a file name, as an escape."""
    match value:
        case str():
            return value.encode("utf-8", "backslashreplace").decode()
        case dict():
            return {in_utf8(name): in_utf8(content) for name, content in value.items()}
        case list() | tuple():
            return [in_utf8(item) for item in value]
        case _:
            return value
