"""The model of the stores behind the session interface: opened, migrated, fallen back if need be.

Observations have this form; a subject's driver makes them:

    {"sessions": {KEY: {"messages": [...], "summary": TEXT} or {"error": TEXT}},
     "hindered": [FILE], "waiting": [FILE], "files": [DIGEST], "must_keep": [DIGEST],
     "unreadable": [FILE], "drift": [TEXT], "litter": [FILE]}

Starting imports the legacy files. A file that cannot be imported hinders it: the store falls back
to one that keeps sessions in memory until they are saved, and shows all that the other one holds
too. `sessions` is what a start would show then; starting, falling back and migrating never change
it. `hindered` are the legacy files for whose sake a start falls back, none if it does not, and
`waiting` those that it did not import. `files` are the digests of all files, whatever their names;
a scenario says with `must_keep` which of them have to stay. `unreadable` are metadata files that do
not parse: no crash may make one. `drift` and `litter` are judged only after the store has recovered
and been used again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tornwrite.model import promises
from tornwrite.model.damage import Held
from tornwrite.model.keeping import tidy
from tornwrite.model.manager import (
    Content,
    added_and_saved,
    changed,
    content_of,
    each_saved,
    explain_content,
    in_whole_files,
    not_empty,
    refused,
    shown,
    unsaved,
    with_refused,
)
from tornwrite.model.operation import Observation, Operation
from tornwrite.model.sessions import PROBE, SessionModel
from tornwrite.model.verdict import Kind, Violation

_SESSIONS = SessionModel()
_AFTER = "a crash, then a message, a truncation and a save"


@dataclass(frozen=True, slots=True)
class Started:
    """What a start would show, and the process that started last.

    memory: what it holds, saved or not, if it fell back; None if every change is on the disk at
    once. hindered: the files for whose sake the next one falls back.
    """

    saved: Content = field(default_factory=dict)
    memory: Content | None = None
    hindered: frozenset[str] = frozenset()
    must_keep: frozenset[str] = frozenset()


class BackendModel:
    """The interface as it should be: nothing lost, doubled or split, however often it starts."""

    def state_of(self, observed: Observation) -> Started:
        sessions = content_of(observed)
        hindered = frozenset(observed.get("hindered", ()))
        return Started(
            sessions,
            sessions if hindered else None,
            hindered,
            frozenset(observed.get("must_keep", ())),
        )

    def step(self, state: Started, operation: Operation) -> Started:
        arguments = operation.arguments
        match operation.name:
            case "open" | "reopen":
                return replace(state, memory=state.saved if state.hindered else None)
            case "take_away":
                return replace(state, hindered=state.hindered - {arguments["file"]})
            case "put_back":
                return replace(state, hindered=state.hindered | {arguments["file"]})
            case "save":
                key = arguments["key"]
                if state.memory is None or key not in state.memory:
                    return state
                return replace(state, saved={**state.saved, key: state.memory[key]})
            case _ if state.memory is None:
                return replace(state, saved=changed(state.saved, operation))
            case _:
                return replace(state, memory=changed(state.memory, operation))

    def between(self, state: Started, operation: Operation) -> Iterable[Started]:
        """Whatever a start imports, a reader starts too: there is nothing to be seen between."""
        return ()

    def view(self, state: Started) -> Observation:
        return {"sessions": shown(state.saved)}

    def normalised(self, observed: Observation) -> Observation:
        return {"sessions": not_empty(observed)}

    def contents(self, observed: Observation) -> Mapping[str, Held]:
        return _SESSIONS.contents(observed)

    def hidden(self, state: Started) -> Any:
        """What was not saved, and how the next start will go."""
        return {
            "unsaved": None if state.memory is None else unsaved(state.memory, state.saved),
            "hindered": sorted(state.hindered),
        }

    def names(self, operations: Iterable[Operation]) -> tuple[str, ...]:
        return _SESSIONS.names(operations)

    def probes(self, state: Started, names: Sequence[str]) -> tuple[tuple[Operation, ...], ...]:
        keys = tuple(dict.fromkeys([*names, *state.saved]))
        if state.memory is not None:
            return (added_and_saved(keys),)
        added = (Operation("add_full_message", {"key": key, "message": PROBE}) for key in keys)
        return tuple(added), tuple(
            operation
            for key in keys
            for operation in (
                Operation("truncate_history", {"key": key, "keep_last": 1_000_000}),
                Operation("save", {"key": key}),
            )
        )

    def continuations(
        self, state: Started, names: Sequence[str]
    ) -> tuple[tuple[Operation, ...], ...]:
        """One kind of change each, saved if need be, to what the killed operation was about."""
        keys = tuple(names or state.saved)
        if not keys:
            return ()
        if state.memory is not None:
            return each_saved(keys)
        return _SESSIONS.continuations(_SESSIONS.state_of({}), keys)

    def explain(
        self,
        observed: Observation,
        permitted: Sequence[Started],
        past: Sequence[Started],
        after: Sequence[Operation],
    ) -> Violation:
        found = explain_content(
            observed,
            [state.saved for state in permitted],
            [
                content
                for state in past
                for content in (state.saved, state.memory)
                if content is not None
            ],
            after,
        )
        return found if permitted[0].memory is None else in_whole_files(found)

    def beside(self, permitted: Sequence[Started], observed: Observation) -> Iterable[Violation]:
        before = permitted[0]
        gone = before.must_keep - frozenset(observed.get("files", ()))
        if gone:
            yield Violation(
                Kind.LOST,
                promises.MIGRATION,
                "legacy files",
                f"originals stay, under whatever name: {_files(before.must_keep)}",
                f"{_files(gone)} gone",
            )
        if observed.get("waiting") and not observed.get("hindered"):
            yield Violation(
                Kind.STUCK,
                promises.MIGRATION,
                ", ".join(observed["waiting"]),
                "a start that did not fall back has imported every legacy file",
                f"still waiting: {', '.join(observed['waiting'])}",
            )
        if observed.get("unreadable"):
            yield Violation(
                Kind.TORN,
                promises.ATOMIC,
                "",
                "metadata files are whole after any crash",
                f"half-written: {', '.join(observed['unreadable'])}",
            )

    def refused(self, observed: Observation) -> frozenset[str]:
        """The sessions that the store says it could not read when it was opened."""
        return refused(observed)

    def with_refused(self, observed: Observation, view: Observation) -> Observation:
        """What was observed, with those sessions as they are in the view."""
        return with_refused(observed, view)

    def settled(self, observed: Observation) -> Iterable[Violation]:
        """Metadata says what the data files hold, and nothing is left but sessions."""
        for text in observed.get("drift", ()):
            yield Violation(
                Kind.DRIFTED,
                promises.RECONCILED,
                "",
                "after a truncation and a save the recorded count is the number of lines",
                text,
                _AFTER,
            )
        yield from tidy(observed, _AFTER)


def _files(digests: frozenset[str]) -> str:
    return "1 file" if len(digests) == 1 else f"{len(digests)} files"
