"""Linearisation: the search says what trying every order says, only sooner."""

import time
from collections.abc import Iterator, Sequence
from itertools import combinations, permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tornwrite.model import linearise
from tornwrite.model.linearise import Answers, Call, Foresees, Linearisation, TooManyOrders
from tornwrite.model.operation import Observation, Operation
from tornwrite.model.sessions import SessionModel

Words = tuple[str, ...]


class SilentModel:
    """A list of words: `say` adds one, `wipe` removes all, `read` changes nothing."""

    def state_of(self, observed: Observation) -> Words:
        return tuple(observed["words"])

    def step(self, state: Words, operation: Operation) -> Words:
        match operation.name:
            case "say":
                return (*state, operation.arguments["word"])
            case "wipe":
                return ()
            case _:
                return state

    def between(self, state: Words, operation: Operation) -> Sequence[Words]:
        return ()

    def view(self, state: Words) -> Observation:
        return {"words": list(state)}

    def normalised(self, observed: Observation) -> Observation:
        return observed

    def names(self, operations: Any) -> Words:
        return ()

    def probes(self, state: Words, names: Sequence[str]) -> tuple[tuple[Operation, ...], ...]:
        return ()

    def explain(self, *told: Any) -> Any:
        raise AssertionError("nothing is explained here")


class WordModel(SilentModel):
    """It tells what reading returns."""

    def answer(self, state: Words, operation: Operation) -> Any:
        return list(state) if operation.name == "read" else None


class ForeseeingModel(WordModel):
    """And that words go only when all are wiped."""

    def may_become(self, state: Words, seen: Observation, left: Sequence[Operation]) -> bool:
        if any(operation.name == "wipe" for operation in left):
            return True
        return tuple(seen["words"][: len(state)]) == state


class SecretiveModel(SilentModel):
    """After a read nothing is added until somebody wipes, which removes nothing."""

    def step(self, state: Any, operation: Operation) -> Any:
        words, deaf = state
        match operation.name:
            case "say":
                return words if deaf else (*words, operation.arguments["word"]), deaf
            case other:
                return words, other == "read"

    def view(self, state: Any) -> Observation:
        return {"words": list(state[0])}

    def hidden(self, state: Any) -> Any:
        return state[1]


class TellingModel(SilentModel):
    """Wiping tells how many words there were."""

    def answer(self, state: Words, operation: Operation) -> Any:
        return len(state) if operation.name == "wipe" else None


def say(word: str) -> Operation:
    return Operation("say", {"word": word})


WIPE = Operation("wipe")
READ = Operation("read")


def orders(calls: Sequence[Call]) -> Iterator[tuple[Call, ...]]:
    """Every order of those that returned and of any of the others, consistent with real time."""
    required = [call for call in calls if call.ended is not None]
    others = [call for call in calls if call.ended is None]
    for count in range(len(others) + 1):
        for some in combinations(others, count):
            for order in permutations([*required, *some]):
                if all(may_precede(*pair) for pair in combinations(order, 2)):
                    yield order


def may_precede(first: Call, second: Call) -> bool:
    """Whether the first may take effect before the second: the second was not over by then."""
    over = second.ended if second.ended is not None else second.died
    return over is None or over > first.began


def ends(model: Any, start: Any, calls: Sequence[Call], answers: bool) -> list[Words]:
    """The words that there may be at the end."""
    found = []
    for order in orders(calls):
        state = start
        fits = True
        for call in order:
            said = model.answer(state, call.operation) if isinstance(model, Answers) else None
            if answers and call.ended is not None and said is not None:
                fits = fits and said == call.answer
            state = model.step(state, call.operation)
        if fits:
            found.append(tuple(model.view(state)["words"]))
    return found


@st.composite
def runs(draw: st.DrawFn) -> list[Call]:
    """Up to five calls: returned, still under way, or killed. Each moment is one of its own."""
    count = draw(st.integers(0, 5))
    moments = draw(st.permutations(range(2 * count)))
    calls = []
    for at in range(count):
        began, over = sorted(moments[2 * at : 2 * at + 2])
        operation = draw(st.sampled_from([say(f"w{at}"), say("same"), WIPE, READ]))
        said = draw(st.lists(st.sampled_from(["w0", "w1", "same"]), max_size=2))
        answer = said if operation is READ else None
        match draw(st.sampled_from(["returned", "returned", "returned", "killed", "under way"])):
            case "returned":
                calls.append(Call(operation, began, ended=over, answer=answer))
            case "killed":
                calls.append(Call(operation, began, died=over))
            case _:
                calls.append(Call(operation, began))
    return sorted(calls, key=lambda call: call.began)


VIEWS = st.lists(st.sampled_from(["w0", "w1", "w2", "same", "never"]), max_size=3)


@pytest.mark.parametrize("answers", [False, True])
@given(calls=runs(), other=VIEWS)
@settings(deadline=None, max_examples=250)
def test_the_search_says_what_trying_all_orders_says(
    calls: list[Call], other: list[str], answers: bool
) -> None:
    model = WordModel()
    expected = set(ends(model, (), calls, answers))
    run = Linearisation(model, (), calls)
    for words in {*expected, *ends(model, (), calls, False), tuple(other)}:
        assert run.explains({"words": list(words)}, answers=answers) == (words in expected)


@pytest.mark.parametrize("answers", [False, True])
@given(calls=runs(), other=VIEWS)
@settings(deadline=None, max_examples=100)
def test_what_is_foreseen_changes_no_verdict(
    calls: list[Call], other: list[str], answers: bool
) -> None:
    blind, foreseeing = WordModel(), ForeseeingModel()
    assert isinstance(foreseeing, Foresees)
    for words in {*ends(blind, (), calls, False), tuple(other)}:
        seen = {"words": list(words)}
        assert Linearisation(foreseeing, (), calls).explains(seen, answers=answers) == (
            Linearisation(blind, (), calls).explains(seen, answers=answers)
        )


@given(calls=runs(), other=VIEWS)
@settings(deadline=None, max_examples=150)
def test_what_no_reader_sees_tells_states_apart(calls: list[Call], other: list[str]) -> None:
    model: Any = SecretiveModel()
    expected = set(ends(model, ((), False), calls, answers=False))
    run = Linearisation(model, ((), False), calls)
    for words in {*expected, tuple(other)}:
        assert run.explains({"words": list(words)}) == (words in expected)


def explained(calls: Sequence[Call], sentence: str, *, answers: bool = True) -> bool:
    seen = {"words": sentence.split()}
    return Linearisation(ForeseeingModel(), (), calls).explains(seen, answers=answers)


def test_nothing_called_leaves_all_as_it_was() -> None:
    assert explained([], "")
    assert not explained([], "a")


def test_what_returned_before_another_began_comes_first() -> None:
    calls = [Call(say("a"), 0, ended=1), Call(say("b"), 2, ended=3)]
    assert explained(calls, "a b")
    assert not explained(calls, "b a")
    assert not explained(calls, "a")


def test_what_overlaps_comes_in_either_order() -> None:
    calls = [Call(say("a"), 0, ended=2), Call(say("b"), 1, ended=3)]
    assert explained(calls, "a b")
    assert explained(calls, "b a")


def test_what_has_not_returned_may_have_happened_at_any_time_since() -> None:
    calls = [Call(say("a"), 0), Call(say("b"), 1, ended=2), Call(say("c"), 3, ended=4)]
    for sentence in ("b c", "a b c", "b a c", "b c a"):
        assert explained(calls, sentence)
    assert not explained(calls, "a c")


def test_what_was_killed_happened_before_all_that_began_later() -> None:
    calls = [Call(say("a"), 0, died=2), Call(say("b"), 1, died=2), Call(say("c"), 3, ended=4)]
    for sentence in ("c", "a c", "b c", "a b c", "b a c"):
        assert explained(calls, sentence)
    assert not explained(calls, "c a")
    assert not explained(calls, "a c b")


def test_a_kill_at_the_very_start_counts() -> None:
    calls = [Call(say("a"), -1, died=0), Call(say("b"), 1, ended=2)]
    assert explained(calls, "a b")
    assert not explained(calls, "b a")


def test_a_reader_must_have_seen_what_was_there() -> None:
    write = Call(say("a"), 0, ended=3)
    early = Call(READ, 1, ended=2, answer=[])
    late = Call(READ, 4, ended=5, answer=[])
    assert explained([write, early], "a")
    assert not explained([write, late], "a")
    assert explained([write, late], "a", answers=False)


def test_two_readers_must_agree_on_an_order() -> None:
    """The second one sees less than the first one did."""
    write = Call(say("a"), 0, ended=9)
    reads = [Call(READ, 1, ended=2, answer=["a"]), Call(READ, 3, ended=4, answer=[])]
    assert explained([write, reads[0]], "a")
    assert not explained([write, *reads], "a")


def test_a_reader_that_saw_what_was_never_there_is_explained_by_no_order() -> None:
    """What was still under way counts as there, if somebody has seen it."""
    reader = Call(READ, 1, ended=2, answer=["a"])
    assert explained([Call(say("a"), 0), reader], "a")
    assert not explained([Call(say("a"), 0), reader], "")


def test_what_was_returned_to_nobody_does_not_count() -> None:
    calls = [Call(say("a"), 0, ended=1), Call(READ, 2, died=3, answer=[]), Call(READ, 4, answer=[])]
    assert explained(calls, "a")


def test_what_has_not_told_anything_may_have_happened_all_the_same() -> None:
    calls = [Call(say("a"), 0, ended=1), Call(WIPE, 2)]
    assert Linearisation(TellingModel(), (), calls).explains({"words": []})
    told = [calls[0], Call(WIPE, 2, ended=3, answer=1)]
    assert Linearisation(TellingModel(), (), told).explains({"words": []})
    wrong = [calls[0], Call(WIPE, 2, ended=3, answer=0)]
    assert not Linearisation(TellingModel(), (), wrong).explains({"words": []})


def test_ten_writers_and_twenty_messages_each_are_told_apart_soon() -> None:
    """All of them overlap; whoever tries orders one after the other never comes to an end."""
    calls = [Call(say(f"{writer}.{at}"), writer, ended=999) for writer in range(10) for at in [0]]
    calls += [
        Call(say(f"{writer}.{at}"), 10 * at + writer, ended=10 * at + writer + 9)
        for at in range(1, 20)
        for writer in range(10)
    ]
    words = [call.operation.arguments["word"] for call in calls]
    started = time.monotonic()
    assert explained(calls, " ".join(words))
    assert not explained(calls, " ".join(words[:-1]))
    assert not explained(calls, " ".join([*words, words[0]]))
    assert not explained(calls, " ".join(reversed(words)))
    assert time.monotonic() - started < 20


def test_a_search_that_comes_to_no_end_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linearise, "MOST_SITUATIONS", 50)
    calls = [Call(say(str(at)), at, ended=100) for at in range(8)]
    with pytest.raises(TooManyOrders, match="50 ways in which 8 calls may have overlapped"):
        Linearisation(WordModel(), (), calls).explains({"words": ["x"]})
    assert Linearisation(WordModel(), (), calls).explains({"words": [str(at) for at in range(8)]})


def test_the_same_may_be_asked_twice() -> None:
    calls = [Call(say("a"), 0, ended=1)]
    run = Linearisation(ForeseeingModel(), (), calls)
    assert [run.explains({"words": ["a"]}), run.explains({"words": []})] == [True, False]
    assert [run.explains({"words": ["a"]}), run.explains({"words": []})] == [True, False]


# The session model foresees, too


SESSION_OPERATIONS = [
    Operation("add_message", {"key": "k", "role": "user", "content": "a"}),
    Operation("add_message", {"key": "k", "role": "user", "content": "b"}),
    Operation("add_full_message", {"key": "j", "message": {"role": "user", "content": "c"}}),
    Operation("truncate_history", {"key": "k", "keep_last": 1}),
    Operation("set_history", {"key": "j", "history": [{"role": "user", "content": "b"}]}),
    Operation("set_summary", {"key": "j", "summary": "short"}),
    Operation("compact", {"key": "k"}),
    Operation("get_history", {"key": "k"}),
]


@given(
    done=st.lists(st.sampled_from(SESSION_OPERATIONS), max_size=5),
    split=st.integers(0, 5),
)
@settings(deadline=None)
def test_sessions_on_their_way_to_what_was_seen_may_become_it(
    done: list[Operation], split: int
) -> None:
    model = SessionModel()
    states = [model.state_of({})]
    for operation in done:
        states.append(model.step(states[-1], operation))
    seen = model.view(states[-1])
    for at, state in enumerate(states):
        assert model.may_become(state, seen, done[at:])
        assert model.may_become(state, seen, [*done[at:], *SESSION_OPERATIONS[:split]])


def test_a_message_too_many_never_goes_away_by_adding() -> None:
    model = SessionModel()
    state = model.step(model.state_of({}), SESSION_OPERATIONS[0])
    other = model.view(model.step(model.state_of({}), SESSION_OPERATIONS[1]))
    assert not model.may_become(state, other, SESSION_OPERATIONS[:3])
    assert not model.may_become(state, {"sessions": {}}, [])
    assert model.may_become(state, other, SESSION_OPERATIONS[:4])
    assert model.may_become(state, other, [Operation("migrate")])


def test_reading_operations_have_an_answer_and_writing_ones_have_none() -> None:
    model = SessionModel()
    state = model.step(model.state_of({}), SESSION_OPERATIONS[0])
    state = model.step(state, SESSION_OPERATIONS[5])
    assert model.answer(state, Operation("get_history", {"key": "k"})) == [
        {"role": "user", "content": "a"}
    ]
    assert model.answer(state, Operation("get_history", {"key": "other"})) == []
    assert model.answer(state, Operation("get_summary", {"key": "j"})) == "short"
    assert model.answer(state, SESSION_OPERATIONS[0]) is None
