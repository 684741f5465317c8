"""What may come back, epoch by epoch, of a trace in which operations overlap."""

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.line_log import LineLog, Lines, PlainModel, add
from tornwrite.faults.images import EMPTY
from tornwrite.faults.steps import SyncAll
from tornwrite.faults.trace import Acknowledged, Began, Event, Failed, Restarted, Stepped, Trace
from tornwrite.model.linearise import Call
from tornwrite.model.operation import canonical
from tornwrite.scenarios.permitted import calls_of, permitted_by_epoch
from tornwrite.scenarios.subject import Scenario, Subject

SCENARIO = Scenario("run", "a run", (), ())
SUBJECT = Subject("lines", PlainModel(), LineLog, (SCENARIO,))


def began(number: int, line: str) -> Began:
    return Began(number, "add", {"line": line})


def step(operation: int | None = None) -> Stepped:
    return Stepped(SyncAll(), (), operation)


done = Acknowledged


def view(sentence: str) -> bytes:
    return canonical({"lines": sentence.split()})


def quick(*events: Event) -> list[set[str]]:
    """What is permitted in each epoch without a search, as sentences."""
    found = permitted_by_epoch(SUBJECT, SCENARIO, Trace(EMPTY, events))
    return [{" ".join(state) for state in found[number].states} for number in sorted(found)]


def permits(sentence: str, *events: Event) -> bool:
    """Whether that may come back in the last epoch."""
    found = permitted_by_epoch(SUBJECT, SCENARIO, Trace(EMPTY, events))
    return found[max(found)].permits(view(sentence))


def test_one_after_the_other() -> None:
    assert quick(began(0, "a"), step(0), done(0), began(1, "b"), step(1), done(1)) == [
        {""},
        {"", "a"},
        {"a"},
        {"a", "a b"},
        {"a b"},
    ]


def test_an_epoch_is_between_two_beginnings_or_ends() -> None:
    events = (began(0, "a"), step(0), step(0), done(0))
    found = permitted_by_epoch(SUBJECT, SCENARIO, Trace(EMPTY, events))
    assert sorted(found) == [0, 1, 2]


def test_only_the_epochs_that_are_wanted_are_worked_out() -> None:
    events = (began(0, "a"), step(0), done(0), began(1, "b"), step(1), done(1))
    trace = Trace(EMPTY, events)
    some = permitted_by_epoch(SUBJECT, SCENARIO, trace, frozenset({2, 4}))
    every = permitted_by_epoch(SUBJECT, SCENARIO, trace)
    assert sorted(some) == [2, 4]
    assert [some[number].views for number in (2, 4)] == [every[number].views for number in (2, 4)]


def test_what_was_acknowledged_binds_whatever_else_is_under_way() -> None:
    events = (began(0, "a"), began(1, "b"), step(1), step(0), done(1))
    assert permits("b", *events)
    assert permits("a b", *events)
    assert permits("b a", *events)
    assert not permits("a", *events)
    assert not permits("", *events)


def test_what_began_later_is_not_there_before() -> None:
    trace = Trace(EMPTY, (began(0, "a"), began(1, "b"), step(1), done(1)))
    found = permitted_by_epoch(SUBJECT, SCENARIO, trace)
    allowed = [[found[at].permits(view(words)) for at in range(4)] for words in ("a", "b", "b a")]
    assert allowed == [
        [False, True, True, False],
        [False, False, True, True],
        [False, False, True, True],
    ]


def test_before_its_first_step_an_operation_is_not_looked_for() -> None:
    events = (began(0, "a"), began(1, "b"), step(1), done(1))
    assert quick(*events)[-1] == {"b"}


def test_but_what_another_ones_steps_wrote_may_come_back() -> None:
    """One commit for all that wait, or a memory that is saved whole."""
    events = (began(0, "a"), began(1, "b"), step(1))
    assert all(permits(sentence, *events) for sentence in ("", "a", "b", "a b", "b a"))
    assert not permits("a a", *events)
    assert not permits("c", *events)


def test_an_operation_without_steps_binds_once_it_has_returned() -> None:
    assert quick(began(0, "a"), done(0)) == [{""}, {""}, {"a"}]
    assert not permits("", began(0, "a"), done(0))


def test_without_steps_it_may_have_happened_before_it_returned() -> None:
    assert permits("a", began(0, "a"))
    assert permits("b a", began(0, "a"), began(1, "b"), step(1), done(1), done(0))
    assert permits("a b", began(0, "a"), began(1, "b"), step(1), done(1), done(0))


def test_what_returned_before_another_began_never_comes_after_it() -> None:
    events = (began(0, "a"), step(0), done(0), began(1, "b"), step(1))
    assert not permits("b a", *events)
    assert not permits("b", *events)


def test_whose_steps_are_done_comes_before_whose_steps_follow() -> None:
    """That is the quick answer; in real time either could be first."""
    events = (began(0, "a"), began(1, "b"), step(0), step(1), done(1), done(0))
    assert quick(*events)[-1] == {"a b"}
    assert permits("b a", *events)


def test_a_step_after_a_long_time_is_a_step_all_the_same() -> None:
    events = (began(0, "a"), step(0), began(1, "b"), step(1), done(1), step(0))
    assert quick(*events)[-1] == {"b", "a b", "b a"}


def test_what_failed_has_changed_nothing() -> None:
    assert not permits("a", began(0, "a"), step(0), Failed(0, "no"))
    assert not permits("a", began(0, "a"), Failed(0, "no"))
    assert permits("", began(0, "a"), Failed(0, "no"))
    events = (began(0, "a"), step(0), began(1, "b"), step(1), done(1), Failed(0, "no"))
    assert quick(*events)[-1] == {"b"}
    assert not permits("a b", *events)


def test_what_was_killed_may_come_back_before_all_that_follows() -> None:
    events = (began(0, "a"), step(0), Restarted(), began(1, "b"), step(1), done(1))
    assert quick(*events)[-1] == {"b", "a b"}
    assert not permits("b a", *events)


def test_what_was_killed_before_its_first_step_may_come_back_by_anothers() -> None:
    events = (began(0, "a"), began(1, "b"), step(1), Restarted(), began(2, "c"), done(2))
    assert quick(*events)[-1] == {"c", "b c"}
    for sentence in ("c", "a c", "b c", "a b c", "b a c"):
        assert permits(sentence, *events)
    for sentence in ("c a", "a", "b", "b c a"):
        assert not permits(sentence, *events)


def test_steps_that_are_nobodys_leave_all_that_overlaps_open() -> None:
    """Seen from outside nobody knows whose steps they are: what has begun is looked for at once."""
    events = (began(0, "a"), began(1, "b"), step(), done(1))
    assert quick(*events) == [{""}, {"", "a"}, {"", "a", "b", "a b", "b a"}, {"b", "a b", "b a"}]


def test_a_step_outside_of_any_operation_is_no_matter() -> None:
    assert quick(step(), began(0, "a"), step(0), step(), done(0), step()) == [
        {""},
        {"", "a"},
        {"a"},
    ]


def test_a_trace_without_steps_has_epochs_too() -> None:
    assert quick() == [{""}]
    assert quick(began(0, "a")) == [{""}, {""}]


# Against real time alone


@st.composite
def traces(draw: st.DrawFn) -> tuple[Event, ...]:
    """Up to four operations and their steps, some of which have returned."""
    waiting = list(range(draw(st.integers(1, 4))))
    flying: list[int] = []
    events: list[Event] = []
    for _ in range(draw(st.integers(0, 16))):
        choice = draw(st.sampled_from(["began", "step", "step", "done", "failed"]))
        if choice == "began" and waiting:
            number = waiting.pop(0)
            flying.append(number)
            events.append(began(number, f"w{number}"))
        elif choice != "began" and flying:
            number = draw(st.sampled_from(flying))
            if choice == "step":
                events.append(step(number))
                continue
            flying.remove(number)
            events.append(done(number) if choice == "done" else Failed(number, "no"))
    return tuple(events)


def explained(lines: Lines, calls: list[Call]) -> bool:
    """Whether some order of calls that is consistent with real time leads to these lines."""
    named = {call.operation.arguments["line"]: call for call in calls}
    if any(call.ended is not None and line not in lines for line, call in named.items()):
        return False
    for at, line in enumerate(lines):
        if line not in named:
            return False
        for later in lines[at + 1 :]:
            ended = named[later].ended if later in named else None
            if ended is not None and ended < named[line].began:
                return False
    return True


@pytest.mark.parametrize("owners", [True, False], ids=["whose steps is known", "is not"])
@given(traces())
@settings(deadline=None, max_examples=150)
def test_whatever_is_permitted_is_explained_by_real_time_and_the_other_way_round(
    owners: bool, events: tuple[Event, ...]
) -> None:
    if not owners:
        events = tuple(step() if isinstance(one, Stepped) else one for one in events)
    found = permitted_by_epoch(SUBJECT, SCENARIO, Trace(EMPTY, events))
    calls = calls_of(events)
    lines = [call.operation.arguments["line"] for call in calls]
    last = found[max(found)]
    for count in range(len(lines) + 1):
        for order in permutations(lines, count):
            assert last.permits(view(" ".join(order))) == explained(order, calls)
    assert all(explained(state, calls) for state in last.states)


def test_calls_carry_their_time_and_their_answer() -> None:
    events = (
        began(0, "a"),
        step(0),
        done(0, ["a"]),
        began(1, "b"),
        began(2, "c"),
        Failed(2, "no"),
        Restarted(),
        began(3, "d"),
        Restarted(),
    )
    assert calls_of(events) == [
        Call(add("a"), 0, ended=2, answer=["a"]),
        Call(add("b"), 3, died=6),
        Call(add("d"), 7, died=8),
    ]
