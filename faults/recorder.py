"""The recorder: what a program of this process does to the files below a directory, step by step.

    with Recorder(root) as recorder:
        number = recorder.began("add_message", {"key": "a", "text": "hello"})
        store.add_message("a", "hello")
        recorder.acknowledged(number)
    trace = recorder.trace()

Real calls on real files; nothing about the program changes but their time. What is recorded is in
`tornwrite.faults.steps`. Not modelled, so not recorded: permissions, owners, times, extended
attributes. Steps of other processes are not seen (a forked child is told so).
"""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any

from tornwrite.faults.images import Image, read_image
from tornwrite.faults.injection import Injector
from tornwrite.faults.interleaving import Interleaving
from tornwrite.faults.interpose import Interposition
from tornwrite.faults.read_errors import BadFiles
from tornwrite.faults.recording import Recording, current
from tornwrite.faults.recording_errors import RecorderActive, RecorderBlind, UnknownStep
from tornwrite.faults.trace import Acknowledged, Began, Event, Failed, Restarted, Trace
from tornwrite.faults.turn_locks import StepLock

__all__ = ["Recorder", "RecorderActive", "RecorderBlind", "UnknownStep"]


class Recorder:
    """Records what happens below `root` between `__enter__` and `__exit__`. Usable once.

    root: an existing directory; its real path counts.
    base: what is in it at the start, for a caller who knows. None reads it.
    injector: asked before each step (`tornwrite.faults.injection`).
    on_event: called with each event as it is recorded, for somebody who must know it even if this
        process dies next. It holds up all other steps, and must not touch files below the root.
    with_sites: note the source lines of each step, for people.
    read_errors: files that cannot be read while the recorder is at work.

    Raises OSError if `root` is no directory that can be opened.
    `__enter__` raises RecorderActive if another recorder is at work in this process, RecorderBlind
    if it could not see everything, ValueError for a node in `root` that is no file, directory or
    link, OSError if `root` cannot be read. `__exit__` raises RecorderBlind if something was missed;
    an exception already on its way gets a note instead.

    Threads of the process may work at once: each call and its record are one under a lock, and a
    step belongs to the operation that its thread began last.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        base: Image | None = None,
        injector: Injector | None = None,
        on_event: Callable[[Event], None] | None = None,
        with_sites: bool = True,
        read_errors: BadFiles | None = None,
    ) -> None:
        self._recording = Recording(
            os.fspath(root), injector, on_event, with_sites=with_sites, read_errors=read_errors
        )
        self._base = base
        self._interposition: Interposition | None = None
        self._operations = 0

    @staticmethod
    def active() -> bool:
        """Whether a recorder is at work in this process."""
        return current.recording is not None

    @property
    def events(self) -> list[Event]:
        """All that happened so far, in order."""
        return self._recording.events

    def __enter__(self) -> "Recorder":
        if self._interposition is not None:
            raise RecorderActive("this recorder has been used; make a new one for another run")
        UnknownStep.raised.clear()
        current.thread.operation = None
        if self._base is None:
            self._base = read_image(self._recording.places.root)
        self._interposition = Interposition(self._recording)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            with self._recording.boundary_lock:
                self._recording.stored()
        finally:
            if self._interposition is not None:
                self._interposition.remove()
            self._recording.stop_looking()
        missed = self._missed()
        if missed is None:
            return
        if error is None:
            raise missed
        error.add_note(f"and the recording is not to be trusted: {missed}")

    @contextlib.contextmanager
    def in_turns(self, turns: Interleaving) -> Iterator[None]:
        """Let threads come to their steps in these turns. Enter it while only one thread is."""
        recording = self._recording
        before = recording.lock
        recording.lock = in_turns = StepLock(turns)
        recording.boundary_lock = in_turns.lock
        nothing, recording.before_reading = recording.before_reading, in_turns.step
        try:
            yield
        finally:
            recording.lock = recording.boundary_lock = before
            recording.before_reading = nothing

    def began(self, name: str, arguments: Mapping[str, Any]) -> int:
        """An operation is about to be called. Returns its number, counting from 0."""
        with self._recording.boundary_lock:
            self._recording.stored()
            number = self._operations
            self._operations += 1
            self._recording.note(Began(number, name, dict(arguments)))
            current.thread.operation = number
            return number

    def acknowledged(self, number: int, result: Any = None) -> None:
        """The operation returned without error. ValueError if none began with this number."""
        with self._recording.boundary_lock:
            self._recording.stored()
            self._check(number)
            self._recording.note(Acknowledged(number, result))
            current.thread.operation = None

    def failed(self, number: int, error: str) -> None:
        """The operation raised; `error` is what it told. ValueError as for `acknowledged`."""
        with self._recording.boundary_lock:
            self._recording.stored()
            self._check(number)
            self._recording.note(Failed(number, error))
            current.thread.operation = None

    def restarted(self) -> None:
        """The subject was ended here and a new one goes on."""
        with self._recording.boundary_lock:
            self._recording.stored()
            self._recording.note(Restarted())

    def trace(self) -> Trace:
        """The events so far, on the content at the start.

        Raises RecorderBlind if something was missed, RuntimeError if the recorder never started.
        """
        if self._base is None or self._interposition is None:
            raise RuntimeError("the recorder was never started: use it in a `with` statement")
        missed = self._missed()
        if missed is not None:
            raise missed
        with self._recording.lock:
            self._recording.stored()
            return Trace(self._base, tuple(self._recording.events))

    def _check(self, number: int) -> None:
        if not 0 <= number < self._operations:
            raise ValueError(f"no operation {number} began; {self._operations} did so far")

    def _missed(self) -> RecorderBlind | None:
        caught = (f"{said} (the program went on)" for said in UnknownStep.raised)
        missed = [*self._recording.blind, *caught]
        if (child := self._recording.refused_child) and child not in UnknownStep.raised:
            missed.append(child)
        return RecorderBlind("; ".join(missed)) if missed else None
