"""A run of the gate as JSON: everything that the console shows, and more of it."""

import os
from dataclasses import asdict
from enum import Enum
from typing import Any

import orjson

from tornwrite.model.results import GateResult

FORMAT = "tornwrite-gate"
VERSION = 1


def as_plain(result: GateResult) -> dict[str, Any]:
    """The result as JSON can hold it: fields by their names, enumerations by their words."""
    plain: dict[str, Any] = {"format": FORMAT, "version": VERSION}
    plain.update(asdict(result, dict_factory=_plain_fields))
    return plain


def write(result: GateResult, file: str | os.PathLike[str]) -> None:
    """Write the result to a file, whole or not at all. Raises OSError."""
    target = os.fspath(file)
    unfinished = f"{target}.tmp"
    data = orjson.dumps(as_plain(result), option=orjson.OPT_INDENT_2)
    try:
        with open(unfinished, "wb") as out:
            out.write(data + b"\n")
            out.flush()
            os.fsync(out.fileno())
        os.replace(unfinished, target)
    except BaseException:
        if os.path.exists(unfinished):
            os.unlink(unfinished)
        raise


def _plain_fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: value.value if isinstance(value, Enum) else value for name, value in pairs}
