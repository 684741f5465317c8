"""What a test looks at: its marker before the command line before pyproject.toml."""

from dataclasses import replace
from typing import Any

import pytest

from tornwrite.configuration import configuration
from tornwrite.faults.profile_files import ProfileFileError
from tornwrite.faults.profiles import PowerLoss, ProcessKill
from tornwrite.faults.project_file import ProjectFileError
from tornwrite.scenarios.by_hand.recordings import Choices, WrongUse

_TYPES: dict[str, type] = {"budget": int, "seed": int, "sample": bool, "every_byte": bool}
_KEYS = ("profiles", *_TYPES)


class WrongChoice(Exception):
    """An option or a marker says what cannot be. The message says which and what to do."""


_session = pytest.StashKey[Choices]()


def session_choices(config: pytest.Config) -> Choices:
    """Those of the whole session. Raises WrongChoice."""
    if _session not in config.stash:
        config.stash[_session] = _session_choices(config)
    return config.stash[_session]


def _session_choices(config: pytest.Config) -> Choices:
    start = str(config.rootpath)
    choices = Choices(start=start, replay=config.getoption("--tornwrite-replay") or "")
    try:
        file = configuration(start)
    except ProjectFileError as error:
        raise WrongChoice(str(error)) from None
    choices = _changed(choices, file.profiles or (), _given(file.budget, file.seed))
    of_command = _given(
        config.getoption("--tornwrite-budget"), config.getoption("--tornwrite-seed")
    )
    return _changed(choices, config.getoption("--tornwrite-profile"), of_command)


def _given(budget: int | None, seed: int | None) -> dict[str, Any]:
    both = {"budget": budget, "seed": seed}
    return {key: value for key, value in both.items() if value is not None}


def test_choices(item: pytest.Item) -> Choices:
    """Those of one test: of several markers the closest has the last word on what it names.

    Raises WrongChoice.
    """
    choices = session_choices(item.config)
    for marker in reversed(list(item.iter_markers("tornwrite"))):
        try:
            choices = _marked(choices, marker)
        except WrongChoice as error:
            raise WrongChoice(f"the marker of {item.nodeid}: {error}") from None
    return choices


def _marked(choices: Choices, marker: pytest.Mark) -> Choices:
    if marker.args:
        raise WrongChoice(f"what it says is said by name: {', '.join(_KEYS)}")
    given: dict[str, Any] = dict(marker.kwargs)
    names = given.pop("profiles", None) or ()
    if isinstance(names, str | PowerLoss | ProcessKill):
        names = (names,)
    if not isinstance(names, list | tuple):
        raise WrongChoice(f"profiles is a list of names, not {names!r}")
    for key, value in given.items():
        if key not in _TYPES:
            raise WrongChoice(f"there is no {key!r}; there are {', '.join(_KEYS)}")
        wanted = _TYPES[key]
        if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
            kind = "a whole number" if wanted is int else "True or False"
            raise WrongChoice(f"{key} is {kind}, not {value!r}")
    return _changed(choices, names, given)


def _changed(choices: Choices, names: Any, given: dict[str, Any]) -> Choices:
    try:
        return replace(choices.under(names), **given)
    except (WrongUse, ProfileFileError) as error:
        raise WrongChoice(str(error)) from None
