"""The models for common shapes: what they find wrong with which stores."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import strategies as st

from support import small_stores as stores
from support.small_stores import Opens, findings, kinds
from tornwrite.model.judge import GoesOn, Model
from tornwrite.model.operation import Operation
from tornwrite.model.shapes import AppendLog, Document, KeyValue, Queue
from tornwrite.model.verdict import Kind
from tornwrite.scenarios.built.building import python_subject
from tornwrite.scenarios.subject import Subject

TEXT = st.text()
NEVER_DURABLE = AppendLog(clear="clear", durable_after=(), unchanged=("sync",))


def log(store: Opens, model: Model[Any] | None = None, **more: Any) -> Subject:
    operations = {"append": {"item": TEXT}, "clear": {}, **more}
    return python_subject(store, model or AppendLog(clear="clear"), operations)


def batched(store: Opens, **weaker: Any) -> Subject:
    model = AppendLog(clear="clear", durable_after="sync", **weaker)
    return log(store, model, sync={})


def key_value(store: Opens, model: Model[Any] | None = None) -> Subject:
    operations: dict[str, Any] = {
        "put": {"key": TEXT, "value": TEXT},
        "delete": {"key": TEXT},
        "clear": {},
    }
    return python_subject(store, model or KeyValue(clear="clear"), operations)


def document(store: Opens) -> Subject:
    return python_subject(store, Document(), {"save": {"content": TEXT}})


def queue(store: Opens) -> Subject:
    return python_subject(store, Queue(), {"push": {"item": TEXT}, "pop": {}})


# Right ones


@pytest.mark.parametrize(
    "subject",
    [
        log(stores.Log),
        key_value(stores.Map),
        document(stores.Page),
        queue(stores.Line),
        batched(stores.BatchedLog),
        batched(stores.WaitingLog, buffered=True),
        log(stores.BatchedLog, NEVER_DURABLE, sync={}),
        key_value(stores.Files, KeyValue(clear="clear", clear_in_parts=True)),
    ],
    ids=lambda subject: subject.about,
)
def test_a_store_that_keeps_what_it_promises_passes(subject: Subject) -> None:
    assert findings(subject) == []


# Wrong ones


@pytest.mark.parametrize(
    ("subject", "kind"),
    [
        (log(stores.UnsyncedLog), Kind.LOST),
        (log(stores.GluingLog), Kind.LOST),
        (log(stores.TornLog), Kind.TORN),
        (log(stores.TwiceLog), Kind.DUPLICATED),
        (log(stores.BackwardLog), Kind.REORDERED),
        (log(stores.UnclearedLog), Kind.RESURRECTED),
        (key_value(stores.InPlaceMap), Kind.UNREADABLE),
        (key_value(stores.UnsyncedMap), Kind.LOST),
        (key_value(stores.UnsyncedMap), Kind.RESURRECTED),
        (key_value(stores.TornFiles), Kind.TORN),
        (key_value(stores.HauntedFiles), Kind.RESURRECTED),
        (key_value(stores.MixedUpMap), Kind.LEAKED),
        (key_value(stores.Files), Kind.TORN),
        (document(stores.OverwrittenPage), Kind.TORN),
        (document(stores.UnsyncedPage), Kind.LOST),
        (document(stores.ProudPage), Kind.LOST),
        (document(stores.StampedPage), Kind.PHANTOM),
        (queue(stores.PoppingLine), Kind.RESURRECTED),
        (queue(stores.PushingLine), Kind.LOST),
        (queue(stores.InPlaceLine), Kind.UNREADABLE),
        (queue(stores.StackLine), Kind.REORDERED),
    ],
    ids=lambda one: getattr(one, "about", "") or one.value,
)
def test_a_store_that_does_not_is_caught_by_the_right_kind(subject: Subject, kind: Kind) -> None:
    assert kind in kinds(subject)


# Weaker promises


def test_a_store_that_syncs_later_breaks_the_usual_promise() -> None:
    operations = {"append": {"item": TEXT}, "clear": {}, "sync": {}}
    model = AppendLog(clear="clear", unchanged=("sync",))
    assert Kind.LOST in kinds(python_subject(stores.BatchedLog, model, operations))


@pytest.mark.parametrize(
    "subject",
    [batched(stores.DeafLog), batched(stores.HoleyLog), batched(stores.WaitingLog)],
    ids=["never syncs", "not in order", "a kill takes it"],
)
def test_a_store_that_breaks_even_the_weaker_promise_is_caught(subject: Subject) -> None:
    assert Kind.LOST in kinds(subject)


def test_only_a_buffered_store_may_lose_by_a_kill_what_it_has_acknowledged() -> None:
    found = findings(batched(stores.WaitingLog))
    assert {one.profile for one in found} == {"kill"}


def test_clearing_in_parts_is_a_promise_less_and_not_more() -> None:
    weaker = KeyValue(clear="clear", clear_in_parts=True)
    assert Kind.TORN in kinds(key_value(stores.TornFiles, weaker))
    assert weaker.weakened == ("a crash in clear may leave some of the keys",)


def test_what_is_weaker_is_said_by_name() -> None:
    assert batched(stores.BatchedLog).weakened == (
        "a power loss may take what was acknowledged since the last sync, the latest first",
    )
    assert AppendLog(durable_after=(), buffered=True).weakened == (
        "a power loss or a kill may take what was acknowledged at any time, the latest first",
    )
    assert log(stores.Log).weakened == ()


def test_a_finding_of_a_weaker_store_names_the_promise_that_it_makes() -> None:
    found = findings(batched(stores.DeafLog))
    lost = [one.violation.promise for one in found if one.violation.kind is Kind.LOST]
    assert {promise.name for promise in lost} == {"durable in order"}


# What a store is used for after a crash


@pytest.mark.parametrize("model", [AppendLog(), KeyValue(), Document(), Queue()])
def test_every_shape_says_how_to_go_on(model: Any) -> None:
    assert isinstance(model, GoesOn)
    state = model.state_of({})
    assert model.probes(state, ())
    assert model.continuations(state, ())


def test_probes_are_of_the_kind_that_the_store_takes() -> None:
    numbers = {"append": {"item": st.integers(0, 9)}}
    subject = python_subject(stores.Log, AppendLog(), numbers)
    probes = subject.model.probes((), ())
    items = [one.arguments["item"] for group in probes for one in group]
    assert items
    assert all(isinstance(item, int) and 0 <= item <= 9 for item in items)
    written = {
        one.arguments["item"]
        for scenario in subject.scenarios
        for one in scenario.operations
        if one.name == "append"
    }
    assert not written & set(items)


def test_keys_that_are_numbers_are_shown_as_texts_and_given_as_numbers() -> None:
    operations: dict[str, Any] = {"put": {"key": st.integers(), "value": TEXT}}
    subject = python_subject(stores.Map, KeyValue(delete=None), operations)
    model = subject.model
    state = model.state_of({"content": {"1": "one", "2": "two"}})
    ((first, *_),) = model.probes(state, ("1",))
    assert first.arguments["key"] == 1
    assert model.step(state, replace(first, arguments={"key": 2, "value": "x"}))["2"] == "x"


def test_a_model_knows_no_operation_that_its_store_does_not_have() -> None:
    with pytest.raises(ValueError, match="has no operation 'clear'"):
        AppendLog().step((), Operation("clear"))
