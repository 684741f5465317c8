"""From an image to a recovery: the subject is opened on it, looked at, used, looked at again."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

from tornwrite.faults.images import Image
from tornwrite.faults.scratch import Workspace
from tornwrite.model.judge import Probed, Recovery, Seen
from tornwrite.scenarios.programs.driver import Opener
from tornwrite.scenarios.programs.protocol import Misbehaved, OperationFailed
from tornwrite.scenarios.programs.running import ending_programs
from tornwrite.scenarios.recording import HarnessBroken, lay_down, look, said
from tornwrite.scenarios.subject import Driver, Subject


@contextmanager
def workplace() -> Iterator[str]:
    """An empty directory, to run a scenario in and to recover in. Raises NoSpace.

    Both happen in one: what a store keeps of its own path (an absolute link, a name in a file)
    leads into the image then, and not to what the run left.
    """
    # What a store logs about each of thousands of broken images is no news to anybody here.
    logging.getLogger().addHandler(logging.NullHandler())
    with Workspace() as workspace, ending_programs():
        root = os.path.join(workspace.path, "live")
        os.mkdir(root)
        yield root


class Bench:
    """A directory in which one image after another is put before a subject.

    root: an existing directory of its own, emptied again and again.
    """

    def __init__(self, subject: Subject, root: str) -> None:
        self._subject = subject
        self._root = root
        self._count = 0

    def recover(self, image: Image, names: tuple[str, ...]) -> Recovery:
        """Open the subject on the image, probe it, close it, open it again.

        names: what the workload was about. Raises NoSpace when the image does not fit.
        """
        lay_down(image, self._root)
        recovery = self.recover_in_place(names)
        opener = self._subject.open
        if not isinstance(opener, Opener):
            return recovery
        self._count += 1
        if opener.was_spoilt():
            # The image may not have been the cause: a new process says.
            return self.recover_anew(image, names)
        if self.may_mislead and self._count & (self._count - 1) == 0:
            self._check_kept(recovery, self.recover_anew(image, names))
        return recovery

    @property
    def may_mislead(self) -> bool:
        """Whether what was recovered last was so by a process that had opened other images."""
        return isinstance(self._subject.open, Opener) and self._subject.open.was_warm

    def recover_anew(self, image: Image, names: tuple[str, ...]) -> Recovery:
        """As `recover`, by a process that has opened nothing before."""
        if isinstance(self._subject.open, Opener):
            self._subject.open.cool()
        lay_down(image, self._root)
        return self.recover_in_place(names)

    def _check_kept(self, kept: Recovery, anew: Recovery) -> None:
        """Raise HarnessBroken when a process that is kept shows something else than a new one."""
        model = self._subject.model
        shown, wanted = (
            None if one.first.observed is None else model.normalised(one.first.observed)
            for one in (kept, anew)
        )
        if shown != wanted:
            raise HarnessBroken(
                "the driver says that it can open another directory, and shows something else then "
                f"than when it is started anew: {shown!r:.200} and not {wanted!r:.200}; it keeps "
                'something of the directory before: correct that, or do not answer "reopens"'
            )

    def recover_in_place(self, names: tuple[str, ...]) -> Recovery:
        """The same on what is in the directory now."""
        try:
            driver = self._subject.open(self._root)
        except Exception as error:
            return Recovery(Seen(None, f"opening fails: {said(error, self._root)}"))
        closing = ""
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
            closing = _closing_error(driver, self._root)
        if closing:
            return Recovery(first, (*probed, Probed((), Seen(None, closing))))
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
                _closing_error(driver, self._root)


def _closing_error(driver: Driver, root: str) -> str:
    """Close it; why that failed, empty if it did not."""
    try:
        driver.close()
    except HarnessBroken:
        raise
    except (Misbehaved, OperationFailed) as error:
        return f"closing fails: {error}"
    except Exception as error:
        return f"closing fails: {said(error, root)}"
    return ""
