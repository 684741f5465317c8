"""The judge: what may come back at each point of a history, and whether a recovery is in order.

The model here is a toy: a list of words that can only grow, or be wiped word by word.
"""

from collections.abc import Iterable, Sequence
from itertools import combinations, permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tornwrite.model import history as histories
from tornwrite.model.history import History
from tornwrite.model.judge import (
    Permitted,
    Probed,
    Recovery,
    Seen,
    assess,
    judge,
)
from tornwrite.model.operation import Observation, Operation, canonical
from tornwrite.model.verdict import Kind, Promise, Violation

Words = tuple[str, ...]

SOME = Promise("some", "a promise")


class WordModel:
    """`say` adds a word at once; `wipe` removes them one by one, which may be seen."""

    def state_of(self, observed: Observation) -> Words:
        return tuple(observed["words"])

    def step(self, state: Words, operation: Operation) -> Words:
        match operation.name:
            case "say":
                return (*state, operation.arguments["word"])
            case "wipe":
                return ()
        raise ValueError(operation.name)

    def between(self, state: Words, operation: Operation) -> Iterable[Words]:
        if operation.name == "wipe":
            yield from (state[:left] for left in range(1, len(state)))

    def view(self, state: Words) -> Observation:
        return {"words": list(state)}

    def normalised(self, observed: Observation) -> Observation:
        return {"words": observed["words"]}

    def names(self, operations: Iterable[Operation]) -> Words:
        return ()

    def probes(self, state: Words, names: Sequence[str]) -> tuple[tuple[Operation, ...], ...]:
        return ()

    def explain(
        self,
        observed: Observation,
        permitted: Sequence[Words],
        past: Sequence[Words],
        after: Sequence[Operation],
    ) -> Violation:
        what = observed.get("error") or " ".join(observed["words"])
        done = ", ".join(operation.name for operation in after)
        return Violation(Kind.LOST, SOME, "", str([" ".join(one) for one in permitted]), what, done)

    def beside(self, permitted: Sequence[Words], observed: Observation) -> Iterable[Violation]:
        return ()

    def settled(self, observed: Observation) -> Iterable[Violation]:
        if observed.get("litter"):
            yield Violation(Kind.LITTER, SOME, "", "", "litter")


MODEL = WordModel()
WIPE = Operation("wipe")


def say(word: str) -> Operation:
    return Operation("say", {"word": word})


def history(*start: str) -> History[Words]:
    return History(MODEL, start)


def said(followed: History[Words]) -> set[str]:
    """What may come back now, as sentences."""
    return {" ".join(state) for state in followed.permitted().states}


def seen(sentence: str, **more: Any) -> Seen:
    return Seen({"words": sentence.split(), **more})


# What may come back


def test_nothing_happened_yet() -> None:
    assert said(history("a", "b")) == {"a b"}


def test_an_operation_in_flight_may_have_happened_or_not() -> None:
    followed = history()
    followed.began(0, say("a"))
    assert said(followed) == {"", "a"}


def test_an_acknowledged_operation_binds() -> None:
    followed = history()
    followed.began(0, say("a"))
    followed.acknowledged(0)
    assert said(followed) == {"a"}


def test_a_failed_operation_has_changed_nothing() -> None:
    followed = history("a")
    followed.began(0, say("b"))
    followed.failed(0)
    assert said(followed) == {"a"}


def test_an_operation_that_is_not_atomic_may_be_seen_half_way() -> None:
    followed = history("a", "b", "c")
    followed.began(0, WIPE)
    assert said(followed) == {"a b c", "a b", "a", ""}
    followed.acknowledged(0)
    assert said(followed) == {""}


def test_two_in_flight_may_have_happened_in_either_order() -> None:
    followed = history()
    followed.began(0, say("a"))
    followed.began(1, say("b"))
    assert said(followed) == {"", "a", "b", "a b", "b a"}


def test_of_two_at_once_the_one_that_is_acknowledged_binds_and_the_other_may_come_after() -> None:
    """Or before it: they were in flight together."""
    followed = history()
    followed.began(0, say("a"))
    followed.began(1, say("b"))
    followed.acknowledged(1)
    assert said(followed) >= {"b", "b a"}
    assert not said(followed) & {"", "a"}


def test_an_operation_that_was_in_flight_beside_an_acknowledged_one_may_have_come_first() -> None:
    followed = history()
    followed.began(0, say("a"))
    followed.began(1, say("b"))
    followed.acknowledged(1)
    assert "a b" in said(followed)


def test_an_operation_that_began_after_another_was_acknowledged_comes_after_it() -> None:
    followed = history()
    followed.began(0, say("a"))
    followed.acknowledged(0)
    followed.began(1, say("b"))
    assert said(followed) == {"a", "a b"}


def test_a_kill_leaves_it_open_for_good_whether_what_was_in_flight_happened() -> None:
    followed = history()
    followed.began(0, say("a"))
    followed.killed()
    assert said(followed) == {"", "a"}
    followed.began(1, say("b"))
    followed.acknowledged(1)
    assert said(followed) == {"b", "a b"}


def test_a_kill_with_nothing_in_flight_changes_nothing() -> None:
    followed = history("a")
    followed.killed()
    assert said(followed) == {"a"}


def test_two_kills_leave_four_possibilities() -> None:
    followed = history()
    for number, word in enumerate("ab"):
        followed.began(number, say(word))
        followed.killed()
    assert said(followed) == {"", "a", "b", "a b"}


def test_the_run_goes_on_from_what_a_crash_left() -> None:
    followed = history()
    followed.began(0, say("a"))
    followed.became(("a",))
    followed.began(1, say("b"))
    followed.acknowledged(1)
    assert said(followed) == {"a b"}


def test_the_past_holds_every_state_that_was_gone_through() -> None:
    followed = history()
    for number, operation in enumerate((say("a"), say("b"), WIPE)):
        followed.began(number, operation)
        followed.acknowledged(number)
    assert set(followed.permitted().past) == {(), ("a",), ("a", "b")}


def test_states_that_look_the_same_are_permitted_once() -> None:
    followed = history()
    followed.began(0, say("a"))
    followed.began(1, say("a"))
    assert sorted(followed.permitted().states) == [(), ("a",), ("a", "a")]


def test_asking_changes_nothing() -> None:
    followed = history()
    followed.began(0, say("a"))
    assert followed.permitted() == followed.permitted()
    followed.acknowledged(0)
    assert said(followed) == {"a"}


@pytest.mark.parametrize("end", ["acknowledged", "failed"])
def test_an_operation_that_never_began_cannot_end(end: str) -> None:
    with pytest.raises(KeyError):
        getattr(history(), end)(0)


@given(st.lists(st.sampled_from(["acknowledged", "failed", "killed"]), max_size=6))
def test_what_really_happened_is_always_permitted(ends: list[str]) -> None:
    """Both for a store in which killed operations took effect and for one in which none did."""
    followed = history()
    with_killed: list[str] = []
    without: list[str] = []
    for number, end in enumerate(ends):
        word = f"w{number}"
        followed.began(number, say(word))
        if end == "killed":
            followed.killed()
            with_killed.append(word)
        else:
            getattr(followed, end)(number)
            if end == "acknowledged":
                with_killed.append(word)
                without.append(word)
    assert {" ".join(with_killed), " ".join(without)} <= said(followed)
    assert len(said(followed)) == 2 ** ends.count("killed")


# Operations that overlap


class AtomicModel(WordModel):
    """`wipe` removes all words at once."""

    def between(self, state: Words, operation: Operation) -> Iterable[Words]:
        return ()


Told = tuple[str, int]
"""What a history was told: a word for it, and the number of the operation."""


@st.composite
def tellings(draw: st.DrawFn) -> tuple[list[Operation], list[Told]]:
    """Up to five operations and what becomes of them, in any order that can be."""
    operations = [
        draw(st.sampled_from([say(f"w{number}"), say("same"), WIPE]))
        for number in range(draw(st.integers(0, 5)))
    ]
    told: list[Told] = []
    waiting = list(range(len(operations)))
    flying: dict[int, bool] = {}
    for _ in range(draw(st.integers(0, 14))):
        choices = [("began", waiting[0])] if waiting else []
        choices += [("acknowledged", number) for number in flying]
        choices += [("finished", number) for number, finished in flying.items() if not finished]
        choices += [("failed", number) for number in flying]
        choices += [("killed", -1)] if flying else []
        if not choices:
            break
        what, number = draw(st.sampled_from(choices))
        told.append((what, number))
        match what:
            case "began":
                flying[waiting.pop(0)] = False
            case "finished":
                flying[number] = True
            case "killed":
                flying.clear()
            case _:
                del flying[number]
    return operations, told


def follow(operations: list[Operation], told: list[Told]) -> History[Words]:
    followed = History(AtomicModel(), ("start",))
    for what, number in told:
        match what:
            case "began":
                followed.began(number, operations[number])
            case "killed":
                followed.killed()
            case _:
                getattr(followed, what)(number)
    return followed


def every_end(operations: list[Operation], told: list[Told]) -> set[Words]:
    """What may come back, by trying every order of every choice."""
    began = {number: at for at, (what, number) in enumerate(told) if what == "began"}
    over: dict[int, int] = {}
    must, gone = set(), set()
    for at, (what, number) in enumerate(told):
        if what == "killed":
            dead = [one for one in began if began[one] < at and one not in must | gone]
            over.update({one: at for one in dead if one not in over})
        elif what != "began":
            over.setdefault(number, at)
            must |= {number} if what == "acknowledged" else set()
            gone |= {number} if what == "failed" else set()
    doubtful = [number for number in began if number not in must | gone]
    found: set[Words] = set()
    for count in range(len(doubtful) + 1):
        for some in combinations(doubtful, count):
            for order in permutations([*must, *some]):
                if any(over.get(b, len(told)) < began[a] for a, b in combinations(order, 2)):
                    continue
                state: Words = ("start",)
                for number in order:
                    state = MODEL.step(state, operations[number])
                found.add(state)
    return found


@given(tellings())
@settings(deadline=None, max_examples=300)
def test_what_may_come_back_is_what_some_order_leads_to(
    telling: tuple[list[Operation], list[Told]],
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(histories, "MOST_WAYS", 1_000_000)
        assert set(follow(*telling).permitted().states) == every_end(*telling)


@given(tellings(), st.integers(1, 8))
@settings(deadline=None, max_examples=200)
def test_where_only_some_orders_are_followed_none_is_permitted_that_there_is_not(
    telling: tuple[list[Operation], list[Told]], most: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(histories, "MOST_WAYS", most)
        allowed = follow(*telling).permitted()
    possible = {canonical({"words": list(words)}) for words in every_end(*telling)}
    assert allowed.views <= possible
    assert allowed.states


def test_many_that_overlap_take_no_time() -> None:
    """Ten writers of twenty words that nothing keeps apart."""
    followed = History(AtomicModel(), ())
    for turn in range(20):
        for writer in range(10):
            followed.began(10 * turn + writer, say(f"{writer}.{turn}"))
        for writer in range(10):
            followed.acknowledged(10 * turn + writer)
    assert 0 < len(followed.permitted().states) <= histories.MOST_WAYS + 10
    assert {len(state) for state in followed.permitted().states} == {200}


def test_of_many_orders_some_are_followed_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(histories, "MOST_WAYS", 1)
    followed = history()
    for number, word in enumerate("abcd"):
        followed.began(number, say(word))
    for number in range(4):
        followed.acknowledged(number)
    (sentence,) = said(followed)
    assert sorted(sentence.split()) == list("abcd")
    assert followed.permitted().views


def test_what_began_after_another_was_done_comes_after_it_though_neither_returned() -> None:
    followed = history()
    followed.began(0, say("a"))
    followed.finished(0)
    followed.began(1, say("b"))
    followed.finished(1)
    assert said(followed) == {"", "a", "b", "a b"}
    followed.acknowledged(0)
    assert said(followed) == {"a", "a b"}


def test_what_was_done_and_did_not_return_may_be_lost_when_a_later_one_is_not() -> None:
    followed = history()
    followed.began(0, say("a"))
    followed.finished(0)
    followed.began(1, say("b"))
    followed.acknowledged(1)
    assert said(followed) == {"b", "a b"}


def test_what_was_done_and_then_failed_has_changed_nothing() -> None:
    followed = history()
    followed.began(0, say("a"))
    followed.finished(0)
    followed.began(1, say("b"))
    followed.acknowledged(1)
    followed.failed(0)
    assert said(followed) == {"b"}


def test_what_was_done_may_still_be_seen_half_way() -> None:
    followed = history("a", "b")
    followed.began(0, WIPE)
    followed.finished(0)
    assert said(followed) == {"a b", "a", ""}


class CountingModel(AtomicModel):
    """Nobody sees how often was wiped, but the third wiping puts a word there."""

    def step(self, state: Words, operation: Operation) -> Words:
        if operation.name == "wipe":
            return ("three", *state) if state.count("") == 2 else ("", *state)
        return super().step(state, operation)

    def view(self, state: Words) -> Observation:
        return {"words": [word for word in state if word]}

    def hidden(self, state: Words) -> int:
        return state.count("")


def test_states_that_only_look_alike_are_followed_apart_also_after_a_kill() -> None:
    followed = History(CountingModel(), ())
    for number in range(2):
        followed.began(number, WIPE)
        followed.killed()
    assert len(followed.permitted().views) == 1
    followed.began(2, WIPE)
    followed.acknowledged(2)
    assert followed.permitted().views == {canonical({"words": words}) for words in ([], ["three"])}


def test_what_is_permitted_besides_is_asked_for_only_what_is_not_permitted_anyway() -> None:
    asked: list[bytes] = []

    def also(view: bytes) -> bool:
        asked.append(view)
        return view == b"late"

    allowed = Permitted((), (), frozenset({b"here"}), also)
    assert [allowed.permits(view) for view in (b"here", b"late", b"never", None)] == [
        True,
        True,
        False,
        False,
    ]
    assert asked == [b"late", b"never"]


# Whether a recovery is in order


def permitted(*sentences: str) -> Permitted[Words]:
    """One of these, the first acknowledged and the others in flight."""
    followed = history(*sentences[0].split())
    for number, sentence in enumerate(sentences[1:]):
        followed.began(number, say(sentence.split()[-1]))
    return followed.permitted()


def verdict(recovery: Recovery, *sentences: str) -> list[str]:
    found = judge(MODEL, permitted(*sentences), assess(MODEL, recovery))
    return [f"{one.kind.value}: {one.recovered}" for one in found]


def test_what_is_permitted_is_in_order() -> None:
    assert verdict(Recovery(seen("a")), "a", "a b") == []
    assert verdict(Recovery(seen("a b")), "a", "a b") == []


def test_what_is_not_permitted_is_explained() -> None:
    assert verdict(Recovery(seen("b")), "a", "a b") == ["lost: b"]


def test_what_the_model_does_not_speak_of_is_no_matter() -> None:
    assert verdict(Recovery(seen("a", colour="red")), "a") == []


def test_a_subject_that_cannot_be_opened_is_explained_by_its_error() -> None:
    assert verdict(Recovery(Seen(None, "opening fails: no")), "a") == ["lost: opening fails: no"]


def test_probes_are_judged_from_what_came_back() -> None:
    """Either permitted state may be the one; from there on the model goes along."""
    recovery = Recovery(
        seen("a b"), (Probed((say("c"),), seen("a b c")), Probed((), seen("a b c")))
    )
    assert verdict(recovery, "a", "a b") == []


def test_a_store_that_loses_the_next_word_is_caught() -> None:
    recovery = Recovery(seen("a"), (Probed((say("c"),), seen("a")),))
    (found,) = judge(MODEL, permitted("a"), assess(MODEL, recovery))
    assert (found.recovered, found.after, found.promised) == ("a", "say", "['a c']")


def test_a_store_that_forgets_when_it_is_reopened_is_caught() -> None:
    recovery = Recovery(seen("a"), (Probed((say("c"),), seen("a c")), Probed((), seen("a"))))
    assert verdict(recovery, "a") == ["lost: a"]


def test_a_probe_that_fails_is_explained_by_its_error_and_ends_the_matter() -> None:
    failed = Probed((say("c"),), Seen(None, "say fails: disk full"))
    recovery = Recovery(seen("a"), (failed, Probed((), seen("nonsense"))))
    assert verdict(recovery, "a") == ["lost: say fails: disk full"]


def test_only_the_first_wrong_look_is_told() -> None:
    recovery = Recovery(seen("a"), (Probed((say("c"),), seen("x")), Probed((), seen("y"))))
    assert verdict(recovery, "a") == ["lost: x"]


def test_a_wrong_recovery_is_told_and_not_its_probes() -> None:
    recovery = Recovery(seen("x"), (Probed((say("c"),), seen("y")),))
    assert verdict(recovery, "a") == ["lost: x"]


def test_litter_is_judged_only_after_the_last_look() -> None:
    early = Recovery(seen("a", litter=True), (Probed((), seen("a")),))
    late = Recovery(seen("a"), (Probed((), seen("a", litter=True)),))
    assert verdict(early, "a") == []
    assert verdict(late, "a") == ["litter: litter"]


def test_one_assessment_serves_every_point_at_which_the_image_can_come_up() -> None:
    assessed = assess(MODEL, Recovery(seen("a")))
    assert judge(MODEL, permitted("a"), assessed) == ()
    assert len(judge(MODEL, permitted("b"), assessed)) == 1
