"""From a scenario to a trace: the workload is run once, for real, and recorded."""

import errno
import os
import shutil
from dataclasses import dataclass
from typing import Any

from tornwrite.faults.images import Image, clear, difference, materialise, read_image
from tornwrite.faults.interpreter import Interpreter, TraceImpossible
from tornwrite.faults.recorder import Recorder, RecorderBlind, UnknownStep
from tornwrite.faults.scratch import NoSpace
from tornwrite.faults.trace import Trace
from tornwrite.model.judge import Seen
from tornwrite.model.operation import Operation
from tornwrite.scenarios.subject import Driver, Scenario, Subject

OPEN = Operation("open")
REOPEN = "reopen"


class HarnessBroken(Exception):
    """The harness itself failed: no verdict can be given. The message says which part and how."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recorded scenario, and what its subject showed at the end, with nothing gone wrong."""

    trace: Trace
    seen: Seen


def operations_of(scenario: Scenario) -> tuple[Operation, ...]:
    """All operations as they are numbered in the trace: opening comes first."""
    return (OPEN, *scenario.operations)


def drive(subject: Subject, scenario: Scenario, root: str, recorder: Recorder) -> Seen:
    """Run the workload on `root`, telling the recorder when each operation begins and ends."""
    driver: Driver | None = None
    for operation in operations_of(scenario):
        number = recorder.began(operation.name, operation.arguments)
        try:
            result: Any = None
            if operation is OPEN:
                driver = subject.open(root)
            elif driver is None:
                raise HarnessBroken("there is nothing to work on: opening failed")
            elif operation.name == REOPEN:
                driver.close()
                driver = None
                driver = subject.open(root)
            else:
                result = driver.apply(operation)
        except (HarnessBroken, UnknownStep, RecorderBlind):
            raise
        except Exception as error:
            recorder.failed(number, said(error, root))
            if driver is None:
                return Seen(None, f"{operation} failed: {said(error, root)}")
        else:
            recorder.acknowledged(number, result)
    assert driver is not None
    try:
        return look(driver, subject.model.names(scenario.operations), root)
    finally:
        driver.close()


def record(subject: Subject, scenario: Scenario, root: str) -> Recorded:
    """Run the scenario once on `root`, a directory that is emptied first.

    Raises HarnessBroken when the recording does not explain what is on the disk afterwards.
    """
    lay_down(scenario.base, root)
    with Recorder(root, base=scenario.base) as recorder:
        seen = drive(subject, scenario, root, recorder)
    trace = recorder.trace()
    check_whole(trace, root)
    return Recorded(trace, seen)


def lay_down(image: Image, root: str) -> None:
    """Make `root`, an existing directory of the harness's own, hold the image and nothing else.

    Raises NoSpace when it does not fit.
    """
    clear(root)
    try:
        materialise(image, root)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        place = os.path.dirname(os.path.dirname(root))
        raise NoSpace(
            f"cannot write an image below {place}: {error.strerror} "
            f"({shutil.disk_usage(root).free:,} B free); make room there, or set TORNWRITE_SCRATCH "
            "to a directory with more"
        ) from error


def check_whole(trace: Trace, root: str) -> None:
    """Raise HarnessBroken unless the trace's steps lead to exactly what is below `root`."""
    interpreter = Interpreter(trace.base)
    try:
        for index, step in enumerate(trace.steps):
            interpreter.apply(index, step)
    except TraceImpossible as error:
        raise HarnessBroken(f"the recording is not whole: {error}") from error
    differences = difference(interpreter.image(), read_image(root))
    if differences:
        raise HarnessBroken(
            "files changed behind the recorder's back (by a C extension or another process?): "
            + "; ".join(differences)
        )


def look(driver: Driver, names: tuple[str, ...], root: str) -> Seen:
    """One look at an open subject."""
    try:
        return Seen(driver.observe(names))
    except Exception as error:
        return Seen(None, said(error, root))


def said(error: BaseException, root: str) -> str:
    """An error as its caller would read it, without the directory the harness happened to use.

    Raises NoSpace when the error is only that the harness has no room to work in: no subject can
    keep its promises there, and none is to be blamed.
    """
    check_space(root, error)
    text = f"{type(error).__name__}: {error}"
    return text.replace(os.path.realpath(root) + os.sep, "").replace(root + os.sep, "")


def check_space(root: str, error: BaseException | None = None) -> None:
    """Raise NoSpace when the harness's own place is full, or the error says that it was.

    root: a directory in that place.
    """
    free = shutil.disk_usage(root).free
    full = free < _LEAST_FREE_BYTES
    while error is not None and not full:
        full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
        error = error.__cause__ or error.__context__
    if full:
        raise NoSpace(
            f"there is no room left to work in at {os.path.dirname(os.path.dirname(root))} "
            f"({free:,} B free); make room there, or set TORNWRITE_SCRATCH to a directory with more"
        )


_LEAST_FREE_BYTES = 256 * 1024
