"""The store against a dict: what each operation does to what can be read."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tornwrite.reference import JSONLStore
from tornwrite.reference.durable.json_lines import encode_line

Message = dict[str, Any]

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
messages = st.dictionaries(texts, values, max_size=4)
keys = st.sampled_from(["a:b", "a/b", "a_b", "", "x.meta", "x", "é" * 200, "tab\t"]) | texts
operations = st.lists(
    st.one_of(
        st.tuples(st.just("add"), keys, messages),
        st.tuples(st.just("truncate"), keys, st.integers(-1, 5)),
        st.tuples(st.just("set"), keys, st.lists(messages, max_size=4)),
        st.tuples(st.just("summary"), keys, texts),
        st.tuples(st.just("compact"), keys, st.none()),
        st.tuples(st.just("reopen"), keys, st.none()),
    ),
    max_size=25,
)


@settings(deadline=None, max_examples=60)
@given(operations)
def test_the_store_does_what_a_dict_does(steps: list[tuple[str, str, Any]]) -> None:
    histories: dict[str, list[Message]] = {}
    summaries: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as directory:
        store = JSONLStore(directory)
        for name, key, argument in steps:
            history = histories.setdefault(key, [])
            match name:
                case "add":
                    store.add_full_message(key, argument)
                    history.append(argument)
                case "truncate":
                    store.truncate_history(key, argument)
                    del history[: max(len(history) - max(argument, 0), 0)]
                case "set":
                    store.set_history(key, argument)
                    history[:] = argument
                case "summary":
                    store.set_summary(key, argument)
                    summaries[key] = argument
                case "compact":
                    store.compact(key)
                case _:
                    store.close()
                    store = JSONLStore(directory)
            assert store.get_history(key) == history
        for key, history in histories.items():
            assert store.get_history(key) == history
            assert store.get_summary(key) == summaries.get(key, "")
            assert not store.inspect(key).damage
            store.truncate_history(key, 1_000_000)
            store.compact(key)
            state = store.inspect(key)
            assert state.count == state.lines == len(history)
        assert {key for key in histories if store.inspect(key).exists} == set(store.list_sessions())
        store.close()


def test_a_message_keeps_the_order_of_its_fields(store: JSONLStore, directory: Path) -> None:
    message = {"z": 1, "a": {"y": 2, "b": 3}}
    store.add_full_message("k", message)
    assert (directory / "k.jsonl").read_bytes() == encode_line(message)
    assert json.dumps(store.get_history("k")) == json.dumps([message])


def test_a_message_of_twenty_megabytes_is_read_back(store: JSONLStore) -> None:
    message = {"role": "tool", "content": "line\n" * 4_000_000}
    store.add_full_message("k", message)
    store.add_message("k", "user", "next")
    assert store.get_history("k") == [message, {"role": "user", "content": "next"}]


def test_any_line_break_stays_inside_its_message(store: JSONLStore) -> None:
    content = "\n\r\x0b\x0c\x1c\x85\u2028\u2029"
    store.add_message("k", "user", content)
    store.add_message("k", "user", "next")
    assert [message["content"] for message in store.get_history("k")] == [content, "next"]


def test_the_same_calls_on_the_same_clock_write_the_same_bytes(tmp_path: Path) -> None:
    contents = []
    for name in ("one", "two"):
        with JSONLStore(tmp_path / name, clock=lambda: 1_763_000_000_000_000_000) as store:
            for key in ("a:b", "a_b"):
                for number in range(5):
                    store.add_message(key, "user", str(number))
                store.truncate_history(key, 2)
                store.compact(key)
                store.set_summary(key, "s")
        files = sorted((tmp_path / name).iterdir())
        contents.append([(path.name, path.read_bytes()) for path in files])
    assert contents[0] == contents[1]
    assert b'"created_at": "2025-11-13T02:13:20.000000000Z"' in contents[0][2][1]


def test_fields_of_other_programs_stay_in_the_metadata(
    directory: Path, reopen: Callable[[], JSONLStore]
) -> None:
    directory.mkdir()
    (directory / "k.meta.json").write_text(
        '{"key": "k", "scope": {"a": [1.10, 1e400]}, "summary": "", "aliases": ["\\ud800"],\n'
        ' "big": 123456789012345678901234567890, "skip": 0, "count": 0}'
    )
    store = reopen()
    store.set_summary("k", "s")
    store.add_message("k", "user", "x")
    store.set_history("k", [{"a": 1}])
    text = (directory / "k.meta.json").read_text()
    assert '"scope": {"a": [1.10, 1e400]}' in text
    assert '"aliases": ["\\ud800"]' in text
    assert '"big": 123456789012345678901234567890' in text


def test_truncating_or_compacting_a_session_that_is_not_there_makes_none(
    store: JSONLStore, directory: Path
) -> None:
    store.truncate_history("k", 0)
    store.compact("k")
    store.set_history("k", [])
    assert [path.name for path in directory.iterdir()] == [".lock"]
    assert store.list_sessions() == []
