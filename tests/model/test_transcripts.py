"""The model of a transcript store, and what it says of one that is wrong."""

from collections.abc import Sequence
from typing import Any

import pytest

from tornwrite.model import promises
from tornwrite.model.operation import Operation
from tornwrite.model.transcripts import PROBE, Transcript, TranscriptModel, Transcripts
from tornwrite.model.verdict import Kind, Promise, Violation

MODEL = TranscriptModel()


def op(name: str, about: str = "a", **arguments: Any) -> Operation:
    return Operation(name, {"id": about, **arguments})


def append(content: str, about: str = "a", held: bool = False) -> Operation:
    return op("append_held" if held else "append", about, message=message(content))


def message(content: Any, role: str = "user") -> dict[str, Any]:
    return {"role": role, "content": content}


def after(*operations: Operation, start: Transcripts | None = None) -> Transcripts:
    state = start or Transcripts()
    for operation in operations:
        state = MODEL.step(state, operation)
    return state


def said(words: str = "", dated: bool = True) -> Transcript:
    return Transcript(tuple(message(word) for word in words.split()), dated)


def store(must_keep: Sequence[str] = (), **transcripts: Transcript) -> Transcripts:
    return Transcripts(transcripts, frozenset(must_keep))


# Operations


def test_a_transcript_exists_from_when_it_is_made() -> None:
    made = after(op("get_or_create"))
    assert made == store(a=said())
    assert MODEL.view(made) != MODEL.view(store())


def test_getting_what_exists_changes_nothing() -> None:
    state = store(a=said("1"))
    assert after(op("get_or_create"), start=state) == state


def test_what_was_got_must_have_held_what_it_showed() -> None:
    holding = op("get_holding", count=1)
    state = store(a=said("1"))
    assert after(holding, start=state) == state
    for other in (store(), store(a=said())):
        wrong = after(holding, start=other)
        assert MODEL.view(wrong) != MODEL.view(other)
        assert MODEL.view(after(append("1"), start=wrong)) != MODEL.view(after(append("1")))


def test_a_message_is_appended_at_the_end_of_its_transcript_alone() -> None:
    state = after(append("1"), append("x", "b"), append("2", held=True))
    assert state == store(a=said("1 2"), b=said("x"))


def test_nothing_is_appended_to_what_was_deleted_unless_it_is_got_anew() -> None:
    gone = after(append("1"), op("delete"), append("late", held=True))
    assert gone == store()
    assert after(append("2"), start=gone) == store(a=said("2"))


def test_deleting_what_does_not_exist_changes_nothing() -> None:
    assert after(op("delete")) == store()


@pytest.mark.parametrize("name", ["list", "listed", "get_messages", "open", "reopen"])
def test_what_only_looks_changes_nothing(name: str) -> None:
    state = store(a=said("1"))
    assert after(op(name), start=state) == state


def test_an_unknown_operation_is_named() -> None:
    with pytest.raises(ValueError, match="'frobnicate'"):
        after(op("frobnicate"))


def test_an_append_to_what_does_not_exist_makes_it_first() -> None:
    assert list(MODEL.between(store(), append("1"))) == [store(a=said())]


@pytest.mark.parametrize(
    "operation", [append("2"), append("2", held=True), op("get_or_create"), op("delete")], ids=str
)
def test_everything_else_is_atomic(operation: Operation) -> None:
    assert list(MODEL.between(store(a=said("1")), operation)) == []


# Answers


def test_what_is_read_is_what_there_is() -> None:
    state = store(a=said("1 2"), b=said())
    assert MODEL.answer(state, op("get_messages")) == {"messages": [message("1"), message("2")]}
    assert MODEL.answer(state, op("listed")) == {"title": "1", "count": 2}
    assert MODEL.answer(state, op("listed", "b")) == {"title": "New Session...", "count": 0}


def test_what_does_not_exist_tells_nothing() -> None:
    assert MODEL.answer(store(), op("get_messages")) == {}
    assert MODEL.answer(store(), op("listed")) == {}


@pytest.mark.parametrize(
    "operation", [append("1"), op("get_or_create"), Operation("list")], ids=str
)
def test_other_answers_do_not_count(operation: Operation) -> None:
    assert MODEL.answer(store(a=said("1")), operation) is None


# Titles


@pytest.mark.parametrize(
    ("messages", "title"),
    [
        ([], "New Session..."),
        ([message("hello")], "hello"),
        ([message("x" * 60)], "x" * 60),
        ([message("x" * 61)], "x" * 60 + "..."),
        ([message("é" * 60)], "é" * 60),
        ([message("é" * 61)], "é" * 60 + "..."),
        ([message("hi", "assistant"), message(""), message("hello")], "hello"),
        ([message(["parts"]), message("hello")], "hello"),
        ([message("hi", "system")], "New Session..."),
        ([{"role": "user"}], "New Session..."),
    ],
)
def test_the_title_is_what_the_user_says_first(messages: list[Any], title: str) -> None:
    assert Transcript(tuple(messages)).title == title


def test_title_and_count_are_part_of_what_is_seen() -> None:
    assert MODEL.view(store(a=said("one two")))["transcripts"]["a"] == {
        "messages": [message("one"), message("two")],
        "title": "one",
        "dated": True,
        "listed": {"title": "one", "count": 2},
    }


# Observations


def observed(state: Transcripts, **more: Any) -> dict[str, Any]:
    return {**MODEL.view(state), **more}


def changed(state: Transcripts, **fields: Any) -> dict[str, Any]:
    """What is seen of transcript `a`, with some of it wrong."""
    return {"transcripts": {"a": {**MODEL.view(state)["transcripts"]["a"], **fields}}}


def test_a_state_that_was_observed_is_seen_the_same_way() -> None:
    state = store(a=said("1", dated=False), b=said())
    assert MODEL.state_of(observed(state)) == state


def test_names_are_the_ids_of_the_operations_each_once_in_order() -> None:
    assert MODEL.names(
        [append("", "b"), Operation("list"), op("delete", "a"), append("", "b")]
    ) == (
        "b",
        "a",
    )


# Probes, and processes that go on


def test_probes_go_on_with_each_transcript_delete_it_and_begin_it_anew() -> None:
    state = store(there=said("1"))
    seen = []
    for group in MODEL.probes(state, ["named"]):
        state = after(*group, start=state)
        seen.append({name: len(one.messages) for name, one in state.transcripts.items()})
    assert seen == [
        {"there": 2, "named": 1},
        {"there": 3, "named": 2},
        {},
        {"there": 1, "named": 1},
    ]


def test_a_process_that_goes_on_may_do_anything_to_what_the_dead_one_was_about() -> None:
    state = store(a=said("1"), b=said())
    ways = MODEL.continuations(state, ["a"])
    assert {way[0].name for way in ways} == {"get_holding", "list", "append", "delete"}
    assert set(MODEL.names(step for way in ways for step in way)) == {"a"}
    every = MODEL.names(step for way in MODEL.continuations(state, []) for step in way)
    assert set(every) == {"a", "b"}


def test_a_process_does_not_delete_or_list_what_is_not_there() -> None:
    assert MODEL.continuations(store(), ["a"]) == (
        (op("get_or_create"),),
        (op("append", message=PROBE),),
    )
    assert MODEL.continuations(store(), []) == ()


# What is said about a wrong one


def explained(
    found: dict[str, Any] | Transcripts,
    *permitted: Transcripts,
    past: Sequence[Transcripts] = (),
    probes: Sequence[Operation] = (),
) -> Violation:
    if isinstance(found, Transcripts):
        found = observed(found)
    return MODEL.explain(found, permitted, past, probes)


def of(violation: Violation) -> tuple[Kind, Promise, str]:
    return violation.kind, violation.promise, violation.about


def test_a_message_that_was_got_and_was_never_durable_is_lost() -> None:
    permitted = [
        after(op("get_holding", count=1), start=store(a=said(words))) for words in ("", "1")
    ]
    found = explained(store(a=said()), *permitted, past=[store(a=said()), store(a=said("1"))])
    assert of(found) == (Kind.LOST, promises.DURABLE, "a")
    assert found.promised == "'1', 1 message ['1']"


def test_a_message_that_is_gone_is_lost() -> None:
    found = explained(store(a=said("1")), store(a=said("1 2")))
    assert of(found) == (Kind.LOST, promises.DURABLE, "a")
    assert found.promised == "'1', 2 messages ['1', '2']"


def test_an_empty_transcript_that_is_gone_is_lost() -> None:
    found = explained(store(), store(a=said()))
    assert of(found) == (Kind.LOST, promises.DURABLE, "a")
    assert found.recovered == "no transcript; there is no such transcript"


def test_an_empty_transcript_that_was_deleted_and_is_back_is_resurrected() -> None:
    found = explained(store(a=said()), store(), past=[store(a=said()), store()])
    assert of(found) == (Kind.RESURRECTED, promises.ATOMIC, "a")


def test_an_empty_transcript_that_nobody_made_is_a_phantom() -> None:
    found = explained(store(a=said()), store(), past=[store()])
    assert of(found) == (Kind.PHANTOM, promises.ATOMIC, "a")


def test_a_date_that_is_gone_is_lost() -> None:
    found = explained(store(a=said("1", dated=False)), store(a=said("1")))
    assert of(found) == (Kind.LOST, promises.DURABLE, "a")
    assert "when it was made" in found.recovered
    assert found.recovered.startswith("'1', 1 message ['1'], without a date;")


def test_a_title_that_does_not_follow_from_the_messages_has_drifted() -> None:
    found = explained(changed(store(a=said("1")), title="old"), store(a=said("1")))
    assert of(found) == (Kind.DRIFTED, promises.LISTED, "a")
    assert "its title should be '1'" in found.recovered


@pytest.mark.parametrize("listed", [{"title": "1", "count": 2}, {"title": "old", "count": 1}])
def test_a_list_that_tells_something_else_has_drifted(listed: dict[str, Any]) -> None:
    found = explained(changed(store(a=said("1")), listed=listed), store(a=said("1")))
    assert of(found) == (Kind.DRIFTED, promises.LISTED, "a")
    assert f"listed as {listed['title']!r} with {listed['count']} messages" in found.recovered


def test_a_transcript_that_cannot_be_read_is_unreadable() -> None:
    found = explained({"transcripts": {"a": {"error": "bad header"}}}, store(a=said("1")))
    assert of(found) == (Kind.UNREADABLE, promises.DAMAGE, "a")


def test_an_appended_message_that_is_swallowed_breaks_the_promise_about_torn_tails() -> None:
    found = explained(store(a=said("1")), store(a=said("1 2")), probes=[append("2", held=True)])
    assert of(found) == (Kind.LOST, promises.TORN_TAIL, "a")


# Damage and litter


def test_damage_goes_only_with_the_transcript_that_is_deleted() -> None:
    state = store(["'x'"], a=said("1"))
    deleted = after(op("delete"), start=state)
    assert list(MODEL.beside([state], observed(state, damaged=["'x'"]))) == []
    assert list(MODEL.beside([state, deleted], observed(deleted, damaged=[]))) == []
    (found,) = MODEL.beside([state, deleted], observed(state, damaged=[]))
    assert of(found) == (Kind.LOST, promises.DAMAGE, "")


def test_litter_is_told() -> None:
    assert list(MODEL.settled({"litter": []})) == []
    (found,) = MODEL.settled({"litter": ["a.jsonl.tmp"]})
    assert of(found) == (Kind.LITTER, promises.TIDY, "")
