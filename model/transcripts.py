"""The model of a transcript store: chat histories that are made, listed with a title, deleted.

A transcript exists from when it is made, also while it is empty. Observations have this form; a
subject's driver makes them:

    {"transcripts": {ID: {"messages": [...], "title": TEXT, "dated": BOOL,
                          "listed": {"title": TEXT, "count": NUMBER}} or {"error": TEXT}},
     "damaged": [TEXT], "must_keep": [TEXT], "litter": [FILE]}

`title` is what the transcript itself says, `listed` what the list of all says of it: both follow
from the messages. `dated` says that it tells when it was made, which one whose header was damaged
cannot. `damaged` and `must_keep` are as in `tornwrite.model.sessions`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tornwrite.model.damage import Held, held
from tornwrite.model.keeping import damage_kept, tidy
from tornwrite.model.message_differences import (
    History,
    Vocabulary,
    counted,
    equal,
    not_together,
    wrong_history,
)
from tornwrite.model.operation import Observation, Operation, shortened
from tornwrite.model.verdict import Kind, Violation

LONGEST_TITLE = 60
"""Characters; a longer one is cut there and ends in `...`."""

UNTITLED = "New Session..."

PROBE = {"role": "user", "content": "appended after the crash"}
LATER = {"role": "assistant", "content": "from an old look"}
ANEW = {"role": "user", "content": "appended after deleting"}


@dataclass(frozen=True, slots=True)
class Transcript:
    """One that exists. dated: it tells when it was made."""

    messages: tuple[Mapping[str, Any], ...] = ()
    dated: bool = True

    @property
    def title(self) -> str:
        """The first thing that the user says, cut where it is long."""
        for message in self.messages:
            content = message.get("content")
            if message.get("role") == "user" and isinstance(content, str) and content:
                cut = content[:LONGEST_TITLE]
                return content if cut == content else cut + "..."
        return UNTITLED

    def with_message(self, message: Mapping[str, Any]) -> "Transcript":
        return replace(self, messages=(*self.messages, message))


@dataclass(frozen=True, slots=True)
class Transcripts:
    """All transcripts by id, and the damaged bytes that have to stay.

    impossible: an operation has told that this is not how it was.
    """

    transcripts: Mapping[str, Transcript] = field(default_factory=dict)
    must_keep: frozenset[str] = frozenset()
    impossible: bool = False

    def with_transcript(self, name: str, transcript: Transcript) -> "Transcripts":
        return replace(self, transcripts={**self.transcripts, name: transcript})

    def without(self, name: str) -> "Transcripts":
        left = {other: one for other, one in self.transcripts.items() if other != name}
        # The damage goes too. It is not said whose it is: the runs that have some have one file.
        return replace(self, transcripts=left, must_keep=frozenset())


class TranscriptModel:
    """The transcript store as it should be.

    Its operations:

    - `get_or_create`.
    - `get_holding` gets one that holds so many messages, for good: what was got is durable.
    - `append` gets the transcript anew, which makes it if there is none, and appends a message.
    - `append_held` appends to the transcript that was got last; nothing comes of it if that was
      deleted since.
    - `delete` and `list`.
    - `listed`, what the list tells of one transcript, and `get_messages`: of what does not exist
      neither tells anything.
    """

    def state_of(self, observed: Observation) -> Transcripts:
        return Transcripts(
            {
                name: Transcript(tuple(found["messages"]), found["dated"])
                for name, found in observed.get("transcripts", {}).items()
                if "error" not in found
            },
            frozenset(observed.get("must_keep", ())),
        )

    def step(self, state: Transcripts, operation: Operation) -> Transcripts:
        arguments = operation.arguments
        match operation.name:
            case "get_or_create":
                return _made(state, arguments["id"])
            case "get_holding":
                found = state.transcripts.get(arguments["id"])
                holds = found is not None and len(found.messages) >= arguments["count"]
                return state if holds else replace(state, impossible=True)
            case "append":
                return _appended(_made(state, arguments["id"]), operation)
            case "append_held":
                return _appended(state, operation) if _exists(state, operation) else state
            case "delete":
                return state.without(arguments["id"])
            case "list" | "listed" | "get_messages" | "reopen" | "open":
                return state
            case _:
                raise ValueError(f"the transcript model has no operation {operation.name!r}")

    def answer(self, state: Transcripts, operation: Operation) -> Any:
        """What the operations return that look at one transcript.

        A whole list shows each as it was at some time, and not all of them at one.
        """
        name = operation.arguments.get("id", "")
        match operation.name:
            case "listed":
                return _seen(state.transcripts[name])["listed"] if _exists(state, operation) else {}
            case "get_messages":
                there = _exists(state, operation)
                return {"messages": list(state.transcripts[name].messages)} if there else {}
            case _:
                return None

    def between(self, state: Transcripts, operation: Operation) -> Iterable[Transcripts]:
        """An append to what does not exist is two calls: the transcript is made first, empty."""
        if operation.name == "append" and not _exists(state, operation):
            yield _made(state, operation.arguments["id"])

    def view(self, state: Transcripts) -> Observation:
        # What is impossible looks like nothing that can be seen.
        return {**_all_seen(state), **({"impossible": True} if state.impossible else {})}

    def normalised(self, observed: Observation) -> Observation:
        return {"transcripts": observed.get("transcripts", {})}

    def contents(self, observed: Observation) -> Mapping[str, Held]:
        return {
            name: _held(found) if "error" not in found else Held(error=found["error"])
            for name, found in observed.get("transcripts", {}).items()
        }

    def hidden(self, state: Transcripts) -> Any:
        """The damage that has to stay: where there is nothing to see, deleting still takes it."""
        return sorted(state.must_keep)

    def names(self, operations: Iterable[Operation]) -> tuple[str, ...]:
        found = (one.arguments.get("id") for one in operations)
        return tuple(dict.fromkeys(name for name in found if name is not None))

    def probes(self, state: Transcripts, names: Sequence[str]) -> tuple[tuple[Operation, ...], ...]:
        """Go on with every transcript, from a new look at it and an old one; then without them."""
        every = dict.fromkeys([*names, *state.transcripts])
        return (
            tuple(step for name in every for step in (_get(name), _append(name, PROBE))),
            tuple(_append(name, LATER, held=True) for name in every),
            tuple(
                step for name in every for step in (_delete(name), _append(name, LATER, held=True))
            ),
            tuple(_append(name, ANEW) for name in every),
        )

    def continuations(
        self, state: Transcripts, names: Sequence[str]
    ) -> tuple[tuple[Operation, ...], ...]:
        """To get it and no more; to list; to append; to delete what there is, and begin anew."""
        every = tuple(names or state.transcripts)
        there = tuple(name for name in every if name in state.transcripts)
        ways = (
            tuple(
                # What was got only because it was in memory is not to be shown as durable.
                _get_holding(name, state.transcripts[name]) if name in there else _get(name)
                for name in every
            ),
            (Operation("list"),) if there else (),
            tuple(_append(name, PROBE) for name in every),
            tuple(step for name in there for step in (_delete(name), _append(name, ANEW))),
        )
        return tuple(way for way in ways if way)

    def explain(
        self,
        observed: Observation,
        permitted: Sequence[Transcripts],
        past: Sequence[Transcripts],
        after: Sequence[Operation],
    ) -> Violation:
        possible = [state for state in permitted if not state.impossible]
        views = [_all_seen(state) for state in possible or permitted]
        found = observed if "error" in observed else self.normalised(observed)
        wrong = wrong_history(_WORDS, found, views, [_all_seen(state) for state in past], after)
        return wrong or not_together(_WORDS, after, "transcripts")

    def beside(
        self, permitted: Sequence[Transcripts], observed: Observation
    ) -> Iterable[Violation]:
        seen = self.normalised(observed)
        alike = [state for state in permitted if equal(self.view(state), seen)]
        return damage_kept([state.must_keep for state in alike or permitted], observed)

    def settled(self, observed: Observation) -> Iterable[Violation]:
        return tidy(observed)


def _held(found: Mapping[str, Any]) -> Held:
    """Titles and counts follow from the messages: they are worth telling where they do not."""
    title = Transcript(tuple(found["messages"])).title
    right = {"title": title, "count": len(found["messages"])}
    beside = {
        "dated": found["dated"],
        "title": None if found["title"] == title else found["title"],
        "listed": None if found["listed"] == right else found["listed"],
    }
    return held(found["messages"], beside, implied={"title": title, "listed": right})


def _get(name: str) -> Operation:
    return Operation("get_or_create", {"id": name})


def _get_holding(name: str, transcript: Transcript) -> Operation:
    return Operation("get_holding", {"id": name, "count": len(transcript.messages)})


def _append(name: str, message: Mapping[str, Any], *, held: bool = False) -> Operation:
    return Operation("append_held" if held else "append", {"id": name, "message": message})


def _delete(name: str) -> Operation:
    return Operation("delete", {"id": name})


def _exists(state: Transcripts, operation: Operation) -> bool:
    return operation.arguments["id"] in state.transcripts


def _made(state: Transcripts, name: str) -> Transcripts:
    return state if name in state.transcripts else state.with_transcript(name, Transcript())


def _appended(state: Transcripts, operation: Operation) -> Transcripts:
    name, message = operation.arguments["id"], operation.arguments["message"]
    return state.with_transcript(name, state.transcripts[name].with_message(message))


def _all_seen(state: Transcripts) -> Observation:
    return {"transcripts": {name: _seen(one) for name, one in state.transcripts.items()}}


def _seen(transcript: Transcript) -> dict[str, Any]:
    title = transcript.title
    return {
        "messages": list(transcript.messages),
        "title": title,
        "dated": transcript.dated,
        "listed": {"title": title, "count": len(transcript.messages)},
    }


# What is said about one that is not as it should be


def _describe(transcript: History) -> str:
    if "title" not in transcript:
        return "no transcript"
    undated = "" if transcript["dated"] else ", without a date"
    return f"{shortened(transcript['title'], 40)}, {counted(transcript['messages'])}{undated}"


def _otherwise(
    found: History, allowed: Sequence[History], past: Sequence[History]
) -> tuple[Kind, str]:
    if "title" not in found:
        return Kind.LOST, "there is no such transcript"
    alike = [one for one in allowed if "title" in one and equal(found["messages"], one["messages"])]
    if not alike:
        if any("title" in one for one in past):
            return Kind.RESURRECTED, "the transcript is back, empty"
        return Kind.PHANTOM, "nobody made this transcript"
    if found["dated"] != alike[0]["dated"]:
        return Kind.LOST, "it does not tell when it was made"
    if found["title"] != alike[0]["title"]:
        return Kind.DRIFTED, f"its title should be {shortened(alike[0]['title'])}"
    listed, right = found["listed"], alike[0]["listed"]
    return (
        Kind.DRIFTED,
        f"it is listed as {shortened(listed['title'])} with {listed['count']} messages, and should "
        f"be as {shortened(right['title'])} with {right['count']}",
    )


_WORDS = Vocabulary(
    part="transcripts",
    argument="id",
    adding=frozenset({"append", "append_held"}),
    nothing={"messages": []},
    describe=_describe,
    otherwise=_otherwise,
)
