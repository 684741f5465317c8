"""From what came back to a kind of finding and a sentence: the smallest example of each kind."""

from collections.abc import Sequence
from typing import Any

import pytest

from tornwrite.model import promises
from tornwrite.model.operation import Operation
from tornwrite.model.sessions import Session, SessionModel, Sessions
from tornwrite.model.verdict import Kind, Promise, Violation

MODEL = SessionModel()


def message(content: str) -> dict[str, str]:
    return {"role": "user", "content": content}


def store(summary: str = "", **sessions: str) -> Sessions:
    """Sessions by key, each with its messages as words; the summary is that of every session."""
    return Sessions(
        {
            key: Session(tuple(message(word) for word in words.split()), summary)
            for key, words in sessions.items()
        }
    )


def observed(state: Sessions, **more: Any) -> dict[str, Any]:
    sessions = {
        key: {"messages": list(session.messages), "summary": session.summary}
        for key, session in state.sessions.items()
    }
    return {"sessions": sessions, "pending": {}, "backups": dict(state.backups), **more}


def explained(
    found: dict[str, Any] | Sessions,
    *permitted: Sessions,
    past: Sequence[Sessions] = (),
    after: Sequence[Operation] = (),
) -> Violation:
    if isinstance(found, Sessions):
        found = observed(found)
    return MODEL.explain(found, permitted, past, after)


def of(violation: Violation) -> tuple[Kind, Promise, str]:
    return violation.kind, violation.promise, violation.about


ADD = Operation("add_full_message", {"key": "k", "message": message("probe")})
MIGRATE = Operation("migrate")


# Each kind


def test_a_message_that_is_gone_is_lost() -> None:
    found = explained(store(k="a"), store(k="a b"))
    assert of(found) == (Kind.LOST, promises.DURABLE, "k")
    assert found.promised == "2 messages ['a', 'b']"
    assert found.recovered.startswith("1 message ['a']; 1 missing, among them")
    assert '"b"' in found.recovered


def test_a_session_that_is_gone_altogether_is_lost() -> None:
    found = explained(store(), store(k="a b"))
    assert of(found) == (Kind.LOST, promises.DURABLE, "k")
    assert found.recovered.startswith("no messages; 2 missing")


def test_a_message_that_was_removed_and_is_back_is_resurrected() -> None:
    found = explained(store(k="a b"), store(k="b"), past=[store(k="a b")])
    assert of(found) == (Kind.RESURRECTED, promises.ATOMIC, "k")
    assert "1 back, among them" in found.recovered
    assert '"a"' in found.recovered


def test_a_message_that_is_there_twice_is_duplicated() -> None:
    found = explained(store(k="a b b"), store(k="a b"))
    assert of(found) == (Kind.DUPLICATED, promises.ATOMIC, "k")
    assert '"b"' in found.recovered
    assert "more than once" in found.recovered


def test_the_same_messages_in_another_order_are_reordered() -> None:
    found = explained(store(k="b a"), store(k="a b"))
    assert of(found) == (Kind.REORDERED, promises.ATOMIC, "k")
    assert "another order" in found.recovered


def test_a_part_of_a_message_is_torn() -> None:
    found = explained(store(k="hello wor"), store(k="hello world"))
    assert of(found) == (Kind.TORN, promises.ATOMIC, "k")
    assert "'wor'} is part of a message" in found.recovered


def test_a_message_that_nobody_wrote_is_a_phantom() -> None:
    found = explained(store(k="a boo"), store(k="a"))
    assert of(found) == (Kind.PHANTOM, promises.ATOMIC, "k")
    assert "'boo'} was never written" in found.recovered


def test_a_message_with_a_field_too_many_is_a_phantom() -> None:
    changed = {"sessions": {"k": {"messages": [{**message("a"), "x": 1}], "summary": ""}}}
    found = explained(changed, store(k="b"), past=[store(k="b")])
    assert found.kind is Kind.PHANTOM


def test_a_message_of_another_session_has_leaked() -> None:
    found = explained(store(k="a b", other="b"), store(k="a", other="b"))
    assert of(found) == (Kind.LEAKED, promises.KEYS, "k")
    assert "belongs to another session" in found.recovered


def test_a_store_that_does_not_open_is_unreadable() -> None:
    found = explained({"error": "opening fails: ValueError: no"}, store(k="a"))
    assert of(found) == (Kind.UNREADABLE, promises.DAMAGE, "the store")
    assert found.recovered == "opening fails: ValueError: no"
    assert found.after == ""


def test_a_probe_that_fails_is_unreadable_and_names_what_was_done() -> None:
    found = explained({"error": "add fails: no"}, store(k="a"), after=[ADD])
    assert of(found) == (Kind.UNREADABLE, promises.DURABLE, "the store")
    assert "add_full_message" in found.after


def test_a_session_that_cannot_be_read_is_unreadable_and_named() -> None:
    broken = {"sessions": {"k": {"error": "ValueError: bad line"}}}
    found = explained(broken, store(k="a"))
    assert of(found) == (Kind.UNREADABLE, promises.DAMAGE, "k")
    assert found.recovered == "reading fails: ValueError: bad line"
    assert found.promised == "1 message ['a']"


def test_messages_and_summary_that_are_right_but_not_together_are_torn() -> None:
    permitted = (store(k="a"), store("new", k="a b"))
    found = explained(store("new", k="a"), *permitted)
    assert of(found) == (Kind.TORN, promises.ATOMIC, "k")
    assert "not together" in found.recovered


def test_a_session_that_reads_as_it_once_did_has_lost_something_and_is_not_torn() -> None:
    """Nothing at all is what there was at first, though half of it is right and so is the other."""
    before, after = store(k="one"), store("told", k="")
    violation = explained(store(k=""), before, after, past=(store(), before))
    assert of(violation) == (Kind.LOST, promises.DURABLE, "k")
    assert of(explained(store(k=""), before, after, past=(before,)))[0] is Kind.TORN


def test_sessions_that_are_right_but_not_together_are_torn() -> None:
    found = explained(store(a="1", b=""), store(a="1", b="2"), store(a="", b=""))
    assert of(found) == (Kind.TORN, promises.ATOMIC, "the store")
    assert "not together" in found.recovered


def test_an_older_summary_is_a_lost_one() -> None:
    found = explained(store("old", k="a"), store("new", k="a"), past=[store("old", k="a")])
    assert of(found) == (Kind.LOST, promises.DURABLE, "k")
    assert "'old'" in found.recovered
    assert "'new'" in found.promised


def test_a_summary_that_was_never_set_is_a_phantom() -> None:
    found = explained(store("boo", k="a"), store("new", k="a"), past=[store("old", k="a")])
    assert of(found) == (Kind.PHANTOM, promises.ATOMIC, "k")
    assert "'boo' was never set" in found.recovered


def test_a_migration_that_changes_something_the_second_time_is_not_idempotent() -> None:
    found = explained(store(k="a a"), store(k="a"), past=[store(k="a")], after=[MIGRATE])
    assert of(found) == (Kind.NOT_IDEMPOTENT, promises.MIGRATION, "k")
    assert "migrate()" in found.after


def test_a_migration_that_loses_something_has_lost_it() -> None:
    found = explained(store(k=""), store(k="a"), after=[MIGRATE])
    assert of(found) == (Kind.LOST, promises.MIGRATION, "k")


def legacy(*files: str) -> dict[str, Any]:
    return {
        file: {"key": "k", "messages": [message("a")], "summary": "", "digest": "d"}
        for file in files
    }


def test_a_backup_that_is_gone_is_lost() -> None:
    permitted = Sessions(store(k="a").sessions, backups={"f.json.migrated": "d"})
    found = explained(store(k="a"), permitted)
    assert of(found) == (Kind.LOST, promises.MIGRATION, "legacy files")
    assert "f.json.migrated" in found.promised


def test_a_backup_with_other_bytes_is_lost_too() -> None:
    permitted = Sessions(store(k="a").sessions, backups={"f.json.migrated": "d"})
    other = Sessions(store(k="a").sessions, backups={"f.json.migrated": "other"})
    assert explained(other, permitted).kind is Kind.LOST


def test_a_legacy_file_that_waits_again_is_resurrected() -> None:
    found = explained(observed(store(k="a"), pending=legacy("f.json")), store(k="a"))
    assert of(found) == (Kind.RESURRECTED, promises.MIGRATION, "legacy files")
    assert "f.json" in found.recovered


# What is told first


def test_what_cannot_be_read_is_told_before_what_is_wrong() -> None:
    both = {
        "sessions": {
            "a": {"messages": [message("boo")], "summary": ""},
            "b": {"error": "ValueError: bad line"},
        }
    }
    found = explained(both, store(a="1", b="2"))
    assert of(found) == (Kind.UNREADABLE, promises.DAMAGE, "b")


def test_of_several_sessions_the_first_that_is_wrong_is_told() -> None:
    found = explained(store(a="1", b="x", c="y"), store(a="1", b="2", c="3"))
    assert found.about == "b"


def test_what_is_lost_is_told_before_what_is_back() -> None:
    found = explained(store(k="old"), store(k="a"), past=[store(k="old")])
    assert found.kind is Kind.LOST


def test_a_message_with_the_same_text_but_another_role_is_not_the_same() -> None:
    other = {"sessions": {"k": {"messages": [{"role": "tool", "content": "a"}], "summary": ""}}}
    assert explained(other, store(k="a")).kind is not Kind.REORDERED


# The text


def test_every_state_that_would_have_done_is_named_and_many_are_counted() -> None:
    found = explained(store(k="x"), store(k="a"), store(k="a b"))
    assert found.promised == "1 message ['a'] or 2 messages ['a', 'b']"
    many = [store(k=" ".join("abcdefg"[:count])) for count in range(1, 7)]
    assert explained(store(k="x"), *many).promised.endswith(" or 3 more")


def test_a_long_history_is_shown_by_its_ends() -> None:
    found = explained(store(k=""), store(k=" ".join(f"m{number}" for number in range(40))))
    assert found.promised == "40 messages ['m0', 'm1', …, 'm37', 'm38', 'm39']"


def test_a_long_message_is_shown_by_its_ends() -> None:
    found = explained(store(k=""), store(k="x" * 5000))
    assert len(found.promised) < 120
    assert "more)" in found.promised


def test_a_message_with_other_fields_is_shown_with_them() -> None:
    full = {"role": "tool", "content": "", "id": "call_1"}
    permitted = Sessions({"k": Session((full,))})
    assert "call_1" in explained(store(), permitted).promised


def test_a_summary_is_part_of_what_was_promised() -> None:
    assert "summary 's'" in explained(store(), store("s", k="a")).promised


@pytest.mark.parametrize(
    ("after", "said"),
    [
        ([], ""),
        ([ADD], "the recovery, then add_full_message(key='k'"),
        ([Operation("compact", {"key": "other"}), ADD], "the recovery, then add_full_message"),
    ],
    ids=["nothing", "one", "that of another session is left out"],
)
def test_what_was_done_between_the_recovery_and_the_look_is_told(
    after: list[Operation], said: str
) -> None:
    found = explained(store(), store(k="a"), after=after)
    assert found.after.startswith(said)
    assert "other" not in found.after


def test_a_later_message_that_is_swallowed_breaks_the_promise_about_torn_tails() -> None:
    found = explained(store(k="a"), store(k="a probe"), after=[ADD])
    assert found.promise is promises.TORN_TAIL
