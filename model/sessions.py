"""The model of a session store: chat histories with a summary, and legacy files to import.

Observations have this form; a subject's driver makes them:

    {"sessions": {KEY: {"messages": [...], "summary": TEXT} or {"error": TEXT}},
     "pending": {FILE: {"key": KEY, "messages": [...], "summary": TEXT}},
     "backups": {FILE: DIGEST},
     "unlisted": [KEY], "damaged": [TEXT], "must_keep": [TEXT], "unreadable": [FILE],
     "drift": [TEXT], "litter": [FILE]}

`pending` are legacy files not yet migrated, `backups` those that were, by name and digest of their
bytes. A session that holds nothing reads like one that does not exist. `unlisted` are sessions
that hold something and that the store does not list, where it lists at all. `damaged` are pieces of
files that are no messages, wherever the store keeps them; a scenario says with `must_keep` which of
them were there before the run and have to stay. `unreadable` are metadata files that do not parse:
no crash may make one. `drift` and `litter` are judged only after the store has recovered and been
used again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

from tornwrite.model import promises
from tornwrite.model.damage import Held, held_session
from tornwrite.model.keeping import damage_kept, tidy
from tornwrite.model.operation import Observation, Operation
from tornwrite.model.session_differences import explain_sessions
from tornwrite.model.verdict import Kind, Violation

Message = Mapping[str, Any]

PROBE = {"role": "user", "content": "written after the crash"}
GONE_ON = "written after the kill"


@dataclass(frozen=True, slots=True)
class Session:
    messages: tuple[Message, ...] = ()
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Legacy:
    """A legacy file: what it holds, the digest of its bytes, and whether that was imported."""

    key: str
    messages: tuple[Message, ...]
    summary: str
    digest: str
    imported: bool = False


@dataclass(frozen=True, slots=True)
class Sessions:
    """All sessions by key, the legacy files that wait, and the backups of those that were done."""

    sessions: Mapping[str, Session] = field(default_factory=dict)
    pending: Mapping[str, Legacy] = field(default_factory=dict)
    backups: Mapping[str, str] = field(default_factory=dict)
    must_keep: frozenset[str] = frozenset()
    unreadable: frozenset[str] = frozenset()

    def __getitem__(self, key: str) -> Session:
        return self.sessions.get(key, Session())

    def with_session(self, key: str, session: Session) -> "Sessions":
        return replace(self, sessions={**self.sessions, key: session})


_REMOVE_MESSAGES = ("truncate_history", "set_history", "migrate")


class SessionModel:
    """The session store as it should be: every operation whole and at once."""

    def state_of(self, observed: Observation) -> Sessions:
        sessions = {
            key: Session(tuple(found.get("messages", ())), found.get("summary", ""))
            for key, found in observed.get("sessions", {}).items()
        }
        pending = {}
        for file, found in observed.get("pending", {}).items():
            messages = tuple(found["messages"])
            own = sessions.get(found["key"], Session()).messages
            imported = bool(messages) and own[: len(messages)] == messages
            pending[file] = Legacy(
                found["key"], messages, found["summary"], found["digest"], imported
            )
        return Sessions(
            sessions,
            pending,
            dict(observed.get("backups", {})),
            frozenset(observed.get("must_keep", ())),
            frozenset(observed.get("unreadable", ())),
        )

    def step(self, state: Sessions, operation: Operation) -> Sessions:
        arguments = operation.arguments
        match operation.name:
            case "add_message":
                message = {"role": arguments["role"], "content": arguments["content"]}
                return _added(state, arguments["key"], message)
            case "add_full_message":
                return _added(state, arguments["key"], arguments["message"])
            case "set_summary":
                key = arguments["key"]
                changed = replace(state[key], summary=arguments["summary"])
                return state.with_session(key, changed)
            case "truncate_history":
                key, keep = arguments["key"], arguments["keep_last"]
                messages = state[key].messages
                kept = messages[max(len(messages) - keep, 0) :] if keep > 0 else ()
                return state.with_session(key, replace(state[key], messages=kept))
            case "set_history":
                key = arguments["key"]
                changed = replace(state[key], messages=tuple(arguments["history"]))
                return state.with_session(key, changed)
            case "migrate":
                for file in sorted(state.pending):
                    state = _migrated(state, file)
                return state
            case "compact" | "reopen" | "open" | "get_history" | "get_summary" | "list_sessions":
                return state
            case _:
                raise ValueError(f"the session model has no operation {operation.name!r}")

    def answer(self, state: Sessions, operation: Operation) -> Any:
        """What the reading operations return."""
        match operation.name:
            case "get_history":
                return list(state[operation.arguments["key"]].messages)
            case "get_summary":
                return state[operation.arguments["key"]].summary
            case "list_sessions":
                return sorted(key for key, one in state.sessions.items() if one.messages)
            case _:
                return None

    def may_become(self, state: Sessions, seen: Observation, left: Sequence[Operation]) -> bool:
        """Whether no message stands in the way: where only messages are added, none goes."""
        shrinking = {one.arguments.get("key") for one in left if one.name in _REMOVE_MESSAGES}
        if None in shrinking:
            return True
        for key, session in state.sessions.items():
            if key not in shrinking and session.messages:
                there = seen["sessions"].get(key, {}).get("messages", ())
                count = len(session.messages)
                # Those before the last were compared when they were added.
                if len(there) < count or there[count - 1] != session.messages[-1]:
                    return False
        return True

    def between(self, state: Sessions, operation: Operation) -> Iterable[Sessions]:
        """Migration goes file by file: each may be untouched, imported, or imported and moved."""
        if operation.name != "migrate":
            return
        files = sorted(state.pending)
        for stages in product(("untouched", "imported", "moved"), repeat=len(files)):
            reached = state
            for file, stage in zip(files, stages, strict=True):
                if stage == "moved":
                    reached = _migrated(reached, file)
                elif stage == "imported":
                    legacy = reached.pending[file]
                    moved = _migrated(reached, file)
                    waiting = {**moved.pending, file: replace(legacy, imported=True)}
                    reached = replace(moved, pending=waiting, backups=reached.backups)
            yield reached

    def view(self, state: Sessions) -> Observation:
        return self.normalised(
            {
                "sessions": {
                    key: {"messages": list(session.messages), "summary": session.summary}
                    for key, session in state.sessions.items()
                },
                "pending": {
                    file: {
                        "key": legacy.key,
                        "messages": list(legacy.messages),
                        "summary": legacy.summary,
                        "digest": legacy.digest,
                    }
                    for file, legacy in state.pending.items()
                },
                "backups": dict(state.backups),
            }
        )

    def normalised(self, observed: Observation) -> Observation:
        return {
            "sessions": {
                key: session
                for key, session in observed.get("sessions", {}).items()
                if session.get("messages") or session.get("summary") or "error" in session
            },
            "pending": {
                file: legacy["digest"] for file, legacy in observed.get("pending", {}).items()
            },
            "backups": observed.get("backups", {}),
            "unlisted": observed.get("unlisted", []),
        }

    def hidden(self, state: Sessions) -> Any:
        """Whose messages are imported already: nobody sees it once they have been removed again."""
        return {file: legacy.imported for file, legacy in state.pending.items()}

    def contents(self, observed: Observation) -> Mapping[str, Held]:
        return {
            key: held_session(found, "summary")
            for key, found in observed.get("sessions", {}).items()
        }

    def names(self, operations: Iterable[Operation]) -> tuple[str, ...]:
        keys = {
            operation.arguments["key"]: None
            for operation in operations
            if "key" in operation.arguments
        }
        return tuple(keys)

    def probes(self, state: Sessions, names: Sequence[str]) -> tuple[tuple[Operation, ...], ...]:
        keys = dict.fromkeys([*names, *state.sessions])
        migrate = ((Operation("migrate"),),) if state.pending or state.backups else ()
        writes = tuple(
            Operation("add_full_message", {"key": key, "message": PROBE}) for key in keys
        )
        rewrites = tuple(
            operation
            for key in keys
            for operation in (
                Operation("truncate_history", {"key": key, "keep_last": 1_000_000}),
                Operation("compact", {"key": key}),
            )
        )
        return (*migrate, writes, *migrate, rewrites)

    def continuations(
        self, state: Sessions, names: Sequence[str]
    ) -> tuple[tuple[Operation, ...], ...]:
        """One kind of write each, to the sessions that the killed operation was about.

        Without a name that is a migration; where there is nothing to migrate, all sessions.
        """
        if not names and (state.pending or state.backups):
            return ((Operation("migrate"),),)
        keys = tuple(names or state.sessions)
        if not keys:
            return ()
        return (
            tuple(Operation("add_full_message", {"key": key, "message": PROBE}) for key in keys),
            tuple(Operation("truncate_history", {"key": key, "keep_last": 0}) for key in keys),
            tuple(Operation("set_summary", {"key": key, "summary": GONE_ON}) for key in keys),
        )

    def explain(
        self,
        observed: Observation,
        permitted: Sequence[Sessions],
        past: Sequence[Sessions],
        after: Sequence[Operation],
    ) -> Violation:
        return explain_sessions(
            self.normalised(observed) if "error" not in observed else observed,
            [self.view(state) for state in permitted],
            [self.view(state) for state in past],
            after,
        )

    def beside(self, permitted: Sequence[Sessions], observed: Observation) -> Iterable[Violation]:
        before = permitted[0]
        yield from damage_kept([before.must_keep], observed)
        broken = frozenset(observed.get("unreadable", ())) - before.unreadable
        if broken:
            yield Violation(
                Kind.TORN,
                promises.ATOMIC,
                "",
                "metadata files are whole after any crash",
                f"half-written: {', '.join(sorted(broken))}",
            )

    def settled(self, observed: Observation) -> Iterable[Violation]:
        for text in observed.get("drift", ()):
            yield Violation(
                Kind.DRIFTED,
                promises.RECONCILED,
                "",
                "after a truncation and a compaction the recorded count is the number of lines",
                text,
                "a crash, then a message, a truncation and a compaction",
            )
        yield from tidy(observed)


def _added(state: Sessions, key: str, message: Message) -> Sessions:
    session = state[key]
    return state.with_session(key, replace(session, messages=(*session.messages, message)))


def _migrated(state: Sessions, file: str) -> Sessions:
    """One legacy file imported and moved aside: older messages first, newer ones kept."""
    legacy = state.pending[file]
    session = state[legacy.key]
    if not legacy.imported:
        session = Session(legacy.messages + session.messages, session.summary or legacy.summary)
    waiting = {name: other for name, other in state.pending.items() if name != file}
    backup = _free_name(file + ".migrated", state.backups)
    return replace(
        state,
        sessions={**state.sessions, legacy.key: session},
        pending=waiting,
        backups={**state.backups, backup: legacy.digest},
    )


def _free_name(name: str, taken: Mapping[str, str]) -> str:
    if name not in taken:
        return name
    number = 1
    while f"{name}.{number}" in taken:
        number += 1
    return f"{name}.{number}"
