"""The model of what stands behind the session interface: started, migrated, fallen back."""

from typing import Any

import pytest

from tornwrite.model import promises
from tornwrite.model.backend import BackendModel, Started
from tornwrite.model.history import History
from tornwrite.model.judge import Recovery, Seen, assess, identity_of, judge
from tornwrite.model.operation import Observation, Operation
from tornwrite.model.verdict import Kind, Violation

MODEL = BackendModel()


def op(name: str, **arguments: Any) -> Operation:
    return Operation(name, arguments)


def add(key: str, content: str) -> Operation:
    return op("add_message", key=key, role="user", content=content)


def save(key: str) -> Operation:
    return op("save", key=key)


def after(*operations: Operation, start: Started | None = None) -> Started:
    state = start or Started()
    for operation in operations:
        state = MODEL.step(state, operation)
    return state


def holding(*contents: str) -> Observation:
    messages = [{"role": "user", "content": content} for content in contents]
    return {"sessions": {"k": {"messages": messages, "summary": ""}}}


HINDERED = MODEL.state_of({**holding("old"), "hindered": ["bad.json"]})
OPEN = op("open")


def seen(observed: Observation, state: Started) -> tuple[Violation, ...]:
    permitted = History(MODEL, state).permitted()
    return judge(MODEL, permitted, assess(MODEL, Recovery(Seen(observed))))


# Nothing hinders the start


def test_every_change_is_on_the_disk_at_once() -> None:
    assert MODEL.view(after(OPEN, add("k", "a"))) == holding("a")
    assert MODEL.view(after(OPEN, add("k", "a"), save("k"))) == holding("a")


def test_a_new_start_changes_nothing() -> None:
    state = after(OPEN, add("k", "a"))
    assert MODEL.view(after(op("reopen"), start=state)) == MODEL.view(state)


# A legacy file hinders it


def test_a_store_that_fell_back_shows_a_change_once_it_is_saved() -> None:
    changed = after(OPEN, add("k", "new"), start=HINDERED)
    assert MODEL.view(changed) == holding("old")
    assert MODEL.view(after(save("k"), start=changed)) == holding("old", "new")


def test_what_was_not_saved_is_gone_with_the_process() -> None:
    state = after(OPEN, add("k", "new"), op("reopen"), save("k"), start=HINDERED)
    assert MODEL.view(state) == holding("old")


def test_taking_the_file_away_helps_at_the_next_start_only() -> None:
    away = after(OPEN, op("take_away", file="bad.json"), start=HINDERED)
    assert MODEL.view(after(add("k", "new"), start=away)) == holding("old")
    assert MODEL.view(after(op("reopen"), add("k", "new"), start=away)) == holding("old", "new")


def test_putting_it_back_hinders_the_next_start_only() -> None:
    back = after(OPEN, op("put_back", file="bad.json"), start=Started())
    assert MODEL.view(after(add("k", "new"), start=back)) == holding("new")
    assert MODEL.view(after(op("reopen"), add("k", "new"), start=back)) == {"sessions": {}}


def test_states_that_look_alike_differ_by_how_the_next_start_goes() -> None:
    away = after(op("take_away", file="bad.json"), start=HINDERED)
    assert MODEL.view(away) == MODEL.view(HINDERED)
    assert identity_of(MODEL)(away) != identity_of(MODEL)(HINDERED)
    unsaved = after(add("k", "new"), start=HINDERED)
    assert identity_of(MODEL)(unsaved) != identity_of(MODEL)(HINDERED)


def test_an_unknown_operation_is_named() -> None:
    with pytest.raises(ValueError, match="'frobnicate'"):
        after(op("frobnicate"))


# Judging


def test_a_start_loses_doubles_and_splits_nothing() -> None:
    state = MODEL.state_of(holding("a", "b"))
    assert seen(holding("a", "b"), state) == ()
    kinds = [seen(holding(*contents), state)[0].kind for contents in ("b", "abab", "ba")]
    assert kinds == [Kind.LOST, Kind.DUPLICATED, Kind.REORDERED]


def test_originals_stay_under_whatever_name() -> None:
    state = MODEL.state_of({"must_keep": ["d1", "d2"]})
    assert seen({"files": ["d0", "d1", "d2"]}, state) == ()
    (wrong,) = seen({"files": ["d2"]}, state)
    assert (wrong.kind, wrong.promise, wrong.recovered) == (
        Kind.LOST,
        promises.MIGRATION,
        "1 file gone",
    )


def test_a_start_that_did_not_fall_back_leaves_no_file_waiting() -> None:
    (wrong,) = seen({"waiting": ["chat_1.json"]}, Started())
    assert (wrong.kind, wrong.about) == (Kind.STUCK, "chat_1.json")
    assert seen({"waiting": ["chat_1.json"], "hindered": ["chat_1.json"]}, Started()) == ()


def test_half_written_metadata_is_found() -> None:
    (wrong,) = seen({"unreadable": ["chat_1.meta.json"]}, Started())
    assert wrong.kind is Kind.TORN


def test_drift_and_litter_are_found() -> None:
    kinds = [one.kind for one in MODEL.settled({"drift": ["count 3"], "litter": ["x.tmp"]})]
    assert kinds == [Kind.DRIFTED, Kind.LITTER]


def test_a_store_that_fell_back_is_probed_with_saves() -> None:
    (group,) = MODEL.probes(HINDERED, ("other",))
    assert [one.arguments["key"] for one in group if one.name == "save"] == ["other", "k"]
    assert all(way[-1].name == "save" for way in MODEL.continuations(HINDERED, ()))


def test_one_that_did_not_is_looked_at_before_the_save() -> None:
    """A save compacts, which would repair what an append did wrong."""
    added, rewritten = MODEL.probes(MODEL.state_of(holding("a")), ())
    assert {one.name for one in added} == {"add_full_message"}
    assert rewritten[-1] == save("k")
    for way in MODEL.continuations(MODEL.state_of(holding("a")), ()):
        assert "save" not in {one.name for one in way}


def test_nothing_is_gone_on_with_where_there_is_nothing() -> None:
    assert MODEL.continuations(Started(), ()) == ()
