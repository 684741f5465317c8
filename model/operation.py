"""Operations and observations: what is asked of a subject and what it holds, as plain data.

Plain means: what JSON can hold. So both can be saved, shipped, compared and printed, whatever
language the subject is written in.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import orjson

Observation: TypeAlias = dict[str, Any]
"""A subject's logical content after recovery."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One call on the subject: its name and its arguments, by name."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'{k}={shortened(v)}' for k, v in self.arguments.items())})"


REFUSED = "refused: there was nothing to do"
"""What a driver returns for an operation that was told so: it changed nothing and promised nothing.

A failure is something else: it needs a cause.
"""


def canonical(value: Any) -> bytes:
    """The one encoding of plain data: equal data, equal bytes."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def shortened(value: Any, limit: int = 72) -> str:
    """The value as Python writes it, its middle left out where it is long."""
    text = repr(value)
    if len(text) <= limit:
        return text
    left_out = len(text) - limit
    half = limit // 2
    return f"{text[:half]}…({left_out} more)…{text[-half:]}"
