"""The model of an archiving store: chat histories that can be put aside, and gone on with.

A session is one history, whichever of it was archived: what was saved before and since. Saving to
an archived session goes on with it, and it is active again. Observations have this form; a
subject's driver makes them:

    {"sessions": {ID: {"messages": [...], "archived": BOOL} or {"error": TEXT}},
     "damaged": [TEXT], "must_keep": [TEXT], "litter": [FILE]}

A session is archived if it exists and the store does not list it. One that holds nothing does not
exist: there is no way to save nothing. `damaged` and `must_keep` are as in
`tornwrite.model.sessions`.

To `archive` a session that does not exist is no failure, and changes nothing. `archive_existing`
fails then: that it did not says that there was one, for good.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tornwrite.model.damage import Held, held_session
from tornwrite.model.keeping import damage_kept, tidy
from tornwrite.model.message_differences import (
    History,
    Vocabulary,
    counted,
    equal,
    not_together,
    wrong_history,
)
from tornwrite.model.operation import Observation, Operation
from tornwrite.model.verdict import Kind, Violation

PROBE = {"role": "user", "content": "saved after the crash"}
ANEW = {"role": "user", "content": "saved after deleting"}


@dataclass(frozen=True, slots=True)
class ArchivableSession:
    """A session that exists: it has at least one message."""

    messages: tuple[Mapping[str, Any], ...]
    archived: bool = False


@dataclass(frozen=True, slots=True)
class Archive:
    """All sessions by id, and the damaged bytes that have to stay.

    impossible: an operation has told that this is not how it was.
    """

    sessions: Mapping[str, ArchivableSession] = field(default_factory=dict)
    must_keep: frozenset[str] = frozenset()
    impossible: bool = False

    def with_session(self, name: str, session: ArchivableSession) -> "Archive":
        return replace(self, sessions={**self.sessions, name: session})

    def without(self, name: str) -> "Archive":
        left = {other: session for other, session in self.sessions.items() if other != name}
        # The damage goes too. It is not said whose it is: the runs that have some have one file.
        return replace(self, sessions=left, must_keep=frozenset())


class ArchiveModel:
    """The archiving store as it should be: every operation whole and at once."""

    def state_of(self, observed: Observation) -> Archive:
        return Archive(
            {
                name: ArchivableSession(tuple(found["messages"]), found["archived"])
                for name, found in observed.get("sessions", {}).items()
                if found.get("messages")
            },
            frozenset(observed.get("must_keep", ())),
        )

    def step(self, state: Archive, operation: Operation) -> Archive:
        arguments = operation.arguments
        match operation.name:
            case "save":
                name = arguments["session_id"]
                before = state.sessions.get(name, ArchivableSession(()))
                saved = (*before.messages, arguments["message"])
                return state.with_session(name, ArchivableSession(saved))
            case "archive" | "archive_existing":
                name = arguments["session_id"]
                found = state.sessions.get(name)
                if found is None:
                    must_exist = operation.name == "archive_existing"
                    return replace(state, impossible=state.impossible or must_exist)
                return state.with_session(name, replace(found, archived=True))
            case "delete":
                return state.without(arguments["session_id"])
            case "load" | "list" | "exists" | "reopen" | "open":
                return state
            case _:
                raise ValueError(f"the archive model has no operation {operation.name!r}")

    def answer(self, state: Archive, operation: Operation) -> Any:
        """What the reading operations return. To load what does not exist fails: it is not []."""
        name = operation.arguments.get("session_id", "")
        match operation.name:
            case "load":
                return list(state.sessions[name].messages) if name in state.sessions else []
            case "list":
                return sorted(name for name, one in state.sessions.items() if not one.archived)
            case "exists":
                return name in state.sessions
            case _:
                return None

    def between(self, state: Archive, operation: Operation) -> Iterable[Archive]:
        """Nothing: not even archiving or deleting what lies in two files is seen half done."""
        return ()

    def view(self, state: Archive) -> Observation:
        # What is impossible looks like nothing that can be seen.
        return {**_seen(state), **({"impossible": True} if state.impossible else {})}

    def normalised(self, observed: Observation) -> Observation:
        return {"sessions": observed.get("sessions", {})}

    def contents(self, observed: Observation) -> Mapping[str, Held]:
        return {
            name: held_session(found, "archived")
            for name, found in observed.get("sessions", {}).items()
        }

    def hidden(self, state: Archive) -> Any:
        """The damage that has to stay: where there is nothing to see, deleting still takes it."""
        return sorted(state.must_keep)

    def names(self, operations: Iterable[Operation]) -> tuple[str, ...]:
        found = (one.arguments.get("session_id") for one in operations)
        return tuple(dict.fromkeys(name for name in found if name is not None))

    def probes(self, state: Archive, names: Sequence[str]) -> tuple[tuple[Operation, ...], ...]:
        """Go on with every session, put it aside, do without it, begin it anew."""
        every = dict.fromkeys([*names, *state.sessions])
        return (
            tuple(_save(name, PROBE) for name in every),
            tuple(_archive(name) for name in every),
            tuple(step for name in every for step in (_delete(name), _save(name, ANEW))),
        )

    def continuations(
        self, state: Archive, names: Sequence[str]
    ) -> tuple[tuple[Operation, ...], ...]:
        """Each of the operations first, and one that builds on it; to delete needs something."""
        every = tuple(names or state.sessions)
        there = tuple(name for name in every if name in state.sessions)
        ways = (
            tuple(step for name in every for step in (_save(name, PROBE), _archive(name))),
            tuple(step for name in every for step in (_archive(name), _save(name, PROBE))),
            # What was found only because it was in memory is not to be acknowledged as archived.
            tuple(_archive(name, existing=True) for name in there),
            tuple(step for name in there for step in (_delete(name), _save(name, ANEW))),
        )
        return tuple(way for way in ways if way)

    def explain(
        self,
        observed: Observation,
        permitted: Sequence[Archive],
        past: Sequence[Archive],
        after: Sequence[Operation],
    ) -> Violation:
        possible = [state for state in permitted if not state.impossible]
        views = [_seen(state) for state in possible or permitted]
        found = observed if "error" in observed else self.normalised(observed)
        wrong = wrong_history(_WORDS, found, views, [_seen(state) for state in past], after)
        return wrong or not_together(_WORDS, after, "sessions")

    def beside(self, permitted: Sequence[Archive], observed: Observation) -> Iterable[Violation]:
        seen = self.normalised(observed)
        alike = [state for state in permitted if equal(self.view(state), seen)]
        return damage_kept([state.must_keep for state in alike or permitted], observed)

    def settled(self, observed: Observation) -> Iterable[Violation]:
        return tidy(observed)


def _save(name: str, message: Mapping[str, Any]) -> Operation:
    return Operation("save", {"session_id": name, "message": message})


def _archive(name: str, *, existing: bool = False) -> Operation:
    return Operation("archive_existing" if existing else "archive", {"session_id": name})


def _delete(name: str) -> Operation:
    return Operation("delete", {"session_id": name})


def _seen(state: Archive) -> Observation:
    return {
        "sessions": {
            name: {"messages": list(session.messages), "archived": session.archived}
            for name, session in state.sessions.items()
        }
    }


def _describe(session: History) -> str:
    if "archived" not in session:
        return "no session"
    return f"{'archived' if session['archived'] else 'active'}, {counted(session['messages'])}"


def _wrong_place(
    found: History, allowed: Sequence[History], past: Sequence[History]
) -> tuple[Kind, str]:
    if not found["messages"]:
        return Kind.TORN, "there is a session without a message"
    if any(equal(found, one) for one in past):
        return Kind.LOST, "it is where it was before"
    return Kind.TORN, "its messages are right, and it is in the wrong place"


_WORDS = Vocabulary(
    part="sessions",
    argument="session_id",
    adding=frozenset({"save"}),
    nothing={"messages": []},
    describe=_describe,
    otherwise=_wrong_place,
)
