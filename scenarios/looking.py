"""How the harness looks at a store: past its code at the files, and at what it reports of them."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from tornwrite.faults import originals as real
from tornwrite.model.operation import Observation


def regular_files(directory: str) -> Iterator[tuple[str, bytes]]:
    """The files of a directory by name, with their bytes: no links, and nothing within folders.

    No error that is injected keeps the harness from reading them.
    """
    with os.scandir(directory) as entries:
        names = sorted(one.name for one in entries if one.is_file(follow_symlinks=False))
    for name in names:
        with real.io_open(os.path.join(directory, name), "rb") as file:
            yield name, file.read()


def damage_told(
    inspect: Callable[[str], Any] | None,
    names: Sequence[str],
    *,
    of_all: Iterable[object] = (),
    not_found: type[Exception] | None = None,
) -> Observation:
    """What a store says is wrong: `{"sessions": {NAME: [TEXT]}, "store": [TEXT]}`.

    inspect: tells the state of one session, with its `damage`; None if the store cannot. of_all:
    what it says of no one session. not_found: what inspect raises where there is no session, which
    is no report.
    """
    sessions: dict[str, list[str]] = {}
    for name in names:
        if inspect is None:
            break
        try:
            found = inspect(name).damage
        except Exception as error:
            told = not_found is None or not isinstance(error, not_found)
            sessions[name] = [f"{type(error).__name__}: {error}"] if told else []
        else:
            sessions[name] = [str(one) for one in found]
    return {"sessions": sessions, "store": [str(one) for one in of_all]}
