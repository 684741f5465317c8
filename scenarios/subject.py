"""Subjects and scenarios: what is run, as data and a few calls.

A subject is named `package.module:object`, ours and a user's alike; the object is a `Subject`.
"""

import importlib
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from tornwrite.faults.images import EMPTY, Image
from tornwrite.model.alphabets import Alphabet
from tornwrite.model.judge import Model
from tornwrite.model.operation import Observation, Operation
from tornwrite.model.verdict import Promise

if TYPE_CHECKING:
    from tornwrite.scenarios.programs.protocol import Program


class WrongUse(Exception):
    """The harness was asked for something that there is not. The message says what to do."""


class Driver(Protocol):
    """One open subject. Opening it is its recovery."""

    def apply(self, operation: Operation) -> Any:
        """Do the operation. Returning acknowledges it; any exception means that it failed."""
        ...

    def observe(self, names: Sequence[str]) -> Observation:
        """The logical content. `names` are those that the operations so far were about; a subject
        that can list its content may leave them aside."""
        ...

    def settled(self, names: Sequence[str]) -> Observation:
        """What the model's `settled` looks at: litter, drift. Empty if there is nothing of it."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Lane:
    """What one of several does while the others do their part.

    operations: in order. process: it opens the subject for itself, as another process would;
    otherwise it is a thread that shares the subject that is open.
    """

    operations: tuple[Operation, ...]
    process: bool = False


@dataclass(frozen=True, slots=True)
class Scenario:
    """A short run, and the promises that it puts to the test.

    operations: in order; "reopen" closes the subject and opens it again. base: what is on the disk
    before, durably. start: what of it a reader sees; nothing unless it is given. lanes: what
    several do at once after the operations, in turns that follow from the seed. after: what is
    done in order when all of them are done.
    """

    name: str
    about: str
    promises: tuple[Promise, ...]
    operations: tuple[Operation, ...]
    base: Image = EMPTY
    start: Observation = field(default_factory=dict)
    lanes: tuple[Lane, ...] = ()
    after: tuple[Operation, ...] = ()
    seed: int = 0

    @property
    def every_operation(self) -> tuple[Operation, ...]:
        """Those of the lanes too, lane after lane."""
        lanes = (one for lane in self.lanes for one in lane.operations)
        return (*self.operations, *lanes, *self.after)


@dataclass(frozen=True, slots=True)
class Subject:
    """A program under test.

    open: opens it on a directory, which exists. model: what it promises. weakened: promises that it
    does not make although the model has them, by name; printed with every verdict. source: the
    packages and modules that it is made of, for faults to be sown into. not_undone: whether an
    error says that the operation failed and its change is still to be seen.
    """

    about: str
    model: Model[Any]
    open: Callable[[str], Driver]
    scenarios: tuple[Scenario, ...]
    weakened: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    name: str = ""
    """package.module:object, as it was loaded."""
    alphabet: Alphabet | None = None
    """Its operations and their arguments, for workloads that nobody wrote down."""
    not_undone: Callable[[BaseException], bool] = lambda error: False
    file_objects: bool = False
    """It may write through what `open()` gives: no error of a write names the file then, and
    pyfakefs fills it otherwise than Linux does."""
    check: Callable[[str], None] | None = None
    """Opens it on an empty directory and raises WrongUse if it cannot be used as it is; None for
    one of which that is not asked."""
    program: "Program | None" = None
    """The driver that is run and recorded under strace; None for what runs in this process."""

    def scenario(self, name: str) -> Scenario:
        """The scenario of that name. Raises WrongUse when there is none."""
        for scenario in self.scenarios:
            if scenario.name == name:
                return scenario
        known = ", ".join(scenario.name for scenario in self.scenarios)
        raise WrongUse(f"{self.name} has no scenario {name!r}; it has {known}")


def module_of(name: str) -> str:
    """The module that a subject's name is in. The folder of one that is a file is searched too."""
    module_name = name.partition(":")[0]
    if not module_name.endswith(".py"):
        return module_name
    folder, file = os.path.split(os.path.abspath(module_name))
    if folder not in sys.path:
        sys.path.append(folder)
    return file.removesuffix(".py")


def check_in_process(subject: Subject, what: str) -> None:
    """Raise WrongUse for a subject that is a program, with which `what` cannot be done."""
    if subject.program is not None:
        raise WrongUse(
            f"{subject.name or subject.about} is a program of its own: {what} works on what runs "
            "in the harness's process; tornwrite gate and tornwrite explore judge programs"
        )


def load_subject(name: str) -> Subject:
    """The subject named `package.module:object`; modules of the current directory are found too.

    `path/to/file.py:object` names it as well.

    Raises WrongUse, saying what is wrong, when it cannot be had.
    """
    module_name, colon, attribute = name.partition(":")
    if not colon or not module_name or not attribute:
        raise WrongUse(
            f"a subject is named package.module:object, which {name!r} is not; "
            "for example tornwrite.scenarios.stores:reference, or my_subject.py:notes"
        )
    module_name = module_of(name)
    here = os.getcwd()
    if here not in sys.path:
        sys.path.append(here)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        missing = error.name or module_name
        if module_name == missing or module_name.startswith(missing + "."):
            raise WrongUse(
                f"cannot import {module_name}: there is no module {missing}; is it installed, or "
                "in the current directory?"
            ) from error
        raise WrongUse(
            f"cannot import {module_name}: it needs the module {missing}, which is not installed"
        ) from error
    except (Exception, SystemExit) as error:
        raise WrongUse(f"cannot import {module_name}: {type(error).__name__}: {error}") from error
    found: Any = module
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise WrongUse(f"{module_name} has no {attribute}")
        found = getattr(found, part)
    if not isinstance(found, Subject):
        raise WrongUse(
            f"{name} is not a subject but a {type(found).__name__}; it has to be a "
            "tornwrite.scenarios.subject.Subject"
        )
    return replace(found, name=name)
