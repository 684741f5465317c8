"""The model of an archiving store, and what it says of one that is wrong."""

from collections.abc import Sequence
from typing import Any

import pytest

from tornwrite.model import promises
from tornwrite.model.archive import PROBE, ArchivableSession, Archive, ArchiveModel
from tornwrite.model.operation import Operation
from tornwrite.model.verdict import Kind, Promise, Violation

MODEL = ArchiveModel()


def op(name: str, session_id: str = "a", **arguments: Any) -> Operation:
    return Operation(name, {"session_id": session_id, **arguments})


def save(content: str, session_id: str = "a") -> Operation:
    return op("save", session_id, message=message(content))


def message(content: str) -> dict[str, str]:
    return {"role": "user", "content": content}


def after(*operations: Operation, start: Archive | None = None) -> Archive:
    state = start or Archive()
    for operation in operations:
        state = MODEL.step(state, operation)
    return state


def session(words: str, archived: bool = False) -> ArchivableSession:
    return ArchivableSession(tuple(message(word) for word in words.split()), archived)


def store(must_keep: Sequence[str] = (), **sessions: ArchivableSession) -> Archive:
    return Archive(sessions, frozenset(must_keep))


# Operations


def test_a_message_is_saved_at_the_end_of_its_session_alone() -> None:
    assert after(save("1"), save("x", "b"), save("2")) == store(a=session("1 2"), b=session("x"))


def test_an_archived_session_keeps_its_messages() -> None:
    assert after(save("1"), op("archive")) == store(a=session("1", archived=True))


def test_archiving_twice_is_archiving_once() -> None:
    once = after(save("1"), op("archive"))
    assert after(op("archive"), start=once) == once


def test_saving_to_an_archived_session_goes_on_with_it() -> None:
    assert after(save("1"), op("archive"), save("2")) == store(a=session("1 2"))


def test_to_archive_what_does_not_exist_changes_nothing() -> None:
    assert after(op("archive")) == store()


def test_a_deleted_session_is_gone_whichever_of_it_was_archived() -> None:
    assert after(save("1"), op("archive"), save("2"), op("delete"), save("3")) == store(
        a=session("3")
    )
    assert after(op("delete")) == store()


def test_what_was_archived_must_have_existed() -> None:
    existing = op("archive_existing")
    assert after(save("1"), existing) == store(a=session("1", archived=True))
    wrong = after(existing)
    seen = MODEL.normalised(observed(store()))
    assert MODEL.view(wrong) != seen
    assert MODEL.view(after(save("1"), op("archive"), start=wrong)) != MODEL.view(
        store(a=session("1", archived=True))
    )


@pytest.mark.parametrize("name", ["load", "list", "exists", "open", "reopen"])
def test_what_only_looks_changes_nothing(name: str) -> None:
    state = store(a=session("1"))
    assert after(op(name), start=state) == state


def test_an_unknown_operation_is_named() -> None:
    with pytest.raises(ValueError, match="'frobnicate'"):
        after(op("frobnicate"))


@pytest.mark.parametrize("name", ["save", "archive", "delete"])
def test_everything_is_atomic(name: str) -> None:
    assert list(MODEL.between(store(a=session("1")), op(name, message=PROBE))) == []


# Answers


@pytest.mark.parametrize(
    ("operation", "answer"),
    [
        (op("load", "a"), [message("1"), message("2")]),
        (op("load", "c"), [message("3")]),
        (op("load", "x"), []),
        (Operation("list"), ["a", "b"]),
        (op("exists", "c"), True),
        (op("exists", "x"), False),
        (save("1"), None),
        (op("archive"), None),
    ],
    ids=str,
)
def test_what_is_read_is_what_there_is(operation: Operation, answer: Any) -> None:
    state = store(b=session("1"), a=session("1 2"), c=session("3", archived=True))
    assert MODEL.answer(state, operation) == answer


# Observations


def observed(state: Archive, **more: Any) -> dict[str, Any]:
    return {**MODEL.view(state), **more}


def test_a_state_that_was_observed_is_seen_the_same_way() -> None:
    state = store(a=session("1", archived=True), b=session("2"))
    assert MODEL.state_of(observed(state)) == state


def test_an_archived_session_is_not_seen_as_an_active_one() -> None:
    assert MODEL.view(store(a=session("1"))) != MODEL.view(store(a=session("1", archived=True)))


def test_names_are_the_ids_of_the_operations_each_once_in_order() -> None:
    assert MODEL.names([save("", "b"), Operation("list"), save("", "a"), op("delete", "b")]) == (
        "b",
        "a",
    )


# Probes, and processes that go on


def test_probes_go_on_with_each_session_archive_it_and_begin_it_anew() -> None:
    state = store(there=session("1"))
    for group in MODEL.probes(state, ["named"]):
        state = after(*group, start=state)
        assert set(state.sessions) == {"named", "there"}
    assert [one.archived for one in state.sessions.values()] == [False, False]
    assert [len(one.messages) for one in state.sessions.values()] == [1, 1]


def test_a_process_that_goes_on_may_do_anything_to_what_the_dead_one_was_about() -> None:
    state = store(a=session("1"), b=session("2"))
    ways = MODEL.continuations(state, ["a"])
    first = {way[0].name for way in ways}
    assert first == {"save", "archive", "archive_existing", "delete"}
    assert {step.arguments["session_id"] for way in ways for step in way} == {"a"}
    every = {step.arguments["session_id"] for way in MODEL.continuations(state, []) for step in way}
    assert every == {"a", "b"}


def test_a_process_does_not_delete_what_is_not_there_or_take_it_for_archived() -> None:
    assert [way[0].name for way in MODEL.continuations(store(), ["a"])] == ["save", "archive"]
    assert MODEL.continuations(store(), []) == ()


# What is said about a wrong one


def explained(
    found: dict[str, Any] | Archive,
    *permitted: Archive,
    past: Sequence[Archive] = (),
    probes: Sequence[Operation] = (),
) -> Violation:
    if isinstance(found, Archive):
        found = observed(found)
    return MODEL.explain(found, permitted, past, probes)


def of(violation: Violation) -> tuple[Kind, Promise, str]:
    return violation.kind, violation.promise, violation.about


def test_archived_messages_that_are_hidden_by_later_ones_are_lost() -> None:
    found = explained(store(a=session("2")), store(a=session("1 2")))
    assert of(found) == (Kind.LOST, promises.DURABLE, "a")
    assert found.promised == "active, 2 messages ['1', '2']"
    assert found.recovered.startswith("active, 1 message ['2']; 1 missing")


def test_an_archiving_that_was_undone_is_lost() -> None:
    active, archived = store(a=session("1")), store(a=session("1", archived=True))
    found = explained(active, archived, past=[active, archived])
    assert of(found) == (Kind.LOST, promises.DURABLE, "a")
    assert "where it was before" in found.recovered


def test_a_session_that_was_archived_and_never_existed_is_lost() -> None:
    unsaved, saved = store(), store(a=session("1"))
    permitted = [after(op("archive_existing"), start=state) for state in (unsaved, saved)]
    found = explained(store(), *permitted, past=[unsaved, saved])
    assert of(found) == (Kind.LOST, promises.DURABLE, "a")
    assert found.promised == "archived, 1 message ['1']"


def test_a_session_that_was_archived_without_being_told_to_is_torn() -> None:
    found = explained(store(a=session("1", archived=True)), store(a=session("1")))
    assert of(found) == (Kind.TORN, promises.ATOMIC, "a")
    assert "wrong place" in found.recovered


def test_a_session_without_a_message_is_torn() -> None:
    empty = {"sessions": {"a": {"messages": [], "archived": False}}}
    found = explained(empty, store())
    assert of(found) == (Kind.TORN, promises.ATOMIC, "a")
    assert found.promised == "no session"
    assert found.recovered == "active, no messages; there is a session without a message"


def test_half_of_a_deleted_session_is_resurrected() -> None:
    whole, half = store(a=session("1 2")), store(a=session("1", archived=True))
    found = explained(half, store(), past=[half, whole, store()])
    assert of(found) == (Kind.RESURRECTED, promises.ATOMIC, "a")


@pytest.mark.parametrize("swapped", [False, True])
def test_half_of_a_session_that_is_being_deleted_is_lost_and_not_back(swapped: bool) -> None:
    permitted = [store(a=session("1 2")), store()]
    found = explained(store(a=session("2")), *(reversed(permitted) if swapped else permitted))
    assert of(found) == (Kind.LOST, promises.DURABLE, "a")


def test_a_session_that_cannot_be_read_is_unreadable() -> None:
    found = explained({"sessions": {"a": {"error": "bad line"}}}, store(a=session("1")))
    assert of(found) == (Kind.UNREADABLE, promises.DAMAGE, "a")


def test_a_saved_message_that_is_swallowed_breaks_the_promise_about_torn_tails() -> None:
    found = explained(store(a=session("1")), store(a=session("1 2")), probes=[save("2")])
    assert of(found) == (Kind.LOST, promises.TORN_TAIL, "a")


def test_a_message_before_the_saved_one_that_is_gone_does_not() -> None:
    found = explained(store(a=session("2")), store(a=session("1 2")), probes=[save("2")])
    assert of(found) == (Kind.LOST, promises.DURABLE, "a")


def test_sessions_that_are_right_but_not_together_are_torn() -> None:
    before, afterwards = store(), store(a=session("1"), b=session("1"))
    found = explained(store(a=session("1")), before, afterwards)
    assert of(found) == (Kind.TORN, promises.ATOMIC, "the store")


# Damage and litter


def test_damage_that_has_to_stay_is_missed() -> None:
    state = store(["'x'"], a=session("1"))
    assert list(MODEL.beside([state], observed(state, damaged=["'x'"]))) == []
    (found,) = MODEL.beside([state], observed(state, damaged=[]))
    assert of(found) == (Kind.LOST, promises.DAMAGE, "")


def test_damage_goes_with_the_session_that_is_deleted() -> None:
    state = store(["'x'"], a=session("1"))
    deleted = after(op("delete"), start=state)
    assert list(MODEL.beside([state, deleted], observed(deleted, damaged=[]))) == []
    assert list(MODEL.beside([state, deleted], observed(state, damaged=[]))) != []


def test_litter_is_told() -> None:
    assert list(MODEL.settled({"litter": []})) == []
    (found,) = MODEL.settled({"litter": ["a.jsonl.whole"]})
    assert of(found) == (Kind.LITTER, promises.TIDY, "")
    assert "a.jsonl.whole" in found.recovered
