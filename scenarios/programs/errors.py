"""How calls of a program are made to fail, for the lane of I/O errors."""

import contextlib
from collections.abc import Sequence
from dataclasses import replace

from tornwrite.faults.errors import Lasts
from tornwrite.scenarios.error_runs import ErrorRun
from tornwrite.scenarios.error_trials import Trial, parse_trial
from tornwrite.scenarios.fault_lanes import Effort, Job
from tornwrite.scenarios.programs.driver import Opener
from tornwrite.scenarios.programs.error_calls import (
    MOST,
    MOST_IN_PYTHON,
    FailingCall,
    chosen,
    failing_calls,
    trials_at,
)
from tornwrite.scenarios.programs.error_workload import (
    Failing,
    NotComeAbout,
    run_with_failing_call,
)
from tornwrite.scenarios.programs.failing_run import FailingRun
from tornwrite.scenarios.programs.protocol import Program
from tornwrite.scenarios.programs.recording import calls_beside, shown_by, told
from tornwrite.scenarios.recording import NotMeasured, lay_down, operations_of
from tornwrite.scenarios.subject import Subject, WrongUse

BUDGET = {Effort.QUICK: 6, Effort.CI: 20, Effort.FULL: 60}
"""Images after power losses that are judged of one run with an error, at most."""

_TRIES = 3
"""How often a run is begun in which the call that is to fail comes by where it did before."""

_SHORT_S = 2.0
"""How long a program is waited for, in seconds, that has been silent after an error before."""


class CannotStay(NotMeasured):
    """Calls that are to fail cannot be told from those by which the program answers."""


class ErrorsOfProgram:
    """The errors of one job's program.

    until: how long an error stays that does. Raises NotMeasured when the plain run cannot be
    repeated.
    """

    until = "in its process from then on"

    def __init__(self, job: Job, program: Program) -> None:
        self._job = job
        self._program = program
        subject, scenario = job.subject, job.scenario
        names = subject.model.names(scenario.every_operation)
        lay_down(scenario.base, job.live)
        with told(job.live), calls_beside(job.live) as folder:
            shown = shown_by(subject, job.live)
            run = FailingRun(program, job.live, scenario.base, folder, shown=shown)
            try:
                run.whole((*operations_of(scenario), *scenario.after), names)
            finally:
                run.end()
            if run.broken:
                raise NotMeasured(f"the program does not do the same twice: {run.broken}")
            self._plain = run.trace()
            self.calls = failing_calls(run, self._plain)

    @property
    def budget(self) -> int:
        """Images after power losses that are judged of one run, at most."""
        return BUDGET[self._job.effort]

    @property
    def untold(self) -> str:
        """What cannot be tried of what was asked for; empty if all can."""
        number = self.calls.untold
        if not number:
            return ""
        calls = "a call" if number == 1 else f"{number} calls"
        return f"{calls} left out: another thread makes as many of that name"

    def chosen(self) -> Sequence[Trial]:
        """The errors of the job's effort."""
        job = self._job
        most = _most(job.subject, job.effort)
        return chosen(self.calls, job.effort, job.scenario.name, most)

    def run(self, trial: Trial) -> ErrorRun:
        """A run with that error. Raises NotMeasured where it did not come about."""
        call = self.calls.at(trial.place.spot)
        if trial.lasts is Lasts.ONCE or not call.speaks:
            return self._found(trial, call)
        # Answers are written by that call too: where only the first fails shows which are which.
        try:
            first = self._tried(trial, call, 0)
            return self._tried(trial, call, first.every).run if first.every else first.run
        except NotComeAbout as error:
            raise CannotStay(str(error)) from error

    def _found(self, trial: Trial, call: FailingCall) -> ErrorRun:
        """How often threads wake each other is not the same each time, and may be counted too."""
        for _ in range(_TRIES - 1):
            with contextlib.suppress(NotComeAbout):
                return self._tried(trial, call).run
        return self._tried(trial, call).run

    def _tried(self, trial: Trial, call: FailingCall, every: int = 1) -> Failing:
        job = self._job
        failing = run_with_failing_call(
            job.subject, self._program, job.scenario, trial, call, self._plain, job.live, every
        )
        if any(one.silent for one in failing.run.told):
            patience_s = min(self._program.timeout_s, _SHORT_S)
            self._program = replace(self._program, timeout_s=patience_s)
        return failing

    def parsed(self, words: str) -> Trial:
        """The error of those words. Raises WrongUse when there is no such one (any more)."""
        trial = parse_trial(words, [call.place for call in self.calls.found])
        call = self.calls.at(replace(trial.place.spot, keep=0))
        if trial not in trials_at(call):
            raise WrongUse(f"{words!r} cannot be tried on a program; run the gate")
        return trial


def _most(subject: Subject, effort: Effort) -> int:
    served = not isinstance(subject.open, Opener)
    return (MOST_IN_PYTHON if served else MOST)[effort]


def leaves_out(subject: Subject, effort: Effort) -> str:
    """What is not tried on a subject that is a program at this effort, in a few words."""
    return (
        f"under strace, all but {_most(subject, effort)} errors a scenario, each kind of call in "
        "turn; short writes, closes, errors of reading itself; of what stays, all but further "
        "calls of that name in that process; power losses beyond 3 stretches or "
        f"{BUDGET[effort]} images a run"
    )
