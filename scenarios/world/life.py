"""One life of a subject: from an image, in a directory of its own, to a crash."""

import contextlib
import os
import shutil
from collections.abc import Sequence
from typing import Any

from tornwrite.faults.images import EMPTY, Image, materialise
from tornwrite.faults.recorder import Recorder
from tornwrite.faults.trace import Event
from tornwrite.model.judge import Seen
from tornwrite.model.operation import Operation
from tornwrite.scenarios.continuation import numbers_after, renumbered
from tornwrite.scenarios.recording import OPEN, REOPEN, HarnessBroken, look
from tornwrite.scenarios.subject import Driver, Subject


class Life:
    """A subject that works on real files and is recorded; nothing is open yet.

    root: a new directory, which no dead process can reach. image: what is there at the start.
    before: the events of the lives before this one, whose numbers go on here.
    """

    def __init__(self, subject: Subject, root: str, image: Image, before: Sequence[Event]) -> None:
        os.mkdir(root)
        materialise(image, root)
        self.root = root
        self.recorder = Recorder(root, base=EMPTY)
        self._subject = subject
        self._driver: Driver | None = None
        self._running = contextlib.ExitStack()
        self._running.enter_context(self.recorder)
        self._absorbed = 0
        self._before = numbers_after(before)

    def call(self, operation: Operation) -> Any:
        """Do the operation; opening it anew is one. What the subject raises comes as it is."""
        if operation.name in (OPEN.name, REOPEN):
            if self._driver is not None:
                driver, self._driver = self._driver, None
                driver.close()
            self._driver = self._subject.open(self.root)
            return None
        if self._driver is None:
            raise HarnessBroken(f"{operation} has nothing to work on: call open() first")
        return self._driver.apply(operation)

    def look(self, names: tuple[str, ...]) -> Seen | None:
        """What the subject shows; None when it is not open."""
        return None if self._driver is None else look(self._driver, names, self.root)

    def absorb(self) -> list[Event]:
        """What was recorded since the last time, in the numbers of the whole trace."""
        events = self.recorder.events
        new = [renumbered(event, self._before) for event in events[self._absorbed :]]
        self._absorbed = len(events)
        return new

    def end(self) -> None:
        """The process is gone: what its objects still do is neither recorded nor of this world."""
        driver, self._driver = self._driver, None
        self._running.close()
        if driver is not None:
            with contextlib.suppress(Exception):
                driver.close()
        shutil.rmtree(self.root, ignore_errors=True)
