"""The model of a store that keeps sessions in memory until each is saved."""

from typing import Any

import pytest

from tornwrite.model import promises
from tornwrite.model.history import History
from tornwrite.model.judge import Probed, Recovery, Seen, assess, identity_of, judge
from tornwrite.model.manager import Managed, ManagerModel
from tornwrite.model.operation import Observation, Operation
from tornwrite.model.sessions import PROBE, Session
from tornwrite.model.verdict import Kind, Violation

MODEL = ManagerModel()


def op(name: str, **arguments: Any) -> Operation:
    return Operation(name, arguments)


def add(key: str, content: str) -> Operation:
    return op("add_message", key=key, role="user", content=content)


def save(key: str) -> Operation:
    return op("save", key=key)


def message(content: str) -> dict[str, str]:
    return {"role": "user", "content": content}


def after(*operations: Operation, start: Managed | None = None) -> Managed:
    state = start or Managed()
    for operation in operations:
        state = MODEL.step(state, operation)
    return state


def holding(*contents: str, key: str = "k", summary: str = "") -> Observation:
    found = {"messages": [message(content) for content in contents], "summary": summary}
    return {"sessions": {key: found}}


def seen(observed: Observation, state: Managed) -> tuple[Violation, ...]:
    """What is wrong with a recovery that shows this, where the state is what was promised."""
    permitted = History(MODEL, state).permitted()
    return judge(MODEL, permitted, assess(MODEL, Recovery(Seen(observed))))


# Operations


@pytest.mark.parametrize(
    "operation",
    [
        add("k", "new"),
        op("add_full_message", key="k", message=message("new")),
        op("set_summary", key="k", summary="new"),
        op("truncate_history", key="k", keep_last=0),
        op("set_history", key="k", history=[message("new")]),
        op("get_or_create", key="new"),
    ],
    ids=lambda operation: operation.name,
)
def test_nothing_is_seen_of_a_change_until_it_is_saved(operation: Operation) -> None:
    state = after(add("k", "old"), save("k"))
    changed = after(operation, start=state)
    assert MODEL.view(changed) == MODEL.view(state) == holding("old")
    expected = after(operation, start=Managed(memory=state.memory)).memory.get("k")
    assert after(save("k"), start=changed).saved["k"] == expected


def test_a_save_is_of_one_session_alone() -> None:
    state = after(add("k", "one"), add("other", "two"), save("k"))
    assert MODEL.view(state) == holding("one")
    assert MODEL.view(after(save("other"), start=state))["sessions"].keys() == {"k", "other"}


def test_a_session_may_begin_with_a_summary() -> None:
    state = after(op("set_summary", key="k", summary="s"), save("k"))
    assert MODEL.view(state) == holding(summary="s")


def test_a_save_of_what_is_not_there_saves_nothing() -> None:
    assert after(save("k")) == Managed()


def test_a_session_that_was_emptied_is_saved_as_nothing() -> None:
    state = after(add("k", "a"), save("k"), op("truncate_history", key="k", keep_last=0), save("k"))
    assert MODEL.view(state) == {"sessions": {}}


@pytest.mark.parametrize("name", ["open", "reopen"])
def test_a_new_process_has_what_was_saved_and_nothing_else(name: str) -> None:
    state = after(add("k", "saved"), save("k"), add("k", "not saved"), add("other", "x"), op(name))
    assert state.memory == state.saved == {"k": Session((message("saved"),))}


def test_an_unknown_operation_is_named() -> None:
    with pytest.raises(ValueError, match="'frobnicate'"):
        after(op("frobnicate"))


# What is hidden


def test_states_that_look_alike_differ_by_what_was_not_saved() -> None:
    one, two = after(add("k", "a")), after(add("k", "b"))
    assert MODEL.view(one) == MODEL.view(two)
    assert identity_of(MODEL)(one) != identity_of(MODEL)(two)


def test_sessions_that_hold_nothing_make_no_difference() -> None:
    identity = identity_of(MODEL)
    assert identity(after(op("get_or_create", key="k"))) == identity(Managed())


def test_what_was_saved_is_not_hidden() -> None:
    assert MODEL.hidden(after(add("k", "a"), save("k"))) == {}


def test_a_save_in_flight_may_have_happened_or_not() -> None:
    history = History(MODEL, Managed())
    for number, operation in enumerate((add("k", "a"), add("k", "b"))):
        history.began(number, operation)
        history.acknowledged(number)
    history.began(2, save("k"))
    views = [MODEL.view(state) for state in history.permitted().states]
    assert views == [{"sessions": {}}, holding("a", "b")]


def test_a_kill_forgets_what_was_not_saved() -> None:
    history = History(MODEL, Managed())
    for number, operation in enumerate((add("k", "a"), op("open"), save("k"))):
        if operation.name == "open":
            history.killed()
        history.began(number, operation)
        history.acknowledged(number)
    assert [MODEL.view(state) for state in history.permitted().states] == [{"sessions": {}}]


# Judging


def test_what_was_saved_has_to_come_back() -> None:
    state = after(add("k", "a"), save("k"), add("k", "b"))
    assert seen(holding("a"), state) == ()
    (wrong,) = seen({"sessions": {}}, state)
    assert (wrong.kind, wrong.promise) == (Kind.LOST, promises.DURABLE)


def test_what_was_only_in_memory_is_not_called_never_written() -> None:
    state = after(add("k", "a"))
    history = History(MODEL, Managed())
    history.began(0, add("k", "a"))
    history.acknowledged(0)
    assessed = assess(MODEL, Recovery(Seen(holding("a"))))
    (wrong,) = judge(MODEL, history.permitted(), assessed)
    assert MODEL.view(state) == {"sessions": {}}
    assert wrong.kind is Kind.RESURRECTED


def test_a_summary_that_is_gone_is_lost() -> None:
    state = after(op("set_summary", key="k", summary="s"), save("k"))
    (wrong,) = seen({"sessions": {}}, state)
    assert wrong.kind is Kind.LOST


def test_a_session_that_cannot_be_read_is_not_taken_for_an_empty_one() -> None:
    (wrong,) = seen({"sessions": {"k": {"error": "OSError: no"}}}, Managed())
    assert (wrong.kind, wrong.about) == (Kind.UNREADABLE, "k")


def test_a_message_lost_by_a_later_save_is_found() -> None:
    probes = MODEL.probes(Managed(), ("k",))
    recovery = Recovery(
        Seen({"sessions": {}}), tuple(Probed(group, Seen({"sessions": {}})) for group in probes)
    )
    (wrong,) = judge(MODEL, History(MODEL, Managed()).permitted(), assess(MODEL, recovery))
    assert (wrong.kind, wrong.promise) == (Kind.LOST, promises.DURABLE)
    assert "save" in wrong.after


def test_the_probes_end_with_a_change_that_nobody_may_see() -> None:
    (group,) = MODEL.probes(after(add("k", "a"), save("k"), op("reopen")), ())
    state = after(*group, start=after(add("k", "a"), save("k"), op("reopen")))
    assert state.saved["k"].messages == (message("a"), PROBE)
    assert state.memory["k"].messages == ()


def test_a_process_goes_on_with_saved_changes_to_what_was_being_saved() -> None:
    state = after(add("k", "a"), save("k"), add("other", "x"), save("other"))
    for way in MODEL.continuations(state, ("k",)):
        assert {one.arguments["key"] for one in way} == {"k"}
        assert way[-1] == save("k")
    assert MODEL.continuations(Managed(), ()) == ()


# Files of others


def neighbours() -> Managed:
    return MODEL.state_of({"must_stay": {"notes.json": "d1"}, "must_report": ["notes.json"]})


@pytest.mark.parametrize(
    ("files", "recovered"), [({}, "it is gone"), ({"notes.json": "d2"}, "it has other bytes")]
)
def test_a_file_of_somebody_else_stays_as_it_is(files: dict[str, str], recovered: str) -> None:
    (wrong,) = seen({"files": files, "reported": ["notes.json"]}, neighbours())
    assert (wrong.kind, wrong.promise, wrong.recovered) == (Kind.LOST, promises.DAMAGE, recovered)


def test_a_file_that_cannot_be_read_is_reported() -> None:
    untouched = {"notes.json": "d1"}
    assert seen({"files": untouched, "reported": ["notes.json"]}, neighbours()) == ()
    (wrong,) = seen({"files": untouched}, neighbours())
    assert (wrong.kind, wrong.about) == (Kind.UNREADABLE, "notes.json")


def test_files_of_others_stay_through_every_operation() -> None:
    state = after(add("k", "a"), save("k"), op("reopen"), start=neighbours())
    assert state.must_stay == {"notes.json": "d1"}
    assert state.must_report == {"notes.json"}


def test_temporary_files_are_litter() -> None:
    (wrong,) = MODEL.settled({"litter": ["x.tmp"]})
    assert (wrong.kind, wrong.promise) == (Kind.LITTER, promises.TIDY)
    assert list(MODEL.settled({"litter": []})) == []
