"""The model of a session store, operation by operation."""

from typing import Any

import pytest

from tornwrite.model import promises
from tornwrite.model.history import History
from tornwrite.model.judge import (
    Assessed,
    Permitted,
    Probed,
    Recovery,
    Seen,
    assess,
    judge,
)
from tornwrite.model.operation import Observation, Operation
from tornwrite.model.sessions import Session, SessionModel, Sessions
from tornwrite.model.verdict import Kind

MODEL = SessionModel()


def op(name: str, **arguments: Any) -> Operation:
    return Operation(name, arguments)


def add(key: str, content: str, role: str = "user") -> Operation:
    return op("add_message", key=key, role=role, content=content)


def message(content: str, role: str = "user") -> dict[str, str]:
    return {"role": role, "content": content}


def after(*operations: Operation, start: Sessions | None = None) -> Sessions:
    state = start or Sessions()
    for operation in operations:
        state = MODEL.step(state, operation)
    return state


def texts(state: Sessions, key: str = "k") -> list[str]:
    return [one["content"] for one in state[key].messages]


def holding(*contents: str, key: str = "k") -> Sessions:
    return after(*(add(key, content) for content in contents))


def waiting(*files: tuple[str, str, str, tuple[str, ...]], **sessions: Any) -> Sessions:
    """Legacy files that wait: (file, key, summary, contents)."""
    return MODEL.state_of(
        {
            "sessions": sessions,
            "pending": {
                file: {
                    "key": key,
                    "summary": summary,
                    "messages": [message(content) for content in contents],
                    "digest": f"digest of {file}",
                }
                for file, key, summary, contents in files
            },
        }
    )


# Operations


def test_a_message_is_added_at_the_end_of_its_session_alone() -> None:
    state = after(add("k", "one"), add("other", "x"), add("k", "two", role="assistant"))
    assert state["k"].messages == (message("one"), message("two", "assistant"))
    assert state["other"].messages == (message("x"),)


def test_a_full_message_is_kept_as_it_is() -> None:
    full = {"role": "tool", "content": "", "tool_call_id": "1"}
    assert after(op("add_full_message", key="k", message=full))["k"].messages == (full,)


def test_a_summary_replaces_the_one_before_and_leaves_the_messages() -> None:
    state = after(add("k", "one"), op("set_summary", key="k", summary="a"))
    state = after(op("set_summary", key="k", summary="b"), start=state)
    assert state["k"] == Session((message("one"),), "b")


@pytest.mark.parametrize(
    ("keep", "left"),
    [(2, ["b", "c"]), (3, ["a", "b", "c"]), (9, ["a", "b", "c"]), (0, []), (-1, [])],
)
def test_truncation_keeps_the_last(keep: int, left: list[str]) -> None:
    cut = op("truncate_history", key="k", keep_last=keep)
    assert texts(after(cut, start=holding("a", "b", "c"))) == left


def test_truncation_leaves_the_summary() -> None:
    state = after(
        add("k", "a"),
        op("set_summary", key="k", summary="s"),
        op("truncate_history", key="k", keep_last=0),
    )
    assert state["k"] == Session((), "s")


def test_a_history_is_replaced_whole() -> None:
    new = [message("x"), message("y")]
    assert texts(after(op("set_history", key="k", history=new), start=holding("a"))) == ["x", "y"]


@pytest.mark.parametrize("name", ["open", "reopen", "compact", "get_history", "get_summary"])
def test_what_only_looks_or_tidies_changes_nothing(name: str) -> None:
    state = holding("a")
    assert after(op(name, key="k"), start=state) == state


def test_an_unknown_operation_is_named() -> None:
    with pytest.raises(ValueError, match="'frobnicate'"):
        after(op("frobnicate"))


def test_a_step_leaves_the_state_before_it_alone() -> None:
    state = holding("a")
    after(add("k", "b"), op("truncate_history", key="k", keep_last=0), start=state)
    assert texts(state) == ["a"]


@pytest.mark.parametrize("name", ["add_message", "set_summary", "truncate_history", "compact"])
def test_everything_but_a_migration_is_atomic(name: str) -> None:
    assert list(MODEL.between(holding("a"), op(name, key="k"))) == []


# Migration


def test_a_migration_puts_the_older_messages_first_and_keeps_the_original_as_a_backup() -> None:
    state = waiting(("f.json", "k", "old", ("1", "2")))
    state = after(add("k", "3"), op("migrate"), start=state)
    assert texts(state) == ["1", "2", "3"]
    assert state["k"].summary == "old"
    assert dict(state.pending) == {}
    assert dict(state.backups) == {"f.json.migrated": "digest of f.json"}


def test_a_newer_summary_wins_over_the_legacy_one() -> None:
    state = waiting(("f.json", "k", "old", ("1",)))
    state = after(op("set_summary", key="k", summary="new"), op("migrate"), start=state)
    assert state["k"].summary == "new"


def test_a_second_migration_changes_nothing() -> None:
    once = after(op("migrate"), start=waiting(("f.json", "k", "", ("1",))))
    assert after(op("migrate"), start=once) == once


def test_a_backup_is_never_overwritten() -> None:
    state = Sessions(
        pending=waiting(("f.json", "k", "", ("1",))).pending,
        backups={"f.json.migrated": "a", "f.json.migrated.1": "b"},
    )
    assert dict(after(op("migrate"), start=state).backups) == {
        "f.json.migrated": "a",
        "f.json.migrated.1": "b",
        "f.json.migrated.2": "digest of f.json",
    }


def test_what_was_imported_but_not_moved_is_not_imported_again() -> None:
    """A crash fell between the two: the session begins with the file's messages."""
    imported = {"messages": [message("1"), message("2"), message("3")], "summary": ""}
    state = waiting(("f.json", "k", "", ("1", "2")), k=imported)
    assert texts(after(op("migrate"), start=state)) == ["1", "2", "3"]


def test_a_migration_goes_file_by_file_and_each_may_be_half_done() -> None:
    state = waiting(("a.json", "a", "", ("1",)), ("b.json", "b", "", ("2",)))
    seen = {
        (len(one["a"].messages), len(one["b"].messages), *sorted(one.pending))
        for one in MODEL.between(state, op("migrate"))
    }
    assert (0, 0, "a.json", "b.json") in seen  # untouched
    assert (1, 0, "a.json", "b.json") in seen  # imported, not moved
    assert (1, 0, "b.json") in seen  # moved
    assert (1, 1) in seen
    assert not any(one[0] == 0 and "a.json" not in one[2:] for one in seen)  # moved, not imported
    assert len(seen) == 9


def test_a_half_done_migration_ends_as_a_whole_one() -> None:
    state = waiting(("a.json", "a", "", ("1",)), ("b.json", "a", "", ("2",)))
    whole = MODEL.view(after(op("migrate"), start=state))
    order = {
        str(MODEL.view(after(op("migrate"), start=one)))
        for one in MODEL.between(state, op("migrate"))
        if not ("b.json" not in one.pending and "a.json" in one.pending)
    }
    assert str(whole) in order


# Observations


def test_a_state_that_was_observed_is_seen_the_same_way() -> None:
    state = waiting(("f.json", "k", "s", ("1",)), other={"messages": [message("x")], "summary": ""})
    assert MODEL.view(MODEL.state_of(_observed(state))) == MODEL.view(state)


def _observed(state: Sessions) -> Observation:
    return {
        "sessions": {
            key: {"messages": list(session.messages), "summary": session.summary}
            for key, session in state.sessions.items()
        },
        "pending": {
            file: {
                "key": legacy.key,
                "messages": list(legacy.messages),
                "summary": legacy.summary,
                "digest": legacy.digest,
            }
            for file, legacy in state.pending.items()
        },
        "backups": dict(state.backups),
    }


def test_a_session_that_holds_nothing_reads_like_one_that_does_not_exist() -> None:
    emptied = after(op("truncate_history", key="k", keep_last=0), start=holding("a"))
    assert MODEL.view(emptied) == MODEL.view(Sessions())
    assert emptied["k"] == Sessions()["k"]


def test_a_session_that_cannot_be_read_does_not_read_like_an_empty_one() -> None:
    broken = MODEL.normalised({"sessions": {"k": {"error": "no"}}})
    assert broken != MODEL.view(Sessions())


def test_names_are_the_keys_of_the_operations_each_once_in_order() -> None:
    operations = [add("b", ""), op("migrate"), add("a", ""), add("b", "")]
    assert MODEL.names(operations) == ("b", "a")


# Probes


def test_probes_write_to_every_session_and_then_rewrite_it() -> None:
    state = holding("x", key="there")
    names = [
        [(operation.name, operation.arguments["key"]) for operation in group]
        for group in MODEL.probes(state, ["named"])
    ]
    writes, rewrites = names
    assert writes == [("add_full_message", "named"), ("add_full_message", "there")]
    for key in ("named", "there"):
        assert rewrites.index(("truncate_history", key)) < rewrites.index(("compact", key))


def test_probes_lose_no_message_themselves() -> None:
    """What they add is all that they change: else a store could not be told from the model."""
    state = holding("x")
    for group in MODEL.probes(state, ["k"]):
        state = after(*group, start=state)
    assert texts(state) == ["x", "written after the crash"]


def test_probes_migrate_twice_where_there_is_something_to_migrate() -> None:
    def migrations(state: Sessions) -> int:
        groups = MODEL.probes(state, ())
        return sum(operation.name == "migrate" for group in groups for operation in group)

    assert migrations(waiting(("f.json", "k", "", ("1",)))) == 2
    assert migrations(Sessions(backups={"f.json.migrated": "d"})) == 2
    assert migrations(holding("a")) == 0


# After a store has settled


def test_a_store_without_drift_and_litter_is_settled() -> None:
    assert list(MODEL.settled({"drift": [], "litter": []})) == []
    assert list(MODEL.settled({})) == []


def test_each_drift_is_told_and_all_litter_at_once() -> None:
    found = list(MODEL.settled({"drift": ["count 1", "skip 2"], "litter": ["a.tmp", "b.tmp"]}))
    assert [(one.kind, one.recovered) for one in found] == [
        (Kind.DRIFTED, "count 1"),
        (Kind.DRIFTED, "skip 2"),
        (Kind.LITTER, "left in the directory: a.tmp, b.tmp"),
    ]
    assert [one.promise for one in found] == [
        promises.RECONCILED,
        promises.RECONCILED,
        promises.TIDY,
    ]


# Whether a legacy file was imported, once its messages have been removed again


def recovered(state: Sessions, then: Sessions) -> Assessed:
    """A recovery that shows the one state, and after another migration the other."""
    migrate = (op("migrate"),)
    first, last = (Seen(_observed(one)) for one in (state, then))
    return assess(MODEL, Recovery(first, (Probed(migrate, last),)))


def permitted(state: Sessions) -> Permitted[Sessions]:
    return History(MODEL, state).permitted()


def imported_then_truncated() -> Sessions:
    state = waiting(("f.json", "k", "", ("1",)), k={"messages": [message("1")]})
    return after(op("truncate_history", key="k", keep_last=0), start=state)


def test_what_was_imported_and_removed_need_not_come_back_with_another_migration() -> None:
    state = imported_then_truncated()
    found = recovered(state, after(op("migrate"), start=state))
    assert judge(MODEL, permitted(state), found) == ()


def test_what_was_not_imported_may_not_get_lost_by_another_migration() -> None:
    state = waiting(("f.json", "k", "", ("1",)))
    emptied = after(op("migrate"), start=imported_then_truncated())
    (wrong,) = judge(MODEL, permitted(state), recovered(state, emptied))
    assert wrong.kind is Kind.LOST
