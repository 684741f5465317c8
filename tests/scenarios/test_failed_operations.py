"""What may come back of an operation that failed: at once, after a power loss, and how long."""

from collections.abc import Iterable
from typing import Any

from support.key_values import KeyValueModel, RightStore, Values, put
from tornwrite.faults.steps import Fsync, Open, Rename
from tornwrite.faults.trace import Acknowledged, Began, Event, Failed, Stepped, Trace
from tornwrite.model.history import History
from tornwrite.model.operation import Operation
from tornwrite.scenarios.permitted import Failures, permitted_by_epoch
from tornwrite.scenarios.subject import Scenario, Subject


class WithReading(KeyValueModel):
    """There is an operation that changes nothing, too."""

    def step(self, state: Values, operation: Operation) -> Values:
        return state if operation.name == "get" else super().step(state, operation)


SCENARIO = Scenario("some", "what is told in the tests", (), ())
SUBJECT = Subject("a key-value store", WithReading(), RightStore, (SCENARIO,))

BEFORE: Values = {"a": "old"}
START = (("a", b"old"),)


def began(number: int, operation: Operation) -> Began:
    return Began(number, operation.name, operation.arguments)


def stepped(number: int, *steps: Any) -> list[Event]:
    return [Stepped(step, (), number) for step in steps]


def done(number: int, key: str, value: str, *, sync: bool = True) -> list[Event]:
    """A put that was acknowledged."""
    steps = stepped(number, Rename(f"{key}.tmp", key), *([Fsync("")] if sync else []))
    return [began(number, put(key, value)), *steps, Acknowledged(number)]


def failed(number: int, key: str, value: str) -> list[Event]:
    """A put that failed after it had done something."""
    return [
        began(number, put(key, value)),
        *stepped(number, Open(1, f"{key}.tmp", create=True)),
        Failed(number, "OSError: no"),
    ]


def states(events: Iterable[Event], failures: Failures | None = None) -> list[Values]:
    """What may come back at the end."""
    trace = Trace(START, tuple(events))
    found = permitted_by_epoch(SUBJECT, SCENARIO, trace, failures=failures)
    return sorted(found[max(found)].states, key=lambda state: (len(state), str(state)))


FIRST = done(0, "a", "first")
POWER = Failures(power=True)


def test_what_failed_has_changed_nothing() -> None:
    assert states([*FIRST, *failed(1, "a", "second")]) == [{"a": "first"}]


def test_after_a_power_loss_it_may_have() -> None:
    events = [*FIRST, *failed(1, "a", "second")]
    assert states(events, POWER) == [{"a": "first"}, {"a": "second"}]


def test_what_failed_before_it_did_anything_is_in_no_doubt() -> None:
    events = [*FIRST, began(1, put("a", "second")), Failed(1, "OSError: no")]
    assert states(events, POWER) == [{"a": "first"}]


def test_it_is_out_when_the_same_thing_was_made_durable_since() -> None:
    events = [*FIRST, *failed(1, "b", "second"), *done(2, "b", "third")]
    assert states(events, POWER) == [{"a": "first", "b": "third"}]


def test_it_may_still_be_there_when_another_thing_was() -> None:
    events = [*FIRST, *failed(1, "b", "second"), *done(2, "a", "third")]
    assert states(events, POWER) == [{"a": "third"}, {"a": "third", "b": "second"}]


def test_what_synced_nothing_settles_nothing() -> None:
    looked = [began(2, Operation("get", {"key": "b"})), Acknowledged(2)]
    stayed = [looked[0], *stepped(2, Open(2, "log", create=True)), looked[1]]
    synced = [looked[0], *stepped(2, Fsync("")), looked[1]]
    assert states([*failed(1, "b", "second"), *looked], POWER) == [{}, {"b": "second"}]
    assert states([*failed(1, "b", "second"), *stayed], POWER) == [{}, {"b": "second"}]
    assert states([*failed(1, "b", "second"), *synced], POWER) == [{}]


def test_what_said_that_it_was_not_undone_may_be_there() -> None:
    given = Failures(not_undone={1: True})
    events = [*FIRST, *failed(1, "b", "second")]
    both = [{"a": "first"}, {"a": "first", "b": "second"}]
    assert states(events, given) == both
    assert states(events, Failures({1: True}, power=True)) == both
    later = states([*events, *done(2, "a", "third")], given)
    assert later == [{"a": "third"}, {"a": "third", "b": "second"}]


def test_what_was_to_be_seen_of_it_is_durable_with_the_next_of_its_kind() -> None:
    events = [*FIRST, *failed(1, "b", "second"), began(2, Operation("get", {"key": "b"}))]
    events += [*stepped(2, Fsync("")), Acknowledged(2)]
    assert states(events, Failures({1: True}, power=True)) == [{"a": "first", "b": "second"}]
    assert states(events, Failures({1: False}, power=True)) == [{"a": "first"}]


def test_what_did_not_touch_the_disk_answered_to_what_was_to_be_seen() -> None:
    events = [*failed(1, "b", "second"), began(2, Operation("delete", {"key": "b"}))]
    assert states([*events, Acknowledged(2)], POWER) == [{}, {"b": "second"}]


def test_how_an_opening_came_up_is_taken_over() -> None:
    opened = [began(1, Operation("reopen")), Acknowledged(1)]
    events = [*FIRST, *failed(2, "b", "second"), *opened, *done(3, "c", "third")]
    given = Failures(power=True, came_up={1: {"a": "other"}})
    assert states(events, given) == [{"a": "other", "c": "third"}]


class InParts(KeyValueModel):
    """Putting two characters may be seen half done."""

    def between(self, state: Values, operation: Operation) -> Iterable[Values]:
        arguments = operation.arguments
        yield {**state, arguments["key"]: arguments["value"][:1]}


def test_what_is_not_atomic_may_have_failed_in_part() -> None:
    history = History(InParts(), BEFORE)
    history.began(0, put("a", "xy"))
    history.failed(0)
    assert list(history.permitted().states) == [BEFORE, {"a": "x"}]
    history.began(1, put("b", "z"))
    history.acknowledged(1)
    assert list(history.permitted().states) == [{**BEFORE, "b": "z"}, {"a": "x", "b": "z"}]
