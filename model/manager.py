"""The model of a store that keeps its sessions in memory until each is saved, whole.

Observations have this form; a subject's driver makes them:

    {"sessions": {KEY: {"messages": [...], "summary": TEXT} or {"error": TEXT}},
     "files": {FILE: DIGEST}, "reported": [FILE], "litter": [FILE],
     "must_stay": {FILE: DIGEST}, "must_report": [FILE]}

`sessions` is what a process shows that opens the directory then: what was saved. What was not is
the hidden part of the state; saving brings it to light, a new process has forgotten it. `files` are
all files by the digest of their bytes, `reported` those that the store said it cannot read. A
scenario says with `must_stay` which files nothing may touch, and with `must_report` which of them
the store has to report. `litter` is judged only after the store has recovered and been used again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tornwrite.model import promises
from tornwrite.model.damage import Held
from tornwrite.model.keeping import tidy
from tornwrite.model.operation import Observation, Operation
from tornwrite.model.session_differences import explain_sessions
from tornwrite.model.sessions import GONE_ON, PROBE, Session, SessionModel, Sessions
from tornwrite.model.verdict import Kind, Violation

_SESSIONS = SessionModel()

Content = Mapping[str, Session]
"""Sessions by key."""


@dataclass(frozen=True, slots=True)
class Managed:
    """What a new process would find, what this one has in memory, and the files of others."""

    saved: Content = field(default_factory=dict)
    memory: Content = field(default_factory=dict)
    must_stay: Mapping[str, str] = field(default_factory=dict)
    must_report: frozenset[str] = frozenset()


class ManagerModel:
    """A session manager as it should be: a save is whole and at once, and nothing else writes."""

    def state_of(self, observed: Observation) -> Managed:
        sessions = content_of(observed)
        return Managed(
            sessions,
            sessions,
            dict(observed.get("must_stay", {})),
            frozenset(observed.get("must_report", ())),
        )

    def step(self, state: Managed, operation: Operation) -> Managed:
        match operation.name:
            case "save":
                return replace(state, saved=saved(state, operation.arguments["key"]))
            case "open" | "reopen":
                return replace(state, memory=state.saved)
            case _:
                return replace(state, memory=changed(state.memory, operation))

    def between(self, state: Managed, operation: Operation) -> Iterable[Managed]:
        """A save is atomic, and the rest is in memory."""
        return ()

    def view(self, state: Managed) -> Observation:
        return {"sessions": shown(state.saved)}

    def normalised(self, observed: Observation) -> Observation:
        return {"sessions": not_empty(observed)}

    def contents(self, observed: Observation) -> Mapping[str, Held]:
        return _SESSIONS.contents(observed)

    def hidden(self, state: Managed) -> Any:
        """What was not saved."""
        return unsaved(state.memory, state.saved)

    def names(self, operations: Iterable[Operation]) -> tuple[str, ...]:
        return _SESSIONS.names(operations)

    def probes(self, state: Managed, names: Sequence[str]) -> tuple[tuple[Operation, ...], ...]:
        """Each session is written to and saved, then changed in a way that is never saved."""
        keys = tuple(dict.fromkeys([*names, *state.saved]))
        emptied = (Operation("truncate_history", {"key": key, "keep_last": 0}) for key in keys)
        return ((*added_and_saved(keys), *emptied),)

    def continuations(
        self, state: Managed, names: Sequence[str]
    ) -> tuple[tuple[Operation, ...], ...]:
        """One kind of change each, saved, to the sessions that the killed operation was about."""
        keys = tuple(names or state.saved)
        return each_saved(keys) if keys else ()

    def explain(
        self,
        observed: Observation,
        permitted: Sequence[Managed],
        past: Sequence[Managed],
        after: Sequence[Operation],
    ) -> Violation:
        return in_whole_files(
            explain_content(
                observed,
                [state.saved for state in permitted],
                # What was only in memory was written too, although no reader saw it.
                [content for state in past for content in (state.saved, state.memory)],
                after,
            )
        )

    def beside(self, permitted: Sequence[Managed], observed: Observation) -> Iterable[Violation]:
        before = permitted[0]
        files = observed.get("files", {})
        for file, digest in before.must_stay.items():
            if files.get(file) != digest:
                yield Violation(
                    Kind.LOST,
                    promises.DAMAGE if file in before.must_report else promises.SHARED,
                    file,
                    "a file that is no session of this store stays as it is",
                    "it has other bytes" if file in files else "it is gone",
                )
        silent = before.must_report - frozenset(observed.get("reported", ()))
        if silent:
            yield Violation(
                Kind.UNREADABLE,
                promises.DAMAGE,
                ", ".join(sorted(silent)),
                "a file that cannot be read is reported",
                "the store opens without a word about it",
            )

    def refused(self, observed: Observation) -> frozenset[str]:
        """The sessions that the store says it could not read when it was opened."""
        return refused(observed)

    def with_refused(self, observed: Observation, view: Observation) -> Observation:
        """What was observed, with those sessions as they are in the view."""
        return with_refused(observed, view)

    def settled(self, observed: Observation) -> Iterable[Violation]:
        """Nothing is left but sessions."""
        return tidy(observed, "a crash, then a message and a save to each session")


# Content: what the models of stores with a memory say of sessions


def content_of(observed: Observation) -> dict[str, Session]:
    """The sessions of an observation; one that could not be read counts as nothing."""
    return {
        key: Session(tuple(found.get("messages", ())), found.get("summary", ""))
        for key, found in observed.get("sessions", {}).items()
    }


def changed(content: Content, operation: Operation) -> Content:
    """The sessions after an operation that is not about saving or opening."""
    if operation.name == "get_or_create":
        return content
    return _SESSIONS.step(Sessions(content), operation).sessions


def saved(state: Managed, key: str) -> Content:
    """What a new process finds once the session of that key was saved."""
    return {**state.saved, key: state.memory[key]} if key in state.memory else state.saved


def shown(content: Content) -> dict[str, Any]:
    """The sessions as a reader sees them; one that holds nothing is none."""
    return {
        key: {"messages": list(session.messages), "summary": session.summary}
        for key, session in content.items()
        if session.messages or session.summary
    }


def not_empty(observed: Observation) -> dict[str, Any]:
    """The sessions of an observation that hold something, or could not be read."""
    return {
        key: session
        for key, session in observed.get("sessions", {}).items()
        if session.get("messages") or session.get("summary") or "error" in session
    }


def refused(observed: Observation) -> frozenset[str]:
    """The sessions of an observation that could not be read."""
    sessions = observed.get("sessions", {})
    return frozenset(key for key, found in sessions.items() if "error" in found)


def with_refused(observed: Observation, view: Observation) -> Observation:
    """The observation with the sessions that could not be read as a view has them."""
    unread = refused(observed)
    if not unread:
        return observed
    others = {key: one for key, one in observed["sessions"].items() if key not in unread}
    due = {key: one for key, one in view["sessions"].items() if key in unread}
    return {**observed, "sessions": {**others, **due}}


def unsaved(memory: Content, on_disk: Content) -> dict[str, Any]:
    """The sessions in memory that differ from those on the disk."""
    nothing = Session()
    return {
        key: {"messages": list(session.messages), "summary": session.summary}
        for key, session in memory.items()
        if session != on_disk.get(key, nothing)
    }


def explain_content(
    observed: Observation,
    permitted: Iterable[Content],
    past: Iterable[Content],
    after: Sequence[Operation],
) -> Violation:
    """Why the sessions observed are none of the permitted contents."""
    return explain_sessions(
        observed if "error" in observed else _as_store({"sessions": not_empty(observed)}),
        [_as_store({"sessions": shown(content)}) for content in permitted],
        # Before everything else there was nothing: it is no news where there should be something.
        [_as_store({"sessions": shown(content)}) for content in ({}, *past)],
        after,
    )


def in_whole_files(found: Violation) -> Violation:
    """The same about files that are replaced whole: they have no tails to be torn."""
    if found.promise is not promises.TORN_TAIL:
        return found
    lost = found.kind is Kind.LOST
    return replace(found, promise=promises.DURABLE if lost else promises.ATOMIC)


def _as_store(view: Observation) -> Observation:
    """The view with what a store of sessions is asked for beside, and this one has nothing of."""
    return {"pending": {}, "backups": {}, "unlisted": [], **view}


# Operations: how stores with a memory are probed, and gone on with after a kill


def added_and_saved(keys: Iterable[str]) -> tuple[Operation, ...]:
    """A message to each session, then each saved."""
    keys = tuple(keys)
    return (
        *(Operation("add_full_message", {"key": key, "message": PROBE}) for key in keys),
        *(Operation("save", {"key": key}) for key in keys),
    )


def each_saved(keys: Sequence[str]) -> tuple[tuple[Operation, ...], ...]:
    """One kind of change each to all of the sessions, then each saved."""
    saves = tuple(Operation("save", {"key": key}) for key in keys)
    return (
        added_and_saved(keys),
        (
            *(Operation("truncate_history", {"key": key, "keep_last": 0}) for key in keys),
            *saves,
        ),
        (
            *(Operation("set_summary", {"key": key, "summary": GONE_ON}) for key in keys),
            *saves,
        ),
    )
