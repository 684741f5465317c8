"""The lane of other systems: a subject under the rules that other file systems have for names.

It is about the subject, not about a workload, so it runs once for each subject, with its first
scenario: groups of names that some file system takes for one, or does not take, used together.
"""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tornwrite.faults.images import EMPTY, digest
from tornwrite.model import promises
from tornwrite.model.results import Finding
from tornwrite.model.verdict import Kind, Violation
from tornwrite.scenarios.disks.fake_systems import (
    ALIKE,
    NOT_RUN,
    RULES,
    VFAT,
    Rules,
    Tried,
    try_names,
    try_read_only,
)
from tornwrite.scenarios.disks.full_disk import in_a_row
from tornwrite.scenarios.fault_lanes import Again, Effort, Fault, FaultLane, Job, LaneRun
from tornwrite.scenarios.findings import Evidence
from tornwrite.scenarios.subject import Scenario, Subject, WrongUse

NAME = "other systems"
_READ_ONLY = "may only be read"
_GROUPS = {Effort.QUICK: 1, Effort.CI: 4}
"""How many groups of names are tried; otherwise all."""


@dataclass(frozen=True, slots=True)
class _Case:
    """Names under rules; None for a directory that may only be read."""

    rules: Rules | None
    group: int = 0

    def __str__(self) -> str:
        return _READ_ONLY if self.rules is None else f"{self.rules.name}, names {self.group}"


class OtherSystems:
    """Names and permissions as other file systems have them."""

    name = NAME

    def concerns(self, subject: Subject, scenario: Scenario) -> bool:
        """Whether the scenario is the first of its subject that threads have no part in."""
        plain = (one for one in subject.scenarios if not one.lanes)
        return scenario == next(plain, None)

    def leaves_out(self, effort: Effort) -> str:
        """The rules that are left for later, and what pyfakefs cannot do."""
        tried = _GROUPS.get(effort)
        later = f"rules but those of {VFAT.name}, names but {tried} groups; " if tried else ""
        return later + ", ".join(NOT_RUN)

    def run(self, job: Job) -> LaneRun:
        """Use each group of names under each file system's rules."""
        run = LaneRun()
        for number, case in enumerate(_cases(job.effort)):
            at = _READ_ONLY if case.rules is None else case.rules.name
            run.tried[Fault(NAME, at, "permissions" if case.rules is None else "names")] += 1
            found = _findings(job, case, _try(job, case))
            run.findings.extend(Evidence(one, frozenset()) for one in found)
            job.progress(NAME, number)
        return run

    def replay(self, job: Job, again: Again) -> tuple[Finding, ...]:
        """The same names again. Raises WrongUse when there are no such names or rules."""
        for case in _cases(Effort.FULL):
            if str(case) == again.fault:
                return tuple(_findings(job, case, _try(job, case)))
        raise WrongUse(
            f"{again.fault!r} is none of the rules; there are, for example, "
            f"{_READ_ONLY!r} and {str(_Case(VFAT))!r}"
        )


OTHER_SYSTEMS: FaultLane = OtherSystems()


def _cases(effort: Effort) -> Iterator[_Case]:
    rules = RULES if effort is Effort.FULL else (VFAT,)
    groups = range(_GROUPS.get(effort, len(ALIKE)))
    yield from (_Case(one, group) for one in rules for group in groups)
    yield _Case(None)


def _try(job: Job, case: _Case) -> Tried:
    if case.rules is None:
        return try_read_only(job.subject, in_a_row(job.scenario))
    return try_names(job.subject, case.rules, ALIKE[case.group])


def _findings(job: Job, case: _Case, tried: Tried) -> Iterator[Finding]:
    wrong = list(dict.fromkeys(tried.wrong))
    for text in tried.changed:
        said = "what is refused changes nothing"
        wrong.append(Violation(Kind.PHANTOM, promises.ERRORS, "the store", said, text))
    for path in tried.outside:
        said = "no name leads out of the directory"
        wrong.append(Violation(Kind.LEAKED, promises.KEYS, path, said, f"{path} was made"))
    command = ["tornwrite", "replay", job.subject.name, "--scenario", job.scenario.name]
    replay = shlex.join([*command, "--fault", f"{NAME}: {case}"])
    names = () if case.rules is None else ALIKE[case.group]
    for violation in wrong:
        about = f"{violation.promised}, with the names {', '.join(map(repr, names))} under {case}"
        yield Finding(
            scenario=job.scenario.name,
            profile=NAME,
            profiles=(NAME,),
            violation=replace(violation, promised=about) if names else violation,
            images=0,
            point=0,
            cut=None,
            image=digest(EMPTY),
            acknowledged=(),
            in_flight=(),
            steps=(),
            protect=None,
            files=(),
            replay=replay,
        )
