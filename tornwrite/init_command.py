"""tornwrite init: files to begin with, that run as they are."""

import os
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import TypeAlias

import click

from tornwrite.command_group import main
from tornwrite.scenarios.subject import WrongUse

Files: TypeAlias = Mapping[str, str]
"""Contents by name."""

WAYS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "test": (("test_notes.py",), "pytest test_notes.py"),
    "subject": (("notes_subject.py",), "tornwrite gate notes_subject.py:notes"),
    "program": (
        ("notes_program.py", "notes_driver.py"),
        "tornwrite gate notes_program.py:notes",
    ),
}
"""The three ways to check a store: the files of each, and the command that runs them."""


@main.command()
@click.argument("way", type=click.Choice(list(WAYS)))
@click.option(
    "--into",
    "folder",
    type=click.Path(file_okay=False),
    default=".",
    show_default=True,
    help="The directory to write to; it is made if it is not there.",
)
def init(way: str, folder: str) -> None:
    """Write a commented file to begin with, one of three WAYS to check a store.

    test: a pytest test of a few lines. subject: a store in Python, its operations, and a model of
    what it promises. program: the same for a program in any language, which is asked in lines of
    JSON. They run as they are, and pass; put your own store in the place of the one in them.
    Nothing is overwritten.
    """
    names, command = WAYS[way]
    write(files_of(names), folder)
    for name in names:
        click.echo(f"wrote {os.path.join(folder, name) if folder != '.' else name}")
    there = "" if folder == "." else f"cd {folder} && "
    click.echo(f"run it with: {there}{command}")


def files_of(names: Sequence[str]) -> Files:
    """The files of these names as they ship."""
    folder = resources.files("tornwrite") / "templates"
    return {name: (folder / f"{name}.txt").read_text(encoding="utf-8") for name in names}


def write(files: Files, folder: str) -> None:
    """Write all of the files, or none. Raises WrongUse when one is there already or cannot be."""
    there = [name for name in files if os.path.lexists(os.path.join(folder, name))]
    if there:
        raise WrongUse(
            f"{', '.join(there)} is there already, and is left as it is; choose another directory "
            "with --into"
        )
    try:
        os.makedirs(folder, exist_ok=True)
        for name, content in files.items():
            with open(os.path.join(folder, name), "x", encoding="utf-8") as file:
                file.write(content)
    except OSError as error:
        said = f"cannot write to {folder}: {error.strerror}; choose another directory"
        raise WrongUse(said) from error
