"""The examples of the documentation, judged in this process."""

from collections.abc import Sequence
from pathlib import Path

from tornwrite.faults.profiles import DEFAULT
from tornwrite.model.results import Finding
from tornwrite.model.verdict import Kind
from tornwrite.scenarios.fault_lanes import Effort
from tornwrite.scenarios.run import Settings, run_scenario
from tornwrite.scenarios.subject import Subject, load_subject

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"

CRASHES = Settings(tuple(DEFAULT), 5_000, 0, real_kills=False, kill_then_power=False)
"""Every crash of every profile, worked out."""

FAULTS = Settings(
    CRASHES.profiles,
    5_000,
    0,
    lanes=("errors", "full disk", "crash in recovery"),
    effort=Effort.CI,
)
"""Those, real kills, and errors."""


def example(name: str) -> Subject:
    """The subject of that name, which begins with the folder of its example."""
    return load_subject(str(EXAMPLES / name))


def found(
    subject: Subject, scenarios: Sequence[str], settings: Settings = CRASHES
) -> list[Finding]:
    """What these scenarios show; all if none is named. Fails where the harness does."""
    findings: list[Finding] = []
    for one in subject.scenarios:
        if not scenarios or one.name in scenarios:
            outcome = run_scenario(subject, one, settings, lambda at, done: None)
            assert outcome.notes == ()
            findings += outcome.findings
    return findings


def of_kind(findings: Sequence[Finding], kind: Kind, profile: str) -> Finding:
    """The first finding of that kind of which that profile is the strongest that shows it."""
    return next(one for one in findings if one.violation.kind is kind and one.profile == profile)


def protected(finding: Finding) -> str:
    """What was done in the step that should have been protected."""
    return next(step.text for step in finding.steps if step.number == finding.protect)


def told(name: str) -> str:
    """What the README of an example says, on one line."""
    return " ".join((EXAMPLES / name / "README.md").read_text(encoding="utf-8").split())
