"""What commands take from the user's pyproject.toml where the command line says nothing."""

import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import click
from click.core import ParameterSource

from tornwrite.configuration import Configuration, configuration
from tornwrite.faults.project_file import TABLE, ProjectFileError
from tornwrite.scenarios.subject import WrongUse

PARAMETERS = {
    "subject": "subjects",
    "profile_names": "profiles",
    "budget": "budget",
    "seed": "seed",
    "effort": "effort",
    "lane_names": "lanes",
    "recorder": "recorder",
    "jobs": "jobs",
    "baseline": "baseline",
}
"""Parameters of commands, by their names in the code, and the key that each one is."""

NOT_TAKEN = {
    "devices": frozenset({"profiles"}),  # it is there to show all of them
    "soak": frozenset({"seed", "effort"}),  # one that did the same each time would find nothing new
}
"""What a command does not take from the file although it has such a parameter."""


class Defaults(Mapping[str, Any]):
    """The default map of the whole command line: one for each command, whatever its name."""

    def __getitem__(self, command: str) -> "_OfCommand":
        return _OfCommand(command)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


class _OfCommand(Mapping[str, Any]):
    """The defaults of one command. The file is read when the first of them is asked for.

    So that a wrong file keeps nobody from commands that take nothing from it.
    """

    def __init__(self, command: str) -> None:
        self._command = command
        self._read: Configuration | None = None

    def __getitem__(self, parameter: str) -> Any:
        key = PARAMETERS[parameter]
        if key in NOT_TAKEN.get(self._command, ()):
            raise KeyError(parameter)
        if self._read is None:
            self._read = configuration()
        value = getattr(self._read, key)
        if value is None or (value == () and key == "subjects"):
            raise KeyError(parameter)
        match key:
            case "subjects":
                return _only(self._read, value)
            case "lanes":
                return _known_lanes(self._read, value)
            case _:
                return value

    def __iter__(self) -> Iterator[str]:
        return (name for name in PARAMETERS if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _only(read: Configuration, subjects: tuple[str, ...]) -> str:
    if len(subjects) > 1:
        raise WrongUse(
            f"this takes one SUBJECT, and {read.file} has several; name one of them: "
            f"{', '.join(subjects)}"
        )
    return subjects[0]


def _known_lanes(read: Configuration, names: tuple[str, ...]) -> tuple[str, ...]:
    from tornwrite.scenarios.lane_registry import lanes_named

    if names == ("none",):
        return names  # as the command line has it
    try:
        lanes_named(names)
    except WrongUse as error:
        raise ProjectFileError(f"{read.file}: [{'.'.join(TABLE)}]: lanes: {error}") from error
    return names or ("none",)


def configured_subjects() -> tuple[str, ...]:
    """The subjects that the user's file names; none when it names none."""
    return configuration().subjects or ()


def find_modules() -> None:
    """Let modules be found in the current directory and in that of the user's file."""
    file = configuration().file
    for folder in (os.getcwd(), os.path.dirname(file)):
        if folder and folder not in sys.path:
            sys.path.append(folder)


def given(parameter: str) -> bool:
    """Whether the command line of the running command says it, and not a file or nobody."""
    source = click.get_current_context().get_parameter_source(parameter)
    return source is ParameterSource.COMMANDLINE


def origin(parameter: str) -> str:
    """Where the running command has a parameter's value from, for people."""
    match click.get_current_context().get_parameter_source(parameter):
        case ParameterSource.COMMANDLINE:
            return "command line"
        case ParameterSource.DEFAULT_MAP:
            return "file"
        case _:
            return "default"
