"""From a damaged image to what a store does on it: opened, looked at, asked, used, opened again."""

import contextlib
import gc
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

from tornwrite.faults.damage import Damage, Unreadable, apply
from tornwrite.faults.damage_choices import Links
from tornwrite.faults.images import EMPTY, Image, read_image
from tornwrite.faults.read_errors import BadFiles
from tornwrite.faults.recorder import Recorder
from tornwrite.model.damage import Damageable, DamagedProbe, DamagedRun, Held, Refused
from tornwrite.model.operation import Observation, Operation
from tornwrite.scenarios.recording import lay_down, look, said
from tornwrite.scenarios.subject import Driver, Subject

LINKS = Links(outside="../outside/target", dangling="../outside/missing")
"""Where links out of the store's directory lead on the bench."""

_OUTSIDE: Image = (
    ("outside", None),
    ("outside/target", b'{"role":"user","content":"not of this store"}\n'),
    ("store", None),
)
_UNCLEAR = (
    AttributeError, TypeError, NameError, AssertionError, RecursionError, LookupError, ValueError,
    ArithmeticError, StopIteration,
)  # fmt: skip


@runtime_checkable
class Reports(Protocol):
    """A driver may have this too: without it, only errors and what is logged is heard."""

    def reported(self, names: Sequence[str]) -> Observation:
        """What the store says is wrong: `{"sessions": {NAME: [TEXT]}, "store": [TEXT]}`."""
        ...


@dataclass(frozen=True, slots=True)
class OnDisk:
    """What became of the files, at a moment when nothing had been removed on purpose.

    image: below the store's directory. shown: what the sessions held then.
    """

    image: Image
    observed: Observation | None


@dataclass(frozen=True, slots=True)
class Recovered:
    """A damaged run and the disk after it. outside: whether something beside the store changed."""

    run: DamagedRun
    disk: tuple[OnDisk, ...]
    outside: tuple[str, ...]


class DamageBench:
    """A directory in which one damaged image after another is put before a subject.

    root: an existing directory of its own, emptied again and again.
    """

    def __init__(self, subject: Subject, root: str) -> None:
        self._subject = subject
        self._root = root
        self._store = os.path.join(root, "store")

    def recover(
        self,
        image: Image,
        damage: Damage | None,
        names: tuple[str, ...],
        sound: Observation | None = None,
    ) -> Recovered:
        """Open the subject on the image with that damage, look, probe, reopen.

        names: what the workload was about. sound: what the subject shows without the damage, to
        tell what the probes remove. Raises NoSpace when the image does not fit.
        """
        damaged = image if damage is None else apply(image, damage)
        open_before = set(os.listdir("/proc/self/fd"))
        lay_down((*_OUTSIDE, *((f"store/{path}", node) for path, node in damaged)), self._root)
        with contextlib.ExitStack() as stack:
            if isinstance(damage, Unreadable):
                bad = stack.enter_context(BadFiles(self._store, [damage.path], damage.fails))
                recorder = Recorder(self._store, base=EMPTY, with_sites=False, read_errors=bad)
                stack.enter_context(recorder)
            run, disk = self._run(names, sound)
        run = replace(run, left=self._left_open(open_before))
        left = read_image(os.path.join(self._root, "outside"))
        expected = tuple(
            (path.removeprefix("outside/"), node)
            for path, node in _OUTSIDE
            if path.startswith("outside/")
        )
        changed = sorted({path for path, _ in {*left} ^ {*expected}})
        return Recovered(run, tuple(disk), tuple(changed))

    def _run(
        self, names: tuple[str, ...], sound: Observation | None
    ) -> tuple[DamagedRun, list[OnDisk]]:
        with _heard() as texts:
            try:
                driver = self._subject.open(self._store)
            except Exception as error:
                return DamagedRun(None, f"opening fails: {said(error, self._store)}"), []
            try:
                first = look(driver, names, self._store)
                if first.observed is None:
                    return DamagedRun(None, first.error), []
                told = self._asked(driver, names)
                run = DamagedRun(
                    first.observed,
                    told=told["sessions"],
                    said=tuple(self._plain(text) for text in (*told["store"], *texts)),
                )
                # What is not listed any more later on is looked at all the same.
                names = tuple(dict.fromkeys([*names, *self._contents(first.observed)]))
                probes, disk = self._probe(driver, first.observed, names, sound or first.observed)
            finally:
                with contextlib.suppress(Exception):
                    driver.close()
            if not probes or probes[-1].observed is not None:
                probes.append(self._reopened(names))
        return replace(run, probes=tuple(probes)), disk

    def _contents(self, observed: Observation) -> Mapping[str, Held]:
        model = self._subject.model
        assert isinstance(model, Damageable)
        return model.contents(observed)

    def _left_open(self, before: set[str]) -> tuple[str, ...]:
        """The files of the store that it has not closed, which is done here."""
        left: list[str] = []
        below = os.path.realpath(self._store) + os.sep
        new = set(os.listdir("/proc/self/fd")) - before
        if len(new) > 1:  # the first is the look at them
            gc.collect()
        for number in new:
            with contextlib.suppress(OSError):
                path = os.readlink(f"/proc/self/fd/{number}")
                if path.startswith(below):
                    os.close(int(number))
                    left.append(path.removeprefix(below))
        return tuple(sorted(left))

    def _plain(self, text: str) -> str:
        return text.replace(os.path.realpath(self._store) + os.sep, "")

    def _asked(self, driver: Driver, names: tuple[str, ...]) -> Observation:
        told: Observation = {"sessions": {}, "store": []}
        if isinstance(driver, Reports):
            try:
                told = driver.reported(names)
            except Exception as error:
                told["store"] = [said(error, self._store)]
        return told

    def _probe(
        self, driver: Driver, first: Observation, names: tuple[str, ...], sound: Observation
    ) -> tuple[list[DamagedProbe], list[OnDisk]]:
        model = self._subject.model
        state, whole_state = model.state_of(first), model.state_of(sound)
        probes: list[DamagedProbe] = []
        disk = [OnDisk(read_image(self._store), first)]
        whole = True
        for group in model.probes(state, names):
            done: list[Operation] = []
            refused: list[Refused] = []
            for operation in group:
                try:
                    driver.apply(operation)
                except Exception as error:
                    refused.append(
                        Refused(operation, said(error, self._store), not _is_unclear(error))
                    )
                    continue
                done.append(operation)
                state = model.step(state, operation)
                after = model.step(whole_state, operation)
                whole = whole and not self._removes(whole_state, after)
                whole_state = after
            seen = look(driver, names, self._store)
            probes.append(DamagedProbe(tuple(done), tuple(refused), seen.observed, seen.error))
            if seen.observed is None:
                break
            if whole:
                disk.append(OnDisk(read_image(self._store), seen.observed))
        return probes, disk

    def _removes(self, before: Any, after: Any) -> bool:
        """Whether there is a message in one state that is not in the other."""
        view = self._subject.model.view
        left = self._contents(view(after))
        return any(
            not set(held.messages) <= set(left.get(name, Held()).messages)
            for name, held in self._contents(view(before)).items()
        )

    def _reopened(self, names: tuple[str, ...]) -> DamagedProbe:
        driver: Driver | None = None
        try:
            driver = self._subject.open(self._store)
            return DamagedProbe((), (), driver.observe(names))
        except Exception as error:
            return DamagedProbe((), (), None, f"reopening fails: {said(error, self._store)}")
        finally:
            if driver is not None:
                with contextlib.suppress(Exception):
                    driver.close()


def _is_unclear(error: Exception) -> bool:
    """Whether Python says that the code met what it was not written for: no word to a user.

    An error of the store's own kind is a word, whatever it is derived from.
    """
    own = type(error).__module__.partition(".")[0] not in ("builtins", "json", "orjson")
    return isinstance(error, _UNCLEAR) and not own


@contextlib.contextmanager
def _heard() -> Iterator[list[str]]:
    """What is logged meanwhile, as warnings or worse."""
    heard: list[str] = []
    handler = _Hearing(heard.append)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield heard
    finally:
        root.removeHandler(handler)


class _Hearing(logging.Handler):
    def __init__(self, hear: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._hear = hear

    def emit(self, record: logging.LogRecord) -> None:
        self._hear(record.getMessage())
