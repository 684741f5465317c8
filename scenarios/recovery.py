"""From an image to a recovery: the subject is opened on it, looked at, used, looked at again."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

from tornwrite.faults.images import Image
from tornwrite.faults.scratch import Workspace
from tornwrite.model.judge import Probed, Recovery, Seen
from tornwrite.scenarios.recording import lay_down, look, said
from tornwrite.scenarios.subject import Driver, Subject


@contextmanager
def workplace() -> Iterator[tuple[str, str]]:
    """Two empty directories: one to run a scenario in, one for a bench. Raises NoSpace."""
    # What a store logs about each of thousands of broken images is no news to anybody here.
    logging.getLogger().addHandler(logging.NullHandler())
    with Workspace() as workspace:
        live, bench = (os.path.join(workspace.path, name) for name in ("live", "bench"))
        os.mkdir(live)
        os.mkdir(bench)
        yield live, bench


class Bench:
    """A directory in which one image after another is put before a subject.

    root: an existing directory of its own, emptied again and again.
    """

    def __init__(self, subject: Subject, root: str) -> None:
        self._subject = subject
        self._root = root

    def recover(self, image: Image, names: tuple[str, ...]) -> Recovery:
        """Open the subject on the image, probe it, close it, open it again.

        names: what the workload was about. Raises NoSpace when the image does not fit.
        """
        lay_down(image, self._root)
        return self.recover_in_place(names)

    def recover_in_place(self, names: tuple[str, ...]) -> Recovery:
        """The same on what is in the directory now."""
        try:
            driver = self._subject.open(self._root)
        except Exception as error:
            return Recovery(Seen(None, f"opening fails: {said(error, self._root)}"))
        try:
            first = look(driver, names, self._root)
            if first.observed is None:
                return Recovery(first)
            model = self._subject.model
            probed: list[Probed] = []
            for group in model.probes(model.state_of(first.observed), names):
                done = 0
                try:
                    for operation in group:
                        done += 1
                        driver.apply(operation)
                except Exception as error:
                    failed = group[:done]
                    seen = Seen(None, f"{failed[-1]} fails: {said(error, self._root)}")
                    return Recovery(first, (*probed, Probed(failed, seen)))
                probed.append(Probed(group, look(driver, names, self._root)))
        finally:
            driver.close()
        return Recovery(first, (*probed, Probed((), self._look_again(names))))

    def _look_again(self, names: tuple[str, ...]) -> Seen:
        driver: Driver | None = None
        try:
            driver = self._subject.open(self._root)
            return Seen({**driver.observe(names), **driver.settled(names)})
        except Exception as error:
            return Seen(None, f"reopening fails: {said(error, self._root)}")
        finally:
            if driver is not None:
                driver.close()
