"""The judge of damage, on sessions that are plain data."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from tornwrite.model.damage import (
    DamagedProbe,
    DamagedRun,
    Harm,
    Held,
    Refused,
    Unnoticed,
    declared,
    held,
)
from tornwrite.model.damage_judge import judge_damage
from tornwrite.model.judge import Permitted
from tornwrite.model.operation import Observation, Operation, canonical
from tornwrite.model.sessions import SessionModel
from tornwrite.model.verdict import Kind, Violation

MODEL = SessionModel()


def message(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def seen(**sessions: str) -> Observation:
    """`a="one two"`: a session of two messages. `a="!text"`: one that cannot be read."""
    return {
        "sessions": {
            key: {"error": text[1:]}
            if text.startswith("!")
            else {"messages": [message(word) for word in text.split()], "summary": ""}
            for key, text in sessions.items()
        }
    }


def permitted(now: Observation, *past: Observation) -> Permitted[Any]:
    states = (MODEL.state_of(now),)
    views = frozenset({canonical(MODEL.view(states[0]))})
    return Permitted(states, tuple(MODEL.state_of(one) for one in past), views)


BEFORE = permitted(seen(a="one two three", b="other"), seen(a="zero one two"))
HARM = Harm("a.jsonl", "it rots", frozenset({"a"}))
TOLD = {"a": ["line 2 is no message"]}


def kinds(
    run: DamagedRun,
    harm: Harm = HARM,
    before: Permitted[Any] = BEFORE,
    excuses: Iterable[Unnoticed] = (),
) -> list[Kind]:
    judged = judge_damage(MODEL, before, harm, run, frozenset(excuses))
    return [violation.kind for violation in judged.violations]


def shows(told: Mapping[str, Sequence[str]] | None = None, **sessions: str) -> DamagedRun:
    return DamagedRun(seen(**sessions), told=told or {})


def test_what_reads_as_before_is_in_order() -> None:
    assert kinds(shows(a="one two three", b="other")) == []


def test_what_is_missing_and_reported_is_in_order() -> None:
    assert kinds(shows(TOLD, a="one three", b="other")) == []


@pytest.mark.parametrize(
    "said",
    [
        DamagedRun(seen(a="one", b="other"), said=("a.jsonl, line 2: no message",)),
        DamagedRun(seen(a="!OSError: no such luck", b="other")),
    ],
    ids=["logged", "raised"],
)
def test_a_log_record_or_an_error_is_a_report(said: DamagedRun) -> None:
    assert kinds(said) == []


def test_a_log_record_about_something_else_is_none() -> None:
    for said in ("z.jsonl: no message", "a write was cut off"):
        assert kinds(DamagedRun(seen(a="one", b="other"), said=(said,))) == [Kind.LOST]
    for said in ("session 'a' is damaged", "a: no message"):
        assert kinds(DamagedRun(seen(a="one", b="other"), said=(said,))) == []


def test_a_silent_loss_is_caught() -> None:
    assert kinds(shows(a="one two", b="other")) == [Kind.LOST]
    assert kinds(shows(b="other")) == [Kind.LOST]


def test_what_was_removed_may_come_back_only_with_a_report() -> None:
    assert kinds(shows(a="zero one two three", b="other")) == [Kind.RESURRECTED]
    assert kinds(shows(TOLD, a="zero one two three", b="other")) == []


def test_a_session_of_which_all_was_removed_may_be_back_with_a_report() -> None:
    lines = {canonical(message(text)): 1 for text in ("zero", "one")}
    harm, before = replace(HARM, lines=lines), permitted(seen(b="other"))
    assert kinds(shows(TOLD, a="zero one", b="other"), harm, before) == []
    assert kinds(shows(a="zero one", b="other"), harm, before) == [Kind.PHANTOM]
    assert kinds(shows(TOLD, a="zero two", b="other"), harm, before) == [Kind.PHANTOM]


@pytest.mark.parametrize("told", [{}, TOLD], ids=["silent", "reported"])
def test_what_was_never_written_is_caught_whatever_is_reported(
    told: Mapping[str, Sequence[str]],
) -> None:
    assert kinds(shows(told, a="one twp three", b="other")) == [Kind.PHANTOM]
    assert kinds(shows(told, a="one other", b="other")) == [Kind.PHANTOM]


def test_what_is_shown_twice_is_caught() -> None:
    assert kinds(shows(TOLD, a="one one two three", b="other")) == [Kind.DUPLICATED]


def test_what_was_removed_and_written_again_may_be_back_as_often_as_there_are_lines() -> None:
    hello = canonical(message("hello"))
    now = seen(a="hello hello", b="hello")
    thrice = shows(TOLD, a="hello hello hello", b="hello")
    lines = replace(HARM, lines={hello: 3})
    assert kinds(thrice, lines, permitted(now, seen(a="hello"))) == [Kind.DUPLICATED]
    again = permitted(now, seen(a="hello hello"), seen(a="hello"))
    assert kinds(thrice, lines, again) == []
    assert kinds(thrice, replace(HARM, lines={hello: 2}), again) == [Kind.DUPLICATED]


def test_what_is_out_of_order_is_caught() -> None:
    assert kinds(shows(TOLD, a="two one three", b="other")) == [Kind.REORDERED]


def test_another_session_must_not_suffer_reported_or_not() -> None:
    assert kinds(shows({"b": ["gone"]}, a="one two three")) == [Kind.LEAKED]


def test_a_readable_message_must_not_be_hidden() -> None:
    harm = Harm("a.jsonl", "it rots", frozenset({"a"}), frozenset({canonical(message("three"))}))
    assert kinds(shows(TOLD, a="one two", b="other"), harm) == [Kind.LOST]
    assert kinds(shows(TOLD, a="one three", b="other"), harm) == []


def test_a_message_that_was_there_twice_may_lack_the_line_that_was_damaged() -> None:
    hello = canonical(message("hello"))
    before = permitted(seen(a="hello hello"))
    harm = replace(HARM, readable=frozenset({hello}), taken={hello: 1})
    assert kinds(shows(TOLD, a="hello"), harm, before) == []
    assert kinds(shows(TOLD, a=""), harm, before) == [Kind.LOST]


def test_a_line_in_a_file_that_the_session_is_never_read_from_need_not_be_shown() -> None:
    one = canonical(message("one"))
    harm = replace(HARM, readable=frozenset({one}), taken={one: 1})
    assert kinds(shows(TOLD, a="two three", b="other"), harm) == []


def test_a_damaged_file_must_not_hide_what_is_shown_without_it() -> None:
    one = canonical(message("one"))
    harm = replace(
        HARM, readable=frozenset({one}), taken={one: 1}, without={"a": held([message("one")], {})}
    )
    assert kinds(shows(TOLD, a="two three", b="other"), harm) == [Kind.LOST]
    assert kinds(shows(TOLD, a="one", b="other"), harm) == []
    unchecked = replace(harm, unnoticed=frozenset({Unnoticed.UNCHECKED}))
    hides_one = shows(TOLD, a="two three", b="other")
    assert kinds(hides_one, unchecked, excuses=[Unnoticed.UNCHECKED]) == []
    hides_two = replace(unchecked, readable=frozenset({one, canonical(message("two"))}))
    none_of_both = shows(TOLD, a="three", b="other")
    assert kinds(none_of_both, hides_two, excuses=[Unnoticed.UNCHECKED]) == [Kind.LOST]
    other = replace(harm, without={"b": held([message("one")], {})})
    assert kinds(shows(TOLD, a="two three", b="other"), other) == []


def test_a_file_that_cannot_be_opened_may_hide_the_rest_of_its_session_with_an_error() -> None:
    readable = frozenset({canonical(message("three"))})
    harm = Harm("a.jsonl", "a directory", frozenset({"a"}), readable, closed=True)
    assert kinds(shows(a="!IsADirectoryError", b="other"), harm) == []
    assert kinds(shows(TOLD, a="", b="other"), harm) == [Kind.LOST]


def test_a_store_that_does_not_open_is_caught() -> None:
    assert kinds(DamagedRun(None, "opening fails", left=(".lock",))) == [
        Kind.UNREADABLE,
        Kind.LITTER,
    ]


def test_what_is_destroyed_or_touched_is_caught() -> None:
    run = DamagedRun(seen(a="one two three", b="other"), ruined=("a line",), touched=("target",))
    assert kinds(run) == [Kind.LOST, Kind.LEAKED]


def test_a_session_that_nobody_made_is_caught_unless_its_file_was_put_there() -> None:
    run = shows(a="one two three", b="other", x="strange")
    assert kinds(run) == [Kind.PHANTOM]
    assert kinds(run, Harm("x.jsonl", "put there", frozenset(), adds=True)) == []


def test_a_session_may_go_by_its_files_name() -> None:
    assert kinds(shows(TOLD, b="other", a_file="one two three")) == []


def test_declared_weaknesses_excuse_what_they_name_and_are_told() -> None:
    harm = Harm("a.jsonl", "cut", frozenset({"a"}), unnoticed=frozenset({Unnoticed.SHORTENED}))
    run = shows(a="one two", b="other")
    assert kinds(run, harm) == [Kind.LOST]
    assert kinds(run, harm, excuses=[Unnoticed.GONE]) == [Kind.LOST]
    judged = judge_damage(MODEL, BEFORE, harm, run, frozenset({Unnoticed.SHORTENED}))
    assert judged.violations == ()
    assert judged.excused == {Unnoticed.SHORTENED}


def test_only_unchecked_content_may_be_changed() -> None:
    run = shows(a="one twp three", b="other")
    for one in Unnoticed:
        harm = Harm("a.jsonl", "a flip", frozenset({"a"}), unnoticed=frozenset({one}))
        expected = [] if one is Unnoticed.UNCHECKED else [Kind.PHANTOM]
        assert kinds(run, harm, excuses=Unnoticed) == expected


def test_a_subject_declares_by_name() -> None:
    named = ("something else", Unnoticed.GONE.value)
    assert declared(named) == {Unnoticed.GONE}


# After it was used


def add(key: str, text: str = "probe") -> Operation:
    return Operation("add_full_message", {"key": key, "message": message(text)})


def went_on(first: DamagedRun, *probes: DamagedProbe) -> DamagedRun:
    return DamagedRun(first.observed, told=first.told, probes=probes)


def probed(*done: Operation, refused: Sequence[Refused] = (), **sessions: str) -> DamagedProbe:
    return DamagedProbe(done, tuple(refused), seen(**sessions))


REPORTED = shows(TOLD, a="one three", b="other")


def test_a_store_that_goes_on_from_what_it_showed_is_in_order() -> None:
    run = went_on(
        REPORTED,
        probed(add("a"), add("b"), a="one three probe", b="other probe"),
        probed(a="one three probe", b="other probe"),
    )
    assert kinds(run) == []


def test_a_message_that_was_acknowledged_since_must_be_there() -> None:
    run = went_on(REPORTED, probed(add("a"), add("b"), a="one three", b="other probe"))
    assert kinds(run) == [Kind.LOST]


def test_what_was_shown_must_not_go_later() -> None:
    run = went_on(REPORTED, probed(add("a"), a="one probe", b="other"))
    assert kinds(run) == [Kind.LOST]


def test_later_too_nothing_is_shown_that_was_not_written() -> None:
    run = went_on(REPORTED, probed(add("a"), a="one three oops probe", b="other"))
    assert kinds(run) == [Kind.PHANTOM]


def test_a_damaged_session_may_refuse_with_a_clear_error() -> None:
    for clear, expected in ((True, []), (False, [Kind.STUCK])):
        refused = [Refused(add("a"), "no", clear)]
        run = went_on(REPORTED, probed(add("b"), refused=refused, a="one three", b="other probe"))
        assert kinds(run) == expected


def test_another_session_may_not_refuse() -> None:
    refused = [Refused(add("b"), "no", clear=True)]
    run = went_on(REPORTED, probed(refused=refused, a="one three", b="other"))
    assert kinds(run) == [Kind.STUCK]


def test_all_may_refuse_for_want_of_a_file_that_all_need_if_they_say_so() -> None:
    harm = Harm(".lock", "a directory", frozenset(), closed=True)
    for said, expected in ((".lock is a directory", []), ("no", [Kind.STUCK])):
        refused = [Refused(add("b"), said, clear=True)]
        probe = probed(refused=refused, a="one two three", b="other")
        first = shows(a="one two three", b="other")
        assert kinds(went_on(first, probe), harm) == expected


def test_another_session_goes_on_too() -> None:
    run = went_on(REPORTED, probed(add("b"), a="one three", b="other"))
    assert kinds(run) == [Kind.LEAKED]


def test_a_store_that_cannot_be_opened_again_is_caught() -> None:
    run = went_on(REPORTED, DamagedProbe((), (), None, "reopening fails"))
    assert kinds(run) == [Kind.UNREADABLE]


def test_a_session_that_failed_may_be_read_again_later() -> None:
    first = DamagedRun(seen(a="!OSError: EIO", b="other"))
    assert kinds(went_on(first, probed(add("a"), a="one two three probe", b="other"))) == []
    assert kinds(went_on(first, probed(add("a"), a="!OSError: EIO", b="other"))) == []
    assert kinds(went_on(first, probed(add("a"), a="one oops probe", b="other"))) == [Kind.PHANTOM]


# What sessions hold


class Titled:
    """Sessions with a title that follows from what is in them."""

    def contents(self, observed: Observation) -> Mapping[str, Held]:
        return {
            key: held(
                words, {"title": None if title == words[0] else title}, implied={"title": words[0]}
            )
            for key, (title, words) in observed.items()
        }

    def state_of(self, observed: Observation) -> Observation:
        return observed

    def view(self, state: Observation) -> Observation:
        return state


def titled(title: str, words: list[str]) -> list[Violation]:
    sound = {"a": ("one", ["one", "two"])}
    before = Permitted((sound,), (), frozenset())
    run = DamagedRun({"a": (title, words)}, told=TOLD)
    return list(judge_damage(Titled(), before, HARM, run).violations)  # type: ignore[arg-type]


def test_what_follows_from_the_messages_may_be_told_as_it_was() -> None:
    assert titled("two", ["two"]) == []
    assert titled("one", ["two"]) == []
    assert [one.kind for one in titled("ome", ["two"])] == [Kind.PHANTOM]


def test_a_model_without_contents_is_refused() -> None:
    with pytest.raises(TypeError, match="contents"):
        judge_damage(object(), BEFORE, HARM, REPORTED)  # type: ignore[arg-type]
