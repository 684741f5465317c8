"""Finds out whether a program that keeps its data in files keeps its promises after a crash.

What a subject is written with is here; the command line is `tornwrite`. The parts: `faults` (what
can happen), `model` (what is promised), `scenarios` (what is run), `reports` (how it is shown),
`reference` (the stores).
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tornwrite.model.operation import Observation, Operation
    from tornwrite.model.shapes import AppendLog, Document, KeyValue, Queue
    from tornwrite.model.verdict import Kind, Promise, Verdict, Violation
    from tornwrite.scenarios.built.building import python_subject
    from tornwrite.scenarios.by_hand.recordings import Recordings
    from tornwrite.scenarios.programs.building import program_subject
    from tornwrite.scenarios.subject import Driver, Scenario, Subject

__all__ = [
    "AppendLog",
    "Document",
    "Driver",
    "KeyValue",
    "Kind",
    "Observation",
    "Operation",
    "Promise",
    "Queue",
    "Recordings",
    "Scenario",
    "Subject",
    "Verdict",
    "Violation",
    "program_subject",
    "python_subject",
]

_HOMES = {
    "AppendLog": "tornwrite.model.shapes",
    "Document": "tornwrite.model.shapes",
    "Driver": "tornwrite.scenarios.subject",
    "KeyValue": "tornwrite.model.shapes",
    "Kind": "tornwrite.model.verdict",
    "Observation": "tornwrite.model.operation",
    "Operation": "tornwrite.model.operation",
    "Promise": "tornwrite.model.verdict",
    "Queue": "tornwrite.model.shapes",
    "Recordings": "tornwrite.scenarios.by_hand.recordings",
    "Scenario": "tornwrite.scenarios.subject",
    "Subject": "tornwrite.scenarios.subject",
    "Verdict": "tornwrite.model.verdict",
    "Violation": "tornwrite.model.verdict",
    "program_subject": "tornwrite.scenarios.programs.building",
    "python_subject": "tornwrite.scenarios.built.building",
}


def __getattr__(name: str) -> Any:
    # Loaded when asked for: somebody who imports the stores pays for nothing of the harness.
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'tornwrite' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(home), name)
