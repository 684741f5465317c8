"""The gate: every scenario of a subject under every profile, in processes of their own."""

import multiprocessing
import os
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext, ForkServerProcess
from typing import Any, cast

from tornwrite.faults.scratch import NoSpace, collect_garbage
from tornwrite.model.operation import canonical
from tornwrite.model.results import GateResult, worst
from tornwrite.model.verdict import Verdict
from tornwrite.scenarios.findings import merged
from tornwrite.scenarios.run import Outcome, Settings, run_scenario
from tornwrite.scenarios.subject import Scenario, Subject, WrongUse, load_subject

Report = Callable[[str, str, int], None]
"""Called with a scenario, a profile and how many images were judged there so far."""


def run_gate(
    subject_name: str,
    scenario_names: Sequence[str],
    settings: Settings,
    jobs: int,
    *,
    report: Report = lambda scenario, profile, judged: None,
    finished: Callable[[Outcome], None] = lambda outcome: None,
) -> GateResult:
    """Run the scenarios, `jobs` at a time, and say what came of them.

    scenario_names: all of the subject's when empty.
    Raises WrongUse for a subject or scenario that there is not, NoSpace when images have no room.
    When it is left by an exception, KeyboardInterrupt included, no process of it goes on.
    """
    started = time.perf_counter()
    subject = load_subject(subject_name)
    wanted = [subject.scenario(name) for name in scenario_names] or list(subject.scenarios)
    if not wanted:
        raise WrongUse(f"{subject_name} has no scenarios; there is nothing to judge")
    collect_garbage()
    outcomes = {
        outcome.scenario: outcome
        for outcome in _outcomes(subject_name, subject, wanted, settings, jobs, report, finished)
    }
    ordered = [outcomes[scenario.name] for scenario in wanted]
    rows = tuple(row for outcome in ordered for row in outcome.rows)
    notes = tuple(note for outcome in ordered for note in outcome.notes)
    verdicts = [row.verdict for row in rows]
    if notes and Verdict.VIOLATED not in verdicts:
        verdicts.append(Verdict.HARNESS_BROKEN)
    return GateResult(
        subject=subject_name,
        weakened=subject.weakened,
        seed=settings.seed,
        budget=settings.budget,
        verdict=worst(verdicts),
        rows=rows,
        findings=tuple(merged(found for outcome in ordered for found in outcome.findings)),
        notes=notes,
        seconds=time.perf_counter() - started,
    )


@dataclass(slots=True)
class _Worker:
    process: ForkServerProcess
    scenario: Scenario


def _outcomes(
    subject_name: str,
    subject: Subject,
    wanted: Sequence[Scenario],
    settings: Settings,
    jobs: int,
    report: Report,
    finished: Callable[[Outcome], None],
) -> Iterator[Outcome]:
    # Long ones first, so that no core is idle at the end: work goes with the bytes written.
    waiting = sorted(wanted, key=lambda scenario: _weight(scenario))
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tornwrite.scenarios.run", subject_name.partition(":")[0]])
    with _workers(context) as running:
        while waiting or running:
            while waiting and len(running) < max(jobs, 1):
                scenario = waiting.pop()
                _start(context, running, subject_name, scenario, settings)
            for ready in cast("list[Connection[Any, Any]]", wait(list(running))):
                worker = running[ready]
                outcome = _received(ready, worker, report)
                if outcome is not None:
                    worker.process.join()
                    del running[ready]
                    ready.close()
                    finished(outcome)
                    yield outcome


def _weight(scenario: Scenario) -> int:
    return sum(len(canonical(operation.arguments)) + 200 for operation in scenario.operations)


def _start(
    context: ForkServerContext,
    running: "dict[Connection[Any, Any], _Worker]",
    subject_name: str,
    scenario: Scenario,
    settings: Settings,
) -> None:
    here, there = context.Pipe(duplex=False)
    process = context.Process(
        target=_work, args=(there, subject_name, scenario.name, settings), daemon=True
    )
    process.start()
    there.close()
    running[here] = _Worker(process, scenario)


def _received(
    connection: "Connection[Any, Any]", worker: _Worker, report: Report
) -> Outcome | None:
    try:
        kind, content = connection.recv()
    except EOFError:
        worker.process.join()
        raise RuntimeError(
            f"the process that ran {worker.scenario.name} ended without a result "
            f"(exit code {worker.process.exitcode}); was it killed for want of memory?"
        ) from None
    match kind:
        case "progress":
            report(worker.scenario.name, *content)
            return None
        case "outcome":
            return cast(Outcome, content)
        case "no space":
            raise NoSpace(content)
        case "wrong use":
            raise WrongUse(content)
        case _:
            raise RuntimeError(f"{worker.scenario.name}: the harness failed:\n{content}")


def _work(
    connection: "Connection[Any, Any]", subject_name: str, scenario_name: str, settings: Settings
) -> None:
    """What a worker does: one scenario, its outcome and how far it is sent through the pipe."""
    # Ctrl-C reaches the whole process group; only the parent is to act on it, and ends us then.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sent = 0.0

    def progress(profile: str, judged: int) -> None:
        nonlocal sent
        now = time.monotonic()
        if now - sent > 0.1:
            sent = now
            connection.send(("progress", (profile, judged)))

    try:
        subject = load_subject(subject_name)
        outcome = run_scenario(subject, subject.scenario(scenario_name), settings, progress)
        connection.send(("outcome", outcome))
    except NoSpace as error:
        connection.send(("no space", str(error)))
    except WrongUse as error:
        connection.send(("wrong use", str(error)))
    except BrokenPipeError:
        pass  # the parent is gone, and nobody wants to know any more
    except Exception:
        connection.send(("failed", traceback.format_exc()))


@contextmanager
def _workers(
    context: ForkServerContext,
) -> "Iterator[dict[Connection[Any, Any], _Worker]]":
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


def default_jobs() -> int:
    """As many as there are processors for this process."""
    return len(os.sched_getaffinity(0))
