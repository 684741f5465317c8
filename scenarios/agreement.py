"""Do the two recorders see the same? Each scenario is recorded by both at once, in one process."""

import logging
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tornwrite.faults import trace as trace_files
from tornwrite.faults.agreement import compare
from tornwrite.faults.recorder import Recorder
from tornwrite.faults.scratch import Workspace
from tornwrite.faults.steps import Fsync, Step, SyncAll
from tornwrite.faults.strace import StraceError, probe_strace, run_strace
from tornwrite.model.verdict import Verdict
from tornwrite.scenarios.recording import HarnessBroken, check_whole, drive, lay_down
from tornwrite.scenarios.subject import Scenario, Subject, check_in_process, load_subject


@dataclass(frozen=True, slots=True)
class Agreement:
    """One scenario seen by both recorders. said: where they part, or why it was not measured."""

    scenario: str
    verdict: Verdict
    steps: int
    said: tuple[str, ...] = ()


def compare_recorders(
    subject: Subject,
    scenarios: Sequence[Scenario],
    finished: Callable[[str], None] = lambda scenario: None,
) -> list[Agreement]:
    """Record each scenario in-process and with strace, in one run, and hold them together."""
    ability = probe_strace()
    found: list[Agreement] = []
    for scenario in scenarios:
        if ability.usable:
            found.append(_compare(subject, scenario))
        else:
            found.append(Agreement(scenario.name, Verdict.NOT_MEASURED, 0, (ability.reason,)))
        finished(scenario.name)
    return found


def _compare(subject: Subject, scenario: Scenario) -> Agreement:
    check_in_process(subject, "agreement")
    with Workspace() as workspace:
        root = os.path.join(workspace.path, "live")
        file = os.path.join(workspace.path, "trace")
        os.mkdir(root)
        lay_down(scenario.base, root)
        # -P: a folder of the package's name in the current directory is not the package.
        module = [sys.executable, "-P", "-m", __name__]
        command = [*module, subject.name, scenario.name, root, file]
        try:
            straced = run_strace(command, root)
        except StraceError as error:
            return Agreement(scenario.name, Verdict.HARNESS_BROKEN, 0, (str(error),))
        if straced.status:
            said = straced.errors.decode(errors="replace").strip()
            return Agreement(scenario.name, Verdict.HARNESS_BROKEN, 0, (said,))
        recorded = trace_files.load(file)
        differences = compare(_one_after_the_other(recorded.steps), straced.steps)
        verdict = Verdict.HARNESS_BROKEN if differences else Verdict.PASSED
        said_all = tuple(str(difference) for difference in differences)
        return Agreement(scenario.name, verdict, len(straced.steps), said_all)


def _one_after_the_other(steps: Sequence[Step]) -> list[Step]:
    """The steps as strace sees them: the recorder in the process makes a barrier wait until the
    others are done with theirs, and it begins for the kernel only then.
    """
    barriers = Fsync | SyncAll
    return [replace(step, during=0) if isinstance(step, barriers) else step for step in steps]


def _record_here(subject_name: str, scenario_name: str, root: str, file: str) -> None:
    """What the straced process does: run the workload under the in-process recorder."""
    logging.getLogger().addHandler(logging.NullHandler())
    subject = load_subject(subject_name)
    scenario = subject.scenario(scenario_name)
    with Recorder(root, base=scenario.base) as recorder:
        drive(subject, scenario, root, recorder)
    trace = recorder.trace()
    try:
        check_whole(trace, root)
    except HarnessBroken as error:
        sys.exit(str(error))
    trace_files.save(trace, file)


if __name__ == "__main__":
    _record_here(*sys.argv[1:])
