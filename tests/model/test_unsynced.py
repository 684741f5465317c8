"""Stores that make durable later: what may come back is a prefix, and nothing else."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tornwrite.faults.profiles import KILL, POSIX
from tornwrite.faults.trace import Acknowledged, Began, Event, Failed, Restarted
from tornwrite.model.history import History
from tornwrite.model.judge import Permitted
from tornwrite.model.operation import REFUSED, Operation
from tornwrite.model.shapes import AppendLog, KeyValue
from tornwrite.model.unsynced import PostponingHistory, history_of, left_to_a_kill
from tornwrite.scenarios.promised import Promised, tell, under

STRONG = AppendLog(clear="clear", unchanged=("sync",))
LATER = AppendLog(clear="clear", durable_after="sync")
NEVER = AppendLog(clear="clear", durable_after=(), unchanged=("sync",))
BUFFERED = AppendLog(clear="clear", durable_after="sync", buffered=True)

CLEAR, SYNC, REOPEN = Operation("clear"), Operation("sync"), Operation("reopen")


def append(item: str) -> Operation:
    return Operation("append", {"item": item})


def after(model: AppendLog, *operations: Operation) -> History[Any]:
    """The history in which these were done one after the other, and acknowledged."""
    history = history_of(model, ())
    for number, operation in enumerate(operations):
        history.began(number, operation)
        history.acknowledged(number)
    return history


def states(permitted: Permitted[Any] | None) -> set[str]:
    assert permitted is not None
    return {"".join(state) for state in permitted.states}


def lost(history: History[Any]) -> set[str]:
    """What may come back after a power loss."""
    return states(under(history.permitted(), POSIX))


def killed(history: History[Any]) -> set[str]:
    """What may come back after a kill."""
    return states(under(history.permitted(), KILL))


def test_a_power_loss_may_leave_any_prefix_since_the_last_sync() -> None:
    history = after(LATER, append("a"), SYNC, append("b"), append("c"))
    assert lost(history) == {"a", "ab", "abc"}


def test_a_kill_leaves_all_that_was_acknowledged() -> None:
    assert killed(after(LATER, append("a"), append("b"))) == {"ab"}


def test_what_a_reader_sees_meanwhile_is_all_of_it() -> None:
    assert states(after(LATER, append("a"), append("b")).permitted()) == {"ab"}


def test_a_sync_that_was_acknowledged_leaves_nothing_in_doubt() -> None:
    assert lost(after(LATER, append("a"), CLEAR, append("b"), SYNC)) == {"b"}


def test_a_sync_in_flight_promises_nothing_yet() -> None:
    history = after(LATER, append("a"), append("b"))
    history.began(9, SYNC)
    assert lost(history) == {"", "a", "ab"}


def test_a_sync_that_failed_promises_nothing() -> None:
    history = after(LATER, append("a"))
    history.began(9, SYNC)
    history.failed(9)
    assert lost(history) == {"", "a"}


def test_what_failed_is_in_no_prefix() -> None:
    history = after(LATER, append("a"))
    history.began(8, append("x"))
    history.failed(8)
    history.began(9, append("b"))
    history.acknowledged(9)
    assert lost(history) == {"", "a", "ab"}


def test_what_failed_while_others_went_on_is_in_no_prefix() -> None:
    history = history_of(LATER, ())
    history.began(0, append("x"))
    history.began(1, append("a"))
    history.acknowledged(1)
    assert lost(history) == {"", "x", "a", "xa", "ax"}
    history.failed(0)
    assert lost(history) == {"", "a"}


def test_a_store_that_never_syncs_may_come_back_as_it_ever_was() -> None:
    assert lost(after(NEVER, append("a"), SYNC, CLEAR, append("b"))) == {"", "a", "b"}


def test_what_came_back_after_a_power_loss_is_durable() -> None:
    history = after(LATER, append("a"), append("b"))
    history.became(("a",))
    assert lost(history) == {"a"}


def test_how_a_store_came_up_after_an_error_is_not_durable() -> None:
    history = after(LATER, append("a"))
    history.became(("a",), durable=False)
    assert lost(history) == {"", "a"}


def test_a_kill_makes_nothing_durable() -> None:
    history = after(LATER, append("a"))
    history.began(9, append("b"))
    history.killed()
    assert lost(history) == {"", "a", "ab"}


def test_an_append_during_a_sync_may_be_lost_all_the_same() -> None:
    history = history_of(LATER, ())
    history.began(0, append("a"))
    history.acknowledged(0)
    history.began(1, SYNC)
    history.began(2, append("b"))
    history.acknowledged(2)
    history.acknowledged(1)
    assert lost(history) == {"a", "ab"}


def test_a_buffered_store_loses_as_much_by_a_kill() -> None:
    history = after(BUFFERED, append("a"), SYNC, append("b"))
    assert killed(history) == {"a", "ab"}
    assert lost(history) == {"a", "ab"}


def test_a_buffered_store_that_was_closed_loses_no_more_by_a_kill() -> None:
    history = after(BUFFERED, append("a"), REOPEN)
    assert killed(history) == {"a"}
    assert lost(history) == {"", "a"}


def test_who_goes_on_after_a_kill_finds_any_of_what_a_buffered_store_had() -> None:
    history = after(BUFFERED, append("a"), append("b"))
    history.killed()
    history.began(9, append("c"))
    history.acknowledged(9)
    assert killed(history) == {"", "a", "ab", "c", "ac", "abc"}
    history.began(10, SYNC)
    history.acknowledged(10)
    assert killed(history) == {"c", "ac", "abc"}


def test_a_full_disk_leaves_to_a_kill_what_a_buffered_store_kept_to_itself() -> None:
    older = left_to_a_kill(BUFFERED, (), (), append("a"))
    assert left_to_a_kill(BUFFERED, older, ("a",), append("b")) == ((), ("a",))
    assert left_to_a_kill(BUFFERED, older, ("a",), SYNC) == ()
    assert left_to_a_kill(LATER, (), (), append("a")) == ()


def test_half_done_changes_are_among_what_a_power_loss_may_bring_back() -> None:
    model = KeyValue(clear="clear", clear_in_parts=True, durable_after=())
    history = history_of(model, {"a": 1, "b": 2})
    history.began(0, CLEAR)
    history.acknowledged(0)
    found = under(history.permitted(), POSIX).states
    assert {"".join(state) for state in found} == {"", "a", "b", "ab"}


def test_a_store_that_is_durable_at_once_has_the_plain_history() -> None:
    history = history_of(STRONG, ())
    assert not isinstance(history, PostponingHistory)
    permitted = history.permitted()
    assert under(permitted, POSIX) is under(permitted, KILL) is permitted


def test_what_was_refused_promises_nothing() -> None:
    model = KeyValue()
    promised = Promised(model, {"a": 1})
    delete = Operation("delete", {"key": "a"})
    promised.tell(Began(0, delete.name, delete.arguments))
    promised.tell(Acknowledged(0, REFUSED))
    assert promised.permitted().after_power_loss.states == ({"a": 1},)


# Weaker is weaker, and only that

_LETTERS = st.sampled_from("abc")
_OPERATIONS = st.one_of(_LETTERS.map(append), st.just(CLEAR), st.just(SYNC), st.just(REOPEN))


@st.composite
def runs(draw: st.DrawFn) -> list[Event]:
    """What may happen to a store of several users: beginnings, ends of all kinds, kills."""
    events: list[Event] = []
    flying: list[int] = []
    for number in range(draw(st.integers(1, 7))):
        one = draw(_OPERATIONS)
        events.append(Began(number, one.name, one.arguments))
        flying.append(number)
        while flying and draw(st.booleans()):
            ended = flying.pop(draw(st.integers(0, len(flying) - 1)))
            events.append(draw(st.sampled_from((Acknowledged(ended), Failed(ended, "no")))))
        if draw(st.integers(0, 9)) == 9:
            events.append(Restarted())
            flying.clear()
    return events


def told(model: AppendLog, events: Sequence[Event]) -> Permitted[Any]:
    history = history_of(model, ())
    for event in events:
        tell(history, event)
    return history.permitted()


@given(runs())
def test_all_that_the_strong_model_permits_is_permitted(events: list[Event]) -> None:
    strong = told(STRONG, events).views
    later = told(LATER, events)
    assert later.views == strong
    assert strong <= under(later, POSIX).views <= under(told(NEVER, events), POSIX).views
    assert under(later, KILL).views == strong
    buffered = told(BUFFERED, events)
    assert strong <= under(buffered, KILL).views


@given(st.lists(_OPERATIONS, max_size=8))
def test_one_after_another_it_is_exactly_the_states_since_the_last_sync(
    operations: list[Operation],
) -> None:
    gone_through: list[tuple[Any, ...]] = [()]
    for operation in operations:
        state = LATER.step(gone_through[-1], operation)
        gone_through = [state] if operation == SYNC else [*gone_through, state]
    assert lost(after(LATER, *operations)) == {"".join(state) for state in gone_through}
