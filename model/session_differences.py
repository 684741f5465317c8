"""What is wrong with a store of sessions: its histories and summaries, and its legacy files."""

from collections.abc import Sequence
from dataclasses import replace

from tornwrite.model import promises
from tornwrite.model.message_differences import (
    History,
    Vocabulary,
    counted,
    done,
    either,
    equal,
    not_together,
    wrong_history,
)
from tornwrite.model.operation import Observation, Operation, shortened
from tornwrite.model.verdict import Kind, Violation


def explain_sessions(
    observed: Observation,
    permitted: Sequence[Observation],
    past: Sequence[Observation],
    after: Sequence[Operation],
) -> Violation:
    """The first and gravest thing wrong with an observation that is none of the permitted ones."""
    found = wrong_history(_SESSIONS, observed, permitted, past, after)
    if found is None:
        return _files(observed, permitted, after)
    migrated = any(operation.name == "migrate" for operation in after)
    if not migrated or found.kind is Kind.UNREADABLE:
        return found
    kind = found.kind if found.kind is Kind.LOST else Kind.NOT_IDEMPOTENT
    return replace(found, kind=kind, promise=promises.MIGRATION)


def _describe(session: History) -> str:
    summary = f", summary {shortened(session['summary'], 40)}" if session["summary"] else ""
    return counted(session["messages"]) + summary


def _summary_kind(
    found: History, allowed: Sequence[History], past: Sequence[History]
) -> tuple[Kind, str]:
    if found["summary"] in {one["summary"] for one in allowed}:
        return Kind.TORN, "messages and summary are each right, but not together"
    if found["summary"] in {one["summary"] for one in past}:
        return Kind.LOST, f"the summary is an older one, {shortened(found['summary'])}"
    return Kind.PHANTOM, f"the summary {shortened(found['summary'])} was never set"


_SESSIONS = Vocabulary(
    part="sessions",
    argument="key",
    adding=frozenset({"add_message", "add_full_message"}),
    nothing={"messages": [], "summary": ""},
    describe=_describe,
    otherwise=_summary_kind,
)


def _files(
    observed: Observation, permitted: Sequence[Observation], after: Sequence[Operation]
) -> Violation:
    """The sessions are each as promised: it is the legacy files, or what does not go together."""
    if observed["unlisted"]:
        return Violation(
            Kind.LOST,
            promises.KEYS,
            ", ".join(observed["unlisted"]),
            "every session that holds something is listed under its key",
            f"not listed: {', '.join(observed['unlisted'])}",
            done(_SESSIONS, after, None),
        )
    backups, pending = observed["backups"], observed["pending"]
    if not any(equal(backups, view["backups"]) for view in permitted):
        return Violation(
            Kind.LOST,
            promises.MIGRATION,
            "legacy files",
            "originals stay as backups: " + either(sorted(view["backups"]) for view in permitted),
            f"backups: {sorted(backups)}, still waiting: {sorted(pending)}",
            done(_SESSIONS, after, None),
        )
    if not any(equal(pending, view["pending"]) for view in permitted):
        return Violation(
            Kind.RESURRECTED,
            promises.MIGRATION,
            "legacy files",
            "still waiting: " + either(sorted(view["pending"]) for view in permitted),
            f"still waiting: {sorted(pending)}",
            done(_SESSIONS, after, None),
        )
    return not_together(_SESSIONS, after, "sessions or files")
