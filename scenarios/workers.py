"""Work in processes of their own: so many at a time, none left running whatever happens."""

import fcntl
import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext, ForkServerProcess
from typing import Any, Generic, TypeAlias, TypeVar, cast

from tornwrite.faults.recorder import RecorderBlind, UnknownStep
from tornwrite.faults.scratch import NoSpace, collect_garbage
from tornwrite.scenarios.recording import HarnessBroken, NotMeasured
from tornwrite.scenarios.subject import WrongUse

T = TypeVar("T")
R = TypeVar("R")

Progress: TypeAlias = Callable[[str, int], None]
"""Called by the work with what it is at and how far it is there."""

TOLD = (WrongUse, NoSpace, HarnessBroken, NotMeasured, RecorderBlind, UnknownStep)
"""Exceptions of the work that reach the caller as they are."""


@dataclass(frozen=True, slots=True)
class Task(Generic[T]):
    """One piece of work: its name, what it is given, and about how long it takes beside others."""

    name: str
    given: T
    weight: int


class WorkerFailed(Exception):
    """A process ended without a result, or its work raised what nobody expected."""


def each(
    work: Callable[[T, Progress], R],
    tasks: Sequence[Task[T]],
    jobs: int,
    *,
    preload: Sequence[str] = (),
    report: Callable[[str, str, int], None] = lambda task, at, done: None,
) -> Iterator[R]:
    """Do each task in a process of its own and give its result as it comes.

    work: a function of a module; it and what it is given are pickled. jobs: processes at a time.
    preload: modules that all of it needs. report: told how far each task is.

    Processes start from one server without threads, so the work may fork. Raises what `TOLD` lists
    as the work raised it, WorkerFailed otherwise. However it is left, no process of it goes on.
    """
    collect_garbage()
    # Long ones first, so that no processor is idle at the end.
    waiting = sorted(tasks, key=lambda task: task.weight)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([work.__module__, *preload])
    _start_server()
    with _workers() as running:
        while waiting or running:
            while waiting and len(running) < max(jobs, 1):
                task = waiting.pop()
                connection, process = _start(context, work, task.given)
                running[connection] = _Worker(process, task.name)
            for ready in cast("list[Connection[Any, Any]]", wait(list(running))):
                worker = running[ready]
                kind, content = _receive(ready, worker)
                if kind == "progress":
                    report(worker.task, *content)
                    continue
                worker.process.join()
                del running[ready]
                ready.close()
                yield content


def _start_server() -> None:
    # Started as `python -c`, the server would look for modules in the current directory first, and
    # a checkout of this very project holds a folder of the package's name that is not all of it.
    before = os.environ.get(_SAFE_PATH)
    os.environ[_SAFE_PATH] = "1"
    try:
        with _deaf_to_interruption():
            forkserver.ensure_running()
    finally:
        if before is None:
            del os.environ[_SAFE_PATH]
        else:
            os.environ[_SAFE_PATH] = before


_SAFE_PATH = "PYTHONSAFEPATH"


@contextmanager
def _deaf_to_interruption() -> Iterator[None]:
    """A process started meanwhile ignores Ctrl-C for as long as it lives.

    It reaches the whole process group, and the server would show where it was importing a module.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL if before is None else before)


def default_jobs() -> int:
    """As many as there are processors for this process."""
    return len(os.sched_getaffinity(0))


@dataclass(slots=True)
class _Worker:
    process: ForkServerProcess
    task: str


def _start(
    context: ForkServerContext, work: Callable[[T, Progress], R], given: T
) -> tuple["Connection[Any, Any]", ForkServerProcess]:
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(there, work, given), daemon=True)
    process.start()
    there.close()
    return here, process


def _receive(connection: "Connection[Any, Any]", worker: _Worker) -> tuple[str, Any]:
    try:
        kind, content = connection.recv()
    except EOFError:
        worker.process.join()
        raise WorkerFailed(
            f"the process that ran {worker.task} ended without a result (exit code "
            f"{worker.process.exitcode}); was it killed, for want of memory perhaps?"
        ) from None
    if kind == "told":
        raise content
    if kind == "failed":
        raise WorkerFailed(f"{worker.task}: {content}")
    return kind, content


def _work(connection: "Connection[Any, Any]", work: Callable[[T, Progress], R], given: T) -> None:
    # Ctrl-C reaches the whole process group; only the parent acts on it, and ends us then.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end_with_program()
    sent = 0.0

    def progress(at: str, done: int) -> None:
        nonlocal sent
        now = time.monotonic()
        if now - sent > 0.1:
            sent = now
            connection.send(("progress", (at, done)))

    try:
        connection.send(("result", work(given, progress)))
    except TOLD as error:
        connection.send(("told", error))
    except BrokenPipeError:
        pass  # the parent is gone, and nobody wants to know any more
    except Exception:
        connection.send(("failed", traceback.format_exc()))


def _end_with_program() -> None:
    """Have the kernel send SIGTERM when the program that wants the work ends, however it ends.

    We may be busy for long before we would notice that nobody listens. Our parent is the server,
    which lives as long as we do; the program holds the other end of a pipe.
    """
    program = multiprocessing.parent_process()
    assert program is not None
    pipe = program.sentinel
    fcntl.fcntl(pipe, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(pipe, fcntl.F_SETSIG, signal.SIGTERM)
    fcntl.fcntl(pipe, fcntl.F_SETFL, fcntl.fcntl(pipe, fcntl.F_GETFL) | os.O_ASYNC)
    if wait([pipe], 0):
        os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def _workers() -> "Iterator[dict[Connection[Any, Any], _Worker]]":
    """The running workers; those still running when the block is left are ended."""
    running: dict[Connection[Any, Any], _Worker] = {}
    try:
        yield running
    finally:
        for worker in running.values():
            # SIGTERM lets a worker remove its directory.
            worker.process.terminate()
        for connection, worker in running.items():
            worker.process.join(5)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            connection.close()
        if running:
            collect_garbage()
