"""What the tests of a session looked at, in a few lines for its end."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

SHOWN = 10
"""How many tests are named at most that did not look at everything."""


def summary(reports: Sequence[Mapping[str, Any]]) -> list[str]:
    """The lines.

    reports: one for each test, with its id (`test`), `outcome`, `missing` (why it could not be
    measured, if it could not), and what `Recordings.looked` says.
    """
    done = [one for one in reports if not one["missing"]]
    states = sum(one["states"] for one in done)
    failed = sum(one["outcome"] == "failed" for one in done)
    left_out = [
        f"{one['test']}: {said}"
        for one in done
        if one["outcome"] == "passed"
        for said in one["left_out"]
    ]
    unmeasured = [
        f"{one['test']}: not measured: {one['missing']}" for one in reports if one["missing"]
    ]
    replayed = any(one["replay"] for one in reports)
    said = f"tornwrite: {_count(len(done), 'test')}, {_count(states, 'crash state')}"
    if replayed:
        said += ": only the one that was asked for"
    elif failed:
        said += f", {_count(failed, 'test')} failed"
    elif not left_out and not unmeasured:
        said += ", all looked at"
    lines = [said]
    if any(one["chosen_cuts"] for one in done):
        lines.append(
            "  a kill cut long and repeated writes at chosen bytes only (every_byte=True: at all)"
        )
    return [*lines, *_some([*left_out, *unmeasured])]


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _some(lines: Sequence[str]) -> Iterable[str]:
    yield from (f"  {line}" for line in lines[:SHOWN])
    if len(lines) > SHOWN:
        yield f"  and {len(lines) - SHOWN} more"
